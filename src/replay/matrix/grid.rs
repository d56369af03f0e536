//! The grid: every cell that was tried, and what they come to.

use std::sync::Arc;

use super::weigh::{Cell, Word};
use crate::money::Book;
use crate::replay::script::Script;

/// The version of the JSON form.
pub const MATRIX_VERSION: u32 = 1;

/// Every cell that was tried.
#[derive(Debug)]
pub struct Grid {
    pub(super) script: Arc<Script>,
    /// The cassette, as the user named it.
    pub(super) cassette: String,
    /// The POS, as the user named it.
    pub(super) pos: String,
    /// What was meant to be paid.
    pub(super) meant: Book,
    pub(super) cells: Vec<Cell>,
    /// How many cells there were to try.
    pub(super) planned: usize,
    /// Why the POS does not get through the cassette even where nothing breaks.
    pub(super) not_through: Option<String>,
}

/// What a grid comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixVerdict {
    /// No break makes the money go wrong.
    Safe,
    /// Some do, or the POS fails.
    Unsafe,
    /// Not every cell was tried to its end.
    Undecided,
    /// The POS does not get through the cassette even where nothing breaks.
    NotTried,
}

impl MatrixVerdict {
    /// In formats.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
            Self::Undecided => "undecided",
            Self::NotTried => "not-tried",
        }
    }

    /// In capitals, as on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "SAFE",
            Self::Unsafe => "UNSAFE",
            Self::Undecided => "UNDECIDED",
            Self::NotTried => "NOT TRIED",
        }
    }
}

impl Grid {
    /// A grid of `cells`, of which `planned` were to be tried.
    pub fn new(
        script: Arc<Script>,
        cassette: String,
        pos: String,
        meant: Book,
        mut cells: Vec<Cell>,
        planned: usize,
    ) -> Self {
        cells.sort_by_key(|cell| cell.id);
        Self { script, cassette, pos, meant, cells, planned, not_through: None }
    }

    /// What came of the run in which nothing breaks; without it the others say nothing.
    #[must_use]
    pub fn as_recorded(self, through: Result<(), String>) -> Self {
        Self { not_through: through.err(), ..self }
    }

    /// What it comes to.
    pub fn verdict(&self) -> MatrixVerdict {
        let open = |cell: &Cell| matches!(cell.word, Word::NotReached | Word::Stopped);
        if self.not_through.is_some() {
            MatrixVerdict::NotTried
        } else if self.cells.iter().any(|cell| cell.word.is_bad()) {
            MatrixVerdict::Unsafe
        } else if self.cells.len() < self.planned || self.cells.iter().any(open) || self.cells.is_empty() {
            MatrixVerdict::Undecided
        } else {
            MatrixVerdict::Safe
        }
    }

    /// How many cells are called so.
    pub(super) fn count(&self, is: impl Fn(Word) -> bool) -> usize {
        self.cells.iter().filter(|cell| is(cell.word)).count()
    }
}
