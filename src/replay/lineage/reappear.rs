//! Identities that stand inside other values: a receipt text, a path, a message that is no JSON.
//!
//! Only values of six characters and more, only as whole words, and only where the id is one of the same
//! flow or looks like nothing else: two numbers that are equal by chance are not the same.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::learn::Learning;
use super::name::{self, Says};
use super::shape::{Shape, shape_of};
use super::{Form, IdentityId, Place};
use crate::replay::leaf::{self, Leaf};
use crate::replay::path::{PathId, Paths, field_name};
use crate::replay::script::{Step, StepId};
use crate::text::json::Kind;

/// Shorter values are not looked for inside others.
const SHORTEST: usize = 6;

/// Where a message stands, as far as chance is concerned: its flow, or else its connection.
type Home = (bool, u32);

/// Adds the places where identities reappear inside other values.
pub(super) fn reappearances(learning: &mut Learning, steps: &[Step], paths: &Paths) {
    let mut by_value: HashMap<Box<str>, Vec<IdentityId>> = HashMap::new();
    for (index, identity) in learning.identities.iter().enumerate() {
        if identity.value.len() >= SHORTEST {
            by_value.entry(identity.value.clone()).or_default().push(IdentityId(index as u32));
        }
    }
    if by_value.is_empty() {
        return;
    }
    let mut at_home: HashSet<(IdentityId, Home)> = HashSet::new();
    let mut leaves = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let Some(text) = step.text() else { continue };
        for place in &learning.places[index] {
            at_home.extend(homes(step).map(|home| (place.identity, home)));
        }
        let own = own_home(step);
        let look_up = |word: &str| {
            let known = by_value.get(word)?.iter();
            known.copied().find(|&id| {
                let identity = &learning.identities[id.0 as usize];
                identity.born <= StepId(index as u32)
                    && (shape_of(word) != Shape::Plain
                        || own.is_some_and(|home| at_home.contains(&(id, home))))
            })
        };
        let mut found = Vec::new();
        if step.json {
            if leaf::read(text, paths, &mut leaves).is_err() {
                continue;
            }
            let taken: HashSet<u32> = learning.places[index].iter().map(|place| place.range.start).collect();
            for leaf in leaves.iter().filter(|leaf| !taken.contains(&(leaf.range().start as u32))) {
                in_leaf(leaf, text, paths, look_up, &mut found);
            }
        } else {
            inside(text, 0, PathId::UNKNOWN, Form::Raw, look_up, &mut found);
        }
        learning.places[index].extend(found);
    }
}

fn in_leaf(
    leaf: &Leaf,
    text: &str,
    paths: &Paths,
    look_up: impl Fn(&str) -> Option<IdentityId>,
    found: &mut Vec<Place>,
) {
    let range = leaf.range();
    let form = match leaf.kind {
        Kind::String => Form::String,
        Kind::Number => Form::Number,
        Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => return,
    };
    if range.len() < SHORTEST {
        return;
    }
    let whole = look_up(&leaf.value(text));
    let field = field_name(paths.text(paths.general(leaf.path)));
    if let Some(identity) = whole {
        // An amount that happens to be the number of its flow is an amount.
        if !matches!(name::says(field), Says::Content | Says::Time) {
            let range = range.start as u32..range.end as u32;
            found.push(Place { identity, path: leaf.path, range, form, given: false });
        }
    } else if form == Form::String {
        let within = range.start + 1..range.end - 1;
        inside(&text[within.clone()], within.start, leaf.path, Form::Inside, look_up, found);
    }
}

/// The ids among the words of `text`, which stands at `offset`.
fn inside(
    text: &str,
    offset: usize,
    path: PathId,
    form: Form,
    look_up: impl Fn(&str) -> Option<IdentityId>,
    found: &mut Vec<Place>,
) {
    let mut push = |word: Range<usize>, identity| {
        let range = (offset + word.start) as u32..(offset + word.end) as u32;
        found.push(Place { identity, path, range, form, given: false });
    };
    for long in words(text, 0, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        if let Some(identity) = look_up(&text[long.clone()]) {
            push(long, identity);
            continue;
        }
        for short in words(&text[long.clone()], long.start, |c| c.is_ascii_alphanumeric()) {
            if let Some(identity) = look_up(&text[short.clone()]) {
                push(short, identity);
            }
        }
    }
}

/// The longest runs of characters that belong to words, where they are long enough.
fn words(text: &str, offset: usize, belongs: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        match (belongs(character), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                if at - from >= SHORTEST {
                    words.push(offset + from..offset + at);
                }
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    words
}

/// Where the ids of a message are at home from then on.
fn homes(step: &Step) -> impl Iterator<Item = Home> {
    let flow = step.flow.map(|flow| (true, flow.0));
    flow.into_iter().chain(step.connection.map(|connection| (false, connection.0)))
}

/// Where an id must be at home to be repeated by a message: in its flow, if it has one.
fn own_home(step: &Step) -> Option<Home> {
    homes(step).next()
}
