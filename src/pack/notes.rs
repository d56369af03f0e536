//! What is noted of every message of an outline: which values it has, and behind which of its steps they stand.
//!
//! Where they stand in one message is worked out when it is asked for; few of them ever are.

use super::extract::{Found, NONE, Slot};
use super::lesson::Place;

/// What is noted of every message of an outline.
#[derive(Clone, Debug)]
pub(super) struct Notes {
    /// Each value, counted from the start of the steps it starts and ends in.
    places: Box<[(Found, (u8, u8))]>,
    /// By slot: the first value there.
    first: Box<[u32]>,
    /// The values of which tests ask more than the outline says.
    asked: Box<[u32]>,
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

impl Notes {
    /// Of a message in which values stand at these places, by a pack of so many slots; `asks` says of which of them
    /// tests ask more than the type.
    pub(super) fn new(noted: &[Place], slots: usize, asks: impl Fn(Slot) -> bool) -> Self {
        let mut places: Vec<(Found, (u8, u8))> = Vec::new();
        let mut first = vec![NONE; slots];
        let mut last = vec![NONE; slots];
        let mut asked = Vec::new();
        for (index, &Place { slot, kind, known, start, end }) in (0..).zip(noted) {
            let at = usize::from(slot.0);
            match places.get_mut(last[at] as usize) {
                Some((before, _)) => before.next = index,
                None => first[at] = index,
            }
            last[at] = index;
            if !known && asks(slot) {
                asked.push(index);
            }
            places.push((Found { kind, slot, start: start.1, end: end.1, next: NONE }, (start.0, end.0)));
        }
        Self { places: places.into(), first: first.into(), asked: asked.into() }
    }

    /// How many values there are.
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// The values of which tests ask more than the outline says.
    pub(super) fn asked(&self) -> &[u32] {
        &self.asked
    }

    /// The first value at a slot.
    #[inline]
    pub(super) fn first(&self, slot: usize) -> Option<u32> {
        self.first.get(slot).copied()
    }

    /// A value of the message whose steps start there.
    #[inline]
    pub(super) fn get(&self, index: u32, starts: &Starts) -> Option<Found> {
        let &(found, (start, end)) = self.places.get(index as usize)?;
        let starts = &starts.0;
        let start = starts[usize::from(start)] + found.start;
        Some(Found { start, end: starts[usize::from(end)] + found.end, ..found })
    }

    /// Bytes it takes.
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.places) + size_of_val(&*self.first) + size_of_val(&*self.asked)
    }
}
