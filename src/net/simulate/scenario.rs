//! What a virtual till sets out to do: errands, one after the other, and whole days made of them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::calendar::WallTime;
use super::message::Endpoint;
use super::object::Object;
use super::pace::Wait;

/// A ready-made list of errands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// One sale.
    Sale,
    /// One refund.
    Refund,
    /// A sale, its void, and the void of a reference nobody knows.
    Void,
    /// A reservation and its completion, and the completion of a reference nobody knows.
    Completion,
    /// A sale and the settlement, which has an interim event.
    Settlement,
    /// What the terminal is.
    Info,
    /// Sets the terminal's clock.
    Clock,
    /// A sale and a report of the batch.
    Report,
    /// A normal day: terminal_info, sale, decline, void, refund, settlement.
    Day,
}

impl Scenario {
    /// Every scenario, in the order of the help.
    pub const ALL: [Self; 9] = [
        Self::Sale,
        Self::Refund,
        Self::Void,
        Self::Completion,
        Self::Settlement,
        Self::Info,
        Self::Clock,
        Self::Report,
        Self::Day,
    ];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Refund => "refund",
            Self::Void => "void",
            Self::Completion => "completion",
            Self::Settlement => "settlement",
            Self::Info => "info",
            Self::Clock => "clock",
            Self::Report => "report",
            Self::Day => "day",
        }
    }

    /// What the till then does, in one line of help.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Sale => "one sale",
            Self::Refund => "one refund",
            Self::Void => "a sale, its void, and the void of a reference nobody knows",
            Self::Completion => "a pre_auth, its completion, and the completion of an unknown reference",
            Self::Settlement => "a sale and the settlement of the batch, which has an interim event",
            Self::Info => "asks the terminal what it is",
            Self::Clock => "sets the terminal's clock",
            Self::Report => "a sale and a report of the batch",
            Self::Day => "a normal day: terminal_info, sale, decline, void, refund, settlement",
        }
    }

    /// Its errands; `amount` in cents takes the place of the first amount, `now` is what clocks are set to.
    pub fn errands(self, amount: Option<u64>, now: WallTime) -> Vec<Errand> {
        let sale = |cents| Ask::Sale { amount: amount.unwrap_or(cents), tip: 0 };
        let asks = match self {
            Self::Sale => vec![sale(2350)],
            Self::Refund => vec![Ask::Refund { amount: amount.unwrap_or(400) }],
            Self::Void => vec![sale(2350), Ask::Void(Reference::Last), Ask::Void(Reference::unknown())],
            Self::Completion => vec![
                Ask::PreAuth { amount: amount.unwrap_or(9000) },
                Ask::Completion { amount: amount.unwrap_or(9000), reference: Reference::Last },
                Ask::Completion { amount: amount.unwrap_or(9000), reference: Reference::unknown() },
            ],
            Self::Settlement => vec![sale(2350), Ask::Settlement],
            Self::Info => vec![Ask::TerminalInfo],
            Self::Clock => vec![Ask::SetDateTime(now)],
            Self::Report => vec![sale(2350), Ask::SummaryReport],
            Self::Day => vec![
                Ask::TerminalInfo,
                Ask::Sale { amount: amount.unwrap_or(2350), tip: 300 },
                Ask::Sale { amount: 4561, tip: 0 },
                Ask::Sale { amount: 1290, tip: 0 },
                Ask::Void(Reference::Last),
                Ask::Refund { amount: 400 },
                Ask::Settlement,
            ],
        };
        asks.into_iter().map(Errand::new).collect()
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

/// One thing the cashier does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// What the till asks the terminal for.
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

/// What a till asks a terminal for; amounts in cents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A sale.
    Sale {
        /// Without the tip.
        amount: u64,
        /// 0 for none.
        tip: u64,
    },
    /// A refund to a card that is there.
    Refund {
        /// What is given back.
        amount: u64,
    },
    /// Undoes an earlier transaction.
    Void(Reference),
    /// Reserves an amount.
    PreAuth {
        /// What is reserved.
        amount: u64,
    },
    /// Captures what was reserved.
    Completion {
        /// What is captured.
        amount: u64,
        /// Of which reservation.
        reference: Reference,
    },
    /// Closes the batch.
    Settlement,
    /// The last result once more: what a till asks after a lost link.
    Recall,
    /// What the terminal is.
    TerminalInfo,
    /// Sets the terminal's clock.
    SetDateTime(WallTime),
    /// Sums of the batch.
    SummaryReport,
}

/// Which earlier transaction is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The last one that was approved.
    Last,
    /// The one of that reference number.
    Number(String),
}

impl Reference {
    /// A reference no terminal of ours has given yet.
    pub fn unknown() -> Self {
        Self::Number("9001".to_owned())
    }
}

impl Ask {
    /// The endpoint it belongs to.
    pub const fn endpoint(&self) -> Endpoint {
        match self {
            Self::Sale { .. }
            | Self::Refund { .. }
            | Self::Void(_)
            | Self::PreAuth { .. }
            | Self::Completion { .. }
            | Self::Settlement
            | Self::Recall => Endpoint::Payment,
            Self::TerminalInfo => Endpoint::Info,
            Self::SetDateTime(_) => Endpoint::Config,
            Self::SummaryReport => Endpoint::Reports,
        }
    }

    /// Whether money may have moved although its end is unknown.
    pub(crate) const fn moves_money(&self) -> bool {
        match self {
            Self::Sale { .. }
            | Self::Refund { .. }
            | Self::Void(_)
            | Self::PreAuth { .. }
            | Self::Completion { .. } => true,
            Self::Settlement
            | Self::Recall
            | Self::TerminalInfo
            | Self::SetDateTime(_)
            | Self::SummaryReport => false,
        }
    }

    /// The resource of its request; `last` is the reference number of the last approved transaction.
    pub(crate) fn resource(&self, last: Option<&str>) -> Object {
        let of = |kind| Object::new().text("type", kind);
        match self {
            Self::Sale { amount, tip } => of("sale")
                .number("amount", *amount)
                .given((*tip > 0).then_some(*tip), |sale, tip| sale.number("tip_amount", tip))
                .text("tender_type", "credit"),
            Self::Refund { amount } => of("refund").number("amount", *amount).text("tender_type", "credit"),
            Self::Void(reference) => of("void").text("reference_no", reference.number(last)),
            Self::PreAuth { amount } => of("pre_auth").number("amount", *amount),
            Self::Completion { amount, reference } => of("pre_auth_completion")
                .number("amount", *amount)
                .text("reference_no", reference.number(last)),
            Self::Settlement => of("settlement"),
            Self::Recall => of("recall_last_transaction"),
            Self::TerminalInfo => of("terminal_info"),
            Self::SetDateTime(to) => {
                let (date, time) = to.compact();
                of("set_date_time").text("date", &date).text("time", &time)
            }
            Self::SummaryReport => of("summary_report"),
        }
    }
}

impl Reference {
    fn number<'a>(&'a self, last: Option<&'a str>) -> &'a str {
        match self {
            Self::Number(number) => number,
            // Nothing was approved yet: a reference of no transaction, which is what the till then has.
            Self::Last => last.unwrap_or("0"),
        }
    }
}

impl fmt::Display for Ask {
    /// In a cashier's words: `sale of 23.50, tip 3.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sale { amount, tip: 0 } => write!(f, "sale of {}", Cents(*amount)),
            Self::Sale { amount, tip } => write!(f, "sale of {}, tip {}", Cents(*amount), Cents(*tip)),
            Self::Refund { amount } => write!(f, "refund of {}", Cents(*amount)),
            Self::Void(Reference::Last) => f.write_str("void of the last transaction"),
            Self::Void(Reference::Number(number)) => write!(f, "void of reference {number}"),
            Self::PreAuth { amount } => write!(f, "reservation of {}", Cents(*amount)),
            Self::Completion { amount, reference: Reference::Last } => {
                write!(f, "completion of the reservation with {}", Cents(*amount))
            }
            Self::Completion { amount, reference: Reference::Number(number) } => {
                write!(f, "completion of reference {number} with {}", Cents(*amount))
            }
            Self::Settlement => f.write_str("settlement"),
            Self::Recall => f.write_str("what was the last transaction?"),
            Self::TerminalInfo => f.write_str("terminal_info"),
            Self::SetDateTime(_) => f.write_str("set_date_time"),
            Self::SummaryReport => f.write_str("summary report"),
        }
    }
}

/// Cents as people write money: `23.50`.
pub struct Cents(pub u64);

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::ShopDay;
    use super::*;

    #[test]
    fn resources_are_what_the_protocol_asks_for() {
        let resource = |ask: Ask| ask.resource(Some("58")).finish();
        assert_eq!(
            resource(Ask::Sale { amount: 2350, tip: 300 }),
            r#"{"type":"sale","amount":2350,"tip_amount":300,"tender_type":"credit"}"#
        );
        assert_eq!(resource(Ask::Void(Reference::Last)), r#"{"type":"void","reference_no":"58"}"#);
        assert_eq!(
            resource(Ask::SetDateTime(ShopDay::OPENING)),
            r#"{"type":"set_date_time","date":"260302","time":"101112"}"#
        );
    }

    #[test]
    fn the_amount_given_takes_the_place_of_the_first() {
        let errands = Scenario::Day.errands(Some(1000), ShopDay::OPENING);
        assert_eq!(errands[1].ask, Ask::Sale { amount: 1000, tip: 300 });
        assert_eq!(errands[1].ask.to_string(), "sale of 10.00, tip 3.00");
        assert_eq!(errands[2].ask, Ask::Sale { amount: 4561, tip: 0 });
    }
}
