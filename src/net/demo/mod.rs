//! Recordings the tool makes of its own simulated peers: for `demo`, and for the curated cassettes.

mod act;
mod catalogue;
mod play;

pub use act::{Act, GochipAct, GochipVisit, TsiAct, Visit};
pub use catalogue::{BAD_TILL, Entry, NORMAL_DAY, catalogue};
pub use play::{PlayError, Played, Tape, play};
