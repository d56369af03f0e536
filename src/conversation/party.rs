//! Who talks to whom: the parties of a payment and the legs between them.

use std::fmt;
use std::str::FromStr;

/// One side of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// The till, ECR or sale system.
    Pos,
    /// The payment terminal, PIN pad or the local service in front of it.
    Terminal,
    /// The payment gateway behind the terminal.
    Gateway,
}

impl Party {
    /// The word used in formats and on screen: `pos`, `terminal` or `gateway`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pos => "pos",
            Self::Terminal => "terminal",
            Self::Gateway => "gateway",
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Party {
    type Err = UnknownParty;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pos" => Ok(Self::Pos),
            "terminal" => Ok(Self::Terminal),
            "gateway" => Ok(Self::Gateway),
            _ => Err(UnknownParty),
        }
    }
}

/// The text names no party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a party: `pos`, `terminal` or `gateway`")]
pub struct UnknownParty;

/// The link between two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leg {
    /// WebSocket between the till and the terminal.
    PosTerminal,
    /// HTTP between the terminal and the gateway.
    TerminalGateway,
}

impl Leg {
    /// The party on the other end of this leg; a party that is not on it is its own peer.
    pub const fn peer(self, party: Party) -> Party {
        match (self, party) {
            (Self::PosTerminal, Party::Pos) => Party::Terminal,
            (Self::PosTerminal, Party::Terminal) => Party::Pos,
            (Self::TerminalGateway, Party::Terminal) => Party::Gateway,
            (Self::TerminalGateway, Party::Gateway) => Party::Terminal,
            (_, other) => other,
        }
    }
}
