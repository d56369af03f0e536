//! `shape`: every matching message satisfies a constraint. Its sender is to blame.

use super::ledger::{Charge, Ledger};
use super::sighting::{RuleIndex, Sighting};
use super::words::{a, the};
use crate::pack::Shape;

/// One `shape` rule at work. It remembers nothing.
#[derive(Debug)]
pub(crate) struct ShapeRule {
    pub(crate) rule: RuleIndex,
    pub(crate) shape: Shape,
}

impl ShapeRule {
    pub(crate) fn observe(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.shape.on, sighting) {
            return;
        }
        let Some(broken) = self.shape.require.iter().find(|test| !test.holds(&sighting.view)) else {
            ledger.met(self.rule, sighting);
            return;
        };
        ledger.accuse(self.rule, sighting, None, |ledger, sighting| {
            let noun = &ledger.kind(sighting.kind).what;
            Charge {
                accused: sighting.from,
                what: format!("{} sent {} that is not as it has to be", the(sighting.from), a(noun)),
                expected: broken.wanted(&sighting.view, &ledger.pack.trie),
                got: broken.seen(&sighting.view, &ledger.pack.trie),
                first: None,
                earlier: Vec::new(),
                role: "message",
                marked: broken.offending(&sighting.view),
            }
        });
    }
}
