//! A virtual terminal and a virtual till that speak TSI (`tsi.md`), for demos, tests and first steps.
//!
//! What they do is decided by plain values in plain functions: a request gives a timeline, a scenario
//! gives errands. Only `serve` and `dial` touch a socket, only `run` the clock and signals.

mod pace;

mod calendar;
mod chance;
mod object;

mod message;

mod behaviour;
mod ledger;
mod order;
mod receipt;
mod terminal;
mod timeline;

mod habit;
mod scenario;
mod till;

mod dial;
mod serve;

mod run;

pub mod gochip;

mod protocol;

pub use behaviour::{Behaviour, UnknownBehaviour};
pub use calendar::{ShopDay, WallTime};
pub use dial::{Connections, DialError, Manner, TillNews, dial};
pub use habit::{Habit, UnknownHabit};
pub use message::{Door, Endpoint};
pub use pace::{Pace, PaceError, Wait};
pub use protocol::{Protocol, UnknownProtocol};
pub use run::{RunError, fresh_seed, run_terminal, run_till, wall_time};
pub use scenario::{Ask, Cents, Errand, Reference, Scenario, UnknownScenario};
pub use serve::{Play, ShopClock, TerminalNews, serve};
pub use terminal::{LinkId, Served, Terminal, TerminalSettings};
pub use till::{Doors, Ending, Till};
