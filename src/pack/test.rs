//! Questions to one message: what classifies it, and what a rule requires of it.
//!
//! A test is compiled from `{ has = "/request" }` and the like. It answers yes or no, and says in words
//! what it wanted and what it saw instead, so that findings need no text of their own.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use super::extract::{Extract, Found, Slot};
use super::graft::CheckId;
use super::model::{Endpoint, EndpointId, KindId};
use super::picture::Picture;
use super::schema::{Breach, Schema};
use super::trie::Trie;
use crate::mask::MaskedKind;
use crate::text::json::{self, Kind};

/// A message as the tests see it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its text; empty where it has none.
    pub text: &'a str,
    /// Where the values stand that the pack asks for.
    pub extract: &'a Extract,
    /// The endpoint of its connection.
    pub endpoint: Option<EndpointId>,
    /// The code of a close frame.
    pub close_code: Option<u16>,
    /// What was masked in it.
    pub masked: MaskedSet,
    /// Whether card data in clear was looked for when it was recorded.
    pub scanned: bool,
    /// Its kind, once that is known.
    pub kind: Option<KindId>,
}

/// Which kinds of values were masked in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaskedSet(u8);

/// A question to one message.
#[derive(Clone, Debug)]
pub enum Test {
    /// There is a value at the pointer.
    Has(Slot),
    /// There is none.
    Absent(Slot),
    /// There is a value at exactly one of the pointers.
    ExactlyOne(Vec<Slot>),
    /// There is a value at the pointer, and every value there is like this.
    Value(Slot, ValueTest),
    /// Like [`Test::Value`], of the value that is a key of the message's kind.
    ///
    /// By kind: where its messages carry the key.
    Key(Vec<Option<Slot>>, ValueTest),
    /// Any of these holds.
    Any(Vec<Test>),
    /// All of these hold.
    All(Vec<Test>),
    /// This does not hold.
    Not(Box<Test>),
    /// A value of one of these kinds was masked in it before it was written.
    Masked(MaskedSet),
    /// Card data stands in it in clear.
    ClearCardData,
    /// The close frame carries no code, or one that an endpoint may send (RFC 6455, section 7.4).
    CloseCodeSendable,
    /// No object has a key twice, among the keys the pack looks at.
    NoDuplicateKeys,
    /// The value at the pointer belongs to the endpoint the message went to, as far as the pack lists it.
    OwnedByEndpoint {
        /// Where the value is.
        at: Slot,
        /// Where a message names its endpoint itself.
        named_at: Vec<Slot>,
        /// The endpoints and what they own.
        endpoints: Vec<Endpoint>,
    },
    /// The whole message is as the schema of its kind has it. By kind: what that is.
    FitsBody(Vec<Body>),
    /// Its kind is one of these. By kind: whether it is.
    OfKind(Vec<bool>),
}

/// What schemas say of the messages of a kind.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    Unsaid,
    /// They fit this one.
    Schema(Schema),
    /// They are none of those that schemas describe, which are these.
    Unknown(Vec<String>),
}

/// What a value is like.
#[derive(Clone, Debug)]
pub enum ValueTest {
    /// Exactly one of these scalars.
    OneOf(Vec<Literal>),
    /// Of one of these types.
    Is(Vec<JsonType>),
    /// A text, array or object that holds something.
    NotEmpty,
    /// Spelled in a certain way.
    Format(Format),
    /// A text or number spelled like one of these.
    Like(Vec<Picture>),
    /// As the schema has it; the check sees to it in passing.
    Fits(Schema, Option<CheckId>),
}

/// A scalar as it is spelled in JSON: `"started"`, `7`, `true`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal(pub String);

/// A type of JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// `1.5`
    Number,
    /// `true` or `false`
    Boolean,
    /// `null`
    Null,
}

/// How a value is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One or more decimal digits, as text or number.
    Digits,
    /// A whole number of minor units, without sign, point or exponent, as text or number.
    MinorUnits,
    /// `YYMMDD`, as text.
    DateYymmdd,
    /// `HHMMSS`, as text.
    TimeHhmmss,
}

impl MaskedSet {
    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: MaskedKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<MaskedKind> for MaskedSet {
    fn from_iter<I: IntoIterator<Item = MaskedKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::default(), Self::with)
    }
}

impl View<'_> {
    /// Whether every one of `tests` holds.
    #[inline]
    pub fn holds(&self, tests: &[Test]) -> bool {
        tests.iter().all(|test| test.holds(self))
    }

    fn key(&self, keys: &[Option<Slot>]) -> Option<Slot> {
        keys.get(self.kind?.0).copied().flatten()
    }

    fn endpoint_of(&self, named_at: &[Slot], endpoints: &[Endpoint]) -> Option<EndpointId> {
        let named = named_at.iter().find_map(|&slot| self.extract.first(slot));
        let Some(named) = named else { return self.endpoint };
        let path = json::string(named.token(self.text))?;
        endpoints.iter().position(|endpoint| endpoint.is_at(&path)).map(EndpointId)
    }
}

impl Test {
    /// Whether it holds for this message.
    #[inline]
    pub fn holds(&self, view: &View<'_>) -> bool {
        match self {
            // Most tests are one of these two.
            Self::Has(slot) => view.extract.has(*slot),
            Self::Absent(slot) => !view.extract.has(*slot),
            _ => self.holds_inside(view),
        }
    }

    fn holds_inside(&self, view: &View<'_>) -> bool {
        match self {
            Self::Has(slot) => view.extract.has(*slot),
            Self::Absent(slot) => !view.extract.has(*slot),
            Self::ExactlyOne(slots) => slots.iter().filter(|&&slot| view.extract.has(slot)).count() == 1,
            Self::Value(slot, ValueTest::Fits(_, Some(check))) if !view.extract.doubts(*check) => {
                view.extract.has(*slot)
            }
            Self::Value(slot, test) => {
                view.extract.first(*slot).is_some()
                    && view.extract.all(*slot).all(|found| test.holds(found, view.text))
            }
            Self::Key(keys, test) => view.key(keys).is_none_or(|slot| {
                view.extract.first(slot).is_some_and(|found| test.holds(found, view.text))
            }),
            Self::Any(tests) => tests.iter().any(|test| test.holds(view)),
            Self::All(tests) => view.holds(tests),
            Self::Not(test) => !test.holds(view),
            Self::Masked(kinds) => view.masked.meets(*kinds),
            Self::ClearCardData => !view.scanned && !crate::mask::find_clear(view.text).is_empty(),
            Self::CloseCodeSendable => view.close_code.is_none_or(is_sendable),
            Self::NoDuplicateKeys => view.extract.duplicate().is_none(),
            Self::OwnedByEndpoint { at, named_at, endpoints } => {
                let Some(value) = view.extract.first(*at) else { return true };
                let Some(value) = json::string(value.token(view.text)) else { return true };
                let Some(endpoint) = view.endpoint_of(named_at, endpoints) else { return true };
                // Most messages are where they belong: only the others need a look at every list.
                let here = endpoints.get(endpoint.0).is_some_and(|endpoint| endpoint.owns(&value));
                here || !endpoints.iter().any(|endpoint| endpoint.owns(&value))
            }
            Self::FitsBody(bodies) => match view.kind.and_then(|kind| bodies.get(kind.0)) {
                None | Some(Body::Unsaid) => true,
                Some(Body::Schema(schema)) => schema.fits(view.text, 0).is_ok(),
                Some(Body::Unknown(_)) => false,
            },
            Self::OfKind(kinds) => view.kind.is_some_and(|kind| kinds.get(kind.0) == Some(&true)),
        }
    }

    /// What it asks for, as a phrase: "`/event/resource/results` holding something".
    pub fn wanted(&self, view: &View<'_>, trie: &Trie) -> String {
        if let Some((schema, breach)) = self.breach(view) {
            return schema.wanted(&breach, view.text);
        }
        let at = |slot: &Slot| format!("`{}`", trie.pointer(*slot));
        match self {
            Self::Has(slot) => format!("a value at {}", at(slot)),
            Self::Absent(slot) => format!("no {}", at(slot)),
            Self::ExactlyOne(slots) => {
                format!("exactly one of {}", list(slots.iter().map(at), "and"))
            }
            Self::Value(slot, test) => format!("{} {}", at(slot), test.wanted()),
            Self::Key(keys, test) => match view.key(keys) {
                Some(slot) => format!("{} {}", at(&slot), test.wanted()),
                None => "a key".to_owned(),
            },
            Self::Any(tests) => list(tests.iter().map(|test| test.wanted(view, trie)), "or"),
            Self::All(tests) => list(tests.iter().map(|test| test.wanted(view, trie)), "and"),
            Self::Not(test) => match &**test {
                Self::Has(slot) => format!("no {}", at(slot)),
                Self::Absent(slot) => format!("a value at {}", at(slot)),
                Self::Value(slot, test) if !matches!(test, ValueTest::NotEmpty) => {
                    format!("{} not {}", at(slot), test.wanted())
                }
                test => format!("not: {}", test.wanted(view, trie)),
            },
            Self::Masked(_) => "a value that had to be masked".to_owned(),
            Self::ClearCardData => "card data in clear".to_owned(),
            Self::CloseCodeSendable => "a close code that may be sent (RFC 6455, section 7.4)".to_owned(),
            Self::NoDuplicateKeys => "every key once in its object".to_owned(),
            Self::OwnedByEndpoint { at: slot, .. } => format!("{} on the endpoint that owns it", at(slot)),
            Self::FitsBody(bodies) => match view.kind.and_then(|kind| bodies.get(kind.0)) {
                Some(Body::Unknown(known)) => {
                    format!(
                        "a message that is described: {}",
                        list(known.iter().map(|k| format!("`{k}`")), "or")
                    )
                }
                None | Some(Body::Unsaid | Body::Schema(_)) => "a message as its schema has it".to_owned(),
            },
            Self::OfKind(_) => "another kind of message".to_owned(),
        }
    }

    /// What stands there instead, as a phrase: "`/event/resource/results` is `[]`". Values are as
    /// recorded; the caller hides what must not be repeated.
    pub fn seen(&self, view: &View<'_>, trie: &Trie) -> String {
        if let Some((schema, breach)) = self.breach(view) {
            return schema.seen(&breach, view.text);
        }
        let value = |slot: &Slot| match view.extract.first(*slot) {
            Some(found) => format!("`{}` is `{}`", trie.pointer(*slot), shortened(found.token(view.text))),
            None => format!("no `{}`", trie.pointer(*slot)),
        };
        match self {
            Self::Has(slot) | Self::Absent(slot) => value(slot),
            Self::Value(slot, test) => {
                let wrong = view.extract.all(*slot).find(|&found| !test.holds(found, view.text));
                match wrong {
                    Some(found) => {
                        format!("`{}` is `{}`", trie.pointer(*slot), shortened(found.token(view.text)))
                    }
                    None => value(slot),
                }
            }
            Self::Key(keys, _) => view.key(keys).map_or_else(String::new, |slot| value(&slot)),
            Self::ExactlyOne(slots) => {
                let there = slots.iter().filter(|&&slot| view.extract.first(slot).is_some());
                let there: Vec<_> = there.map(|&slot| format!("`{}`", trie.pointer(slot))).collect();
                if there.is_empty() { "none of them".to_owned() } else { list(there, "and") }
            }
            Self::Any(tests) => list(tests.iter().map(|test| test.seen(view, trie)), "and"),
            Self::All(tests) => {
                let broken = tests.iter().find(|test| !test.holds(view));
                broken.map_or_else(String::new, |test| test.seen(view, trie))
            }
            Self::Not(test) => match &**test {
                Self::Has(slot) | Self::Absent(slot) | Self::Value(slot, _) => value(slot),
                test => test.wanted(view, trie),
            },
            Self::Masked(_) | Self::ClearCardData => "none".to_owned(),
            Self::CloseCodeSendable => match view.close_code {
                Some(code) => format!("close code {code}"),
                None => "no close code".to_owned(),
            },
            Self::NoDuplicateKeys => match view.extract.duplicate() {
                Some(at) => format!("a key for the second time, its value at byte {at}"),
                None => "no duplicate".to_owned(),
            },
            Self::OwnedByEndpoint { at: slot, named_at, endpoints } => {
                let endpoint = view.endpoint_of(named_at, endpoints);
                let path = endpoint.and_then(|id| endpoints.get(id.0)).map_or("?", |e| e.path.as_str());
                format!("{} on {path}", value(slot))
            }
            Self::FitsBody(_) => "one that is none of them".to_owned(),
            Self::OfKind(_) => "this kind".to_owned(),
        }
    }

    /// The part of the message a finding should point at, where there is one.
    pub fn offending(&self, view: &View<'_>) -> Option<Range<usize>> {
        if let Some((schema, breach)) = self.breach(view) {
            return Some(schema.range(&breach, view.text));
        }
        let found = match self {
            Self::Value(slot, test) => view.extract.all(*slot).find(|&found| !test.holds(found, view.text)),
            Self::Absent(slot) | Self::OwnedByEndpoint { at: slot, .. } => view.extract.first(*slot),
            Self::Key(keys, _) => view.extract.first(view.key(keys)?),
            Self::All(tests) => {
                return tests.iter().find(|test| !test.holds(view))?.offending(view);
            }
            Self::Any(tests) => return tests.iter().find_map(|test| test.offending(view)),
            Self::Has(_)
            | Self::ExactlyOne(_)
            | Self::Not(_)
            | Self::Masked(_)
            | Self::ClearCardData
            | Self::CloseCodeSendable
            | Self::NoDuplicateKeys
            | Self::FitsBody(_)
            | Self::OfKind(_) => None,
        };
        found.map(Found::range)
    }

    /// What breaks the schema this test asks for, if it asks for one.
    fn breach(&self, view: &View<'_>) -> Option<(&Schema, Breach)> {
        let of_slot = |slot: Slot, schema: &Schema| {
            view.extract.all(slot).find_map(|found| schema.fits(view.text, found.range().start).err())
        };
        match self {
            Self::Value(slot, ValueTest::Fits(schema, _)) => Some((schema, of_slot(*slot, schema)?)),
            Self::Key(keys, ValueTest::Fits(schema, _)) => Some((schema, of_slot(view.key(keys)?, schema)?)),
            Self::FitsBody(bodies) => {
                let Body::Schema(schema) = bodies.get(view.kind?.0)? else { return None };
                Some((schema, schema.fits(view.text, 0).err()?))
            }
            _ => None,
        }
    }
}

impl ValueTest {
    /// It as a question to the values at `slot`, which a scan can answer in passing.
    pub(super) fn checked_at(self, slot: Slot, trie: &mut Trie) -> Self {
        match self {
            Self::Fits(schema, None) => {
                let pointer = trie.pointer(slot).clone();
                let check = trie.check(&pointer, &schema);
                Self::Fits(schema, check)
            }
            other => other,
        }
    }

    fn holds(&self, found: Found, text: &str) -> bool {
        let token = found.token(text);
        match self {
            Self::OneOf(literals) => literals.iter().any(|literal| literal.is(token)),
            Self::Is(types) => types.iter().any(|wanted| wanted.is(found.kind)),
            Self::NotEmpty => match found.kind {
                Kind::Object | Kind::Array | Kind::String => {
                    !token[1..token.len() - 1].trim_start_matches([' ', '\t', '\r', '\n']).is_empty()
                }
                Kind::Number | Kind::True | Kind::False => true,
                Kind::Null => false,
            },
            Self::Format(format) => format.fits(found.kind, token),
            Self::Like(pictures) => match found.kind {
                Kind::String => {
                    json::string(token).is_some_and(|text| pictures.iter().any(|picture| picture.fits(&text)))
                }
                Kind::Number => pictures.iter().any(|picture| picture.fits(token)),
                Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => false,
            },
            Self::Fits(schema, _) => schema.fits(text, found.range().start).is_ok(),
        }
    }

    fn wanted(&self) -> String {
        match self {
            Self::OneOf(literals) => list(literals.iter().map(|literal| format!("`{}`", literal.0)), "or"),
            Self::Is(types) => list(types.iter().map(|wanted| wanted.name().to_owned()), "or"),
            Self::NotEmpty => "that is not empty".to_owned(),
            Self::Format(format) => format.name().to_owned(),
            Self::Like(pictures) => {
                format!("spelled like {}", list(pictures.iter().map(|picture| format!("`{picture}`")), "or"))
            }
            Self::Fits(..) => "as its schema has it".to_owned(),
        }
    }
}

impl Literal {
    /// The literal that says `text`.
    pub fn string(text: &str) -> Self {
        Self(serde_json::to_string(text).unwrap_or_default())
    }

    #[inline]
    fn is(&self, token: &str) -> bool {
        self.0 == token
            // An escape is longer than what it stands for, or as long as another.
            || (token.len() >= self.0.len()
                && token.starts_with('"')
                && token.contains('\\')
                && json::string(token) == json::string(&self.0))
    }
}

impl JsonType {
    /// The type of that name: `object`, `array`, `string`, `number`, `boolean`, `null`.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Object, Self::Array, Self::String, Self::Number, Self::Boolean, Self::Null]
            .into_iter()
            .find(|wanted| wanted.name().ends_with(word))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        }
    }

    const fn is(self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Object, Kind::Object)
                | (Self::Array, Kind::Array)
                | (Self::String, Kind::String)
                | (Self::Number, Kind::Number)
                | (Self::Boolean, Kind::True | Kind::False)
                | (Self::Null, Kind::Null)
        )
    }
}

impl Format {
    /// Every format and its word in a pack.
    pub const WORDS: [(&str, Self); 4] = [
        ("digits", Self::Digits),
        ("minor-units", Self::MinorUnits),
        ("date-yymmdd", Self::DateYymmdd),
        ("time-hhmmss", Self::TimeHhmmss),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Digits => "written in digits",
            Self::MinorUnits => "a whole number of minor units",
            Self::DateYymmdd => "a date as `YYMMDD`",
            Self::TimeHhmmss => "a time as `HHMMSS`",
        }
    }

    fn fits(self, kind: Kind, token: &str) -> bool {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let text: Cow<'_, str> = match kind {
            Kind::String => match json::string(token) {
                Some(text) => text,
                None => return false,
            },
            Kind::Number => Cow::Borrowed(token),
            Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => return false,
        };
        let two = |at: usize| text.get(at..at + 2).and_then(|part| part.parse::<u8>().ok()).unwrap_or(99);
        let six = kind == Kind::String && text.len() == 6 && digits(&text);
        match self {
            Self::Digits | Self::MinorUnits => digits(&text),
            Self::DateYymmdd => six && (1..=12).contains(&two(2)) && (1..=31).contains(&two(4)),
            Self::TimeHhmmss => six && two(0) < 24 && two(2) < 60 && two(4) < 60,
        }
    }
}

fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(parts: impl IntoIterator<Item = String>, last: &str) -> String {
    let mut parts: Vec<String> = parts.into_iter().collect();
    let Some(end) = parts.pop() else { return String::new() };
    if parts.is_empty() {
        return end;
    }
    let mut out = parts.join(", ");
    let _ = write!(out, " {last} {end}");
    out
}

pub(super) fn shortened(token: &str) -> String {
    const READABLE: usize = 60;
    if token.chars().count() <= READABLE {
        return token.to_owned();
    }
    token.chars().take(READABLE).chain(['…']).collect()
}
