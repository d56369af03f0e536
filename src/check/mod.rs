//! Runs the rules of a pack over a stream of events, in one pass.

mod conceal;
mod engine;
mod exchange;
mod result;

pub use conceal::{conceal, conceal_finding};
pub use engine::{Check, Options, SourceInfo};
pub use exchange::{ExchangeFailure, try_exchange};
pub use result::{
    Bucket, CheckResult, Completeness, Parameter, RuleResult, SourceSummary, Subject, Timing, Undecided,
};
