//! The matrix: every place a cassette can break at, tried against a POS, each judged by the money ledger.
//!
//! ```text
//!  cassette ──▶ cells ──▶ terminal of a cell ◀── wire ──▶ POS (a model, or the one under test)
//!                                │ events
//!                                ▼
//!                             ledger ──▶ what the cell is called ──▶ grid
//! ```

mod breaks;
mod manner;
mod run;
mod served;
mod terminal;
mod till;
mod weigh;
mod wire;

mod grid;
mod json;
mod text;

pub use breaks::{Break, CellId, Times, UnknownCell, cell, cells};
pub use grid::{Grid, MATRIX_VERSION, MatrixVerdict};
pub use manner::{Manner, UnknownManner};
pub use run::{PosEnd, Run};
pub use terminal::{Order, Terminal};
pub use weigh::{Cell, Word, meant, through, weigh};
pub use wire::simulate;
