//! Whether an accusation stands: what was lost, broken or unreadable meanwhile may have removed its ground, or may
//! be what it follows from.
//!
//! A message nobody can place ([`Muddle`]) makes what was open at that time unfit to judge the other party by.

use super::Reason;
use super::group::Taint;
use super::ledger::Ledger;
use super::link::Muddle;
use super::sighting::{GroupSlot, RuleIndex, Sighting};
use crate::conversation::{ConnectionId, EventNumber, Offset, Party};
use crate::pack::GroupingId;

/// Whether an accusation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does; where given, it follows from the breach of another rule.
    Stands(Option<RuleIndex>),
    /// Another party's fault has removed its ground.
    Void,
    /// It cannot be known.
    Undecided(Reason),
}

/// What was broken lately.
#[derive(Clone, Copy, Debug, Default)]
struct Lapses {
    own: Option<RuleIndex>,
    other: Option<RuleIndex>,
}

impl Ledger {
    /// Whether an accusation of the sender of this message stands. `grouping` is given where it rests on
    /// what came, or did not come, before.
    pub(crate) fn standing(&self, sighting: &Sighting<'_>, grouping: Option<GroupingId>) -> Standing {
        if let Some(root) = sighting.tainted {
            return Standing::Stands(Some(root));
        }
        let Some(grouping) = grouping else { return Standing::Stands(None) };
        let group = sighting.group(grouping).map(|slot| self.groups[grouping.0].get(slot));
        // A flow that was opened wrongly judges nobody else, whatever its messages have in common besides.
        let flow = sighting.flow.map(|(grouping, slot)| self.groups[grouping.0].get(slot));
        let taint = group.and_then(|group| group.taint).or(flow.and_then(|flow| flow.taint));
        if let Some(Taint { by, rule }) = taint {
            return if by == sighting.from { Standing::Stands(Some(rule)) } else { Standing::Void };
        }
        let link = self.links.get(sighting.link);
        if self.pack.groupings[grouping.0].is_wide() {
            return match sighting.rests_on {
                None if link.joined_late => Standing::Undecided(Reason::Start),
                rests_on => self.since(rests_on.unwrap_or_default(), sighting),
            };
        }
        let opened = group.and_then(|group| group.opened);
        if opened.is_none() && link.joined_late {
            return Standing::Undecided(Reason::Start);
        }
        if self.last_gap.is_some_and(|gap| opened.is_none_or(|opened| opened < gap)) {
            return Standing::Undecided(Reason::Gap);
        }
        if let Some(Taint { by, rule }) = link.broken_opener.filter(|_| opened.is_none()) {
            return if by == sighting.from { Standing::Stands(Some(rule)) } else { Standing::Void };
        }
        match link.muddle {
            Some(muddle) if opened.unwrap_or(link.last_opened) <= muddle.n && muddle.n < sighting.n() => {
                match (muddle.by == sighting.from, muddle.unreadable) {
                    // What broke no rule, and cannot be read, may have been just what seems to be missing.
                    (true, true) if muddle.rule.is_none() => Standing::Undecided(Reason::Undecodable),
                    (true, _) => Standing::Stands(muddle.rule),
                    (false, true) => Standing::Undecided(Reason::Undecodable),
                    (false, false) => Standing::Void,
                }
            }
            Some(_) | None => Standing::Stands(None),
        }
    }

    /// Whether an accusation stands that rests on all that was said since an event, on any connection: who
    /// has said something broken since then has none to accuse, and follows from it what he breaks himself.
    pub(crate) fn since(&self, since: EventNumber, sighting: &Sighting<'_>) -> Standing {
        let Lapses { own, other } = self.lapses(since, sighting.from);
        if self.last_gap.is_some_and(|gap| gap > since) {
            return Standing::Undecided(Reason::Gap);
        }
        if self.unreadable.is_some_and(|n| n >= since) {
            return Standing::Undecided(Reason::Undecodable);
        }
        if other.is_some() { Standing::Void } else { Standing::Stands(own) }
    }

    /// Whether what has begun in a group with event `since` can be held to be under way still.
    pub(crate) fn still_open(
        &self,
        (grouping, group): (GroupingId, Option<GroupSlot>),
        connection: ConnectionId,
        since: EventNumber,
        sighting: &Sighting<'_>,
    ) -> Standing {
        let of_taint = |taint: Taint| {
            if taint.by == sighting.from { Standing::Stands(Some(taint.rule)) } else { Standing::Void }
        };
        let known = group.map(|slot| self.groups[grouping.0].get(slot));
        if let Some(taint) = known.and_then(|group| group.taint.or(group.doubt)) {
            return of_taint(taint);
        }
        if self.last_gap.is_some_and(|gap| gap > since) {
            return Standing::Undecided(Reason::Gap);
        }
        let muddle = self.links.known(connection).and_then(|link| self.links.get(link).muddle);
        if let Some(Muddle { by, rule, .. }) = muddle.filter(|muddle| muddle.n > since) {
            return match rule {
                Some(rule) => of_taint(Taint { by, rule }),
                None => Standing::Undecided(Reason::Undecodable),
            };
        }
        let overdue = group.is_some_and(|group| {
            self.obligations.any(|owed| {
                (owed.grouping, owed.group) == (grouping, group)
                    && owed.obligor != sighting.from
                    && owed.deadline.is_some_and(|deadline| deadline < sighting.at())
            })
        });
        // Who was left waiting for longer than he had to may go on.
        if overdue { Standing::Void } else { Standing::Stands(None) }
    }

    /// Whether a flow has moved to another connection than the one it was opened on, so that what seems not
    /// to have been said may have gone with the old one.
    pub(crate) fn has_moved(&self, grouping: GroupingId, sighting: &Sighting<'_>) -> bool {
        let group = sighting.group(grouping).map(|slot| self.groups[grouping.0].get(slot));
        let moved = group.and_then(|group| group.opened_on).is_some_and(|first| first != sighting.connection);
        moved && self.pack.groupings[grouping.0].flows && sighting.tainted.is_none()
    }

    /// Whether a message came so soon after one of the other party that its sender may not have known it.
    pub(crate) fn crosses(&self, sighting: &Sighting<'_>, other: Party, at: Offset) -> bool {
        other != sighting.from && sighting.at().since(at) < self.pack.crossing
    }

    /// Notes that a party has said something broken.
    pub(crate) fn note_lapse(&mut self, by: Party, n: EventNumber, rule: RuleIndex) {
        self.lapses[by as usize] = Some((n, rule));
    }

    fn lapses(&self, since: EventNumber, of: Party) -> Lapses {
        let late =
            |lapse: &Option<(EventNumber, RuleIndex)>| lapse.filter(|&(n, _)| n > since).map(|(_, r)| r);
        let others = self.lapses.iter().enumerate().filter(|&(party, _)| party != of as usize);
        Lapses {
            own: late(&self.lapses[of as usize]),
            other: others.map(|(_, lapse)| late(lapse)).find_map(|l| l),
        }
    }
}
