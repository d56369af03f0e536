//! How well a virtual goChip POS keeps the protocol.

use std::fmt;
use std::str::FromStr;

/// The one thing a POS does wrong, if any. Most were seen in clients in the field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Habit {
    /// Nothing: it keeps the rules, and finds out what became of a sale after a communication error.
    #[default]
    Good,
    /// It sends a second sale while the first runs.
    SecondSale,
    /// It takes progress for the end of a sale, and begins the next.
    ProgressIsFinal,
    /// It writes 5.05 as `5.5`.
    StripsZeros,
    /// It sells before the card reader is connected.
    SkipsDevice,
    /// It begins the next sale without waiting for what became of its cancel request.
    ForgetsCancel,
    /// It never hands in the signature it was asked for.
    NeverSigns,
    /// It begins the next sale after a communication error, without finding out about the one before.
    SkipsEnquiry,
    /// It takes every response but `A` for an approval too, and refunds what was declined.
    RefundsDeclined,
    /// It writes `Type` for `type` in a sale.
    CapitalType,
    /// It restarts the service instead of cancelling the sale.
    RestartsService,
    /// It sends a sale while the reader listens by itself.
    SellsWhilePolling,
    /// It calls tokens what they were called before 3.0.28.
    OldNames,
}

impl Habit {
    /// Every habit, in the order of the help.
    pub const ALL: [Self; 13] = [
        Self::Good,
        Self::SecondSale,
        Self::ProgressIsFinal,
        Self::StripsZeros,
        Self::SkipsDevice,
        Self::ForgetsCancel,
        Self::NeverSigns,
        Self::SkipsEnquiry,
        Self::RefundsDeclined,
        Self::CapitalType,
        Self::RestartsService,
        Self::SellsWhilePolling,
        Self::OldNames,
    ];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::SecondSale => "second-sale",
            Self::ProgressIsFinal => "progress-is-final",
            Self::StripsZeros => "strips-zeros",
            Self::SkipsDevice => "skips-device",
            Self::ForgetsCancel => "forgets-cancel",
            Self::NeverSigns => "never-signs",
            Self::SkipsEnquiry => "skips-enquiry",
            Self::RefundsDeclined => "refunds-declined",
            Self::CapitalType => "capital-type",
            Self::RestartsService => "restarts-service",
            Self::SellsWhilePolling => "sells-while-polling",
            Self::OldNames => "old-names",
        }
    }

    /// What the POS then does, in one line of help.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Good => "keeps the rules, and finds out what became of a sale that was lost",
            Self::SecondSale => "sends a second sale while the first runs",
            Self::ProgressIsFinal => "takes progress for the end, and begins the next sale",
            Self::StripsZeros => "writes an amount of 5.05 as 5.5",
            Self::SkipsDevice => "sells before the card reader is connected",
            Self::ForgetsCancel => "begins the next sale before it knows what became of its cancel",
            Self::NeverSigns => "never hands in the signature it was asked for",
            Self::SkipsEnquiry => "sells again after a communication error, without an enquiry",
            Self::RefundsDeclined => "takes a declined sale for approved, and refunds it",
            Self::CapitalType => "writes \"Type\" for \"type\" in a sale",
            Self::RestartsService => "restarts the service instead of cancelling a sale",
            Self::SellsWhilePolling => "sends a sale while the reader listens by itself",
            Self::OldNames => "calls tokens what they were called before 3.0.28",
        }
    }
}

impl fmt::Display for Habit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Habit {
    type Err = UnknownHabit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|habit| habit.as_str() == text).ok_or(UnknownHabit)
    }
}

/// The text names no habit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a habit")]
pub struct UnknownHabit;
