//! A virtual goChip service and a virtual goChip POS, for demos, tests and first steps.
//!
//! Like the TSI peers beside them, what they do is decided by plain values in plain functions; only
//! `serve` and `dial` touch a socket. What the vendor's pages leave open is decided here, and said.

mod amount;
mod edition;
mod message;

mod answers;
mod behaviour;
mod cancelling;
mod course;
mod gateway;
mod selling;
mod service;
mod stage;

mod ending;
mod errand;
mod habit;
mod pos;
mod requests;

mod dial;
mod serve;

pub use amount::Major;
pub use behaviour::{Behaviour, UnknownBehaviour};
pub use dial::{Manner, PosNews, dial, run_pos};
pub use edition::{Edition, UnknownEdition};
pub use ending::Ending;
pub use errand::{Ask, Emv, Errand, Meddling, Scenario, UnknownScenario};
pub use habit::{Habit, UnknownHabit};
pub use pos::Pos;
pub use serve::{PATH, ServiceNews, run_service, serve};
pub use service::{Served, Service, ServiceSettings};
