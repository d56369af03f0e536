//! One document as a tree: values, and for each of them the file and the bytes it comes from.

use std::ops::Range;
use std::sync::Arc;

use crate::pack::PackError;
use crate::text::Pointer;
use crate::text::json::{Cursor, JsonError, Kind};

/// A document of a pack.
#[derive(Debug)]
pub(in crate::pack) struct Document {
    /// Its path below the specifications: `bluechip-tsi/schemas/request.json`.
    pub(in crate::pack) name: String,
    /// Its root.
    pub(in crate::pack) root: Node,
}

/// A file that parts of a document come from.
#[derive(Debug)]
pub(in crate::pack) struct Origin {
    pub(in crate::pack) name: String,
    pub(in crate::pack) text: String,
}

/// Where a part of a document stands.
#[derive(Clone, Debug)]
pub(in crate::pack) struct Place {
    pub(in crate::pack) origin: Arc<Origin>,
    pub(in crate::pack) span: Range<usize>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(in crate::pack) struct Node {
    pub(in crate::pack) place: Place,
    pub(in crate::pack) value: Value,
}

/// A JSON value. Numbers keep their spelling, objects the order of their members.
#[derive(Clone, Debug)]
pub(in crate::pack) enum Value {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(in crate::pack) struct Member {
    pub(in crate::pack) key: String,
    pub(in crate::pack) key_place: Place,
    pub(in crate::pack) value: Node,
}

impl Place {
    /// A mistake at this place.
    pub(in crate::pack) fn error(&self, message: impl Into<String>) -> PackError {
        PackError::at(&self.origin.name, &self.origin.text, self.span.clone(), message)
    }
}

impl Node {
    /// The members of an object; none for anything else.
    pub(in crate::pack) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => &[],
        }
    }

    /// The elements of an array; none for anything else.
    pub(in crate::pack) fn elements(&self) -> &[Self] {
        match &self.value {
            Value::Array(elements) => elements,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => &[],
        }
    }

    /// The member of that name.
    pub(in crate::pack) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// The text of a string.
    pub(in crate::pack) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The text of the string at that name.
    pub(in crate::pack) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The value a pointer leads to.
    pub(in crate::pack) fn find(&self, pointer: &Pointer) -> Option<&Self> {
        pointer.tokens().iter().try_fold(self, |node, token| match &node.value {
            Value::Object(_) => node.get(token),
            Value::Array(elements) => elements.get(token.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }

    /// What it is, for errors: "a string".
    pub(in crate::pack) const fn noun(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// It as JSON text, without spaces.
    pub(in crate::pack) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match &self.value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(spelling) => out.push_str(spelling),
            Value::String(text) => out.push_str(&quoted(text)),
            Value::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    element.write(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(&quoted(&member.key));
                    out.push(':');
                    member.value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// `text` as a JSON string.
pub(in crate::pack) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Reads a JSON file.
pub(super) fn parse_json(origin: &Arc<Origin>) -> Result<Node, PackError> {
    let mut cursor = Cursor::new(&origin.text);
    let node = read(origin, &mut cursor).and_then(|node| {
        cursor.end()?;
        Ok(node)
    });
    node.map_err(|fault| match fault {
        Fault::Json(error) => {
            let place = Place { origin: Arc::clone(origin), span: error.at..error.at + 1 };
            place.error(format!("expected {}", error.expected))
        }
        Fault::Said(error) => error,
    })
}

enum Fault {
    Json(JsonError),
    Said(PackError),
}

impl From<JsonError> for Fault {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

fn read(origin: &Arc<Origin>, cursor: &mut Cursor<'_>) -> Result<Node, Fault> {
    let kind = cursor.kind()?;
    let start = cursor.position();
    let value = match kind {
        Kind::Null | Kind::True | Kind::False => {
            cursor.skip()?;
            if kind == Kind::Null { Value::Null } else { Value::Bool(kind == Kind::True) }
        }
        Kind::Number => Value::Number(cursor.number()?.to_owned()),
        Kind::String => Value::String(cursor.string()?.decode().into_owned()),
        Kind::Array => {
            let mut elements = Vec::new();
            cursor.array(|_, cursor| {
                elements.push(read(origin, cursor)?);
                Ok::<(), Fault>(())
            })?;
            Value::Array(elements)
        }
        Kind::Object => {
            let mut members: Vec<Member> = Vec::new();
            cursor.object(|key, cursor| {
                let span = key.start()..key.start() + key.raw().len();
                let key_place = Place { origin: Arc::clone(origin), span };
                let key = key.decode().into_owned();
                let value = read(origin, cursor)?;
                add_member(&mut members, Member { key, key_place, value }).map_err(Fault::Said)
            })?;
            Value::Object(members)
        }
    };
    Ok(Node { place: Place { origin: Arc::clone(origin), span: start..cursor.position() }, value })
}

/// Adds a member; a second one of the same name is a mistake.
pub(super) fn add_member(members: &mut Vec<Member>, member: Member) -> Result<(), PackError> {
    if members.iter().any(|known| known.key == member.key) {
        return Err(member.key_place.error(format!("expected each name once, got `{}` again", member.key)));
    }
    members.push(member);
    Ok(())
}
