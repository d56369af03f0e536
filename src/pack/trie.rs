//! One look at a message: every pointer any kind or rule of a pack asks for, in a single pass.
//!
//! The pointers are compiled into one trie. A scan walks the text once, validates all of it, and notes where
//! the asked-for values stand. It builds no tree; what it notes is an [`Extract`].

use super::extract::{Extract, Frame, Members, NONE, Slot};
use crate::text::json::{JsonError, Kind, MAX_DEPTH, RawString};
use crate::text::{Pointer, scan};

/// The pointers of a pack, compiled. The token `*` stands for every element of an array.
#[derive(Clone, Debug)]
pub struct Trie {
    nodes: Vec<Node>,
    pointers: Vec<Pointer>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    slot: Option<Slot>,
    children: Vec<Child>,
    elements: Option<u32>,
}

/// A member that is looked for, recognised by its length and its first bytes before it is compared.
#[derive(Clone, Debug)]
struct Child {
    head: u64,
    name: Box<str>,
    node: u32,
}

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
        out.clear(self.pointers.len());
        if text.len() > LONGEST {
            return Err(scan::expected(LONGEST, "at most 4 GiB"));
        }
        let bytes = text.as_bytes();
        let end = scan::space(bytes, self.walk(text, out)?);
        if end == bytes.len() { Ok(()) } else { Err(scan::expected(end, "the end of the text")) }
    }

    /// The offset behind the value `text` starts with.
    ///
    /// Goes into what leads to a value that was asked for and reads over everything else.
    fn walk(&self, text: &str, out: &mut Extract) -> Result<usize, JsonError> {
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut node = 0;
        loop {
            at = scan::space(bytes, at);
            let wanted = &self.nodes[node as usize];
            let kind = kind(bytes, at)?;
            let found = wanted.slot.map_or(NONE, |slot| out.begin(slot, kind, at));
            let inside = match kind {
                Kind::Object if !wanted.children.is_empty() => Some(Members::Named(0)),
                Kind::Array if wanted.looks_inside() => Some(Members::Numbered(0)),
                Kind::Object
                | Kind::Array
                | Kind::String
                | Kind::Number
                | Kind::True
                | Kind::False
                | Kind::Null => None,
            };
            if let Some(members) = inside {
                if out.open.len() == MAX_DEPTH {
                    return Err(scan::expected(at, "at most 128 nested containers"));
                }
                out.open.push(Frame { node, found, members });
                at += 1;
            } else {
                at = skip(text, at, out.open.len())?;
                out.end(found, at);
            }
            match self.next(text, &mut at, inside.is_some(), out)? {
                Some(next) => node = next,
                None => return Ok(at),
            }
        }
    }

    /// Goes to the next value on the way to one that was asked for, closing what ends before it.
    ///
    /// `opened` says that a container was just opened, `None` that the outermost has ended.
    #[inline]
    fn next(
        &self,
        text: &str,
        at: &mut usize,
        mut opened: bool,
        out: &mut Extract,
    ) -> Result<Option<u32>, JsonError> {
        while let Some(&Frame { node, found, members }) = out.open.last() {
            let depth = out.open.len();
            let node = &self.nodes[node as usize];
            let next = match members {
                Members::Named(seen) => node.next_member(text, at, opened, depth, seen)?,
                Members::Numbered(index) => node.next_element(text, at, opened, depth, index)?,
            };
            match next {
                Next::Closed => {
                    out.open.pop();
                    out.end(found, *at);
                    opened = false;
                }
                Next::Member { child, seen, again } => {
                    if again {
                        out.duplicate.get_or_insert(*at);
                    }
                    if let Some(frame) = out.open.last_mut() {
                        frame.members = Members::Named(seen);
                    }
                    return Ok(Some(child));
                }
                Next::Element { child, index } => {
                    if let Some(frame) = out.open.last_mut() {
                        frame.members = Members::Numbered(index);
                    }
                    return Ok(Some(child));
                }
            }
        }
        Ok(None)
    }

    fn child_or_new(&mut self, at: usize, token: &str) -> usize {
        let existing = match token {
            "*" => self.nodes[at].elements,
            _ => self.nodes[at].children.iter().find(|child| *child.name == *token).map(|child| child.node),
        };
        if let Some(existing) = existing {
            return existing as usize;
        }
        let new = self.nodes.len();
        let node = new as u32;
        self.nodes.push(Node::default());
        match token {
            "*" => self.nodes[at].elements = Some(node),
            _ => self.nodes[at].children.push(Child {
                head: head(token.as_bytes(), 0, token.len()),
                name: token.into(),
                node,
            }),
        }
        new
    }
}

/// Where the next value is that may lead to one that was asked for.
enum Next {
    /// Nowhere: the container ended.
    Closed,
    /// Under a name; `again` where the same object had it already.
    Member { child: u32, seen: u64, again: bool },
    /// At an index.
    Element { child: u32, index: usize },
}

impl Node {
    /// Whether elements of an array are looked for.
    fn looks_inside(&self) -> bool {
        self.elements.is_some() || !self.children.is_empty()
    }

    /// Reads an object up to the next value that is looked for, or to its end.
    #[inline]
    fn next_member(
        &self,
        text: &str,
        at: &mut usize,
        mut opened: bool,
        depth: usize,
        seen: u64,
    ) -> Result<Next, JsonError> {
        let bytes = text.as_bytes();
        loop {
            *at = scan::space(bytes, *at);
            match bytes.get(*at) {
                Some(b'}') => {
                    *at += 1;
                    return Ok(Next::Closed);
                }
                Some(b',') if !opened => *at = scan::space(bytes, *at + 1),
                _ if opened => {}
                _ => return Err(scan::expected(*at, "`,` or `}`")),
            }
            opened = false;
            if bytes.get(*at) != Some(&b'"') {
                return Err(scan::expected(*at, "`\"`"));
            }
            let start = *at + 1;
            let end = scan::string(bytes, start)?;
            *at = scan::space(bytes, end.at + 1);
            if bytes.get(*at) != Some(&b':') {
                return Err(scan::expected(*at, "`:`"));
            }
            *at += 1;
            let child = if end.escaped {
                self.escaped_child(RawString::escaped(&text[start..end.at], start))
            } else {
                self.child(bytes, start, end.at)
            };
            if let Some((index, child)) = child {
                let bit = 1_u64.checked_shl(index as u32).unwrap_or(0);
                return Ok(Next::Member { child, seen: seen | bit, again: seen & bit != 0 });
            }
            *at = skip(text, *at, depth)?;
        }
    }

    /// Reads an array up to the next value that is looked for, or to its end.
    fn next_element(
        &self,
        text: &str,
        at: &mut usize,
        mut opened: bool,
        depth: usize,
        index: usize,
    ) -> Result<Next, JsonError> {
        let bytes = text.as_bytes();
        let mut index = index;
        loop {
            *at = scan::space(bytes, *at);
            match bytes.get(*at) {
                Some(b']') => {
                    *at += 1;
                    return Ok(Next::Closed);
                }
                Some(b',') if !opened => {
                    *at += 1;
                    index += 1;
                }
                _ if opened => {}
                _ => return Err(scan::expected(*at, "`,` or `]`")),
            }
            opened = false;
            if let Some(child) = self.elements.or_else(|| self.element(index)) {
                return Ok(Next::Element { child, index });
            }
            *at = skip(text, *at, depth)?;
        }
    }

    /// The child of the name that stands from `start` to `end`, and its index.
    #[inline]
    fn child(&self, bytes: &[u8], start: usize, end: usize) -> Option<(usize, u32)> {
        let length = end - start;
        let head = head(bytes, start, length);
        let mut children = self.children.iter().enumerate();
        let (index, child) = children.find(|(_, child)| {
            child.head == head
                && child.name.len() == length
                && (length <= 8 || child.name.as_bytes()[8..] == bytes[start + 8..end])
        })?;
        Some((index, child.node))
    }

    #[cold]
    fn escaped_child(&self, key: RawString<'_>) -> Option<(usize, u32)> {
        let mut children = self.children.iter().enumerate();
        children.find(|(_, child)| key.is(&child.name)).map(|(index, child)| (index, child.node))
    }

    fn element(&self, index: usize) -> Option<u32> {
        self.children.iter().find(|child| child.name.parse() == Ok(index)).map(|child| child.node)
    }
}

/// The first eight of the `length` bytes at `start`, as one number; shorter ones are filled up with zeros.
#[inline]
fn head(bytes: &[u8], start: usize, length: usize) -> u64 {
    match bytes[start..].first_chunk::<8>() {
        Some(word) if length >= 8 => u64::from_le_bytes(*word),
        Some(word) => u64::from_le_bytes(*word) & ((1 << (8 * length)) - 1),
        None => {
            let mut word = [0; 8];
            let length = length.min(8);
            word[..length].copy_from_slice(&bytes[start..start + length]);
            u64::from_le_bytes(word)
        }
    }
}

/// The kind of the value at `at`.
#[inline]
fn kind(bytes: &[u8], at: usize) -> Result<Kind, JsonError> {
    match bytes.get(at) {
        Some(b'{') => Ok(Kind::Object),
        Some(b'[') => Ok(Kind::Array),
        Some(b'"') => Ok(Kind::String),
        Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
        Some(b't') => Ok(Kind::True),
        Some(b'f') => Ok(Kind::False),
        Some(b'n') => Ok(Kind::Null),
        _ => Err(scan::expected(at, "a value")),
    }
}

/// The offset behind the value at or after `at`, which is validated and nothing else.
#[inline]
fn skip(text: &str, at: usize, depth: usize) -> Result<usize, JsonError> {
    let bytes = text.as_bytes();
    match bytes.get(at) {
        // Most values are strings.
        Some(b'"') => Ok(scan::string(bytes, at + 1)?.at + 1),
        _ => scan::value(text, at, depth),
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
