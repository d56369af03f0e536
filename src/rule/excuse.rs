//! What explains that an answer is missing, or excuses the party that owes it.
//!
//! A message nobody can place may have been that answer; a message that only the other party may send shows
//! that its sender takes the answer for given; who waits for the other one owes nothing meanwhile. None of
//! this looks at messages again: it marks open obligations, which are judged when their time comes.

use super::ledger::Ledger;
use super::link::Muddle;
use super::obligation::{Obligation, ObligationId};
use super::sighting::{GroupSlot, RuleIndex, Sighting};
use crate::conversation::Party;
use crate::pack::{Carrier, GroupingId, KindId, Pattern};

impl Ledger {
    /// Notes that nobody can place this message. The oldest answer its sender owed, of a kind it could have
    /// been, is explained by it.
    pub(crate) fn muddle(&mut self, sighting: &Sighting<'_>, rule: Option<RuleIndex>, unreadable: bool) {
        let muddle = Muddle { by: sighting.from, n: sighting.n(), rule, unreadable };
        self.links.get_mut(sighting.link).muddle = Some(muddle);
        if unreadable && rule.is_none() {
            self.unreadable = Some(sighting.n());
        }
        let owed = &self.links.get(sighting.link).owed;
        let candidates = owed.iter().filter_map(|&id| Some((id, self.obligations.get(id)?)));
        let mut candidates: Vec<_> = candidates
            .filter(|(_, open)| open.obligor == sighting.from && open.follows.is_none() && !open.unreadable)
            .filter(|(_, open)| self.is_about_messages(open.rule))
            .filter(|(_, open)| unreadable || self.awaits(open.rule, sighting.kind))
            .map(|(id, open)| (self.witnesses.n(open.trigger), open.grouping.0, open.group, id))
            .collect();
        candidates.sort_by_key(|&(n, grouping, group, _)| (n, grouping, group.0));
        let Some(&(_, grouping, group, _)) = candidates.first() else { return };
        for (_, of, slot, id) in candidates {
            if (of, slot) == (grouping, group)
                && let Some(open) = self.obligations.get_mut(id)
            {
                open.follows = rule;
                open.unreadable = rule.is_none();
            }
        }
    }

    /// Notes a message that only the other party may send. What that one owes may have been meant by it: it
    /// is excused, in the group where it has owed something longest.
    pub(crate) fn usurp(&mut self, sighting: &Sighting<'_>, rule: RuleIndex) {
        let muddle = Muddle { by: sighting.from, n: sighting.n(), rule: Some(rule), unreadable: false };
        self.links.get_mut(sighting.link).muddle = Some(muddle);
        let owed = self.links.get(sighting.link).owed.clone();
        let owed = owed.into_iter().filter_map(|id| Some((id, self.obligations.get(id)?)));
        let mut owed: Vec<_> = owed
            .filter(|(_, open)| open.obligor != sighting.from && !open.excused)
            .filter(|(_, open)| self.is_about_messages(open.rule))
            .map(|(id, open)| (self.witnesses.n(open.trigger), open.grouping.0, open.group, id))
            .collect();
        owed.sort_by_key(|&(n, grouping, group, _)| (n, grouping, group.0));
        let Some(&(_, grouping, group, _)) = owed.first() else { return };
        for (_, of, slot, id) in owed {
            if (of, slot) == (grouping, group)
                && let Some(open) = self.obligations.get_mut(id)
            {
                open.excused = true;
            }
        }
    }

    /// Excuses the answers of these kinds that the other party owes in a group: who has sent what may only
    /// follow them has them, by his own account.
    pub(crate) fn excuse(
        &mut self,
        (grouping, group): (GroupingId, GroupSlot),
        sighting: &Sighting<'_>,
        kinds: &[KindId],
    ) {
        let ids: Vec<_> = self.links.get(sighting.link).owed.clone();
        for id in ids {
            let excused = self.obligations.get(id).is_some_and(|open| {
                (open.grouping, open.group) == (grouping, group)
                    && open.obligor != sighting.from
                    && kinds.iter().any(|&kind| self.awaits(open.rule, kind))
            });
            if excused && let Some(open) = self.obligations.get_mut(id) {
                open.excused = true;
            }
        }
    }

    /// Notes of open obligations whether they wait for the other party, before any of them is settled.
    pub(crate) fn note_waiting(&mut self, ids: &[ObligationId]) {
        for &id in ids {
            let waits = self.obligations.get(id).is_some_and(|open| self.waits(open));
            if let Some(open) = self.obligations.get_mut(id) {
                open.waits |= waits;
            }
        }
    }

    /// Whether the party that owes this waits for the other one, which owes an answer to a later message.
    pub(crate) fn waits(&self, open: &Obligation) -> bool {
        let since = self.witnesses.n(open.trigger);
        let group = self.groups[open.grouping.0].get(open.group);
        group.is_owed_by_others(open.obligor)
            && self.obligations.is_waiting(open, |other| self.witnesses.n(other.trigger) > since)
    }

    /// Excuses whatever the other party owes in a group.
    pub(crate) fn excuse_group(&mut self, grouping: GroupingId, group: GroupSlot, by: Party) {
        for open in self.obligations.all_mut() {
            open.excused |= (open.grouping, open.group) == (grouping, group) && open.obligor != by;
        }
    }

    /// Explains the answers of these kinds that `accused` owes in a group by the breach of `rule`.
    pub(crate) fn explain(
        &mut self,
        (grouping, group): (GroupingId, GroupSlot),
        sighting: &Sighting<'_>,
        kinds: &[KindId],
        rule: RuleIndex,
    ) {
        let ids: Vec<_> = self.links.get(sighting.link).owed.clone();
        for id in ids {
            let explained = self.obligations.get(id).is_some_and(|open| {
                (open.grouping, open.group) == (grouping, group)
                    && open.obligor == sighting.from
                    && kinds.iter().any(|&kind| self.awaits(open.rule, kind))
            });
            if explained && let Some(open) = self.obligations.get_mut(id) {
                open.follows.get_or_insert(rule);
            }
        }
    }

    /// Whether what a rule waits for is a message, and no frame of the protocol below.
    fn is_about_messages(&self, rule: RuleIndex) -> bool {
        match &self.pack.rules[rule.index()].pattern {
            Pattern::Respond(respond) => respond.with.kinds.iter().any(|&kind| {
                let carriers = self.kind(kind).carriers;
                [Carrier::Json, Carrier::Text, Carrier::Binary].iter().any(|&c| carriers.contains(c))
            }),
            _ => true,
        }
    }

    /// Whether a message of `kind` is an answer `rule` waits for.
    fn awaits(&self, rule: RuleIndex, kind: KindId) -> bool {
        match &self.pack.rules[rule.index()].pattern {
            Pattern::Respond(respond) => respond
                .with
                .kinds
                .iter()
                .any(|&with| self.pack.is_a(kind, with) || self.pack.is_a(with, kind)),
            _ => false,
        }
    }
}
