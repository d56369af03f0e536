//! For tests in Rust: a terminal or a POS made of a cassette, or a simulated terminal, on a free port, in one line.
//!
//! ```
//! use tilltape::testing;
//! # use std::io::Read as _;
//! # fn sell(url: &str) -> Result<(), Box<dyn std::error::Error>> {
//! #     let (mut till, _) = tungstenite::connect(format!("{url}/tsi/v1/payment"))?;
//! #     till.send(r#"{"request":{"flow_id":"123456","resource":{"type":"sale","amount":2350,"tip_amount":300,"tender_type":"credit"}}}"#.into())?;
//! #     till.read()?;
//! #     till.read()?;
//! #     till.send(r#"{"event_ack":{"flow_id":"123456","resource":{"status":"ok"}}}"#.into())?;
//! #     till.close(Some(tungstenite::protocol::CloseFrame { code: 1000.into(), reason: "".into() }))?;
//! #     while till.read().is_ok() {}
//! #     Ok(())
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let terminal = testing::terminal("cassettes/bluechip-tsi/sale-approved.cassette.jsonl").checked().start()?;
//! sell(terminal.url())?; // the POS under test
//! let run = terminal.verdict()?;
//! run.assert_green();
//! assert!(run.transcript().starts_with("open pos → terminal /tsi/v1/payment\n"));
//! # Ok(())
//! # }
//! ```
//!
//! The library alone is enough, without the command line:
//!
//! ```toml
//! [dev-dependencies]
//! tilltape = { version = "0.1", default-features = false, features = ["testing"] }
//! ```
//!
//! Every peer has a port and a thread of its own, so that tests run side by side; whatever is dropped is stopped.
//! [`Run::transcript`] is made for snapshots: no times, no addresses, and what differs from run to run under an
//! alias. In async tests, [`Running::ended`] waits without blocking. `examples/rust_pos.rs` is a whole POS with its
//! tests; `docs/replay.md` says what is compared, and how to read a mismatch.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "reads the cassettes that a test names, and gives every peer a thread"
)]

mod error;
mod replay;
mod run;
mod running;
mod simulated;
mod witness;

pub use error::StartError;
pub use replay::{Replay, pos, terminal};
pub use run::Run;
pub use running::{Running, Stopped};
pub use simulated::{Simulated, Simulation, simulated_terminal};

// What the calls above take and give.
pub use crate::net::replay::{NoConnection, Over, Standing};
pub use crate::net::simulate::{Pace as SimulatedPace, Protocol};
pub use crate::pack::Sources;
pub use crate::replay::{Fault, Outgoing, Pace, TooLate, Unknown, Verdict};
