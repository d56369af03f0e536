//! A recording that owns its events, so that it can be cut, rearranged and judged again.
//!
//! Made from the exchanges of rule pages and from cassettes. JSON messages share their text, so that the
//! thousands of mutants of a recording copy only what differs. Headers and addresses are not kept.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::conversation::transcript::{self, Detail};
use crate::conversation::{
    Clock, Close, ConnectionId, Control, ConversationEvent, End, EndReason, EventKind, EventNumber, Gap,
    Head, Masked, Message, Note, Offset, Opening, Party, Payload, Refusal, Undecodable,
};

/// A recording that can be changed.
#[derive(Clone, Debug)]
pub struct Tape {
    /// Where it comes from, for people: `bluechip-tsi/rules/ACK-1.md:42`.
    pub name: String,
    /// Its events, in the order of the recording.
    pub events: Vec<Event>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, since the recording started.
    pub at: Offset,
    /// On which connection.
    pub connection: Option<ConnectionId>,
    /// What happened.
    pub act: Act,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Act {
    /// A party sent a JSON message.
    Said(Said),
    /// Anything else.
    Other(EventKind<'static>),
}

/// A JSON message.
#[derive(Clone, Debug)]
pub struct Said {
    /// Who sent it.
    pub from: Party,
    /// Its text.
    pub text: Arc<str>,
    /// Sizes of its frames; empty for one frame.
    pub frames: Vec<u64>,
    /// What was masked in it.
    pub masked: Vec<Masked<'static>>,
}

impl Tape {
    /// A recording of these events.
    pub fn new<'a>(name: &str, events: impl IntoIterator<Item = &'a ConversationEvent<'a>>) -> Self {
        Self { name: name.to_owned(), events: events.into_iter().map(Event::of).collect() }
    }

    /// Calls `see` with each event, numbered from 1.
    pub fn replay(&self, mut see: impl FnMut(&ConversationEvent<'_>)) {
        for (index, event) in self.events.iter().enumerate() {
            see(&event.view(EventNumber(index as u64 + 1)));
        }
    }

    /// The transcript, which reads back as these events.
    pub fn transcript(&self) -> String {
        let numbers = (1..).map(EventNumber);
        let events: Vec<_> = self.events.iter().zip(numbers).map(|(event, n)| event.view(n)).collect();
        transcript::render(&events, Detail::Brief)
    }

    /// The same recording with the event at `index` taken out.
    #[must_use]
    pub fn without(&self, index: usize) -> Self {
        let mut tape = self.clone();
        tape.events.remove(index);
        tape
    }

    /// The same recording with `act` in place of what happened at `index`.
    #[must_use]
    pub fn with(&self, index: usize, act: Act) -> Self {
        let mut tape = self.clone();
        tape.events[index].act = act;
        tape
    }

    /// The same recording with another text in the message at `index`.
    #[must_use]
    pub fn saying(&self, index: usize, text: &str) -> Self {
        let mut tape = self.clone();
        if let Act::Said(said) = &mut tape.events[index].act {
            said.text = Arc::from(text);
        }
        tape
    }

    /// The same recording in which everything from `index` on happens so much later.
    #[must_use]
    pub fn delayed(&self, index: usize, by: Duration) -> Self {
        let mut tape = self.clone();
        for event in &mut tape.events[index..] {
            event.at = event.at.after(by);
        }
        tape
    }

    /// The same recording, which goes on so long after its last event.
    #[must_use]
    pub fn lasting(&self, longer: Duration) -> Self {
        let mut tape = self.clone();
        tape.events.retain(|event| !event.is_end());
        let at = tape.horizon().after(longer);
        tape.events.push(Event { at, connection: None, act: Act::end() });
        tape
    }

    /// When its last event happened.
    pub fn horizon(&self) -> Offset {
        self.events.iter().map(|event| event.at).max().unwrap_or(Offset::ZERO)
    }
}

impl Event {
    /// A copy of `event` that owns its content.
    pub fn of(event: &ConversationEvent<'_>) -> Self {
        Self { at: event.at, connection: event.connection, act: Act::of(&event.kind) }
    }

    /// The JSON message, if it is one.
    pub fn said(&self) -> Option<&Said> {
        match &self.act {
            Act::Said(said) => Some(said),
            Act::Other(_) => None,
        }
    }

    /// Whether it is the end of the recording.
    pub fn is_end(&self) -> bool {
        matches!(&self.act, Act::Other(EventKind::End(_)))
    }

    /// Whether it ends a connection: a close frame, or the loss of the link.
    pub fn is_parting(&self) -> bool {
        matches!(&self.act, Act::Other(EventKind::Close(_) | EventKind::Drop(_)))
    }

    fn view(&self, n: EventNumber) -> ConversationEvent<'_> {
        let kind = match &self.act {
            Act::Said(said) => EventKind::Message(Message {
                from: said.from,
                payload: Payload::Json(&said.text),
                frames: Cow::Borrowed(&said.frames),
                deflated: false,
                masked: said.masked.clone(),
            }),
            Act::Other(kind) => kind.clone(),
        };
        ConversationEvent { n, at: self.at, connection: self.connection, kind }
    }
}

impl Act {
    /// The end of a recording.
    pub fn end() -> Self {
        Self::Other(EventKind::End(End { reason: EndReason::Stopped, scan: None, sha256: None }))
    }

    /// A close frame.
    pub fn close(from: Party, code: u16) -> Self {
        let close = Close { from, code: Some(code), reason: Cow::Borrowed(""), masked: Vec::new() };
        Self::Other(EventKind::Close(close))
    }

    fn of(kind: &EventKind<'_>) -> Self {
        Self::Other(match kind {
            EventKind::Message(Message { from, payload: Payload::Json(text), frames, masked, .. }) => {
                return Self::Said(Said {
                    from: *from,
                    text: Arc::from(*text),
                    frames: frames.to_vec(),
                    masked: owned_all(masked),
                });
            }
            EventKind::Message(message) => EventKind::Message(Message {
                from: message.from,
                payload: payload(&message.payload),
                frames: Cow::Owned(message.frames.to_vec()),
                deflated: message.deflated,
                masked: owned_all(&message.masked),
            }),
            EventKind::Open(open) => EventKind::Open(Box::new(opening(open))),
            EventKind::Refused(refusal) => EventKind::Refused(Box::new(Refusal {
                opening: opening(&refusal.opening),
                body: payload(&refusal.body),
                why: refusal.why.as_deref().map(owned),
            })),
            EventKind::Ping(ping) => EventKind::Ping(control(ping)),
            EventKind::Pong(pong) => EventKind::Pong(control(pong)),
            EventKind::Close(close) => EventKind::Close(Close {
                from: close.from,
                code: close.code,
                reason: owned(&close.reason),
                masked: owned_all(&close.masked),
            }),
            EventKind::Drop(drop) => EventKind::Drop(*drop),
            EventKind::Undecodable(bytes) => EventKind::Undecodable(Undecodable {
                from: bytes.from,
                bytes: Cow::Owned(bytes.bytes.to_vec()),
                size: bytes.size,
                why: owned(&bytes.why),
                masked: owned_all(&bytes.masked),
            }),
            EventKind::Gap(gap) => EventKind::Gap(Gap { why: owned(&gap.why), ..gap_of(gap) }),
            EventKind::Note(note) => {
                EventKind::Note(Note { text: owned(&note.text), masked: owned_all(&note.masked) })
            }
            EventKind::Clock(clock) => EventKind::Clock(Clock { wall: owned(&clock.wall) }),
            EventKind::End(end) => EventKind::End(End {
                reason: EndReason::from_word(Cow::Owned(end.reason.as_str().to_owned())),
                scan: end.scan,
                sha256: end.sha256.as_deref().map(owned),
            }),
        })
    }
}

fn opening(opening: &Opening<'_>) -> Opening<'static> {
    Opening {
        client: opening.client,
        pos: Cow::Borrowed(""),
        terminal: Cow::Borrowed(""),
        target: owned(&opening.target),
        request: Head::default(),
        status: opening.status,
        response: Head::default(),
        masked: Vec::new(),
    }
}

fn payload(payload: &Payload<'_>) -> Payload<'static> {
    match payload {
        Payload::Json(text) => Payload::Text(Cow::Owned((*text).to_owned())),
        Payload::Text(text) => Payload::Text(owned(text)),
        Payload::Binary(bytes) => Payload::Binary(Cow::Owned(bytes.to_vec())),
        Payload::Omitted { text, size, sha256 } => {
            Payload::Omitted { text: *text, size: *size, sha256: owned(sha256) }
        }
    }
}

fn control(control: &Control<'_>) -> Control<'static> {
    Control {
        from: control.from,
        payload: Cow::Owned(control.payload.to_vec()),
        masked: owned_all(&control.masked),
    }
}

fn gap_of(gap: &Gap<'_>) -> Gap<'static> {
    Gap { messages: gap.messages, bytes: gap.bytes, from: gap.from, why: Cow::Borrowed("") }
}

fn owned(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

fn owned_all(masked: &[Masked<'_>]) -> Vec<Masked<'static>> {
    masked.iter().map(|masked| Masked { at: owned(&masked.at), was: masked.was }).collect()
}
