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
    /// An errand after a cashier's usual pause; for a customer at a listening reader nobody pauses.
    pub const fn new(ask: Ask) -> Self {
        let pause = match ask {
            Ask::PolledSale { .. } => Wait::NONE,
            _ => Wait::World(Duration::from_secs(4)),
        };
        Self { ask, pause }
    }
}

/// What a POS asks a service for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Everything up to a connected card reader.
    StartUp {
        /// How the reader reads chips.
        emv: Emv,
    },
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
    /// A refund to a card that is keyed in.
    KeyedRefund {
        /// How much.
        amount: Major,
    },
    /// Takes back the sale that an enquiry has shown, and that nobody got an answer to.
    Reversal,
    /// A cancel request while nothing runs.
    CancelNothing,
    /// The transactions: what a POS asks after a communication error.
    Enquiry,
    /// What the card reader is.
    DeviceInfo,
    /// A token that stands for a card.
    Token,
    /// Lets the reader listen for cards by itself, or no more.
    Polling {
        /// Whether it listens from now on.
        on: bool,
    },
    /// Whether the reader listens.
    PollingState,
    /// A customer presents a card to the reader that listens.
    PolledSale {
        /// What the customer owes.
        amount: Major,
    },
}

/// How a reader reads chips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Emv {
    /// The card stays until the host has answered.
    #[default]
    Standard,
    /// The card is removed at once; polling needs it.
    QuickChip,
}

impl Emv {
    /// Its word in `REQ_INIT_DEVICE`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::QuickChip => "QUICK_CHIP",
        }
    }
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
    /// The usual start-up.
    pub const START_UP: Self = Self::StartUp { emv: Emv::Standard };

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
            Self::StartUp { .. } => f.write_str("start-up"),
            Self::Sale { amount, meddling: Meddling::Waits } => write!(f, "sale of {amount}"),
            Self::Sale { amount, meddling: Meddling::CancelsEarly | Meddling::CancelsLate } => {
                write!(f, "sale of {amount}, cancelled")
            }
            Self::Refund { amount } => write!(f, "refund of {amount}"),
            Self::KeyedRefund { amount } => write!(f, "refund of {amount} to a keyed card"),
            Self::Reversal => f.write_str("reversal of the lost sale"),
            Self::CancelNothing => f.write_str("cancel without a sale"),
            Self::Enquiry => f.write_str("which transactions were there?"),
            Self::DeviceInfo => f.write_str("device info"),
            Self::Token => f.write_str("the token of a card"),
            Self::Polling { on: true } => f.write_str("polling on"),
            Self::Polling { on: false } => f.write_str("polling off"),
            Self::PollingState => f.write_str("is polling on?"),
            Self::PolledSale { amount } => write!(f, "a card at the listening reader, {amount}"),
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
    /// A sale whose answer was lost, and its reversal.
    Reversal,
    /// A reader that listens by itself, and a customer.
    Polling,
    /// The token of a card.
    Token,
    /// A refund to a card that is keyed in.
    KeyedRefund,
    /// A normal day: sale, decline, sale, refund, device info.
    Day,
}

impl Scenario {
    /// Every scenario, in the order of the help.
    pub const ALL: [Self; 10] = [
        Self::Sale,
        Self::Refund,
        Self::Cancel,
        Self::Questions,
        Self::CommError,
        Self::Reversal,
        Self::Polling,
        Self::Token,
        Self::KeyedRefund,
        Self::Day,
    ];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
            Self::Questions => "questions",
            Self::CommError => "comm-error",
            Self::Reversal => "reversal",
            Self::Polling => "polling",
            Self::Token => "token",
            Self::KeyedRefund => "keyed-refund",
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
            Self::Reversal => "a sale whose answer was lost, found by an enquiry and taken back",
            Self::Polling => "the reader listens by itself; the amount is set when a card comes",
            Self::Token => "asks for the token of a card",
            Self::KeyedRefund => "a refund to a card keyed in: a test number, never stored",
            Self::Day => "a normal day: sale, decline, sale, refund, device info",
        }
    }

    /// Its errands; `amount` takes the place of the first.
    pub fn errands(self, amount: Option<Major>) -> Vec<Errand> {
        let first = |cents| amount.unwrap_or(Major(cents));
        let sale = |cents| Ask::Sale { amount: first(cents), meddling: Meddling::Waits };
        let asks = match self {
            Self::Sale => vec![sale(840)],
            Self::Refund => vec![sale(840), Ask::Refund { amount: Major(200) }],
            Self::Cancel => vec![
                Ask::Sale { amount: first(1224), meddling: Meddling::CancelsEarly },
                Ask::cancelled(1225, Meddling::CancelsLate),
                Ask::CancelNothing,
            ],
            Self::Questions => vec![sale(2322), Ask::sale(2323)],
            Self::CommError => vec![sale(4567), Ask::sale(840)],
            Self::Reversal => vec![sale(1226), Ask::sale(840)],
            Self::Polling => vec![
                Ask::Polling { on: true },
                Ask::PolledSale { amount: first(840) },
                Ask::Polling { on: false },
            ],
            Self::Token => vec![Ask::Token],
            Self::KeyedRefund => vec![Ask::KeyedRefund { amount: first(400) }],
            Self::Day => vec![
                sale(1250),
                Ask::sale(701),
                Ask::sale(840),
                Ask::Refund { amount: Major(200) },
                Ask::DeviceInfo,
            ],
        };
        let emv = if self == Self::Polling { Emv::QuickChip } else { Emv::Standard };
        let start = Errand { ask: Ask::StartUp { emv }, pause: Wait::NONE };
        std::iter::once(start).chain(asks.into_iter().map(Errand::new)).collect()
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
            assert!(matches!(errands[0].ask, Ask::StartUp { .. }), "{scenario}");
            let of_one = |errand: &Errand| {
                matches!(
                    errand.ask,
                    Ask::Sale { amount: Major(1), .. }
                        | Ask::PolledSale { amount: Major(1) }
                        | Ask::KeyedRefund { amount: Major(1) }
                )
            };
            assert!(scenario == Scenario::Token || errands.iter().any(of_one), "{scenario}");
            assert_eq!(scenario.as_str().parse(), Ok(scenario));
        }
    }
}
