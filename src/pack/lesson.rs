//! A message taken apart, so that its outline can be learnt: what stands between its strings and numbers, and what is
//! noted of it on the way.

use std::ops::Range;

use super::extract::{NONE, Slot};
use super::notes::Starts;
use super::trie::{Node, Trie};
use crate::text::json::Kind;
use crate::text::scan;

/// A message taken apart.
#[derive(Debug, Default)]
pub(super) struct Lesson {
    pub(super) steps: Vec<Learnt>,
    /// What is noted of it.
    pub(super) places: Vec<Place>,
}

/// A step of one message: from behind one value to the next that is not known, and over that.
#[derive(Debug)]
pub(super) struct Learnt {
    /// Where what stands before the value starts and ends.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) value: Value,
    /// Where in the trie the value is, if a schema has more to say of it than its type.
    pub(super) node: u32,
}

/// What a step reads over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    String,
    Number,
    /// None: the text ends.
    End,
}

/// Where a value stands in every message of an outline: so many bytes behind the start of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) slot: Slot,
    pub(super) kind: Kind,
    /// Whether the outline says all of it that a test can ask: a container's members are tested by themselves.
    pub(super) known: bool,
    /// The step it starts in, and where.
    pub(super) start: (u8, u32),
    /// The step it ends in, and where.
    pub(super) end: (u8, u32),
}

/// A string or a number of a message.
#[derive(Clone, Debug)]
pub(super) struct Scalar<'a> {
    /// Its number among all of them.
    pub(super) index: usize,
    pub(super) kind: Kind,
    /// Where it is noted, if it is.
    pub(super) slot: Option<Slot>,
    pub(super) token: &'a str,
    /// Where it stands.
    pub(super) range: Range<usize>,
}

/// Levels of a message that is learnt.
const DEEPEST: usize = 32;

/// Takes a message apart that was scanned and has no key twice and nothing a schema complains of; `None` where it is
/// not to be learnt. `is_known` says of each value, in the order of the text, whether it is a part of the outline.
pub(super) fn take(trie: &Trie, text: &str, is_known: impl FnMut(Scalar<'_>) -> bool) -> Option<Lesson> {
    let mut walk = Walk { trie, text, is_known, at: 0, start: 0, scalars: 0, lesson: Lesson::default() };
    walk.value(Some(0), 0)?;
    walk.at = text.len();
    walk.step(Value::End, NONE);
    let lesson = walk.lesson;
    (lesson.steps.len() <= Starts::MOST).then_some(lesson)
}

/// A message, walked from its start to its end.
struct Walk<'a, K> {
    trie: &'a Trie,
    text: &'a str,
    is_known: K,
    at: usize,
    /// Where the step begins.
    start: usize,
    /// How many strings and numbers came.
    scalars: usize,
    lesson: Lesson,
}

impl<K: FnMut(Scalar<'_>) -> bool> Walk<'_, K> {
    /// Walks over the value at hand, which stands at `node` of the trie; `None` where it is not to be learnt.
    fn value(&mut self, node: Option<u32>, depth: usize) -> Option<()> {
        let bytes = self.text.as_bytes();
        self.at = scan::space(bytes, self.at);
        let node = node.map(|node| &self.trie.nodes[node as usize]);
        let kind = super::trie::kind(bytes, self.at).ok()?;
        let slot = node.and_then(|node| node.slot);
        match kind {
            Kind::String | Kind::Number => return self.scalar(kind, node),
            Kind::True | Kind::False | Kind::Null => {
                // Its shape may ask for one of them only.
                if node.is_some_and(Node::asks_for_values) {
                    return None;
                }
                let place = self.begin(slot, kind);
                self.at = scan::value(self.text, self.at, depth).ok()?;
                self.end(place);
                return Some(());
            }
            Kind::Object | Kind::Array => {}
        }
        if depth == DEEPEST || node.is_some_and(Node::asks_for_values) {
            return None;
        }
        let place = self.begin(slot, kind);
        self.at = scan::space(bytes, self.at + 1);
        let mut index = 0;
        while !matches!(bytes.get(self.at)?, b'}' | b']') {
            if index > 0 {
                self.at = scan::space(bytes, self.at + 1);
            }
            let child = match kind {
                Kind::Object => self.name(node)?,
                _ => node.and_then(|node| node.elements.or_else(|| node.element(index))),
            };
            self.value(child, depth + 1)?;
            self.at = scan::space(bytes, self.at);
            index += 1;
        }
        self.at += 1;
        self.end(place);
        Some(())
    }

    /// Walks over a name and its colon; gives the place in the trie that it leads to.
    fn name(&mut self, node: Option<&Node>) -> Option<Option<u32>> {
        let bytes = self.text.as_bytes();
        let end = scan::string(bytes, self.at + 1).ok()?;
        if end.escaped {
            return None;
        }
        let name = self.text.get(self.at + 1..end.at)?;
        self.at = scan::space(bytes, end.at + 1) + 1;
        Some(node.and_then(|node| Some(node.children[node.names.position(name)?].node)))
    }

    fn scalar(&mut self, kind: Kind, node: Option<&Node>) -> Option<()> {
        let bytes = self.text.as_bytes();
        let slot = node.and_then(|node| node.slot);
        let (value, content, end) = match kind {
            Kind::String => (Value::String, self.at + 1, scan::string(bytes, self.at + 1).ok()?.at + 1),
            _ => (Value::Number, self.at, scan::number(bytes, self.at).ok()?),
        };
        let (index, range) = (self.scalars, self.at..end);
        self.scalars += 1;
        let place = self.begin(slot, kind);
        let token = self.text.get(range.clone())?;
        if (self.is_known)(Scalar { index, kind, slot, token, range }) {
            self.at = end;
        } else {
            if let Some(place) = place.and_then(|place| self.lesson.places.get_mut(place)) {
                place.known = false;
            }
            self.at = content;
            let seen = node.filter(|node| node.asks_for_values());
            let nodes = &self.trie.nodes;
            let node = seen.and_then(|seen| nodes.iter().position(|node| std::ptr::eq(node, seen)));
            self.step(value, node.map_or(NONE, |node| node as u32));
            self.at = end;
            self.start = end;
        }
        self.end(place);
        Some(())
    }

    fn step(&mut self, value: Value, node: u32) {
        self.lesson.steps.push(Learnt { start: self.start, end: self.at, value, node });
    }

    /// Notes that a value starts.
    fn begin(&mut self, slot: Option<Slot>, kind: Kind) -> Option<usize> {
        let here = self.here();
        let places = &mut self.lesson.places;
        places.push(Place { slot: slot?, kind, known: true, start: here, end: here });
        Some(places.len() - 1)
    }

    /// Notes that it ends.
    fn end(&mut self, place: Option<usize>) {
        let here = self.here();
        if let Some(place) = place.and_then(|place| self.lesson.places.get_mut(place)) {
            place.end = here;
        }
    }

    /// The step at hand, and how far behind its start this is.
    fn here(&self) -> (u8, u32) {
        (self.lesson.steps.len() as u8, (self.at - self.start) as u32)
    }
}
