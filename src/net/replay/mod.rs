//! Replay on real sockets: a player, the connections it listens for and dials, the real clock.
//!
//! ```text
//!  listener ──▶ handshake ──▶ link ─┐              ┌──▶ watcher: events, notes, what is held
//!  dial     ──▶ handshake ──▶ link ─┤  ┌────────┐  │
//!                            link ◀─┴─▶│ stage  │──┤
//!                                      │ player │  └──▶ outcome
//!                                      └────────┘
//! ```
//!
//! One thread: links tell the stage what came, the stage asks the player what is to be done and tells the
//! links. Nothing is decided here, and every wait has a limit.

mod beyond;
mod client;
mod device;
mod events;
mod fresh;
mod judge;
mod link;
mod order;
mod plan;
mod run;
mod server;
mod session;
mod stage;

pub use fresh::{Stale, still_fresh};
pub use judge::{Judge, Judged};
pub use order::{NoConnection, Order, Reply, Standing};
pub use plan::{Credentials, Plan, ReplayError, Watcher};
pub use run::run;
pub use session::{Over, Session};
