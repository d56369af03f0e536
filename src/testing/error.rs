//! Why a peer did not start.

use std::io;
use std::path::PathBuf;

use crate::net::entropy::NoEntropy;
use crate::net::record::UpstreamError;
use crate::net::replay::{ReplayError, Stale};
use crate::pack::PackErrors;
use crate::replay::{FaultError, ScriptError, SpotError};

/// Why a peer did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file of the cassette cannot be opened.
    #[error("cannot open `{}`: {source}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The cassette cannot be read.
    #[error("{}", chain(.0))]
    Cassette(#[source] ScriptError),
    /// It is past its date.
    #[error("{}: {stale}", path.display())]
    Stale {
        /// Which.
        path: PathBuf,
        /// The date.
        stale: Stale,
    },
    /// There is no such pack.
    #[error("expected the name of a pack, got `{name}`; known packs: {}", known.join(", "))]
    NoSuchPack {
        /// As given, by the test or by the cassette.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The pack cannot be read.
    #[error(transparent)]
    Pack(#[from] PackErrors),
    /// Nothing can be judged without a pack.
    #[error("expected a pack to judge by: the cassette names none")]
    NoPack,
    /// A fault that is none, or none of this cassette.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// A place in messages that is none.
    #[error("ignore `{text}`: {source}")]
    Spot {
        /// As given.
        text: String,
        /// What is wrong.
        source: SpotError,
    },
    /// An address to dial that is none.
    #[error("dial `{url}`: {source}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong.
        source: UpstreamError,
    },
    /// Where to dial was not said.
    #[error("in this cassette we dial: expected `.dial(\"ws://HOST:PORT\")`")]
    NoUrl,
    /// A behaviour that a simulated terminal does not have.
    #[error("{0}")]
    Behaviour(String),
    /// The system gives no random numbers.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// The address cannot be used, or the cassette not be played in that role.
    #[error("{}", chain(.0))]
    Replay(#[from] ReplayError),
    /// The address of a simulated terminal cannot be used.
    #[error("cannot listen: {0}")]
    Listen(#[source] io::Error),
}

/// An error with its causes, in one line: tests print no sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
