//! Our own data lines, read by hand: the envelope by position, the payload as what is left.
//!
//! Nearly every line of a recording is a message whose keys stand as [`super::encode()`] writes them. This
//! reads those and nothing else; `None` means "not in that form", and `loose` has the next word. A JSON
//! payload is found by position only and NOT validated here; see [`super::Reader::walk_next`].

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::conversation::{
    ConnectionId, ConversationEvent, EventKind, EventNumber, Masked, MaskedKind, Message, Offset, Party,
    Payload,
};
use crate::text::json::Cursor;

/// Reads the line of a message.
#[inline]
pub(super) fn parse(line: &str) -> Option<ConversationEvent<'_>> {
    let mut scan = Scan { rest: line.strip_suffix('}')? };
    scan.take("{\"n\":")?;
    let n = EventNumber(scan.number()?);
    scan.take(",\"t_us\":")?;
    let at = Offset::from_micros(scan.number()?);
    scan.take(",\"conn\":")?;
    let connection = Some(ConnectionId(scan.number()?));
    scan.take(",\"from\":\"")?;
    let from = scan.party()?;
    let text = match scan.take("\",\"event\":\"text\",\"") {
        Some(()) => true,
        None => scan.take("\",\"event\":\"binary\",\"").map(|()| false)?,
    };
    let mut message = Message {
        from,
        payload: Payload::Json(""),
        frames: Cow::Borrowed(&[]),
        deflated: false,
        masked: Vec::new(),
    };
    if !(text && scan.take("json\":").is_some()) {
        message = scan.rare(message, text)?;
        if !matches!(message.payload, Payload::Json(_)) {
            return Some(ConversationEvent { n, at, connection, kind: EventKind::Message(message) });
        }
    }
    let json = scan.rest;
    // White space around the payload is not part of it; `loose` takes it off.
    if !json.as_bytes().first().is_some_and(u8::is_ascii_graphic)
        || !json.as_bytes().last().is_some_and(u8::is_ascii_graphic)
    {
        return None;
    }
    message.payload = Payload::Json(json);
    Some(ConversationEvent { n, at, connection, kind: EventKind::Message(message) })
}

/// Numbers of so many digits fit into 64 bits, whatever they are.
const SAFE_DIGITS: usize = 19;

struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    #[inline]
    fn take(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Reads a decimal number as the encoder writes it: no sign, no leading zero.
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let bytes = self.rest.as_bytes();
        let mut value = 0_u64;
        let mut at = 0;
        while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            at += 1;
        }
        if at == 0 || at > SAFE_DIGITS || (at > 1 && bytes[0] == b'0') {
            return None;
        }
        self.rest = &self.rest[at..];
        Some(value)
    }

    /// Reads a party's word, without its closing quote.
    #[inline]
    fn party(&mut self) -> Option<Party> {
        [Party::Pos, Party::Terminal, Party::Gateway]
            .into_iter()
            .find(|party| self.take(party.as_str()).is_some())
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let mut cursor = Cursor::new(self.rest);
        let text = cursor.string().ok()?.decode();
        self.rest = &self.rest[cursor.position()..];
        Some(text)
    }

    /// Reads the keys only some messages have, and a payload that is not JSON.
    ///
    /// Returns with the payload untouched where a JSON payload comes next.
    #[cold]
    fn rare(&mut self, mut message: Message<'a>, text: bool) -> Option<Message<'a>> {
        if self.take("frames\":[").is_some() {
            let mut frames = vec![self.number()?];
            while self.take(",").is_some() {
                frames.push(self.number()?);
            }
            self.take("],\"")?;
            message.frames = Cow::Owned(frames);
        }
        if self.take("deflated\":true,\"").is_some() {
            message.deflated = true;
        }
        if self.take("masked\":[").is_some() {
            message.masked = self.masked()?;
        }
        message.payload = if text && self.take("json\":").is_some() {
            return Some(message);
        } else if text && self.take("text\":").is_some() {
            Payload::Text(self.string()?)
        } else if !text && self.take("base64\":").is_some() {
            Payload::Binary(Cow::Owned(STANDARD.decode(self.string()?.as_bytes()).ok()?))
        } else {
            return None;
        };
        self.rest.is_empty().then_some(message)
    }

    fn masked(&mut self) -> Option<Vec<Masked<'a>>> {
        let mut masked = Vec::new();
        loop {
            self.take("{\"at\":")?;
            let at = self.string()?;
            self.take(",\"was\":")?;
            let was = MaskedKind::from_word(&self.string()?)?;
            masked.push(Masked { at, was });
            if self.take("},").is_none() {
                self.take("}],\"")?;
                return Some(masked);
            }
        }
    }
}
