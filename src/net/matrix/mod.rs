//! A cell of the matrix against a real POS: a process of its own for each cell, sockets, the clock.
//!
//! ```text
//!  command ──▶ POS process ◀──ws──▶ links ──▶ stage (terminal of the cell, ledger) ──▶ run
//!     ▲ restart                                  │
//!     └──────────────────────────────────────────┘
//! ```

mod cell;
mod link;
mod process;
mod stage;

pub use cell::{CellError, CellPlan, play};
pub use process::Command;
