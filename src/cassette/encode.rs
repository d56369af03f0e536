//! One event to one line. Hot while recording: written by hand, without a tree in between.
//!
//! The order of keys is fixed, and the payload stands last, so that the reader can find it by position.
//! The same event always gives the same bytes; `docs/cassette.md` has every key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::conversation::{ConversationEvent, EventKind, Masked, Message, Opening, Party, Payload};

/// Appends the line of `event`, with its line end, to `out`.
///
/// A [`Payload::Json`] stands verbatim; one with a line break in it is written as text, so that no event can
/// break the lines of a file.
pub fn encode(event: &ConversationEvent<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"n\":");
    decimal(event.n.0, out);
    number(",\"t_us\":", event.at.as_micros(), out);
    if let Some(connection) = event.connection {
        number(",\"conn\":", connection.0, out);
    }
    match &event.kind {
        EventKind::Open(opening) => {
            word(",\"event\":", "open", out);
            handshake(opening, out);
            masked(&opening.masked, out);
        }
        EventKind::Refused(refusal) => {
            word(",\"event\":", "refused", out);
            handshake(&refusal.opening, out);
            if let Some(why) = &refusal.why {
                string(",\"why\":", why, out);
            }
            masked(&refusal.opening.masked, out);
            if !refusal.body.is_text() {
                word(",\"body\":", "binary", out);
            }
            payload(&refusal.body, out);
        }
        EventKind::Message(message) => self::message(message, out),
        EventKind::Ping(control) => {
            from(control.from, "ping", out);
            masked(&control.masked, out);
            base64(&control.payload, out);
        }
        EventKind::Pong(control) => {
            from(control.from, "pong", out);
            masked(&control.masked, out);
            base64(&control.payload, out);
        }
        EventKind::Close(close) => {
            from(close.from, "close", out);
            if let Some(code) = close.code {
                number(",\"code\":", code.into(), out);
            }
            masked(&close.masked, out);
            string(",\"reason\":", &close.reason, out);
        }
        EventKind::Drop(drop) => {
            word(",\"event\":", "drop", out);
            if let Some(by) = drop.by {
                word(",\"by\":", by.as_str(), out);
            }
            if drop.reset {
                out.extend_from_slice(b",\"reset\":true");
            }
        }
        EventKind::Undecodable(undecodable) => {
            from(undecodable.from, "undecodable", out);
            number(",\"size\":", undecodable.size, out);
            string(",\"why\":", &undecodable.why, out);
            masked(&undecodable.masked, out);
            base64(&undecodable.bytes, out);
        }
        EventKind::Gap(gap) => {
            word(",\"event\":", "gap", out);
            number(",\"messages\":", gap.messages, out);
            number(",\"bytes\":", gap.bytes, out);
            number(",\"since_us\":", gap.from.as_micros(), out);
            string(",\"why\":", &gap.why, out);
        }
        EventKind::Note(note) => {
            word(",\"event\":", "note", out);
            masked(&note.masked, out);
            string(",\"text\":", &note.text, out);
        }
        EventKind::Clock(clock) => {
            word(",\"event\":", "clock", out);
            string(",\"wall\":", &clock.wall, out);
        }
        EventKind::End(end) => {
            word(",\"event\":", "end", out);
            string(",\"reason\":", end.reason.as_str(), out);
            if let Some(scan) = end.scan {
                number(",\"scan\":{\"clear\":", scan.clear, out);
                out.push(b'}');
            }
            if let Some(sha256) = &end.sha256 {
                string(",\"sha256\":", sha256, out);
            }
        }
    }
    out.extend_from_slice(b"}\n");
}

#[inline]
fn message(message: &Message<'_>, out: &mut Vec<u8>) {
    from(message.from, if message.payload.is_text() { "text" } else { "binary" }, out);
    if let Some((first, rest)) = message.frames.split_first() {
        number(",\"frames\":[", *first, out);
        for frame in rest {
            number(",", *frame, out);
        }
        out.push(b']');
    }
    if message.deflated {
        out.extend_from_slice(b",\"deflated\":true");
    }
    masked(&message.masked, out);
    payload(&message.payload, out);
}

fn handshake(opening: &Opening<'_>, out: &mut Vec<u8>) {
    word(",\"client\":", opening.client.as_str(), out);
    string(",\"peer\":{\"pos\":", &opening.pos, out);
    string(",\"terminal\":", &opening.terminal, out);
    string("},\"request\":{\"target\":", &opening.target, out);
    headers(&opening.request.headers, out);
    number("},\"response\":{\"status\":", opening.status.into(), out);
    headers(&opening.response.headers, out);
    out.push(b'}');
}

fn headers<T: AsRef<str>>(headers: &[(T, T)], out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"headers\":[");
    for (index, (name, value)) in headers.iter().enumerate() {
        string(if index == 0 { "[" } else { ",[" }, name.as_ref(), out);
        string(",", value.as_ref(), out);
        out.push(b']');
    }
    out.push(b']');
}

#[inline]
fn payload(payload: &Payload<'_>, out: &mut Vec<u8>) {
    match payload {
        Payload::Json(json) if memchr::memchr2(b'\n', b'\r', json.as_bytes()).is_none() => {
            out.extend_from_slice(b",\"json\":");
            out.extend_from_slice(json.as_bytes());
        }
        Payload::Json(text) => string(",\"text\":", text, out),
        Payload::Text(text) => string(",\"text\":", text, out),
        Payload::Binary(bytes) => base64(bytes, out),
        Payload::Omitted { text: _, size, sha256 } => {
            number(",\"size\":", *size, out);
            string(",\"sha256\":", sha256, out);
        }
    }
}

#[inline]
fn masked(masked: &[Masked<'_>], out: &mut Vec<u8>) {
    if masked.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"masked\":[");
    for (index, value) in masked.iter().enumerate() {
        string(if index == 0 { "{\"at\":" } else { ",{\"at\":" }, &value.at, out);
        word(",\"was\":", value.was.as_str(), out);
        out.push(b'}');
    }
    out.push(b']');
}

#[inline]
fn from(party: Party, event: &str, out: &mut Vec<u8>) {
    word(",\"from\":", party.as_str(), out);
    word(",\"event\":", event, out);
}

/// Appends a string that needs no escape: one of our own words.
#[inline]
fn word(key: &str, word: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

fn string(key: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    serde_json::to_writer(out, text).expect("a Vec takes any string");
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"base64\":\"");
    let start = out.len();
    let encoded = base64::encoded_len(bytes.len(), true).expect("a payload in memory is far below the limit");
    out.resize(start + encoded, 0);
    STANDARD.encode_slice(bytes, &mut out[start..]).expect("the space was made to measure");
    out.push(b'"');
}

#[inline]
fn number(key: &str, value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    decimal(value, out);
}

#[inline]
fn decimal(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
