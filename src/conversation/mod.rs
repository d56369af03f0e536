//! What happened on the wire, as values: parties, events, flows and the transcript people read.
//!
//! The live tap and the cassette reader yield the same [`ConversationEvent`]s; recorder, check and
//! display consume them. Nothing here knows where an event came from.

mod event;
mod identity;
mod owned;
mod party;
mod redact;
pub mod transcript;

pub use event::{
    Clock, Close, Control, ConversationEvent, Drop, End, EndReason, EventKind, Gap, Head, Masked, Message,
    Note, Opening, Payload, Refusal, Scan, Undecodable,
};
pub use identity::{ConnectionId, EventNumber, Offset};
pub use owned::{Content, JsonMessage, OwnedEvent};
pub use party::{Leg, Party};
pub use redact::redacted;

pub use crate::mask::MaskedKind;
