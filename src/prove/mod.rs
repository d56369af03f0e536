//! The mutation proof of a pack: clean recordings are broken on purpose, and each rule has to catch its fault.
//!
//! One injected fault gives one root finding, which accuses the party the fault belongs to; what means
//! nothing (a neutral twin) changes nothing. Recordings come in as values, the proof goes out as a value;
//! which recordings, and how the proof is shown, is for the command line to say.

mod proof;
mod render;

mod operator;
mod twin;

mod closing;
mod field;
mod link;
mod sequence;

mod anatomy;
mod edit;
mod tape;

pub use operator::{Blame, Mutant, Operator};
pub use proof::{Accusation, Caught, Change, Mistake, Proof, Proved, Wrong, exchanges};
pub use render::{json, legend, markdown};
pub use tape::{Act, Event, Said, Tape};
pub use twin::Twin;
