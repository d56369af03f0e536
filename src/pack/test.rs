//! Questions to one message: what classifies it, and what a rule requires of it.
//!
//! A test is compiled from `{ has = "/request" }` and the like. It answers yes or no, and says in words
//! what it wanted and what it saw instead, so that findings need no text of their own.

use std::ops::Range;

use super::extract::{Found, Slot};
use super::lookalike::missing;
use super::model::{Endpoint, EndpointId};
use super::pattern::Relation;
use super::picture::Picture;
use super::schema::{Breach, Schema};
use super::trie::Trie;
use super::value::{ValueTest, list, shortened};
use super::view::{MaskedSet, View};
use crate::conversation::Party;
use crate::text::json;

/// A question to one message.
#[derive(Clone, Debug)]
pub enum Test {
    /// There is a value at the pointer.
    Has(Slot),
    /// There is none.
    Absent(Slot),
    /// There is a value at exactly one of the pointers.
    ExactlyOne(Vec<Slot>),
    /// There is a value at the pointer, and every value there is like this.
    Value(Slot, ValueTest),
    /// Like [`Test::Value`], of the value that is a key of the message's kind.
    ///
    /// By kind: where its messages carry the key.
    Key(Vec<Option<Slot>>, ValueTest),
    /// Any of these holds.
    Any(Vec<Test>),
    /// All of these hold.
    All(Vec<Test>),
    /// This does not hold.
    Not(Box<Test>),
    /// A value of one of these kinds was masked in it before it was written.
    Masked(MaskedSet),
    /// Card data stands in it in clear.
    ClearCardData,
    /// The close frame carries no code, or one that an endpoint may send (RFC 6455, section 7.4).
    CloseCodeSendable,
    /// No object has a key twice, among the objects the pack looks into.
    NoDuplicateKeys,
    /// Like [`Test::Value`], where there is a value at all.
    Optional(Slot, ValueTest),
    /// Of each value there that passes the first tests, the others hold: in it, nothing outside is looked at.
    Each(Slot, Vec<Test>, Vec<Test>),
    /// The number at one pointer is so related to that at the other, where both are there.
    Compare(Slot, Relation, Slot),
    /// This party has sent it.
    From(Party),
    /// Its connection was opened to one of these endpoints.
    AtEndpoint(Vec<EndpointId>),
    /// What its event says besides is spelled like one of these: the path of an `open`, why a frame could not
    /// be decoded.
    Says(Vec<Picture>),
    /// It has no more bytes than that.
    SizeAtMost(u64),
    /// The value at the pointer belongs to the endpoint the message went to, as far as the pack lists it.
    OwnedByEndpoint {
        /// Where the value is.
        at: Slot,
        /// Where a message names its endpoint itself.
        named_at: Vec<Slot>,
        /// The endpoints and what they own.
        endpoints: Vec<Endpoint>,
    },
    /// The whole message is as the schema of its kind has it. By kind: what that is.
    FitsBody(Vec<Body>),
    /// Its kind is one of these. By kind: whether it is.
    OfKind(Vec<bool>),
}

/// What schemas say of the messages of a kind.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    Unsaid,
    /// They fit this one.
    Schema(Schema),
    /// They are none of those that schemas describe, which are these.
    Unknown(Vec<String>),
}

impl Test {
    /// Whether it holds for this message.
    #[inline]
    pub fn holds(&self, view: &View<'_>) -> bool {
        match self {
            // Most tests are one of these, of a value that is not there.
            Self::Has(slot) => view.has(*slot),
            Self::Absent(slot) => !view.has(*slot),
            Self::Optional(slot, _) if !view.has(*slot) => true,
            Self::Value(slot, _) if !view.has(*slot) => false,
            _ => self.holds_inside(view),
        }
    }

    fn holds_inside(&self, view: &View<'_>) -> bool {
        match self {
            Self::Has(slot) => view.has(*slot),
            Self::Absent(slot) => !view.has(*slot),
            Self::ExactlyOne(slots) => slots.iter().filter(|&&slot| view.has(slot)).count() == 1,
            Self::Value(slot, ValueTest::Fits(_, Some(check))) if !view.extract.doubts(*check) => {
                view.has(*slot)
            }
            Self::Value(slot, test) => {
                view.has(*slot) && view.every(*slot, |found| test.holds(found, view.text))
            }
            Self::Optional(_, ValueTest::Fits(_, Some(check))) if !view.extract.doubts(*check) => true,
            Self::Optional(slot, test) => view.every(*slot, |found| test.holds(found, view.text)),
            Self::Key(keys, test) => view
                .key(keys)
                .is_none_or(|slot| view.first(slot).is_some_and(|found| test.holds(found, view.text))),
            Self::Any(tests) => tests.iter().any(|test| test.holds(view)),
            Self::All(tests) => view.holds(tests),
            Self::Not(test) => !test.holds(view),
            Self::Masked(kinds) => view.masked.meets(*kinds),
            // A credential in clear is another matter, as it is where it was masked.
            Self::ClearCardData => {
                !view.scanned
                    && crate::mask::find_clear(view.text).iter().any(|(_, kind)| kind.is_card_data())
            }
            Self::CloseCodeSendable => view.close_code.is_none_or(is_sendable),
            Self::NoDuplicateKeys => view.extract.duplicate().is_none(),
            Self::OwnedByEndpoint { at, named_at, endpoints } => {
                let Some(value) = view.first(*at) else { return true };
                let Some(value) = json::string(value.token(view.text)) else { return true };
                let Some(endpoint) = view.endpoint_of(named_at, endpoints) else { return true };
                // A path for everything owns nothing, and a message there that names no endpoint is no sign of one.
                if endpoints.get(endpoint.0).is_some_and(|endpoint| endpoint.types.is_empty()) {
                    return true;
                }
                // Most messages are where they belong: only the others need a look at every list.
                let here = endpoints.get(endpoint.0).is_some_and(|endpoint| endpoint.owns(&value));
                here || !endpoints.iter().any(|endpoint| endpoint.owns(&value))
            }
            Self::FitsBody(bodies) => match view.kind.and_then(|kind| bodies.get(kind.0)) {
                None | Some(Body::Unsaid) => true,
                Some(Body::Schema(schema)) => schema.fits(view.text, 0).is_ok(),
                Some(Body::Unknown(_)) => false,
            },
            Self::OfKind(kinds) => view.kind.is_some_and(|kind| kinds.get(kind.0) == Some(&true)),
            Self::Each(slot, when, require) => {
                let mut all = view.all(*slot);
                match (all.next(), all.next()) {
                    (None, _) => true,
                    // In the only element is all there is below it.
                    (Some(_), None) => !view.holds(when) || view.holds(require),
                    (Some(_), Some(_)) => view.elements(*slot, when).all(|(_, part)| part.holds(require)),
                }
            }
            Self::Compare(at, relation, with) => match (view.number(*at), view.number(*with)) {
                (Some(value), Some(other)) => relation.holds(value.cmp(&other)),
                (None, _) | (_, None) => true,
            },
            Self::From(party) => view.from == Some(*party),
            Self::AtEndpoint(endpoints) => view.endpoint.is_some_and(|own| endpoints.contains(&own)),
            Self::Says(pictures) => pictures.iter().any(|picture| picture.fits(view.detail)),
            Self::SizeAtMost(most) => view.size <= *most,
        }
    }

    /// What it asks for, as a phrase: "`/event/resource/results` holding something".
    pub fn wanted(&self, view: &View<'_>, trie: &Trie) -> String {
        if let Some((schema, breach)) = self.breach(view) {
            return schema.wanted(&breach, view.text);
        }
        let at = |slot: &Slot| format!("`{}`", trie.pointer(*slot));
        match self {
            Self::Has(slot) => format!("a value at {}", at(slot)),
            Self::Absent(slot) => format!("no {}", at(slot)),
            Self::ExactlyOne(slots) => {
                format!("exactly one of {}", list(slots.iter().map(at), "and"))
            }
            Self::Value(slot, test) => format!("{} {}", at(slot), test.wanted()),
            Self::Optional(slot, test) => format!("{}, if any, {}", at(slot), test.wanted()),
            Self::Key(keys, test) => match view.key(keys) {
                Some(slot) => format!("{} {}", at(&slot), test.wanted()),
                None => "a key".to_owned(),
            },
            Self::Any(tests) => list(tests.iter().map(|test| test.wanted(view, trie)), "or"),
            Self::All(tests) => list(tests.iter().map(|test| test.wanted(view, trie)), "and"),
            Self::Not(test) => match &**test {
                Self::Has(slot) => format!("no {}", at(slot)),
                Self::Absent(slot) => format!("a value at {}", at(slot)),
                Self::Value(slot, test) if !matches!(test, ValueTest::NotEmpty) => {
                    format!("{} not {}", at(slot), test.wanted())
                }
                test => format!("not: {}", test.wanted(view, trie)),
            },
            Self::Masked(_) => "a value that had to be masked".to_owned(),
            Self::ClearCardData => "card data in clear".to_owned(),
            Self::CloseCodeSendable => "a close code that may be sent (RFC 6455, section 7.4)".to_owned(),
            Self::NoDuplicateKeys => "every key once in its object".to_owned(),
            Self::OwnedByEndpoint { at: slot, .. } => format!("{} on the endpoint that owns it", at(slot)),
            Self::FitsBody(bodies) => match view.kind.and_then(|kind| bodies.get(kind.0)) {
                Some(Body::Unknown(known)) => {
                    format!(
                        "a message that is described: {}",
                        list(known.iter().map(|k| format!("`{k}`")), "or")
                    )
                }
                None | Some(Body::Unsaid | Body::Schema(_)) => "a message as its schema has it".to_owned(),
            },
            Self::OfKind(_) => "another kind of message".to_owned(),
            Self::Each(slot, when, require) => match view.broken_element(*slot, when, require) {
                Some((_, part, broken)) => broken.wanted(&part, trie),
                None => list(require.iter().map(|test| test.wanted(view, trie)), "and"),
            },
            Self::Compare(slot, relation, with) => match view.number(*with) {
                Some(other) => format!("{} {} {}, `{other}`", at(slot), relation.phrase(), at(with)),
                None => format!("{} {} {}", at(slot), relation.phrase(), at(with)),
            },
            Self::From(party) => format!("from the {party}"),
            Self::AtEndpoint(_) => "another endpoint".to_owned(),
            Self::Says(pictures) => {
                format!("spelled like {}", list(pictures.iter().map(|picture| format!("`{picture}`")), "or"))
            }
            Self::SizeAtMost(most) => format!("at most {most} bytes"),
        }
    }

    /// What stands there instead, as a phrase: "`/event/resource/results` is `[]`". Values are as
    /// recorded; the caller hides what must not be repeated.
    pub fn seen(&self, view: &View<'_>, trie: &Trie) -> String {
        if let Some((schema, breach)) = self.breach(view) {
            return schema.seen(&breach, view.text);
        }
        let value = |slot: &Slot| match view.first(*slot) {
            Some(found) => format!("`{}` is `{}`", trie.pointer(*slot), shortened(found.token(view.text))),
            None => missing(view.text, trie.pointer(*slot)),
        };
        match self {
            Self::Has(slot) | Self::Absent(slot) => value(slot),
            Self::Value(slot, test) | Self::Optional(slot, test) => {
                let wrong = view.all(*slot).find(|&found| !test.holds(found, view.text));
                match wrong {
                    Some(found) => {
                        format!("`{}` is `{}`", trie.pointer(*slot), shortened(found.token(view.text)))
                    }
                    None => value(slot),
                }
            }
            Self::Key(keys, _) => view.key(keys).map_or_else(String::new, |slot| value(&slot)),
            Self::ExactlyOne(slots) => {
                let there = slots.iter().filter(|&&slot| view.has(slot));
                let there: Vec<_> = there.map(|&slot| format!("`{}`", trie.pointer(slot))).collect();
                if there.is_empty() { "none of them".to_owned() } else { list(there, "and") }
            }
            Self::Any(tests) => list(tests.iter().map(|test| test.seen(view, trie)), "and"),
            Self::All(tests) => {
                let broken = tests.iter().find(|test| !test.holds(view));
                broken.map_or_else(String::new, |test| test.seen(view, trie))
            }
            Self::Not(test) => match &**test {
                Self::Has(slot) | Self::Absent(slot) | Self::Value(slot, _) => value(slot),
                test => test.wanted(view, trie),
            },
            Self::Masked(_) | Self::ClearCardData => "none".to_owned(),
            Self::CloseCodeSendable => match view.close_code {
                Some(code) => format!("close code {code}"),
                None => "no close code".to_owned(),
            },
            Self::NoDuplicateKeys => match view.extract.duplicate() {
                Some(at) => format!("a key for the second time, its value at byte {at}"),
                None => "no duplicate".to_owned(),
            },
            Self::OwnedByEndpoint { at: slot, named_at, endpoints } => {
                let endpoint = view.endpoint_of(named_at, endpoints);
                let path = endpoint.and_then(|id| endpoints.get(id.0)).map_or("?", Endpoint::path);
                format!("{} on {path}", value(slot))
            }
            Self::FitsBody(_) => "one that is none of them".to_owned(),
            Self::OfKind(_) => "this kind".to_owned(),
            Self::Each(slot, when, require) => match view.broken_element(*slot, when, require) {
                Some((_, part, broken)) => broken.seen(&part, trie),
                None => value(slot),
            },
            Self::Compare(slot, ..) => value(slot),
            Self::From(_) => {
                view.from.map_or_else(|| "from nobody".to_owned(), |party| format!("from the {party}"))
            }
            Self::AtEndpoint(_) => "this one".to_owned(),
            Self::Says(_) => format!("`{}`", shortened(view.detail)),
            Self::SizeAtMost(_) => format!("{} bytes", view.size),
        }
    }

    /// The part of the message a finding should point at, where there is one.
    pub fn offending(&self, view: &View<'_>) -> Option<Range<usize>> {
        if let Some((schema, breach)) = self.breach(view) {
            return Some(schema.range(&breach, view.text));
        }
        let found = match self {
            Self::Value(slot, test) | Self::Optional(slot, test) => {
                view.all(*slot).find(|&found| !test.holds(found, view.text))
            }
            Self::Absent(slot) | Self::OwnedByEndpoint { at: slot, .. } | Self::Compare(slot, ..) => {
                view.first(*slot)
            }
            Self::Key(keys, _) => view.first(view.key(keys)?),
            Self::Each(slot, when, require) => {
                let (element, part, broken) = view.broken_element(*slot, when, require)?;
                return broken.offending(&part).or(Some(element.range()));
            }
            Self::All(tests) => {
                return tests.iter().find(|test| !test.holds(view))?.offending(view);
            }
            Self::Any(tests) => return tests.iter().find_map(|test| test.offending(view)),
            Self::Has(_)
            | Self::ExactlyOne(_)
            | Self::Not(_)
            | Self::Masked(_)
            | Self::ClearCardData
            | Self::CloseCodeSendable
            | Self::NoDuplicateKeys
            | Self::From(_)
            | Self::AtEndpoint(_)
            | Self::Says(_)
            | Self::SizeAtMost(_)
            | Self::FitsBody(_)
            | Self::OfKind(_) => None,
        };
        found.map(Found::range)
    }

    /// Whether it can not be told of this message: a schema has it looked at more often than it is worth.
    pub fn overruns(&self, view: &View<'_>) -> bool {
        match self {
            Self::Any(tests) | Self::All(tests) => tests.iter().any(|test| test.overruns(view)),
            Self::Not(test) => test.overruns(view),
            Self::Each(slot, when, require) => {
                let mut elements = view.elements(*slot, when);
                elements.any(|(_, part)| require.iter().any(|test| test.overruns(&part)))
            }
            _ => self.breach(view).is_some_and(|(_, breach)| breach.is_overrun()),
        }
    }

    /// What breaks the schema this test asks for, if it asks for one.
    pub(super) fn breach(&self, view: &View<'_>) -> Option<(&Schema, Breach)> {
        let of_slot = |slot: Slot, schema: &Schema| {
            view.extract.all(slot).find_map(|found| schema.fits(view.text, found.range().start).err())
        };
        match self {
            Self::Value(slot, ValueTest::Fits(schema, _))
            | Self::Optional(slot, ValueTest::Fits(schema, _)) => Some((schema, of_slot(*slot, schema)?)),
            Self::Key(keys, ValueTest::Fits(schema, _)) => Some((schema, of_slot(view.key(keys)?, schema)?)),
            Self::FitsBody(bodies) => {
                let Body::Schema(schema) = bodies.get(view.kind?.0)? else { return None };
                Some((schema, schema.fits(view.text, 0).err()?))
            }
            _ => None,
        }
    }
}

fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
