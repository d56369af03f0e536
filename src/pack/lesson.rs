//! A message taken apart, so that its outline can be learnt: what stands between its strings and numbers, and what is
//! noted of it on the way.

use std::ops::Range;

use super::extract::{NONE, Slot};
use super::trie::{Node, Trie};
use crate::text::json::Kind;
use crate::text::scan;

/// A step of one message: from behind one value to the next that is not known, and over that.
#[derive(Debug)]
pub(super) struct Learnt {
    /// Where what stands before the value starts and ends.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) value: Value,
    /// Where the value is noted.
    pub(super) slot: u16,
    /// Where in the trie it is, if a schema has more to say of it than its type.
    pub(super) node: u32,
    pub(super) marks: Vec<Mark>,
}

/// What a step reads over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    String,
    Number,
    /// None: the text ends.
    End,
}

/// What is noted in what stands before a value, so many bytes behind its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A container or a word starts.
    Begin(Slot, Kind, u32),
    /// What was noted under that number ends.
    End(u32, u32),
    /// A string or a number that is known stands there, from its start to its end.
    Known(Slot, Kind, u32, u32),
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

/// A value that is not noted.
pub(super) const NO_SLOT: u16 = u16::MAX;

/// Levels of a message that is learnt.
const DEEPEST: usize = 32;

/// Takes a message apart that was scanned and has no key twice and nothing a schema complains of; `None` where it is
/// not to be learnt. `is_known` says of each value, in the order of the text, whether it is a part of the outline.
pub(super) fn take(trie: &Trie, text: &str, is_known: impl FnMut(Scalar<'_>) -> bool) -> Option<Vec<Learnt>> {
    let (steps, marks) = (Vec::new(), Vec::new());
    let mut lesson = Lesson { trie, text, is_known, at: 0, start: 0, scalars: 0, noted: 0, steps, marks };
    lesson.value(Some(0), 0)?;
    lesson.at = text.len();
    lesson.step(Value::End, NO_SLOT, NONE);
    Some(lesson.steps)
}

/// A message, walked from its start to its end.
struct Lesson<'a, K> {
    trie: &'a Trie,
    text: &'a str,
    is_known: K,
    at: usize,
    /// Where the step begins.
    start: usize,
    /// How many strings and numbers came.
    scalars: usize,
    /// How many values were noted.
    noted: u32,
    steps: Vec<Learnt>,
    marks: Vec<Mark>,
}

impl<K: FnMut(Scalar<'_>) -> bool> Lesson<'_, K> {
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
                let found = self.begin(slot, kind);
                self.at = scan::value(self.text, self.at, depth).ok()?;
                self.end(found);
                return Some(());
            }
            Kind::Object | Kind::Array => {}
        }
        if depth == DEEPEST || node.is_some_and(Node::asks_for_values) {
            return None;
        }
        let found = self.begin(slot, kind);
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
        self.end(found);
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
        self.noted += u32::from(slot.is_some());
        let token = self.text.get(range.clone())?;
        if (self.is_known)(Scalar { index, kind, slot, token, range }) {
            let from = (self.at - self.start) as u32;
            self.at = end;
            let to = (self.at - self.start) as u32;
            self.marks.extend(slot.map(|slot| Mark::Known(slot, kind, from, to)));
            return Some(());
        }
        self.at = content;
        let seen = node.filter(|node| node.asks_for_values());
        let node = seen.and_then(|seen| self.trie.nodes.iter().position(|node| std::ptr::eq(node, seen)));
        self.step(value, slot.map_or(NO_SLOT, |slot| slot.0), node.map_or(NONE, |node| node as u32));
        self.at = end;
        self.start = end;
        Some(())
    }

    fn step(&mut self, value: Value, slot: u16, node: u32) {
        let marks = std::mem::take(&mut self.marks);
        self.steps.push(Learnt { start: self.start, end: self.at, value, slot, node, marks });
    }

    /// Notes that a container or a word starts.
    fn begin(&mut self, slot: Option<Slot>, kind: Kind) -> Option<u32> {
        let slot = slot?;
        self.marks.push(Mark::Begin(slot, kind, (self.at - self.start) as u32));
        self.noted += 1;
        Some(self.noted - 1)
    }

    fn end(&mut self, found: Option<u32>) {
        let offset = (self.at - self.start) as u32;
        self.marks.extend(found.map(|found| Mark::End(found, offset)));
    }
}
