//! Schemas of a pack as components of one AsyncAPI document: each part that is referred to gets a name of its
//! own, and what newer editions of JSON Schema say otherwise is said in the words of draft 07.

use std::collections::{BTreeMap, BTreeSet};

use super::write::{object, reference};
use crate::pack::PackError;
use crate::pack::document::{Library, Node, Target, Value, quoted};
use crate::pack::model::Pack;
use crate::pack::schema::Schema;

/// The schemas a document needs.
pub(super) struct Components {
    library: Library,
    /// By document and pointer.
    names: BTreeMap<(String, String), String>,
    taken: BTreeSet<String>,
    open: Vec<(String, Target)>,
    errors: Vec<PackError>,
}

impl Components {
    pub(super) fn of(pack: &Pack) -> Self {
        Self {
            library: pack.library.clone(),
            names: BTreeMap::new(),
            taken: BTreeSet::new(),
            open: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// A reference to the schema of a body.
    pub(super) fn body(&mut self, schema: &Schema) -> String {
        self.refer(schema.origin())
    }

    /// Every schema that was referred to, by name, once all are written.
    pub(super) fn finish(mut self) -> Result<Vec<(String, String)>, Vec<PackError>> {
        let mut written = BTreeMap::new();
        while let Some((name, target)) = self.open.pop() {
            if let Some(node) = target.node().cloned() {
                let schema = self.schema(&target, &node);
                written.insert(name, schema);
            }
        }
        if self.errors.is_empty() { Ok(written.into_iter().collect()) } else { Err(self.errors) }
    }

    fn refer(&mut self, target: &Target) -> String {
        let key = (target.document.name.clone(), target.pointer.to_string());
        let name = match self.names.get(&key) {
            Some(known) => known.clone(),
            None => {
                let name = self.free_name(target);
                self.names.insert(key, name.clone());
                self.open.push((name.clone(), target.clone()));
                name
            }
        };
        reference(&["components", "schemas", &name])
    }

    /// The last part of the pointer, or the name of the file; with the file where that is taken.
    fn free_name(&mut self, target: &Target) -> String {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let clean =
            |text: &str| -> String { text.chars().map(|c| if allowed(c) { c } else { '_' }).collect() };
        let file = target.document.name.rsplit('/').next().unwrap_or_default();
        let stem = clean(file.split('.').next().unwrap_or(file));
        let own = target.pointer.tokens().last().map_or_else(|| stem.clone(), |token| clean(token));
        let candidates = [own.clone(), format!("{stem}.{own}")];
        let numbered = (2..).map(|number| format!("{stem}.{own}.{number}"));
        let free = candidates.into_iter().chain(numbered).find(|name| !self.taken.contains(name));
        let free = free.unwrap_or(own);
        self.taken.insert(free.clone());
        free
    }

    fn schema(&mut self, target: &Target, node: &Node) -> String {
        let Value::Object(members) = &node.value else { return node.to_json() };
        let mut written: Vec<(&str, String)> = Vec::new();
        let mut referred = None;
        let lists = node.get("prefixItems").is_some();
        for member in members {
            let value = &member.value;
            let part = target.child(&member.key);
            match member.key.as_str() {
                "$ref" => referred = self.follow(target, value),
                // What others refer to is written under its own name.
                "$schema" | "$id" | "$anchor" | "$defs" | "definitions" | "$comment" => {}
                "prefixItems" => written.push(("items", self.list(&part, value))),
                "items" if lists => written.push(("additionalItems", self.schema(&part, value))),
                "dependentRequired" => written.push(("dependencies", value.to_json())),
                "dependentSchemas" => written.push(("dependencies", self.by_name(&part, value))),
                "minContains" | "maxContains" => {
                    let message = format!("`{}` cannot be said in an AsyncAPI document", member.key);
                    self.errors.push(member.key_place.error(message));
                }
                "allOf" | "anyOf" | "oneOf" => written.push((&member.key, self.list(&part, value))),
                "items" if matches!(value.value, Value::Array(_)) => {
                    written.push(("items", self.list(&part, value)));
                }
                "items"
                | "additionalItems"
                | "contains"
                | "additionalProperties"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else" => written.push((&member.key, self.schema(&part, value))),
                "properties" | "patternProperties" => {
                    written.push((&member.key, self.by_name(&part, value)));
                }
                "dependencies" => {
                    let entry = |(key, target, node): (String, Target, Node), own: &mut Self| match node.value
                    {
                        Value::Array(_) => (key, node.to_json()),
                        _ => (key, own.schema(&target, &node)),
                    };
                    let parts = parts(&part, value);
                    let all: Vec<_> = parts.into_iter().map(|part| entry(part, self)).collect();
                    written.push(("dependencies", as_object(&all)));
                }
                _ => written.push((&member.key, value.to_json())),
            }
        }
        match (referred, written.is_empty()) {
            (None, _) => object(&written),
            (Some(referred), true) => referred,
            // Beside a `$ref` nothing counts in draft 07.
            (Some(referred), false) => object(&[("allOf", format!("[{referred},{}]", object(&written)))]),
        }
    }

    fn follow(&mut self, target: &Target, reference: &Node) -> Option<String> {
        let text = reference.text().unwrap_or_default();
        let wrong = |message: String| reference.place.error(message);
        match self.library.follow(&target.document, text, wrong) {
            Ok(next) => Some(self.refer(&next)),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    fn list(&mut self, target: &Target, node: &Node) -> String {
        let elements = node.elements().iter().enumerate();
        let all: Vec<String> =
            elements.map(|(index, element)| self.schema(&target.child(index.to_string()), element)).collect();
        format!("[{}]", all.join(","))
    }

    fn by_name(&mut self, target: &Target, node: &Node) -> String {
        let all: Vec<(String, String)> = parts(target, node)
            .into_iter()
            .map(|(key, target, node)| {
                let schema = self.schema(&target, &node);
                (key, schema)
            })
            .collect();
        as_object(&all)
    }
}

fn parts(target: &Target, node: &Node) -> Vec<(String, Target, Node)> {
    let members = node.members().iter();
    members.map(|member| (member.key.clone(), target.child(&member.key), member.value.clone())).collect()
}

fn as_object(members: &[(String, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
    format!("{{{}}}", members.join(","))
}
