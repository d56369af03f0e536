//! From what the tap saw to the event that may be written: UTF-8, JSON or not, and masked.
//!
//! This is the only way into a cassette, so nothing unmasked gets past it.

use std::borrow::Cow;

use super::batch::{Handshake, Happened, Seen, Why};
use crate::conversation::{
    Clock, Close, Control, EventKind, Gap, Head, Masked, MaskedKind, Message, Note, Opening, Party, Payload,
    Refusal, Undecodable,
};
use crate::mask::{MaskedBytes, MaskedText, Masker};
use crate::text::Pointer;
use crate::wire;

/// Calls `record` with the event that `seen` stands for; not at all where it stands for none.
pub(super) fn translate(seen: &Seen<'_>, masker: &Masker, record: impl FnOnce(EventKind<'_>)) {
    let bytes = seen.bytes;
    match seen.happened {
        Happened::Message { from, text: true, deflated } => match wire::text(bytes) {
            Ok(text) => {
                let replaced = masker.json(text);
                let payload = Payload::of_text(replaced.as_ref().map_or(text, |replaced| &replaced.text));
                let masked =
                    replaced.as_ref().map_or_else(Vec::new, |text| marks(payload_key(&payload), text));
                let frames = Cow::Borrowed(seen.frames);
                record(EventKind::Message(Message {
                    from: *from,
                    payload,
                    frames,
                    deflated: *deflated,
                    masked,
                }));
            }
            Err(error) => undecodable(*from, bytes, bytes.len() as u64, error.to_string(), masker, record),
        },
        Happened::Message { from, text: false, deflated } => {
            let (payload, masked) = binary(bytes, masker);
            let (payload, frames) = (Payload::Binary(payload), Cow::Borrowed(seen.frames));
            record(EventKind::Message(Message { from: *from, payload, frames, deflated: *deflated, masked }));
        }
        Happened::Oversized(oversized) => record(EventKind::Message(Message {
            from: oversized.from,
            payload: Payload::Omitted {
                text: oversized.text,
                size: oversized.size,
                sha256: Cow::Borrowed(&oversized.sha256),
            },
            frames: Cow::Borrowed(seen.frames),
            deflated: oversized.deflated,
            masked: Vec::new(),
        })),
        Happened::Ping(from) => record(EventKind::Ping(control(*from, bytes, masker))),
        Happened::Pong(from) => record(EventKind::Pong(control(*from, bytes, masker))),
        Happened::Close { from, code } => {
            let (reason, masked) = words("/reason", String::from_utf8_lossy(bytes), masker);
            record(EventKind::Close(Close { from: *from, code: *code, reason, masked }));
        }
        Happened::Undecodable { from, size, why } => {
            let why = match why {
                Why::Frames(error) => error.to_string(),
                Why::Handshake(why) => why.clone(),
            };
            undecodable(*from, bytes, *size, why, masker, record);
        }
        Happened::Open(handshake) => record(EventKind::Open(Box::new(opening(handshake, masker)))),
        Happened::Refused(handshake) => refused(handshake, bytes, masker, record),
        Happened::Drop(drop) => record(EventKind::Drop(*drop)),
        Happened::Gap(lost) => record(EventKind::Gap(Gap {
            messages: lost.messages,
            bytes: lost.bytes,
            from: lost.since,
            why: Cow::Borrowed(&lost.why),
        })),
        Happened::Note => {
            let (text, masked) = words("/text", String::from_utf8_lossy(bytes), masker);
            record(EventKind::Note(Note { text, masked }));
        }
        Happened::Clock(time) => {
            let wall = humantime::format_rfc3339_micros(*time).to_string();
            record(EventKind::Clock(Clock { wall: wall.into() }));
        }
        Happened::Over | Happened::Tick => {}
    }
}

fn refused(handshake: &Handshake, bytes: &[u8], masker: &Masker, record: impl FnOnce(EventKind<'_>)) {
    let mut opening = opening(handshake, masker);
    let why = handshake.why.as_deref().map(|why| words("/why", Cow::Borrowed(why), masker));
    let replaced;
    let body = match std::str::from_utf8(bytes) {
        Ok(text) => match masker.json(text) {
            None => Payload::of_text(text),
            Some(masked) => {
                replaced = masked;
                let payload = Payload::of_text(&replaced.text);
                opening.masked.extend(marks(payload_key(&payload), &replaced));
                payload
            }
        },
        Err(_) => {
            let (bytes, masked) = binary(bytes, masker);
            opening.masked.extend(masked);
            Payload::Binary(bytes)
        }
    };
    let why = why.map(|(why, masked)| {
        opening.masked.extend(masked);
        why
    });
    record(EventKind::Refused(Box::new(Refusal { opening, body, why })));
}

fn undecodable(
    from: Party,
    bytes: &[u8],
    size: u64,
    why: String,
    masker: &Masker,
    record: impl FnOnce(EventKind<'_>),
) {
    let (bytes, masked) = replaced(bytes, masker.piece(bytes));
    record(EventKind::Undecodable(Undecodable { from, bytes, size, why: why.into(), masked }));
}

fn opening<'a>(handshake: &'a Handshake, masker: &Masker) -> Opening<'a> {
    let mut masked = Vec::new();
    let target = match masker.target(&handshake.target) {
        None => Cow::Borrowed(handshake.target.as_str()),
        Some(replaced) => {
            masked.extend(marks("/request/target", &replaced));
            Cow::Owned(replaced.text)
        }
    };
    let request = head("/request/headers", &handshake.request, masker, &mut masked);
    let response = head("/response/headers", &handshake.response, masker, &mut masked);
    Opening {
        client: handshake.client,
        pos: Cow::Borrowed(&handshake.pos),
        terminal: Cow::Borrowed(&handshake.terminal),
        target,
        request,
        status: handshake.status,
        response,
        masked,
    }
}

fn head<'a>(
    key: &str,
    lines: &'a [(String, String)],
    masker: &Masker,
    masked: &mut Vec<Masked<'a>>,
) -> Head<'a> {
    let line = |(index, (name, value)): (usize, &'a (String, String))| {
        let value = match masker.header(name, value) {
            None => Cow::Borrowed(value.as_str()),
            Some(replaced) => {
                masked.extend(marks(&format!("{key}/{index}/1"), &replaced));
                Cow::Owned(replaced.text)
            }
        };
        (Cow::Borrowed(name.as_str()), value)
    };
    Head { headers: lines.iter().enumerate().map(line).collect() }
}

fn control<'a>(from: Party, bytes: &'a [u8], masker: &Masker) -> Control<'a> {
    let (payload, masked) = binary(bytes, masker);
    Control { from, payload, masked }
}

fn binary<'a>(bytes: &'a [u8], masker: &Masker) -> (Cow<'a, [u8]>, Vec<Masked<'a>>) {
    replaced(bytes, masker.bytes(bytes))
}

fn replaced(bytes: &[u8], masked: Option<MaskedBytes>) -> (Cow<'_, [u8]>, Vec<Masked<'_>>) {
    match masked {
        None => (Cow::Borrowed(bytes), Vec::new()),
        Some(replaced) => {
            let mark = |was: &MaskedKind| Masked { at: Cow::Borrowed("/base64"), was: *was };
            let masked = replaced.was.iter().map(mark).collect();
            (Cow::Owned(replaced.bytes), masked)
        }
    }
}

fn words<'a>(key: &'a str, text: Cow<'a, str>, masker: &Masker) -> (Cow<'a, str>, Vec<Masked<'a>>) {
    match masker.text(&text) {
        None => (text, Vec::new()),
        Some(replaced) => {
            let masked = marks(key, &replaced);
            (Cow::Owned(replaced.text), masked)
        }
    }
}

/// Where on its line the replacements of a text stand.
fn marks(key: &str, replaced: &MaskedText) -> Vec<Masked<'static>> {
    let mark = |(at, was): &(Pointer, MaskedKind)| Masked { at: Cow::Owned(format!("{key}{at}")), was: *was };
    replaced.at.iter().map(mark).collect()
}

fn payload_key(payload: &Payload<'_>) -> &'static str {
    match payload {
        Payload::Json(_) => "/json",
        Payload::Text(_) => "/text",
        Payload::Binary(_) => "/base64",
        Payload::Omitted { .. } => "",
    }
}
