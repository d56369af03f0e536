//! Questions to one value of a message: its type, its spelling, which of a list it is.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::extract::{Found, Slot};
use super::graft::CheckId;
use super::picture::Picture;
use super::schema::Schema;
use super::trie::Trie;
use crate::text::json::{self, Kind};

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

    #[inline]
    pub(super) fn holds(&self, found: Found, text: &str) -> bool {
        match self {
            Self::Fits(schema, _) => schema.fits(text, found.range().start).is_ok(),
            _ => self.is_said_by(found.kind, found.token(text)),
        }
    }

    /// Whether it holds of a value by itself; what a schema asks is not known here.
    #[inline]
    pub(super) fn is_said_by(&self, kind: Kind, token: &str) -> bool {
        match self {
            Self::OneOf(literals) => literals.iter().any(|literal| literal.is(token)),
            Self::Is(types) => types.iter().any(|wanted| wanted.is(kind)),
            Self::NotEmpty => match kind {
                Kind::Object | Kind::Array | Kind::String => {
                    let content = &token.as_bytes()[1..token.len() - 1];
                    content.iter().any(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
                }
                Kind::Number | Kind::True | Kind::False => true,
                Kind::Null => false,
            },
            Self::Format(format) => format.fits(kind, token),
            Self::Like(pictures) => match kind {
                Kind::String => {
                    json::string(token).is_some_and(|text| pictures.iter().any(|picture| picture.fits(&text)))
                }
                Kind::Number => pictures.iter().any(|picture| picture.fits(token)),
                Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => false,
            },
            Self::Fits(..) => false,
        }
    }

    /// Whether it is the same question as `other`; of schemas nobody knows.
    pub(super) fn asks(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(own), Self::OneOf(other)) => own == other,
            (Self::Is(own), Self::Is(other)) => own == other,
            (Self::NotEmpty, Self::NotEmpty) => true,
            (Self::Format(own), Self::Format(other)) => own == other,
            (Self::Like(own), Self::Like(other)) => own == other,
            _ => false,
        }
    }

    pub(super) fn wanted(&self) -> String {
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
        if self.0.len() != token.len() && !token.contains('\\') {
            return false;
        }
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
        let are_digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let text: Cow<'_, [u8]> = match kind {
            Kind::String => {
                let plain = &token.as_bytes()[1..token.len() - 1];
                match are_digits(plain) {
                    true => Cow::Borrowed(plain),
                    // Only with escapes it can still say digits.
                    false if !plain.contains(&b'\\') => return false,
                    false => json::string(token)
                        .map_or(Cow::Borrowed(b""), |text| Cow::Owned(text.into_owned().into())),
                }
            }
            Kind::Number => Cow::Borrowed(token.as_bytes()),
            Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => return false,
        };
        if !are_digits(&text) {
            return false;
        }
        let two = |at: usize| 10 * (text[at] - b'0') + (text[at + 1] - b'0');
        let is_six = kind == Kind::String && text.len() == 6;
        match self {
            Self::Digits | Self::MinorUnits => true,
            Self::DateYymmdd => is_six && (1..=12).contains(&two(2)) && (1..=31).contains(&two(4)),
            Self::TimeHhmmss => is_six && two(0) < 24 && two(2) < 60 && two(4) < 60,
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(parts: impl IntoIterator<Item = String>, last: &str) -> String {
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
