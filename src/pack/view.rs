//! A message as the tests see it: its text, where the values stand, and what is known of it besides.

use std::borrow::Cow;

use super::extract::{Extract, Found, Slot};
use super::model::{Endpoint, EndpointId, KindId};
use super::test::Test;
use crate::conversation::Party;
use crate::mask::MaskedKind;
use crate::text::Decimal;
use crate::text::json;

/// A message as the tests see it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its text; empty where it has none.
    pub text: &'a str,
    /// Where the values stand that the pack asks for.
    pub extract: &'a Extract,
    /// Who has sent it; `None` for what nobody sends.
    pub from: Option<Party>,
    /// The endpoint of its connection.
    pub endpoint: Option<EndpointId>,
    /// The code of a close frame.
    pub close_code: Option<u16>,
    /// What an event says that has no text: the path of an `open`, why a frame could not be decoded.
    pub detail: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// What was masked in it.
    pub masked: MaskedSet,
    /// Whether card data in clear was looked for when it was recorded.
    pub scanned: bool,
    /// Its kind, once that is known.
    pub kind: Option<KindId>,
    /// The part of the text that is looked at, where that is not all of it.
    pub within: Option<(usize, usize)>,
}

/// Which kinds of values were masked in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaskedSet(u8);

impl MaskedSet {
    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: MaskedKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// It as one number.
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<MaskedKind> for MaskedSet {
    fn from_iter<I: IntoIterator<Item = MaskedKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::default(), Self::with)
    }
}

impl<'a> View<'a> {
    /// A message of which nothing is known but its text.
    pub fn of(text: &'a str, extract: &'a Extract) -> Self {
        Self {
            text,
            extract,
            from: None,
            endpoint: None,
            close_code: None,
            detail: "",
            size: text.len() as u64,
            masked: MaskedSet::default(),
            scanned: true,
            kind: None,
            within: None,
        }
    }
}

impl View<'_> {
    /// Whether every one of `tests` holds.
    #[inline]
    pub fn holds(&self, tests: &[Test]) -> bool {
        tests.iter().all(|test| test.holds(self))
    }

    /// The first value at a pointer, in the part that is looked at.
    #[inline]
    pub fn first(&self, slot: Slot) -> Option<Found> {
        match self.within {
            None => self.extract.first(slot),
            Some(_) => self.all(slot).next(),
        }
    }

    /// Every value at a pointer, in the part that is looked at.
    #[inline]
    pub fn all(&self, slot: Slot) -> impl Iterator<Item = Found> {
        let inside = |found: &Found| {
            self.within.is_none_or(|(start, end)| start <= found.range().start && found.range().end <= end)
        };
        self.extract.all(slot).filter(inside)
    }

    /// Whether every value at a pointer, in the part that is looked at, is like that.
    #[inline]
    pub(super) fn every(&self, slot: Slot, is: impl Fn(Found) -> bool) -> bool {
        match (self.within, self.extract.only(slot)) {
            (None, Some(found)) => is(found),
            _ => self.all(slot).all(is),
        }
    }

    #[inline]
    pub(super) fn has(&self, slot: Slot) -> bool {
        match self.within {
            None => self.extract.has(slot),
            Some(_) => self.first(slot).is_some(),
        }
    }

    /// The elements at a pointer that pass `when`, each as a view of nothing else.
    pub(super) fn elements<'v>(
        &'v self,
        slot: Slot,
        when: &'v [Test],
    ) -> impl Iterator<Item = (Found, Self)> {
        let part = |found: Found| {
            let range = found.range();
            (found, Self { within: Some((range.start, range.end)), ..*self })
        };
        self.all(slot).map(part).filter(|(_, part)| part.holds(when))
    }

    /// The first of these elements that breaks one of `require`, and which.
    pub(super) fn broken_element<'v>(
        &'v self,
        slot: Slot,
        when: &'v [Test],
        require: &'v [Test],
    ) -> Option<(Found, Self, &'v Test)> {
        self.elements(slot, when).find_map(|(found, part)| {
            let broken = require.iter().find(|test| !test.holds(&part))?;
            Some((found, part, broken))
        })
    }

    pub(super) fn number(&self, slot: Slot) -> Option<Decimal> {
        let token = self.first(slot)?.token(self.text);
        Decimal::parse(&json::string(token).unwrap_or(Cow::Borrowed(token)))
    }

    pub(super) fn key(&self, keys: &[Option<Slot>]) -> Option<Slot> {
        keys.get(self.kind?.0).copied().flatten()
    }

    pub(super) fn endpoint_of(&self, named_at: &[Slot], endpoints: &[Endpoint]) -> Option<EndpointId> {
        let named = named_at.iter().find_map(|&slot| self.extract.first(slot));
        let Some(named) = named else { return self.endpoint };
        let path = json::string(named.token(self.text))?;
        endpoints.iter().position(|endpoint| endpoint.is_at(&path)).map(EndpointId)
    }
}
