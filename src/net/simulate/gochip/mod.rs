//! A virtual goChip service and a virtual goChip POS, for demos, tests and first steps.
//!
//! Like the TSI peers beside them, what they do is decided by plain values in plain functions; only
//! `serve` and `dial` touch a socket. What the vendor's pages leave open is decided here, and said.

mod amount;
mod edition;
mod message;

mod behaviour;
mod course;
mod gateway;
mod service;
mod stage;

mod errand;
mod habit;
mod pos;

mod dial;
mod serve;

pub use amount::Major;
pub use behaviour::{Behaviour, UnknownBehaviour};
pub use dial::{Manner, PosNews, dial};
pub use edition::Edition;
pub use errand::{Ask, Errand, Meddling, Scenario, UnknownScenario};
pub use habit::{Habit, UnknownHabit};
pub use pos::{Ending, Pos};
pub use serve::{PATH, ServiceNews, serve};
pub use service::{Served, Service, ServiceSettings};
