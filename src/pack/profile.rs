//! What a message is like, in numbers: all that the tests of a pack can tell of it, and nothing that differs from
//! one message to the next of its sort.
//!
//! Messages of one profile have values at the same pointers, of the same types, and each value is of the same class:
//! the very word that a test asks for, or one that gives each test there the same answer. So what a test says of
//! one of them it says of all, as far as [`Profiler::tells`] vouches for it.

use super::extract::{Found, Slot};
use super::lesson::Scalar;
use super::model::{Kind, Rule};
use super::names::Names;
use super::pattern::Pattern;
use super::test::{Body, Test};
use super::value::{Literal, ValueTest};
use super::view::View;
use crate::text::json::Kind as Type;

/// Makes profiles of the messages a pack is about.
#[derive(Clone, Debug)]
pub struct Profiler {
    /// By slot.
    classes: Vec<Classes>,
    /// By slot: whether any test asks more of the values there than their type.
    asks: Vec<bool>,
    /// Up to this size, in bytes, no test tells a message from a smaller one.
    small: u64,
}

/// The profile of one message.
#[derive(Clone, Debug)]
pub struct Profile {
    words: Box<[u64; WORDS]>,
    length: usize,
}

/// What tests ask of the values at one pointer.
#[derive(Clone, Debug, Default)]
struct Classes {
    /// What stands between the quotes of the texts they name.
    texts: Names,
    /// The numbers they name.
    numbers: Vec<Literal>,
    /// What else they ask, each once.
    asked: Vec<ValueTest>,
}

/// Values in one message; with more it has no profile.
const MOST_VALUES: usize = 252;

/// Numbers that make up a profile, at most.
const WORDS: usize = MOST_VALUES + 4;

/// Words and numbers that are told apart at one pointer.
const MOST_LITERALS: usize = 1 << 15;

/// Questions that are asked at one pointer.
const MOST_ASKED: usize = 24;

/// Words and numbers named at one pointer, so few that each may have an outline of its own.
const FEW_LITERALS: usize = 64;

impl Profiler {
    /// Of messages of these kinds, which these rules judge; `values` says how many pointers are asked for.
    pub fn new(values: usize, kinds: &[Kind], rules: &[Rule]) -> Self {
        let mut profiler =
            Self { classes: vec![Classes::default(); values], asks: vec![false; values], small: u64::MAX };
        let mut note = |tests: &[Test]| tests.iter().for_each(|test| profiler.note(test));
        kinds.iter().for_each(|kind| note(&kind.tests));
        for rule in rules {
            rule.pattern.selectors(|selector| note(&selector.tests));
            if let Pattern::Shape(shape) = &rule.pattern {
                note(&shape.require);
            }
            if let Some(span) = &rule.span {
                span.selectors().for_each(|selector| note(&selector.tests));
            }
        }
        profiler
    }

    /// Writes down the profile of a JSON message, which has no kind yet; `false` where it has none.
    pub fn profile(&self, view: &View<'_>, profile: &mut Profile) -> bool {
        if view.extract.count() > MOST_VALUES || view.size > self.small {
            return false;
        }
        let words = &mut profile.words;
        let from = view.from.map_or(0, |from| from as u64 + 1);
        let endpoint = view.endpoint.map_or(0, |endpoint| endpoint.0 as u64 + 1);
        let (doubts, outline) = (view.extract.doubts, view.extract.outline);
        words[0] = from
            | u64::from(view.masked.bits()) << 8
            | u64::from(view.scanned) << 16
            | u64::from(view.extract.duplicate().is_some()) << 17
            | endpoint << 32;
        words[1] = doubts as u64;
        words[2] = (doubts >> 64) as u64;
        words[3] = outline.map_or(0, |outline| u64::from(outline) + 1);
        let mut length = 4;
        let classified = view.extract.see_asked(|found| {
            let slot = usize::from(found.slot.0);
            let class = match self.asks[slot] {
                true => self.classes[slot].class(found, view.text)?,
                false => 0,
            };
            words[length] = u64::from(found.slot.0) | (found.kind as u64) << 16 | class << 24;
            length += 1;
            Some(())
        });
        profile.length = length;
        classified.is_some()
    }

    /// Whether tests ask more of the values there than their type.
    pub(super) fn asks(&self, slot: Slot) -> bool {
        self.asks[usize::from(slot.0)]
    }

    /// Whether tests name this very value, among few.
    pub(super) fn names(&self, scalar: &Scalar<'_>) -> bool {
        let Some(classes) = scalar.slot.and_then(|slot| self.classes.get(usize::from(slot.0))) else {
            return false;
        };
        classes.texts.len() + classes.numbers.len() <= FEW_LITERALS
            && (scalar.kind == Type::String || scalar.kind == Type::Number)
            && classes.knows(&Literal(scalar.token.to_owned()))
    }

    /// Whether what `test` says of a message it says of every message of the same profile and kind.
    pub fn tells(&self, test: &Test, view: &View<'_>) -> bool {
        let all = |tests: &[Test]| tests.iter().all(|test| self.tells(test, view));
        match test {
            Test::Has(_)
            | Test::Absent(_)
            | Test::ExactlyOne(_)
            | Test::Masked(_)
            | Test::CloseCodeSendable
            | Test::NoDuplicateKeys
            | Test::From(_)
            | Test::AtEndpoint(_)
            | Test::Says(_)
            | Test::SizeAtMost(_)
            | Test::OfKind(_) => true,
            Test::ClearCardData => view.scanned,
            Test::Compare(at, _, with) => !view.has(*at) || !view.has(*with),
            Test::Value(slot, ValueTest::Fits(_, check))
            | Test::Optional(slot, ValueTest::Fits(_, check)) => {
                !view.has(*slot) || check.is_some_and(|check| !view.extract.doubts(check))
            }
            Test::Value(slot, asked) | Test::Optional(slot, asked) => {
                !view.has(*slot) || self.classes[usize::from(slot.0)].tell(asked)
            }
            Test::Key(keys, asked) => view
                .key(keys)
                .is_none_or(|slot| !view.has(slot) || self.classes[usize::from(slot.0)].tell(asked)),
            Test::OwnedByEndpoint { at, named_at, endpoints } => {
                let owned = endpoints.iter().flat_map(|endpoint| &endpoint.types);
                let known = &self.classes[usize::from(at.0)];
                !view.has(*at)
                    || named_at.iter().all(|&slot| !view.has(slot))
                        && owned.map(|own| Literal::string(own)).all(|own| known.knows(&own))
            }
            Test::FitsBody(bodies) => match view.kind.and_then(|kind| bodies.get(kind.0)) {
                None | Some(Body::Unsaid | Body::Unknown(_)) => true,
                Some(Body::Schema(_)) => false,
            },
            Test::Any(tests) | Test::All(tests) => all(tests),
            Test::Not(test) => self.tells(test, view),
            Test::Each(_, when, require) => all(when) && all(require),
        }
    }

    /// Takes note of what a test asks of values.
    fn note(&mut self, test: &Test) {
        match test {
            Test::Value(slot, asked) | Test::Optional(slot, asked) => self.note_asked(*slot, asked),
            Test::Key(keys, asked) => keys.iter().flatten().for_each(|&slot| self.note_asked(slot, asked)),
            Test::OwnedByEndpoint { at, endpoints, .. } => {
                let owned = endpoints.iter().flat_map(|endpoint| &endpoint.types);
                let owned = owned.map(|own| Literal::string(own)).collect();
                self.note_asked(*at, &ValueTest::OneOf(owned));
            }
            Test::SizeAtMost(most) => self.small = self.small.min(*most),
            Test::Any(tests) | Test::All(tests) => tests.iter().for_each(|test| self.note(test)),
            Test::Not(test) => self.note(test),
            Test::Each(_, when, require) => when.iter().chain(require).for_each(|test| self.note(test)),
            Test::Has(_)
            | Test::Absent(_)
            | Test::ExactlyOne(_)
            | Test::Masked(_)
            | Test::ClearCardData
            | Test::CloseCodeSendable
            | Test::NoDuplicateKeys
            | Test::Compare(..)
            | Test::From(_)
            | Test::AtEndpoint(_)
            | Test::Says(_)
            | Test::FitsBody(_)
            | Test::OfKind(_) => {}
        }
    }

    fn note_asked(&mut self, slot: Slot, asked: &ValueTest) {
        let classes = &mut self.classes[usize::from(slot.0)];
        self.asks[usize::from(slot.0)] |= !matches!(asked, ValueTest::Is(_) | ValueTest::Fits(..));
        match asked {
            ValueTest::OneOf(literals) => literals.iter().for_each(|literal| classes.name(literal)),
            ValueTest::NotEmpty | ValueTest::Format(_) | ValueTest::Like(_) => {
                if classes.asked.len() < MOST_ASKED && !classes.asked.iter().any(|known| known.asks(asked)) {
                    classes.asked.push(asked.clone());
                }
            }
            // The type is a part of the profile, and so is whether a schema is in doubt.
            ValueTest::Is(_) | ValueTest::Fits(..) => {}
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self { words: Box::new([0; WORDS]), length: 0 }
    }
}

impl Profile {
    /// The numbers it is made of.
    pub fn words(&self) -> &[u64] {
        &self.words[..self.length]
    }
}

impl Classes {
    /// The class of a value among those at its pointer; `None` where it is spelled with escapes and may be any.
    fn class(&self, found: Found, text: &str) -> Option<u64> {
        let literal = match found.kind {
            Type::String if !self.texts.is_empty() => self.texts.of_token(text, found.range()),
            Type::Number if !self.numbers.is_empty() => {
                let number = self.numbers.iter().position(|number| number.0 == found.token(text));
                number.map(|index| index + self.texts.len())
            }
            Type::Object
            | Type::Array
            | Type::String
            | Type::Number
            | Type::True
            | Type::False
            | Type::Null => None,
        };
        if let Some(literal) = literal {
            return Some(literal as u64 + 1);
        }
        let token = found.token(text);
        if found.kind == Type::String && !self.texts.is_empty() && token.as_bytes().contains(&b'\\') {
            return None;
        }
        let mut bits = 0;
        for test in &self.asked {
            bits = bits << 1 | u64::from(test.is_said_by(found.kind, token));
        }
        Some(bits << 16)
    }

    /// Takes note of a word or number that a test names.
    fn name(&mut self, literal: &Literal) {
        if self.knows(literal) || self.texts.len() + self.numbers.len() >= MOST_LITERALS {
            return;
        }
        match content(literal) {
            Some(content) => self.texts.push(content),
            None if is_number(literal) => self.numbers.push(literal.clone()),
            // Told by its type alone, or spelled with escapes and left to the test.
            None => {}
        }
    }

    /// Whether values that are this literal are of a class of their own.
    fn knows(&self, literal: &Literal) -> bool {
        match content(literal) {
            Some(content) => self.texts.position(content).is_some(),
            None if is_number(literal) => self.numbers.contains(literal),
            None => matches!(literal.0.as_str(), "true" | "false" | "null"),
        }
    }

    /// Whether the class of a value tells what `asked` says of it.
    fn tell(&self, asked: &ValueTest) -> bool {
        match asked {
            ValueTest::OneOf(literals) => literals.iter().all(|literal| self.knows(literal)),
            ValueTest::Is(_) => true,
            ValueTest::NotEmpty | ValueTest::Format(_) | ValueTest::Like(_) => {
                self.asked.iter().any(|known| known.asks(asked))
            }
            ValueTest::Fits(..) => false,
        }
    }
}

/// What stands between the quotes of a text that is spelled without escapes.
fn content(literal: &Literal) -> Option<&str> {
    let content = literal.0.strip_prefix('"')?.strip_suffix('"')?;
    (!content.contains('\\')).then_some(content)
}

fn is_number(literal: &Literal) -> bool {
    literal.0.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}
