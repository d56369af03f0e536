//! Keywords that say what the members of an object are like.

use super::{Compiler, Part};
use crate::pack::document::{self, Value};
use crate::pack::names::Names;
use crate::pack::schema::program::{Member, NodeId, ObjectRules};

/// Names of one object that it can matter of whether they are there.
const MOST_BITS: usize = 128;

impl Compiler<'_> {
    pub(super) fn object(&mut self, part: Part<'_>) -> Option<Box<ObjectRules>> {
        const KEYWORDS: [&str; 11] = [
            "properties",
            "required",
            "patternProperties",
            "additionalProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
            "$ref",
        ];
        if KEYWORDS.iter().all(|keyword| part.get(keyword).is_none()) {
            return None;
        }
        let mut members = Members::default();
        for member in self.named(part, "properties") {
            let target = part.target.child("properties").child(&member.key);
            let schema = self.schema(&target);
            let schema = Some(schema).filter(|&id| !self.is_anything(id));
            members.entry(&member.key).declared = Some(schema);
        }
        let required = self.texts(part.get("required"));
        let required = required.iter().fold(0, |bits, name| bits | members.bit(name));
        let (mut dependent, mut dependent_schemas) = (Vec::new(), Vec::new());
        for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
            for member in self.named(part, keyword) {
                let names = matches!(member.value.value, Value::Array(_)) || keyword == "dependentRequired";
                let bit = members.bit(&member.key);
                if names && keyword != "dependentSchemas" {
                    let wanted = self.texts(Some(&member.value));
                    dependent.push((bit, wanted.iter().fold(0, |bits, name| bits | members.bit(name))));
                } else {
                    let target = part.target.child(keyword).child(&member.key);
                    dependent_schemas.push((bit, self.schema(&target)));
                }
            }
        }
        let mut patterns = Vec::new();
        for member in self.named(part, "patternProperties") {
            let schema = self.schema(&part.target.child("patternProperties").child(&member.key));
            let named = document::Node { place: member.key_place.clone(), value: Value::Null };
            patterns.extend(self.pattern(&named, Some(&member.key)).map(|regex| (regex, schema)));
        }
        if members.bits > MOST_BITS {
            let message = format!("expected at most {MOST_BITS} names that are required or depended on");
            self.errors.push(part.node.place.error(message));
        }
        let (names, members) = members.into_tables();
        let rules = ObjectRules {
            names,
            members,
            required,
            patterns: patterns.into(),
            additional: self.child(part, "additionalProperties").filter(|&id| !self.is_anything(id)),
            property_names: self.child(part, "propertyNames").filter(|&id| !self.is_anything(id)),
            min: self.count(part, "minProperties"),
            max: self.count(part, "maxProperties"),
            dependent: dependent.into(),
            dependent_schemas: dependent_schemas.into(),
        };
        Some(Box::new(rules))
    }

    /// The members of a keyword that holds something by name.
    pub(super) fn named<'a>(&mut self, part: Part<'a>, keyword: &str) -> &'a [document::Member] {
        let Some(node) = part.get(keyword) else { return &[] };
        if !matches!(node.value, Value::Object(_)) {
            self.wrong(node, "an object");
        }
        node.members()
    }

    pub(super) fn texts(&mut self, node: Option<&document::Node>) -> Vec<String> {
        let Some(node) = node else { return Vec::new() };
        let texts = node.elements().iter().map(|element| element.text().map(str::to_owned));
        match texts.collect::<Option<Vec<_>>>() {
            Some(texts) if matches!(node.value, Value::Array(_)) => texts,
            _ => {
                self.wrong(node, "a list of names");
                Vec::new()
            }
        }
    }
}

/// The names of an object while they are collected.
#[derive(Default)]
struct Members {
    entries: Vec<(String, Entry)>,
    bits: usize,
}

#[derive(Default)]
struct Entry {
    declared: Option<Option<NodeId>>,
    bit: u128,
}

impl Members {
    fn entry(&mut self, name: &str) -> &mut Entry {
        let index = self.entries.iter().position(|(known, _)| known == name);
        let index = index.unwrap_or_else(|| {
            self.entries.push((name.to_owned(), Entry::default()));
            self.entries.len() - 1
        });
        &mut self.entries[index].1
    }

    /// The bit of a name; the last one again where there are too many, which is noted.
    fn bit(&mut self, name: &str) -> u128 {
        if self.entry(name).bit == 0 {
            let bit = 1 << self.bits.min(MOST_BITS - 1);
            self.bits += 1;
            self.entry(name).bit = bit;
        }
        self.entry(name).bit
    }

    fn into_tables(self) -> (Names, Box<[Member]>) {
        let mut names = Names::default();
        let members = self.entries.into_iter().map(|(name, Entry { declared, bit })| {
            names.push(&name);
            Member { schema: declared.flatten(), declared: declared.is_some(), bit }
        });
        let members = members.collect();
        (names, members)
    }
}
