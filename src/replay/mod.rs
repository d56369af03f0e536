//! Replay: a cassette plays the terminal, the POS, or both; decisions only, no socket and no clock.
//!
//! ```text
//!  cassette ──▶ script (steps, flows, identities) ──▶ player ◀──▶ wire, real or in memory
//!                                                        │
//!                                          complete, mismatch, incomplete
//! ```
//!
//! `docs/replay.md` is the page for users; the sockets are `net::replay`.

mod spot;

mod leaf;
mod number;
mod path;

mod lineage;
mod script;

mod binding;
mod compare;
mod difference;

mod describe;
mod fault;
mod mismatch;
mod outcome;
mod pace;

mod player;

mod rehearsal;
mod verdict;

mod matrix;

pub use binding::Ids;
pub use difference::{Difference, Differs};
pub use fault::{Fault, FaultError, Harm, Verb};
pub use lineage::Wishes;
pub use matrix::{
    Break, Cell, CellId, Grid, MATRIX_VERSION, Manner, MatrixVerdict, Order, PosEnd, Run, Terminal, Times,
    UnknownCell, UnknownManner, Word, cell, cells, meant, simulate, through, weigh,
};
pub use mismatch::{Expected, Got, Mismatch};
pub use outcome::{Incomplete, Outcome, Remarks, Shortfall, Tally};
pub use pace::{Pace, PaceError};
pub use player::{
    Action, Answer, Closes, Deed, LinkId, Outgoing, Player, Received, Settings, Steps, TooLate, Unknown,
    Unplayable, Wire,
};
pub use rehearsal::{Rehearsal, RehearsalError, rehearse};
pub use script::{Script, ScriptError, StepId};
pub use spot::{Spot, SpotError};
pub use verdict::{Added, Broken, Conformance, VERDICT_VERSION, Verdict};
