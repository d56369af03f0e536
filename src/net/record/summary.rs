//! What a recording came to: the numbers an operator is shown at its end.

use super::queue::Loss;
use crate::conversation::EndReason;

/// The result of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Why it ended.
    pub reason: EndReason<'static>,
    /// What was written.
    pub totals: Totals,
    /// What was not kept because the recorder could not keep up; each is in a `gap` of its place.
    pub loss: Loss,
    /// What was kept and could not be written before the end.
    pub unwritten: Loss,
    /// The cassettes, in the order they were begun; the first [`Summary::NAMED`] of them.
    pub cassettes: Vec<Finished>,
    /// The cassettes that could not be finished: each is cut where it stands.
    pub unfinished: Vec<String>,
    /// What was wrong at the end; `None` if everything was written.
    pub trouble: Option<String>,
}

impl Summary {
    /// How many cassettes are named.
    pub const NAMED: usize = 100;

    /// Whether the recording holds everything that passed.
    pub fn is_complete(&self) -> bool {
        self.loss == Loss::default() && self.unwritten == Loss::default() && self.trouble.is_none()
    }
}

/// Numbers of a whole recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections that were opened.
    pub connections: u64,
    /// Handshakes that were not answered with 101.
    pub refused: u64,
    /// Data messages.
    pub messages: u64,
    /// Pieces that could not be decoded.
    pub undecodable: u64,
    /// Values masked.
    pub masked: u64,
    /// Values in clear that the scan of the finished files found; `None` where none could be read back.
    pub clear: Option<u64>,
    /// Gaps written.
    pub gaps: u64,
    /// Cassettes begun.
    pub cassettes: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// A cassette that was finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its path.
    pub name: String,
    /// Events in it, its `end` included.
    pub events: u64,
    /// Its size in bytes, without the `end` line.
    pub bytes: u64,
}
