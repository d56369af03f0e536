//! By what the messages of a document are told apart: AsyncAPI does not say, their schemas do.
//!
//! A value that a message must have at some place tells it from one that must have another value there
//! (`method`, `type`). What all of them must say alike (`jsonrpc`) tells nothing, and is left for the schema to
//! judge. Where no value tells, the members that a message has to have do.

use std::collections::BTreeMap;

use crate::pack::document::{Library, Target, Value};
use crate::text::Pointer;

/// What every message of some schemas has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::pack) struct Facts {
    /// The values that may stand at a place where one has to, as JSON.
    pub(in crate::pack) values: BTreeMap<Pointer, Vec<String>>,
    /// Members of the message itself that have to be there.
    pub(in crate::pack) members: Vec<String>,
}

/// How a message is told from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::pack) struct Sign {
    pub(in crate::pack) values: Vec<(Pointer, Vec<String>)>,
    pub(in crate::pack) members: Vec<String>,
}

/// How deep values are looked for.
const DEEPEST: usize = 4;

/// References and `allOf` that are followed for one value.
const MOST_BRANCHES: usize = 64;

/// What the schema at `target` says every message has.
pub(in crate::pack) fn facts(library: &mut Library, target: &Target) -> Facts {
    let mut facts = Facts::default();
    collect(library, target, &Pointer::default(), &mut facts);
    facts
}

impl Facts {
    /// What is true of the messages of both.
    pub(in crate::pack) fn either(&self, other: &Self) -> Self {
        let both = self.values.iter().filter_map(|(place, values)| {
            let mut all = values.clone();
            all.extend(other.values.get(place)?.iter().filter(|value| !values.contains(value)).cloned());
            Some((place.clone(), all))
        });
        Self {
            values: both.collect(),
            members: self.members.iter().filter(|name| other.members.contains(name)).cloned().collect(),
        }
    }
}

/// How the message `own` is told from `others`; `None` where nothing tells it from the one of that index.
pub(in crate::pack) fn told_apart(own: &Facts, others: &[&Facts]) -> Result<Sign, usize> {
    let disjoint = |place: &Pointer, values: &[String], other: &Facts| {
        other.values.get(place).is_some_and(|theirs| !theirs.iter().any(|value| values.contains(value)))
    };
    let telling =
        own.values.iter().filter(|(place, values)| others.iter().any(|other| disjoint(place, values, other)));
    let values: Vec<_> = telling.map(|(place, values)| (place.clone(), values.clone())).collect();
    let by_value = |other: &Facts| values.iter().any(|(place, values)| disjoint(place, values, other));
    let unlike = |name: &&String| others.iter().any(|other| !other.members.contains(name));
    let members: Vec<String> = match values.is_empty() {
        true => own.members.iter().filter(unlike).cloned().collect(),
        false => Vec::new(),
    };
    let by_member = |other: &Facts| members.iter().any(|name| !other.members.contains(name));
    // One that says nothing of a place where this one has its own value is tried after it.
    let by_order = |other: &Facts| values.iter().any(|(place, _)| !other.values.contains_key(place));
    match others.iter().position(|other| !by_value(other) && !by_member(other) && !by_order(other)) {
        Some(index) => Err(index),
        None => Ok(Sign { values, members }),
    }
}

fn collect(library: &mut Library, target: &Target, at: &Pointer, facts: &mut Facts) {
    let branches = branches(library, target);
    let nodes: Vec<_> =
        branches.iter().filter_map(|branch| branch.node().map(|node| (branch, node))).collect();
    for (_, node) in &nodes {
        let constant = node.get("const").map(|value| vec![value.to_json()]);
        let listed = node.get("enum").map(|all| all.elements().iter().map(|value| value.to_json()).collect());
        let scalar =
            |value: &crate::pack::document::Node| !matches!(value.value, Value::Object(_) | Value::Array(_));
        let scalars = node.get("const").into_iter().chain(node.get("enum").map_or(&[][..], |e| e.elements()));
        if scalars.into_iter().all(scalar)
            && let Some(values) = constant.or(listed)
            && !at.is_root()
        {
            facts.values.entry(at.clone()).or_insert(values);
        }
    }
    if at.tokens().len() == DEEPEST {
        return;
    }
    let mut required: Vec<String> = Vec::new();
    for (_, node) in &nodes {
        let names = node.get("required").map_or(&[][..], |names| names.elements());
        required.extend(names.iter().filter_map(|name| name.text().map(str::to_owned)));
    }
    required.sort();
    required.dedup();
    for name in required {
        if at.is_root() {
            facts.members.push(name.clone());
        }
        for (branch, node) in &nodes {
            if node.get("properties").and_then(|properties| properties.get(&name)).is_some() {
                let part = branch.child("properties").child(&name);
                collect(library, &part, &at.child(&name), facts);
            }
        }
    }
}

/// A schema and those that hold for the same value: what it refers to, and what stands in `allOf`.
fn branches(library: &mut Library, target: &Target) -> Vec<Target> {
    let mut open = vec![target.clone()];
    let mut found: Vec<Target> = Vec::new();
    while let Some(target) = open.pop() {
        let known =
            |known: &Target| known.document.name == target.document.name && known.pointer == target.pointer;
        let Some(node) = target.node() else { continue };
        if found.len() == MOST_BRANCHES || found.iter().any(known) {
            continue;
        }
        if let Some(reference) = node.get("$ref") {
            // What is wrong with it, compiling the schema says.
            let followed =
                library.follow(&target.document, reference.text().unwrap_or_default(), |message| {
                    reference.place.error(message)
                });
            open.extend(followed.ok());
        }
        let all = node.get("allOf").map_or(0, |all| all.elements().len());
        open.extend((0..all).map(|index| target.child("allOf").child(index.to_string())));
        found.push(target);
    }
    found
}
