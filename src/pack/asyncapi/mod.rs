//! AsyncAPI documents, 2.x and 3.x: the messages a vendor describes, and the messages of a pack described.
//!
//! `read` finds out what messages a document has, who sends them and where, whatever its version; `tell` by what
//! they are told apart on the wire. What becomes of them in a pack is said in `resolve`. `write` is the way back.

mod lift;
mod read;
mod tell;
mod three;
mod two;
mod words;
mod write;

pub(super) use read::{Described, Operation, Side, read};
pub(super) use tell::{Facts, Sign, facts, told_apart};
pub use write::asyncapi;
