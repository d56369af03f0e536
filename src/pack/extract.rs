//! What a pack asks for of one message, and where it stands in its text.
//!
//! [`Trie::scan`](super::Trie::scan) fills it; what a value means is for [`Test`](super::Test) to say. Nothing
//! is allocated once the buffers have grown.

use super::graft::Doubts;
use super::lesson::Place;
use super::names;
use crate::text::json::Kind;

/// Which of the compiled pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub(super) u16);

/// Where the asked-for values of one message stand. Reused from message to message.
#[derive(Clone, Debug, Default)]
pub struct Extract {
    first: Vec<u32>,
    last: Vec<u32>,
    found: Vec<Found>,
    pub(super) duplicate: Option<usize>,
    pub(super) doubts: Doubts,
    /// The outline of the message, where it is a known one: what values it has, and where they stand.
    pub(super) outline: Option<u32>,
    /// Where the steps over its outline start.
    pub(super) starts: Starts,
    /// Names of members nobody asks for, of the objects a scan is in: a number for each, and where it starts.
    pub(super) strange: Vec<(u64, u32)>,
    /// The containers a scan is in.
    pub(super) open: Vec<Frame>,
}

/// A value in the text of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its kind.
    pub kind: Kind,
    /// Whether the outline of the message says all of it.
    pub(super) known: bool,
    pub(super) slot: Slot,
    start: u32,
    end: u32,
    next: u32,
}

/// Where each of the steps over a message starts.
#[derive(Clone, Debug)]
pub(super) struct Starts(pub(super) Box<[u32; Starts::MOST]>);

impl Starts {
    /// Steps of one message, at most: as many as a byte tells apart.
    pub(super) const MOST: usize = 256;
}

impl Default for Starts {
    fn default() -> Self {
        Self(Box::new([0; Self::MOST]))
    }
}

/// What is noted of every message of an outline.
#[derive(Debug)]
pub(super) struct Notes {
    /// Each value, counted from the start of the steps it starts and ends in.
    places: Box<[(Found, (u8, u8))]>,
    /// The first value of each slot.
    firsts: Box<[(Slot, u32)]>,
}

/// Nothing is noted there.
pub(super) const NONE: u32 = u32::MAX;

/// So many names of one object that nobody asks for are compared with each other.
const MOST_STRANGE: usize = 64;

/// A container on the way to a value that was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) node: u32,
    /// Where it is noted itself.
    pub(super) found: u32,
    /// Where it starts.
    pub(super) start: u32,
    pub(super) members: Members,
}

/// What a container holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Members {
    /// Nothing: it is no container.
    None,
    /// Named values; which of the children were seen, one bit each, which is expected next, and how many strange
    /// names there were before.
    Named { seen: u64, next: u32, strange: u32 },
    /// Numbered values; the number of the current one.
    Numbered(usize),
}

impl Extract {
    /// Forgets the last message, and is ready for one without any JSON.
    pub fn clear(&mut self, slots: usize) {
        for found in self.found.drain(..) {
            self.first[usize::from(found.slot.0)] = NONE;
        }
        if self.first.len() != slots {
            self.first.resize(slots, NONE);
            self.last.resize(slots, NONE);
        }
        self.outline = None;
        self.duplicate = None;
        self.doubts = 0;
        self.strange.clear();
        self.open.clear();
    }

    /// The value at a pointer; the first of several.
    #[inline]
    pub fn first(&self, slot: Slot) -> Option<Found> {
        self.found.get(*self.first.get(usize::from(slot.0))? as usize).copied()
    }

    /// The value at a pointer, where there is just one.
    #[inline]
    pub fn only(&self, slot: Slot) -> Option<Found> {
        self.first(slot).filter(|found| found.next == NONE)
    }

    /// Whether there is a value at a pointer.
    #[inline]
    pub fn has(&self, slot: Slot) -> bool {
        self.first.get(usize::from(slot.0)).is_some_and(|&first| first != NONE)
    }

    /// Every value at a pointer, in the order of the text.
    #[inline]
    pub fn all(&self, slot: Slot) -> impl Iterator<Item = Found> {
        let mut next = self.first(slot);
        std::iter::from_fn(move || {
            let found = next?;
            next = self.found.get(found.next as usize).copied();
            Some(found)
        })
    }

    /// Every value noted, in the order of the text: a container comes before what is in it.
    pub(super) fn values(&self) -> &[Found] {
        &self.found
    }

    /// Where the value of a key stands that the same object had already, among the objects looked into.
    pub fn duplicate(&self) -> Option<usize> {
        self.duplicate
    }

    /// Notes a member nobody asks for: its name stands in `text` from `start` to `end`, its value at `value`, and
    /// the strange names of its object start at `from`.
    #[inline]
    pub(super) fn strange_name(&mut self, text: &str, start: usize, end: usize, (from, value): (u32, usize)) {
        let print = names::print(text, start, end);
        let had = &self.strange[from as usize..];
        // An object with more of them is a list by name, and looking through it would take ever longer.
        if had.len() >= MOST_STRANGE {
            return;
        }
        if had.iter().any(|&(other, at)| other == print && names::same(text, start, at as usize)) {
            self.duplicate.get_or_insert(value);
        }
        self.strange.push((print, start as u32));
    }

    /// Notes that a value starts, and where it is noted.
    #[inline]
    pub(super) fn begin(&mut self, slot: Slot, kind: Kind, start: usize) -> u32 {
        self.note(slot, kind, start, start)
    }

    /// Notes a value from its start to its end.
    #[inline]
    pub(super) fn note(&mut self, slot: Slot, kind: Kind, start: usize, end: usize) -> u32 {
        let index = self.found.len() as u32;
        self.found.push(Found { kind, known: false, slot, start: start as u32, end: end as u32, next: NONE });
        let slot = usize::from(slot.0);
        match self.first[slot] {
            NONE => self.first[slot] = index,
            _ => self.found[self.last[slot] as usize].next = index,
        }
        self.last[slot] = index;
        index
    }

    /// Notes all values of a message whose outline is known, once its steps were gone.
    #[inline]
    pub(super) fn note_all(&mut self, notes: &Notes) {
        let starts = &*self.starts.0;
        self.found.extend(notes.places.iter().map(|&(found, (start, end))| Found {
            start: starts[usize::from(start)] + found.start,
            end: starts[usize::from(end)] + found.end,
            ..found
        }));
        for &(slot, index) in &notes.firsts {
            self.first[usize::from(slot.0)] = index;
        }
    }

    /// Notes that the value noted at `found` ends; nothing where it was not noted.
    #[inline]
    pub(super) fn end(&mut self, found: u32, end: usize) {
        if let Some(found) = self.found.get_mut(found as usize) {
            found.end = end as u32;
        }
    }
}

impl Notes {
    /// Of a message in which values stand at these places.
    pub(super) fn new(places: &[Place]) -> Self {
        let mut all: Vec<(Found, (u8, u8))> = Vec::new();
        let mut firsts = Vec::new();
        for (index, &place) in places.iter().enumerate() {
            let Place { slot, kind, known, start, end } = place;
            match all.iter_mut().rfind(|(found, _)| found.slot == slot) {
                Some((before, _)) => before.next = index as u32,
                None => firsts.push((slot, index as u32)),
            }
            let found = Found { kind, known, slot, start: start.1, end: end.1, next: NONE };
            all.push((found, (start.0, end.0)));
        }
        Self { places: all.into(), firsts: firsts.into() }
    }
}

impl Found {
    /// Its text, quotes and brackets included. `text` is the text that was scanned.
    #[inline]
    pub fn token(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }

    /// Where it stands in the text that was scanned.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}
