//! The protocols that can be simulated, named after their packs.

use std::fmt;
use std::str::FromStr;

/// A protocol for which there are virtual peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TSI over WebSocket: a till and a terminal.
    #[default]
    Tsi,
    /// goChip Websockets: a POS and the local service of a card reader.
    Gochip,
}

impl Protocol {
    /// Every protocol, in the order of the help.
    pub const ALL: [Self; 2] = [Self::Tsi, Self::Gochip];

    /// The pack that describes it.
    pub const fn pack(self) -> &'static str {
        match self {
            Self::Tsi => "bluechip-tsi",
            Self::Gochip => "gochip",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.pack())
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|protocol| protocol.pack() == text).ok_or(UnknownProtocol)
    }
}

/// The text names no protocol that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the pack of a protocol that can be simulated")]
pub struct UnknownProtocol;
