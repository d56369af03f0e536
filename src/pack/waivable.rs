//! What has to be known of a rule to waive some of its findings: whether that may be done at all, and which
//! messages its findings are about.

use super::extract::Slot;
use super::format::SelectorDef;
use super::model::{KindId, Pack, Rule};
use super::pattern::{Pattern, Selector};
use super::test::Test;
use super::trie::Trie;
use super::value::ValueTest;
use super::view::MaskedSet;
use crate::mask::MaskedKind;
use crate::text::Pointer;

/// What nobody may sign for where it stands in clear.
const CARD_DATA: [MaskedKind; 4] =
    [MaskedKind::CardNumber, MaskedKind::TrackData, MaskedKind::VerificationValue, MaskedKind::PinBlock];

impl Pattern {
    /// Whether it looks for card data in clear, which nobody can sign for.
    pub fn guards_card_data(&self) -> bool {
        let mut tests = Vec::new();
        self.selectors(|selector| tests.extend(&selector.tests));
        if let Self::Shape(shape) = self {
            tests.extend(&shape.require);
        }
        let card = CARD_DATA.into_iter().collect();
        tests.into_iter().any(|test| asks_about(test, card))
    }

    /// The messages its findings are about: every finding has one of each list among its witnesses, or has
    /// none of that list at all.
    fn about(&self) -> Vec<&[KindId]> {
        match self {
            Self::Shape(shape) => vec![&shape.on.kinds],
            Self::Never(never) => vec![&never.message.kinds],
            Self::Unique(unique) => vec![&unique.on.kinds],
            Self::Respond(respond) => vec![&respond.to.kinds, &respond.with.kinds],
            Self::Precede(precede) => vec![&precede.then.kinds],
            Self::Order(order) => vec![&order.kinds],
            Self::Agree(agree) => vec![&agree.of.kinds, &agree.with.kinds],
            Self::Limit(limit) => vec![&limit.on.kinds],
        }
    }
}

impl Pack {
    /// Whether `selector` means every message that findings of `rule` can be about: all of what is asked for,
    /// or all of what answers.
    pub fn is_whole(&self, rule: &Rule, selector: &Selector) -> bool {
        let meant = |kind: &KindId| selector.kinds.iter().any(|&named| self.is_a(*kind, named));
        selector.tests.is_empty() && rule.pattern.about().into_iter().any(|kinds| kinds.iter().all(meant))
    }
}

impl SelectorDef {
    /// The kinds it names, as written.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.iter().map(|kind| kind.get_ref().as_str())
    }
}

impl Test {
    /// Whether it can find fault in another place of a message than `at`.
    pub fn points_beside(&self, at: &Pointer, trie: &Trie) -> bool {
        let other = |slot: &Slot| trie.pointer(*slot) != at;
        match self {
            // A schema finds fault anywhere below the value it is for.
            Self::FitsBody(_)
            | Self::OfKind(_)
            | Self::Value(_, ValueTest::Fits(..))
            | Self::Optional(_, ValueTest::Fits(..)) => true,
            Self::Has(slot)
            | Self::Absent(slot)
            | Self::Value(slot, _)
            | Self::Optional(slot, _)
            | Self::Compare(slot, ..)
            | Self::OwnedByEndpoint { at: slot, .. } => other(slot),
            Self::ExactlyOne(slots) => slots.iter().any(other),
            Self::Key(slots, _) => slots.iter().flatten().any(other),
            Self::Any(tests) | Self::All(tests) => tests.iter().any(|test| test.points_beside(at, trie)),
            Self::Not(test) => test.points_beside(at, trie),
            // Its faults are in an element, or somewhere below one.
            Self::Each(..) => true,
            Self::Masked(_)
            | Self::ClearCardData
            | Self::CloseCodeSendable
            | Self::NoDuplicateKeys
            | Self::From(_)
            | Self::AtEndpoint(_)
            | Self::Says(_)
            | Self::SizeAtMost(_) => false,
        }
    }
}

fn asks_about(test: &Test, kinds: MaskedSet) -> bool {
    match test {
        Test::Masked(asked) => asked.meets(kinds),
        Test::ClearCardData => true,
        Test::Any(tests) | Test::All(tests) => tests.iter().any(|test| asks_about(test, kinds)),
        Test::Not(test) => asks_about(test, kinds),
        Test::Each(_, when, require) => when.iter().chain(require).any(|test| asks_about(test, kinds)),
        Test::FitsBody(_)
        | Test::OfKind(_)
        | Test::Has(_)
        | Test::Absent(_)
        | Test::ExactlyOne(_)
        | Test::Value(..)
        | Test::Key(..)
        | Test::CloseCodeSendable
        | Test::NoDuplicateKeys
        | Test::Optional(..)
        | Test::Compare(..)
        | Test::From(_)
        | Test::AtEndpoint(_)
        | Test::Says(_)
        | Test::SizeAtMost(_)
        | Test::OwnedByEndpoint { .. } => false,
    }
}
