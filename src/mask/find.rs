//! The careful look: every sensitive value of a text, with structure, names and escapes taken into account.
//!
//! JSON is walked with the cursor of `text::json`; what stands in its strings may be JSON again, or
//! percent-escaped. Ranges are those of the text as given, so that nothing else needs to change.

use std::ops::Range;

use crate::text::json::{Cursor, JsonError, Kind, RawString};

use super::card::Cards;
use super::issuer::{Certainty, MAX_DIGITS, MIN_DIGITS};
use super::layer::Layer;
use super::names::Meaning;
use super::replace::{Form, is_masked, is_replaced_number};
use super::{MaskedKind, Policy, field, track};

/// A sensitive value.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    /// Where it stands, escapes included.
    pub(crate) range: Range<usize>,
    /// What it says, without escapes.
    pub(crate) value: Vec<u8>,
    /// What it is.
    pub(crate) kind: MaskedKind,
    /// How it is to be replaced.
    pub(crate) form: Form,
    /// Whether it is a number token, so that only digits may stand in its place.
    pub(crate) number: bool,
}

/// What the values found are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be masked.
    Mask,
    /// To be reported as clear; replacements a `Masker` made are not.
    Report,
}

/// Strings within strings are followed this far.
const MOST_LAYERS: u8 = 4;

/// The sensitive values of a JSON text, in order, none overlapping; an error where it is no JSON.
pub(crate) fn in_json(policy: &Policy, text: &str, purpose: Purpose) -> Result<Vec<Hit>, JsonError> {
    Finder { policy, purpose, layers: MOST_LAYERS }.json(text).map(in_order)
}

/// The sensitive values of a free text, in order, none overlapping.
pub(crate) fn in_text(policy: &Policy, text: &[u8], purpose: Purpose) -> Vec<Hit> {
    let finder = Finder { policy, purpose, layers: MOST_LAYERS };
    let mut hits = field::named(policy, text, purpose);
    hits.extend(field::tokens(text));
    hits.extend(finder.content(text, Certainty::Possible));
    in_order(hits)
}

/// The sensitive values in what a query parameter or path segment says.
pub(crate) fn in_part(policy: &Policy, layer: &Layer<'_>, purpose: Purpose) -> Vec<Hit> {
    let finder = Finder { policy, purpose, layers: MOST_LAYERS };
    let mut hits = field::tokens(&layer.bytes);
    hits.extend(finder.content(&layer.bytes, Certainty::Possible));
    in_order(hits.into_iter().map(|hit| hit.within(layer)).collect())
}

/// Sorted by place; of hits that overlap the first stays, or the longer of two that start together.
pub(crate) fn in_order(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.range.start, std::cmp::Reverse(hit.range.end)));
    let mut end = 0;
    hits.retain(|hit| {
        let apart = hit.range.start >= end;
        if apart {
            end = hit.range.end;
        }
        apart
    });
    hits
}

/// How the string `value`, said to be of this kind by its name or place, is to be replaced, if at all.
pub(crate) fn form_of(kind: MaskedKind, value: &[u8], purpose: Purpose) -> Option<Form> {
    /// First six and last four: what a masked card number may show.
    const MOST_SHOWN: usize = 10;
    if value.is_empty() || std::str::from_utf8(value).is_ok_and(is_masked) {
        return None;
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let numeric = (MIN_DIGITS..=MAX_DIGITS).contains(&digits)
        && value.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'));
    let as_number = || match purpose {
        Purpose::Report if is_replaced_number(value) => None,
        Purpose::Mask | Purpose::Report => Some(Form::Digits),
    };
    match kind {
        MaskedKind::CardNumber if digits <= MOST_SHOWN => None,
        MaskedKind::CardNumber | MaskedKind::Sensitive if numeric => as_number(),
        MaskedKind::VerificationValue | MaskedKind::PinBlock | MaskedKind::TrackData if digits == 0 => None,
        MaskedKind::CardNumber
        | MaskedKind::TrackData
        | MaskedKind::VerificationValue
        | MaskedKind::PinBlock
        | MaskedKind::Secret
        | MaskedKind::Sensitive => Some(Form::Opaque),
    }
}

impl Hit {
    /// This hit in a decoded text, as one in the text that was decoded.
    pub(crate) fn within(mut self, layer: &Layer<'_>) -> Self {
        self.range = layer.source(&self.range);
        self
    }

    /// This hit in a part of a text, as one in the whole.
    pub(crate) fn shifted(mut self, by: usize) -> Self {
        self.range = self.range.start + by..self.range.end + by;
        self
    }
}

struct Finder<'p> {
    policy: &'p Policy,
    purpose: Purpose,
    layers: u8,
}

/// What the fields around a value say about it.
#[derive(Clone, Copy)]
struct Context {
    kind: Option<MaskedKind>,
    /// The least certainty that makes digits a card number here.
    least: Certainty,
}

impl Finder<'_> {
    fn json(&self, text: &str) -> Result<Vec<Hit>, JsonError> {
        let mut walk = Walk { finder: self, path: Vec::new(), hits: Vec::new() };
        let mut cursor = Cursor::new(text);
        walk.value(&mut cursor, Context { kind: None, least: Certainty::Possible })?;
        cursor.end()?;
        Ok(walk.hits)
    }

    /// What is sensitive in the content of a string.
    fn content(&self, bytes: &[u8], least: Certainty) -> Vec<Hit> {
        let Some(layers) = self.layers.checked_sub(1) else { return cards(bytes, least) };
        let inner = Finder { policy: self.policy, purpose: self.purpose, layers };
        if matches!(bytes.trim_ascii_start(), [b'{' | b'[', ..])
            && let Ok(text) = std::str::from_utf8(bytes)
            && let Ok(hits) = inner.json(text)
        {
            return hits;
        }
        let mut hits = cards(bytes, least);
        let layer = Layer::percent(bytes);
        if layer.is_decoded() {
            hits.extend(inner.content(&layer.bytes, least).into_iter().map(|hit| hit.within(&layer)));
            hits = in_order(hits);
        }
        hits
    }
}

/// The card numbers and tracks of `bytes`.
fn cards(bytes: &[u8], least: Certainty) -> Vec<Hit> {
    let hit = |card: super::card::Card| {
        let (range, kind, form) = match track::around(bytes, &card.range) {
            Some(track) => (track, MaskedKind::TrackData, Form::Track(card.range.len())),
            None if card.certainty >= least => (card.range, MaskedKind::CardNumber, Form::Digits),
            None => return None,
        };
        Some(Hit { value: bytes[range.clone()].to_vec(), range, kind, form, number: false })
    };
    Cards::new(bytes).filter_map(hit).collect()
}

/// What a value is whose place or name only calls it sensitive, or a secret: card data, where it looks like it.
fn telling(kind: MaskedKind, value: &[u8], least: Certainty) -> MaskedKind {
    match kind {
        MaskedKind::Sensitive => cards(value, least).first().map_or(kind, |card| card.kind),
        // A key may have a run of digits that could be a card number.
        MaskedKind::Secret => {
            cards(value, least.max(Certainty::Likely)).first().map_or(kind, |card| card.kind)
        }
        MaskedKind::CardNumber
        | MaskedKind::TrackData
        | MaskedKind::VerificationValue
        | MaskedKind::PinBlock => kind,
    }
}

struct Walk<'f> {
    finder: &'f Finder<'f>,
    path: Vec<String>,
    hits: Vec<Hit>,
}

impl Walk<'_> {
    fn value(&mut self, cursor: &mut Cursor<'_>, context: Context) -> Result<(), JsonError> {
        // A name that says what a value is tells more than a pack that calls its place sensitive.
        let kind = match (self.finder.policy.place(&self.path), context.kind) {
            (Some(MaskedKind::Sensitive) | None, Some(kind)) => Some(kind),
            (place, _) => place,
        };
        let context = Context { kind, ..context };
        match cursor.kind()? {
            Kind::Object => cursor.object(|key, cursor| self.member(key, cursor, context)),
            Kind::Array => cursor.array(|index, cursor| self.child(index.to_string(), cursor, context)),
            Kind::String => {
                let string = cursor.string()?;
                self.string(string, context);
                Ok(())
            }
            Kind::Number => {
                let number = cursor.number()?;
                self.number(number, cursor.position() - number.len(), context);
                Ok(())
            }
            Kind::True | Kind::False | Kind::Null => cursor.skip(),
        }
    }

    fn member(
        &mut self,
        key: RawString<'_>,
        cursor: &mut Cursor<'_>,
        context: Context,
    ) -> Result<(), JsonError> {
        self.content(key, Certainty::Possible);
        let name = key.decode().into_owned();
        let context = match self.finder.policy.names().get(&name) {
            Some(Meaning::Kind(kind)) => Context { kind: Some(kind), ..context },
            Some(Meaning::Identifier) => Context { least: Certainty::Likely, ..context },
            Some(Meaning::Place) | None => context,
        };
        self.child(name, cursor, context)
    }

    fn child(&mut self, token: String, cursor: &mut Cursor<'_>, context: Context) -> Result<(), JsonError> {
        self.path.push(token);
        let done = self.value(cursor, context);
        self.path.pop();
        done
    }

    fn string(&mut self, string: RawString<'_>, context: Context) {
        if let Some(kind) = context.kind {
            let value = string.decode().into_owned().into_bytes();
            if let Some(form) = form_of(kind, &value, self.finder.purpose) {
                let kind = telling(kind, &value, context.least);
                let range = string.start()..string.start() + string.raw().len();
                self.hits.push(Hit { range, value, kind, form, number: false });
                return;
            }
        }
        self.content(string, context.least);
    }

    fn content(&mut self, string: RawString<'_>, least: Certainty) {
        let layer = Layer::json_string(string.raw());
        let found = self.finder.content(&layer.bytes, least);
        self.hits.extend(found.into_iter().map(|hit| hit.within(&layer).shifted(string.start())));
    }

    fn number(&mut self, number: &str, start: usize, context: Context) {
        let bytes = number.as_bytes();
        let whole = bytes.iter().all(u8::is_ascii_digit);
        if let Some(kind) = context.kind
            && !bytes.iter().all(|&byte| byte == b'9')
            && let Some(form) = form_of(kind, bytes, self.finder.purpose)
        {
            let form = if whole && form == Form::Digits { form } else { Form::Figure };
            let kind = telling(kind, bytes, context.least);
            let range = start..start + bytes.len();
            self.hits.push(Hit { range, value: bytes.to_vec(), kind, form, number: true });
            return;
        }
        let found = cards(bytes, context.least).into_iter();
        self.hits.extend(found.map(|hit| Hit { number: true, ..hit }.shifted(start)));
    }
}
