//! Recordings the tool makes of its own simulated peers: for `demo`, and for the curated cassettes.

mod catalogue;
mod play;

pub use catalogue::{BAD_TILL, Entry, NORMAL_DAY, catalogue};
pub use play::{Act, PlayError, Played, Tape, Visit, play};
