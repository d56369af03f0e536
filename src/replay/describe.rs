//! Steps in words: what a step is, which flow it belongs to, what it is there for.

use super::binding::Bindings;
use super::mismatch::Expected;
use super::script::{Act, Script, Step, StepId};
use crate::conversation::{Content, EventKind, Party, Payload};
use crate::mask::Masker;
use crate::pack::{KindId, Role};

/// How much of a message people are shown, in bytes.
const READABLE: usize = 400;

impl Script {
    /// A step for people, with the ids of this run.
    pub(crate) fn expected(&self, id: StepId, bindings: &Bindings, masker: &Masker) -> Expected {
        let step = self.step(id);
        Expected {
            n: step.n(),
            party: step.by,
            what: self.what(step),
            flow: self.flow_name(step),
            purpose: self.purpose(id),
            connection: step.connection.map(|connection| self.connection(connection).id.0),
            text: bindings.compose(self, id).map(|text| shown(&text, masker)),
        }
    }

    /// What a step is: `final event`, `close 1000`.
    pub(crate) fn what(&self, step: &Step) -> String {
        match (&step.event.content, step.act()) {
            (Content::Other(EventKind::Close(close)), _) => close_in_words(close.code),
            (_, Act::Message) => match step.kind {
                Some(kind) => self.kind_in_words(kind),
                None => payload_in_words(step),
            },
            (_, Act::Open) => format!("connection to {}", step.opening().map_or("", |open| &open.target)),
            (_, Act::Refuse) => format!("attempt at {}", step.opening().map_or("", |open| &open.target)),
            (_, Act::Drop) => "end of the link without a close frame".to_owned(),
            (_, Act::Ping) => "ping".to_owned(),
            (_, Act::Pong) => "pong".to_owned(),
            (_, Act::Break | Act::Fragment) => "bytes that are no frame".to_owned(),
            (_, Act::Close) => "close".to_owned(),
            (_, Act::Note | Act::Remark) => "remark".to_owned(),
        }
    }

    pub(crate) fn kind_in_words(&self, kind: KindId) -> String {
        self.pack.as_ref().map_or_else(|| "message".to_owned(), |pack| pack.kinds[kind.0].what.clone())
    }

    fn flow_name(&self, step: &Step) -> Option<String> {
        self.flow(step.flow?).name.clone()
    }

    /// What a step is there for: what it opens, or what it follows in its flow.
    fn purpose(&self, id: StepId) -> Option<String> {
        let step = self.step(id);
        if matches!(step.act(), Act::Open | Act::Refuse) {
            return None;
        }
        let flow = step.flow.map(|flow| self.flow(flow));
        let before = match flow {
            Some(flow) => {
                let earlier = flow.steps[..step.place_in_flow as usize].iter().rev().copied();
                earlier.map(|id| self.step(id)).find(|other| other.by != step.by)
            }
            None => None,
        };
        let Some(before) = before else {
            return flow
                .filter(|flow| flow.name.is_some() && step.place_in_flow == 0)
                .map(|_| "opens it".into());
        };
        let verb = match step.role {
            Some(Role::Acknowledgement) => "acknowledges",
            Some(Role::Answer) => "answers",
            _ => "follows",
        };
        Some(format!("{verb} {} ({})", before.n(), self.what(before)))
    }
}

/// A close frame for people.
pub(crate) fn close_in_words(code: Option<u16>) -> String {
    code.map_or_else(|| "close without a code".to_owned(), |code| format!("close {code}"))
}

/// A message as it may be shown: masked, and not too long.
pub(crate) fn shown(text: &str, masker: &Masker) -> String {
    let masked = masker.inspect(text).masked;
    let text = masked.as_ref().map_or(text, |masked| &masked.text);
    if text.len() <= READABLE {
        return text.to_owned();
    }
    let cut = (0..=READABLE).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &text[..cut])
}

/// A kind of message with its article: `a request`, `an event_ack`.
pub(crate) fn a(what: &str) -> String {
    let vowel = what.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O']);
    let plural = what.starts_with("bytes") || what.starts_with("text that");
    match (plural, vowel) {
        (true, _) => what.to_owned(),
        (false, true) => format!("an {what}"),
        (false, false) => format!("a {what}"),
    }
}

/// A party with its article: `the POS`.
pub(crate) const fn spoken(party: Party) -> &'static str {
    match party {
        Party::Pos => "the POS",
        Party::Terminal => "the terminal",
        Party::Gateway => "the gateway",
    }
}

fn payload_in_words(step: &Step) -> String {
    match &step.event.content {
        Content::Json(_) => "message".to_owned(),
        Content::Other(EventKind::Message(message)) => match &message.payload {
            Payload::Json(_) => "message".to_owned(),
            Payload::Text(_) => "text that is no JSON".to_owned(),
            Payload::Binary(bytes) => format!("binary message of {} bytes", bytes.len()),
            Payload::Omitted { size, .. } => format!("message of {size} bytes, not kept"),
        },
        Content::Other(_) => "message".to_owned(),
    }
}
