//! How an errand of a virtual goChip POS ended, as far as the POS can tell.

use std::fmt;

use super::amount::Major;

/// How an errand ended, as far as the POS can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What was asked for was done.
    Done,
    /// The host approved so much.
    Approved(Option<Major>),
    /// The host did not approve: its code.
    NotApproved(String),
    /// A transaction was taken back.
    Reversed,
    /// The sale was cancelled.
    Cancelled,
    /// There was nothing to cancel.
    NothingToCancel,
    /// The reader gave up, with its reason.
    DeviceError(String),
    /// Nobody knows what became of the sale: the host could not be reached.
    CommError,
    /// The service refused the request, with its reason.
    Refused(String),
    /// The POS did not wait for the end.
    Abandoned,
    /// Nothing came although the POS waited long enough.
    Unanswered,
    /// The link went before the end was known.
    LinkLost,
}

impl Ending {
    /// Whether the POS knows what became of the errand.
    pub const fn is_known(&self) -> bool {
        match self {
            Self::Done
            | Self::Approved(_)
            | Self::NotApproved(_)
            | Self::Reversed
            | Self::Cancelled
            | Self::NothingToCancel
            | Self::DeviceError(_)
            | Self::Refused(_) => true,
            Self::CommError | Self::Abandoned | Self::Unanswered | Self::LinkLost => false,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Approved(Some(amount)) => write!(f, "approved, {amount}"),
            Self::Approved(None) => f.write_str("approved"),
            Self::NotApproved(code) => match code.as_str() {
                "D" => f.write_str("declined"),
                "C" => f.write_str("not approved: pick up the card"),
                "R" => f.write_str("not approved: call the bank"),
                other => write!(f, "not approved: code {other}"),
            },
            Self::Reversed => f.write_str("reversed"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::NothingToCancel => f.write_str("nothing to cancel"),
            Self::DeviceError(error) => write!(f, "error of the reader: {error}"),
            Self::CommError => f.write_str("the host could not be reached: nobody knows"),
            Self::Refused(error) => write!(f, "refused: {error}"),
            Self::Abandoned => f.write_str("the POS did not wait for the end"),
            Self::Unanswered => f.write_str("no answer"),
            Self::LinkLost => f.write_str("the link was lost"),
        }
    }
}
