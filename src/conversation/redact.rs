//! Events as they may be shown: masked once more, for a cassette that was not masked when it was made.
//!
//! The recorder masks before it writes, so that nearly every event passes as it is, without a copy. What is
//! replaced here is listed on the event as if the recorder had done it.

use std::borrow::Cow;

use super::{
    Close, Control, ConversationEvent, EventKind, Head, Masked, Note, Opening, Payload, Undecodable,
};
use crate::mask::{MaskedBytes, MaskedText, Masker};

/// Calls `shown` with `event`, in which nothing sensitive stands in clear any more.
pub fn redacted<T>(
    event: &ConversationEvent<'_>,
    masker: &Masker,
    shown: impl FnOnce(&ConversationEvent<'_>) -> T,
) -> T {
    // A masked JSON text must live somewhere while the event borrows it.
    let json = json_of(&event.kind).and_then(|json| masker.json(json));
    let mut copy = event.clone();
    let mut changed = false;
    match &mut copy.kind {
        EventKind::Message(message) => {
            changed |= payload(&mut message.payload, json.as_ref(), masker, &mut message.masked);
        }
        EventKind::Refused(refusal) => {
            changed |= opening(&mut refusal.opening, masker);
            changed |= payload(&mut refusal.body, json.as_ref(), masker, &mut refusal.opening.masked);
            if let Some(why) = &mut refusal.why {
                changed |= text(why, "/why", masker, &mut refusal.opening.masked);
            }
        }
        EventKind::Open(open) => changed |= opening(open, masker),
        EventKind::Ping(Control { payload, masked, .. })
        | EventKind::Pong(Control { payload, masked, .. }) => {
            changed |= bytes(payload, masker, masked);
        }
        EventKind::Close(Close { reason, masked, .. }) => changed |= text(reason, "/reason", masker, masked),
        EventKind::Undecodable(Undecodable { bytes: kept, masked, .. }) => {
            changed |= bytes(kept, masker, masked)
        }
        EventKind::Note(Note { text: note, masked }) => changed |= text(note, "/text", masker, masked),
        EventKind::Drop(_) | EventKind::Gap(_) | EventKind::Clock(_) | EventKind::End(_) => {}
    }
    if changed { shown(&copy) } else { shown(event) }
}

fn json_of<'a>(kind: &EventKind<'a>) -> Option<&'a str> {
    let payload = match kind {
        EventKind::Message(message) => &message.payload,
        EventKind::Refused(refusal) => &refusal.body,
        EventKind::Open(_)
        | EventKind::Ping(_)
        | EventKind::Pong(_)
        | EventKind::Close(_)
        | EventKind::Drop(_)
        | EventKind::Undecodable(_)
        | EventKind::Gap(_)
        | EventKind::Note(_)
        | EventKind::Clock(_)
        | EventKind::End(_) => return None,
    };
    match payload {
        Payload::Json(json) => Some(json),
        Payload::Text(_) | Payload::Binary(_) | Payload::Omitted { .. } => None,
    }
}

fn payload<'a>(
    payload: &mut Payload<'a>,
    json: Option<&'a MaskedText>,
    masker: &Masker,
    masked: &mut Vec<Masked<'_>>,
) -> bool {
    match payload {
        Payload::Json(_) => {
            let Some(found) = json else { return false };
            list(found, "/json", masked);
            *payload = Payload::of_text(&found.text);
            true
        }
        Payload::Text(said) => text(said, "/text", masker, masked),
        Payload::Binary(kept) => bytes(kept, masker, masked),
        Payload::Omitted { .. } => false,
    }
}

fn opening(opening: &mut Opening<'_>, masker: &Masker) -> bool {
    let mut changed = false;
    if let Some(found) = masker.target(&opening.target) {
        opening
            .masked
            .extend(found.at.iter().map(|(_, was)| Masked { at: "/request/target".into(), was: *was }));
        opening.target = found.text.into();
        changed = true;
    }
    changed |= head(&mut opening.request, "/request", masker, &mut opening.masked);
    changed |= head(&mut opening.response, "/response", masker, &mut opening.masked);
    changed
}

fn head(head: &mut Head<'_>, at: &str, masker: &Masker, masked: &mut Vec<Masked<'_>>) -> bool {
    let mut changed = false;
    for (index, (name, value)) in head.headers.iter_mut().enumerate() {
        let Some(found) = masker.header(name, value) else { continue };
        let at = format!("{at}/headers/{index}/1");
        masked.extend(found.at.iter().map(|(_, was)| Masked { at: at.clone().into(), was: *was }));
        *value = found.text.into();
        changed = true;
    }
    changed
}

fn text(text: &mut Cow<'_, str>, at: &str, masker: &Masker, masked: &mut Vec<Masked<'_>>) -> bool {
    let Some(found) = masker.text(text) else { return false };
    masked.extend(found.at.iter().map(|(_, was)| Masked { at: at.to_owned().into(), was: *was }));
    *text = found.text.into();
    true
}

fn bytes(bytes: &mut Cow<'_, [u8]>, masker: &Masker, masked: &mut Vec<Masked<'_>>) -> bool {
    let Some(MaskedBytes { bytes: found, was }) = masker.bytes(bytes) else { return false };
    masked.extend(was.into_iter().map(|was| Masked { at: "/base64".into(), was }));
    *bytes = found.into();
    true
}

fn list(found: &MaskedText, prefix: &str, masked: &mut Vec<Masked<'_>>) {
    masked.extend(
        found.at.iter().map(|(pointer, was)| Masked { at: format!("{prefix}{pointer}").into(), was: *was }),
    );
}
