//! Text as the tools need it: JSON that keeps its positions, JSON pointers, named sources and spans.
//!
//! Nothing here knows payments, packs or cassettes.

pub mod json;
mod pointer;

pub use pointer::{Pointer, PointerError};
