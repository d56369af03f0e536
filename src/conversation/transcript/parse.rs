//! Lines of the transcript to events; the grammar stands in the module's head.
//!
//! What a line leaves out has its plainest value: no time is zero, no connection the first, a handshake has
//! no headers. JSON must be whole: an ellipsis in it is an error, because a rule would look at what it hides.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::time;
use crate::conversation::{
    Clock, Close, ConnectionId, Control, ConversationEvent, Drop, End, EndReason, EventKind, EventNumber,
    Gap, Masked, MaskedKind, Message, Note, Offset, Opening, Party, Payload, Refusal, Scan, Undecodable,
};
use crate::text::json::{self, Cursor};

/// Reads a transcript.
pub fn parse(text: &str) -> Result<Vec<ConversationEvent<'_>>, TranscriptError> {
    let mut events: Vec<ConversationEvent<'_>> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut words = Words { line, at: 0, number: index + 1 };
        words.space();
        if matches!(words.peek(), None | Some('#')) {
            continue;
        }
        if words.at > 0
            && let Some(EventKind::Open(_) | EventKind::Refused(_)) = events.last().map(|event| &event.kind)
            && Words::CONTINUATIONS.iter().any(|word| words.rest().starts_with(word))
        {
            let event = events.last_mut().expect("its kind was just looked at");
            words.continuation(event)?;
            continue;
        }
        let last = events.last().map_or(Offset::ZERO, |event| event.at);
        let n = EventNumber(events.len() as u64 + 1);
        events.push(words.event(n, last)?);
    }
    Ok(events)
}

/// Why a text is no transcript.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, got {got}")]
pub struct TranscriptError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in it, in characters, counted from 1.
    pub column: usize,
    /// What the grammar asks for there.
    pub expected: Cow<'static, str>,
    /// What stands there.
    pub got: String,
}

/// What stands in parentheses before the content of a line.
#[derive(Default)]
struct Notes<'a> {
    frames: Vec<u64>,
    deflated: bool,
    masked: Vec<Masked<'a>>,
    bytes: Option<u64>,
    since: Option<Duration>,
    clear: Option<u64>,
    sha256: Option<Cow<'a, str>>,
}

/// A line being read, word by word.
struct Words<'a> {
    line: &'a str,
    at: usize,
    number: usize,
}

impl<'a> Words<'a> {
    const CONTINUATIONS: [&'static str; 6] = ["peer ", "> ", "< ", "masked ", "why ", "body "];

    fn event(&mut self, n: EventNumber, last: Offset) -> Result<ConversationEvent<'a>, TranscriptError> {
        let connection = self.connection()?;
        let start = self.at;
        let keyword = self.word();
        let at = last.after(self.distance()?);
        let of_connection = Some(connection.unwrap_or(ConnectionId(1)));
        let (connection, kind) = match keyword {
            "open" => (of_connection, EventKind::Open(Box::new(self.route(101)?))),
            "refused" => {
                let mut opening = self.route(0)?;
                opening.status = self.number("the status of the answer")?;
                let body = Payload::Text("".into());
                (of_connection, EventKind::Refused(Box::new(Refusal { opening, body, why: None })))
            }
            "close" => (of_connection, EventKind::Close(self.close()?)),
            "drop" => {
                let mut by = None;
                if !self.rest().is_empty() && !self.rest().starts_with("reset") {
                    by = Some(self.party()?);
                }
                let reset = self.take("reset");
                (of_connection, EventKind::Drop(Drop { by, reset }))
            }
            "gap" => {
                let messages = self.number("how many messages were lost")?;
                let notes = self.notes()?;
                let from = notes.since.map_or(last, |since| Offset::ZERO.after(since));
                let bytes = notes.bytes.unwrap_or_default();
                (connection, EventKind::Gap(Gap { messages, bytes, from, why: self.text()? }))
            }
            "note" => {
                let masked = self.notes()?.masked;
                (connection, EventKind::Note(Note { masked, text: self.text()? }))
            }
            "clock" => (connection, EventKind::Clock(Clock { wall: self.text()? })),
            "end" => {
                let notes = self.notes()?;
                let reason = match self.rest() {
                    "" => EndReason::Stopped,
                    _ => EndReason::from_word(self.text()?),
                };
                let scan = notes.clear.map(|clear| Scan { clear });
                (connection, EventKind::End(End { reason, scan, sha256: notes.sha256 }))
            }
            word => match word.parse() {
                Ok(from) => (of_connection, self.sent(from)?),
                Err(_) => {
                    self.at = start;
                    return Err(self.error(LINE_STARTS));
                }
            },
        };
        self.finished()?;
        Ok(ConversationEvent { n, at, connection, kind })
    }

    /// What a party sent.
    fn sent(&mut self, from: Party) -> Result<EventKind<'a>, TranscriptError> {
        let notes = self.notes()?;
        if self.take("ping") {
            return Ok(EventKind::Ping(Control { from, payload: self.bytes()?, masked: notes.masked }));
        }
        if self.take("pong") {
            return Ok(EventKind::Pong(Control { from, payload: self.bytes()?, masked: notes.masked }));
        }
        if self.take("undecodable") {
            let size = self.number("a number of bytes")?;
            self.expect("bytes")?;
            let why = self.quoted()?;
            let bytes = self.base64()?;
            return Ok(EventKind::Undecodable(Undecodable { from, bytes, size, why, masked: notes.masked }));
        }
        let payload = self.payload()?;
        let (frames, deflated, masked) = (notes.frames.into(), notes.deflated, notes.masked);
        Ok(EventKind::Message(Message { from, payload, frames, deflated, masked }))
    }

    fn payload(&mut self) -> Result<Payload<'a>, TranscriptError> {
        if self.take("text") {
            return self.quoted().map(Payload::Text);
        }
        if self.take("binary") {
            return self.base64().map(Payload::Binary);
        }
        if self.take("omitted") {
            let text = self.take("text");
            if !text {
                self.expect("binary")?;
            }
            let size = self.number("a number of bytes")?;
            self.expect("bytes")?;
            self.expect("sha256")?;
            return Ok(Payload::Omitted { text, size, sha256: self.text()? });
        }
        let text = self.rest();
        match json::validate(text) {
            Ok(()) => {
                self.at = self.line.len();
                Ok(Payload::Json(text))
            }
            Err(error) => {
                // An ellipsis is what people write for "and so on", and the likeliest reason for the error.
                let ellipsis = text.find('…');
                self.at += ellipsis.filter(|at| *at <= error.at).unwrap_or(error.at).min(text.len());
                if error.at == 0 && ellipsis.is_none() {
                    return Err(self.error(PAYLOAD_STARTS));
                }
                let expected = match ellipsis {
                    Some(_) => "whole JSON, in which nothing is left out".into(),
                    None => Cow::Owned(format!("{} of JSON", error.expected)),
                };
                Err(self.error(expected))
            }
        }
    }

    fn close(&mut self) -> Result<Close<'a>, TranscriptError> {
        let from = self.party()?;
        let masked = self.notes()?.masked;
        let code = match self.rest() {
            "" => None,
            _ if self.take("-") => None,
            _ => Some(self.number("a close code")?),
        };
        let reason = if self.rest().is_empty() { "".into() } else { self.text()? };
        Ok(Close { from, code, reason, masked })
    }

    fn route(&mut self, status: u16) -> Result<Opening<'a>, TranscriptError> {
        let client = self.party()?;
        if !self.take("→") {
            self.expect("->")?;
        }
        let start = self.at;
        let server = self.party()?;
        if server == client {
            self.at = start;
            return Err(self.error("the other party"));
        }
        let target = match self.peek() {
            Some('"') => self.quoted()?,
            Some(_) => self.word().into(),
            None => "/".into(),
        };
        Ok(Opening {
            client,
            pos: "".into(),
            terminal: "".into(),
            target,
            request: Default::default(),
            status,
            response: Default::default(),
            masked: Vec::new(),
        })
    }

    /// An indented line that adds to the handshake before it.
    fn continuation(&mut self, event: &mut ConversationEvent<'a>) -> Result<(), TranscriptError> {
        let (opening, refusal) = match &mut event.kind {
            EventKind::Open(opening) => (&mut **opening, None),
            EventKind::Refused(refusal) => {
                let Refusal { opening, body, why } = &mut **refusal;
                (opening, Some((body, why)))
            }
            _ => return Err(self.error(LINE_STARTS)),
        };
        match (self.word(), refusal) {
            ("peer", _) => match self.party()? {
                Party::Pos => opening.pos = self.text()?,
                Party::Terminal | Party::Gateway => opening.terminal = self.text()?,
            },
            (">", _) => opening.request.headers.push((self.quoted()?, self.quoted()?)),
            ("<", _) if self.peek() == Some('"') => {
                opening.response.headers.push((self.quoted()?, self.quoted()?));
            }
            ("<", _) => opening.status = self.number("a status or a header")?,
            ("masked", _) => opening.masked.push(self.masked()?),
            ("why", Some((_, why))) => *why = Some(self.text()?),
            ("body", Some((body, _))) => *body = self.payload()?,
            _ => return Err(self.error("an answer that was refused before it")),
        }
        self.finished()
    }

    fn connection(&mut self) -> Result<Option<ConnectionId>, TranscriptError> {
        if self.peek() != Some('[') {
            return Ok(None);
        }
        let inside = self.rest()[1..].split(']').next().unwrap_or_default();
        let Ok(id) = inside.parse() else {
            return Err(self.error("the number of a connection in brackets, such as `[2]`"));
        };
        self.at += inside.len() + 2;
        self.space();
        Ok(Some(ConnectionId(id)))
    }

    fn distance(&mut self) -> Result<Duration, TranscriptError> {
        if self.peek() != Some('+') {
            return Ok(Duration::ZERO);
        }
        let start = self.at;
        time::parse(&self.word()[1..]).ok_or_else(|| {
            self.at = start;
            self.error("a time such as `+2ms`, `+9.1s` or `+250us`")
        })
    }

    fn notes(&mut self) -> Result<Notes<'a>, TranscriptError> {
        let mut notes = Notes::default();
        if !self.take_char('(') {
            return Ok(notes);
        }
        loop {
            let start = self.at;
            match self.note_word() {
                "frames" => {
                    while self.peek().is_some_and(|c| c.is_ascii_digit()) {
                        notes.frames.push(self.number("a size in bytes")?);
                    }
                }
                "deflated" => notes.deflated = true,
                "masked" => notes.masked.push(self.masked()?),
                "bytes" => notes.bytes = Some(self.number("a number of bytes")?),
                "clear" => notes.clear = Some(self.number("a number of values")?),
                "sha256" => notes.sha256 = Some(self.quoted()?),
                "since" => {
                    let at = self.at;
                    let since = time::parse(self.note_word());
                    notes.since = Some(since.ok_or_else(|| {
                        self.at = at;
                        self.error("a time such as `9.1s`")
                    })?);
                }
                _ => {
                    self.at = start;
                    return Err(
                        self.error("`frames`, `deflated`, `masked`, `bytes`, `since`, `clear` or `sha256`")
                    );
                }
            }
            if self.take_char(')') {
                return Ok(notes);
            }
            if !self.take_char(';') {
                return Err(self.error("`;` or `)`"));
            }
        }
    }

    fn masked(&mut self) -> Result<Masked<'a>, TranscriptError> {
        let start = self.at;
        let Some(was) = MaskedKind::from_word(self.note_word()) else {
            self.at = start;
            return Err(self.error("what was masked: `card-number`, `track-data`, `verification-value`, `pin-block`, `secret` or `sensitive`"));
        };
        Ok(Masked { at: self.quoted()?, was })
    }

    fn bytes(&mut self) -> Result<Cow<'a, [u8]>, TranscriptError> {
        if self.peek() == Some('"') {
            return Ok(match self.quoted()? {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            });
        }
        self.base64()
    }

    fn base64(&mut self) -> Result<Cow<'a, [u8]>, TranscriptError> {
        let start = self.at;
        STANDARD.decode(self.word()).map(Cow::Owned).map_err(|_| {
            self.at = start;
            self.error("base64, with padding")
        })
    }

    /// A JSON string.
    fn quoted(&mut self) -> Result<Cow<'a, str>, TranscriptError> {
        let mut cursor = Cursor::new(self.rest());
        match cursor.string() {
            Ok(text) => {
                self.at += cursor.position();
                self.space();
                Ok(text.decode())
            }
            Err(_) => Err(self.error("a JSON string in quotes")),
        }
    }

    /// The rest of the line, or a JSON string.
    fn text(&mut self) -> Result<Cow<'a, str>, TranscriptError> {
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let text = self.rest();
        self.at = self.line.len();
        Ok(text.into())
    }

    fn party(&mut self) -> Result<Party, TranscriptError> {
        let start = self.at;
        self.word().parse().map_err(|_| {
            self.at = start;
            self.error("a party: `pos`, `terminal` or `gateway`")
        })
    }

    fn number<T: std::str::FromStr>(&mut self, expected: &'static str) -> Result<T, TranscriptError> {
        let start = self.at;
        self.note_word().parse().map_err(|_| {
            self.at = start;
            self.error(expected)
        })
    }

    fn expect(&mut self, word: &'static str) -> Result<(), TranscriptError> {
        if self.take(word) { Ok(()) } else { Err(self.error(format!("`{word}`"))) }
    }

    fn finished(&self) -> Result<(), TranscriptError> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.error("the end of the line")) }
    }

    /// Reads over `word` where it comes next as a whole word.
    fn take(&mut self, word: &str) -> bool {
        let hit = self
            .rest()
            .strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(|c: char| !c.is_whitespace()));
        if hit {
            self.at += word.len();
            self.space();
        }
        hit
    }

    fn take_char(&mut self, character: char) -> bool {
        let hit = self.peek() == Some(character);
        if hit {
            self.at += character.len_utf8();
            self.space();
        }
        hit
    }

    fn word(&mut self) -> &'a str {
        self.until(char::is_whitespace)
    }

    /// A word inside parentheses, or outside.
    fn note_word(&mut self) -> &'a str {
        self.until(|c| c.is_whitespace() || c == ';' || c == ')')
    }

    fn until(&mut self, end: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find(end).unwrap_or(rest.len())];
        self.at += word.len();
        self.space();
        word
    }

    fn space(&mut self) {
        let rest = &self.line[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// What is left of the line, without white space at its end.
    fn rest(&self) -> &'a str {
        self.line[self.at.min(self.line.len())..].trim_end()
    }

    fn error(&self, expected: impl Into<Cow<'static, str>>) -> TranscriptError {
        let mut at = self.at.min(self.line.len());
        while !self.line.is_char_boundary(at) {
            at -= 1;
        }
        let rest = self.line[at..].trim();
        let got = match rest.char_indices().nth(GOT_CHARACTERS) {
            _ if rest.is_empty() => "the end of the line".to_owned(),
            Some((end, _)) => format!("`{}…`", &rest[..end]),
            None => format!("`{rest}`"),
        };
        TranscriptError {
            line: self.number,
            column: self.line[..at].chars().count() + 1,
            expected: expected.into(),
            got,
        }
    }
}

const LINE_STARTS: &str = "`pos`, `terminal`, `gateway`, `open`, `refused`, `close`, `drop`, `gap`, `note`, \
                           `clock` or `end`";

const PAYLOAD_STARTS: &str =
    "JSON, `text \"…\"`, `binary`, `ping`, `pong`, `omitted` or `undecodable` after a party";

/// An error shows this much of what it met.
const GOT_CHARACTERS: usize = 30;
