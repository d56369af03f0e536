//! What is kept of a payload as it arrives: all of it, or its first bytes and a hash. Allocates only for
//! bytes that have come, whatever a header announces.

use sha2::{Digest, Sha256};

use super::MessageLimits;
use super::unmask::Mask;

/// The first bytes of something, and how many there were.
#[derive(Debug, Default)]
pub(super) struct Prefix {
    pub(super) kept: Vec<u8>,
    pub(super) size: u64,
}

impl Prefix {
    /// Counts `bytes`, and keeps of them what fits into `limit`.
    pub(super) fn push(&mut self, bytes: &[u8], mask: Mask, limit: usize) {
        self.size += bytes.len() as u64;
        let start = self.kept.len();
        let fits = bytes.len().min(limit.saturating_sub(start));
        self.kept.extend_from_slice(&bytes[..fits]);
        mask.remove(&mut self.kept[start..]);
    }
}

/// The content of a message so far.
#[derive(Debug)]
pub(super) enum Content {
    Kept(Vec<u8>),
    Hashed(Box<Hashed>),
}

/// A message too large to keep.
#[derive(Debug)]
pub(super) struct Hashed {
    sha256: Sha256,
    first: Prefix,
}

impl Content {
    /// Adds `bytes`, the next of at least `expected` that the frame announces; `buffer` is scratch.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        mask: Mask,
        expected: u64,
        limits: &MessageLimits,
        buffer: &mut Vec<u8>,
    ) {
        if let Self::Kept(kept) = self
            && expected > limits.kept.saturating_sub(kept.len()) as u64
        {
            self.stop_keeping(limits);
        }
        match self {
            Self::Kept(kept) => {
                let start = kept.len();
                make_room(kept, bytes.len(), expected);
                kept.extend_from_slice(bytes);
                mask.remove(&mut kept[start..]);
            }
            Self::Hashed(hashed) => hashed.push(mask.plain(bytes, buffer), limits),
        }
    }

    /// Keeps a hash instead of the content from here on.
    pub(super) fn stop_keeping(&mut self, limits: &MessageLimits) {
        if let Self::Kept(kept) = self {
            let mut hashed = Hashed { sha256: Sha256::new(), first: Prefix::default() };
            hashed.push(kept, limits);
            *self = Self::Hashed(Box::new(hashed));
        }
    }

    /// The first bytes, and how many there were.
    pub(super) fn first(&self, limits: &MessageLimits) -> (&[u8], u64) {
        match self {
            Self::Kept(kept) => (&kept[..kept.len().min(limits.undecodable)], kept.len() as u64),
            Self::Hashed(hashed) => (&hashed.first.kept, hashed.first.size),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Kept(kept) => kept.capacity(),
            Self::Hashed(hashed) => size_of::<Hashed>() + hashed.first.kept.capacity(),
        }
    }
}

impl Hashed {
    fn push(&mut self, bytes: &[u8], limits: &MessageLimits) {
        self.sha256.update(bytes);
        self.first.push(bytes, Mask::NONE, limits.undecodable);
    }

    /// Size in bytes, and SHA-256 in lower-case hex.
    pub(super) fn finish(self) -> (u64, String) {
        let hex = |byte: u8| [byte >> 4, byte & 0xf].map(|digit| char::from_digit(digit.into(), 16));
        (self.first.size, self.sha256.finalize().into_iter().flat_map(hex).flatten().collect())
    }
}

/// Makes room for `more` bytes: doubles, but never past what the frame announces.
fn make_room(kept: &mut Vec<u8>, more: usize, expected: u64) {
    if kept.capacity() - kept.len() < more {
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        kept.reserve_exact(kept.capacity().saturating_sub(kept.len() / 2).clamp(more, expected.max(more)));
    }
}
