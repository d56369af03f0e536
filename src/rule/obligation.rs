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
#[derive(Clone, Debug)]
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
}

impl Obligation {
    #[inline(always)]
    pub(crate) fn new(
        rule: RuleIndex,
        (grouping, group): (GroupingId, GroupSlot),
        trigger: SeenId,
        obligor: Party,
        since: Offset,
        deadline: Option<Offset>,
        link: LinkSlot,
    ) -> Self {
        Self {
            rule,
            grouping,
            group,
            ground: None,
            learned: None,
            trigger,
            obligor,
            since,
            deadline,
            link: Some(link),
            follows: None,
            unreadable: false,
            excused: false,
            waits: false,
            decided: None,
            lacking: None,
            serial: 0,
            place: 0,
        }
    }
}

impl Obligation {
    /// Whether something is known already that explains a missing answer.
    pub(crate) const fn is_explained(&self) -> bool {
        self.follows.is_some() || self.unreadable
    }
}

/// The open obligations.
#[derive(Debug, Default)]
pub(crate) struct Obligations {
    all: Vec<Option<Obligation>>,
    free: Vec<u32>,
    opened: u64,
}

impl Obligations {
    /// Opens an obligation, in its group and on its connection.
    // Inline, so that it is made where it stays.
    #[inline(always)]
    pub(crate) fn open(
        &mut self,
        mut obligation: Obligation,
        groups: &mut [Groups],
        links: &mut Links,
    ) -> ObligationId {
        let index = self.free.pop().unwrap_or(self.all.len() as u32);
        let id = ObligationId(index);
        self.opened += 1;
        obligation.serial = self.opened;
        groups[obligation.grouping.0].get_mut(obligation.group).owed[obligation.obligor as usize] += 1;
        if let Some(link) = obligation.link {
            let owed = &mut links.get_mut(link).owed;
            obligation.place = owed.len() as u32;
            owed.push(id);
        }
        match self.all.get_mut(index as usize) {
            Some(place) => *place = Some(obligation),
            None => self.all.push(Some(obligation)),
        }
        id
    }

    pub(crate) fn get(&self, id: ObligationId) -> Option<&Obligation> {
        self.all.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: ObligationId) -> Option<&mut Obligation> {
        self.all.get_mut(id.0 as usize)?.as_mut()
    }

    /// Takes an obligation out of its group and off its connection: it has ended.
    pub(crate) fn close(
        &mut self,
        id: ObligationId,
        groups: &mut [Groups],
        links: &mut Links,
    ) -> Option<Obligation> {
        let obligation = self.all.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        if let Some(link) = obligation.link {
            self.take_off(obligation.place, link, links);
        }
        let owed = &mut groups[obligation.grouping.0].get_mut(obligation.group).owed;
        let owed = &mut owed[obligation.obligor as usize];
        *owed = owed.saturating_sub(1);
        Some(obligation)
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
        self.all.iter().flatten().any(|other| {
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
        self.all.iter_mut().flatten()
    }

    /// Whether any open obligation is like that.
    pub(crate) fn any(&self, like: impl FnMut(&Obligation) -> bool) -> bool {
        self.all.iter().flatten().any(like)
    }

    /// Every open obligation, in no particular order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ObligationId> {
        let open = self.all.iter().enumerate().filter(|(_, obligation)| obligation.is_some());
        open.map(|(index, _)| ObligationId(index as u32))
    }
}
