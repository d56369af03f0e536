//! How well a virtual till keeps the protocol.

use std::fmt;
use std::str::FromStr;

/// The one thing a till does wrong, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Habit {
    /// Nothing: it keeps the rules, and asks for the last transaction after a lost link.
    #[default]
    Good,
    /// It never acknowledges the final event.
    ForgetsAck,
    /// It acknowledges the final event twice.
    AcksTwice,
    /// Every request carries the `flow_id` of the first.
    ReusesFlowId,
    /// It acknowledges with an id that is not the event's.
    AcksWrongId,
    /// It sends requests without the `request` wrapper.
    BareRequest,
    /// It closes the connection on the final event instead of acknowledging it.
    ClosesOwing,
    /// After a lost link it asks for a payment without asking what became of the last one.
    SellsBlind,
}

impl Habit {
    /// Every habit, in the order of the help.
    pub const ALL: [Self; 8] = [
        Self::Good,
        Self::ForgetsAck,
        Self::AcksTwice,
        Self::ReusesFlowId,
        Self::AcksWrongId,
        Self::BareRequest,
        Self::ClosesOwing,
        Self::SellsBlind,
    ];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::ForgetsAck => "forgets-ack",
            Self::AcksTwice => "acks-twice",
            Self::ReusesFlowId => "reuses-flow-id",
            Self::AcksWrongId => "acks-wrong-id",
            Self::BareRequest => "bare-request",
            Self::ClosesOwing => "closes-owing",
            Self::SellsBlind => "sells-blind",
        }
    }

    /// What the till then does, in one line of help.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Good => "keeps the rules; after a lost link it asks for the last transaction",
            Self::ForgetsAck => "never acknowledges a final event",
            Self::AcksTwice => "acknowledges a final event twice",
            Self::ReusesFlowId => "uses the first flow_id for every request",
            Self::AcksWrongId => "acknowledges with a flow_id that is not the event's",
            Self::BareRequest => "sends requests without the \"request\" wrapper",
            Self::ClosesOwing => "closes the connection instead of acknowledging",
            Self::SellsBlind => "does not ask for the last transaction after a lost link",
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
