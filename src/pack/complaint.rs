//! What is wrong with a message that breaks a test, as the end of a sentence: "the terminal sent an approval
//! *whose `/event/resource/results` is missing*".
//!
//! It names the place and never the value: that is for what was seen, which is masked and cut to length.

use super::extract::Slot;
use super::test::{Body, Test};
use super::trie::Trie;
use super::value::{ValueTest, list};
use super::view::View;
use crate::text::json::Kind;

/// Values and places named in a sentence; more are left to the list of what was expected.
const NAMED: usize = 2;

impl Test {
    /// What is wrong with this message, which does not pass.
    pub fn complaint(&self, view: &View<'_>, trie: &Trie) -> String {
        if let Some((schema, breach)) = self.breach(view) {
            return schema.complaint(&breach, view.text);
        }
        let at = |slot: &Slot| format!("`{}`", trie.pointer(*slot));
        match self {
            Self::Has(slot) => format!("whose {} is missing", at(slot)),
            Self::Absent(slot) => format!("with a {} that does not belong there", at(slot)),
            Self::ExactlyOne(slots) => {
                let there: Vec<_> = slots.iter().filter(|&&slot| view.has(slot)).map(at).collect();
                if there.is_empty() {
                    lacking(&slots.iter().map(at).collect::<Vec<_>>())
                } else {
                    format!("with {} at once", list(there, "and"))
                }
            }
            Self::Value(slot, test) | Self::Optional(slot, test) => of_value(*slot, test, view, trie),
            Self::Key(keys, test) => match view.key(keys) {
                Some(slot) => of_value(slot, test, view, trie),
                None => "without its key".to_owned(),
            },
            Self::Any(tests) => {
                if let Some(test) = tests.iter().find(|test| test.offending(view).is_some()) {
                    return test.complaint(view, trie);
                }
                let mut places = Vec::new();
                for slot in tests.iter().filter_map(Self::place) {
                    if !places.contains(&at(&slot)) {
                        places.push(at(&slot));
                    }
                }
                lacking(&places)
            }
            Self::All(tests) => match tests.iter().find(|test| !test.holds(view)) {
                Some(test) => test.complaint(view, trie),
                None => GENERAL.to_owned(),
            },
            Self::Not(test) => match &**test {
                Self::Has(slot) => format!("with a {} that does not belong there", at(slot)),
                Self::Absent(slot) => format!("whose {} is missing", at(slot)),
                Self::Value(slot, _) => format!("whose {} has a value it may not have", at(slot)),
                Self::ClearCardData => "with card data in clear".to_owned(),
                Self::Masked(_) => "with a value that had to be masked".to_owned(),
                Self::Says(_) => "and must not".to_owned(),
                _ => GENERAL.to_owned(),
            },
            Self::Each(slot, when, require) => match view.broken_element(*slot, when, require) {
                Some((_, part, broken)) => broken.complaint(&part, trie),
                None => GENERAL.to_owned(),
            },
            Self::Compare(slot, relation, with) => {
                format!("whose {} is not {} {}", at(slot), relation.phrase(), at(with))
            }
            Self::OwnedByEndpoint { at: slot, .. } => {
                format!("whose {} belongs to another endpoint", at(slot))
            }
            Self::CloseCodeSendable => "with a code that may not be sent".to_owned(),
            Self::NoDuplicateKeys => "with a key twice in one object".to_owned(),
            Self::SizeAtMost(_) => "that is larger than it may be".to_owned(),
            Self::FitsBody(bodies) => match view.kind.and_then(|kind| bodies.get(kind.0)) {
                Some(Body::Unknown(_)) => "that is described nowhere".to_owned(),
                None | Some(Body::Unsaid | Body::Schema(_)) => GENERAL.to_owned(),
            },
            Self::From(_) => "that is not its own to send".to_owned(),
            Self::AtEndpoint(_) => "on the wrong endpoint".to_owned(),
            Self::Says(_) if view.detail.starts_with('/') => {
                "whose path is spelled otherwise than it may be".to_owned()
            }
            Self::Says(_) => "that is spelled otherwise than it may be".to_owned(),
            Self::OfKind(_) | Self::Masked(_) | Self::ClearCardData => GENERAL.to_owned(),
        }
    }

    /// Where it looks, if at one place.
    const fn place(&self) -> Option<Slot> {
        match self {
            Self::Has(slot) | Self::Value(slot, _) => Some(*slot),
            _ => None,
        }
    }
}

/// Where no place can be named.
const GENERAL: &str = "that is not as it has to be";

fn of_value(slot: Slot, test: &ValueTest, view: &View<'_>, trie: &Trie) -> String {
    let at = format!("`{}`", trie.pointer(slot));
    let Some(wrong) = view.all(slot).find(|&found| !test.holds(found, view.text)) else {
        return format!("whose {at} is missing");
    };
    match test {
        ValueTest::NotEmpty if wrong.kind == Kind::Null => format!("whose {at} is null"),
        ValueTest::NotEmpty => format!("whose {at} is empty"),
        ValueTest::OneOf(values) if values.len() > NAMED => {
            format!("whose {at} is none of the values it may be")
        }
        ValueTest::Like(_) => format!("whose {at} is not spelled as it has to be"),
        ValueTest::OneOf(_) | ValueTest::Is(_) | ValueTest::Format(_) | ValueTest::Fits(..) => {
            format!("whose {at} is not {}", test.wanted())
        }
    }
}

fn lacking(places: &[String]) -> String {
    match places {
        [] => GENERAL.to_owned(),
        [only] => format!("whose {only} is missing"),
        [one, other] => format!("with neither {one} nor {other}"),
        more => format!("with none of the {} values of which it has to have one", more.len()),
    }
}
