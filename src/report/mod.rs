//! Renders the result of a run; decides nothing. One file per format.

mod look;
mod printable;
mod sheet;
mod span;

mod index;
mod json;
mod packs;
mod page;
mod proof;
mod text;

use crate::check::CheckResult;
use crate::prove::Proof;

pub use index::rule_index;
pub use json::{json, jsons};
pub use look::{Colour, Glyphs, Look};
pub use packs::{exchange_failure, mistakes, pack_list, pack_overview};
pub use page::{page, rule_list};
pub use printable::printable;
pub use proof::proof;
pub use span::human;
pub use text::{text, texts};

/// The version of the JSON report's format, the value of its key `report`.
pub const REPORT_VERSION: u32 = 1;

/// What a reporter renders: the result, and what could not be judged.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What the run found.
    pub result: &'a CheckResult,
    /// Inputs that could not be read, or not to their end.
    pub unreadable: &'a [Unreadable],
    /// That each rule of the pack can fail, where that was asked for.
    pub proof: Option<&'a Proof>,
}

/// An input that could not be read, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name: the path as the user gave it.
    pub name: String,
    /// The line, counted from 1, where reading stopped; `None` where it never began.
    pub line: Option<u64>,
    /// Why, and what to do.
    pub message: String,
}

impl Unreadable {
    /// `path:line`, or the path alone.
    pub fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.name),
            None => self.name.clone(),
        }
    }
}
