//! Which steps belong together: by the keys of the pack, else by the ids learned, else by their connection.

use std::collections::HashMap;

use super::reading::Reading;
use super::{ConnectionIndex, Flow, FlowIndex, Step, StepId};
use crate::conversation::Party;
use crate::mask;
use crate::pack::{GroupScope, GroupingId, Pack, Pattern, Role};
use crate::text::json;

/// How many flows that run at once are remembered as a possible reason of a refusal.
const MOST_ALONGSIDE: usize = 16;

/// Whether the pack can tell flows apart by itself.
pub(super) fn has_keys(pack: &Pack) -> bool {
    !groupings(pack).is_empty()
}

/// Groupings whose messages belong together: flows, and requests with their answers where a rule says so.
fn groupings(pack: &Pack) -> Vec<GroupingId> {
    let answered = |id: GroupingId| {
        pack.rules.iter().any(|rule| match &rule.pattern {
            Pattern::Respond(respond) => respond.grouping == id,
            _ => false,
        })
    };
    let all = pack.groupings.iter().enumerate().map(|(index, grouping)| (GroupingId(index), grouping));
    let kept = all.filter(|(id, grouping)| grouping.keyed && (grouping.flows || answered(*id)));
    kept.map(|(id, _)| id).collect()
}

/// A key, and what tells its groups apart besides.
type Group = (GroupingId, Option<ConnectionIndex>, Option<Party>, String);

/// Groups messages by the keys of the pack.
pub(super) fn by_keys(pack: &Pack, steps: &mut [Step], readings: &[Reading]) -> Vec<Flow> {
    let known = groupings(pack);
    let mut current: HashMap<Group, FlowIndex> = HashMap::new();
    let mut flows = Flows::default();
    for (index, reading) in readings.iter().enumerate() {
        let Some(key) = reading.keys.iter().find(|key| known.contains(&key.grouping)) else { continue };
        let grouping = &pack.groupings[key.grouping.0];
        let place = match grouping.scope {
            GroupScope::Connection | GroupScope::Sender | GroupScope::Endpoint => steps[index].connection,
            GroupScope::Recording | GroupScope::Installation => None,
        };
        let group = (key.grouping, place, key.owner, key.spelled.clone());
        let opens = match reading.role {
            Some(Role::Opens) => true,
            Some(Role::Question) => !grouping.flows,
            _ => false,
        };
        let flow = match current.get(&group) {
            Some(&flow) if !opens => flow,
            _ => {
                let named_by_id = !key.ids.is_empty();
                let name = if named_by_id { spoken(&key.spelled) } else { flows.numbered(&key.spelled) };
                let flow = flows.open(name);
                current.insert(group, flow);
                flow
            }
        };
        flows.add(flow, index, steps);
    }
    flows.find_alongside(steps);
    flows.all
}

/// Groups messages by a key each of them may have, learned from the cassette.
pub(super) fn by_learned(steps: &mut [Step], keys: &[Option<(u32, String)>]) -> Vec<Flow> {
    let mut current: HashMap<u32, FlowIndex> = HashMap::new();
    let mut flows = Flows::default();
    for (index, key) in keys.iter().enumerate() {
        let Some((identity, name)) = key else { continue };
        let flow = *current.entry(*identity).or_insert_with(|| flows.open(Some(hidden(name))));
        flows.add(flow, index, steps);
    }
    flows.all
}

/// Groups the messages of each connection.
pub(super) fn by_connection(steps: &mut [Step]) -> Vec<Flow> {
    let mut current: HashMap<ConnectionIndex, FlowIndex> = HashMap::new();
    let mut flows = Flows::default();
    for index in 0..steps.len() {
        let Some(connection) = steps[index].connection else { continue };
        if steps[index].act() == super::Act::Message {
            let flow = *current.entry(connection).or_insert_with(|| flows.open(None));
            flows.add(flow, index, steps);
        }
    }
    flows.all
}

#[derive(Default)]
struct Flows {
    all: Vec<Flow>,
    /// How many flows share a key that is no id.
    counts: HashMap<String, usize>,
}

impl Flows {
    fn open(&mut self, name: Option<String>) -> FlowIndex {
        self.all.push(Flow { name, steps: Vec::new(), alongside: Vec::new() });
        FlowIndex(self.all.len() as u32 - 1)
    }

    /// A name for one of many flows that share their key: `transaction 2`.
    fn numbered(&mut self, key: &str) -> Option<String> {
        let word = spoken(key)?;
        let count = self.counts.entry(word.clone()).or_default();
        *count += 1;
        Some(format!("{word} {count}"))
    }

    fn add(&mut self, flow: FlowIndex, index: usize, steps: &mut [Step]) {
        let own = &mut self.all[flow.0 as usize];
        steps[index].flow = Some(flow);
        steps[index].place_in_flow = own.steps.len() as u32;
        own.steps.push(StepId(index as u32));
    }

    /// Notes for each flow that ended with its first answer which others ran then.
    fn find_alongside(&mut self, steps: &[Step]) {
        let mut running: Vec<FlowIndex> = Vec::new();
        for step in steps {
            let Some(flow) = step.flow else { continue };
            if step.role == Some(Role::Opens) {
                if self.is_refused(flow, steps) {
                    self.all[flow.0 as usize].alongside = running.clone();
                } else {
                    running.push(flow);
                    if running.len() > MOST_ALONGSIDE {
                        running.remove(0);
                    }
                }
            } else if step.role == Some(Role::Final) {
                running.retain(|other| *other != flow);
            }
        }
    }

    fn is_refused(&self, flow: FlowIndex, steps: &[Step]) -> bool {
        let own = &self.all[flow.0 as usize].steps;
        let Some((first, rest)) = own.split_first() else { return false };
        let opener = &steps[first.0 as usize];
        let answer = rest.iter().map(|id| &steps[id.0 as usize]).find(|step| step.by != opener.by);
        answer.is_some_and(|answer| answer.role == Some(Role::Final))
    }
}

/// A key for people: without quotes, without card data.
fn spoken(key: &str) -> Option<String> {
    Some(hidden(&json::string(key).unwrap_or(std::borrow::Cow::Borrowed(key))))
}

fn hidden(text: &str) -> String {
    let mut out = text.to_owned();
    for (range, _) in mask::find_clear(text) {
        out.replace_range(range.clone(), &"*".repeat(range.len()));
    }
    out
}
