//! Keys that were used once, of a whole recording: 32 bytes each, and what they are found by.
//!
//! Nearly every key is new, and what that costs is how often memory is waited for. A filter small enough to stay
//! near the core says so of all but a few in a hundred; those are compared with the few keys that share its word.

use crate::conversation::{EventNumber, Offset};

/// The keys used so far.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// In the order of their first use.
    uses: Vec<Use>,
    /// By use: the one before it in the same word of the filter.
    before: Vec<u32>,
    filter: Vec<Word>,
}

/// One word of the filter.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    /// A bit in each for every key.
    bits: [u32; 3],
    /// Where the last key that was put into it stands in `uses`, plus one.
    last: u32,
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

/// Words of the smallest filter.
const FEWEST: usize = 1 << 10;

/// Keys for each word of the filter, at most.
const KEYS_A_WORD: usize = 8;

impl Used {
    /// Notes a use of the key with this digest; gives the first one where this is another.
    pub(super) fn note(&mut self, digest: u128, first: FirstUse) -> Option<FirstUse> {
        if self.uses.len() >= self.filter.len() * KEYS_A_WORD {
            self.grow_filter();
        }
        let Self { uses, before, filter } = self;
        let word = word(filter, digest);
        if word.may_know(digest)
            && let Some(known) = find(word.last, digest, uses, before)
        {
            return Some(known);
        }
        before.push(word.last);
        uses.push(Use { digest, first });
        word.put(digest, uses.len() as u32);
        None
    }

    /// Forgets every key.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    #[cold]
    fn grow_filter(&mut self) {
        self.filter = vec![Word::default(); (2 * self.filter.len()).max(FEWEST)];
        for (index, (used, before)) in self.uses.iter().zip(&mut self.before).enumerate() {
            let word = word(&mut self.filter, used.digest);
            *before = word.last;
            word.put(used.digest, index as u32 + 1);
        }
    }
}

/// The word of a filter that a key belongs to.
#[inline]
fn word(filter: &mut [Word], digest: u128) -> &mut Word {
    let place = digest as usize & (filter.len() - 1);
    &mut filter[place]
}

impl Word {
    /// Whether a key may have been put into it.
    #[inline]
    fn may_know(&self, digest: u128) -> bool {
        let mut bits = self.bits.iter().zip(places(digest));
        bits.all(|(bits, place)| bits >> place & 1 == 1)
    }

    /// Puts a key into it that stands at `last` of those used, counted from one.
    #[inline]
    fn put(&mut self, digest: u128, last: u32) {
        for (bits, place) in self.bits.iter_mut().zip(places(digest)) {
            *bits |= 1 << place;
        }
        self.last = last;
    }
}

/// Which bits of a word are a key's.
#[inline]
const fn places(digest: u128) -> [u32; 3] {
    let high = (digest >> 64) as u32;
    [high & 31, high >> 5 & 31, high >> 10 & 31]
}

/// The first use of a key, if there was one, among those in one word of the filter.
#[inline(never)]
fn find(mut last: u32, digest: u128, uses: &[Use], before: &[u32]) -> Option<FirstUse> {
    while let Some(index) = (last as usize).checked_sub(1) {
        let used = uses.get(index)?;
        if used.digest == digest {
            return Some(used.first);
        }
        last = *before.get(index)?;
    }
    None
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
        // The same word, and the same bits of it for every second one.
        let meeting = |number: u64| u128::from(number) << 96 | u128::from(number % 2) << 64 | 5;
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
        let bytes = size_of::<Word>() * used.filter.len() + 4 * used.before.len();
        assert!(bytes <= 8 * used.uses.len(), "{bytes}");
    }
}
