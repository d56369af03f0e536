//! A message with places that are filled when it is sent: `{"event":{"flow_id":"{/request/flow_id}"}}`.
//!
//! A place is a JSON string that is nothing but `{…}`. What it is filled with is copied as it is spelled, byte
//! for byte:
//!
//! ```text
//! {/request/flow_id}                 a value of the message that is answered
//! {last /event/resource/results}     a value of the last result of a transaction
//! {text /request/resource/amount}    the value as a string, whatever it is
//! {maybe /request/endpoint}          left out, with its name, where there is no such value
//! {fresh 6}                          a number of six digits that was not there before, as a string
//! ```

use std::borrow::Cow;
use std::str::FromStr;

use crate::text::Pointer;
use crate::text::json::{self, Cursor, JsonError, Kind};

/// A message with places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Node);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// As written.
    Token(String),
    /// Members, each with its name as written.
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    Place(Place),
}

/// What stands between the braces.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Copy { from: Source, at: Pointer, as_text: bool, optional: bool },
    Fresh { digits: usize },
}

/// Where a value is copied from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The message that is answered.
    Trigger,
    /// The last message that ended a transaction.
    Last,
}

/// What places are filled with.
pub trait Fill {
    /// The text of a message; `None` where there is none.
    fn message(&self, source: Source) -> Option<&str>;
    /// A number of so many digits that was not there before.
    fn fresh(&mut self, digits: usize) -> String;
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is no JSON.
    #[error("a JSON message: {0}")]
    Json(JsonError),
    /// What stands in braces is no place.
    #[error(
        "a place such as `{{/request/flow_id}}`, `{{text /a}}`, `{{maybe /a}}`, `{{last /a}}` or `{{fresh 6}}` \
         in place of `{0}`"
    )]
    Place(String),
}

impl From<JsonError> for TemplateError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl Template {
    /// The message; `None` where a value that it needs is not there.
    pub fn fill(&self, fill: &mut impl Fill) -> Option<String> {
        let mut out = String::new();
        matches!(self.0.write(fill, &mut out), Written::Yes).then_some(out)
    }
}

/// Whether a value was written.
enum Written {
    Yes,
    /// It may be missing, and is.
    LeftOut,
    /// It is needed, and is missing.
    Missing,
}

impl Node {
    fn write(&self, fill: &mut impl Fill, out: &mut String) -> Written {
        match self {
            Self::Token(token) => out.push_str(token),
            Self::Place(place) => return place.write(fill, out),
            Self::Object(members) => {
                return all(('{', '}'), members, out, |(name, value), out| {
                    out.push_str(name);
                    out.push(':');
                    value.write(fill, out)
                });
            }
            Self::Array(values) => return all(('[', ']'), values, out, |value, out| value.write(fill, out)),
        }
        Written::Yes
    }
}

/// Writes what a container holds, without what is left out.
fn all<T>(
    (open, close): (char, char),
    parts: &[T],
    out: &mut String,
    mut write: impl FnMut(&T, &mut String) -> Written,
) -> Written {
    out.push(open);
    let start = out.len();
    for part in parts {
        let before = out.len();
        if before > start {
            out.push(',');
        }
        match write(part, out) {
            Written::Yes => {}
            Written::LeftOut => out.truncate(before),
            Written::Missing => return Written::Missing,
        }
    }
    out.push(close);
    Written::Yes
}

impl Place {
    fn write(&self, fill: &mut impl Fill, out: &mut String) -> Written {
        match self {
            Self::Fresh { digits } => out.push_str(&quoted(&fill.fresh(*digits))),
            Self::Copy { from, at, as_text, optional } => {
                let value = fill.message(*from).and_then(|message| at.find(message));
                match value {
                    None if *optional => return Written::LeftOut,
                    None => return Written::Missing,
                    Some(token) if *as_text && !token.starts_with('"') => out.push_str(&quoted(token)),
                    Some(token) => out.push_str(token),
                }
            }
        }
        Written::Yes
    }
}

impl FromStr for Place {
    type Err = ();

    /// Reads what stands between the braces.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ').peekable();
        if words.next_if_eq(&"fresh").is_some() {
            let digits = words.next().and_then(|digits| digits.parse().ok());
            let digits = digits.filter(|digits| (1..=18).contains(digits) && words.next().is_none());
            return digits.map(|digits| Self::Fresh { digits }).ok_or(());
        }
        let optional = words.next_if_eq(&"maybe").is_some();
        let as_text = words.next_if_eq(&"text").is_some();
        let from = match words.peek() {
            Some(&"last") => Source::Last,
            Some(_) | None => Source::Trigger,
        };
        if from != Source::Trigger {
            words.next();
        }
        let at = words.collect::<Vec<_>>().join(" ");
        let at = Some(at).filter(|at| at.starts_with('/')).and_then(|at| at.parse().ok());
        at.map(|at| Self::Copy { from, at, as_text, optional }).ok_or(())
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut cursor = Cursor::new(text);
        let node = read(&mut cursor)?;
        cursor.end()?;
        Ok(Self(node))
    }
}

fn read(cursor: &mut Cursor<'_>) -> Result<Node, TemplateError> {
    Ok(match cursor.kind()? {
        Kind::Object => {
            let mut members = Vec::new();
            cursor.object(|name, cursor| {
                members.push((format!("\"{}\"", name.raw()), read(cursor)?));
                Ok::<_, TemplateError>(())
            })?;
            Node::Object(members)
        }
        Kind::Array => {
            let mut values = Vec::new();
            cursor.array(|_, cursor| {
                values.push(read(cursor)?);
                Ok::<_, TemplateError>(())
            })?;
            Node::Array(values)
        }
        Kind::String => {
            let token = cursor.value()?;
            let said = json::string(token).unwrap_or(Cow::Borrowed(token));
            match said.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(place) => {
                    Node::Place(place.parse().map_err(|()| TemplateError::Place(said.to_string()))?)
                }
                None => Node::Token(token.to_owned()),
            }
        }
        Kind::Number | Kind::True | Kind::False | Kind::Null => Node::Token(cursor.value()?.to_owned()),
    })
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Messages<'a>(&'a str, Option<&'a str>, u64);

    impl Fill for Messages<'_> {
        fn message(&self, source: Source) -> Option<&str> {
            match source {
                Source::Trigger => Some(self.0),
                Source::Last => self.1,
            }
        }

        fn fresh(&mut self, digits: usize) -> String {
            self.2 += 1;
            format!("{:0digits$}", self.2)
        }
    }

    #[track_caller]
    fn filled(template: &str, last: Option<&str>) -> Option<String> {
        let trigger = r#"{"request":{"flow_id":"8\u0030","amount": 1.50,"a/b":null}}"#;
        let template: Template = template.parse().unwrap();
        template.fill(&mut Messages(trigger, last, 6))
    }

    #[test]
    fn values_are_copied_byte_for_byte() {
        let last = r#"{"results": [ {"n":1.0} ] }"#;
        assert_eq!(
            filled(
                r#"{"id":"{/request/flow_id}", "n":"{text /request/amount}","r":"{last /results}","x":[true,"{fresh 3}"]}"#,
                Some(last)
            )
            .as_deref(),
            Some(r#"{"id":"8\u0030","n":"1.50","r":[ {"n":1.0} ],"x":[true,"007"]}"#)
        );
        assert_eq!(
            filled(r#"["{/request/a~1b}","{text /request/flow_id}"]"#, None).as_deref(),
            Some(r#"[null,"8\u0030"]"#)
        );
    }

    #[test]
    fn what_may_be_missing_is_left_out_and_what_is_needed_is_not() {
        let template = r#"{"a":"{maybe /none}","b":1,"c":"{maybe last /none}","d":["{maybe /none}",2]}"#;
        assert_eq!(filled(template, None).as_deref(), Some(r#"{"b":1,"d":[2]}"#));
        assert_eq!(filled(r#"{"a":{"b":"{last /results}"}}"#, None), None);
        assert_eq!(filled(r#"{"a":"{last /results}"}"#, Some("{}")), None);
    }

    #[test]
    fn what_is_no_template_says_what_would_be() {
        let wrong = |text: &str| text.parse::<Template>().unwrap_err().to_string();
        assert!(wrong("{").contains("a JSON message"));
        for place in
            ["{}", "{flow}", "{fresh}", "{fresh 0}", "{fresh 3 4}", "{lst /a}", "{recorded /a}", "{a/b}"]
        {
            assert!(
                wrong(&format!("[\"{place}\"]")).contains("a place such as `{/request/flow_id}`"),
                "{place}"
            );
        }
        assert!("[\"{a\", \"b}\"]".parse::<Template>().is_ok(), "no braces around all of it, no place");
    }
}
