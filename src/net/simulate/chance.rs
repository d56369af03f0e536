//! Seeded randomness, so that a run made twice is the same: the SplitMix64 generator.

use std::time::Duration;

/// A stream of numbers that depends on its seed only. Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of that seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`, which is at least 1.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // The bias of the remainder is at most limit / 2^64: nothing for ids and delays.
        self.next() % limit.max(1)
    }

    /// A duration within a fifth of `mean`, the way people vary.
    pub(crate) fn around(&mut self, mean: Duration) -> Duration {
        let percent = 80 + u32::try_from(self.below(41)).unwrap_or(0);
        mean * percent / 100
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream_within_its_bounds() {
        let numbers = |seed| {
            let mut chance = Chance::new(seed);
            (0..50).map(|_| chance.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        assert!(numbers(7).iter().all(|&n| n < 10));
        let mean = Duration::from_secs(10);
        let mut chance = Chance::new(1);
        assert!((0..100).all(|_| chance.around(mean).abs_diff(mean) <= mean / 5));
    }
}
