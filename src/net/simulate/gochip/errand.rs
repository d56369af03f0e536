//! What a virtual goChip POS sets out to do: errands, one after the other, and days made of them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::super::pace::Wait;
use super::amount::Major;

/// One thing the cashier does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// What the POS asks the service for.
    pub ask: Ask,
    /// How long the cashier takes before it.
    pub pause: Wait,
}

impl Errand {
    /// An errand after a cashier's usual pause.
    pub const fn new(ask: Ask) -> Self {
        Self { ask, pause: Wait::World(Duration::from_secs(4)) }
    }
}

/// What a POS asks a service for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Everything up to a connected card reader.
    StartUp,
    /// A sale.
    Sale {
        /// How much.
        amount: Major,
        /// What the cashier does meanwhile.
        meddling: Meddling,
    },
    /// A refund of the last sale.
    Refund {
        /// How much of it.
        amount: Major,
    },
    /// A cancel request while nothing runs.
    CancelNothing,
    /// The transactions: what a POS asks after a communication error.
    Enquiry,
    /// What the card reader is.
    DeviceInfo,
}

/// What a cashier does during a sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meddling {
    /// Nothing.
    #[default]
    Waits,
    /// Cancels while the reader waits for a card.
    CancelsEarly,
    /// Cancels while the host is asked.
    CancelsLate,
}

impl Ask {
    /// A sale nobody interferes with.
    pub const fn sale(cents: u64) -> Self {
        Self::Sale { amount: Major(cents), meddling: Meddling::Waits }
    }

    /// A sale somebody tries to cancel.
    pub const fn cancelled(cents: u64, meddling: Meddling) -> Self {
        Self::Sale { amount: Major(cents), meddling }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartUp => f.write_str("start-up"),
            Self::Sale { amount, meddling: Meddling::Waits } => write!(f, "sale of {amount}"),
            Self::Sale { amount, meddling: Meddling::CancelsEarly | Meddling::CancelsLate } => {
                write!(f, "sale of {amount}, cancelled")
            }
            Self::Refund { amount } => write!(f, "refund of {amount}"),
            Self::CancelNothing => f.write_str("cancel without a sale"),
            Self::Enquiry => f.write_str("which transactions were there?"),
            Self::DeviceInfo => f.write_str("device info"),
        }
    }
}

/// A ready-made list of errands; each begins with the start-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// One sale.
    Sale,
    /// A sale and a refund of a part of it.
    Refund,
    /// A sale that is cancelled in time, one cancelled too late, and nothing to cancel.
    Cancel,
    /// A sale with a signature and one with a choice of applications.
    Questions,
    /// A sale the host does not answer, and one after it.
    CommError,
    /// A normal day: sale, decline, sale, refund, device info.
    Day,
}

impl Scenario {
    /// Every scenario, in the order of the help.
    pub const ALL: [Self; 6] =
        [Self::Sale, Self::Refund, Self::Cancel, Self::Questions, Self::CommError, Self::Day];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
            Self::Questions => "questions",
            Self::CommError => "comm-error",
            Self::Day => "day",
        }
    }

    /// What the POS then does, in one line of help.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Sale => "one sale",
            Self::Refund => "a sale and a refund of a part of it",
            Self::Cancel => "a sale cancelled in time, one too late, and nothing to cancel",
            Self::Questions => "a sale with a signature, and one with a choice of applications",
            Self::CommError => "a sale the host does not answer, and one after it",
            Self::Day => "a normal day: sale, decline, sale, refund, device info",
        }
    }

    /// Its errands; `amount` takes the place of the first.
    pub fn errands(self, amount: Option<Major>) -> Vec<Errand> {
        let mut asks = match self {
            Self::Sale => vec![Ask::sale(840)],
            Self::Refund => vec![Ask::sale(840), Ask::Refund { amount: Major(200) }],
            Self::Cancel => vec![
                Ask::cancelled(1224, Meddling::CancelsEarly),
                Ask::cancelled(1225, Meddling::CancelsLate),
                Ask::CancelNothing,
            ],
            Self::Questions => vec![Ask::sale(2322), Ask::sale(2323)],
            Self::CommError => vec![Ask::sale(4567), Ask::sale(840)],
            Self::Day => vec![
                Ask::sale(1250),
                Ask::sale(701),
                Ask::sale(840),
                Ask::Refund { amount: Major(200) },
                Ask::DeviceInfo,
            ],
        };
        if let (Some(given), Some(Ask::Sale { amount, .. })) = (amount, asks.first_mut()) {
            *amount = given;
        }
        let first = Errand { ask: Ask::StartUp, pause: Wait::NONE };
        std::iter::once(first).chain(asks.into_iter().map(Errand::new)).collect()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scenario| scenario.as_str() == text).ok_or(UnknownScenario)
    }
}

/// The text names no scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a scenario")]
pub struct UnknownScenario;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_starts_up_and_takes_the_amount_given() {
        for scenario in Scenario::ALL {
            let errands = scenario.errands(Some(Major(1)));
            assert_eq!(errands[0].ask, Ask::StartUp);
            assert!(matches!(errands[1].ask, Ask::Sale { amount: Major(1), .. }), "{scenario}");
            assert_eq!(scenario.as_str().parse(), Ok(scenario));
        }
    }
}
