//! `precede`: one only after the other. The sender of what came too early, or unasked, is to blame.

use super::Reason;
use super::accusation::Charge;
use super::ledger::Ledger;
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use super::words::{a, of_flow, the};
use crate::conversation::{Offset, Party};
use crate::pack::Precede;

/// One `precede` rule at work. What came unasked uses up no permission.
#[derive(Debug)]
pub(crate) struct PrecedeRule {
    pub(crate) rule: RuleIndex,
    pub(crate) precede: Precede,
    /// By group: what came first and what followed.
    counts: Vec<Counts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    first: u32,
    then: u32,
    /// Who has taken a permission away that was there, and when.
    lost: Option<(Party, Offset)>,
    /// Where each has to have one of its own: the last of what came first, and of what followed.
    last: [Option<SeenId>; 2],
}

impl Counts {
    const fn allow(self, each: bool) -> bool {
        if each { self.first > self.then } else { self.first > 0 }
    }
}

impl PrecedeRule {
    pub(crate) const fn new(rule: RuleIndex, precede: Precede) -> Self {
        Self { rule, precede, counts: Vec::new() }
    }

    /// What has to come first came.
    pub(crate) fn first(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if let Some(group) = sighting.group(self.precede.grouping)
            && ledger.selects(&self.precede.first, sighting)
        {
            self.counts(group).first += 1;
            self.keep(group, 0, sighting, ledger);
        }
    }

    /// Keeps a message as the last of its sort, where each has to have one of its own.
    fn keep(&mut self, group: GroupSlot, sort: usize, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if self.precede.each {
            let kept = ledger.witnesses.keep(sighting);
            if let Some(before) = self.counts(group).last[sort].replace(kept) {
                ledger.witnesses.release(before);
            }
        }
    }

    /// What takes the permission away came.
    pub(crate) fn reset(&mut self, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        if let Some(group) = sighting.group(self.precede.grouping)
            && self.precede.reset.as_ref().is_some_and(|reset| ledger.selects(reset, sighting))
        {
            let each = self.precede.each;
            let counts = self.counts(group);
            let lost = counts.allow(each).then_some((sighting.from, sighting.at()));
            self.forget(group, ledger);
            self.counts(group).lost = lost;
        }
    }

    /// What may only follow came.
    #[inline(never)]
    pub(crate) fn then(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.precede.then, sighting) {
            return;
        }
        let grouping = self.precede.grouping;
        let Some(group) = sighting.group(grouping) else { return };
        let each = self.precede.each;
        let counts = self.counts(group);
        let (first, then, lost, last) = (counts.first, counts.then + 1, counts.lost, counts.last);
        if counts.allow(each) {
            counts.then += 1;
            self.keep(group, 1, sighting, ledger);
            ledger.met(self.rule, sighting);
            return;
        }
        if sighting.tainted.is_none() && lost.is_some_and(|(by, at)| ledger.crosses(sighting, by, at)) {
            let flow = ledger.flow(grouping, Some(group));
            return ledger.undecided(self.rule, Reason::Crossing, flow, sighting);
        }
        if ledger.has_moved(grouping, sighting) {
            let flow = ledger.flow(grouping, Some(group));
            return ledger.undecided(self.rule, Reason::Channel, flow, sighting);
        }
        let stood = ledger.accuse(self.rule, sighting, Some(grouping), |ledger, sighting| {
            let noun = ledger.noun(&self.precede.then, sighting);
            let needed = ledger.pack.noun(&self.precede.first);
            let flow = ledger.flow(grouping, Some(group));
            let flow = of_flow(flow.as_deref());
            let got = match first {
                0 => format!("no {needed}{flow} before it"),
                _ => format!("{first} × {needed}{flow}, and this is {noun} number {then}"),
            };
            Charge {
                accused: sighting.from,
                what: match first {
                    0 => format!("{} sent {} without {} before it", the(sighting.from), a(noun), a(&needed)),
                    _ => format!("{} sent more than one {noun} for {}", the(sighting.from), a(&needed)),
                },
                expected: match each {
                    true => format!("{} only for {} of its own{flow}", a(noun), a(&needed)),
                    false => format!("{} only after {}{flow}", a(noun), a(&needed)),
                },
                got,
                first: None,
                earlier: last.into_iter().flatten().zip(["allows one", "the one it allows"]).collect(),
                role: "message",
                marked: key_range(sighting, ledger, grouping),
            }
        });
        if !stood || !ledger.pack.rules[self.rule.index()].root {
            return;
        }
        match ledger.groups[grouping.0].get(group).opened {
            Some(_) => {
                ledger.explain((grouping, group), sighting, &self.precede.first.kinds, self.rule);
                ledger.excuse((grouping, group), sighting, &self.precede.first.kinds);
            }
            None => ledger.muddle(sighting, Some(self.rule), false),
        }
    }

    pub(crate) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        if let Some(counts) = self.counts.get_mut(group.0 as usize) {
            let Counts { last, .. } = std::mem::take(counts);
            last.into_iter().flatten().for_each(|kept| ledger.witnesses.release(kept));
        }
    }

    /// How many groups it may know.
    pub(crate) fn groups(&self) -> usize {
        self.counts.len()
    }

    fn counts(&mut self, group: GroupSlot) -> &mut Counts {
        let index = group.0 as usize;
        if index >= self.counts.len() {
            self.counts.resize(index + 1, Counts::default());
        }
        &mut self.counts[index]
    }
}

/// Where the key of a message stands in its text.
pub(super) fn key_range(
    sighting: &Sighting<'_>,
    ledger: &Ledger,
    grouping: crate::pack::GroupingId,
) -> Option<std::ops::Range<usize>> {
    let key = ledger.kind(sighting.kind).keys.iter().find(|key| key.grouping == grouping)?;
    Some(sighting.view.extract.first(*key.slots.first()?)?.range())
}
