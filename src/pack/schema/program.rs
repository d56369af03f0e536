//! A schema as it is held against a message: nodes with what each kind of value has to be like.

use std::sync::Arc;

use regex_lite::Regex;

use super::decimal::Number;
use super::format::Format;
use crate::pack::document::Target;
use crate::pack::names::Names;
use crate::text::json::Kind;

/// A JSON Schema, compiled.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(super) nodes: Arc<[Node]>,
    pub(super) root: NodeId,
    /// Where it stands.
    pub(super) origin: Arc<Target>,
}

impl Schema {
    /// Where it stands.
    pub(in crate::pack) fn origin(&self) -> &Target {
        &self.origin
    }
}

/// Which node of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::pack) struct NodeId(pub(super) u32);

/// One schema: everything has to hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) types: Types,
    /// `const`, `enum`: one of these.
    pub(super) values: Option<Box<[Constant]>>,
    pub(super) string: Option<Box<StringRules>>,
    pub(super) number: Option<Box<NumberRules>>,
    pub(super) array: Option<Box<ArrayRules>>,
    pub(super) object: Option<Box<ObjectRules>>,
    /// Schemas for the same value.
    pub(super) also: Box<[Also]>,
    /// Its title, for people.
    pub(super) title: Option<Box<str>>,
}

/// Types a value may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pack) struct Types(u8);

/// Schemas that apply to the same value.
#[derive(Clone, Debug)]
pub(super) enum Also {
    All(Box<[NodeId]>),
    Any(Box<[NodeId]>),
    One(Box<[NodeId]>),
    Not(NodeId),
    If { test: NodeId, then: Option<NodeId>, otherwise: Option<NodeId> },
}

/// A value of `const` or `enum`, as compact JSON.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub(super) kind: Kind,
    pub(super) text: Box<str>,
}

/// What a text has to be like.
#[derive(Clone, Debug, Default)]
pub(super) struct StringRules {
    /// In characters.
    pub(super) min: Option<usize>,
    pub(super) max: Option<usize>,
    pub(super) pattern: Option<Regex>,
    pub(super) format: Option<Format>,
}

/// What a number has to be like.
#[derive(Clone, Debug, Default)]
pub(super) struct NumberRules {
    pub(super) min: Option<Number>,
    pub(super) max: Option<Number>,
    pub(super) above: Option<Number>,
    pub(super) below: Option<Number>,
    pub(super) multiple_of: Option<Number>,
}

/// What an array has to be like.
#[derive(Clone, Debug, Default)]
pub(super) struct ArrayRules {
    pub(super) prefix: Box<[NodeId]>,
    pub(super) items: Option<NodeId>,
    pub(super) contains: Option<Contains>,
    pub(super) min: Option<usize>,
    pub(super) max: Option<usize>,
    pub(super) unique: bool,
}

/// How many elements have to fit a schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contains {
    pub(super) schema: NodeId,
    pub(super) min: usize,
    pub(super) max: Option<usize>,
}

/// What an object has to be like.
#[derive(Clone, Debug, Default)]
pub(super) struct ObjectRules {
    pub(super) names: Names,
    /// By index of the name.
    pub(super) members: Box<[Member]>,
    /// Bits of the names that have to be there.
    pub(super) required: u128,
    pub(super) patterns: Box<[(Regex, NodeId)]>,
    pub(super) additional: Option<NodeId>,
    pub(super) property_names: Option<NodeId>,
    pub(super) min: Option<usize>,
    pub(super) max: Option<usize>,
    /// Where the name of the first bits is there, those of the second have to be.
    pub(super) dependent: Box<[(u128, u128)]>,
    /// Where the name of the bits is there, the object has to fit the schema.
    pub(super) dependent_schemas: Box<[(u128, NodeId)]>,
}

/// What is said of one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    /// What its value has to be like.
    pub(super) schema: Option<NodeId>,
    /// Whether it stands among the `properties`.
    pub(super) declared: bool,
    /// Its bit, where it matters whether it is there.
    pub(super) bit: u128,
}

impl ObjectRules {
    /// The names with one of these bits.
    pub(super) fn names_of(&self, bits: u128) -> impl Iterator<Item = &str> {
        self.names.iter().zip(&self.members).filter(move |(_, m)| m.bit & bits != 0).map(|(name, _)| name)
    }
}

impl Node {
    /// A schema that nothing fits.
    pub(super) fn never() -> Self {
        Self { types: Types::NONE, ..Self::default() }
    }

    /// Whether it asks for nothing.
    pub(super) fn is_anything(&self) -> bool {
        let rules = self.string.is_some() || self.number.is_some() || self.array.is_some();
        let more = self.object.is_some() || self.values.is_some() || !self.also.is_empty();
        self.types == Types::ANY && !rules && !more
    }
}

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(in crate::pack) const ANY: Self = Self(0b111_1111);

    /// Every type and its word; `integer` is a number without a fraction.
    pub(super) const WORDS: [(&'static str, &'static str, Self); 7] = [
        ("object", "an object", Self(1)),
        ("array", "an array", Self(2)),
        ("string", "a string", Self(4)),
        ("number", "a number", Self(8 | 64)),
        ("integer", "a whole number", Self(64)),
        ("boolean", "a boolean", Self(16)),
        ("null", "null", Self(32)),
    ];

    #[must_use]
    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a value of `kind` may be allowed; of numbers, [`Types::fractions`] tells the rest.
    #[inline]
    pub(in crate::pack) const fn allow(self, kind: Kind) -> bool {
        let bit = match kind {
            Kind::Object => 1,
            Kind::Array => 2,
            Kind::String => 4,
            Kind::Number => 64,
            Kind::True | Kind::False => 16,
            Kind::Null => 32,
        };
        self.0 & bit != 0
    }

    /// As [`Types::allow`], of a value that starts with `byte`; of none, where that starts no value.
    #[inline]
    pub(in crate::pack) const fn allow_byte(self, byte: u8) -> bool {
        self.0 & BY_BYTE[byte as usize] != 0
    }

    /// Whether numbers may have a fraction.
    #[inline]
    pub(super) const fn fractions(self) -> bool {
        self.0 & 8 != 0
    }
}

/// The bit of the type whose values start with a byte.
const BY_BYTE: [u8; 256] = {
    let mut bits = [0; 256];
    bits[b'{' as usize] = 1;
    bits[b'[' as usize] = 2;
    bits[b'"' as usize] = 4;
    let mut digit = b'0';
    while digit <= b'9' {
        bits[digit as usize] = 64;
        digit += 1;
    }
    bits[b'-' as usize] = 64;
    bits[b't' as usize] = 16;
    bits[b'f' as usize] = 16;
    bits[b'n' as usize] = 32;
    bits
};

impl Default for Types {
    fn default() -> Self {
        Self::ANY
    }
}
