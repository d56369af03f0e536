//! Replaces what is sensitive, the same value always by the same replacement.
//!
//! The one place that changes recorded text. Whatever it returns has been looked at again: nothing in it
//! is found a second time, and JSON is still JSON.

use std::collections::BTreeSet;

use crate::text::Pointer;
use crate::text::json::{self, JsonError};

use super::find::{self, Hit, Purpose};
use super::replace::{Form, Replacer};
use super::{MaskedKind, Policy, edge, handshake};

/// Masks everything one cassette holds.
#[derive(Clone, Debug)]
pub struct Masker {
    policy: Policy,
    replacer: Replacer,
}

/// A text with its sensitive values replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedText {
    /// The text as it may be written.
    pub text: String,
    /// What was replaced, and where in `text`; the root where `text` is no JSON.
    pub at: Vec<(Pointer, MaskedKind)>,
}

/// Bytes with their sensitive values replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedBytes {
    /// The bytes as they may be written.
    pub bytes: Vec<u8>,
    /// What was replaced, each kind once.
    pub was: Vec<MaskedKind>,
}

/// What a text message is, and what of it may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Whether it is one line of valid JSON, before masking as after.
    pub is_json_line: bool,
    /// The masked text; `None` where nothing in it is sensitive.
    pub masked: Option<MaskedText>,
}

impl Masker {
    /// A masker for one cassette; `key` is random and stored nowhere.
    pub fn new(policy: Policy, key: [u8; 32]) -> Self {
        Self { policy, replacer: Replacer::new(key) }
    }

    /// The policy it follows.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Looks at a text message: what the recorder needs to know of each, in one call.
    #[inline]
    pub fn inspect(&self, text: &str) -> Inspection {
        let is_json_line =
            memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none() && json::validate(text).is_ok();
        let masked = if is_json_line { self.json(text) } else { self.text(text) };
        Inspection { is_json_line, masked }
    }

    /// Masks a JSON text; `None` where nothing in it is sensitive. Text that is no JSON is masked as text.
    #[inline]
    pub fn json(&self, text: &str) -> Option<MaskedText> {
        if self.policy.suspects(text) { self.suspected_json(text) } else { None }
    }

    #[cold]
    fn suspected_json(&self, text: &str) -> Option<MaskedText> {
        let find =
            |bytes: &[u8], purpose| find::in_json(&self.policy, &String::from_utf8_lossy(bytes), purpose);
        let Ok(masked) = self.masked(text.as_bytes(), find) else { return self.text(text) };
        let Edited { bytes, edits } = masked?;
        let text = into_text(bytes);
        let offsets: Vec<usize> = edits.iter().map(|edit| edit.at).collect();
        // Masked JSON is JSON; were it not, the values would be listed without their places.
        let places = Pointer::at_each(&text, &offsets).unwrap_or_default();
        let places = places.into_iter().chain(std::iter::repeat(Pointer::default()));
        let mut at: Vec<(Pointer, MaskedKind)> = places.zip(edits.iter().map(|edit| edit.kind)).collect();
        at.dedup();
        Some(MaskedText { text, at })
    }

    /// Masks free text: a close reason, a note, a log line, a message that is no JSON.
    pub fn text(&self, text: &str) -> Option<MaskedText> {
        self.free(text, |bytes, purpose| find::in_text(&self.policy, bytes, purpose))
    }

    /// Masks bytes: a binary message, an undecodable frame. Bytes that are JSON are masked as such.
    pub fn bytes(&self, bytes: &[u8]) -> Option<MaskedBytes> {
        if let Ok(text) = std::str::from_utf8(bytes)
            && json::validate(text).is_ok()
        {
            let masked = self.json(text)?;
            let was = kinds(masked.at.iter().map(|&(_, kind)| kind));
            return Some(MaskedBytes { bytes: masked.text.into_bytes(), was });
        }
        let find = |bytes: &[u8], purpose| Ok(find::in_text(&self.policy, bytes, purpose));
        let Edited { bytes, edits } = self.masked(bytes, find).ok()??;
        Some(MaskedBytes { bytes, was: kinds(edits.iter().map(|edit| edit.kind)) })
    }

    /// Masks bytes that were cut out of a stream anywhere: as [`Masker::bytes`], and digits at either edge, for
    /// the rest of their number may be in the next piece.
    pub fn piece(&self, bytes: &[u8]) -> Option<MaskedBytes> {
        let masked = self.bytes(bytes);
        let (mut bytes, mut was) = match masked {
            Some(masked) => (masked.bytes, masked.was),
            None => (bytes.to_vec(), Vec::new()),
        };
        if edge::strike(&mut bytes) && !was.contains(&MaskedKind::CardNumber) {
            was.push(MaskedKind::CardNumber);
        }
        if was.is_empty() { None } else { Some(MaskedBytes { bytes, was }) }
    }

    /// Masks the value of a handshake header.
    pub fn header(&self, name: &str, value: &str) -> Option<MaskedText> {
        self.free(value, |bytes, purpose| handshake::in_header(&self.policy, name, bytes, purpose))
    }

    /// Masks a request target (path and query).
    pub fn target(&self, target: &str) -> Option<MaskedText> {
        self.free(target, |bytes, purpose| handshake::in_target(&self.policy, bytes, purpose))
    }

    fn free(&self, text: &str, find: impl Fn(&[u8], Purpose) -> Vec<Hit>) -> Option<MaskedText> {
        let Edited { bytes, edits } =
            self.masked(text.as_bytes(), |bytes, purpose| Ok(find(bytes, purpose))).ok()??;
        let was = kinds(edits.iter().map(|edit| edit.kind)).into_iter();
        Some(MaskedText { text: into_text(bytes), at: was.map(|kind| (Pointer::default(), kind)).collect() })
    }

    /// Replaces what `find` finds, and what it still finds then: a replacement and its neighbours may look
    /// like a card number together.
    fn masked(
        &self,
        bytes: &[u8],
        find: impl Fn(&[u8], Purpose) -> Result<Vec<Hit>, JsonError>,
    ) -> Result<Option<Edited>, JsonError> {
        const MOST_ROUNDS: usize = 4;
        let hits = find(bytes, Purpose::Mask)?;
        if hits.is_empty() {
            return Ok(None);
        }
        let mut edited = Edited { bytes: bytes.to_vec(), edits: Vec::new() };
        edited.replace(hits, &self.replacer);
        for _ in 0..MOST_ROUNDS {
            let mut hits = find(&edited.bytes, Purpose::Report)?;
            if hits.is_empty() {
                break;
            }
            for hit in &mut hits {
                hit.form = if hit.number { Form::Figure } else { Form::Opaque };
            }
            edited.replace(hits, &self.replacer);
        }
        Ok(Some(edited))
    }
}

/// Bytes and what was replaced in them.
struct Edited {
    bytes: Vec<u8>,
    edits: Vec<Edit>,
}

/// One replacement.
#[derive(Clone, Copy)]
struct Edit {
    /// Where it starts.
    at: usize,
    kind: MaskedKind,
}

impl Edited {
    /// Replaces `hits`, which are in order and apart.
    fn replace(&mut self, hits: Vec<Hit>, replacer: &Replacer) {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut edits = Vec::with_capacity(self.edits.len() + hits.len());
        let mut earlier = std::mem::take(&mut self.edits).into_iter().peekable();
        let mut copied = 0;
        for hit in hits {
            while let Some(edit) = earlier.next_if(|edit| edit.at < hit.range.end) {
                // What is replaced a second time is listed once.
                if edit.at < hit.range.start {
                    edits.push(Edit { at: edit.at - copied + bytes.len(), ..edit });
                }
            }
            bytes.extend_from_slice(&self.bytes[copied..hit.range.start]);
            edits.push(Edit { at: bytes.len(), kind: hit.kind });
            bytes.extend_from_slice(replacer.replace(&hit.value, hit.form).as_bytes());
            copied = hit.range.end;
        }
        edits.extend(earlier.map(|edit| Edit { at: edit.at - copied + bytes.len(), ..edit }));
        bytes.extend_from_slice(&self.bytes[copied..]);
        *self = Self { bytes, edits };
    }
}

/// Replacements are ASCII and stand for whole characters, so this copies nothing.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn kinds(all: impl Iterator<Item = MaskedKind>) -> Vec<MaskedKind> {
    all.collect::<BTreeSet<_>>().into_iter().collect()
}
