//! Finds clear card data in what is already written: a finished file, a message of somebody else's recording.

use std::ops::Range;

use crate::text::Pointer;

use super::{MaskedKind, Policy};

/// Where `text`, JSON or not, shows card data in clear. Replacements made by a `Masker` are none.
pub fn find_clear(_text: &str) -> Vec<(Range<usize>, MaskedKind)> {
    Vec::new()
}

/// Card data found in clear. It does not hold the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clear {
    /// The line, counted from 1.
    pub line: u64,
    /// Where in the line, if it is JSON.
    pub at: Pointer,
    /// What it is.
    pub kind: MaskedKind,
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanResult {
    /// Lines looked at.
    pub lines: u64,
    /// How many values were found.
    pub total: u64,
    /// The first 100 of them.
    pub found: Vec<Clear>,
}

/// Scans a file as its bytes come by.
#[derive(Debug)]
pub struct Scanner {
    _policy: Policy,
    result: ScanResult,
}

impl Scanner {
    /// A scanner under this policy.
    pub fn new(policy: Policy) -> Self {
        Self { _policy: policy, result: ScanResult::default() }
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, _bytes: &[u8]) {}

    /// The file ended.
    pub fn finish(self) -> ScanResult {
        self.result
    }
}
