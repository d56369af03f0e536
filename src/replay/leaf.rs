//! A JSON message taken apart: its scalars and empty containers, each with its pointer, in the order of the
//! pointers, so that two messages are compared by walking both lists at once, whatever the order of keys.

use std::borrow::Cow;
use std::ops::Range;

use super::path::{PathId, Paths};
use crate::text::json::{self, Cursor, JsonError, Kind};

/// A value that holds no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Where it stands.
    pub(crate) path: PathId,
    /// The pointer of a value the cassette has nothing at.
    pub(crate) unknown: Option<Box<str>>,
    /// What it is; an object or array is empty.
    pub(crate) kind: Kind,
    start: u32,
    end: u32,
}

impl Leaf {
    /// Its text, quotes included. `text` is the text it was read from.
    pub(crate) fn token<'t>(&self, text: &'t str) -> &'t str {
        &text[self.range()]
    }

    /// Where it stands in the text.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// What it says: a string without its quotes and escapes, anything else as spelled.
    pub(crate) fn value<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let token = self.token(text);
        json::string(token).unwrap_or(Cow::Borrowed(token))
    }

    /// Its pointer.
    pub(crate) fn pointer<'a>(&'a self, paths: &'a Paths) -> &'a str {
        self.unknown.as_deref().unwrap_or_else(|| paths.text(self.path))
    }
}

/// How pointers become numbers: a cassette being read makes new ones, a live message does not.
pub(crate) trait Naming {
    /// The number of a pointer and its general form.
    fn name(&mut self, text: &str, general: &str) -> PathId;
}

impl Naming for &mut Paths {
    fn name(&mut self, text: &str, general: &str) -> PathId {
        self.intern(text, general)
    }
}

impl Naming for &Paths {
    fn name(&mut self, text: &str, _general: &str) -> PathId {
        self.find(text)
    }
}

/// Takes `text` apart. Where it is no JSON, what was read before the error is left in `out`.
pub(crate) fn read(text: &str, naming: impl Naming, out: &mut Vec<Leaf>) -> Result<(), JsonError> {
    out.clear();
    let mut walk = Walk { naming, text: String::new(), general: String::new(), out };
    let mut cursor = Cursor::new(text);
    let read = walk.value(&mut cursor).and_then(|()| cursor.end());
    out.sort_by(|a, b| (a.path, &a.unknown, a.start).cmp(&(b.path, &b.unknown, b.start)));
    read
}

struct Walk<'o, N> {
    naming: N,
    /// The pointer to the current value, and its general form.
    text: String,
    general: String,
    out: &'o mut Vec<Leaf>,
}

impl<N: Naming> Walk<'_, N> {
    fn value(&mut self, cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
        let kind = cursor.kind()?;
        let start = cursor.position();
        let before = self.out.len();
        match kind {
            Kind::Object => cursor.object(|key, cursor| {
                let lengths = (self.text.len(), self.general.len());
                for pointer in [&mut self.text, &mut self.general] {
                    pointer.push('/');
                    escape(&key.decode(), pointer);
                }
                let read = self.value(cursor);
                self.text.truncate(lengths.0);
                self.general.truncate(lengths.1);
                read
            })?,
            Kind::Array => cursor.array(|index, cursor| {
                let lengths = (self.text.len(), self.general.len());
                self.text.push_str(&format!("/{index}"));
                self.general.push_str("/*");
                let read = self.value(cursor);
                self.text.truncate(lengths.0);
                self.general.truncate(lengths.1);
                read
            })?,
            Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null => cursor.skip()?,
        }
        let is_container = matches!(kind, Kind::Object | Kind::Array);
        if !is_container || self.out.len() == before {
            let path = self.naming.name(&self.text, &self.general);
            let unknown = (path == PathId::UNKNOWN).then(|| self.text.as_str().into());
            let (start, end) = (start as u32, cursor.position() as u32);
            self.out.push(Leaf { path, unknown, kind, start, end });
        }
        Ok(())
    }
}

/// Appends a key as a reference token (RFC 6901, section 3).
fn escape(key: &str, out: &mut String) {
    for character in key.chars() {
        match character {
            '~' => out.push_str("~0"),
            '/' => out.push_str("~1"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_stand_in_the_order_of_their_pointers_whatever_the_order_of_keys() {
        let mut paths = Paths::default();
        let mut list = |text: &str| {
            let mut leaves = Vec::new();
            read(text, &mut paths, &mut leaves).unwrap();
            let shown = leaves.iter().map(|leaf| format!("{} {}", leaf.pointer(&paths), leaf.token(text)));
            shown.collect::<Vec<_>>()
        };
        let one = list(r#"{"a/b":{"x":[1,{"y":"z"}]},"c":[], "d":null}"#);
        assert_eq!(one, ["/a~1b/x/0 1", "/a~1b/x/1/y \"z\"", "/c []", "/d null"]);
        assert_eq!(list(r#"{"d":null,"c":[],"a/b":{"x":[1,{"y":"z"}]}}"#), one);
        let third = paths.find("/a~1b/x/1/y");
        assert_eq!(paths.text(paths.general(third)), "/a~1b/x/*/y");
    }

    #[test]
    fn what_stands_before_a_syntax_error_is_read_all_the_same() {
        let mut paths = Paths::default();
        let mut leaves = Vec::new();
        assert!(read(r#"{"a":1,"b":[2,"#, &mut paths, &mut leaves).is_err());
        assert_eq!(leaves.len(), 2);
        read(r#"{"z":1,"a":1}"#, &paths, &mut leaves).unwrap();
        let shown: Vec<_> = leaves.iter().map(|leaf| leaf.pointer(&paths).to_owned()).collect();
        assert_eq!(shown, ["/a", "/z"]);
    }
}
