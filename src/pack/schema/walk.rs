//! Holds a message's text against a schema, from its start to its end, without a tree.
//!
//! Members and elements are read once; a value is read again only for each schema that applies to it besides
//! the first (`allOf`, `anyOf`, `if`, …). Nothing is allocated where the text fits, but for `uniqueItems` of
//! long arrays and for patterns on texts with escapes. What does not fit comes back as a [`Breach`]: where,
//! and which keyword.

use super::decimal::Decimal;
use super::equal::{equal, hash};
use super::program::{
    Also, ArrayRules, Constant, Node, NodeId, NumberRules, ObjectRules, Schema, StringRules,
};
use crate::pack::trie;
use crate::text::json::{self, JsonError, Kind};
use crate::text::scan;

/// The first thing that does not fit: which keyword of which schema, and the value it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Offset of the value in the text.
    pub(super) at: usize,
    pub(super) node: NodeId,
    pub(super) keyword: Broken,
}

/// Which keyword is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Type,
    Values,
    MinLength,
    MaxLength,
    Pattern,
    Format,
    Minimum,
    Maximum,
    Above,
    Below,
    MultipleOf,
    MinItems,
    MaxItems,
    /// The element at the place is the same as an earlier one.
    Unique,
    Contains,
    MinProperties,
    MaxProperties,
    /// Bits of names that are missing.
    Required(u128),
    /// The member whose value is at the place is not allowed.
    Additional,
    /// The name of the member whose value is at the place is not allowed.
    Name,
    Any,
    /// None fits, or more than one.
    One(usize),
    Not,
    /// The text is no JSON; the caller has seen to it that it is.
    Malformed,
    /// It cannot be told: the schema has the value looked at more often than any message is worth.
    Overrun,
}

impl From<JsonError> for Breach {
    fn from(error: JsonError) -> Self {
        Self { at: error.at, node: NodeId(0), keyword: Broken::Malformed }
    }
}

impl Schema {
    /// Whether the JSON value at `at` of `text` fits; `text` is known to be JSON there.
    pub fn fits(&self, text: &str, at: usize) -> Result<(), Breach> {
        self.fits_node(self.root, text, at)
    }

    pub(super) fn fits_node(&self, node: NodeId, text: &str, at: usize) -> Result<(), Breach> {
        let mut walk = Walk { nodes: &self.nodes, text, fuel: 10_000 + 64 * text.len() };
        let outcome = walk.value(node, scan::space(text.as_bytes(), at));
        // Whatever a walk says that was cut short, it may say the opposite further on.
        if walk.fuel == 0 {
            return Err(Breach { at, node, keyword: Broken::Overrun });
        }
        outcome.map(drop)
    }
}

impl Breach {
    /// Whether nothing is broken, as far as anybody can tell: the schema cannot be evaluated on this value.
    pub fn is_overrun(&self) -> bool {
        self.keyword == Broken::Overrun
    }
}

struct Walk<'a> {
    nodes: &'a [Node],
    text: &'a str,
    /// How many schemas may still be looked at; schemas that refer to themselves could otherwise ask for
    /// more than any message is worth.
    fuel: usize,
}

type Walked = Result<usize, Breach>;

impl Walk<'_> {
    /// The offset behind the value at `at`, which fits the schema.
    fn value(&mut self, id: NodeId, at: usize) -> Walked {
        let node = &self.nodes[id.0 as usize];
        let broken = |keyword| Breach { at, node: id, keyword };
        self.fuel = self.fuel.saturating_sub(1);
        let kind = trie::kind(self.text.as_bytes(), at)?;
        if !node.types.allow(kind) || self.fuel == 0 {
            return Err(broken(Broken::Type));
        }
        let end = match (kind, &node.object, &node.array) {
            (Kind::Object, Some(rules), _) => self.object(id, rules, at)?,
            (Kind::Array, _, Some(rules)) => self.array(id, rules, at)?,
            _ => trie::skip(self.text, at, 0)?,
        };
        scalar(node, kind, &self.text[at..end]).map_err(broken)?;
        for also in &node.also {
            self.also(id, also, at)?;
        }
        Ok(end)
    }

    fn also(&mut self, id: NodeId, also: &Also, at: usize) -> Result<(), Breach> {
        let broken = |keyword| Err(Breach { at, node: id, keyword });
        match also {
            Also::All(all) => all.iter().try_for_each(|&schema| self.value(schema, at).map(drop)),
            Also::Any(any) => match any.iter().any(|&schema| self.value(schema, at).is_ok()) {
                true => Ok(()),
                false => broken(Broken::Any),
            },
            Also::One(one) => match one.iter().filter(|&&schema| self.value(schema, at).is_ok()).count() {
                1 => Ok(()),
                fitting => broken(Broken::One(fitting)),
            },
            Also::Not(schema) => match self.value(*schema, at) {
                Ok(_) => broken(Broken::Not),
                Err(_) => Ok(()),
            },
            Also::If { test, then, otherwise } => {
                let next = if self.value(*test, at).is_ok() { then } else { otherwise };
                next.map_or(Ok(()), |schema| self.value(schema, at).map(drop))
            }
        }
    }

    fn object(&mut self, id: NodeId, rules: &ObjectRules, start: usize) -> Walked {
        let bytes = self.text.as_bytes();
        let broken = |at, keyword| Breach { at, node: id, keyword };
        let (mut there, mut count, mut next) = (0_u128, 0, 0_u32);
        let mut at = scan::space(bytes, start + 1);
        if bytes.get(at) == Some(&b'}') {
            at += 1;
        } else {
            loop {
                let key = at + 1;
                let (index, end) = match rules.names.expected(bytes, key, next) {
                    Some(end) => (Some(next as usize), end),
                    None => {
                        let end = scan::string(bytes, key)?;
                        (rules.names.find(self.text, key, end), end.at)
                    }
                };
                next = index.map_or(next, |index| index as u32 + 1);
                let value = scan::space(bytes, scan::space(bytes, end + 1) + 1);
                let name = index.map(|index| rules.members[index]);
                there |= name.map_or(0, |name| name.bit);
                count += 1;
                at = match name.and_then(|name| name.schema) {
                    Some(schema) => self.value(schema, value)?,
                    None => trie::skip(self.text, value, 0)?,
                };
                let declared = name.is_some_and(|name| name.declared);
                if !declared && rules.additional.is_some()
                    || !rules.patterns.is_empty()
                    || rules.property_names.is_some()
                {
                    self.unlisted(id, rules, key - 1..end + 1, value, declared)?;
                }
                at = scan::space(bytes, at);
                match bytes.get(at) {
                    Some(b',') => at = scan::space(bytes, at + 1),
                    _ => {
                        at += 1;
                        break;
                    }
                }
            }
        }
        if rules.required & !there != 0 {
            return Err(broken(start, Broken::Required(rules.required & !there)));
        }
        for &(name, wanted) in &rules.dependent {
            if there & name != 0 && wanted & !there != 0 {
                return Err(broken(start, Broken::Required(wanted & !there)));
            }
        }
        if rules.min.is_some_and(|min| count < min) {
            return Err(broken(start, Broken::MinProperties));
        }
        if rules.max.is_some_and(|max| count > max) {
            return Err(broken(start, Broken::MaxProperties));
        }
        for &(name, schema) in &rules.dependent_schemas {
            if there & name != 0 {
                self.value(schema, start)?;
            }
        }
        Ok(at)
    }

    /// What a member has to be like besides what is said under its name; `key` is its name with the quotes.
    fn unlisted(
        &mut self,
        id: NodeId,
        rules: &ObjectRules,
        key: std::ops::Range<usize>,
        value: usize,
        declared: bool,
    ) -> Result<(), Breach> {
        let mut listed = declared;
        if !rules.patterns.is_empty() {
            let name = json::string(&self.text[key.clone()]).unwrap_or_default();
            for (pattern, schema) in &rules.patterns {
                if pattern.is_match(&name) {
                    listed = true;
                    self.value(*schema, value)?;
                }
            }
        }
        if let (false, Some(schema)) = (listed, rules.additional) {
            if self.nodes[schema.0 as usize].types == super::program::Types::NONE {
                return Err(Breach { at: value, node: id, keyword: Broken::Additional });
            }
            self.value(schema, value)?;
        }
        match rules.property_names {
            Some(schema) if self.value(schema, key.start).is_err() => {
                Err(Breach { at: value, node: id, keyword: Broken::Name })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn array(&mut self, id: NodeId, rules: &ArrayRules, start: usize) -> Walked {
        let bytes = self.text.as_bytes();
        let broken = |at, keyword| Breach { at, node: id, keyword };
        let (mut count, mut contained) = (0, 0);
        let mut at = scan::space(bytes, start + 1);
        if bytes.get(at) == Some(&b']') {
            at += 1;
        } else {
            loop {
                let element = at;
                at = match rules.prefix.get(count).copied().or(rules.items) {
                    Some(schema) => self.value(schema, element)?,
                    None => trie::skip(self.text, element, 0)?,
                };
                if let Some(contains) = &rules.contains
                    && self.value(contains.schema, element).is_ok()
                {
                    contained += 1;
                }
                count += 1;
                at = scan::space(bytes, at);
                match bytes.get(at) {
                    Some(b',') => at = scan::space(bytes, at + 1),
                    _ => {
                        at += 1;
                        break;
                    }
                }
            }
        }
        if rules.min.is_some_and(|min| count < min) {
            return Err(broken(start, Broken::MinItems));
        }
        if rules.max.is_some_and(|max| count > max) {
            return Err(broken(start, Broken::MaxItems));
        }
        if let Some(contains) = &rules.contains
            && (contained < contains.min || contains.max.is_some_and(|max| contained > max))
        {
            return Err(broken(start, Broken::Contains));
        }
        if rules.unique
            && let Some(twice) = repeated(&self.text[start..at])
        {
            return Err(broken(start + twice, Broken::Unique));
        }
        Ok(at)
    }
}

impl Constant {
    #[inline]
    fn is(&self, kind: Kind, token: &str) -> bool {
        if self.kind != kind {
            return false;
        }
        let plain = kind == Kind::String && !token.contains('\\');
        // The constant is spelled without escapes it could do without, as most messages are.
        *self.text == *token || (!plain || self.text.contains('\\')) && equal(&self.text, token)
    }
}

/// Whether a value is as its schema has it, apart from its type, its parts and other schemas.
#[inline]
pub(super) fn scalar(node: &Node, kind: Kind, token: &str) -> Result<(), Broken> {
    match kind {
        Kind::String => {
            if let Some(rules) = &node.string {
                string(rules, token)?;
            }
        }
        Kind::Number => {
            if !node.types.fractions() && !is_whole(token) {
                return Err(Broken::Type);
            }
            if let Some(rules) = &node.number {
                number(rules, token)?;
            }
        }
        Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => {}
    }
    match &node.values {
        Some(values) if !values.iter().any(|value| value.is(kind, token)) => Err(Broken::Values),
        Some(_) | None => Ok(()),
    }
}

fn string(rules: &StringRules, token: &str) -> Result<(), Broken> {
    let raw = &token[1..token.len() - 1];
    if rules.min.is_some() || rules.max.is_some() {
        let count = if raw.contains('\\') { json::characters(raw).count() } else { raw.chars().count() };
        if rules.min.is_some_and(|min| count < min) {
            return Err(Broken::MinLength);
        }
        if rules.max.is_some_and(|max| count > max) {
            return Err(Broken::MaxLength);
        }
    }
    if rules.pattern.is_none() && rules.format.is_none() {
        return Ok(());
    }
    let text = json::string(token).unwrap_or_default();
    if rules.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(&text)) {
        return Err(Broken::Pattern);
    }
    if rules.format.is_some_and(|format| !format.fits(&text)) {
        return Err(Broken::Format);
    }
    Ok(())
}

fn is_whole(token: &str) -> bool {
    !token.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) || Decimal::new(token).is_whole()
}

fn number(rules: &NumberRules, token: &str) -> Result<(), Broken> {
    let value = Decimal::new(token);
    let against = |bound: &Option<super::decimal::Number>| bound.as_ref().map(|b| value.compare(b.decimal()));
    if against(&rules.min).is_some_and(|order| order.is_lt()) {
        return Err(Broken::Minimum);
    }
    if against(&rules.max).is_some_and(|order| order.is_gt()) {
        return Err(Broken::Maximum);
    }
    if against(&rules.above).is_some_and(|order| order.is_le()) {
        return Err(Broken::Above);
    }
    if against(&rules.below).is_some_and(|order| order.is_ge()) {
        return Err(Broken::Below);
    }
    match &rules.multiple_of {
        Some(divisor) if !value.is_multiple_of(divisor.decimal()) => Err(Broken::MultipleOf),
        Some(_) | None => Ok(()),
    }
}

/// The offset of an element of `array` that says the same as one before it.
fn repeated(array: &str) -> Option<usize> {
    let mut elements = Vec::new();
    let mut cursor = json::Cursor::new(array);
    let walked = cursor.array(|_, cursor| {
        cursor.kind()?;
        let at = cursor.position();
        elements.push((hash(cursor.value()?), at, cursor.position()));
        Ok::<(), JsonError>(())
    });
    walked.ok()?;
    elements.sort_unstable();
    let same_hash = elements.chunk_by(|a, b| a.0 == b.0).filter(|chunk| chunk.len() > 1);
    let repeated = same_hash.flat_map(|chunk| {
        chunk.iter().enumerate().filter_map(|(index, &(_, at, end))| {
            let earlier = &chunk[..index];
            earlier.iter().any(|&(_, from, to)| equal(&array[from..to], &array[at..end])).then_some(at)
        })
    });
    repeated.min()
}
