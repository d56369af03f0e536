//! Fields that may hold identities, and which of them hold the same kind of id.
//!
//! A field is a place in a kind of message of one party. Fields share a kind of id where the pack gives
//! them the same key, where they have the same name, or where one always repeats what the other gave.

use std::collections::HashMap;

use super::name::{self, Says};
use super::shape::{Shape, shape_of};
use crate::conversation::Party;
use crate::pack::{GroupScope, GroupingId, KindId, Pack};
use crate::replay::path::{PathId, field_name};
use crate::replay::spot::Spot;

/// Which field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FieldId(pub(super) u32);

/// A place in the messages of one kind of one party.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) word: Word,
    /// The kind of id it holds, before kinds are found to be the same.
    pub(super) names: u32,
    /// Whether every value seen in it looks as only ids do.
    pub(super) always_shaped: bool,
}

/// What is known of a field's values beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The pack calls them keys.
    Key { grouping: GroupingId, flows: bool, scope: GroupScope },
    /// The pack calls them volatile, and they are named like ids.
    Volatile,
    /// They are named like ids, and no pack has a word on it.
    Named,
    /// They count as far as they look like ids.
    Looks,
    /// They are no identities.
    Content,
}

/// All fields of a cassette.
#[derive(Debug)]
pub(super) struct Fields<'p> {
    pack: Option<&'p Pack>,
    /// Whether a pack speaks of ids; what it does not mention is none then.
    pack_speaks: bool,
    volatile: Vec<Spot>,
    fixed: Vec<Spot>,
    ids: HashMap<(Party, Option<KindId>, PathId), FieldId>,
    pub(super) all: Vec<Field>,
    kinds_of_id: HashMap<String, u32>,
    /// The representative of each kind of id.
    same: Vec<u32>,
}

impl<'p> Fields<'p> {
    pub(super) fn new(pack: Option<&'p Pack>, fixed: &[Spot]) -> Self {
        let spots = |places: &[String]| places.iter().filter_map(|place| place.parse().ok()).collect();
        let mut known: Vec<Spot> = fixed.to_vec();
        known.extend(pack.map(|pack| spots(&pack.fixed)).unwrap_or_default());
        Self {
            pack,
            pack_speaks: pack.is_some_and(|pack| {
                pack.groupings.iter().any(|grouping| grouping.keyed) || !pack.volatile.is_empty()
            }),
            volatile: pack.map(|pack| spots(&pack.volatile)).unwrap_or_default(),
            fixed: known,
            ids: HashMap::new(),
            all: Vec::new(),
            kinds_of_id: HashMap::new(),
            same: Vec::new(),
        }
    }

    /// The field of a value; `key` is the grouping that the pack says has its key there.
    pub(super) fn of(
        &mut self,
        party: Party,
        kind: Option<KindId>,
        path: PathId,
        pointer: &str,
        key: Option<GroupingId>,
    ) -> FieldId {
        if let Some(&known) = self.ids.get(&(party, kind, path)) {
            return known;
        }
        let name = field_name(pointer);
        let word = self.word(pointer, name, key);
        let names = match word {
            Word::Key { grouping, .. } => {
                let own = self.kind_of_id(format!("key {}", grouping.0));
                let by_name = self.kind_of_id(format!("name {}", name.to_lowercase()));
                self.join(own, by_name);
                own
            }
            Word::Volatile | Word::Named | Word::Looks | Word::Content => {
                self.kind_of_id(format!("name {}", name.to_lowercase()))
            }
        };
        let id = FieldId(self.all.len() as u32);
        self.all.push(Field { name: name.into(), word, names, always_shaped: true });
        self.ids.insert((party, kind, path), id);
        id
    }

    pub(super) fn get(&self, id: FieldId) -> &Field {
        &self.all[id.0 as usize]
    }

    /// The kind of id a field holds.
    pub(super) fn names_of(&self, id: FieldId) -> u32 {
        self.representative(self.get(id).names)
    }

    /// Two kinds of id turn out to be one.
    pub(super) fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.representative(a), self.representative(b));
        self.same[a.max(b) as usize] = a.min(b);
    }

    /// Whether a value of this field may be an identity; notes how it looks.
    pub(super) fn admits(&mut self, id: FieldId, value: &str) -> bool {
        const LONGEST: usize = 256;
        let field = &mut self.all[id.0 as usize];
        let shaped = shape_of(value) != Shape::Plain;
        field.always_shaped &= shaped;
        let tight = !value.is_empty()
            && value.len() <= LONGEST
            && !value.contains(|c: char| c.is_whitespace() || c.is_control());
        tight
            && match field.word {
                Word::Key { .. } | Word::Volatile | Word::Named => true,
                Word::Looks => shaped,
                Word::Content => false,
            }
    }

    fn word(&self, pointer: &str, name: &str, key: Option<GroupingId>) -> Word {
        if let (Some(grouping), Some(pack)) = (key, self.pack) {
            let known = &pack.groupings[grouping.0];
            return Word::Key { grouping, flows: known.flows, scope: known.scope };
        }
        let says = name::says(name);
        if self.fixed.iter().any(|spot| spot.is_at(pointer)) || says == Says::Time {
            return Word::Content;
        }
        if self.volatile.iter().any(|spot| spot.is_at(pointer)) && says == Says::Id {
            return Word::Volatile;
        }
        match says {
            Says::Id if !self.pack_speaks => Word::Named,
            Says::Id | Says::Nothing => Word::Looks,
            Says::Time | Says::Content => Word::Content,
        }
    }

    fn kind_of_id(&mut self, text: String) -> u32 {
        let next = self.same.len() as u32;
        let id = *self.kinds_of_id.entry(text).or_insert(next);
        if id == next {
            self.same.push(next);
        }
        id
    }

    fn representative(&self, mut kind: u32) -> u32 {
        while self.same[kind as usize] != kind {
            kind = self.same[kind as usize];
        }
        kind
    }
}
