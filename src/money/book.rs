//! What stands in the ledger, in the order of the wire.

use crate::conversation::EventNumber;
use crate::pack::Ended;

/// Everything about money that was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Requests that move money.
    pub charges: Vec<Charge>,
    /// Requests that take it back.
    pub reversals: Vec<Reversal>,
    /// Questions what became of the last charge.
    pub enquiries: Vec<Enquiry>,
}

/// A request that moves money, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The event of the request.
    pub n: EventNumber,
    /// What people call it: `sale`.
    pub what: String,
    /// What it has in common with the same purchase: `sale 2350`.
    pub same: String,
    /// How it ended, as far as the wire shows.
    pub end: End,
    /// Whether the POS has shown that it knows: by an acknowledgement, or, where the protocol has none, by
    /// having been told.
    pub confirmed: bool,
    /// Whether the POS had reason to doubt before that: its link ended, or it asked.
    pub doubted: bool,
    /// Whether it was taken back.
    pub reversed: bool,
}

/// How a charge ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nobody said.
    Open,
    /// The terminal said so, to the charge itself.
    Told(Ended),
    /// The terminal said so, to an enquiry.
    Asked(Ended),
}

/// A request that takes a charge back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// The event of the request.
    pub n: EventNumber,
    /// What people call it: `void`.
    pub what: String,
    /// Which charge, where the ledger knows it.
    pub charge: Option<usize>,
    /// Whether the POS had a cause when it asked for it: the charge was one too many, or in doubt.
    pub cause: bool,
    /// Whether a second one moves money again.
    pub once: bool,
    /// Whether the terminal answered.
    pub answered: bool,
    /// Whether the terminal did it.
    pub done: bool,
}

/// A question what became of the last charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enquiry {
    /// The event of the question.
    pub n: EventNumber,
    /// The last charge before it.
    pub charge: Option<usize>,
    /// The last reversal before it, where that came after the charge and moves money by itself.
    pub reversal: Option<usize>,
    /// Whether it was answered.
    pub answered: bool,
}

impl End {
    /// How it ended, whoever said so.
    pub const fn known(&self) -> Option<&Ended> {
        match self {
            Self::Open => None,
            Self::Told(ended) | Self::Asked(ended) => Some(ended),
        }
    }
}
