//! What a cell came to: what was said of money, how the POS ended, whether the break happened.

use std::time::Duration;

use crate::money::Book;

/// What a cell came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What was said of money.
    pub book: Book,
    /// Whether the break happened.
    pub struck: bool,
    /// What the POS said that the cassette does not have, before the break.
    pub off_script: Option<String>,
    /// How the POS ended.
    pub end: PosEnd,
}

/// How the POS of a cell ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PosEnd {
    /// By itself, and content.
    Finished,
    /// Nothing happened any more for so long.
    Quiet(Duration),
    /// It was still busy after so long.
    Busy(Duration),
    /// It ended otherwise: `exit code 1`, with the last line it wrote to standard error.
    Failed {
        /// How.
        how: String,
        /// Its last words.
        said: Option<String>,
    },
    /// It said more than a cell takes.
    Flooded(u64),
    /// The operator stopped the cell.
    Stopped,
}
