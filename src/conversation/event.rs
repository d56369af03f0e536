//! The one event stream: what the tap saw, borrowed from wherever it stands.
//!
//! An event borrows its text from a receive buffer or a line of a cassette, so that checking a long
//! recording copies nothing. Everything here is already masked; see `mask`.

use std::borrow::Cow;

use super::{ConnectionId, EventNumber, MaskedKind, Offset, Party};
use crate::text::json;

/// One thing that happened, in the order of the recording.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationEvent<'a> {
    /// Its number in the recording.
    pub n: EventNumber,
    /// When, since the recording started.
    pub at: Offset,
    /// On which connection; `None` for what concerns the whole recording (`note`, `clock`, `end`).
    pub connection: Option<ConnectionId>,
    /// What happened.
    pub kind: EventKind<'a>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind<'a> {
    /// The opening handshake ended with status 101.
    Open(Box<Opening<'a>>),
    /// The opening handshake was answered without 101.
    Refused(Box<Refusal<'a>>),
    /// A whole data message, reassembled.
    Message(Message<'a>),
    /// A ping frame.
    Ping(Control<'a>),
    /// A pong frame.
    Pong(Control<'a>),
    /// A close frame.
    Close(Close<'a>),
    /// The link ended without a close frame from either side.
    Drop(Drop),
    /// Bytes that break RFC 6455, TLS or UTF-8 and cannot be read as a message.
    Undecodable(Undecodable<'a>),
    /// The recorder lost something.
    Gap(Gap<'a>),
    /// A human step: "tap card A".
    Note(Note<'a>),
    /// The wall clock at this moment, so that drift of long recordings shows.
    Clock(Clock<'a>),
    /// The last line of a recording that was finished.
    End(End<'a>),
}

/// One HTTP/1.1 head of the opening handshake: header names and values as sent, secrets masked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head<'a> {
    /// Header lines in the order sent.
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// A handshake that ended with status 101.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening<'a> {
    /// Who dialled: the WebSocket client.
    pub client: Party,
    /// Socket address of the POS, as `host:port`.
    pub pos: Cow<'a, str>,
    /// Socket address of the terminal, as `host:port`.
    pub terminal: Cow<'a, str>,
    /// Request target: path and query, secrets masked.
    pub target: Cow<'a, str>,
    /// Header lines of the request.
    pub request: Head<'a>,
    /// Status of the response; 101 for an `open`.
    pub status: u16,
    /// Header lines of the response.
    pub response: Head<'a>,
    /// Values masked in the handshake.
    pub masked: Vec<Masked<'a>>,
}

/// A handshake that was answered without 101, or not at all (`status` 502 is the proxy's own answer then).
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal<'a> {
    /// The handshake as far as it went.
    pub opening: Opening<'a>,
    /// Body of the answer, as far as it was kept; lossless where it is text.
    pub body: Payload<'a>,
    /// Why the proxy answered in place of the upstream; `None` where the upstream answered.
    pub why: Option<Cow<'a, str>>,
}

/// A whole data message, reassembled from its frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// Who sent it.
    pub from: Party,
    /// Its content.
    pub payload: Payload<'a>,
    /// Payload sizes of its frames, in bytes on the wire; empty for a message of one frame.
    pub frames: Cow<'a, [u64]>,
    /// Whether it was compressed by permessage-deflate.
    pub deflated: bool,
    /// Values replaced before it was written.
    pub masked: Vec<Masked<'a>>,
}

impl<'a> Message<'a> {
    /// A message of one frame, as it was before anything masked it.
    pub fn of_text(from: Party, text: &'a str) -> Self {
        let payload = Payload::of_text(text);
        Self { from, payload, frames: Cow::Borrowed(&[]), deflated: false, masked: Vec::new() }
    }
}

/// Content of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload<'a> {
    /// A text message that is one line of valid JSON, without white space around it: its exact original
    /// bytes. [`Payload::of_text`] decides.
    Json(&'a str),
    /// Any other text message.
    Text(Cow<'a, str>),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// A message larger than the recorder keeps.
    Omitted {
        /// Whether it was a text message.
        text: bool,
        /// Its size in bytes, after inflation.
        size: u64,
        /// SHA-256 of its bytes, lower-case hex.
        sha256: Cow<'a, str>,
    },
}

impl<'a> Payload<'a> {
    /// The payload of a text message: [`Payload::Json`] where `text` is one line of valid JSON without
    /// white space around it, else [`Payload::Text`]. Walks the text once.
    pub fn of_text(text: &'a str) -> Self {
        if is_json_line(text) { Self::Json(text) } else { Self::Text(Cow::Borrowed(text)) }
    }

    /// Whether it came as a text message.
    pub fn is_text(&self) -> bool {
        match self {
            Self::Json(_) | Self::Text(_) => true,
            Self::Binary(_) => false,
            Self::Omitted { text, .. } => *text,
        }
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Json(text) => text.len() as u64,
            Self::Text(text) => text.len() as u64,
            Self::Binary(bytes) => bytes.len() as u64,
            Self::Omitted { size, .. } => *size,
        }
    }
}

fn is_json_line(text: &str) -> bool {
    let bytes = text.as_bytes();
    let tight = |byte: Option<&u8>| !matches!(byte, None | Some(b' ' | b'\t'));
    tight(bytes.first())
        && tight(bytes.last())
        && memchr::memchr2(b'\n', b'\r', bytes).is_none()
        && json::validate(text).is_ok()
}

/// A ping or pong frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Control<'a> {
    /// Who sent it.
    pub from: Party,
    /// Application data, at most 125 bytes.
    pub payload: Cow<'a, [u8]>,
    /// Values masked in it.
    pub masked: Vec<Masked<'a>>,
}

/// A close frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Close<'a> {
    /// Who sent it.
    pub from: Party,
    /// Status code (RFC 6455, section 7.4); `None` for an empty close frame.
    pub code: Option<u16>,
    /// Reason, masked.
    pub reason: Cow<'a, str>,
    /// Values masked in it.
    pub masked: Vec<Masked<'a>>,
}

/// The link ended without a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drop {
    /// Whose side ended it; `None` where the recorder cannot tell.
    pub by: Option<Party>,
    /// Whether it was a TCP reset rather than an orderly end of stream.
    pub reset: bool,
}

/// Bytes that could not be read as a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Undecodable<'a> {
    /// Who sent them.
    pub from: Party,
    /// The bytes, as far as they were kept, digits of possible card numbers masked.
    pub bytes: Cow<'a, [u8]>,
    /// How many bytes there were in all.
    pub size: u64,
    /// What was wrong. Where the sender broke a protocol, the section it broke stands in it as `(RFC …)`.
    pub why: Cow<'a, str>,
    /// Values masked in it.
    pub masked: Vec<Masked<'a>>,
}

impl Undecodable<'_> {
    /// Whether its sender broke the protocol; `false` where the link or the recording ended inside a frame,
    /// or a limit of the recorder was reached, for which nobody is to be accused.
    pub fn is_breach(&self) -> bool {
        self.why.contains("(RFC ")
    }
}

/// The recorder lost something.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap<'a> {
    /// Messages lost.
    pub messages: u64,
    /// Payload bytes lost.
    pub bytes: u64,
    /// When the first lost message was seen.
    pub from: Offset,
    /// Why: `disk full`, `disk slow`, …
    pub why: Cow<'a, str>,
}

/// A human step or remark.
#[derive(Clone, Debug, PartialEq)]
pub struct Note<'a> {
    /// The remark, masked.
    pub text: Cow<'a, str>,
    /// Values masked in it.
    pub masked: Vec<Masked<'a>>,
}

/// The wall clock at an offset.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock<'a> {
    /// RFC 3339, UTC, microseconds.
    pub wall: Cow<'a, str>,
}

/// The last line of a finished recording.
#[derive(Clone, Debug, PartialEq)]
pub struct End<'a> {
    /// Why the recording ended.
    pub reason: EndReason<'a>,
    /// What the masking scan of the finished recording found; `None` where it was not scanned.
    pub scan: Option<Scan>,
    /// SHA-256 of every byte before this line, lower-case hex; `None` in a recording made by hand.
    pub sha256: Option<Cow<'a, str>>,
}

/// What a scan of the finished recording found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Values that look like card data in clear.
    pub clear: u64,
}

/// Why a recording ended.
#[derive(Clone, Debug, PartialEq)]
pub enum EndReason<'a> {
    /// The operator stopped it.
    Stopped,
    /// The connection the cassette was for ended (`--split`).
    Closed,
    /// A script or demo came to its end.
    Finished,
    /// Traffic was stopped because it could not be recorded (`--strict`).
    Strict,
    /// A word this version does not know.
    Other(Cow<'a, str>),
}

impl<'a> EndReason<'a> {
    /// The word in the cassette: `stopped`, `closed`, `finished`, `strict`, or the unknown one.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stopped => "stopped",
            Self::Closed => "closed",
            Self::Finished => "finished",
            Self::Strict => "strict",
            Self::Other(word) => word,
        }
    }

    /// The reason of that word.
    pub fn from_word(word: Cow<'a, str>) -> Self {
        match word.as_ref() {
            "stopped" => Self::Stopped,
            "closed" => Self::Closed,
            "finished" => Self::Finished,
            "strict" => Self::Strict,
            _ => Self::Other(word),
        }
    }
}

/// A value replaced before it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Masked<'a> {
    /// JSON Pointer into the line (`/json/event/…`, `/request/headers/3/1`), or `/text` and the like.
    pub at: Cow<'a, str>,
    /// What it was.
    pub was: MaskedKind,
}
