//! One look at a message: every pointer any kind or rule of a pack asks for, in a single pass.
//!
//! The pointers are compiled into one trie. A scan walks the text once, validates all of it, and notes where
//! the asked-for values stand. It builds no tree; what it notes is an [`Extract`]. Schemas whose values it
//! passes anyway are grafted onto it (`graft`), and are seen to in the same pass.

use super::extract::{Extract, Frame, Members, NONE, Slot};
use super::graft::{CheckId, Grafted, Shape};
use super::names::Names;
use super::schema::Types;
use crate::text::json::{JsonError, Kind, MAX_DEPTH};
use crate::text::{Pointer, scan};

/// The pointers of a pack, compiled. The token `*` stands for every element of an array.
#[derive(Clone, Debug)]
pub struct Trie {
    pub(super) nodes: Vec<Node>,
    pointers: Vec<Pointer>,
    pub(super) grafted: Grafted,
}

/// A place in messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) slot: Option<Slot>,
    pub(super) names: Names,
    /// By index of the name.
    pub(super) children: Vec<Child>,
    pub(super) elements: Option<u32>,
    /// What a schema says of the value.
    pub(super) shape: Option<Shape>,
}

/// Where a name leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    pub(super) node: u32,
    pub(super) way: Way,
}

/// What is done with a value whose name is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// It, or something in it, is noted.
    Into,
    /// It is read over, once its type was seen to.
    Over(Types, CheckId),
    /// It is held against what the schema says at its place.
    At,
}

/// Longer texts are not looked into; the recorder keeps none as long.
const LONGEST: usize = u32::MAX as usize - 1;

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], pointers: Vec::new(), grafted: Grafted::default() }
    }
}

impl Trie {
    /// Adds a pointer; the same pointer always gets the same slot.
    ///
    /// `None` where a pack asks for more pointers than a scan can hold (65,535).
    pub fn add(&mut self, pointer: &Pointer) -> Option<Slot> {
        let mut at = 0;
        for token in pointer.tokens() {
            at = match token.as_str() {
                "*" => self.elements_or_new(at),
                _ => self.child_or_new(at, token),
            };
        }
        if let Some(slot) = self.nodes[at].slot {
            return Some(slot);
        }
        let slot = Slot(u16::try_from(self.pointers.len()).ok().filter(|&slot| slot < u16::MAX)?);
        self.pointers.push(pointer.clone());
        self.nodes[at].slot = Some(slot);
        Some(slot)
    }

    /// The place that is asked for in another way already: a scan goes into an array for every element, or
    /// for elements by their index, and would never see what the other way asks for.
    pub fn clash(&self, pointer: &Pointer) -> Option<Pointer> {
        let mut at = 0;
        let mut place = Pointer::default();
        for token in pointer.tokens() {
            let node = &self.nodes[at];
            let is_index = |name: &str| name.parse::<usize>().is_ok();
            let other = match (token.as_str(), node.elements) {
                ("*", _) => node.names.iter().find(|name| is_index(name)),
                (index, Some(_)) if is_index(index) => Some("*"),
                _ => None,
            };
            if let Some(other) = other {
                return Some(place.child(other));
            }
            at = match token.as_str() {
                "*" => node.elements? as usize,
                name => node.children[node.names.position(name)?].node as usize,
            };
            place = place.child(token);
        }
        None
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
        out.doubts = self.grafted.left_out();
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
        // The innermost container; those around it wait in `out.open`, below one that stands for none.
        let mut frame = Frame { node: 0, found: NONE, start: 0, members: Members::None };
        loop {
            at = scan::space(bytes, at);
            let wanted = &self.nodes[node as usize];
            let kind = kind(bytes, at)?;
            let found = wanted.slot.map_or(NONE, |slot| out.begin(slot, kind, at));
            let inside = match kind {
                // The outermost object is looked into by every pack, for keys that it has twice.
                Kind::Object if node == 0 || !wanted.children.is_empty() => {
                    Members::Named { seen: 0, next: 0, strange: out.strange.len() as u32 }
                }
                Kind::Array if wanted.looks_inside() => Members::Numbered(0),
                Kind::Object
                | Kind::Array
                | Kind::String
                | Kind::Number
                | Kind::True
                | Kind::False
                | Kind::Null => Members::None,
            };
            let mut opened = false;
            if let Members::None = inside {
                let start = at;
                at = skip(text, at, out.open.len())?;
                out.end(found, at);
                if let Some(shape) = &wanted.shape {
                    self.grafted.see(shape, kind, (text, start, at), 0, &mut out.doubts);
                }
            } else {
                if out.open.len() == MAX_DEPTH {
                    return Err(scan::expected(at, "at most 128 nested containers"));
                }
                out.open.push(frame);
                frame = Frame { node, found, start: at as u32, members: inside };
                at += 1;
                opened = true;
            }
            // Goes to the next value on the way to one that was asked for, closing what ends before it.
            loop {
                let container = &self.nodes[frame.node as usize];
                let child = match &mut frame.members {
                    Members::None => return Ok(at),
                    Members::Named { seen, next, strange } => {
                        let mut walk = Named { at, seen: *seen, next: *next, strange: *strange };
                        let child = self.next_member(container, text, opened, &mut walk, out)?;
                        (at, *seen, *next) = (walk.at, walk.seen, walk.next);
                        if child.is_none() {
                            out.strange.truncate(*strange as usize);
                        }
                        child
                    }
                    Members::Numbered(index) => {
                        container.next_element(text, &mut at, opened, out.open.len(), index)?
                    }
                };
                if let Some(child) = child {
                    node = child;
                    break;
                }
                out.end(frame.found, at);
                if let Some(shape) = &container.shape {
                    let (kind, seen) = match frame.members {
                        Members::Named { seen, .. } => (Kind::Object, seen),
                        Members::Numbered(_) | Members::None => (Kind::Array, 0),
                    };
                    self.grafted.see(shape, kind, (text, frame.start as usize, at), seen, &mut out.doubts);
                }
                let Some(around) = out.open.pop() else { return Ok(at) };
                frame = around;
                opened = false;
            }
        }
    }

    /// Reads an object up to the next value that is looked for, or to its end: `None`.
    ///
    /// Members that only a schema has something to say of, and nothing of what is in them, are seen to here.
    #[inline]
    fn next_member(
        &self,
        node: &Node,
        text: &str,
        mut opened: bool,
        walk: &mut Named,
        out: &mut Extract,
    ) -> Result<Option<u32>, JsonError> {
        let bytes = text.as_bytes();
        let depth = out.open.len();
        let mut at = walk.at;
        loop {
            at = scan::space(bytes, at);
            match bytes.get(at) {
                Some(b'}') => {
                    walk.at = at + 1;
                    return Ok(None);
                }
                Some(b',') if !opened => at = scan::space(bytes, at + 1),
                _ if opened => {}
                _ => return Err(scan::expected(at, "`,` or `}`")),
            }
            opened = false;
            if bytes.get(at) != Some(&b'"') {
                return Err(scan::expected(at, "`\"`"));
            }
            let start = at + 1;
            let (index, end) = match node.names.expected(bytes, start, walk.next) {
                Some(end) => (Some(walk.next as usize), end),
                None => {
                    let end = scan::string(bytes, start)?;
                    (node.names.find(text, start, end), end.at)
                }
            };
            at = scan::space(bytes, end + 1);
            if bytes.get(at) != Some(&b':') {
                return Err(scan::expected(at, "`:`"));
            }
            at = scan::space(bytes, at + 1);
            let Some(index) = index else {
                out.strange_name(text, start, end, (walk.strange, at));
                at = skip(text, at, depth)?;
                continue;
            };
            walk.next = index as u32 + 1;
            match 1_u64.checked_shl(index as u32) {
                Some(bit) => {
                    if walk.seen & bit != 0 {
                        out.duplicate.get_or_insert(at);
                    }
                    walk.seen |= bit;
                }
                None => out.strange_name(text, start, end, (walk.strange, at)),
            }
            let child = node.children[index];
            match child.way {
                Way::Into => {
                    walk.at = at;
                    return Ok(Some(child.node));
                }
                Way::Over(types, check) => {
                    if !types.allow_byte(bytes.get(at).copied().unwrap_or(0)) {
                        check.doubt(&mut out.doubts);
                    }
                    at = skip(text, at, depth)?;
                }
                Way::At => at = self.see_leaf(child.node, text, at, out)?,
            }
        }
    }

    /// Reads over a value that a schema has more to say of than its type.
    fn see_leaf(&self, node: u32, text: &str, at: usize, out: &mut Extract) -> Result<usize, JsonError> {
        let kind = kind(text.as_bytes(), at)?;
        let end = skip(text, at, out.open.len())?;
        self.see_at(node, text, kind, (at, end), out);
        Ok(end)
    }

    /// Holds a value nothing is looked for in against what the schema says at `node`.
    pub(super) fn see_at(
        &self,
        node: u32,
        text: &str,
        kind: Kind,
        (start, end): (usize, usize),
        out: &mut Extract,
    ) {
        if let Some(shape) = &self.nodes[node as usize].shape {
            self.grafted.see(shape, kind, (text, start, end), 0, &mut out.doubts);
        }
    }

    pub(super) fn child_or_new(&mut self, at: usize, name: &str) -> usize {
        if let Some(index) = self.nodes[at].names.position(name) {
            return self.nodes[at].children[index].node as usize;
        }
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[at].names.push(name);
        self.nodes[at].children.push(Child { node: new as u32, way: Way::Into });
        new
    }

    pub(super) fn elements_or_new(&mut self, at: usize) -> usize {
        if let Some(elements) = self.nodes[at].elements {
            return elements as usize;
        }
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[at].elements = Some(new as u32);
        new
    }
}

/// How far an object was read.
struct Named {
    at: usize,
    /// Which of the names were seen, one bit each.
    seen: u64,
    /// The name that is expected.
    next: u32,
    /// How many strange names there were before.
    strange: u32,
}

impl Node {
    /// Whether elements of an array are looked for.
    fn looks_inside(&self) -> bool {
        self.elements.is_some() || !self.children.is_empty()
    }

    /// What is to be done with a value that comes here.
    pub(super) fn way(&self) -> Way {
        match &self.shape {
            Some(shape) if self.slot.is_none() && !self.looks_inside() => match shape.types_alone() {
                Some((types, check)) => Way::Over(types, check),
                None => Way::At,
            },
            Some(_) | None => Way::Into,
        }
    }

    /// Reads an array up to the next value that is looked for, or to its end: `None`.
    fn next_element(
        &self,
        text: &str,
        at: &mut usize,
        mut opened: bool,
        depth: usize,
        index: &mut usize,
    ) -> Result<Option<u32>, JsonError> {
        let bytes = text.as_bytes();
        loop {
            *at = scan::space(bytes, *at);
            match bytes.get(*at) {
                Some(b']') => {
                    *at += 1;
                    return Ok(None);
                }
                Some(b',') if !opened => {
                    *at += 1;
                    *index += 1;
                }
                _ if opened => {}
                _ => return Err(scan::expected(*at, "`,` or `]`")),
            }
            opened = false;
            if let Some(child) = self.elements.or_else(|| self.element(*index)) {
                return Ok(Some(child));
            }
            *at = skip(text, *at, depth)?;
        }
    }

    /// Whether its schema has more to say of a value than its type and which members it has.
    pub(super) fn asks_for_values(&self) -> bool {
        self.shape.as_ref().is_some_and(Shape::asks_for_values)
    }

    pub(super) fn element(&self, index: usize) -> Option<u32> {
        let place = self.names.iter().position(|name| name.parse() == Ok(index))?;
        Some(self.children[place].node)
    }
}

/// The kind of the value at `at`.
#[inline]
pub(super) fn kind(bytes: &[u8], at: usize) -> Result<Kind, JsonError> {
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
#[inline(always)]
pub(super) fn skip(text: &str, at: usize, depth: usize) -> Result<usize, JsonError> {
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
        // An index and `*` on the same array: `*` wins, which is why a pack may not ask for both.
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
        // Of any key, also of one that nothing asks for: the second `b`.
        assert_eq!(extract.duplicate(), Some(17));
    }

    #[test]
    fn what_is_skipped_is_validated() {
        let mut extract = Extract::default();
        assert!(Trie::default().scan(r#"{"a":{"b":tru}}"#, &mut extract).is_err());
        assert!(Trie::default().scan(r#"{} x"#, &mut extract).is_err());
    }
}
