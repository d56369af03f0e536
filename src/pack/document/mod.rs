//! Documents a pack refers to, JSON Schemas and AsyncAPI, as trees whose every part knows where it stands.
//!
//! They are read once, when a pack is loaded, so that mistakes in them are shown like any other mistake
//! of a pack. Messages are never made into such trees.

mod library;
mod patch;
mod tree;
mod yaml;

pub(super) use library::{Library, Target};
pub(super) use tree::{Document, Member, Node, Place, Value, quoted};
