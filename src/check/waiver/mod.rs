//! Waivers: findings that somebody has signed for, for a product and for a time.
//!
//! `format` is `waivers.toml` as written. `Waivers` is what it means: read with today's date, resolved with a
//! pack, held against the findings of a run. A waiver changes what a finding does to the verdict and nothing
//! else; what can never be waived is refused here.

mod date;
mod format;
mod grant;
mod look;
mod waivers;

pub use date::{Date, DateError};
pub use grant::{Devices, Waiver, WaiverUse};
pub use waivers::Waivers;

pub(crate) use grant::Grant;
