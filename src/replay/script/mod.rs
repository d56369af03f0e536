//! What a cassette prescribes: its connections, and on each the steps of both parties in order, with the
//! flow each belongs to and the identities that run through them.
//!
//! The same for every role: who plays which steps is the player's to know.

mod build;
mod flows;
mod reading;
mod timers;

use std::sync::Arc;

use crate::cassette::{CassetteError, Header};
use crate::conversation::{
    ConnectionId, Content, ConversationEvent, EventKind, EventNumber, Offset, Opening, OwnedEvent, Party,
    Payload,
};
use crate::pack::{KindId, Pack, Role};

use super::lineage::Lineage;
use super::path::Paths;
pub(crate) use reading::{PackReader, Reading, Unread};
pub(crate) use timers::{Concern, Expiries};

/// A cassette, ready to be played.
#[derive(Debug)]
pub struct Script {
    pub(crate) header: Header,
    pub(crate) pack: Option<Arc<Pack>>,
    pub(crate) steps: Vec<Step>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) flows: Vec<Flow>,
    pub(crate) lineage: Lineage,
    pub(crate) paths: Paths,
    pub(crate) expiries: Expiries,
    /// Lines that say what a recorder would have written, in another spelling.
    pub(crate) respelled: u64,
}

/// Which step of the script, in the order of the cassette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepId(pub(crate) u32);

/// Which connection of the script, in the order of opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ConnectionIndex(pub(crate) u32);

/// Which flow of the script, in the order of opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FlowIndex(pub(crate) u32);

/// One event of the cassette, as something to be done or to be waited for.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) event: OwnedEvent,
    /// Who does it: for a handshake, who dials; `None` for what only a recorder writes down.
    pub(crate) by: Option<Party>,
    pub(crate) connection: Option<ConnectionIndex>,
    /// Its place among the steps of its connection.
    pub(crate) place: u32,
    /// Whether it is a message of JSON, in one line or in several.
    pub(crate) json: bool,
    pub(crate) kind: Option<KindId>,
    pub(crate) role: Option<Role>,
    pub(crate) flow: Option<FlowIndex>,
    /// Its place among the steps of its flow.
    pub(crate) place_in_flow: u32,
}

/// What a step is, as far as playing it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A handshake that ends with 101.
    Open,
    /// A handshake that is answered otherwise.
    Refuse,
    /// A data message.
    Message,
    Ping,
    Pong,
    Close,
    Drop,
    /// Bytes that break RFC 6455.
    Break,
    /// The beginning of something whose end the recorder did not see; nobody's deed.
    Fragment,
    /// A human step.
    Note,
    /// What a recorder writes for itself: `gap`, `clock`, `end`.
    Remark,
}

/// A connection of the cassette.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    /// Its handshake; `None` where the cassette starts in the middle.
    pub(crate) opening: Option<StepId>,
    pub(crate) client: Party,
    /// Its steps, the handshake first.
    pub(crate) steps: Vec<StepId>,
}

/// The messages of one transaction, or whatever else belongs together.
#[derive(Debug)]
pub(crate) struct Flow {
    /// What people call it: its key. `None` where messages belong together by their connection alone.
    pub(crate) name: Option<String>,
    pub(crate) steps: Vec<StepId>,
    /// Flows that ran when this one was refused: they may be why.
    pub(crate) alongside: Vec<FlowIndex>,
}

impl Script {
    /// The header of the cassette.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The pack it is read with.
    pub fn pack(&self) -> Option<&Arc<Pack>> {
        self.pack.as_ref()
    }

    /// How many connections it has, refused ones included.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many data messages it has.
    pub fn messages(&self) -> usize {
        self.steps.iter().filter(|step| step.act() == Act::Message).count()
    }

    /// How many data messages a party sends, and how many the other.
    pub fn messages_by(&self, party: Party) -> (u64, u64) {
        let (own, all) = self
            .steps
            .iter()
            .filter(|step| step.act() == Act::Message)
            .fold((0, 0), |sum, step| (sum.0 + u64::from(step.by == Some(party)), sum.1 + 1));
        (own, all - own)
    }

    /// The size of its largest message, in bytes.
    pub fn largest_message(&self) -> usize {
        self.steps.iter().filter_map(Step::text).map(str::len).max().unwrap_or(0)
    }

    /// Who dials; `None` where both do, or nobody.
    pub fn dialler(&self) -> Option<Party> {
        let first = self.connections.first()?.client;
        self.connections.iter().all(|connection| connection.client == first).then_some(first)
    }

    /// How many lines of its file are spelled otherwise than a recorder spells them: people wrote them.
    pub const fn respelled(&self) -> u64 {
        self.respelled
    }

    /// The events that a recorder lost, by its own account.
    pub fn lost(&self) -> u64 {
        let lost = self.steps.iter().map(|step| match &step.event.content {
            Content::Other(EventKind::Gap(gap)) => gap.messages.max(1),
            _ => 0,
        });
        lost.sum()
    }

    /// Its events, in order.
    pub fn events(&self) -> impl Iterator<Item = ConversationEvent<'_>> {
        self.steps.iter().map(|step| step.event.view())
    }

    /// What happens at a step.
    pub fn content(&self, step: StepId) -> &Content {
        &self.step(step).event.content
    }

    /// The header lines of a handshake that were sent, but for those that were masked.
    pub fn headers_sent(&self, step: StepId) -> Vec<(&str, &str)> {
        let Some(opening) = self.step(step).opening() else { return Vec::new() };
        let masked = |index: usize| {
            let at = format!("/request/headers/{index}/1");
            opening.masked.iter().any(|masked| masked.at == at)
        };
        let lines = opening.request.headers.iter().enumerate().filter(|(index, _)| !masked(*index));
        lines.map(|(_, (name, value))| (name.as_ref(), value.as_ref())).collect()
    }

    pub(crate) fn step(&self, id: StepId) -> &Step {
        &self.steps[id.0 as usize]
    }

    pub(crate) fn connection(&self, index: ConnectionIndex) -> &Connection {
        &self.connections[index.0 as usize]
    }

    pub(crate) fn flow(&self, index: FlowIndex) -> &Flow {
        &self.flows[index.0 as usize]
    }

    /// Whether a flow was opened and never came to its end.
    pub(crate) fn is_unfinished(&self, flow: FlowIndex) -> bool {
        let has = |role| self.flow(flow).steps.iter().any(|&id| self.step(id).role == Some(role));
        has(Role::Opens) && !has(Role::Final)
    }

    pub(crate) fn ids(&self) -> impl DoubleEndedIterator<Item = StepId> + use<> {
        (0..self.steps.len() as u32).map(StepId)
    }

    /// The handshake of a connection.
    pub(crate) fn opening(&self, index: ConnectionIndex) -> Option<&Opening<'static>> {
        self.step(self.connection(index).opening?).opening()
    }
}

impl Step {
    pub(crate) const fn n(&self) -> EventNumber {
        self.event.n
    }

    pub(crate) const fn at(&self) -> Offset {
        self.event.at
    }

    pub(crate) fn act(&self) -> Act {
        match &self.event.content {
            Content::Json(_) | Content::Other(EventKind::Message(_)) => Act::Message,
            Content::Other(EventKind::Open(_)) => Act::Open,
            Content::Other(EventKind::Refused(_)) => Act::Refuse,
            Content::Other(EventKind::Ping(_)) => Act::Ping,
            Content::Other(EventKind::Pong(_)) => Act::Pong,
            Content::Other(EventKind::Close(_)) => Act::Close,
            Content::Other(EventKind::Drop(_)) => Act::Drop,
            Content::Other(EventKind::Undecodable(bytes)) if bytes.is_breach() => Act::Break,
            Content::Other(EventKind::Undecodable(_)) => Act::Fragment,
            Content::Other(EventKind::Note(_)) => Act::Note,
            Content::Other(EventKind::Gap(_) | EventKind::Clock(_) | EventKind::End(_)) => Act::Remark,
        }
    }

    /// The text of a text message.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.event.content {
            Content::Json(message) => Some(&message.text),
            Content::Other(EventKind::Message(message)) => match &message.payload {
                Payload::Text(text) => Some(text),
                Payload::Json(text) => Some(text),
                Payload::Binary(_) | Payload::Omitted { .. } => None,
            },
            Content::Other(_) => None,
        }
    }

    pub(crate) fn opening(&self) -> Option<&Opening<'static>> {
        match &self.event.content {
            Content::Other(EventKind::Open(opening)) => Some(opening),
            Content::Other(EventKind::Refused(refusal)) => Some(&refusal.opening),
            Content::Json(_) | Content::Other(_) => None,
        }
    }
}

/// Why a cassette cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It cannot be read.
    #[error(transparent)]
    Cassette(#[from] CassetteError),
    /// Nothing happens in it.
    #[error("{name}: expected a connection to play, got a cassette without any")]
    Empty {
        /// The cassette, as the user named it.
        name: String,
    },
    /// It is too long to be held in memory.
    #[error("{name}: expected at most {limit} events to play, got more")]
    TooLong {
        /// The cassette, as the user named it.
        name: String,
        /// The limit.
        limit: usize,
    },
}
