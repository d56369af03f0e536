//! How a run ended, and what is worth saying about it.

use std::time::Duration;

use super::mismatch::{Expected, Mismatch};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything in the cassette happened.
    Complete,
    /// Something came that the cassette does not have, or not like that.
    Mismatch(Box<Mismatch>),
    /// Not everything happened.
    Incomplete(Incomplete),
}

/// What was still to come when a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// Why it ended.
    pub why: Shortfall,
    /// What could have come next; at most [`Incomplete::SHOWN`].
    pub waited_for: Vec<Expected>,
    /// The human step of the cassette that came last before that.
    pub note: Option<String>,
}

impl Incomplete {
    /// How many steps are shown.
    pub const SHOWN: usize = 5;
}

/// Why a run ended before everything had happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// Nothing that the script waited for came in this time.
    Patience(Duration),
    /// The same, where a person had to act.
    PatienceForPeople(Duration),
    /// Nobody came to be recorded in this time.
    Nobody(Duration),
    /// The operator stopped it.
    Stopped,
}

impl Shortfall {
    /// The word in formats: `patience`, `patience-for-people`, `nobody`, `stopped`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patience(_) => "patience",
            Self::PatienceForPeople(_) => "patience-for-people",
            Self::Nobody(_) => "nobody",
            Self::Stopped => "stopped",
        }
    }

    /// After what time.
    pub const fn after(self) -> Option<Duration> {
        match self {
            Self::Patience(after) | Self::PatienceForPeople(after) | Self::Nobody(after) => Some(after),
            Self::Stopped => None,
        }
    }

    /// In a sentence; `peer` with its article.
    pub(crate) fn in_words(self, peer: &str) -> String {
        let spoken = |time: Duration| humantime::format_duration(time).to_string();
        match self {
            Self::Patience(time) => {
                format!("nothing that the cassette waits for came from {peer} within {}", spoken(time))
            }
            Self::PatienceForPeople(time) => format!(
                "nothing came from {peer} within {}, although a person had that long to act",
                spoken(time)
            ),
            Self::Nobody(time) => {
                format!("{peer} did not connect within {}: nothing was recorded", spoken(time))
            }
            Self::Stopped => "stopped before everything in the cassette had happened".to_owned(),
        }
    }
}

/// How many messages went either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages of ours that went out.
    pub sent: u64,
    /// Messages of the peer that were those of the cassette.
    pub matched: u64,
    /// Messages of the peer that the cassette does not have.
    pub unexpected: u64,
}

/// What is worth saying about a run although it hindered nothing: each thing once, with how often it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    all: Vec<(String, u64)>,
    /// How many more there were that are not kept.
    pub unkept: u64,
}

impl Remarks {
    /// How many are kept.
    pub const KEPT: usize = 20;

    /// Each remark, and how often it was made.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.all.iter().map(|(text, count)| (text.as_str(), *count))
    }

    pub(crate) fn add(&mut self, text: String) {
        if let Some((_, count)) = self.all.iter_mut().find(|(known, _)| *known == text) {
            *count += 1;
        } else if self.all.len() < Self::KEPT {
            self.all.push((text, 1));
        } else {
            self.unkept += 1;
        }
    }
}
