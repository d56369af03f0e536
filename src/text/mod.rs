//! Text as the tools need it: JSON that keeps its positions, JSON pointers, exact decimal numbers.
//!
//! Nothing here knows payments, packs or cassettes.

mod decimal;
pub mod json;
mod pointer;
pub(crate) mod scan;

pub use decimal::Decimal;
pub use pointer::{Pointer, PointerError};
