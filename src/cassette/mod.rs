//! The recording as a file format: lines, version, reader, writer and its errors. Works on `Read` and `Write`.
//!
//! `docs/cassette.md` is the public page of the format; the keys are written in [`encode()`] and read in
//! `line` (our own lines, by hand) and `loose` (everything a person or another tool may have made of them).

mod format;

mod encode;
mod extend;
mod writer;

mod guess;
mod line;
mod lines;
mod loose;
mod reader;
mod zst;

mod errors;

pub use encode::encode;
pub use errors::{CassetteError, LineNumber, LineProblem};
pub use extend::Extension;
pub use format::{Facts, FormatVersion, Header, HeaderProblem};
pub use lines::{MAX_LINE_BYTES, Verification};
pub use reader::{Ending, Reader};
pub use writer::Writer;
