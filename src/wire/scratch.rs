//! Buffers that all decoders of one thread share, so that an idle connection holds none.

use flate2::Decompress;

/// Buffers for decoding, one set per thread. Holds nothing between two calls that a result depends on.
#[derive(Debug, Default)]
pub struct Scratch {
    /// A payload without its mask.
    pub(super) unmasked: Vec<u8>,
    /// A piece of inflated payload.
    pub(super) inflated: Vec<u8>,
    /// What inflates, where no message depends on an earlier one.
    pub(super) inflater: Option<Decompress>,
    /// The allocation of a message that was yielded.
    spare: Vec<u8>,
}

impl Scratch {
    /// An empty buffer for a message that is expected to have at least `expected` bytes.
    pub(super) fn take_buffer(&mut self, expected: u64) -> Vec<u8> {
        // A message of a few bytes does not get to sit on a large allocation.
        if self.spare.capacity() as u64 / 4 <= expected {
            std::mem::take(&mut self.spare)
        } else {
            Vec::new()
        }
    }

    /// Keeps the allocation of `buffer` for a later message.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() > self.spare.capacity() {
            buffer.clear();
            self.spare = buffer;
        }
    }
}
