//! Where values stand, as small numbers: every JSON Pointer a cassette has is kept once.
//!
//! Beside each pointer stands the general one, in which `*` takes the place of array indices, so that the
//! third result of an event is the same field as the first.

use std::collections::HashMap;

/// A JSON Pointer of the cassette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PathId(u32);

impl PathId {
    /// A pointer that stands nowhere in the cassette. Sorts behind all that do.
    pub(crate) const UNKNOWN: Self = Self(u32::MAX);

    /// Its place in a table of all paths; past the end of every table for [`PathId::UNKNOWN`].
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Every pointer of a cassette.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    by_text: HashMap<Box<str>, PathId>,
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    text: Box<str>,
    general: PathId,
}

impl Paths {
    /// The number of `text`, whose general form is `general`.
    pub(crate) fn intern(&mut self, text: &str, general: &str) -> PathId {
        if let Some(&known) = self.by_text.get(text) {
            return known;
        }
        let general = if text == general { None } else { Some(self.intern(general, general)) };
        let id = PathId(self.known.len() as u32);
        self.known.push(Known { text: text.into(), general: general.unwrap_or(id) });
        self.by_text.insert(text.into(), id);
        id
    }

    /// The number of `text`, where the cassette has that pointer.
    pub(crate) fn find(&self, text: &str) -> PathId {
        self.by_text.get(text).copied().unwrap_or(PathId::UNKNOWN)
    }

    /// The pointer; empty for [`PathId::UNKNOWN`].
    pub(crate) fn text(&self, path: PathId) -> &str {
        self.known.get(path.index()).map_or("", |known| &known.text)
    }

    /// The general form of a pointer.
    pub(crate) fn general(&self, path: PathId) -> PathId {
        self.known.get(path.index()).map_or(PathId::UNKNOWN, |known| known.general)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Every one of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = PathId> {
        (0..self.known.len() as u32).map(PathId)
    }
}

/// The name of the field a pointer leads to: its last token that is no array index.
pub(crate) fn field_name(general: &str) -> &str {
    general.rsplit('/').find(|token| *token != "*").unwrap_or("")
}
