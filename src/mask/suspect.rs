//! The hot path: may this text hold something to mask? A flat pass that allocates nothing.
//!
//! It errs on one side only: whatever `find` would find in a JSON text is suspected here. It knows
//! nothing of structure; a suspicion costs a second, careful look.

use super::Policy;
use super::card::Cards;

impl Policy {
    /// Whether a JSON text may hold something sensitive; false is final.
    #[inline]
    pub fn suspects(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        Cards::new(bytes).next().is_some() || self.suspects_a_field(bytes)
    }

    /// Whether a sensitive field name stands before a colon, or an escape may hide anything.
    fn suspects_a_field(&self, bytes: &[u8]) -> bool {
        for at in memchr::memchr3_iter(b':', b'\\', b'%', bytes) {
            let suspect = match bytes[at] {
                b':' => self.names().before_colon(bytes, at),
                b'\\' => bytes.get(at + 1) == Some(&b'u'),
                _ => matches!(bytes.get(at + 1), Some(b'2' | b'3')),
            };
            if suspect {
                return true;
            }
        }
        false
    }
}

impl super::names::Names {
    /// Whether the key before the colon at `colon` may be sensitive; its quotes may be escaped.
    #[inline]
    fn before_colon(&self, bytes: &[u8], colon: usize) -> bool {
        let mut end = colon;
        while end > 0 && matches!(bytes[end - 1], b' ' | b'\t' | b'\n' | b'\r') {
            end -= 1;
        }
        if end == 0 || bytes[end - 1] != b'"' {
            return false;
        }
        end -= 1;
        while end > 0 && bytes[end - 1] == b'\\' {
            end -= 1;
        }
        self.ending_at(bytes, end).is_some_and(|meaning| meaning != super::names::Meaning::Identifier)
    }
}
