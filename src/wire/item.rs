//! What the decoder yields: whole things, in the order they came, borrowed from wherever they stand.

use super::ProtocolError;

/// One thing that was on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A whole data message. That text is UTF-8 is not checked here; [`text`] does it.
    Message {
        /// Whether it is a text message.
        text: bool,
        /// Its content, unmasked and inflated.
        payload: &'a [u8],
        /// Payload sizes of its frames, in bytes on the wire; empty for a message of one frame.
        frames: &'a [u64],
        /// Whether it was compressed.
        deflated: bool,
    },
    /// A whole data message larger than [`MessageLimits::kept`](super::MessageLimits::kept): hashed as it
    /// passed, never stored. That text is UTF-8 is not checked.
    Oversized {
        /// Whether it is a text message.
        text: bool,
        /// Its size in bytes, after inflation.
        size: u64,
        /// SHA-256 of its content, unmasked and inflated, in lower-case hex.
        sha256: String,
        /// Payload sizes of its first frames, as many as the limits keep; empty for a message of one frame.
        frames: &'a [u64],
        /// Whether it was compressed.
        deflated: bool,
    },
    /// A ping frame's content.
    Ping(&'a [u8]),
    /// A pong frame's content.
    Pong(&'a [u8]),
    /// A close frame.
    Close {
        /// Its code; `None` where it has no body, or a body of one byte.
        code: Option<u16>,
        /// Its reason; should be UTF-8.
        reason: &'a [u8],
    },
    /// Something that is wrong.
    ///
    /// Where nothing can be read because of it, `bytes` is what came in its place. Where it hinders
    /// nothing (a missing mask, a bad close code), `bytes` is the offending header or close body, and the
    /// message itself follows as an item of its own.
    Undecodable {
        /// The bytes, as far as the limits keep them.
        bytes: &'a [u8],
        /// How many there were.
        size: u64,
        /// What is wrong with them.
        why: ProtocolError,
    },
}

/// The text of a text message, or why it has none.
pub fn text(payload: &[u8]) -> Result<&str, ProtocolError> {
    simdutf8::compat::from_utf8(payload)
        .map_err(|error| ProtocolError::TextNotUtf8 { at: error.valid_up_to() })
}
