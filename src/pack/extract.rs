//! What a pack asks for of one message, and where it stands in its text.
//!
//! [`Trie::scan`](super::Trie::scan) fills it; what a value means is for [`Test`](super::Test) to say. Nothing
//! is allocated once the buffers have grown.

use super::graft::Doubts;
use super::names;
use super::notes::{Notes, Starts};
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
    /// The outline of the message, where it is a known one: `lent` says what values it has.
    pub(super) outline: Option<u32>,
    /// What is noted of messages of an outline, lent by the [`Outlines`](super::Outlines), and which one that is.
    pub(super) lent: Option<(u32, Box<Notes>)>,
    /// Where the steps over the message start.
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
    pub(super) slot: Slot,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) next: u32,
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
        self.noted(self.first_of(slot)?)
    }

    /// The value at a pointer, where there is just one.
    #[inline]
    pub fn only(&self, slot: Slot) -> Option<Found> {
        self.first(slot).filter(|found| found.next == NONE)
    }

    /// Whether there is a value at a pointer.
    #[inline]
    pub fn has(&self, slot: Slot) -> bool {
        self.first_of(slot).is_some_and(|first| first != NONE)
    }

    /// Every value at a pointer, in the order of the text.
    #[inline]
    pub fn all(&self, slot: Slot) -> impl Iterator<Item = Found> {
        let mut next = self.first(slot);
        std::iter::from_fn(move || {
            let found = next?;
            next = self.noted(found.next);
            Some(found)
        })
    }

    /// How many values are noted.
    pub(super) fn count(&self) -> usize {
        self.notes().map_or(self.found.len(), Notes::count)
    }

    /// Has `see` look at the values of which tests ask more than the outline of the message says; at all of them,
    /// where it is of none that is known. Ends where it says `None`.
    #[inline]
    pub(super) fn see_asked(&self, mut see: impl FnMut(Found) -> Option<()>) -> Option<()> {
        match self.notes() {
            Some(notes) => notes.asked().iter().try_for_each(|&index| see(notes.get(index, &self.starts)?)),
            None => self.found.iter().try_for_each(|&found| see(found)),
        }
    }

    /// What is noted of every message of its outline, where it is of a known one.
    #[inline]
    fn notes(&self) -> Option<&Notes> {
        let (of, notes) = self.lent.as_ref()?;
        (self.outline == Some(*of)).then_some(notes)
    }

    #[inline]
    fn first_of(&self, slot: Slot) -> Option<u32> {
        let slot = usize::from(slot.0);
        match self.notes() {
            Some(notes) => notes.first(slot),
            None => self.first.get(slot).copied(),
        }
    }

    /// The value noted under a number.
    #[inline]
    pub(super) fn noted(&self, index: u32) -> Option<Found> {
        match self.notes() {
            Some(notes) => notes.get(index, &self.starts),
            None => self.found.get(index as usize).copied(),
        }
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
        self.found.push(Found { kind, slot, start: start as u32, end: end as u32, next: NONE });
        let slot = usize::from(slot.0);
        match self.first[slot] {
            NONE => self.first[slot] = index,
            _ => self.found[self.last[slot] as usize].next = index,
        }
        self.last[slot] = index;
        index
    }

    /// Notes that the value noted at `found` ends; nothing where it was not noted.
    #[inline]
    pub(super) fn end(&mut self, found: u32, end: usize) {
        if let Some(found) = self.found.get_mut(found as usize) {
            found.end = end as u32;
        }
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
