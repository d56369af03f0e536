//! JSON that keeps its positions: a cursor over the original text that validates as it goes.
//!
//! Recorder, reader and rules all look at messages through this cursor, so what they skip is
//! validated (RFC 8259) but never copied, and number spelling, key order and spaces survive.
//! It builds no tree; what a caller wants, it takes from the text itself.

use std::borrow::Cow;
use std::ops::Range;

use super::scan;

/// Containers may nest this deep; deeper text is reported as an error, never a stack overflow.
pub const MAX_DEPTH: usize = 128;

/// What kind of value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// `-1.5e3`
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// Why a text is not JSON, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct JsonError {
    /// Byte offset in the text.
    pub at: usize,
    /// What the grammar asks for there.
    pub expected: &'static str,
}

/// Checks that `text` is exactly one JSON value, with nothing but white space around it.
pub fn validate(text: &str) -> Result<(), JsonError> {
    let mut cursor = Cursor::new(text);
    cursor.skip()?;
    cursor.end()
}

/// The content of a string token, as written between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawString<'a> {
    raw: &'a str,
    start: usize,
    escaped: bool,
}

impl<'a> RawString<'a> {
    /// The text between the quotes, escapes and all.
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// The byte offset of [`RawString::raw`] in the cursor's text.
    pub fn start(self) -> usize {
        self.start
    }

    /// Whether it holds an escape.
    pub fn is_escaped(self) -> bool {
        self.escaped
    }

    /// Whether it says exactly `text`.
    pub fn is(self, text: &str) -> bool {
        if self.escaped { self.decode() == text } else { self.raw == text }
    }

    /// What the string says. A lone surrogate escape becomes U+FFFD.
    pub fn decode(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

/// What a string token, quotes included, says; `None` where `token` is no string token.
#[inline]
pub fn string(token: &str) -> Option<Cow<'_, str>> {
    let bytes = token.as_bytes();
    // Most texts stand as they are written, from the first byte of their token to the last.
    if bytes.first() == Some(&b'"')
        && let Ok(end) = scan::string(bytes, 1)
        && !end.escaped
        && end.at + 1 == bytes.len()
    {
        return Some(Cow::Borrowed(&token[1..end.at]));
    }
    string_loosely(token)
}

/// As [`string`], also with escapes, and white space around it.
#[cold]
fn string_loosely(token: &str) -> Option<Cow<'_, str>> {
    let mut cursor = Cursor::new(token);
    let text = cursor.string().ok()?;
    cursor.end().ok()?;
    Some(text.decode())
}

/// A position in a JSON text.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The byte offset of what comes next.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The kind of the next value; moves over white space only.
    #[inline]
    pub fn kind(&mut self) -> Result<Kind, JsonError> {
        self.space();
        match self.peek() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't') => Ok(Kind::True),
            Some(b'f') => Ok(Kind::False),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    /// Reads the next value and returns its text.
    #[inline]
    pub fn value(&mut self) -> Result<&'a str, JsonError> {
        self.space();
        let start = self.at;
        self.skip()?;
        Ok(&self.text[start..self.at])
    }

    /// Reads over the next value, validating it.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        self.at = scan::value(self.text, self.at, self.depth)?;
        Ok(())
    }

    /// Reads an object; `member` is called with each key, in order, and must read its value.
    #[inline]
    pub fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(RawString<'a>, &mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'{', "`{`")?;
        self.space();
        if self.take(b'}') {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            if !self.take(b':') {
                return Err(self.expected("`:`").into());
            }
            member(key, self)?;
            self.space();
            if self.take(b',') {
                continue;
            }
            if self.take(b'}') {
                self.depth -= 1;
                return Ok(());
            }
            return Err(self.expected("`,` or `}`").into());
        }
    }

    /// Reads an array; `element` is called with each index and must read its value.
    #[inline]
    pub fn array<E: From<JsonError>>(
        &mut self,
        mut element: impl FnMut(usize, &mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'[', "`[`")?;
        self.space();
        if self.take(b']') {
            self.depth -= 1;
            return Ok(());
        }
        for index in 0.. {
            element(index, self)?;
            self.space();
            if self.take(b',') {
                continue;
            }
            if self.take(b']') {
                break;
            }
            return Err(self.expected("`,` or `]`").into());
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a string token.
    #[inline]
    pub fn string(&mut self) -> Result<RawString<'a>, JsonError> {
        self.space();
        if !self.take(b'"') {
            return Err(self.expected("`\"`"));
        }
        let start = self.at;
        let end = scan::string(self.text.as_bytes(), start)?;
        self.at = end.at + 1;
        Ok(RawString { raw: &self.text[start..end.at], start, escaped: end.escaped })
    }

    /// Reads a number token and returns its spelling.
    #[inline]
    pub fn number(&mut self) -> Result<&'a str, JsonError> {
        self.space();
        let start = self.at;
        self.at = scan::number(self.text.as_bytes(), start)?;
        Ok(&self.text[start..self.at])
    }

    /// Checks that only white space is left.
    pub fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.expected("the end of the text")) }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let hit = self.peek() == Some(byte);
        self.at += usize::from(hit);
        hit
    }

    #[inline]
    fn space(&mut self) {
        self.at = scan::space(self.text.as_bytes(), self.at);
    }

    #[inline]
    fn open(&mut self, bracket: u8, expected: &'static str) -> Result<(), JsonError> {
        self.space();
        if self.depth == MAX_DEPTH {
            return Err(self.expected("at most 128 nested containers"));
        }
        if !self.take(bracket) {
            return Err(self.expected(expected));
        }
        self.depth += 1;
        Ok(())
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> JsonError {
        JsonError { at: self.at, expected }
    }
}

/// The characters that the content of a string token says, each with the bytes of `raw` it stands for.
///
/// A lone surrogate escape becomes U+FFFD, and so does an escape that is none.
pub fn characters(raw: &str) -> impl Iterator<Item = (char, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = raw.get(at..)?;
        let first = rest.chars().next()?;
        let (character, length) = if first == '\\' { escape(rest) } else { (first, first.len_utf8()) };
        let range = at..at + length;
        at = range.end;
        Some((character, range))
    })
}

fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(slash) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (plain, escaped) = rest.split_at(slash);
        let (character, length) = escape(escaped);
        out.push_str(plain);
        out.push(character);
        rest = &escaped[length..];
    }
    out.push_str(rest);
    out
}

/// The character of the escape that starts `text`, and its length in bytes.
fn escape(text: &str) -> (char, usize) {
    match text.as_bytes().get(1) {
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(&byte @ (b'"' | b'\\' | b'/')) => (char::from(byte), 2),
        Some(b'u') => unicode_escape(text),
        Some(_) | None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// The character of the `\u` escape that starts `text`, a surrogate pair taken together.
fn unicode_escape(text: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if plain { u32::from_str_radix(digits, 16).ok() } else { None }
    };
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, 1) };
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = unit(6)
        && (0xdc00..0xe000).contains(&second)
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}
