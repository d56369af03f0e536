//! What a message shows that a test looks for: card data or credentials, in clear or masked since, and where.
//!
//! It says what kind of value it was and never the value.

use std::ops::Range;

use super::test::Test;
use super::view::{MaskedSet, View};
use crate::conversation::Masked;
use crate::mask::{MaskedKind, find_clear};
use crate::text::Pointer;

/// A value that should not have been in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// What it is, or was.
    pub was: MaskedKind,
    /// Where in the message, as a JSON Pointer; empty where the message is no JSON.
    pub at: String,
    /// Where in its text, unless it was masked when it was recorded.
    pub range: Option<Range<usize>>,
}

impl Exposed {
    /// As a phrase: "a card number at `/card/account_no`".
    pub fn phrase(&self) -> String {
        let place = if self.at.is_empty() { String::new() } else { format!(" at `{}`", self.at) };
        format!("{}{place}", self.was.phrase())
    }
}

impl Test {
    /// The values this test looks for and finds; empty for a test that looks for something else.
    pub fn exposed(&self, view: &View<'_>, masked: &[Masked<'_>]) -> Vec<Exposed> {
        match self {
            Self::Any(tests) | Self::All(tests) => {
                tests.iter().flat_map(|test| test.exposed(view, masked)).collect()
            }
            Self::Masked(kinds) => {
                let meant = |value: &&Masked<'_>| MaskedSet::default().with(value.was).meets(*kinds);
                let told = |value: &Masked<'_>| Exposed {
                    was: value.was,
                    at: value.at.strip_prefix("/json").unwrap_or_default().to_owned(),
                    range: None,
                };
                masked.iter().filter(meant).map(told).collect()
            }
            Self::ClearCardData if !self.holds(view) => Vec::new(),
            Self::ClearCardData => {
                let found = find_clear(view.text).into_iter().filter(|(_, kind)| kind.is_card_data());
                let told = |(range, was): (Range<usize>, MaskedKind)| Exposed {
                    was,
                    at: Pointer::at(view.text, range.start).map(|at| at.to_string()).unwrap_or_default(),
                    range: Some(range),
                };
                found.map(told).collect()
            }
            _ => Vec::new(),
        }
    }
}
