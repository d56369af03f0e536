//! Keywords that say what a value itself is like: types and constants, texts, numbers, arrays.

use regex_lite::Regex;

use super::{Compiler, Part};
use crate::pack::document::{self, Value};
use crate::pack::error::suggestion;
use crate::pack::schema::decimal::{Decimal, Number};
use crate::pack::schema::equal::equal;
use crate::pack::schema::format::Format;
use crate::pack::schema::program::{ArrayRules, Constant, Contains, NumberRules, StringRules, Types};
use crate::text::json::Kind;

impl Compiler<'_> {
    pub(super) fn types(&mut self, part: Part<'_>) -> Types {
        let Some(node) = part.get("type") else { return Types::ANY };
        let words = match &node.value {
            Value::String(_) => std::slice::from_ref(node),
            Value::Array(words) if !words.is_empty() => words,
            _ => {
                self.wrong(node, "the name of a type, or a list of them");
                return Types::ANY;
            }
        };
        let mut types = Types::NONE;
        for word in words {
            let known = Types::WORDS.iter().find(|(name, _, _)| word.text() == Some(name));
            match known {
                Some((_, _, own)) => types = types.with(*own),
                None => {
                    let names = Types::WORDS.map(|(name, _, _)| name);
                    let message = format!("expected a type, got {}", word.to_json());
                    let help = suggestion(word.text().unwrap_or_default(), names);
                    let help = help.unwrap_or_else(|| format!("types are {}", names.join(", ")));
                    self.errors.push(word.place.error(message).help(help));
                }
            }
        }
        types
    }

    pub(super) fn values(&mut self, part: Part<'_>) -> Option<Box<[Constant]>> {
        let constant = |node: &document::Node| Constant {
            kind: match node.value {
                Value::Null => Kind::Null,
                Value::Bool(true) => Kind::True,
                Value::Bool(false) => Kind::False,
                Value::Number(_) => Kind::Number,
                Value::String(_) => Kind::String,
                Value::Array(_) => Kind::Array,
                Value::Object(_) => Kind::Object,
            },
            text: node.to_json().into(),
        };
        let listed = part.get("enum").map(|node| {
            if !matches!(node.value, Value::Array(_)) {
                self.wrong(node, "a list of values");
            }
            node.elements().iter().map(constant).collect::<Vec<_>>()
        });
        let only = part.get("const").map(constant);
        match (listed, only) {
            (None, None) => None,
            (Some(listed), None) => Some(listed.into()),
            (None, Some(only)) => Some(Box::new([only])),
            (Some(listed), Some(only)) => {
                let both = listed.iter().any(|value| equal(&value.text, &only.text));
                Some(if both { Box::new([only]) } else { Box::new([]) })
            }
        }
    }

    pub(super) fn string(&mut self, part: Part<'_>) -> Option<Box<StringRules>> {
        let rules = StringRules {
            min: self.count(part, "minLength"),
            max: self.count(part, "maxLength"),
            pattern: part.get("pattern").and_then(|node| self.pattern(node, node.text())),
            format: part.get("format").and_then(|node| {
                let Some(word) = node.text() else {
                    self.wrong(node, "the name of a format");
                    return None;
                };
                Format::WORDS.iter().find(|(name, _)| *name == word).map(|&(_, format)| format)
            }),
        };
        let any =
            rules.min.is_some() || rules.max.is_some() || rules.pattern.is_some() || rules.format.is_some();
        any.then(|| Box::new(rules))
    }

    pub(super) fn pattern(&mut self, node: &document::Node, text: Option<&str>) -> Option<Regex> {
        let Some(text) = text else {
            self.wrong(node, "a regular expression");
            return None;
        };
        match Regex::new(text) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let message =
                    format!("expected a regular expression that is supported, got `{text}`: {error}");
                let help = "look-around, back references and Unicode classes (`\\p{…}`) are not supported: \
                            they cannot be matched in time that grows with the text alone";
                self.errors.push(node.place.error(message).help(help));
                None
            }
        }
    }

    pub(super) fn number(&mut self, part: Part<'_>) -> Option<Box<NumberRules>> {
        let rules = NumberRules {
            min: self.bound(part, "minimum"),
            max: self.bound(part, "maximum"),
            above: self.bound(part, "exclusiveMinimum"),
            below: self.bound(part, "exclusiveMaximum"),
            multiple_of: self.bound(part, "multipleOf"),
        };
        if let (Some(divisor), Some(node)) = (&rules.multiple_of, part.get("multipleOf")) {
            let digits = divisor.spelling().bytes().filter(u8::is_ascii_digit).count();
            if Decimal::new("0").compare(divisor.decimal()).is_ge() || digits > 18 {
                self.wrong(node, "a number above zero of at most 18 digits");
                return None;
            }
        }
        let NumberRules { min, max, above, below, multiple_of } = &rules;
        let any = [min, max, above, below, multiple_of].into_iter().any(Option::is_some);
        any.then(|| Box::new(rules))
    }

    pub(super) fn bound(&mut self, part: Part<'_>, keyword: &str) -> Option<Number> {
        let node = part.get(keyword)?;
        match &node.value {
            Value::Number(spelling) => Some(Number::new(spelling)),
            Value::Bool(_) if keyword.starts_with("exclusive") => {
                let error = node.place.error(format!("expected a number, got {}", node.to_json()));
                self.errors.push(error.help("that is draft 04: give the limit itself, as a number"));
                None
            }
            _ => {
                self.wrong(node, "a number");
                None
            }
        }
    }

    pub(super) fn array(&mut self, part: Part<'_>) -> Option<Box<ArrayRules>> {
        let listed = |node: &&document::Node| matches!(node.value, Value::Array(_));
        let (mut prefix, mut items) = (Vec::new(), None);
        let lists = part.dialect.lists_items();
        match part.get("items") {
            Some(node) if listed(&node) && lists => {
                prefix = self.list(part, "items");
                items = self.child(part, "additionalItems");
            }
            Some(node) if listed(&node) => {
                let error = node.place.error("expected one schema for all elements, got a list");
                self.errors.push(error.help("the list is called `prefixItems` since 2020-12"));
            }
            Some(_) => items = self.child(part, "items"),
            None => {}
        }
        if let Some(node) = part.get("prefixItems") {
            if lists {
                let error = node.place.error("keyword `prefixItems` is new in 2020-12");
                self.errors.push(error.help("name that edition in `$schema`, or call the list `items`"));
            } else {
                prefix = self.list(part, "prefixItems");
            }
        }
        let contains = self.child(part, "contains").map(|schema| Contains {
            schema,
            min: self.count(part, "minContains").unwrap_or(1),
            max: self.count(part, "maxContains"),
        });
        let rules = ArrayRules {
            prefix: prefix.into(),
            items: items.filter(|&id| !self.is_anything(id)),
            contains,
            min: self.count(part, "minItems"),
            max: self.count(part, "maxItems"),
            unique: self.flag(part, "uniqueItems"),
        };
        let any = !rules.prefix.is_empty()
            || rules.items.is_some()
            || rules.contains.is_some()
            || rules.min.is_some()
            || rules.max.is_some()
            || rules.unique;
        any.then(|| Box::new(rules))
    }
}
