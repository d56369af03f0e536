//! How well the model POS takes up again after a break.

use std::fmt;
use std::str::FromStr;

use crate::pack::suggestion;

/// What a model POS does after a break.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Manner {
    /// It asks what became of an open transaction before it does anything else.
    #[default]
    Good,
    /// It sends the sale again without asking.
    RetriesBlindly,
    /// It lets an open transaction be, and never asks.
    NeverAsks,
    /// It takes back whatever was approved last, whenever a link was lost.
    ReversesOnDoubt,
    /// It keeps nothing over a restart, and begins again.
    ForgetsOnRestart,
    /// It waits for an answer for ever.
    WaitsForEver,
}

impl Manner {
    /// Every manner, in the order of the help.
    pub const ALL: [Self; 6] = [
        Self::Good,
        Self::RetriesBlindly,
        Self::NeverAsks,
        Self::ReversesOnDoubt,
        Self::ForgetsOnRestart,
        Self::WaitsForEver,
    ];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::RetriesBlindly => "retries-blindly",
            Self::NeverAsks => "never-asks",
            Self::ReversesOnDoubt => "reverses-on-doubt",
            Self::ForgetsOnRestart => "forgets-on-restart",
            Self::WaitsForEver => "waits-for-ever",
        }
    }

    /// What it does, in one line of help.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Good => "asks what became of an open transaction before it does anything else",
            Self::RetriesBlindly => "sends the sale again after a lost link, without asking",
            Self::NeverAsks => "lets an open transaction be",
            Self::ReversesOnDoubt => "takes back whatever was approved last when a link was lost",
            Self::ForgetsOnRestart => "keeps nothing over a restart, and begins again",
            Self::WaitsForEver => "waits for an answer for ever",
        }
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Manner {
    type Err = UnknownManner;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|manner| manner.as_str() == text);
        known.ok_or_else(|| UnknownManner {
            got: text.to_owned(),
            near: suggestion(text, Self::ALL.map(Self::as_str)),
        })
    }
}

/// No manner has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected one of {}, got `{got}`{}",
    Manner::ALL.map(Manner::as_str).join(", "),
    near.as_ref().map_or_else(String::new, |near| format!("; {near}"))
)]
pub struct UnknownManner {
    got: String,
    near: Option<String>,
}
