//! A schema as the one look at a message can hold it: the plain parts of it, to be grafted onto the trie.
//!
//! Types, required members and what scalars are like cost next to nothing when a value is passed anyway;
//! what needs more (alternatives, unlisted members, counts) is walked by itself, from the place where it starts.

use super::program::{ArrayRules, NodeId, ObjectRules, Schema, Types};
use super::walk::scalar;
use crate::text::json::Kind;

/// What a schema says of one value, as far as it goes by itself.
#[derive(Clone, Copy, Debug)]
pub(in crate::pack) enum Form {
    /// Nothing but its type, its members and its elements.
    Plain,
    /// Something about a scalar, besides.
    Scalar(NodeId),
    /// More: the schema has to be walked.
    Whole(NodeId),
}

/// What a schema says of the parts of a value.
pub(in crate::pack) struct Inside<'s> {
    pub(in crate::pack) types: Types,
    pub(in crate::pack) form: Form,
    /// Names of members, with their schemas and whether they are required.
    pub(in crate::pack) members: Vec<(&'s str, Option<NodeId>, bool)>,
    pub(in crate::pack) elements: Option<NodeId>,
}

impl Schema {
    /// Its own root.
    pub(in crate::pack) const fn root(&self) -> NodeId {
        self.root
    }

    /// What the schema at `id` says, taken apart.
    pub(in crate::pack) fn inside(&self, id: NodeId) -> Inside<'_> {
        let node = &self.nodes[id.0 as usize];
        let object = node.object.as_deref();
        let array = node.array.as_deref();
        let plain = node.also.is_empty()
            && object.is_none_or(ObjectRules::is_plain)
            && array.is_none_or(ArrayRules::is_plain);
        if !plain {
            let form = Form::Whole(id);
            return Inside { types: node.types, form, members: Vec::new(), elements: None };
        }
        let scalar = node.values.is_some()
            || node.string.is_some()
            || node.number.is_some()
            || !node.types.fractions() && node.types.allow(Kind::Number);
        let members = object.into_iter().flat_map(|object| {
            let named = object.names.iter().zip(&object.members);
            named.map(|(name, member)| (name, member.schema, member.bit & object.required != 0))
        });
        Inside {
            types: node.types,
            form: if scalar { Form::Scalar(id) } else { Form::Plain },
            members: members.collect(),
            elements: array.and_then(|array| array.items),
        }
    }

    /// Whether a value is as `form` has it; its type, members and elements aside.
    pub(in crate::pack) fn form_fits(
        &self,
        form: Form,
        kind: Kind,
        text: &str,
        start: usize,
        end: usize,
    ) -> bool {
        match form {
            Form::Plain => true,
            Form::Scalar(id) => scalar(&self.nodes[id.0 as usize], kind, &text[start..end]).is_ok(),
            Form::Whole(id) => self.fits_node(id, text, start).is_ok(),
        }
    }
}

impl ObjectRules {
    fn is_plain(&self) -> bool {
        self.patterns.is_empty()
            && self.additional.is_none()
            && self.property_names.is_none()
            && self.min.is_none()
            && self.max.is_none()
            && self.dependent.is_empty()
            && self.dependent_schemas.is_empty()
    }
}

impl ArrayRules {
    fn is_plain(&self) -> bool {
        self.prefix.is_empty()
            && self.contains.is_none()
            && self.min.is_none()
            && self.max.is_none()
            && !self.unique
    }
}
