//! Hashes of keys: a short one to look a group up by, a long one that stands for a key nobody keeps.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, Hasher, RandomState};

use crate::text::json;

/// 64 bits to look a key up by; the keys themselves are compared afterwards.
///
/// Seeded anew in every run, so that nobody can choose keys that meet in one place. What is reported never
/// depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u64, u64);

impl Default for Seed {
    fn default() -> Self {
        let random = RandomState::new();
        // Odd, so that it is never zero.
        Self(random.hash_one(0_u8) | 1, random.hash_one(1_u8) | 1)
    }
}

impl Seed {
    /// The hash of a number and a text.
    #[inline]
    pub(super) fn hash(self, number: u64, text: &str) -> u64 {
        let bytes = text.as_bytes();
        let mut state = folded(number ^ self.0, bytes.len() as u64 ^ self.1);
        let last = match bytes.last_chunk::<16>() {
            Some(last) => {
                for block in bytes[..bytes.len() - 1].as_chunks::<16>().0 {
                    state = self.mix(state, u128::from_le_bytes(*block));
                }
                u128::from_le_bytes(*last)
            }
            None => short(bytes),
        };
        folded(self.mix(state, last), self.1)
    }

    /// The hash of some numbers.
    #[inline]
    pub(super) fn hash_words(self, words: &[u64]) -> u64 {
        let (pairs, rest) = words.as_chunks::<2>();
        let state = pairs.iter().fold(self.0, |state, &[a, b]| folded(state ^ a, self.1 ^ b));
        folded(state ^ rest.first().copied().unwrap_or(0), self.1 ^ words.len() as u64)
    }

    #[inline]
    const fn mix(self, state: u64, block: u128) -> u64 {
        folded(state ^ block as u64, self.1 ^ (block >> 64) as u64)
    }
}

/// The product of two numbers, its upper half laid over its lower.
#[inline]
const fn folded(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product >> 64) as u64 ^ product as u64
}

/// A JSON scalar as everybody would spell it: the same text escaped differently is the same.
pub(super) fn canonical(token: &str) -> String {
    match json::string(token) {
        Some(text) => serde_json::to_string(&text).unwrap_or_default(),
        None => token.to_owned(),
    }
}

/// Makes 128 bits that stand for a key of any length.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digest {
    low: Seed,
    high: Seed,
}

impl Digest {
    /// The digest of a number and a JSON scalar; the same text escaped differently is the same.
    #[inline]
    pub(super) fn of(&self, number: u64, token: &str) -> u128 {
        let canonical =
            if token.contains('\\') { Cow::Owned(canonical(token)) } else { Cow::Borrowed(token) };
        let half = |seed: Seed| u128::from(seed.hash(number, &canonical));
        half(self.high) << 64 | half(self.low)
    }
}

/// Fewer than sixteen bytes as one number; with their length it tells all of them apart.
#[inline]
fn short(bytes: &[u8]) -> u128 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        return u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << 64;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u128::from(u32::from_le_bytes(*first)) | u128::from(u32::from_le_bytes(*last)) << 32;
    }
    match bytes {
        [first, .., last] => {
            u128::from(*first) | u128::from(bytes[bytes.len() / 2]) << 8 | u128::from(*last) << 16
        }
        [only] => u128::from(*only),
        [] => 0,
    }
}

/// Hashes what is a hash already.
#[derive(Default)]
pub(super) struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
