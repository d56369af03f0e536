//! Hashes of keys: a short one to look a group up by, a long one that stands for a key nobody keeps.

use std::hash::{BuildHasher as _, DefaultHasher, Hasher, RandomState};

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
        let mut state = folded(number ^ self.0, text.len() as u64 ^ self.1);
        let (blocks, rest) = text.as_bytes().as_chunks::<16>();
        for block in blocks {
            state = self.mix(state, u128::from_le_bytes(*block));
        }
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        folded(self.mix(state, u128::from_le_bytes(last)), self.1)
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

/// 128 bits that stand for a key of any length.
#[derive(Debug)]
pub(super) struct Digest {
    low: DefaultHasher,
    high: DefaultHasher,
}

impl Default for Digest {
    fn default() -> Self {
        let mut high = DefaultHasher::new();
        high.write_u8(1);
        Self { low: DefaultHasher::new(), high }
    }
}

impl Digest {
    pub(super) fn number(&mut self, number: u64) {
        self.low.write_u64(number);
        self.high.write_u64(number);
    }

    /// A JSON scalar; the same text escaped differently is the same.
    pub(super) fn token(&mut self, token: &str) {
        if token.contains('\\') {
            return self.text(&canonical(token));
        }
        self.text(token);
    }

    pub(super) fn finish(self) -> u128 {
        u128::from(self.high.finish()) << 64 | u128::from(self.low.finish())
    }

    fn text(&mut self, text: &str) {
        for hasher in [&mut self.low, &mut self.high] {
            hasher.write(text.as_bytes());
            hasher.write_u8(0xff);
        }
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
