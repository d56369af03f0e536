//! What one rule has come to so far: obligations met, violated, undecided and void, with evidence.

use std::collections::BTreeMap;
use std::time::Duration;

use super::timing::Distribution;
use super::{Finding, Reason, Verdict, Witness};

/// Findings and undecided examples kept of a rule; all are counted.
pub(crate) const KEPT: usize = 100;

/// The account of one rule.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) met: u64,
    pub(crate) violated: u64,
    /// Of those violated, the ones somebody has signed for.
    pub(crate) waived: u64,
    pub(crate) void: u64,
    pub(crate) undecided: BTreeMap<Reason, u64>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) examples: Vec<Example>,
    pub(crate) timing: Distribution,
    /// What went wrong on our side or the pack's, the first time.
    pub(crate) error: Option<String>,
}

/// An obligation that could not be decided.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Example {
    pub(crate) reason: Reason,
    pub(crate) flow: Option<String>,
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) lacking: Option<Duration>,
    /// What would decide it, where that is not what the reason says.
    pub(crate) to_do: Option<String>,
}

impl Tally {
    pub(crate) fn convict(&mut self, finding: Finding) {
        self.violated += 1;
        self.waived += u64::from(finding.waived_by.is_some());
        self.keep(finding);
    }

    fn keep(&mut self, finding: Finding) {
        if self.findings.len() < KEPT {
            self.findings.push(finding);
        } else if finding.waived_by.is_none()
            && let Some(waived) = self.findings.iter().rposition(|kept| kept.waived_by.is_some())
        {
            // What stands is never hidden by what is waived.
            self.findings.remove(waived);
            self.findings.push(finding);
        }
    }

    pub(crate) fn undecided(&mut self, reason: Reason, example: impl FnOnce() -> Example) {
        *self.undecided.entry(reason).or_default() += 1;
        if self.examples.len() < KEPT {
            self.examples.push(example());
        }
    }

    /// Adds what the rule has come to in later recordings, the first of which is number `first` of the run.
    pub(crate) fn absorb(&mut self, later: Self, first: usize) {
        if self.error.is_some() {
            // The rule has stopped looking.
            return;
        }
        let Self { met, violated, waived, void, undecided, findings, examples, timing, error } = later;
        self.error = error;
        self.met += met;
        self.violated += violated;
        self.waived += waived;
        self.void += void;
        for (reason, count) in undecided {
            *self.undecided.entry(reason).or_default() += count;
        }
        let moved = |witnesses: &mut [Witness]| witnesses.iter_mut().for_each(|seen| seen.source += first);
        for mut finding in findings {
            moved(&mut finding.witnesses);
            self.keep(finding);
        }
        let room = KEPT.saturating_sub(self.examples.len());
        for mut example in examples.into_iter().take(room) {
            moved(&mut example.witnesses);
            self.examples.push(example);
        }
        self.timing.absorb(&timing);
    }

    pub(crate) fn verdict(&self) -> Verdict {
        if self.error.is_some() {
            Verdict::Error
        } else if self.violated > 0 {
            Verdict::Fail
        } else if !self.undecided.is_empty() {
            Verdict::Inconclusive
        } else if self.met > 0 {
            Verdict::Pass
        } else {
            Verdict::NotExercised
        }
    }
}
