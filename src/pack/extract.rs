//! One look at a message: every pointer any kind or rule of a pack asks for, in a single pass.
//!
//! The pointers are compiled into one trie. A scan walks the text with the JSON cursor, validates all of
//! it, and notes where the asked-for values stand. It builds no tree and allocates nothing once its
//! buffers have grown; what a value means is for [`Test`](super::Test) to say.

use crate::text::Pointer;
use crate::text::json::{Cursor, JsonError, Kind, RawString};

/// Which of the compiled pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u16);

/// The pointers of a pack, compiled. The token `*` stands for every element of an array.
#[derive(Clone, Debug)]
pub struct Trie {
    nodes: Vec<Node>,
    pointers: Vec<Pointer>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    slot: Option<Slot>,
    children: Vec<(String, usize)>,
    elements: Option<usize>,
}

/// Where the asked-for values of one message stand. Reused from message to message.
#[derive(Clone, Debug, Default)]
pub struct Extract {
    first: Vec<u32>,
    last: Vec<u32>,
    found: Vec<Found>,
    duplicate: Option<usize>,
}

/// A value in the text of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its kind.
    pub kind: Kind,
    slot: Slot,
    start: u32,
    end: u32,
    next: u32,
}

const NONE: u32 = u32::MAX;

/// Longer texts are not looked into; the recorder keeps none as long.
const LONGEST: usize = u32::MAX as usize - 1;

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], pointers: Vec::new() }
    }
}

impl Trie {
    /// Adds a pointer; the same pointer always gets the same slot.
    ///
    /// `None` where a pack asks for more pointers than a scan can hold (65,535).
    pub fn add(&mut self, pointer: &Pointer) -> Option<Slot> {
        let mut at = 0;
        for token in pointer.tokens() {
            at = self.child_or_new(at, token);
        }
        if let Some(slot) = self.nodes[at].slot {
            return Some(slot);
        }
        let slot = Slot(u16::try_from(self.pointers.len()).ok()?);
        self.pointers.push(pointer.clone());
        self.nodes[at].slot = Some(slot);
        Some(slot)
    }

    /// How many pointers there are.
    pub fn len(&self) -> usize {
        self.pointers.len()
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.pointers.is_empty()
    }

    /// Every pointer, in the order of the slots.
    pub fn pointers(&self) -> &[Pointer] {
        &self.pointers
    }

    /// The pointer of a slot.
    pub fn pointer(&self, slot: Slot) -> &Pointer {
        &self.pointers[usize::from(slot.0)]
    }

    /// Reads `text`, which has to be one JSON value, and notes what was asked for.
    pub fn scan(&self, text: &str, out: &mut Extract) -> Result<(), JsonError> {
        let mut cursor = Cursor::new(text);
        self.scan_value(&mut cursor, out)?;
        cursor.end()
    }

    /// Reads the next value of `cursor` and notes what was asked for. Positions are those of the cursor.
    pub fn scan_value(&self, cursor: &mut Cursor<'_>, out: &mut Extract) -> Result<(), JsonError> {
        out.clear(self.pointers.len());
        self.visit(0, cursor, out)
    }

    fn visit(&self, node: usize, cursor: &mut Cursor<'_>, out: &mut Extract) -> Result<(), JsonError> {
        let node = &self.nodes[node];
        let kind = cursor.kind()?;
        let found = node.slot.map(|slot| out.begin(slot, kind, cursor.position()));
        match kind {
            Kind::Object if !node.children.is_empty() => {
                let mut seen = 0_u64;
                cursor.object(|key, cursor| match node.child(key) {
                    Some((index, child)) => {
                        let bit = 1_u64.checked_shl(index as u32).unwrap_or(0);
                        if seen & bit != 0 {
                            out.duplicate.get_or_insert(cursor.position());
                        }
                        seen |= bit;
                        self.visit(child, cursor, out)
                    }
                    None => cursor.skip(),
                })?;
            }
            Kind::Array if node.elements.is_some() || !node.children.is_empty() => {
                cursor.array(|index, cursor| match node.elements.or_else(|| node.element(index)) {
                    Some(child) => self.visit(child, cursor, out),
                    None => cursor.skip(),
                })?;
            }
            Kind::Object
            | Kind::Array
            | Kind::String
            | Kind::Number
            | Kind::True
            | Kind::False
            | Kind::Null => cursor.skip()?,
        }
        if cursor.position() > LONGEST {
            return Err(JsonError { at: LONGEST, expected: "at most 4 GiB" });
        }
        if let Some(found) = found {
            out.found[found].end = cursor.position() as u32;
        }
        Ok(())
    }

    fn child_or_new(&mut self, at: usize, token: &str) -> usize {
        let existing = match token {
            "*" => self.nodes[at].elements,
            _ => self.nodes[at].children.iter().find(|(key, _)| key == token).map(|&(_, child)| child),
        };
        existing.unwrap_or_else(|| {
            let new = self.nodes.len();
            self.nodes.push(Node::default());
            match token {
                "*" => self.nodes[at].elements = Some(new),
                _ => self.nodes[at].children.push((token.to_owned(), new)),
            }
            new
        })
    }
}

impl Node {
    #[inline]
    fn child(&self, key: RawString<'_>) -> Option<(usize, usize)> {
        self.children
            .iter()
            .enumerate()
            .find(|(_, (name, _))| key.is(name))
            .map(|(index, &(_, child))| (index, child))
    }

    fn element(&self, index: usize) -> Option<usize> {
        self.children.iter().find(|(token, _)| token.parse() == Ok(index)).map(|&(_, child)| child)
    }
}

impl Extract {
    /// Forgets the last message, and is ready for one without any JSON.
    pub fn clear(&mut self, slots: usize) {
        for found in self.found.drain(..) {
            self.first[usize::from(found.slot.0)] = NONE;
        }
        self.first.resize(slots, NONE);
        self.last.resize(slots, NONE);
        self.duplicate = None;
    }

    /// The value at a pointer; the first of several.
    #[inline]
    pub fn first(&self, slot: Slot) -> Option<Found> {
        self.found.get(*self.first.get(usize::from(slot.0))? as usize).copied()
    }

    /// Every value at a pointer, in the order of the text.
    pub fn all(&self, slot: Slot) -> impl Iterator<Item = Found> {
        let mut next = self.first(slot);
        std::iter::from_fn(move || {
            let found = next?;
            next = self.found.get(found.next as usize).copied();
            Some(found)
        })
    }

    /// Where the value of a key stands that the same object had already, among the keys looked for.
    pub fn duplicate(&self) -> Option<usize> {
        self.duplicate
    }

    fn begin(&mut self, slot: Slot, kind: Kind, start: usize) -> usize {
        let index = self.found.len();
        // A start beyond the limit ends the scan with an error before anybody looks at it.
        let start = u32::try_from(start).unwrap_or(NONE);
        self.found.push(Found { kind, slot, start, end: start, next: NONE });
        let slot = usize::from(slot.0);
        match self.first[slot] {
            NONE => self.first[slot] = index as u32,
            _ => self.found[self.last[slot] as usize].next = index as u32,
        }
        self.last[slot] = index as u32;
        index
    }
}

impl Found {
    /// Its text, quotes and brackets included. `text` is the text that was scanned.
    #[inline]
    pub fn token(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }

    /// Where it stands in the text that was scanned.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pointers: &[&str], json: &str) -> Vec<Vec<String>> {
        let mut trie = Trie::default();
        let slots: Vec<Slot> = pointers.iter().map(|p| trie.add(&p.parse().unwrap()).unwrap()).collect();
        let mut extract = Extract::default();
        trie.scan("{\"a\":[1,2,3]}", &mut extract).unwrap();
        trie.scan(json, &mut extract).unwrap();
        slots.iter().map(|&slot| extract.all(slot).map(|f| f.token(json).to_owned()).collect()).collect()
    }

    #[test]
    fn asked_for_values_are_found_and_others_only_validated() {
        let json = r#"{"x":{"deep":[true]},"a":{"b":"1","c":[{"s":"x"},{"t":0},{"s":"y"}]}}"#;
        let found = values(&["/a/b", "/a/c/*/s", "/a/c/1", "/missing", "/x"], json);
        // An index and `*` on the same array: `*` wins, the index is not looked at.
        assert_eq!(
            found,
            [vec!["\"1\""], vec!["\"x\"", "\"y\""], vec![], vec![], vec![r#"{"deep":[true]}"#]]
        );
        assert_eq!(values(&["/a/1"], r#"{"a":[1,[2],3]}"#), [vec!["[2]"]]);
    }

    #[test]
    fn escaped_keys_are_the_same_keys() {
        assert_eq!(values(&["/flow_id"], r#"{"fl\u006fw_id":7}"#), [vec!["7"]]);
    }

    #[test]
    fn a_duplicate_key_is_noticed_and_the_first_counts() {
        let mut trie = Trie::default();
        let slot = trie.add(&"/a".parse().unwrap()).unwrap();
        let mut extract = Extract::default();
        let json = r#"{"a":1,"b":2,"b":3,"a":4}"#;
        trie.scan(json, &mut extract).unwrap();
        assert_eq!(extract.first(slot).unwrap().token(json), "1");
        assert_eq!(extract.duplicate(), Some(23));
    }

    #[test]
    fn what_is_skipped_is_validated() {
        let mut extract = Extract::default();
        assert!(Trie::default().scan(r#"{"a":{"b":tru}}"#, &mut extract).is_err());
        assert!(Trie::default().scan(r#"{} x"#, &mut extract).is_err());
    }
}
