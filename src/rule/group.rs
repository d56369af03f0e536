//! Flows and other groups: which messages belong together, and what is remembered of each group.
//!
//! A group is found by a hash of its key and scope, and known by the key itself. Groups in which nobody owes anything are forgotten
//! once enough newer ones have come, so that memory stays flat; see [`Groups::surplus`].

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

use super::digest::{Passed, Seed, canonical};
use super::sighting::{GroupSlot, RuleIndex};
use crate::conversation::{ConnectionId, EventNumber, Party};
use crate::pack::{EndpointId, Extract, GroupScope, Grouping, KeyAt, KeyOwner, KindId, LensSet};
use crate::text::json::{self, Kind};

/// Groups of one grouping remembered although nobody owes anything in them.
const RECENT: usize = 128;

/// Groups of one grouping remembered at most, whatever is owed in them.
const MOST: usize = 65_536;

/// No group.
const NONE: u32 = u32::MAX;

/// All groups of one grouping.
#[derive(Debug)]
pub(crate) struct Groups {
    grouping: Grouping,
    /// Keys that are the pack's own.
    fixed: Vec<String>,
    seed: Seed,
    /// By hash: the first group of that hash; others follow by [`Group::next`].
    by_hash: HashMap<u64, u32, BuildHasherDefault<Passed>>,
    /// The group found last: messages of a flow follow each other.
    last: u32,
    groups: Vec<Group>,
    free: Vec<u32>,
    age: VecDeque<u32>,
}

/// One group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    hash: u64,
    /// Another group of the same hash.
    next: Option<u32>,
    place: Place,
    /// Its key as spelled in the messages.
    pub(crate) key: String,
    /// Its key as everybody would spell it, where that is different.
    canonical: Option<Box<str>>,
    /// The event that opened it; `None` where that was not seen.
    pub(crate) opened: Option<EventNumber>,
    /// On which connection that was.
    pub(crate) opened_on: Option<ConnectionId>,
    /// What kind of message that was.
    pub(crate) opened_by: Option<KindId>,
    /// Whether its final message has come.
    pub(crate) finished: bool,
    /// Who has made it unfit to judge the other party by, and against which rule.
    pub(crate) taint: Option<Taint>,
    /// Who has sent a broken message in it, and against which rule: whether it has ended, say, is not sure.
    pub(crate) doubt: Option<Taint>,
    /// Through which lenses the message that opened it was seen.
    pub(crate) opener: LensSet,
    /// By party: whether it has said anything in it.
    pub(crate) heard: [bool; 3],
    /// Obligations open in it, by the party that owes them.
    pub(crate) owed: [u32; 3],
}

/// What tells groups of the same key apart: the connection, and who gave the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    connection: u64,
    owner: Option<Party>,
}

/// A group spoilt by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taint {
    pub(crate) by: Party,
    pub(crate) rule: RuleIndex,
}

impl Groups {
    /// `fixed` are the keys that are the pack's own: they stand in the kind of a message, and not in all of them.
    pub(crate) fn new(grouping: Grouping, fixed: Vec<String>) -> Self {
        Self {
            grouping,
            fixed,
            seed: Seed::default(),
            by_hash: HashMap::default(),
            last: NONE,
            groups: Vec::new(),
            free: Vec::new(),
            age: VecDeque::new(),
        }
    }

    /// The group that everything on a connection, or in the recording, belongs to.
    pub(crate) fn of_place(
        &mut self,
        connection: ConnectionId,
        endpoint: Option<EndpointId>,
        from: Party,
    ) -> GroupSlot {
        let owner = match self.grouping.scope {
            GroupScope::Sender => Some(from),
            GroupScope::Connection
            | GroupScope::Endpoint
            | GroupScope::Recording
            | GroupScope::Installation => None,
        };
        let mut place = self.place(connection, owner);
        if let (GroupScope::Endpoint, Some(endpoint)) = (self.grouping.scope, endpoint) {
            // Connections count from 1; an endpoint nobody knows is the connection's own.
            place.connection = u64::MAX - endpoint.0 as u64;
        }
        self.find_or_new(place, Cow::Borrowed(""), String::new)
    }

    /// Whether its groups outlive the recording.
    pub(crate) const fn is_lasting(&self) -> bool {
        matches!(self.grouping.scope, GroupScope::Installation)
    }

    /// The group a message belongs to; `None` where it lacks the key.
    pub(crate) fn of_message(
        &mut self,
        key: &KeyAt,
        text: &str,
        extract: &Extract,
        from: Party,
        connection: ConnectionId,
    ) -> Option<GroupSlot> {
        for &slot in &key.slots {
            match extract.first(slot)?.kind {
                Kind::String | Kind::Number => {}
                Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => return None,
            }
        }
        let owner = key.of.map(|owner| match (owner, from) {
            (KeyOwner::Sender, party) => party,
            (KeyOwner::Receiver, Party::Pos) => Party::Terminal,
            (KeyOwner::Receiver, Party::Terminal | Party::Gateway) => Party::Pos,
        });
        let tokens = || {
            let found = key.slots.iter().filter_map(|&slot| Some(extract.first(slot)?.token(text)));
            key.fixed.as_deref().into_iter().chain(found)
        };
        let spelled = match (key.fixed.as_deref(), key.slots.as_slice()) {
            (Some(fixed), []) => Cow::Borrowed(fixed),
            (None, &[slot]) => Cow::Borrowed(extract.first(slot)?.token(text)),
            (Some(_) | None, _) => Cow::Owned(tokens().collect::<Vec<_>>().join(", ")),
        };
        let place = self.place(connection, owner);
        let slot =
            self.find_or_new(place, spelled, || tokens().map(canonical).collect::<Vec<_>>().join(", "));
        Some(slot)
    }

    /// The key of a group for people: without quotes, without card data. One that is the pack's says nothing.
    pub(crate) fn name(&self, slot: GroupSlot) -> Option<String> {
        let key = &self.get(slot).key;
        if key.is_empty() || self.fixed.contains(key) {
            return None;
        }
        let name = json::string(key).unwrap_or(Cow::Borrowed(key));
        Some(super::sighting::hide(&name, false))
    }

    pub(crate) fn get(&self, slot: GroupSlot) -> &Group {
        &self.groups[slot.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, slot: GroupSlot) -> &mut Group {
        &mut self.groups[slot.0 as usize]
    }

    /// Whether some of them may have to be forgotten.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.age.len() > RECENT
    }

    /// Groups to be forgotten now: the oldest, beyond what is remembered. The second value says that
    /// something is still owed in it.
    pub(crate) fn surplus(&mut self) -> Option<(GroupSlot, bool)> {
        for _ in 0..4 {
            if self.age.len() <= RECENT {
                return None;
            }
            let oldest = self.age.pop_front()?;
            let owed = self.groups[oldest as usize].is_owed();
            if !owed || self.age.len() >= MOST {
                return Some((GroupSlot(oldest), owed));
            }
            self.age.push_back(oldest);
        }
        None
    }

    /// Every group, the oldest first, when a recording ends.
    pub(crate) fn drain(&mut self) -> Option<GroupSlot> {
        self.age.pop_front().map(GroupSlot)
    }

    /// Frees a group that [`Groups::surplus`] or [`Groups::drain`] has given out.
    pub(crate) fn forget(&mut self, slot: GroupSlot) {
        let Group { hash, next, .. } = self.groups[slot.0 as usize];
        match (self.by_hash.get(&hash).copied(), next) {
            (Some(first), None) if first == slot.0 => {
                self.by_hash.remove(&hash);
            }
            (Some(first), Some(next)) if first == slot.0 => {
                self.by_hash.insert(hash, next);
            }
            (first, _) => self.unlink(first, slot.0, next),
        }
        if self.last == slot.0 {
            self.last = NONE;
        }
        self.free.push(slot.0);
    }

    /// The group of a key as `spelled`; `canonical` spells it as everybody would.
    #[inline]
    fn find_or_new(
        &mut self,
        place: Place,
        spelled: Cow<'_, str>,
        canonical: impl FnOnce() -> String,
    ) -> GroupSlot {
        if let Some(last) = self.groups.get(self.last as usize)
            && last.place == place
            && last.key == *spelled
        {
            return GroupSlot(self.last);
        }
        let canonical = if spelled.contains('\\') { Some(canonical()) } else { None };
        let number = place.connection << 2 | place.owner.map_or(0, |owner| owner as u64 + 1);
        let hash = self.seed.hash(number, canonical.as_deref().unwrap_or(&spelled));
        self.last = self.look_up(hash, place, &spelled, canonical.as_deref());
        GroupSlot(self.last)
    }

    /// The group of a key with this hash, among the others that have it.
    fn look_up(&mut self, hash: u64, place: Place, spelled: &str, canonical: Option<&str>) -> u32 {
        let key = canonical.unwrap_or(spelled);
        let first = self.by_hash.get(&hash).copied();
        let mut known = first;
        while let Some(slot) = known {
            let group = &self.groups[slot as usize];
            if group.place == place && group.canonical.as_deref().unwrap_or(&group.key) == key {
                return slot;
            }
            known = group.next;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.groups.push(Group::default());
            (self.groups.len() - 1) as u32
        });
        let group = &mut self.groups[slot as usize];
        let mut name = std::mem::take(&mut group.key);
        name.clear();
        name.push_str(spelled);
        let canonical = canonical.map(Into::into);
        *group = Group { hash, next: first, place, key: name, canonical, ..Group::default() };
        self.by_hash.insert(hash, slot);
        self.age.push_back(slot);
        slot
    }

    /// Takes a group out of the chain that starts at `at`.
    #[cold]
    fn unlink(&mut self, mut at: Option<u32>, slot: u32, next: Option<u32>) {
        while let Some(group) = at.and_then(|at| self.groups.get_mut(at as usize)) {
            if group.next == Some(slot) {
                group.next = next;
                return;
            }
            at = group.next;
        }
    }

    const fn place(&self, connection: ConnectionId, owner: Option<Party>) -> Place {
        let connection = match self.grouping.scope {
            GroupScope::Connection | GroupScope::Sender | GroupScope::Endpoint => connection.0,
            GroupScope::Recording | GroupScope::Installation => 0,
        };
        Place { connection, owner }
    }
}

impl Group {
    /// Its key as everybody would spell it.
    pub(crate) fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.key)
    }

    /// Who gave its key, where each party numbers its own.
    pub(crate) const fn owner(&self) -> Option<Party> {
        self.place.owner
    }

    /// Whether an obligation is open in it.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed.iter().any(|&owed| owed > 0)
    }

    /// Whether somebody else than `party` owes something in it.
    pub(crate) fn is_owed_by_others(&self, party: Party) -> bool {
        self.owed.iter().enumerate().any(|(other, &owed)| other != party as usize && owed > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Groups {
        let flow = Grouping { name: "flow".into(), scope: GroupScope::Connection, keyed: true, flows: true };
        Groups::new(flow, Vec::new())
    }

    #[test]
    fn keys_of_one_hash_stay_apart_whichever_is_forgotten_first() {
        let place = Place { connection: 1, owner: None };
        let keys = ["\"a\"", "\"b\"", "\"c\""];
        for gone in 0..keys.len() {
            let mut groups = groups();
            let slots = keys.map(|key| groups.look_up(7, place, key, None));
            assert_eq!(keys.map(|key| groups.look_up(7, place, key, None)), slots);
            groups.forget(GroupSlot(slots[gone]));
            for (index, key) in keys.iter().enumerate().filter(|&(index, _)| index != gone) {
                assert_eq!(groups.look_up(7, place, key, None), slots[index], "{gone} {key}");
            }
            assert_eq!(groups.look_up(7, place, "\"d\"", None), slots[gone], "its place is free");
        }
    }

    #[test]
    fn a_key_is_the_same_however_spelled_and_another_elsewhere() {
        let mut groups = groups();
        let mut find = |connection, key: &str| {
            let place = Place { connection, owner: None };
            groups.find_or_new(place, Cow::Borrowed(key), || canonical(key))
        };
        let plain = find(1, r#""flow""#);
        assert_ne!(find(2, r#""flow""#), plain);
        assert_eq!(find(1, r#""fl\u006fw""#), plain);
        let escaped = find(1, r#""\u0061""#);
        assert_eq!(find(1, r#""a""#), escaped);
        assert_eq!(find(1, r#""flow""#), plain);
    }
}
