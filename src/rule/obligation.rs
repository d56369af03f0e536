//! One obligation: an answer somebody owes, from the trigger to its end.
//!
//! It ends met, violated, undecided for a reason, or void. How, is `respond`'s to say; here the open ones
//! are kept, each findable by its group (an answer came) and by its connection (the link ended).

use std::sync::Arc;

use super::Witness;
use super::group::Groups;
use super::link::Links;
use super::sighting::{GroupSlot, LinkSlot, RuleIndex, SeenId};
use crate::conversation::{Offset, Party};
use crate::pack::GroupingId;

/// Which of the open obligations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObligationId(u32);

/// That an obligation was violated was certain at its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    /// The rule whose breach it follows from.
    pub(crate) follows: Option<RuleIndex>,
}

/// An answer somebody owes.
#[derive(Debug)]
pub(crate) struct Obligation {
    pub(crate) rule: RuleIndex,
    pub(crate) grouping: GroupingId,
    pub(crate) group: GroupSlot,
    /// The message that has put the rule in force, where it is not always in force.
    pub(crate) ground: Option<Arc<Witness>>,
    /// The message that said how much time there is, where an earlier one did.
    pub(crate) learned: Option<Arc<Witness>>,
    /// The message to be answered.
    pub(crate) trigger: SeenId,
    /// Who owes it.
    pub(crate) obligor: Party,
    /// When its time started: at the trigger, or at the last message that started it anew.
    pub(crate) since: Offset,
    /// When its time is over.
    pub(crate) deadline: Option<Offset>,
    /// The connection it is bound to.
    pub(crate) link: Option<LinkSlot>,
    /// The rule whose breach explains a missing answer.
    pub(crate) follows: Option<RuleIndex>,
    /// Whether an unreadable message may have been the answer.
    pub(crate) unreadable: bool,
    /// Whether a fault of the other party has made a missing answer no fault.
    pub(crate) excused: bool,
    /// Whether the recording, or the link, ended while the other party owed an answer it had to wait for.
    pub(crate) waits: bool,
    /// Set once its deadline has passed and nothing that is still to come can excuse it.
    pub(crate) decided: Option<Decided>,
    /// The rule that says of the same trigger that no answer came at all.
    pub(crate) lacking: Option<RuleIndex>,
    /// Its number among all there ever were: its place is used again.
    pub(crate) serial: u64,
    place: u32,
    is_open: bool,
}

/// What is known of every obligation from the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) rule: RuleIndex,
    pub(crate) grouping: GroupingId,
    pub(crate) group: GroupSlot,
    pub(crate) trigger: SeenId,
    pub(crate) obligor: Party,
    pub(crate) since: Offset,
    pub(crate) deadline: Option<Offset>,
    pub(crate) link: LinkSlot,
    pub(crate) follows: Option<RuleIndex>,
}

impl Obligation {
    /// What stands where there is none.
    const fn none() -> Self {
        Self {
            rule: RuleIndex::new(0),
            grouping: GroupingId(0),
            group: GroupSlot(0),
            ground: None,
            learned: None,
            trigger: SeenId::NONE,
            obligor: Party::Pos,
            since: Offset::ZERO,
            deadline: None,
            link: None,
            follows: None,
            unreadable: false,
            excused: false,
            waits: false,
            decided: None,
            lacking: None,
            serial: 0,
            place: 0,
            is_open: false,
        }
    }

    /// Whether something is known already that explains a missing answer.
    pub(crate) const fn is_explained(&self) -> bool {
        self.follows.is_some() || self.unreadable
    }
}

/// The open obligations.
#[derive(Debug, Default)]
pub(crate) struct Obligations {
    all: Vec<Obligation>,
    free: Vec<u32>,
    opened: u64,
}

impl Obligations {
    /// Opens an obligation, in its group and on its connection.
    // Inline and field by field, so that it is made where it stays: to move it there would take longer.
    #[inline(always)]
    pub(crate) fn open(&mut self, terms: Terms, groups: &mut [Groups], links: &mut Links) -> ObligationId {
        let id = ObligationId(self.free.pop().unwrap_or(self.all.len() as u32));
        if id.0 as usize == self.all.len() {
            self.all.push(Obligation::none());
        }
        self.opened += 1;
        groups[terms.grouping.0].get_mut(terms.group).owed[terms.obligor as usize] += 1;
        let owed = &mut links.get_mut(terms.link).owed;
        let place = &mut self.all[id.0 as usize];
        place.rule = terms.rule;
        place.grouping = terms.grouping;
        place.group = terms.group;
        place.ground = None;
        place.learned = None;
        place.trigger = terms.trigger;
        place.obligor = terms.obligor;
        place.since = terms.since;
        place.deadline = terms.deadline;
        place.link = Some(terms.link);
        place.follows = terms.follows;
        place.unreadable = false;
        place.excused = false;
        place.waits = false;
        place.decided = None;
        place.lacking = None;
        place.serial = self.opened;
        place.place = owed.len() as u32;
        place.is_open = true;
        owed.push(id);
        id
    }

    #[inline]
    pub(crate) fn get(&self, id: ObligationId) -> Option<&Obligation> {
        self.all.get(id.0 as usize).filter(|obligation| obligation.is_open)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: ObligationId) -> Option<&mut Obligation> {
        self.all.get_mut(id.0 as usize).filter(|obligation| obligation.is_open)
    }

    /// Takes an obligation out of its group and off its connection: it has ended.
    pub(crate) fn close(
        &mut self,
        id: ObligationId,
        groups: &mut [Groups],
        links: &mut Links,
    ) -> Option<Obligation> {
        let open = self.get_mut(id)?;
        let ended = Obligation { ground: open.ground.take(), learned: open.learned.take(), ..*open };
        self.end(id, groups, links);
        Some(ended)
    }

    /// As [`Obligations::close`], where nothing of it is asked any more.
    pub(crate) fn end(&mut self, id: ObligationId, groups: &mut [Groups], links: &mut Links) {
        let Some(open) = self.get_mut(id) else { return };
        open.is_open = false;
        let Obligation { grouping, group, obligor, link, place, .. } = *open;
        self.free.push(id.0);
        if let Some(link) = link {
            self.take_off(place, link, links);
        }
        let owed = &mut groups[grouping.0].get_mut(group).owed[obligor as usize];
        *owed = owed.saturating_sub(1);
    }

    /// Takes an obligation off its connection: it outlives it.
    pub(crate) fn detach(&mut self, id: ObligationId, links: &mut Links) {
        let Some(obligation) = self.get_mut(id) else { return };
        let Some(link) = obligation.link.take() else { return };
        let place = obligation.place;
        self.take_off(place, link, links);
    }

    /// Takes what stands at `place` off a connection.
    fn take_off(&mut self, place: u32, link: LinkSlot, links: &mut Links) {
        let owed = &mut links.get_mut(link).owed;
        owed.swap_remove(place as usize);
        let moved = owed.get(place as usize).copied();
        if let Some(moved) = moved.and_then(|moved| self.get_mut(moved)) {
            moved.place = place;
        }
    }

    /// Whether `waiting` waits for the other party: that one owes an answer to a later message of the group.
    pub(crate) fn is_waiting(&self, waiting: &Obligation, later: impl Fn(&Obligation) -> bool) -> bool {
        self.opened().any(|other| {
            (other.grouping, other.group) == (waiting.grouping, waiting.group)
                && other.obligor != waiting.obligor
                && later(other)
        })
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.all.len() - self.free.len()
    }

    /// Every open obligation, in no certain order.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Obligation> {
        self.all.iter_mut().filter(|obligation| obligation.is_open)
    }

    /// Whether any open obligation is like that.
    pub(crate) fn any(&self, like: impl FnMut(&Obligation) -> bool) -> bool {
        self.opened().any(like)
    }

    /// Every open obligation, in no particular order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ObligationId> {
        let open = self.all.iter().enumerate().filter(|(_, obligation)| obligation.is_open);
        open.map(|(index, _)| ObligationId(index as u32))
    }

    fn opened(&self) -> impl Iterator<Item = &Obligation> {
        self.all.iter().filter(|obligation| obligation.is_open)
    }
}
