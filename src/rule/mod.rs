//! The eight patterns a rule can have, and what they say: obligation, verdict, finding. One file per pattern.

mod finding;
mod verdict;

pub use finding::{Finding, Witness};
pub use verdict::{Reason, RunVerdict, Verdict};
