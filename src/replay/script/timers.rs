//! When a window of the pack ran out in the cassette while somebody owed an answer: a gap in which that
//! happened is a time-out, and keeps its length whatever the pace.

use std::collections::{HashMap, VecDeque};

use super::reading::{Part, Reading};
use super::{ConnectionIndex, FlowIndex, Step, StepId};
use crate::conversation::{Leg, Offset, Party};
use crate::pack::{GroupScope, GroupingId, Pack, Respond};

/// The moments at which windows ran out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expiries {
    by_flow: HashMap<FlowIndex, Vec<Offset>>,
    by_connection: HashMap<(ConnectionIndex, Party), Vec<Offset>>,
    all: HashMap<Party, Vec<Offset>>,
}

/// Which windows concern a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// Those of its flow, whoever owed.
    Flow(FlowIndex),
    /// Those of its connection in which that party owed.
    Connection(ConnectionIndex, Party),
    /// All in which that party owed.
    Anything(Party),
}

impl Expiries {
    /// Whether a window ran out after `from` and not after `to`.
    pub(crate) fn any_between(&self, concern: Concern, from: Offset, to: Offset) -> bool {
        let times = match concern {
            Concern::Flow(flow) => self.by_flow.get(&flow),
            Concern::Connection(connection, owes) => self.by_connection.get(&(connection, owes)),
            Concern::Anything(owes) => self.all.get(&owes),
        };
        let times = times.map_or(&[][..], Vec::as_slice);
        let first = times.partition_point(|&at| at <= from);
        times.get(first).is_some_and(|&at| at <= to)
    }
}

/// A question that waits for its answer.
#[derive(Clone, Copy)]
struct Open {
    deadline: Offset,
    limit_ms: u64,
    step: StepId,
}

/// What tells the questions of a rule apart.
type Asked = (usize, Option<ConnectionIndex>, String);

/// Looks for windows that ran out.
pub(super) fn find(pack: &Pack, rules: &[&Respond], steps: &[Step], readings: &[Reading]) -> Expiries {
    let mut open: HashMap<Asked, VecDeque<Open>> = HashMap::new();
    let mut found: Vec<(Offset, StepId)> = Vec::new();
    for (index, (step, reading)) in steps.iter().zip(readings).enumerate() {
        for (rule, part) in &reading.parts {
            let Some(asked) = asked(pack, *rule, rules[*rule].grouping, step, reading) else { continue };
            let waiting = open.entry(asked).or_default();
            match part {
                Part::Answers => {
                    if let Some(answered) = waiting.pop_front()
                        && answered.deadline < step.at()
                    {
                        found.push((answered.deadline, answered.step));
                    }
                }
                Part::Restarts => {
                    for one in waiting.iter_mut() {
                        if one.deadline < step.at() {
                            found.push((one.deadline, one.step));
                        }
                        one.deadline = after(step.at(), one.limit_ms);
                    }
                }
                Part::Voids => waiting.clear(),
                Part::Asks { limit_ms } => {
                    let deadline = after(step.at(), *limit_ms);
                    waiting.push_back(Open { deadline, limit_ms: *limit_ms, step: StepId(index as u32) });
                }
            }
        }
    }
    let end = steps.last().map_or(Offset::ZERO, Step::at);
    let unanswered = open.into_values().flatten().filter(|one| one.deadline < end);
    found.extend(unanswered.map(|one| (one.deadline, one.step)));
    found.sort_unstable();
    let mut expiries = Expiries::default();
    for (at, asked) in found {
        let asked = &steps[asked.0 as usize];
        let owes = asked.by.map_or(Party::Pos, |by| Leg::PosTerminal.peer(by));
        expiries.all.entry(owes).or_default().push(at);
        if let Some(connection) = asked.connection {
            expiries.by_connection.entry((connection, owes)).or_default().push(at);
        }
        if let Some(flow) = asked.flow {
            expiries.by_flow.entry(flow).or_default().push(at);
        }
    }
    expiries
}

fn asked(pack: &Pack, rule: usize, grouping: GroupingId, step: &Step, reading: &Reading) -> Option<Asked> {
    let known = &pack.groupings[grouping.0];
    let key = match known.keyed {
        true => reading.keys.iter().find(|key| key.grouping == grouping)?.spelled.clone(),
        false => String::new(),
    };
    let place = match known.scope {
        GroupScope::Connection | GroupScope::Sender | GroupScope::Endpoint => step.connection,
        GroupScope::Recording | GroupScope::Installation => None,
    };
    Some((rule, place, key))
}

fn after(at: Offset, limit_ms: u64) -> Offset {
    at.after(std::time::Duration::from_millis(limit_ms))
}
