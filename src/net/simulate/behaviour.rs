//! What a virtual terminal does with a transaction, and the amounts that ask for it.
//!
//! The last two digits of the amount choose: 61 to 65 are things that happen in a good shop, 71 to 78
//! are faults of the terminal, everything else is approved. `--behaviour` chooses for every request.

use std::fmt;
use std::str::FromStr;

/// What the terminal does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// The host approves.
    Approved,
    /// The host declines.
    Declined,
    /// The cardholder presses cancel.
    Cancelled,
    /// The cardholder does nothing until the terminal gives up.
    TimedOut,
    /// The request is refused: `TSI busy`.
    Busy,
    /// The transaction starts, then fails with an event of status `error`.
    ErrorEvent,
    /// The terminal says `started` and nothing more.
    Silent,
    /// The answer to the request comes late.
    LateResponse,
    /// The event is cut in the middle of its JSON text.
    MalformedEvent,
    /// The final event is sent twice.
    DuplicateEvent,
    /// The link is dropped between `started` and the event.
    DropMidFlow,
    /// The event says `completed` and carries no results.
    NoResults,
    /// The event says `error` and carries no details.
    NoErrorDetails,
    /// The event comes without the answer before it.
    NoResponse,
}

impl Behaviour {
    /// Every behaviour, in the order of the table.
    pub const ALL: [Self; 14] = [
        Self::Approved,
        Self::Declined,
        Self::Cancelled,
        Self::TimedOut,
        Self::Busy,
        Self::ErrorEvent,
        Self::Silent,
        Self::LateResponse,
        Self::MalformedEvent,
        Self::DuplicateEvent,
        Self::DropMidFlow,
        Self::NoResults,
        Self::NoErrorDetails,
        Self::NoResponse,
    ];

    /// The behaviour an amount in cents asks for.
    pub fn of_amount(cents: u64) -> Self {
        let ending = cents % 100;
        Self::ALL.into_iter().find(|behaviour| behaviour.ending() == Some(ending)).unwrap_or(Self::Approved)
    }

    /// The last two digits of the amounts that ask for it; `None` where every other amount does.
    pub const fn ending(self) -> Option<u64> {
        match self {
            Self::Approved => None,
            Self::Declined => Some(61),
            Self::Cancelled => Some(62),
            Self::TimedOut => Some(63),
            Self::Busy => Some(64),
            Self::ErrorEvent => Some(65),
            Self::Silent => Some(71),
            Self::LateResponse => Some(72),
            Self::MalformedEvent => Some(73),
            Self::DuplicateEvent => Some(74),
            Self::DropMidFlow => Some(75),
            Self::NoResults => Some(76),
            Self::NoErrorDetails => Some(77),
            Self::NoResponse => Some(78),
        }
    }

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed-out",
            Self::Busy => "busy",
            Self::ErrorEvent => "error-event",
            Self::Silent => "silent",
            Self::LateResponse => "late-response",
            Self::MalformedEvent => "malformed-event",
            Self::DuplicateEvent => "duplicate-event",
            Self::DropMidFlow => "drop",
            Self::NoResults => "no-results",
            Self::NoErrorDetails => "no-error-details",
            Self::NoResponse => "no-response",
        }
    }

    /// What the terminal then does, in one line of help.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Approved => "approves (what every other amount asks for)",
            Self::Declined => "declines, as the host told it to",
            Self::Cancelled => "reports that the cardholder cancelled",
            Self::TimedOut => "reports that the cardholder did nothing",
            Self::Busy => "refuses the request: TSI busy",
            Self::ErrorEvent => "starts, then reports an error with its details",
            Self::Silent => "starts, then never says anything again",
            Self::LateResponse => "answers the request late (see --late)",
            Self::MalformedEvent => "sends an event that is cut in the middle of its JSON text",
            Self::DuplicateEvent => "sends the final event twice",
            Self::DropMidFlow => "starts, then drops the link without a close frame",
            Self::NoResults => "sends a completed event without results",
            Self::NoErrorDetails => "sends an error event without details",
            Self::NoResponse => "sends the event without the answer before it",
        }
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|behaviour| behaviour.as_str() == text).ok_or(UnknownBehaviour)
    }
}

/// The text names no behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a behaviour")]
pub struct UnknownBehaviour;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_an_amount_chooses() {
        for cents in [0, 1, 99, 2350, 100_000, 6100, 799] {
            assert_eq!(Behaviour::of_amount(cents), Behaviour::Approved, "{cents}");
        }
        assert_eq!(Behaviour::of_amount(61), Behaviour::Declined);
        assert_eq!(Behaviour::of_amount(4561), Behaviour::Declined);
        assert_eq!(Behaviour::of_amount(1075), Behaviour::DropMidFlow);
    }

    #[test]
    fn names_and_endings_are_all_different_and_read_back() {
        for behaviour in Behaviour::ALL {
            assert_eq!(behaviour.as_str().parse(), Ok(behaviour));
            let same =
                Behaviour::ALL.into_iter().filter(|other| other.ending() == behaviour.ending()).count();
            assert_eq!(same, 1, "{behaviour}");
        }
    }
}
