//! The verdict lattice: what one obligation, one rule and one run can end as.

use std::fmt;

/// Why an obligation could not be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The recording ended before the deadline.
    Horizon,
    /// The link went, and not by the obliged party.
    Channel,
    /// The recorder lost messages inside the window.
    Gap,
    /// The recording began after what it rests on.
    Start,
    /// Not everything that counts is known.
    Doubt,
    /// The difference is inside the timer's error.
    Clock,
    /// Two messages crossed on the wire.
    Crossing,
    /// A message that may matter could not be decoded.
    Undecodable,
    /// A value that matters was masked beyond comparison.
    Masked,
}

impl Reason {
    /// The word in formats and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Horizon => "horizon",
            Self::Channel => "channel",
            Self::Gap => "gap",
            Self::Start => "start",
            Self::Doubt => "doubt",
            Self::Clock => "clock",
            Self::Crossing => "crossing",
            Self::Undecodable => "undecodable",
            Self::Masked => "masked",
        }
    }
}

/// What one rule says of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// At least one obligation was violated.
    Fail,
    /// At least one obligation could not be decided, and none was violated.
    Inconclusive,
    /// At least one obligation was met, and all were decided.
    Pass,
    /// No trigger occurred. Never a pass.
    NotExercised,
    /// The rule does not apply to this recording.
    NotApplicable,
    /// Needs a receipt, a screen or a person.
    Review,
    /// Our fault, or the pack's.
    Error,
}

impl Verdict {
    /// The word in formats and on screen: `FAIL`, `NOT_EXERCISED`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "FAIL",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Pass => "PASS",
            Self::NotExercised => "NOT_EXERCISED",
            Self::NotApplicable => "NOT_APPLICABLE",
            Self::Review => "REVIEW",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one run of `check` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunVerdict {
    /// A documented MUST failed, unwaived.
    NonConformant,
    /// A rule ended in an error: the run proves nothing.
    Invalid,
    /// A documented MUST could not be decided, or nothing was exercised at all.
    Undecided,
    /// Conformant but for what was waived.
    ConformantWithWaivers,
    /// Every documented MUST that was exercised was met, and at least one was.
    Conformant,
}

impl RunVerdict {
    /// The words in formats and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NonConformant => "NON-CONFORMANT",
            Self::Invalid => "INVALID",
            Self::Undecided => "UNDECIDED",
            Self::ConformantWithWaivers => "CONFORMANT WITH WAIVERS",
            Self::Conformant => "CONFORMANT",
        }
    }
}

impl fmt::Display for RunVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
