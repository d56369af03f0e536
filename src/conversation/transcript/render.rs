//! Events to lines of the transcript. The grammar stands in the module's head; `parse` reads it back.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::alias::Aliases;
use super::time;
use crate::conversation::{
    ConnectionId, ConversationEvent, EventKind, Masked, Offset, Opening, Party, Payload, Refusal,
};

/// How much a transcript says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// What people read: rounded times, no addresses and header lines.
    #[default]
    Brief,
    /// The same without times, so that two runs of one scenario read the same.
    Timeless,
    /// Everything; [`super::parse()`] gives back the very events.
    Exact,
}

/// Renders the events of one recording, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    detail: Detail,
    aliases: Aliases,
    last: Offset,
}

/// Renders events without aliases.
pub fn render<'a>(events: impl IntoIterator<Item = &'a ConversationEvent<'a>>, detail: Detail) -> String {
    let mut transcript = Transcript::new(detail, Aliases::default());
    let mut out = String::new();
    for event in events {
        transcript.event(event, &mut out);
    }
    out
}

impl Transcript {
    /// A transcript from the start of a recording.
    pub fn new(detail: Detail, aliases: Aliases) -> Self {
        Self { detail, aliases, last: Offset::ZERO }
    }

    /// Appends the line, or lines, of the next event to `out`.
    pub fn event(&mut self, event: &ConversationEvent<'_>, out: &mut String) {
        let distance = event.at.since(self.last);
        let distance = match self.detail {
            Detail::Brief => time::rounded(distance),
            Detail::Timeless => String::new(),
            Detail::Exact => time::exact(distance),
        };
        self.last = event.at;
        let mut line = Line { out, head: Head { connection: event.connection, distance } };
        // Writing to a String cannot fail.
        let _ = self.kind(event, &mut line);
        out.push('\n');
    }

    fn kind(&mut self, event: &ConversationEvent<'_>, line: &mut Line<'_>) -> fmt::Result {
        match &event.kind {
            EventKind::Open(opening) => {
                line.keyword("open", ConnectionId(1))?;
                line.route(opening)?;
                self.handshake(opening, line)
            }
            EventKind::Refused(refusal) => {
                line.keyword("refused", ConnectionId(1))?;
                line.route(&refusal.opening)?;
                write!(line.out, " {}", refusal.opening.status)?;
                self.handshake(&refusal.opening, line)?;
                self.refusal(refusal, line)
            }
            EventKind::Message(message) => {
                line.party(message.from)?;
                let mut notes = Vec::new();
                if !message.frames.is_empty() {
                    let sizes: Vec<_> = message.frames.iter().map(u64::to_string).collect();
                    notes.push(format!("frames {}", sizes.join(" ")));
                }
                if message.deflated {
                    notes.push("deflated".to_owned());
                }
                line.notes(notes, &message.masked)?;
                self.payload(&message.payload, line)
            }
            EventKind::Ping(control) => {
                line.party(control.from)?;
                line.notes(Vec::new(), &control.masked)?;
                line.out.push_str("ping");
                line.bytes(&control.payload)
            }
            EventKind::Pong(control) => {
                line.party(control.from)?;
                line.notes(Vec::new(), &control.masked)?;
                line.out.push_str("pong");
                line.bytes(&control.payload)
            }
            EventKind::Undecodable(undecodable) => {
                line.party(undecodable.from)?;
                line.notes(Vec::new(), &undecodable.masked)?;
                write!(line.out, "undecodable {} bytes {}", undecodable.size, quoted(&undecodable.why))?;
                if !undecodable.bytes.is_empty() {
                    write!(line.out, " {}", STANDARD.encode(&undecodable.bytes))?;
                }
                Ok(())
            }
            EventKind::Close(close) => {
                line.keyword("close", ConnectionId(1))?;
                write!(line.out, "{} ", close.from.as_str())?;
                line.notes(Vec::new(), &close.masked)?;
                match close.code {
                    Some(code) => write!(line.out, "{code}")?,
                    None if close.reason.is_empty() => {}
                    None => line.out.push('-'),
                }
                if !close.reason.is_empty() {
                    write!(line.out, " {}", plain_or_quoted(&close.reason))?;
                }
                line.trim();
                Ok(())
            }
            EventKind::Drop(drop) => {
                line.keyword("drop", ConnectionId(1))?;
                let reset = if drop.reset { "reset" } else { "" };
                write!(line.out, "{} {reset}", drop.by.map_or("", Party::as_str))?;
                line.trim();
                Ok(())
            }
            EventKind::Gap(gap) => {
                line.keyword("gap", NO_CONNECTION)?;
                write!(line.out, "{} ", gap.messages)?;
                if self.detail == Detail::Exact {
                    let since = time::exact(gap.from.since(Offset::ZERO));
                    line.notes(vec![format!("bytes {}", gap.bytes), format!("since {since}")], &[])?;
                }
                write!(line.out, "{}", plain_or_quoted(&gap.why))
            }
            EventKind::Note(note) => {
                line.keyword("note", NO_CONNECTION)?;
                line.notes(Vec::new(), &note.masked)?;
                write!(line.out, "{}", plain_or_quoted(&note.text))
            }
            EventKind::Clock(clock) => {
                line.keyword("clock", NO_CONNECTION)?;
                write!(line.out, "{}", plain_or_quoted(&clock.wall))
            }
            EventKind::End(end) => {
                line.keyword("end", NO_CONNECTION)?;
                let mut notes = Vec::new();
                if let Some(scan) = end.scan {
                    notes.push(format!("clear {}", scan.clear));
                }
                if let Some(sha256) = end.sha256.as_ref().filter(|_| self.detail == Detail::Exact) {
                    notes.push(format!("sha256 {}", quoted(sha256)));
                }
                line.notes(notes, &[])?;
                write!(line.out, "{}", plain_or_quoted(end.reason.as_str()))
            }
        }
    }

    fn payload(&mut self, payload: &Payload<'_>, line: &mut Line<'_>) -> fmt::Result {
        match payload {
            Payload::Json(json) => {
                line.out.push_str(&self.aliases.apply(json));
                Ok(())
            }
            Payload::Text(text) => write!(line.out, "text {}", quoted(text)),
            Payload::Binary(bytes) if bytes.is_empty() => write!(line.out, "binary"),
            Payload::Binary(bytes) => write!(line.out, "binary {}", STANDARD.encode(bytes)),
            Payload::Omitted { text, size, sha256 } => {
                let kind = if *text { "text" } else { "binary" };
                write!(line.out, "omitted {kind} {size} bytes sha256 {}", plain_or_quoted(sha256))
            }
        }
    }

    fn handshake(&self, opening: &Opening<'_>, line: &mut Line<'_>) -> fmt::Result {
        if self.detail != Detail::Exact {
            return Ok(());
        }
        let out = &mut line.out;
        write!(out, "\n  peer pos {}", plain_or_quoted(&opening.pos))?;
        write!(out, "\n  peer terminal {}", plain_or_quoted(&opening.terminal))?;
        for (name, value) in &opening.request.headers {
            write!(out, "\n  > {} {}", quoted(name), quoted(value))?;
        }
        write!(out, "\n  < {}", opening.status)?;
        for (name, value) in &opening.response.headers {
            write!(out, "\n  < {} {}", quoted(name), quoted(value))?;
        }
        for masked in &opening.masked {
            write!(out, "\n  masked {} {}", masked.was.as_str(), quoted(&masked.at))?;
        }
        Ok(())
    }

    fn refusal(&mut self, refusal: &Refusal<'_>, line: &mut Line<'_>) -> fmt::Result {
        if let Some(why) = &refusal.why {
            write!(line.out, "\n  why {}", plain_or_quoted(why))?;
        }
        if matches!(&refusal.body, Payload::Text(text) if text.is_empty()) {
            return Ok(());
        }
        line.out.push_str("\n  body ");
        self.payload(&refusal.body, line)
    }
}

/// A line being written.
struct Line<'o> {
    out: &'o mut String,
    head: Head,
}

/// What every line starts with.
struct Head {
    connection: Option<ConnectionId>,
    distance: String,
}

impl Line<'_> {
    /// `pos      +2ms    `, after the number of its connection where that is not the first.
    fn party(&mut self, party: Party) -> fmt::Result {
        let prefix = self.head.prefix(ConnectionId(1));
        let width = 8_usize.saturating_sub(prefix.len());
        let distance = &self.head.distance;
        if distance.is_empty() {
            return write!(self.out, "{prefix}{:width$} ", party.as_str());
        }
        write!(self.out, "{prefix}{:width$} +{distance:6} ", party.as_str())
    }

    /// `close +2ms `; the connection `usual` needs no number.
    fn keyword(&mut self, keyword: &str, usual: ConnectionId) -> fmt::Result {
        write!(self.out, "{}{keyword} ", self.head.prefix(usual))?;
        if !matches!(self.head.distance.as_str(), "" | "0ms") {
            write!(self.out, "+{} ", self.head.distance)?;
        }
        Ok(())
    }

    fn route(&mut self, opening: &Opening<'_>) -> fmt::Result {
        let server = match opening.client {
            Party::Pos => Party::Terminal,
            Party::Terminal | Party::Gateway => Party::Pos,
        };
        let target = &opening.target;
        let target = if target.contains(char::is_whitespace) {
            quoted(target).into()
        } else {
            plain_or_quoted(target)
        };
        write!(self.out, "{} → {} {target}", opening.client.as_str(), server.as_str())
    }

    /// `(frames 10 20; deflated) `.
    fn notes(&mut self, mut notes: Vec<String>, masked: &[Masked<'_>]) -> fmt::Result {
        let places =
            masked.iter().map(|masked| format!("masked {} {}", masked.was.as_str(), quoted(&masked.at)));
        notes.extend(places);
        if notes.is_empty() { Ok(()) } else { write!(self.out, "({}) ", notes.join("; ")) }
    }

    fn bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        match std::str::from_utf8(bytes) {
            Ok("") => Ok(()),
            Ok(text) if !text.contains(char::is_control) => write!(self.out, " {}", quoted(text)),
            Ok(_) | Err(_) => write!(self.out, " {}", STANDARD.encode(bytes)),
        }
    }

    fn trim(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
    }
}

impl Head {
    fn prefix(&self, usual: ConnectionId) -> String {
        match self.connection {
            None => String::new(),
            Some(connection) if connection == usual => String::new(),
            Some(connection) => format!("[{}] ", connection.0),
        }
    }
}

/// Stands for "no connection is usual": connections are counted from 1.
const NO_CONNECTION: ConnectionId = ConnectionId(0);

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always serialises")
}

/// The text itself where it reads back as written, else a JSON string.
fn plain_or_quoted(text: &str) -> Cow<'_, str> {
    let plain = !text.is_empty()
        && text.trim() == text
        && !text.contains(char::is_control)
        && !text.starts_with(['"', '(', '+']);
    if plain { Cow::Borrowed(text) } else { Cow::Owned(quoted(text)) }
}
