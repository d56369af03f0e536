//! Which pack a recording is of: its messages are counted by what each pack knows of them.
//!
//! A message is of a pack when it is of a kind that is told by its content, sent by the right party. Where no
//! message says anything, the paths that were dialled may. Nothing is guessed: what is of two packs alike is
//! called so.

use std::collections::HashMap;
use std::sync::Arc;

use crate::conversation::{ConnectionId, ConversationEvent, EventKind, Message, Party, Payload};
use crate::pack::{Carrier, EndpointId, Extract, KindId, Pack, View};

/// Packs under comparison, fed the events of one recording.
#[derive(Debug)]
pub struct Recogniser {
    candidates: Vec<Candidate>,
    messages: u64,
}

#[derive(Debug)]
struct Candidate {
    pack: Arc<Pack>,
    likeness: Likeness,
    extract: Extract,
    endpoints: HashMap<ConnectionId, Option<EndpointId>>,
}

/// How much of a recording is of a pack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Likeness {
    /// Name of the pack.
    pub pack: String,
    /// JSON messages that are of it.
    pub messages: u64,
    /// JSON messages that would be, had the other party sent them.
    pub swapped: u64,
    /// Connections to a path of it.
    pub connections: u64,
}

/// What a recording is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognition {
    /// JSON messages looked at.
    pub messages: u64,
    /// Every pack it was held against, the nearest first.
    pub likenesses: Vec<Likeness>,
}

/// Which pack a recording is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised<'a> {
    /// This one.
    Surely(&'a Likeness),
    /// Each of these as well as another.
    Alike(Vec<&'a Likeness>),
    /// This one, if POS and terminal are taken for each other.
    Swapped(&'a Likeness),
    /// None of them.
    Nothing,
}

impl Recogniser {
    /// Holds a recording against `packs`.
    pub fn new(packs: impl IntoIterator<Item = Arc<Pack>>) -> Self {
        let candidate = |pack: Arc<Pack>| Candidate {
            likeness: Likeness { pack: pack.name.clone(), ..Likeness::default() },
            pack,
            extract: Extract::default(),
            endpoints: HashMap::new(),
        };
        Self { candidates: packs.into_iter().map(candidate).collect(), messages: 0 }
    }

    /// The next event of the recording.
    pub fn observe(&mut self, event: &ConversationEvent<'_>) {
        let Some(connection) = event.connection else { return };
        match &event.kind {
            EventKind::Open(opening) => {
                for candidate in &mut self.candidates {
                    candidate.open(connection, &opening.target);
                }
            }
            EventKind::Message(message) => {
                let text = match &message.payload {
                    Payload::Json(text) => *text,
                    Payload::Text(_) | Payload::Binary(_) | Payload::Omitted { .. } => return,
                };
                self.messages += 1;
                for candidate in &mut self.candidates {
                    candidate.message(connection, message, text);
                }
            }
            EventKind::Refused(refusal) => {
                for candidate in &mut self.candidates {
                    candidate.open(connection, &refusal.opening.target);
                }
            }
            EventKind::Ping(_)
            | EventKind::Pong(_)
            | EventKind::Close(_)
            | EventKind::Drop(_)
            | EventKind::Undecodable(_)
            | EventKind::Gap(_)
            | EventKind::Note(_)
            | EventKind::Clock(_)
            | EventKind::End(_) => {}
        }
    }

    /// JSON messages looked at so far.
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// What the recording is like.
    pub fn finish(self) -> Recognition {
        let mut likenesses: Vec<Likeness> = self.candidates.into_iter().map(|one| one.likeness).collect();
        likenesses.sort_by_key(|one| std::cmp::Reverse((one.messages, one.connections, one.swapped)));
        Recognition { messages: self.messages, likenesses }
    }
}

impl Candidate {
    fn open(&mut self, connection: ConnectionId, target: &str) {
        let endpoint = self.pack.endpoint_of(target);
        self.likeness.connections += u64::from(endpoint.is_some());
        self.endpoints.insert(connection, endpoint);
    }

    fn message(&mut self, connection: ConnectionId, message: &Message<'_>, text: &str) {
        if self.pack.trie.scan(text, &mut self.extract).is_err() {
            return;
        }
        let view = View {
            endpoint: self.endpoints.get(&connection).copied().flatten(),
            masked: message.masked.iter().map(|masked| masked.was).collect(),
            ..View::of(text, &self.extract)
        };
        let other = match message.from {
            Party::Pos => Party::Terminal,
            Party::Terminal | Party::Gateway => Party::Pos,
        };
        let told = |from| {
            let view = View { from: Some(from), ..view };
            let kind = self.pack.classify(Carrier::Json, Some(from), &view);
            kind.is_some_and(|kind| self.pack.is_telling(kind))
        };
        if told(message.from) {
            self.likeness.messages += 1;
        } else if told(other) {
            self.likeness.swapped += 1;
        }
    }
}

/// Whether the pack can tell its messages from others: one that holds for every protocol cannot.
pub fn can_tell(pack: &Pack) -> bool {
    (0..pack.kinds.len()).any(|kind| pack.is_telling(KindId(kind)))
}

impl Recognition {
    /// Which pack it is of.
    pub fn recognised(&self) -> Recognised<'_> {
        let Some(best) = self.likenesses.first() else { return Recognised::Nothing };
        // A quarter of another protocol is no slip of the first.
        let near = |one: &&Likeness| match best.messages {
            0 => one.messages == 0 && one.connections == best.connections,
            most => one.messages * 4 > most,
        };
        let alike: Vec<&Likeness> = self.likenesses.iter().filter(near).collect();
        match alike.as_slice() {
            _ if best.messages == 0 && best.connections == 0 => self.swapped(),
            // Most of it is something else.
            _ if best.messages > 0 && best.messages * 4 < self.messages => Recognised::Nothing,
            [_] => Recognised::Surely(best),
            _ => Recognised::Alike(alike),
        }
    }

    /// How much of it is of that pack.
    pub fn likeness(&self, pack: &str) -> Option<&Likeness> {
        self.likenesses.iter().find(|one| one.pack == pack)
    }

    fn swapped(&self) -> Recognised<'_> {
        let mut swapped: Vec<&Likeness> = self.likenesses.iter().filter(|one| one.swapped > 0).collect();
        swapped.sort_by_key(|one| std::cmp::Reverse(one.swapped));
        match swapped.as_slice() {
            [] => Recognised::Nothing,
            [first, rest @ ..] if rest.iter().all(|one| one.swapped < first.swapped) => {
                Recognised::Swapped(first)
            }
            _ => Recognised::Nothing,
        }
    }
}
