//! Event lines in any form JSON allows: keys in any order, white space, unknown keys, escapes.
//!
//! Reads every kind of event through serde; what people and other tools write comes through here, and the
//! rare kinds of our own. What it cannot accept, it names with its column and what was expected.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::LineProblem;
use crate::conversation::{
    Clock, Close, ConnectionId, Control, ConversationEvent, Drop, End, EndReason, EventKind, EventNumber,
    Gap, Head, Masked, MaskedKind, Message, Note, Offset, Opening, Party, Payload, Refusal, Scan,
    Undecodable,
};
use crate::text::json;

/// Reads an event line; `next` is its number where it has none.
///
/// Unknown keys are ignored. A JSON payload is known to be valid when this returns.
pub(super) fn parse(line: &str, next: EventNumber) -> Result<ConversationEvent<'_>, LineProblem> {
    // The cursor's own check comes first, because it says what the grammar asks for and where.
    json::validate(line)
        .map_err(|error| LineProblem::Json { column: error.at + 1, expected: error.expected })?;
    let line: Line<'_> = serde_json::from_str(line).map_err(|error| value_problem(&error))?;
    line.event(next)
}

/// Every key an event line can have.
#[derive(Deserialize)]
struct Line<'a> {
    n: Option<u64>,
    t_us: Option<u64>,
    conn: Option<u64>,
    from: Option<String>,
    event: Option<String>,
    frames: Option<Vec<u64>>,
    deflated: Option<bool>,
    masked: Option<Vec<MaskedLine>>,
    // `null` is a payload like any other; only a missing key is none.
    #[serde(borrow, default, deserialize_with = "present")]
    json: Option<&'a RawValue>,
    text: Option<String>,
    base64: Option<String>,
    size: Option<u64>,
    sha256: Option<String>,
    client: Option<String>,
    peer: Option<PeerLine>,
    request: Option<RequestLine>,
    response: Option<ResponseLine>,
    body: Option<String>,
    why: Option<String>,
    code: Option<u16>,
    reason: Option<String>,
    by: Option<String>,
    reset: Option<bool>,
    messages: Option<u64>,
    bytes: Option<u64>,
    since_us: Option<u64>,
    wall: Option<String>,
    scan: Option<ScanLine>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(value: D) -> Result<Option<&'a RawValue>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

#[derive(Deserialize)]
struct MaskedLine {
    at: String,
    was: String,
}

#[derive(Default, Deserialize)]
struct PeerLine {
    #[serde(default)]
    pos: String,
    #[serde(default)]
    terminal: String,
}

#[derive(Deserialize)]
struct RequestLine {
    target: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct ResponseLine {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct ScanLine {
    clear: u64,
}

impl<'a> Line<'a> {
    fn event(mut self, next: EventNumber) -> Result<ConversationEvent<'a>, LineProblem> {
        let word = self.event.take().ok_or_else(|| missing("?", "`event`"))?;
        let n = self.n.map_or(next, EventNumber);
        let at = Offset::from_micros(self.t_us.ok_or_else(|| missing(&word, "`t_us`"))?);
        let connection = self.conn.map(ConnectionId);
        let kind = self.kind(&word)?;
        let of_recording =
            matches!(kind, EventKind::Gap(_) | EventKind::Note(_) | EventKind::Clock(_) | EventKind::End(_));
        if connection.is_none() && !of_recording {
            return Err(missing(&word, "`conn`"));
        }
        Ok(ConversationEvent { n, at, connection, kind })
    }

    fn kind(mut self, word: &str) -> Result<EventKind<'a>, LineProblem> {
        Ok(match word {
            "open" => EventKind::Open(Box::new(self.opening(word)?)),
            "refused" => EventKind::Refused(Box::new(Refusal {
                opening: self.opening(word)?,
                why: self.why.take().map(Cow::Owned),
                body: {
                    let text = match self.body.as_deref() {
                        None | Some("text") => true,
                        Some("binary") => false,
                        Some(got) => return Err(unknown("body", "`text` or `binary`", got)),
                    };
                    self.payload(word, text)?
                },
            })),
            "text" => EventKind::Message(self.message(word, true)?),
            "binary" => EventKind::Message(self.message(word, false)?),
            "ping" => EventKind::Ping(self.control(word)?),
            "pong" => EventKind::Pong(self.control(word)?),
            "close" => EventKind::Close(Close {
                from: self.from(word)?,
                code: self.code,
                masked: self.masked()?,
                reason: self.reason.unwrap_or_default().into(),
            }),
            "drop" => EventKind::Drop(Drop {
                by: self.by.as_deref().map(|by| party("by", by)).transpose()?,
                reset: self.reset.unwrap_or_default(),
            }),
            "undecodable" => {
                let bytes = self.bytes(word)?;
                EventKind::Undecodable(Undecodable {
                    from: self.from(word)?,
                    size: self.size.unwrap_or(bytes.len() as u64),
                    masked: self.masked()?,
                    why: self.why.ok_or_else(|| missing(word, "`why`"))?.into(),
                    bytes: bytes.into(),
                })
            }
            "gap" => EventKind::Gap(Gap {
                messages: self.messages.ok_or_else(|| missing(word, "`messages`"))?,
                bytes: self.bytes.unwrap_or_default(),
                from: Offset::from_micros(self.since_us.ok_or_else(|| missing(word, "`since_us`"))?),
                why: self.why.unwrap_or_default().into(),
            }),
            "note" => EventKind::Note(Note {
                masked: self.masked()?,
                text: self.text.ok_or_else(|| missing(word, "`text`"))?.into(),
            }),
            "clock" => {
                EventKind::Clock(Clock { wall: self.wall.ok_or_else(|| missing(word, "`wall`"))?.into() })
            }
            "end" => EventKind::End(End {
                reason: EndReason::from_word(self.reason.ok_or_else(|| missing(word, "`reason`"))?.into()),
                scan: self.scan.map(|scan| Scan { clear: scan.clear }),
                sha256: self.sha256.map(Cow::Owned),
            }),
            got => return Err(unknown("event", EVENTS, got)),
        })
    }

    fn message(&mut self, word: &str, text: bool) -> Result<Message<'a>, LineProblem> {
        Ok(Message {
            from: self.from(word)?,
            payload: self.payload(word, text)?,
            frames: self.frames.take().unwrap_or_default().into(),
            deflated: self.deflated.unwrap_or_default(),
            masked: self.masked()?,
        })
    }

    fn payload(&mut self, word: &str, text: bool) -> Result<Payload<'a>, LineProblem> {
        if let (Some(size), Some(sha256)) = (self.size, self.sha256.take()) {
            return Ok(Payload::Omitted { text, size, sha256: sha256.into() });
        }
        if !text {
            return self.bytes(word).map(|bytes| Payload::Binary(bytes.into()));
        }
        match (self.json, self.text.take()) {
            (Some(json), None) => Ok(Payload::Json(json.get())),
            (None, Some(text)) => Ok(Payload::Text(text.into())),
            (Some(_), Some(_)) => Err(LineProblem::Value {
                column: 1,
                what: "expected either `json` or `text`, got both".into(),
            }),
            (None, None) => Err(missing(word, "`json`, `text`, or `size` with `sha256`")),
        }
    }

    fn control(&mut self, word: &str) -> Result<Control<'a>, LineProblem> {
        Ok(Control { from: self.from(word)?, masked: self.masked()?, payload: self.bytes(word)?.into() })
    }

    fn opening(&mut self, word: &str) -> Result<Opening<'a>, LineProblem> {
        let client = self.client.take().ok_or_else(|| missing(word, "`client`"))?;
        let request = self.request.take().ok_or_else(|| missing(word, "`request`"))?;
        let response = self.response.take().ok_or_else(|| missing(word, "`response`"))?;
        let peer = self.peer.take().unwrap_or_default();
        Ok(Opening {
            client: party("client", &client)?,
            pos: peer.pos.into(),
            terminal: peer.terminal.into(),
            target: request.target.into(),
            request: head(request.headers),
            status: response.status,
            response: head(response.headers),
            masked: self.masked()?,
        })
    }

    fn from(&self, word: &str) -> Result<Party, LineProblem> {
        party("from", self.from.as_deref().ok_or_else(|| missing(word, "`from`"))?)
    }

    fn bytes(&mut self, word: &str) -> Result<Vec<u8>, LineProblem> {
        let text = self.base64.take().ok_or_else(|| missing(word, "`base64`"))?;
        STANDARD.decode(text.as_bytes()).map_err(|error| LineProblem::Value {
            column: 1,
            what: format!("expected base64 (RFC 4648, section 4, with padding) at `base64`: {error}"),
        })
    }

    fn masked(&mut self) -> Result<Vec<Masked<'a>>, LineProblem> {
        let masked = self.masked.take().unwrap_or_default().into_iter();
        masked
            .map(|value| {
                let was = MaskedKind::from_word(&value.was)
                    .ok_or_else(|| unknown("was", MASKED_KINDS, &value.was))?;
                Ok(Masked { at: value.at.into(), was })
            })
            .collect()
    }
}

fn head<'a>(headers: Vec<(String, String)>) -> Head<'a> {
    Head { headers: headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
}

fn party(key: &'static str, word: &str) -> Result<Party, LineProblem> {
    word.parse().map_err(|_| unknown(key, "`pos`, `terminal` or `gateway`", word))
}

fn missing(event: &str, expected: &'static str) -> LineProblem {
    LineProblem::Missing { event: event.into(), expected }
}

fn unknown(key: &'static str, expected: &'static str, got: &str) -> LineProblem {
    LineProblem::Word { key, expected, got: got.into() }
}

/// What serde says, without the position it appends: that is ours to say.
fn value_problem(error: &serde_json::Error) -> LineProblem {
    let text = error.to_string();
    let what = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
    LineProblem::Value { column: error.column().max(1), what: what.to_owned() }
}

const EVENTS: &str = "`open`, `refused`, `text`, `binary`, `ping`, `pong`, `close`, `drop`, `undecodable`, \
                      `gap`, `note`, `clock` or `end`";

const MASKED_KINDS: &str =
    "`card-number`, `track-data`, `verification-value`, `pin-block`, `secret` or `sensitive`";
