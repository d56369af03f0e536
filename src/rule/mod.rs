//! The eight patterns a rule can have, and what they say: obligation, verdict, finding. One file per pattern.
//!
//! `judge` holds them and knows the order of calls; `hearing` takes a message apart and calls whom it concerns, by a
//! plan (`plans`) where messages of its sort have come before; `ledger` is what they share, and decides whether an
//! accusation stands. Rules see conversations, never files; time is what the events say.

mod finding;
mod flows;
mod verdict;

mod calls;
mod hearing;
mod judge;
mod ledger;
mod lifecycle;
mod machine;
mod plans;
mod span;
mod standing;

mod accusation;
mod agree;
mod answers;
mod limit;
mod missing;
mod never;
mod order;
mod precede;
mod respond;
mod shape;
mod unique;

mod deadline;
mod digest;
mod excuse;
mod exemption;
mod forget;
mod group;
mod link;
mod obligation;
mod sighting;
mod sum;
mod tally;
mod timing;
mod used;
mod words;

pub use finding::{Finding, Witness};
pub use verdict::{Reason, RunVerdict, Verdict};

pub(crate) use exemption::Exemption;
pub(crate) use judge::Judge;
pub(crate) use sighting::RuleIndex;
pub(crate) use tally::{Example, Tally};
pub(crate) use words::{a, spoken};
