//! Runs the rules of a pack over a stream of events, in one pass.

mod conceal;
mod engine;
mod exchange;
mod recognise;
mod result;
mod subject;
mod waiver;

pub use conceal::{conceal, conceal_finding};
pub use engine::{Check, Options, SourceInfo};
pub use exchange::{ExchangeFailure, try_exchange, unshown};
pub use recognise::{Likeness, Recognised, Recogniser, Recognition, can_tell};
pub use result::{
    Basis, Bucket, CheckResult, Completeness, Parameter, RuleResult, SourceSummary, Timing, Undecided,
};
pub use subject::Subject;
pub use waiver::{Date, DateError, Devices, Waiver, WaiverUse, Waivers};
