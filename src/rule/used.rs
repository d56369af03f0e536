//! Keys that were used once, of a whole recording, at 32 bytes each.
//!
//! Nearly every key is new. A small filter that stays in a core's cache says so at once, and the key is
//! written behind the others; only what the filter cannot tell is looked up, in an index made when needed.

use crate::conversation::{EventNumber, Offset};

/// The keys used so far.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// In the order of their first use.
    uses: Vec<Use>,
    /// Four bits of one word for each key; twice as large before it is too full to tell.
    filter: Vec<u64>,
    /// Where a key stands in `uses`, plus one: from the place its digest names, up to the next zero.
    index: Vec<u32>,
    /// How many of `uses` are in `index`.
    indexed: usize,
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

/// Keys for each word of the filter; with four bits a key it is wrong about one in a hundred.
const KEYS_A_WORD: usize = 4;

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
        let bits = (0..4).fold(0, |bits, part| bits | 1 << (high >> (6 * part) & 63));
        let place = digest as usize & (self.filter.len() - 1);
        let word = &mut self.filter[place];
        let known = *word & bits == bits;
        *word |= bits;
        known
    }

    fn grow_filter(&mut self) {
        let words = (2 * self.filter.len()).max(1 << 10);
        self.filter = vec![0; words];
        for index in 0..self.uses.len() {
            self.sift(self.uses[index].digest);
        }
    }

    #[cold]
    fn find(&mut self, digest: u128) -> Option<FirstUse> {
        if self.index.len() < 2 * self.uses.len() {
            self.index = vec![0; (2 * self.uses.len()).next_power_of_two()];
            self.indexed = 0;
        }
        for index in self.indexed..self.uses.len() {
            let free = self.place_of(self.uses[index].digest);
            self.index[free] = index as u32 + 1;
        }
        self.indexed = self.uses.len();
        let place = self.place_of(digest);
        let known = (*self.index.get(place)? as usize).checked_sub(1)?;
        Some(self.uses[known].first)
    }

    /// Where in the index a key is, or would be.
    fn place_of(&self, digest: u128) -> usize {
        let mask = self.index.len().saturating_sub(1);
        let mut place = digest as usize & mask;
        while let Some(&taken @ 1..) = self.index.get(place) {
            if self.uses[taken as usize - 1].digest == digest {
                break;
            }
            place = (place + 1) & mask;
        }
        place
    }
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
    fn the_filter_is_rarely_wrong() {
        let mut used = Used::default();
        for number in 0..100_000 {
            assert_eq!(used.note(digest(number), first(number)), None);
        }
        let wrong = (200_000..300_000).filter(|&number| used.sift(digest(number))).count();
        assert!(wrong < 5_000, "{wrong}");
    }
}
