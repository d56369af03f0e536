//! How a sale goes at a virtual service: what a [`Behaviour`] means, step by step.

use std::time::Duration;

use super::behaviour::Behaviour;

/// The steps of a sale, and what happens to those who want to cancel it. Durations are those of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Course {
    /// How long the cardholder takes.
    pub(crate) card: Duration,
    /// What is asked on the way.
    pub(crate) question: Option<Question>,
    /// How long the host takes.
    pub(crate) host: Duration,
    /// How it ends.
    pub(crate) end: End,
    /// What a request to cancel leads to.
    pub(crate) cancelling: Cancelling,
}

/// What a service asks the POS during a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Which application of the card to use.
    Application,
    /// The cardholder's signature.
    Signature,
}

/// How a sale ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a response of the host: its code and words.
    Response(&'static str, &'static str),
    /// With an approval of more than was asked for.
    TooMuch,
    /// The host does not answer.
    CommError,
    /// The host approves, and its answer does not arrive.
    LostAnswer,
    /// The reader gives up waiting for a card.
    Timeout,
    /// With an error that claims all is well.
    SmilingError,
    /// The link is dropped.
    Drop,
    /// It does not.
    Never,
}

/// What a request to cancel leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancelling {
    /// What the protocol says.
    AsDocumented,
    /// Nothing.
    Silent,
    /// It begins, and its end is never told.
    Unfinished,
    /// The end is told twice, once in the words of before 3.0.28.
    OldWords,
    /// It is refused, and the sale is forgotten.
    Forgets,
}

impl Course {
    /// What a behaviour means.
    pub(crate) const fn of(behaviour: Behaviour) -> Self {
        let usual = Self {
            card: CARD,
            question: None,
            host: HOST,
            end: End::Response("A", "APPROVAL"),
            cancelling: Cancelling::AsDocumented,
        };
        match behaviour {
            Behaviour::Approved => usual,
            Behaviour::Declined => Self { end: End::Response("D", "DECLINED"), ..usual },
            Behaviour::Referral => Self { end: End::Response("R", "REFERRAL"), ..usual },
            Behaviour::CvvDecline => Self { end: End::Response("D", "CVV FAILURE"), ..usual },
            Behaviour::CommError => Self { host: LONG_HOST, end: End::CommError, ..usual },
            Behaviour::LostAnswer => Self { host: LONG_HOST, end: End::LostAnswer, ..usual },
            Behaviour::CardTimeout => Self { card: READER_PATIENCE, end: End::Timeout, ..usual },
            Behaviour::Signature => Self { question: Some(Question::Signature), ..usual },
            Behaviour::Application => Self { question: Some(Question::Application), ..usual },
            Behaviour::SlowCard => Self { card: SLOW_CARD, ..usual },
            Behaviour::SlowHost => Self { host: LONG_HOST, ..usual },
            Behaviour::MissingFinal => Self { end: End::Never, ..usual },
            Behaviour::OldCancelText => Self { card: SLOW_CARD, cancelling: Cancelling::OldWords, ..usual },
            Behaviour::WrongAmount => Self { end: End::TooMuch, ..usual },
            Behaviour::SmilingError => Self { end: End::SmilingError, ..usual },
            Behaviour::DropMidSale => Self { end: End::Drop, ..usual },
            Behaviour::SilentCancel => Self { card: SLOW_CARD, cancelling: Cancelling::Silent, ..usual },
            Behaviour::CancelUnfinished => {
                Self { card: SLOW_CARD, cancelling: Cancelling::Unfinished, ..usual }
            }
            Behaviour::ForgetsSale => Self { host: LONG_HOST, cancelling: Cancelling::Forgets, ..usual },
        }
    }
}

const CARD: Duration = Duration::from_secs(4);
const SLOW_CARD: Duration = Duration::from_secs(15);
const READER_PATIENCE: Duration = Duration::from_secs(30);
const HOST: Duration = Duration::from_secs(2);
const LONG_HOST: Duration = Duration::from_secs(10);
