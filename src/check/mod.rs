//! Runs the rules of a pack over a stream of events, in one pass.

mod engine;
mod result;

pub use engine::{Check, Options, SourceInfo};
pub use result::{
    Bucket, CheckResult, Completeness, Parameter, RuleResult, SourceSummary, Subject, Timing, Undecided,
};
