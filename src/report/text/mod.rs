//! The report for people: the verdict first, then who broke what and what to do, then the rest.
//!
//! ```text
//! NON-CONFORMANT  the POS broke ACK-1
//!
//! FAIL  ACK-1  the POS acknowledges every event
//!   …the messages that prove it, expected, got, next steps…
//!
//! 3 of 4 rules in scope exercised: 1 failed, 2 passed
//! ```
//!
//! Short where all is well. The same result and look always give the same bytes.

mod findings;
mod sheet;
mod sources;
mod summary;
mod timing;

use sheet::Sheet;

use super::Report;

/// How the report is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns to fill; lines that can be broken are.
    pub width: usize,
    /// Whether to write colour codes.
    pub colour: Colour,
    /// Which characters to draw with.
    pub glyphs: Glyphs,
}

impl Look {
    /// For files and pipes: 100 columns, no colours, all of Unicode. The same on every machine.
    pub const PLAIN: Self = Self { width: 100, colour: Colour::Never, glyphs: Glyphs::Unicode };
}

/// Whether to write colour codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI escape codes.
    Always,
}

/// Which characters to draw with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Blocks, arrows and ellipses.
    Unicode,
    /// ASCII only; what peers sent is escaped where it is not.
    Ascii,
}

/// Renders the report for people.
pub fn text(report: &Report<'_>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    summary::verdict(&mut sheet, report);
    sources::unreadable(&mut sheet, report);
    findings::failed(&mut sheet, report.result);
    findings::errors(&mut sheet, report.result);
    findings::undecided(&mut sheet, report.result);
    findings::not_exercised(&mut sheet, report.result);
    findings::for_review(&mut sheet, report.result);
    summary::count(&mut sheet, report.result);
    timing::timing(&mut sheet, report.result);
    sources::recordings(&mut sheet, report.result);
    sheet.finish()
}
