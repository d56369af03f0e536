//! `limit`: at most so many at once, or per window. The sender of the one too many is to blame.

use super::accusation::Charge;
use super::ledger::Ledger;
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use super::standing::Standing;
use super::words::{spoken, the};
use crate::conversation::{ConnectionId, Offset, Party};
use crate::pack::{Carrier, EndpointId, Limit, Scope, list};

/// One `limit` rule at work.
#[derive(Debug)]
pub(crate) struct LimitRule {
    pub(crate) rule: RuleIndex,
    pub(crate) limit: Limit,
    running: Vec<Running>,
}

/// One that counts now.
#[derive(Clone, Copy, Debug)]
struct Running {
    connection: ConnectionId,
    endpoint: Option<EndpointId>,
    group: Option<GroupSlot>,
    by: Party,
    since: Offset,
    seen: SeenId,
}

impl LimitRule {
    pub(crate) const fn new(rule: RuleIndex, limit: Limit) -> Self {
        Self { rule, limit, running: Vec::new() }
    }

    /// One that counts came.
    #[inline(never)]
    pub(crate) fn on(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.limit.on, sighting) {
            return;
        }
        if let Some(within) = self.limit.within {
            self.retain(ledger, |running| sighting.at().since(running.since) < within);
        }
        let group = sighting.group(self.limit.grouping);
        // What has a name of its own runs once until it ends, however often it is said to begin.
        let is_named = ledger.pack.groupings[self.limit.grouping.0].keyed && self.limit.until.is_some();
        if is_named && group.is_none() {
            return;
        }
        if is_named && self.running.iter().any(|running| running.group == group) {
            return;
        }
        let endpoint = ledger.links.get(sighting.link).endpoint;
        let scope = self.limit.scope;
        let counts = |running: &&Running| match scope {
            Scope::Connection => running.connection == sighting.connection,
            Scope::Endpoint => match endpoint {
                Some(endpoint) => running.endpoint == Some(endpoint),
                None => running.connection == sighting.connection,
            },
            Scope::Recording | Scope::Installation => true,
        };
        if self.running.iter().filter(counts).count() < self.limit.most as usize {
            ledger.met(self.rule, sighting);
            self.running.push(Running {
                connection: sighting.connection,
                endpoint,
                group,
                by: sighting.from,
                since: sighting.at(),
                seen: ledger.witnesses.keep(sighting),
            });
            return;
        }
        let earlier: Vec<Running> = self.running.iter().filter(counts).copied().collect();
        self.judge(&earlier, sighting, ledger);
    }

    #[cold]
    fn judge(&self, earlier: &[Running], sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let grouping = self.limit.grouping;
        let mut follows = None;
        for running in earlier {
            let standing = match sighting.tainted {
                Some(_) => Standing::Stands(None),
                None if ledger.crosses(sighting, running.by, running.since) => {
                    Standing::Undecided(super::Reason::Crossing)
                }
                None => self.still_runs(running, sighting, ledger),
            };
            match standing {
                Standing::Stands(rule) => follows = follows.or(rule),
                Standing::Void => {
                    ledger.tallies[self.rule.index()].void += 1;
                    return;
                }
                Standing::Undecided(reason) => {
                    let flow = ledger.flow(grouping, sighting.group(grouping));
                    return ledger.undecided(self.rule, reason, flow, sighting);
                }
            }
        }
        let (most, within) = (self.limit.most, self.limit.within);
        let stood =
            ledger.accuse_following(self.rule, follows, sighting, Some(grouping), |ledger, sighting| {
                let noun = ledger.noun(&self.limit.on, sighting);
                let verb = if ledger.kind(sighting.kind).carriers.contains(Carrier::Open) {
                    "opened"
                } else {
                    "sent"
                };
                Charge {
                    accused: sighting.from,
                    what: format!("{} {verb} one {noun} too many", the(sighting.from)),
                    expected: match within {
                        Some(within) => format!("at most {most} within {}", spoken(within)),
                        None if self.limit.until.is_some() => format!("at most {most} at a time"),
                        None => format!("at most {most}"),
                    },
                    got: self.counted(earlier, ledger),
                    first: None,
                    earlier: earlier.iter().map(|running| (running.seen, "running")).collect(),
                    role: "one too many",
                    marked: None,
                }
            });
        if stood && ledger.pack.rules[self.rule.index()].root {
            // Who crowds the other party cannot hold it to its time.
            for group in earlier.iter().filter_map(|running| running.group) {
                ledger.excuse_group(grouping, group, sighting.from);
            }
        }
    }

    /// What counted already when one more came.
    fn counted(&self, earlier: &[Running], ledger: &Ledger) -> String {
        let first = earlier.iter().map(|running| ledger.witnesses.n(running.seen).to_string());
        let events = list(first.map(|n| format!("event {n}")), "and");
        match (self.limit.within, &self.limit.until) {
            (Some(_), _) | (None, None) => format!("one more after {events}"),
            (None, Some(_)) if earlier.len() == 1 => format!("another one, and {events} had not ended"),
            (None, Some(_)) => format!("one more, and {events} had not ended"),
        }
    }

    /// Whether it can be held against the sender that this one runs still.
    fn still_runs(&self, running: &Running, sighting: &Sighting<'_>, ledger: &Ledger) -> Standing {
        let since = ledger.witnesses.n(running.seen);
        let group = (self.limit.grouping, running.group);
        match (ledger.still_open(group, running.connection, since, sighting), self.limit.scope) {
            (Standing::Stands(None), Scope::Endpoint | Scope::Recording | Scope::Installation) => {
                ledger.since(since, sighting)
            }
            (standing, _) => standing,
        }
    }

    /// One that ends another came.
    pub(crate) fn until(&mut self, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        let Some(until) = &self.limit.until else { return };
        let group = sighting.group(self.limit.grouping);
        if ledger.selects(until, sighting) && group.is_some() {
            self.retain(ledger, |running| running.group != group);
        }
    }

    pub(crate) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        self.retain(ledger, |running| running.group != Some(group));
    }

    /// A connection ended: what ran on it runs no more.
    pub(crate) fn end_of_link(&mut self, connection: ConnectionId, ledger: &mut Ledger) {
        self.retain(ledger, |running| running.connection != connection);
    }

    /// Nothing runs any more.
    pub(crate) fn clear(&mut self, ledger: &mut Ledger) {
        self.retain(ledger, |_| false);
    }

    fn retain(&mut self, ledger: &mut Ledger, keep: impl Fn(&Running) -> bool) {
        self.running.retain(|running| {
            let keep = keep(running);
            if !keep {
                ledger.witnesses.release(running.seen);
            }
            keep
        });
    }
}
