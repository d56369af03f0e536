//! Schemas grafted onto the trie: what rules ask of a place by schema is seen to while the message is read.
//!
//! A check whose schema found nothing to complain of costs a rule one bit. Where something did not fit, or the
//! schema could not be grafted, the check is in *doubt*: the rule then walks the schema by itself, which also
//! finds the words. So grafting changes what a check costs and never what it says.

use super::Trie;
use super::names::Names;
use super::schema::{Form, Inside, NodeId, Schema, Types};
use super::trie::{Child, Node, Way};
use crate::text::Pointer;
use crate::text::json::Kind;

/// Which of the grafted schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckId(u8);

/// A set of checks that have to be looked at more closely, one bit each.
pub(super) type Doubts = u128;

/// The schemas a trie sees to.
#[derive(Clone, Debug, Default)]
pub(super) struct Grafted {
    checks: Vec<Check>,
    /// Those that could not be grafted.
    left_out: Doubts,
}

#[derive(Clone, Debug)]
struct Check {
    at: Pointer,
    schema: Schema,
}

/// What a schema says of the value at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    check: CheckId,
    types: Types,
    form: Form,
    /// Bits of the members that have to be there.
    required: u64,
}

/// Members of one object whose absence a scan can tell.
const MOST_NAMES: usize = 64;

/// Schemas in each other below one place.
const MOST_LEVELS: usize = 16;

impl Trie {
    /// Asks that values at `pointer` be held against `schema` in passing, once [`Trie::graft`] was called.
    ///
    /// `None` where too many are asked for (128); the schema then has to be walked each time.
    pub fn check(&mut self, pointer: &Pointer, schema: &Schema) -> Option<CheckId> {
        let id = u8::try_from(self.grafted.checks.len()).ok().filter(|&id| id < 128)?;
        self.grafted.checks.push(Check { at: pointer.clone(), schema: schema.clone() });
        self.grafted.left_out |= 1 << id;
        Some(CheckId(id))
    }

    /// Grafts the schemas that were asked for; no pointer may be added after that.
    pub fn graft(&mut self) {
        for index in 0..self.grafted.checks.len() {
            let Check { at, schema } = self.grafted.checks[index].clone();
            let id = CheckId(index as u8);
            let Some(node) = self.node_at(&at) else { continue };
            // Nothing is changed before it is known that all of it can be.
            if self.is_free(node, &schema, schema.root(), &mut Vec::new()) {
                self.put(node, id, &schema, schema.root(), &mut Vec::new());
                self.grafted.left_out &= !(1 << index);
            }
        }
        for index in 0..self.nodes.len() {
            for child in 0..self.nodes[index].children.len() {
                let node = self.nodes[index].children[child].node;
                self.nodes[index].children[child].way = self.nodes[node as usize].way();
            }
        }
    }

    fn node_at(&self, pointer: &Pointer) -> Option<usize> {
        pointer.tokens().iter().try_fold(0, |at, token| {
            let node = &self.nodes[at];
            let child = match token.as_str() {
                "*" => node.elements,
                name => node.names.position(name).map(|index| node.children[index].node),
            };
            child.map(|child| child as usize)
        })
    }

    /// Whether the schema at `id` can be grafted at `at`: no other one is, or on anything in it.
    fn is_free(&self, at: usize, schema: &Schema, id: NodeId, path: &mut Vec<NodeId>) -> bool {
        let node = &self.nodes[at];
        if node.shape.is_some() {
            return false;
        }
        let Some(inside) = within_reach(schema, id, path) else { return true };
        path.push(id);
        let members = inside.members.iter().enumerate().all(|(index, &(name, part, required))| {
            let place = node.names.position(name);
            let free = match (place, part) {
                (Some(place), Some(part)) => {
                    self.is_free(node.children[place].node as usize, schema, part, path)
                }
                (Some(_), None) | (None, _) => true,
            };
            free && (!required || index < MOST_NAMES)
        });
        // Elements that are asked for by their number would no longer be found beside all of them.
        let numbered = node.names.iter().any(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        let elements = match (inside.elements, node.elements) {
            (None, _) => true,
            (Some(_), None) => !numbered,
            (Some(part), Some(elements)) => self.is_free(elements as usize, schema, part, path),
        };
        path.pop();
        members && elements
    }

    fn put(&mut self, at: usize, check: CheckId, schema: &Schema, id: NodeId, path: &mut Vec<NodeId>) {
        let Some(inside) = within_reach(schema, id, path) else {
            let form = Form::Whole(id);
            self.nodes[at].shape = Some(Shape { check, types: Types::ANY, form, required: 0 });
            return;
        };
        path.push(id);
        let mut required = 0;
        self.in_order(at, &inside.members);
        for (index, &(name, part, is_required)) in inside.members.iter().enumerate() {
            let child = self.child_or_new(at, name);
            required |= u64::from(is_required).checked_shl(index as u32).unwrap_or(0);
            if let Some(part) = part {
                self.put(child, check, schema, part, path);
            }
        }
        if let Some(part) = inside.elements {
            let elements = self.elements_or_new(at);
            self.put(elements, check, schema, part, path);
        }
        path.pop();
        self.nodes[at].shape = Some(Shape { check, types: inside.types, form: inside.form, required });
    }
    /// Puts the names of a node into the order of the schema, which most messages follow; others come after.
    fn in_order(&mut self, at: usize, members: &[(&str, Option<NodeId>, bool)]) {
        let before = std::mem::take(&mut self.nodes[at]);
        let mut node = Node { names: Names::default(), children: Vec::new(), ..before.clone() };
        for name in members.iter().map(|&(name, _, _)| name).chain(before.names.iter()) {
            if node.names.position(name).is_some() {
                continue;
            }
            let known = before.names.position(name).map(|index| before.children[index]);
            node.names.push(name);
            node.children.push(known.unwrap_or_else(|| {
                self.nodes.push(Node::default());
                Child { node: (self.nodes.len() - 1) as u32, way: Way::Into }
            }));
        }
        self.nodes[at] = node;
    }
}

/// What a schema says, taken apart; `None` where it has to be walked, because it leads back to itself.
fn within_reach<'s>(schema: &'s Schema, id: NodeId, path: &[NodeId]) -> Option<Inside<'s>> {
    if path.contains(&id) || path.len() == MOST_LEVELS { None } else { Some(schema.inside(id)) }
}

impl Shape {
    /// The types it allows, where it says nothing else.
    pub(super) const fn types_alone(&self) -> Option<(Types, CheckId)> {
        match self.form {
            Form::Plain if self.required == 0 => Some((self.types, self.check)),
            Form::Plain | Form::Scalar(_) | Form::Whole(_) => None,
        }
    }
}

impl Shape {
    /// Whether it asks for more than a type and members.
    pub(super) const fn asks_for_values(&self) -> bool {
        !matches!(self.form, Form::Plain)
    }
}

impl CheckId {
    #[cold]
    #[inline(never)]
    pub(super) fn doubt(self, doubts: &mut Doubts) {
        *doubts |= 1 << self.0;
    }
}

impl Grafted {
    /// The checks that are in doubt before anything was read.
    pub(super) const fn left_out(&self) -> Doubts {
        self.left_out
    }

    /// Holds a value against what its schema says of it by itself; `value` is the text, its start and its end.
    #[inline]
    pub(super) fn see(
        &self,
        shape: &Shape,
        kind: Kind,
        value: (&str, usize, usize),
        seen: u64,
        doubts: &mut Doubts,
    ) {
        let fits = shape.types.allow(kind)
            && (shape.required & !seen == 0 || kind != Kind::Object)
            && (matches!(shape.form, Form::Plain) || self.fits(shape, kind, value));
        if !fits {
            shape.check.doubt(doubts);
        }
    }

    fn fits(&self, shape: &Shape, kind: Kind, (text, start, end): (&str, usize, usize)) -> bool {
        let schema = &self.checks[usize::from(shape.check.0)].schema;
        schema.form_fits(shape.form, kind, text, start, end)
    }
}

impl super::Extract {
    /// Whether values may not fit the schema of a check; then it has to be walked.
    #[inline]
    pub fn doubts(&self, check: CheckId) -> bool {
        self.doubts & 1 << check.0 != 0
    }
}
