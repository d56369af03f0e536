//! JSON Pointer (RFC 6901) as a type: parsed once, compared and walked without splitting again.

use std::fmt;
use std::str::FromStr;

use super::json::{Cursor, JsonError, Kind};

/// A JSON Pointer: `/event/resource/results/0/status`. The empty pointer names the whole document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer {
    tokens: Vec<String>,
}

impl Pointer {
    /// The reference tokens, unescaped.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// Whether this is the pointer to the whole document.
    pub fn is_root(&self) -> bool {
        self.tokens.is_empty()
    }

    /// This pointer, one token deeper.
    pub fn child(&self, token: impl Into<String>) -> Self {
        let mut tokens = self.tokens.clone();
        tokens.push(token.into());
        Self { tokens }
    }

    /// The text of the value this pointer names in `json`; the first of duplicate keys.
    ///
    /// `None` where the document has no such value, or is not JSON up to there.
    pub fn find<'a>(&self, json: &'a str) -> Option<&'a str> {
        match find(&mut Cursor::new(json), &self.tokens) {
            Err(Halt::Found(value)) => Some(value),
            Err(Halt::Missing) | Ok(()) => None,
        }
    }

    /// The pointer to the innermost value that contains byte `offset` of `json`; keys belong to their object.
    pub fn at(json: &str, offset: usize) -> Result<Self, JsonError> {
        let mut all = Self::at_each(json, &[offset])?;
        Ok(all.pop().unwrap_or_default())
    }

    /// As [`Pointer::at`] for each of `offsets`, which ascend, in one pass.
    pub fn at_each(json: &str, offsets: &[usize]) -> Result<Vec<Self>, JsonError> {
        let mut locator = Locator { offsets, path: Vec::new(), found: Vec::with_capacity(offsets.len()) };
        locator.value(&mut Cursor::new(json))?;
        locator.found.resize(offsets.len(), Self::default());
        Ok(locator.found)
    }
}

/// Why the search for a value stops.
enum Halt<'a> {
    Found(&'a str),
    Missing,
}

impl From<JsonError> for Halt<'_> {
    fn from(_: JsonError) -> Self {
        Self::Missing
    }
}

/// Ends in `Ok` only where the value has no members.
fn find<'a>(cursor: &mut Cursor<'a>, tokens: &[String]) -> Result<(), Halt<'a>> {
    let Some((token, rest)) = tokens.split_first() else {
        return Err(Halt::Found(cursor.value()?));
    };
    let step = |cursor: &mut Cursor<'a>| match find(cursor, rest) {
        Ok(()) => Err(Halt::Missing),
        halted => halted,
    };
    match cursor.kind()? {
        Kind::Object => {
            cursor.object(|key, cursor| if key.is(token) { step(cursor) } else { Ok(cursor.skip()?) })
        }
        Kind::Array => {
            let wanted = index(token);
            cursor.array(|at, cursor| if wanted == Some(at) { step(cursor) } else { Ok(cursor.skip()?) })
        }
        Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null => Ok(()),
    }
}

/// An array index as RFC 6901 spells it: no sign, no leading zero.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { token.parse().ok() } else { None }
}

/// Collects the pointers to the values that contain some offsets.
struct Locator<'o> {
    offsets: &'o [usize],
    path: Vec<String>,
    found: Vec<Pointer>,
}

impl Locator<'_> {
    fn value(&mut self, cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
        match cursor.kind()? {
            Kind::Object => {
                self.pass(cursor.position());
                cursor.object(|key, cursor| {
                    cursor.kind()?;
                    self.pass(cursor.position());
                    self.child(|| key.decode().into_owned(), cursor)
                })?;
            }
            Kind::Array => {
                self.pass(cursor.position());
                cursor.array(|index, cursor| {
                    cursor.kind()?;
                    self.pass(cursor.position());
                    self.child(|| index.to_string(), cursor)
                })?;
            }
            Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null => cursor.skip()?,
        }
        self.pass(cursor.position());
        Ok(())
    }

    fn child(&mut self, token: impl FnOnce() -> String, cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
        self.path.push(token());
        let done = self.value(cursor);
        self.path.pop();
        done
    }

    /// Whatever lies before `position` and was not given to a member belongs to the current value.
    fn pass(&mut self, position: usize) {
        let (before, after) =
            self.offsets.split_at(self.offsets.partition_point(|&offset| offset < position));
        self.found.extend(before.iter().map(|_| Pointer { tokens: self.path.clone() }));
        self.offsets = after;
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in &self.tokens {
            f.write_str("/")?;
            f.write_str(&token.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(PointerError { text: text.into() });
        };
        let tokens = rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
        Ok(Self { tokens })
    }
}

/// The text is no JSON Pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a JSON Pointer such as `/event/flow_id`, got `{text}`")]
pub struct PointerError {
    /// The text as given.
    pub text: String,
}
