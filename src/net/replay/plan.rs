//! What is to be played, where, and who watches.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::conversation::ConversationEvent;
use crate::net::record::Upstream;
use crate::net::tls::{Identity, TlsError, Trust};
use crate::replay::{Expected, Player, Script, Settings, Unplayable};

/// What is to be played, and where.
pub struct Plan {
    /// The cassette.
    pub script: Arc<Script>,
    /// How it is played.
    pub settings: Settings,
    /// `host:port` to listen at, where the peer dials.
    pub listen: Option<String>,
    /// The certificate to listen with; `None` speaks plain WebSocket.
    pub identity: Option<Identity>,
    /// Where to dial, where we do.
    pub dial: Option<(Upstream, Trust)>,
    /// The live device that what the cassette does not have goes to; see
    /// [`Unknown::Forward`](crate::replay::Unknown::Forward).
    pub device: Option<(Upstream, Trust)>,
    /// Header lines that are sent when dialling, in place of those of the cassette.
    pub credentials: Credentials,
    /// How often it is played, one run after the other.
    pub times: u32,
    /// How long a handshake may take, on either side.
    pub handshake_time: Duration,
    /// The largest message that is taken, in bytes.
    pub message_size: usize,
}

/// Header lines that a cassette does not hold, because they are masked in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials(pub Vec<(String, String)>);

/// Sees what happens while it happens.
pub trait Watcher {
    /// Connections are accepted at this address from now on.
    fn ready(&mut self, address: SocketAddr);
    /// Something happened on the wire. Nothing in it is masked.
    fn event(&mut self, event: &ConversationEvent<'_>);
    /// Something happened between the peer and the live device, in its own numbers. Nothing in it is masked.
    fn episode(&mut self, event: &ConversationEvent<'_>);
    /// A human step of the cassette is due.
    fn note(&mut self, note: &str);
    /// A message of ours waits to be let go.
    fn held(&mut self, next: &Expected);
    /// A run is over; `true` asks for the next one.
    fn run_over(&mut self, player: &Player) -> bool;
}

/// Why nothing was played, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The event loop or the signal handlers could not be set up.
    #[error("cannot start the event loop")]
    Start(#[source] io::Error),
    /// The address to listen on cannot be used.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// As asked for.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate or the roots cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The peer cannot be reached.
    #[error("cannot reach `{url}`")]
    Dial {
        /// Where.
        url: String,
        /// What the system says.
        source: io::Error,
    },
    /// The cassette cannot be played in that role.
    #[error(transparent)]
    Unplayable(#[from] Unplayable),
}
