//! The connections of the recording under judgement: who closed first, and what is owed on each.

use std::collections::HashMap;

use super::Witness;
use super::group::Taint;
use super::obligation::ObligationId;
use super::sighting::{GroupSlot, LinkSlot, RuleIndex};
use crate::conversation::{ConnectionId, EventNumber, Offset, Party};
use crate::pack::{EndpointId, Grouping, GroupingId};

/// The open connections.
#[derive(Debug, Default)]
pub(crate) struct Links {
    by_id: HashMap<ConnectionId, u32>,
    links: Vec<Link>,
    free: Vec<u32>,
    last: Option<(ConnectionId, LinkSlot)>,
}

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) id: ConnectionId,
    /// Whether its opening handshake is missing: the recording starts in the middle.
    pub(crate) joined_late: bool,
    /// Who opened it.
    pub(crate) client: Option<Party>,
    /// The endpoint it was opened to.
    pub(crate) endpoint: Option<EndpointId>,
    /// Flows opened on it that may not have ended, with the event that opened each.
    pub(crate) open_flows: Vec<(GroupingId, GroupSlot, EventNumber)>,
    /// The first close frame.
    pub(crate) closed: Option<(Party, Offset)>,
    /// That frame as a witness.
    pub(crate) closing: Option<Box<Witness>>,
    /// By party: the groups that all it says here belongs to.
    pub(crate) places: [Places; 3],
    /// Obligations to be met on it.
    pub(crate) owed: Vec<ObligationId>,
    /// The last message that opened a flow.
    pub(crate) last_opened: EventNumber,
    /// Whose breach of which rule the last message that opened a flow was: its key may be wrong, too.
    pub(crate) broken_opener: Option<Taint>,
    /// Who should not have opened it, and by which rule: nothing on it obliges the other party.
    pub(crate) taint: Option<Taint>,
    /// The last message nobody could place.
    pub(crate) muddle: Option<Muddle>,
}

/// The groups of built-in keys that a party's messages on a connection belong to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Places {
    pub(crate) groups: [Option<GroupSlot>; Grouping::BUILT_IN],
    /// Good for as long as this is the current one.
    pub(crate) epoch: u64,
}

/// A message nobody can place: unreadable, or with a key that belongs to no flow. What was open when it
/// came cannot be judged as if it had not come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Muddle {
    pub(crate) by: Party,
    pub(crate) n: EventNumber,
    /// The rule it broke; `None` where it broke none, as a message too large to be kept.
    pub(crate) rule: Option<RuleIndex>,
    pub(crate) unreadable: bool,
}

impl Links {
    /// The connection of that number; one that was never opened was joined late.
    #[inline]
    pub(crate) fn find(&mut self, id: ConnectionId) -> LinkSlot {
        if let Some((last, slot)) = self.last
            && last == id
        {
            return slot;
        }
        let slot = match self.by_id.get(&id) {
            Some(&slot) => LinkSlot(slot),
            None => self.open(id, true),
        };
        self.last = Some((id, slot));
        slot
    }

    /// A connection opens. One of that number that was still open is given out first by [`Links::known`].
    pub(crate) fn open(&mut self, id: ConnectionId, joined_late: bool) -> LinkSlot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.links.push(Link::default());
            (self.links.len() - 1) as u32
        });
        let Link { mut owed, mut open_flows, .. } = std::mem::take(&mut self.links[slot as usize]);
        owed.clear();
        open_flows.clear();
        self.links[slot as usize] = Link { id, joined_late, owed, open_flows, ..Link::default() };
        self.by_id.insert(id, slot);
        LinkSlot(slot)
    }

    /// The connection of that number, where it is open.
    pub(crate) fn known(&self, id: ConnectionId) -> Option<LinkSlot> {
        self.by_id.get(&id).copied().map(LinkSlot)
    }

    /// Every open connection, in the order of their numbers.
    pub(crate) fn open_links(&self) -> Vec<LinkSlot> {
        let mut links: Vec<_> = self.by_id.iter().map(|(&id, &slot)| (id, LinkSlot(slot))).collect();
        links.sort_unstable_by_key(|&(id, _)| id);
        links.into_iter().map(|(_, slot)| slot).collect()
    }

    pub(crate) fn get(&self, slot: LinkSlot) -> &Link {
        &self.links[slot.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, slot: LinkSlot) -> &mut Link {
        &mut self.links[slot.0 as usize]
    }

    /// The connection is over.
    pub(crate) fn forget(&mut self, slot: LinkSlot) {
        self.last = None;
        self.by_id.remove(&self.links[slot.0 as usize].id);
        self.free.push(slot.0);
    }
}
