//! Text as the tools need it: JSON that keeps its positions, and JSON pointers.
//!
//! Nothing here knows payments, packs or cassettes.

pub mod json;
mod pointer;
pub(crate) mod scan;

pub use pointer::{Pointer, PointerError};
