//! Flows and other groups: which messages belong together, and what is remembered of each group.
//!
//! A group is found by a digest of its key and scope. Groups in which nobody owes anything are forgotten
//! once enough newer ones have come, so that memory stays flat; see [`Groups::surplus`].

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

use super::sighting::{GroupSlot, RuleIndex};
use crate::conversation::{ConnectionId, EventNumber, Party};
use crate::pack::{Extract, GroupScope, Grouping, KeyAt, KeyOwner};
use crate::text::json::{self, Kind};

/// Groups of one grouping remembered although nobody owes anything in them.
const RECENT: usize = 128;

/// Groups of one grouping remembered at most, whatever is owed in them.
const MOST: usize = 65_536;

/// All groups of one grouping.
#[derive(Debug)]
pub(crate) struct Groups {
    grouping: Grouping,
    by_digest: HashMap<u128, u32, BuildHasherDefault<Passed>>,
    groups: Vec<Group>,
    free: Vec<u32>,
    age: VecDeque<u32>,
}

/// One group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    digest: u128,
    /// Its key as spelled in the messages.
    pub(crate) key: String,
    /// The event that opened it; `None` where that was not seen.
    pub(crate) opened: Option<EventNumber>,
    /// Whether its final message has come.
    pub(crate) finished: bool,
    /// Who has made it unfit to judge the other party by, and against which rule.
    pub(crate) taint: Option<Taint>,
    /// Obligations open in it.
    pub(crate) owed: u32,
}

/// A group spoilt by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taint {
    pub(crate) by: Party,
    pub(crate) rule: RuleIndex,
}

impl Groups {
    pub(crate) fn new(grouping: Grouping) -> Self {
        Self {
            grouping,
            by_digest: HashMap::default(),
            groups: Vec::new(),
            free: Vec::new(),
            age: VecDeque::new(),
        }
    }

    /// The group that everything on a connection, or in the recording, belongs to.
    pub(crate) fn of_place(&mut self, connection: ConnectionId) -> GroupSlot {
        let digest = self.digest(connection, None, std::iter::empty());
        self.find_or_new(digest, |_| {})
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
        let tokens = || key.slots.iter().filter_map(|&slot| Some(extract.first(slot)?.token(text)));
        let digest = self.digest(connection, owner, tokens());
        Some(self.find_or_new(digest, |group| {
            for (index, token) in tokens().enumerate() {
                if index > 0 {
                    group.push_str(", ");
                }
                group.push_str(token);
            }
        }))
    }

    pub(crate) fn get(&self, slot: GroupSlot) -> &Group {
        &self.groups[slot.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, slot: GroupSlot) -> &mut Group {
        &mut self.groups[slot.0 as usize]
    }

    /// Groups to be forgotten now: the oldest, beyond what is remembered. The second value says that
    /// something is still owed in it.
    pub(crate) fn surplus(&mut self) -> Option<(GroupSlot, bool)> {
        for _ in 0..4 {
            if self.age.len() <= RECENT {
                return None;
            }
            let oldest = self.age.pop_front()?;
            let owed = self.groups[oldest as usize].owed > 0;
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
        let group = &mut self.groups[slot.0 as usize];
        self.by_digest.remove(&group.digest);
        self.free.push(slot.0);
    }

    fn find_or_new(&mut self, digest: u128, name: impl FnOnce(&mut String)) -> GroupSlot {
        if let Some(&known) = self.by_digest.get(&digest) {
            return GroupSlot(known);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.groups.push(Group::default());
            (self.groups.len() - 1) as u32
        });
        let group = &mut self.groups[slot as usize];
        let mut key = std::mem::take(&mut group.key);
        key.clear();
        name(&mut key);
        *group = Group { digest, key, ..Group::default() };
        self.by_digest.insert(digest, slot);
        self.age.push_back(slot);
        GroupSlot(slot)
    }

    fn digest<'a>(
        &self,
        connection: ConnectionId,
        owner: Option<Party>,
        tokens: impl Iterator<Item = &'a str>,
    ) -> u128 {
        let mut digest = Digest::default();
        match self.grouping.scope {
            GroupScope::Connection => digest.number(connection.0),
            GroupScope::Recording => {}
        }
        if let Some(owner) = owner {
            digest.number(owner as u64 + 1);
        }
        for token in tokens {
            digest.token(token);
        }
        digest.finish()
    }
}

impl Group {
    /// Its key for people: without quotes, without card data.
    pub(crate) fn name(&self) -> Option<String> {
        if self.key.is_empty() {
            return None;
        }
        let name = json::string(&self.key).unwrap_or(std::borrow::Cow::Borrowed(&self.key));
        Some(super::sighting::hide(&name, false))
    }
}

/// 128 bits that stand for a key of any length.
#[derive(Debug)]
pub(crate) struct Digest {
    low: DefaultHasher,
    high: DefaultHasher,
}

impl Default for Digest {
    fn default() -> Self {
        let mut high = DefaultHasher::new();
        high.write_u8(1);
        Self { low: DefaultHasher::new(), high }
    }
}

impl Digest {
    pub(crate) fn number(&mut self, number: u64) {
        self.low.write_u64(number);
        self.high.write_u64(number);
    }

    /// A JSON scalar; the same text escaped differently is the same.
    pub(crate) fn token(&mut self, token: &str) {
        if token.contains('\\')
            && let Some(text) = json::string(token)
        {
            let canonical = serde_json::to_string(&text).unwrap_or_default();
            return self.text(&canonical);
        }
        self.text(token);
    }

    pub(crate) fn finish(self) -> u128 {
        u128::from(self.high.finish()) << 64 | u128::from(self.low.finish())
    }

    fn text(&mut self, text: &str) {
        for hasher in [&mut self.low, &mut self.high] {
            hasher.write(text.as_bytes());
            hasher.write_u8(0xff);
        }
    }
}

/// Hashes what is a hash already.
#[derive(Default)]
pub(crate) struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}
