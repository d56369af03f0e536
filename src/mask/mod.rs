//! Which values are sensitive, and how they are replaced before anything is written, shown or logged.
//!
//! ```text
//!  text ──▶ suspect (flat pass, no allocation) ──no──▶ nothing to do
//!              │ yes
//!              ▼
//!           find (structure, escapes, field names) ──▶ hits ──▶ replace (keyed) ──▶ masked text
//! ```
//!
//! A pure function of text, policy and key: no clock, no randomness, no file. What is *not* looked at:
//! card numbers in images, in packed decimal or UTF-16, and spelled in words.

mod kind;
mod policy;
mod standard;

mod suspect;

mod card;
mod edge;
mod emv;
mod field;
mod find;
mod handshake;
mod issuer;
mod layer;
mod names;
mod token;
mod track;

mod masker;
mod replace;
mod scan;
mod sensitive;

pub use kind::MaskedKind;
pub use masker::{Inspection, MaskedBytes, MaskedText, Masker};
pub use policy::Policy;
pub use scan::{Clear, ScanResult, Scanner, find_clear};
pub use sensitive::Sensitive;
