//! Keys that were used once, of a whole recording: 32 bytes each, and what they are found by.
//!
//! Nearly every key is new, and what that costs is how often memory is waited for. A filter small enough to stay
//! near the core says so of all but a few in a hundred. Only then the table is brought up to date, many keys at once,
//! and looked into; it holds four bytes a place, of which as many as possible tell keys apart without a look at them.

use crate::conversation::{EventNumber, Offset};

/// The keys used so far.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// In the order of their first use.
    uses: Vec<Use>,
    /// Three bits of one word for each key.
    filter: Vec<u64>,
    /// From the place a key's digest names up to the next that is empty: where it stands in `uses`, plus one, and
    /// above that as much of its digest as there is room for.
    table: Vec<u32>,
    /// How many of `uses` are in the table.
    listed: usize,
}

/// What is remembered of a key: its digest, where it was first used, and when.
#[derive(Clone, Copy, Debug)]
struct Use {
    digest: u128,
    first: FirstUse,
}

/// Source and number of an event in one word, and its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FirstUse {
    place: u64,
    pub(super) at: Offset,
}

impl FirstUse {
    pub(super) const fn new(source: usize, n: EventNumber, at: Offset) -> Self {
        Self { place: (source as u64) << 48 | n.0 & 0xffff_ffff_ffff, at }
    }

    pub(super) const fn source(self) -> usize {
        (self.place >> 48) as usize
    }

    pub(super) const fn n(self) -> EventNumber {
        EventNumber(self.place & 0xffff_ffff_ffff)
    }
}

/// Places of the smallest table, and words of the smallest filter.
const FEWEST: usize = 1 << 10;

/// Keys for each word of the filter, at most.
const KEYS_A_WORD: usize = 8;

impl Used {
    /// Notes a use of the key with this digest; gives the first one where this is another.
    pub(super) fn note(&mut self, digest: u128, first: FirstUse) -> Option<FirstUse> {
        if self.uses.len() >= self.filter.len() * KEYS_A_WORD {
            self.grow_filter();
        }
        if self.sift(digest)
            && let Some(known) = self.find(digest)
        {
            return Some(known);
        }
        self.uses.push(Use { digest, first });
        None
    }

    /// Forgets every key.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Puts a key into the filter; whether it may have been in it already.
    #[inline]
    fn sift(&mut self, digest: u128) -> bool {
        let high = (digest >> 64) as u64;
        let bits = 1 << (high & 63) | 1 << (high >> 6 & 63) | 1 << (high >> 12 & 63);
        let place = digest as usize & (self.filter.len() - 1);
        let word = &mut self.filter[place];
        let known = *word & bits == bits;
        *word |= bits;
        known
    }

    #[cold]
    fn grow_filter(&mut self) {
        self.filter = vec![0; (2 * self.filter.len()).max(FEWEST)];
        for index in 0..self.uses.len() {
            self.sift(self.uses[index].digest);
        }
    }

    /// The first use of a key, if there was one.
    #[inline(never)]
    fn find(&mut self, digest: u128) -> Option<FirstUse> {
        // At most three quarters of the places are taken, so that a search ends soon.
        if self.uses.len() >= self.table.len() / 4 * 3 {
            let places = (self.uses.len() / 3 * 4 + 4).next_power_of_two();
            self.table = vec![0; places.max(FEWEST)];
            self.listed = 0;
        }
        let mask = self.table.len() - 1;
        for index in self.listed..self.uses.len() {
            let digest = self.uses[index].digest;
            let mut place = digest as usize & mask;
            while self.table[place] != 0 {
                place = (place + 1) & mask;
            }
            self.table[place] = tag(digest, mask) | (index as u32 + 1);
        }
        self.listed = self.uses.len();
        let mut place = digest as usize & mask;
        while let taken @ 1.. = self.table[place] {
            if taken & !(mask as u32) == tag(digest, mask)
                && let Some(known) = self.uses.get((taken as usize & mask) - 1)
                && known.digest == digest
            {
                return Some(known.first);
            }
            place = (place + 1) & mask;
        }
        None
    }
}

/// What of a digest stands in a table above the number of its key.
const fn tag(digest: u128, mask: usize) -> u32 {
    (digest >> 64) as u32 & !(mask as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spreads a number over 128 bits, as a digest does.
    fn digest(number: u64) -> u128 {
        let mut value = u128::from(number + 1);
        for _ in 0..4 {
            value = value.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645);
            value ^= value >> 67;
        }
        value
    }

    fn first(n: u64) -> FirstUse {
        FirstUse::new(3, EventNumber(n), Offset::from_micros(n))
    }

    #[test]
    fn every_key_is_new_once_and_known_ever_after() {
        let mut used = Used::default();
        for number in 0..50_000 {
            assert_eq!(used.note(digest(number), first(number)), None, "{number}");
            let earlier = number * 7 / 11;
            assert_eq!(used.note(digest(earlier), first(99_999)), Some(first(earlier)), "{earlier}");
        }
        assert_eq!((first(77).source(), first(77).n()), (3, EventNumber(77)));
        used.clear();
        assert_eq!(used.note(digest(5), first(1)), None);
    }

    #[test]
    fn keys_that_meet_in_one_place_are_told_apart() {
        let mut used = Used::default();
        // The same place, and the same tag for every second one.
        let meeting = |number: u64| u128::from(number) << 96 | u128::from(number % 2) << 90 | 5;
        for number in 0..500 {
            assert_eq!(used.note(meeting(number), first(number)), None, "{number}");
        }
        for number in 0..500 {
            assert_eq!(used.note(meeting(number), first(9_999)), Some(first(number)), "{number}");
        }
    }

    #[test]
    fn a_key_costs_what_it_is_said_to_cost() {
        assert_eq!(size_of::<Use>(), 32);
        let mut used = Used::default();
        for number in 0..100_000 {
            assert_eq!(used.note(digest(number), first(number)), None);
        }
        let bytes = 8 * used.filter.len() + 4 * used.table.len();
        assert!(bytes <= 14 * used.uses.len(), "{bytes}");
    }
}
