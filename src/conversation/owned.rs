//! An event that owns its content, for whoever keeps a recording: nothing of it is lost, and it gives the
//! same event back.

use std::borrow::Cow;

use super::{
    Clock, Close, ConnectionId, Control, ConversationEvent, End, EndReason, EventKind, EventNumber, Gap,
    Head, Masked, Message, Note, Offset, Opening, Party, Payload, Refusal, Undecodable,
};

/// An event that owns its content.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedEvent {
    /// Its number in the recording.
    pub n: EventNumber,
    /// When, since the recording started.
    pub at: Offset,
    /// On which connection.
    pub connection: Option<ConnectionId>,
    /// What happened.
    pub content: Content,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A party sent a JSON message.
    Json(JsonMessage),
    /// Anything else. The body of a refusal that is JSON stands in it as text.
    Other(EventKind<'static>),
}

/// A JSON message.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonMessage {
    /// Who sent it.
    pub from: Party,
    /// Its exact text.
    pub text: Box<str>,
    /// Sizes of its frames; empty for one frame.
    pub frames: Box<[u64]>,
    /// Whether it was compressed.
    pub deflated: bool,
    /// What was masked in it.
    pub masked: Box<[Masked<'static>]>,
}

impl OwnedEvent {
    /// A copy of `event`.
    pub fn of(event: &ConversationEvent<'_>) -> Self {
        let content = match &event.kind {
            EventKind::Message(Message { from, payload: Payload::Json(text), frames, deflated, masked }) => {
                Content::Json(JsonMessage {
                    from: *from,
                    text: (*text).into(),
                    frames: frames.as_ref().into(),
                    deflated: *deflated,
                    masked: all(masked).into(),
                })
            }
            kind => Content::Other(owned(kind)),
        };
        Self { n: event.n, at: event.at, connection: event.connection, content }
    }

    /// The event, as it was.
    pub fn view(&self) -> ConversationEvent<'_> {
        let kind = match &self.content {
            Content::Json(message) => EventKind::Message(message.saying(&message.text)),
            Content::Other(EventKind::Refused(own)) => {
                let mut refusal: Box<Refusal<'_>> = own.clone();
                if let Payload::Text(text) = &own.body {
                    refusal.body = Payload::of_text(text);
                }
                EventKind::Refused(refusal)
            }
            Content::Other(kind) => kind.clone(),
        };
        ConversationEvent { n: self.n, at: self.at, connection: self.connection, kind }
    }
}

impl JsonMessage {
    /// The message with another text in its place.
    pub fn saying<'a>(&'a self, text: &'a str) -> Message<'a> {
        Message {
            from: self.from,
            payload: Payload::Json(text),
            frames: Cow::Borrowed(&self.frames),
            deflated: self.deflated,
            masked: self.masked.to_vec(),
        }
    }
}

fn owned(kind: &EventKind<'_>) -> EventKind<'static> {
    match kind {
        EventKind::Open(open) => EventKind::Open(Box::new(opening(open))),
        EventKind::Refused(refusal) => EventKind::Refused(Box::new(Refusal {
            opening: opening(&refusal.opening),
            body: payload(&refusal.body),
            why: refusal.why.as_deref().map(text),
        })),
        EventKind::Message(message) => EventKind::Message(Message {
            from: message.from,
            payload: payload(&message.payload),
            frames: Cow::Owned(message.frames.to_vec()),
            deflated: message.deflated,
            masked: all(&message.masked),
        }),
        EventKind::Ping(ping) => EventKind::Ping(control(ping)),
        EventKind::Pong(pong) => EventKind::Pong(control(pong)),
        EventKind::Close(close) => EventKind::Close(Close {
            from: close.from,
            code: close.code,
            reason: text(&close.reason),
            masked: all(&close.masked),
        }),
        EventKind::Drop(drop) => EventKind::Drop(*drop),
        EventKind::Undecodable(Undecodable { from, bytes, size, why, masked }) => {
            EventKind::Undecodable(Undecodable {
                from: *from,
                bytes: Cow::Owned(bytes.to_vec()),
                size: *size,
                why: text(why),
                masked: all(masked),
            })
        }
        EventKind::Gap(Gap { messages, bytes, from, why }) => {
            EventKind::Gap(Gap { messages: *messages, bytes: *bytes, from: *from, why: text(why) })
        }
        EventKind::Note(note) => EventKind::Note(Note { text: text(&note.text), masked: all(&note.masked) }),
        EventKind::Clock(clock) => EventKind::Clock(Clock { wall: text(&clock.wall) }),
        EventKind::End(end) => EventKind::End(End {
            reason: EndReason::from_word(text(end.reason.as_str())),
            scan: end.scan,
            sha256: end.sha256.as_deref().map(text),
        }),
    }
}

fn opening(opening: &Opening<'_>) -> Opening<'static> {
    Opening {
        client: opening.client,
        pos: text(&opening.pos),
        terminal: text(&opening.terminal),
        target: text(&opening.target),
        request: head(&opening.request),
        status: opening.status,
        response: head(&opening.response),
        masked: all(&opening.masked),
    }
}

fn head(head: &Head<'_>) -> Head<'static> {
    Head { headers: head.headers.iter().map(|(name, value)| (text(name), text(value))).collect() }
}

fn payload(payload: &Payload<'_>) -> Payload<'static> {
    match payload {
        Payload::Json(json) => Payload::Text(text(json)),
        Payload::Text(said) => Payload::Text(text(said)),
        Payload::Binary(bytes) => Payload::Binary(Cow::Owned(bytes.to_vec())),
        Payload::Omitted { text: is_text, size, sha256 } => {
            Payload::Omitted { text: *is_text, size: *size, sha256: text(sha256) }
        }
    }
}

fn control(control: &Control<'_>) -> Control<'static> {
    Control {
        from: control.from,
        payload: Cow::Owned(control.payload.to_vec()),
        masked: all(&control.masked),
    }
}

fn all(masked: &[Masked<'_>]) -> Vec<Masked<'static>> {
    masked.iter().map(|masked| Masked { at: text(&masked.at), was: masked.was }).collect()
}

fn text(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}
