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
        find(&mut Cursor::new(json), &self.tokens).ok().flatten()
    }

    /// The pointer to the innermost value that contains byte `offset` of `json`; keys belong to their object.
    pub fn at(json: &str, offset: usize) -> Result<Self, JsonError> {
        let mut tokens = Vec::new();
        locate(&mut Cursor::new(json), offset, &mut tokens)?;
        Ok(Self { tokens })
    }
}

fn find<'a>(cursor: &mut Cursor<'a>, tokens: &[String]) -> Result<Option<&'a str>, JsonError> {
    let Some((token, rest)) = tokens.split_first() else {
        return cursor.value().map(Some);
    };
    let mut found = None;
    match cursor.kind()? {
        Kind::Object => cursor.object(|key, cursor| {
            if found.is_none() && key.is(token) {
                found = find(cursor, rest)?;
                Ok(())
            } else {
                cursor.skip()
            }
        })?,
        Kind::Array => cursor.array(|index, cursor| {
            if found.is_none() && token.parse() == Ok(index) {
                found = find(cursor, rest)?;
                Ok(())
            } else {
                cursor.skip()
            }
        })?,
        Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null => cursor.skip()?,
    }
    Ok(found)
}

fn locate(cursor: &mut Cursor<'_>, offset: usize, tokens: &mut Vec<String>) -> Result<bool, JsonError> {
    let kind = cursor.kind()?;
    let start = cursor.position();
    let mut inside = false;
    match kind {
        Kind::Object => cursor.object(|key, cursor| {
            descend(cursor, offset, tokens, &mut inside, || key.decode().into_owned())
        })?,
        Kind::Array => cursor
            .array(|index, cursor| descend(cursor, offset, tokens, &mut inside, || index.to_string()))?,
        Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null => cursor.skip()?,
    }
    Ok(inside || (start..cursor.position()).contains(&offset))
}

fn descend(
    cursor: &mut Cursor<'_>,
    offset: usize,
    tokens: &mut Vec<String>,
    inside: &mut bool,
    token: impl FnOnce() -> String,
) -> Result<(), JsonError> {
    if *inside {
        return cursor.skip();
    }
    let depth = tokens.len();
    tokens.push(token());
    *inside = locate(cursor, offset, tokens)?;
    if !*inside {
        tokens.truncate(depth);
    }
    Ok(())
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
