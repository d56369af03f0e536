//! Which of the two dialects of goChip is spoken: 3.0.28 changed the words of cancelling and of tokens.

use std::fmt;
use std::str::FromStr;

/// A version of goChip Websockets, as far as its messages differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Edition {
    /// 3.0.28 and later: `RES_ON_CANCEL_TRANSACTION_ATTEMPT`, `RES_ON_TRANSACTION_COMM_ERROR`, tokens.
    #[default]
    Since3028,
    /// Before 3.0.28: cancelling is told by a progress text, a lost gateway by `RES_ON_ERROR`.
    Before3028,
}

impl Edition {
    /// Every edition, in the order of the help.
    pub const ALL: [Self; 2] = [Self::Since3028, Self::Before3028];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Since3028 => "3.0.28",
            Self::Before3028 => "before-3.0.28",
        }
    }

    /// What it is, in one line of help.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Since3028 => "3.0.28 and later: cancellation statuses, secure tokens",
            Self::Before3028 => "cancellations told by progress texts, secure cards",
        }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Edition {
    type Err = UnknownEdition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|edition| edition.as_str() == text).ok_or(UnknownEdition)
    }
}

/// The text names no edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of an edition")]
pub struct UnknownEdition;
