//! Runs the rules of a pack over a stream of events, in one pass.

mod result;

pub use result::{
    Bucket, CheckResult, Completeness, Parameter, RuleResult, SourceSummary, Subject, Timing, Undecided,
};
