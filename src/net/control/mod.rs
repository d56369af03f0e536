//! The control endpoint: JSON over HTTP, for whoever keeps one process for many replays.
//!
//! ```text
//!  test framework ──HTTP──▶ call (what is wanted) ──▶ desk ──orders──▶ run, in a thread of its own
//!                 ◀──JSON── answer ◀─────────────────┘
//! ```
//!
//! `specs/schema/control.openapi.json` describes it, `docs/control.md` explains it. HTTP is hyper's; bodies are
//! bounded, waits have a limit, and a page in a browser cannot use it.

mod answer;
mod call;
mod desk;
mod server;
mod witness;

pub use answer::Refusal;
pub use call::Load;
pub use desk::{Desk, Loaded};
pub use server::{ControlError, run};

/// The document that describes the endpoint.
pub const OPENAPI: &str = include_str!("../../../specs/schema/control.openapi.json");
