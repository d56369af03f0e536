//! What to record and how: everything `record` was told, as types.

use super::{Limits, Spread, Upstream};
use crate::cassette::Header;
use crate::conversation::Party;
use crate::mask::Policy;
use crate::net::tls::{Identity, Trust};

/// A recording to be made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The address to listen at, `host:port`; port 0 takes a free one.
    pub listen: String,
    /// The certificate to listen with; `None` for plain `ws://`.
    pub identity: Option<Identity>,
    /// Where to dial.
    pub upstream: Upstream,
    /// What a `wss://` upstream must prove.
    pub trust: Trust,
    /// Whether the client's `Host` goes to the upstream as it came.
    pub host: HostHeader,
    /// Who dials us.
    pub client: Party,
    /// What it may cost.
    pub limits: Limits,
    /// How connections are spread over cassettes.
    pub spread: Spread,
    /// What gives when the recorder cannot keep up.
    pub losing: Losing,
    /// What stands in the header of every cassette; tool, time and masking are filled in.
    pub header: Header,
    /// What is masked.
    pub policy: Policy,
}

impl Plan {
    /// A plan with every default: a POS dials `listen`, one cassette, losses are counted.
    pub fn new(listen: impl Into<String>, upstream: Upstream) -> Self {
        Self {
            listen: listen.into(),
            identity: None,
            upstream,
            trust: Trust::default(),
            host: HostHeader::default(),
            client: Party::Pos,
            limits: Limits::default(),
            spread: Spread::default(),
            losing: Losing::default(),
            header: Header::default(),
            policy: Policy::default(),
        }
    }
}

/// What becomes of the request's `Host`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostHeader {
    /// It names the upstream.
    #[default]
    Upstream,
    /// It stays as the client sent it.
    Kept,
}

/// What gives when nothing can be written and the buffer is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Losing {
    /// Messages are counted instead of kept, and the traffic goes on.
    #[default]
    Counts,
    /// The traffic is stopped.
    Stops,
}
