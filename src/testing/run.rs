//! A run that is over: its verdict, and what passed.

use crate::replay::{Outcome, Verdict};

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Run {
    verdict: Verdict,
    transcript: String,
}

impl Run {
    pub(super) fn new(verdict: Verdict, transcript: String) -> Self {
        Self { verdict, transcript }
    }

    /// Whether everything in the cassette happened and, with [`super::Replay::checked`], the peer kept the rules.
    pub fn is_green(&self) -> bool {
        let conforms = self.verdict.conformance.as_ref().is_none_or(|said| said.verdict == "CONFORMANT");
        self.verdict.outcome == Outcome::Complete && conforms
    }

    /// Panics with the verdict where the run is not green.
    #[track_caller]
    pub fn assert_green(&self) {
        assert!(self.is_green(), "\n{}\n{}", self.verdict.text(), self.transcript);
    }

    /// The verdict: what was expected, what came, what would settle it.
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The verdict as people read it.
    pub fn text(&self) -> String {
        self.verdict.text()
    }

    /// The verdict as one line of JSON, as `specs/schema/replay.schema.json` has it.
    pub fn json(&self) -> String {
        self.verdict.json()
    }

    /// What passed, a line an event, for a snapshot: without times and addresses, masked, and what differs from run
    /// to run under an alias such as `[flow-1]`, the same value always under the same. Card data that passed in
    /// clear is masked under another key in every run, and does not belong into a snapshot.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }
}
