//! The money ledger: what was charged, what came of it, and who knows, read from what was said on the wire.
//!
//! ```text
//!  events ──▶ Ledger ──▶ book: charges, reversals, enquiries ──▶ judge ──▶ faults, and how the money stands
//! ```
//!
//! It knows nothing of whoever plays the peers: not what they meant to do, not what went wrong on purpose.
//! What a charge, an approval, a reversal or an enquiry is, the pack says.

mod book;
mod judge;
mod ledger;

pub use book::{Book, Charge, End, Enquiry, Reversal};
pub use judge::{Fault, Judgement, Standing, judge};
pub use ledger::Ledger;
