//! `never`: no such message, at all or once something else has happened. Its sender is to blame.

use super::Reason;
use super::ledger::{Charge, Ledger};
use super::plans::{Foresight, Foretold};
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use super::words::{a, the};
use crate::conversation::{EventNumber, Offset, Party};
use crate::pack::Never;

/// One `never` rule at work.
#[derive(Debug)]
pub(crate) struct NeverRule {
    pub(crate) rule: RuleIndex,
    pub(crate) never: Never,
    /// By group.
    forbidden: Vec<Option<Forbidden>>,
    /// The last forbidden message.
    last: Option<EventNumber>,
}

/// Since when it is forbidden in a group.
#[derive(Clone, Copy, Debug)]
struct Forbidden {
    /// The message after which it is.
    after: SeenId,
    /// Whose that was, and when.
    by: Party,
    at: Offset,
    /// Whether it came nevertheless.
    broken: bool,
}

impl NeverRule {
    pub(crate) const fn new(rule: RuleIndex, never: Never) -> Self {
        Self { rule, never, forbidden: Vec::new(), last: None }
    }

    /// What a message is known to come to, of those among which the forbidden one could have been.
    pub(super) fn foretell_among(&self, foresight: Foresight<'_>) -> Foretold {
        let Some(among) = &self.never.among else { return Foretold::Nothing };
        match (foresight.is_meant(&self.never.message), foresight.is_meant(among)) {
            (Some(false), Some(true)) => Foretold::Kept,
            _ => Foretold::Open,
        }
    }

    /// The forbidden message.
    #[inline(never)]
    pub(crate) fn message(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.never.message, sighting) {
            return;
        }
        if self.never.after.is_none() {
            self.last = Some(sighting.n());
            let rule = self.rule;
            ledger.accuse(rule, sighting, None, |ledger, sighting| {
                let noun = &ledger.kind(sighting.kind).what;
                let title = &ledger.pack.rules[rule.index()].info.title;
                // What the kind does not say, the rule says.
                let what = match self.never.message.tests.is_empty() {
                    true => format!("{} sent {}", the(sighting.from), a(noun)),
                    false => format!("{} broke a rule with {}: {title}", the(sighting.from), a(noun)),
                };
                Charge {
                    accused: sighting.from,
                    what,
                    expected: title.clone(),
                    got: a(noun),
                    first: None,
                    earlier: Vec::new(),
                    role: "message",
                    marked: None,
                }
            });
            return;
        }
        let Some(group) = sighting.group(self.never.grouping) else { return };
        let Some(Some(forbidden)) = self.forbidden.get_mut(group.0 as usize) else { return };
        let after = forbidden.after;
        if sighting.tainted.is_none() && ledger.crosses(sighting, forbidden.by, forbidden.at) {
            let flow = ledger.flow(self.never.grouping, Some(group));
            return ledger.undecided(self.rule, Reason::Crossing, flow, sighting);
        }
        let stood = ledger.accuse(self.rule, sighting, Some(self.never.grouping), |ledger, sighting| {
            let noun = &ledger.kind(sighting.kind).what;
            let earlier = self.never.after.as_ref().map(|after| ledger.names(after)).unwrap_or_default();
            Charge {
                accused: sighting.from,
                what: format!("{} sent {} after {}", the(sighting.from), a(noun), a(&earlier)),
                expected: format!("no {noun} once {} has been sent", a(&earlier)),
                got: a(noun),
                first: None,
                earlier: vec![(after, "after this")],
                role: "message",
                marked: None,
            }
        });
        forbidden.broken |= stood;
    }

    /// A message among which the forbidden one could have been.
    pub(crate) fn among(&mut self, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        let Some(among) = &self.never.among else { return };
        if self.last != Some(sighting.n()) && ledger.selects(among, sighting) {
            ledger.met(self.rule, sighting);
        }
    }

    /// The message after which it is forbidden.
    #[inline(never)]
    pub(crate) fn after(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let Some(after) = &self.never.after else { return };
        let Some(group) = sighting.group(self.never.grouping) else { return };
        if sighting.tainted.is_some() || !ledger.selects(after, sighting) {
            return;
        }
        let index = group.0 as usize;
        if index >= self.forbidden.len() {
            self.forbidden.resize(index + 1, None);
        }
        if self.forbidden[index].is_none() {
            let after = ledger.witnesses.keep(sighting);
            let (by, at) = (sighting.from, sighting.at());
            self.forbidden[index] = Some(Forbidden { after, by, at, broken: false });
        }
    }

    /// The message after which it is allowed again.
    pub(crate) fn until(&mut self, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        let Some(until) = &self.never.until else { return };
        if let Some(group) = sighting.group(self.never.grouping)
            && ledger.selects(until, sighting)
        {
            self.forget(group, ledger);
        }
    }

    /// How many groups it may know.
    pub(crate) fn groups(&self) -> usize {
        self.forbidden.len()
    }

    /// The group is over: where the message did not come, the rule was kept.
    pub(crate) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        let Some(forbidden) = self.forbidden.get_mut(group.0 as usize).and_then(Option::take) else { return };
        ledger.witnesses.release(forbidden.after);
        let here = (self.never.grouping, group);
        if !forbidden.broken && ledger.is_heard(self.rule, &self.never.message, here) {
            ledger.tallies[self.rule.index()].met += 1;
        }
    }
}
