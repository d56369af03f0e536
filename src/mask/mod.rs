//! Which values are sensitive, and how they are replaced before anything is written, shown or logged.
//!
//! ```text
//!  text ──▶ suspect (flat pass, no allocation) ──no──▶ nothing to do
//!              │ yes
//!              ▼
//!           find (structure, escapes, field names) ──▶ hits ──▶ replace (keyed) ──▶ masked text
//! ```
//!
//! A pure function of text, policy and key: no clock, no randomness, no file.
//!
//! What it cannot know: a random decimal identifier of 16 digits looks exactly like a card number four to
//! five times in a hundred, one of another length one to three times (issuer range and checksum by
//! chance); UUIDs and times do not, and 16 hexadecimal digits only where all of them happen to be decimal
//! as well, 24 times in a million. Such a value is masked, the same way everywhere, so that correlation
//! holds; a pack that names the field an identifier makes the case rarer. What it does not look at: images,
//! packed decimal, UTF-16, digits in several fields, JSON within JSON deeper than four strings, and
//! `name=value` inside the strings of a JSON message, unless the value is itself a card number.

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
