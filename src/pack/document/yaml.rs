//! YAML documents, as far as they say what JSON can say.
//!
//! Plain scalars are read by the core schema of YAML 1.2: `yes` and `on` are texts, `0x1F` is refused rather
//! than guessed at. Aliases are followed, within a limit on what they may grow to.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::tree::{Member, Node, Origin, Place, Value, add_member};
use crate::pack::PackError;
use crate::text::json;

/// Values a document may have once its aliases are followed.
const MOST_VALUES: usize = 1_000_000;

/// Reads a YAML file.
pub(super) fn parse(origin: &Arc<Origin>) -> Result<Node, PackError> {
    let mut reader = Reader {
        origin,
        offsets: offsets(&origin.text),
        anchors: HashMap::new(),
        open: Vec::new(),
        values: 0,
        root: None,
    };
    for event in Parser::new_from_str(&origin.text) {
        match event {
            Ok((event, span)) => reader.event(event, span)?,
            Err(error) => {
                let at = reader.offset(error.marker().index());
                return Err(reader.place(at..at + 1).error(format!("expected YAML: {}", error.info())));
            }
        }
    }
    reader.root.ok_or_else(|| PackError::of_file(&origin.name, "expected a document, got an empty file"))
}

struct Reader<'a> {
    origin: &'a Arc<Origin>,
    /// Byte offsets of the characters, where they are not the same.
    offsets: Option<Vec<usize>>,
    anchors: HashMap<usize, Node>,
    open: Vec<Open>,
    values: usize,
    root: Option<Node>,
}

/// A collection that is being read.
struct Open {
    start: usize,
    anchor: usize,
    what: Collection,
}

enum Collection {
    Sequence(Vec<Node>),
    /// With the key that waits for its value.
    Mapping(Vec<Member>, Option<(String, Place)>),
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), PackError> {
        let range = self.offset(span.start.index())..self.offset(span.end.index());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let place = self.place(range);
                let value = if self.waits_for_key() {
                    Value::String(text.into_owned())
                } else {
                    scalar(&place, text, style, tag.as_deref())?
                };
                self.add(Node { place, value }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(range, anchor, Collection::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.begin(range, anchor, Collection::Mapping(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let value = match open.what {
                    Collection::Sequence(elements) => Value::Array(elements),
                    Collection::Mapping(members, _) => Value::Object(members),
                };
                let place = self.place(open.start..range.start.max(open.start));
                self.add(Node { place, value }, open.anchor)
            }
            Event::Alias(anchor) => {
                let place = self.place(range);
                match self.anchors.get(&anchor).cloned() {
                    Some(node) => {
                        self.values += count(&node);
                        self.add(node, 0)
                    }
                    None => Err(place.error("expected an alias of a value that stands before it")),
                }
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(self.place(range).error("expected one document in the file, got a second one"))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, range: Range<usize>, anchor: usize, what: Collection) -> Result<(), PackError> {
        if self.waits_for_key() {
            return Err(self.place(range).error("expected a text as the name of a member"));
        }
        if self.open.len() == json::MAX_DEPTH {
            return Err(self.place(range).error("expected at most 128 nested collections"));
        }
        self.open.push(Open { start: range.start, anchor, what });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), PackError> {
        self.values += 1;
        if self.values > MOST_VALUES {
            let message = format!("expected at most {MOST_VALUES} values, aliases followed");
            return Err(node.place.error(message));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { what: Collection::Sequence(elements), .. }) => elements.push(node),
            Some(Open { what: Collection::Mapping(members, key), .. }) => match (key.take(), &node.value) {
                (Some((key, key_place)), _) => {
                    if key == "<<" {
                        return Err(key_place.error("expected a member, got a merge key of YAML 1.1"));
                    }
                    add_member(members, Member { key, key_place, value: node })?;
                }
                (None, Value::String(text)) => *key = Some((text.clone(), node.place)),
                (None, _) => return Err(node.place.error("expected a text as the name of a member")),
            },
        }
        Ok(())
    }

    fn waits_for_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { what: Collection::Mapping(_, None), .. }))
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place { origin: Arc::clone(self.origin), span }
    }

    fn offset(&self, character: usize) -> usize {
        match &self.offsets {
            Some(offsets) => offsets.get(character).copied().unwrap_or(self.origin.text.len()),
            None => character,
        }
    }
}

fn offsets(text: &str) -> Option<Vec<usize>> {
    if text.is_ascii() { None } else { Some(text.char_indices().map(|(at, _)| at).collect()) }
}

fn count(node: &Node) -> usize {
    let members = node.members().iter().map(|member| count(&member.value)).sum::<usize>();
    1 + members + node.elements().iter().map(count).sum::<usize>()
}

/// What a scalar says by the core schema.
fn scalar(
    place: &Place,
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<Value, PackError> {
    let tag = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    if style != ScalarStyle::Plain || tag == Some("str") {
        return Ok(Value::String(text.into_owned()));
    }
    Ok(match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        number if is_number(number) => Value::Number(number.to_owned()),
        number if is_foreign_number(number) => {
            let error = place.error(format!("expected a number as JSON spells it, got `{number}`"));
            return Err(error.help("put it in quotes if it is a text"));
        }
        _ => Value::String(text.into_owned()),
    })
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && json::validate(text).is_ok()
}

/// A number of YAML that JSON cannot spell: `0x1F`, `0o17`, `+1`, `.5`, `1.`, `007`, `.inf`, `.nan`.
fn is_foreign_number(text: &str) -> bool {
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    let rest = |prefix: &str, radix: u32| {
        bare.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    rest("0x", 16)
        || rest("0o", 8)
        || matches!(bare, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
        || (bare.contains(|c: char| c.is_ascii_digit())
            && bare.starts_with(|c: char| c == '.' || c.is_ascii_digit())
            && bare.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let origin = Arc::new(Origin { name: "p/a.yaml".to_owned(), text: text.to_owned() });
        parse(&origin).map(|node| node.to_json()).map_err(|error| error.to_string())
    }

    #[test]
    fn yaml_says_what_json_can_say() {
        let text =
            "a: &x [1, 2.50, yes, 'no', null, true]\nb: *x\n\"c d\": |\n  é\n  2\n? e\n: {f: -1e3}\n1: x\n";
        assert_eq!(
            read(text).unwrap(),
            "{\"a\":[1,2.50,\"yes\",\"no\",null,true],\"b\":[1,2.50,\"yes\",\"no\",null,true],\"c d\":\"é\\n2\\n\",\"e\":{\"f\":-1e3},\"1\":\"x\"}"
        );
        assert_eq!(
            read("v: 2.6.0\nt: 10:15\nd: 2026-03-02\n").unwrap(),
            r#"{"v":"2.6.0","t":"10:15","d":"2026-03-02"}"#
        );
    }

    #[test]
    fn what_json_cannot_say_is_refused_where_it_stands() {
        for (text, place, words) in [
            ("é: x\na: 0x1F\n", "a.yaml:2:4", "expected a number as JSON spells it, got `0x1F`"),
            ("a: 007", "a.yaml:1:4", "got `007`"),
            ("a: 1\nb: 2\na: 3\n", "a.yaml:3:1", "expected each name once"),
            ("a: [1\n", "a.yaml:2:1", "expected YAML"),
            ("[a]: 1\n", "a.yaml:1:1", "expected a text as the name"),
            ("a: 1\n---\nb: 2\n", "a.yaml:2:1", "expected one document"),
            ("<<: {a: 1}\n", "a.yaml:1:1", "merge key"),
            ("", "a.yaml", "empty file"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(place) && error.contains(words), "{text:?}: {error}");
        }
    }

    #[test]
    fn aliases_cannot_grow_without_limit() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let below = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(",")));
        }
        assert!(read(&text).unwrap_err().contains("at most 1000000 values"));
        let deep = read(&"[".repeat(5_000)).unwrap_err();
        assert!(deep.contains("128 nested") || deep.contains("expected YAML"), "{deep}");
        let deep = read(&"- ".repeat(5_000)).unwrap_err();
        assert!(deep.contains("128 nested"), "{deep}");
    }
}
