//! JSON Schema (2020-12, with the forms of 2019-09 and draft 07), compiled to what a message text is held against.
//!
//! [`compile()`] turns a schema document into a [`Schema`]; `walk` reads a message's text once and says whether it
//! fits, without a tree and without allocating; `explain` puts a breach in words. What is not supported is a
//! mistake of the pack, shown where it stands, never ignored.

mod compile;
mod decimal;
mod dialect;
mod equal;
mod explain;
mod format;
mod fuse;
mod keyword;
mod program;
mod walk;

pub(in crate::pack) use compile::compile;
pub(super) use dialect::Dialect;
pub(in crate::pack) use fuse::{Form, Inside};
pub use program::Schema;
pub(in crate::pack) use program::{NodeId, Types};
pub use walk::Breach;
