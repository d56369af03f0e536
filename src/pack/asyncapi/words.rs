//! Tests of a kind, said again: in the words of `pack.toml`, and as far as possible as JSON Schema.

use super::write::object;
use crate::pack::document::quoted;
use crate::pack::test::Test;
use crate::pack::trie::Trie;
use crate::pack::value::{Format, JsonType, Literal, ValueTest};
use crate::pack::{Picture, Slot};
use crate::text::Pointer;

/// A test as `pack.toml` has it, in JSON; `None` for what no kind is told by.
pub(super) fn as_words(test: &Test, trie: &Trie) -> Option<String> {
    let place = |slot: &Slot| quoted(&trie.pointer(*slot).to_string());
    let several = |tests: &[Test]| {
        let all: Option<Vec<String>> = tests.iter().map(|test| as_words(test, trie)).collect();
        Some(format!("[{}]", all?.join(",")))
    };
    Some(match test {
        Test::Has(slot) => object(&[("has", place(slot))]),
        Test::Absent(slot) => object(&[("absent", place(slot))]),
        Test::ExactlyOne(slots) => {
            let places: Vec<String> = slots.iter().map(place).collect();
            object(&[("exactly-one-of", format!("[{}]", places.join(",")))])
        }
        Test::Value(slot, value) => {
            let (word, said) = value_words(value)?;
            object(&[("at", place(slot)), (word, said)])
        }
        Test::Optional(slot, value) => {
            let (word, said) = value_words(value)?;
            object(&[("at", place(slot)), ("optional", "true".to_owned()), (word, said)])
        }
        Test::From(party) => object(&[("from", quoted(party.as_str()))]),
        Test::Any(tests) => object(&[("any", several(tests)?)]),
        Test::All(tests) => object(&[("all", several(tests)?)]),
        Test::Not(test) => object(&[("not", as_words(test, trie)?)]),
        Test::NoDuplicateKeys => object(&[("duplicate-keys", "false".to_owned())]),
        Test::Key(..)
        | Test::Each(..)
        | Test::Compare(..)
        | Test::AtEndpoint(_)
        | Test::Says(_)
        | Test::SizeAtMost(_)
        | Test::Masked(_)
        | Test::ClearCardData
        | Test::CloseCodeSendable
        | Test::OwnedByEndpoint { .. }
        | Test::FitsBody(_)
        | Test::OfKind(_) => return None,
    })
}

fn value_words(value: &ValueTest) -> Option<(&'static str, String)> {
    let listed = |all: Vec<String>| format!("[{}]", all.join(","));
    Some(match value {
        ValueTest::OneOf(values) => ("any-of", listed(values.iter().map(|value| value.0.clone()).collect())),
        ValueTest::Is(types) => ("is", listed(types.iter().map(|own| quoted(type_word(*own))).collect())),
        ValueTest::NotEmpty => ("not-empty", "true".to_owned()),
        ValueTest::Format(format) => {
            let word = Format::WORDS.iter().find(|(_, known)| known == format)?.0;
            ("format", quoted(word))
        }
        ValueTest::Like(pictures) => {
            ("like", listed(pictures.iter().map(|picture| quoted(&picture.to_string())).collect()))
        }
        ValueTest::Fits(..) => return None,
    })
}

/// A test as a schema of the whole message; `None` where JSON Schema cannot say it.
pub(super) fn as_schema(test: &Test, trie: &Trie) -> Option<String> {
    let all = |tests: &[Test]| tests.iter().map(|test| as_schema(test, trie)).collect::<Option<Vec<_>>>();
    let list = |word: &str, schemas: Vec<String>| object(&[(word, format!("[{}]", schemas.join(",")))]);
    Some(match test {
        Test::Has(slot) => at(trie.pointer(*slot), None),
        Test::Absent(slot) => object(&[("not", at(trie.pointer(*slot), None))]),
        Test::ExactlyOne(slots) => {
            list("oneOf", slots.iter().map(|slot| at(trie.pointer(*slot), None)).collect())
        }
        Test::Value(slot, value) => at(trie.pointer(*slot), Some(value_schema(value)?)),
        Test::Any(tests) => list("anyOf", all(tests)?),
        Test::All(tests) => list("allOf", all(tests)?),
        Test::Not(test) => object(&[("not", as_schema(test, trie)?)]),
        Test::Key(..)
        | Test::Optional(..)
        | Test::Each(..)
        | Test::Compare(..)
        | Test::From(_)
        | Test::AtEndpoint(_)
        | Test::Says(_)
        | Test::SizeAtMost(_)
        | Test::Masked(_)
        | Test::ClearCardData
        | Test::CloseCodeSendable
        | Test::NoDuplicateKeys
        | Test::OwnedByEndpoint { .. }
        | Test::FitsBody(_)
        | Test::OfKind(_) => return None,
    })
}

/// A message with a value at a place, which fits `schema`.
fn at(pointer: &Pointer, schema: Option<String>) -> String {
    let innermost = schema.unwrap_or_else(|| "true".to_owned());
    pointer.tokens().iter().rev().fold(innermost, |inner, token| match token.as_str() {
        "*" => object(&[("type", quoted("array")), ("minItems", "1".to_owned()), ("items", inner)]),
        name => object(&[
            ("type", quoted("object")),
            ("required", format!("[{}]", quoted(name))),
            ("properties", object(&[(name, inner)])),
        ]),
    })
}

fn value_schema(value: &ValueTest) -> Option<String> {
    Some(match value {
        ValueTest::OneOf(values) => match values.as_slice() {
            [Literal(only)] => object(&[("const", only.clone())]),
            all => {
                let all: Vec<String> = all.iter().map(|value| value.0.clone()).collect();
                object(&[("enum", format!("[{}]", all.join(",")))])
            }
        },
        ValueTest::Is(types) => {
            let words: Vec<String> = types.iter().map(|own| quoted(type_word(*own))).collect();
            object(&[("type", format!("[{}]", words.join(",")))])
        }
        ValueTest::Like(pictures) => {
            let patterns: Vec<String> = pictures.iter().map(pattern).collect();
            let pattern = format!("^({})$", patterns.join("|"));
            object(&[("type", quoted("string")), ("pattern", quoted(&pattern))])
        }
        ValueTest::NotEmpty => object(&[
            ("not", object(&[("type", quoted("null"))])),
            ("minLength", "1".to_owned()),
            ("minItems", "1".to_owned()),
            ("minProperties", "1".to_owned()),
        ]),
        ValueTest::Format(_) | ValueTest::Fits(..) => return None,
    })
}

/// A picture as a regular expression.
fn pattern(picture: &Picture) -> String {
    let mut out = String::new();
    let text = picture.to_string();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '9' => out.push_str("[0-9]"),
            '?' => out.push('.'),
            '+' => out.push('+'),
            c => {
                let literal = if c == '\\' { chars.next().unwrap_or('\\') } else { c };
                if !literal.is_alphanumeric() && literal.is_ascii() && literal != '_' && literal != ' ' {
                    out.push('\\');
                }
                out.push(literal);
            }
        }
    }
    out
}

const fn type_word(own: JsonType) -> &'static str {
    match own {
        JsonType::Object => "object",
        JsonType::Array => "array",
        JsonType::String => "string",
        JsonType::Number => "number",
        JsonType::Boolean => "boolean",
        JsonType::Null => "null",
    }
}
