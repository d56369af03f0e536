//! What a virtual goChip service does with a sale, and the amounts that ask for it.
//!
//! The amounts of the vendor's test hosts come first: cents `.01` to `.03`, 45.67, and from 100.00 up the
//! last three digits as the answer of the host. Cents `.21` to `.26` are things that happen in a good
//! shop, `.31` to `.38` are faults of the service; both are ours.

use std::fmt;
use std::str::FromStr;

use super::amount::Major;

/// What the service does with one sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// The host approves.
    Approved,
    /// The host declines.
    Declined,
    /// The host wants to be called.
    Referral,
    /// The host declines because of the verification value.
    CvvDecline,
    /// The host does not answer.
    CommError,
    /// Nobody presents a card until the reader gives up.
    CardTimeout,
    /// The cardholder has to sign.
    Signature,
    /// The card holds two applications.
    Application,
    /// The cardholder takes long to present the card: there is time to cancel.
    SlowCard,
    /// The host takes long: it is too late to cancel.
    SlowHost,
    /// The host approves, and its answer is lost on the way.
    LostAnswer,
    /// The sale goes online, and nothing more is heard of it.
    MissingFinal,
    /// A cancellation is told in the words that 3.0.28 removed.
    OldCancelText,
    /// More is authorised than was asked for.
    WrongAmount,
    /// The sale is refused by an error message that says `RESPONSE_OK`.
    SmilingError,
    /// The link is dropped while the sale is online.
    DropMidSale,
    /// A request to cancel is not answered.
    SilentCancel,
    /// A cancellation begins and never ends.
    CancelUnfinished,
    /// A request to cancel is refused, and then nothing more is heard of the sale.
    ForgetsSale,
}

impl Behaviour {
    /// Every behaviour, in the order of the table.
    pub const ALL: [Self; 19] = [
        Self::Approved,
        Self::Declined,
        Self::Referral,
        Self::CvvDecline,
        Self::CommError,
        Self::CardTimeout,
        Self::Signature,
        Self::Application,
        Self::SlowCard,
        Self::SlowHost,
        Self::LostAnswer,
        Self::MissingFinal,
        Self::OldCancelText,
        Self::WrongAmount,
        Self::SmilingError,
        Self::DropMidSale,
        Self::SilentCancel,
        Self::CancelUnfinished,
        Self::ForgetsSale,
    ];

    /// The behaviour an amount asks for.
    pub fn of_amount(amount: Major) -> Self {
        if amount == NO_HOST_ANSWER {
            return Self::CommError;
        }
        if amount.0 >= HOST_CODES_FROM.0 {
            return if amount.0.is_multiple_of(1000) { Self::Approved } else { Self::Declined };
        }
        let cents = amount.0 % 100;
        Self::ALL.into_iter().find(|behaviour| behaviour.cents() == Some(cents)).unwrap_or(Self::Approved)
    }

    /// The cents that ask for it, in amounts below 100.00; `None` where another amount does.
    pub const fn cents(self) -> Option<u64> {
        match self {
            Self::Approved | Self::CommError => None,
            Self::Declined => Some(1),
            Self::Referral => Some(2),
            Self::CvvDecline => Some(3),
            Self::CardTimeout => Some(21),
            Self::Signature => Some(22),
            Self::Application => Some(23),
            Self::SlowCard => Some(24),
            Self::SlowHost => Some(25),
            Self::LostAnswer => Some(26),
            Self::MissingFinal => Some(31),
            Self::OldCancelText => Some(32),
            Self::WrongAmount => Some(33),
            Self::SmilingError => Some(34),
            Self::DropMidSale => Some(35),
            Self::SilentCancel => Some(36),
            Self::CancelUnfinished => Some(37),
            Self::ForgetsSale => Some(38),
        }
    }

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Referral => "referral",
            Self::CvvDecline => "cvv-decline",
            Self::CommError => "comm-error",
            Self::CardTimeout => "card-timeout",
            Self::Signature => "signature",
            Self::Application => "application",
            Self::SlowCard => "slow-card",
            Self::SlowHost => "slow-host",
            Self::LostAnswer => "lost-answer",
            Self::MissingFinal => "missing-final",
            Self::OldCancelText => "old-cancel-text",
            Self::WrongAmount => "wrong-amount",
            Self::SmilingError => "smiling-error",
            Self::DropMidSale => "drop",
            Self::SilentCancel => "silent-cancel",
            Self::CancelUnfinished => "cancel-unfinished",
            Self::ForgetsSale => "forgets-sale",
        }
    }

    /// What the service then does, in one line of help.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Approved => "approves (what every other amount asks for)",
            Self::Declined => "declines, as the host told it to",
            Self::Referral => "is told by the host to call",
            Self::CvvDecline => "declines because of the card's verification value",
            Self::CommError => "gets no answer from the host",
            Self::CardTimeout => "waits for a card until the reader gives up",
            Self::Signature => "asks for the cardholder's signature",
            Self::Application => "asks which application of the card to use",
            Self::SlowCard => "waits long for the card: a cancel is allowed",
            Self::SlowHost => "waits long for the host: a cancel is refused",
            Self::LostAnswer => "loses the answer of the host, which had approved",
            Self::MissingFinal => "goes online, then never says anything again",
            Self::OldCancelText => "tells a cancellation in words that 3.0.28 removed",
            Self::WrongAmount => "authorises more than was asked for",
            Self::SmilingError => "refuses with an error that says RESPONSE_OK",
            Self::DropMidSale => "goes online, then drops the link without a close frame",
            Self::SilentCancel => "never answers a request to cancel",
            Self::CancelUnfinished => "begins to cancel, and never says that it has",
            Self::ForgetsSale => "refuses to cancel, then never says anything again",
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

/// The amount to which the vendor's test host gives no answer.
pub(super) const NO_HOST_ANSWER: Major = Major(4567);
/// From here on the last three digits are the answer of the host; 000 approves.
const HOST_CODES_FROM: Major = Major(10_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_amount_chooses_as_the_test_hosts_do() {
        for (cents, expected) in [
            (840, Behaviour::Approved),
            (701, Behaviour::Declined),
            (702, Behaviour::Referral),
            (703, Behaviour::CvvDecline),
            (4567, Behaviour::CommError),
            (10_000, Behaviour::Approved),
            (10_105, Behaviour::Declined),
            (1221, Behaviour::CardTimeout),
            (1235, Behaviour::DropMidSale),
        ] {
            assert_eq!(Behaviour::of_amount(Major(cents)), expected, "{cents}");
        }
    }

    #[test]
    fn names_and_cents_are_all_different_and_read_back() {
        for behaviour in Behaviour::ALL {
            assert_eq!(behaviour.as_str().parse(), Ok(behaviour));
            let same = |other: &Behaviour| other.cents().is_some() && other.cents() == behaviour.cents();
            assert!(Behaviour::ALL.iter().filter(|&other| same(other)).count() <= 1, "{behaviour}");
        }
    }
}
