//! tilltape sits between a till (POS) and a payment terminal that talk JSON over WebSocket: it records
//! their exchanges as cassettes, checks them against the documented rules, and says who broke which.
//!
//! ```text
//!                      ┌────────── net (async) ──────────┐
//!  POS ──ws/wss──▶ proxy ══ bytes, untouched ══▶ terminal │
//!                      │ tap: decodes a copy             │
//!                      ▼                                 │
//!         conversation events ──▶ mask ──▶ cassette (JSON lines)
//!                      │                        │
//!                      ▼                        ▼
//!                check (pack) ◀──────── the same event stream
//!                      │
//!           findings, verdicts ──▶ report
//! ```
//!
//! `ARCHITECTURE.md` has the map and the invariants.

pub mod text;

pub mod mask;
pub mod wire;

pub mod conversation;

pub mod cassette;
pub mod pack;

pub mod rule;

pub mod check;

pub mod prove;

pub mod money;

pub mod replay;

pub mod report;

pub mod net;

#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
