//! `limit`: at most so many at once, or per window. The sender of the one too many is to blame.

use super::ledger::{Charge, Ledger, spoken, the};
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use crate::conversation::{ConnectionId, Offset};
use crate::pack::{Limit, Scope};

/// One `limit` rule at work.
#[derive(Debug)]
pub(crate) struct LimitRule {
    pub(crate) rule: RuleIndex,
    pub(crate) limit: Limit,
    running: Vec<Running>,
}

/// One that counts now.
#[derive(Debug)]
struct Running {
    connection: ConnectionId,
    group: Option<GroupSlot>,
    since: Offset,
    seen: SeenId,
}

impl LimitRule {
    pub(crate) const fn new(rule: RuleIndex, limit: Limit) -> Self {
        Self { rule, limit, running: Vec::new() }
    }

    /// One that counts came.
    pub(crate) fn on(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.limit.on, sighting) {
            return;
        }
        if let Some(within) = self.limit.within {
            self.retain(ledger, |running| sighting.at().since(running.since) < within);
        }
        let scope = self.limit.scope;
        let before = self.running.iter().filter(|running| match scope {
            Scope::Connection => running.connection == sighting.connection,
            Scope::Recording | Scope::Installation => true,
        });
        let earlier: Vec<SeenId> = before.map(|running| running.seen).collect();
        if earlier.len() < self.limit.most as usize {
            ledger.met(self.rule, sighting);
            let seen = ledger.witnesses.keep(sighting);
            let group = sighting.group(self.limit.grouping);
            let (connection, since) = (sighting.connection, sighting.at());
            self.running.push(Running { connection, group, since, seen });
            return;
        }
        let (most, within) = (self.limit.most, self.limit.within);
        ledger.accuse(self.rule, sighting, Some(self.limit.grouping), |ledger, sighting| {
            let noun = &ledger.kind(sighting.kind).what;
            Charge {
                accused: sighting.from,
                what: format!("{} sent one {noun} too many", the(sighting.from)),
                expected: match within {
                    Some(within) => format!("at most {most} within {}", spoken(within)),
                    None => format!("at most {most} at once"),
                },
                got: format!("one more while {} counted", earlier.len()),
                first: None,
                earlier: earlier.iter().map(|&seen| (seen, "running")).collect(),
                role: "one too many",
                marked: None,
            }
        });
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
