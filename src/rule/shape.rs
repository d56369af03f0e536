//! `shape`: every matching message satisfies a constraint. Its sender is to blame.

use super::accusation::Charge;
use super::ledger::Ledger;
use super::plans::{Foresight, Foretold};
use super::sighting::{RuleIndex, Sighting};
use super::words::{a, the};
use crate::pack::{Carrier, Shape};

/// One `shape` rule at work. It remembers nothing.
#[derive(Debug)]
pub(crate) struct ShapeRule {
    pub(crate) rule: RuleIndex,
    pub(crate) shape: Shape,
}

impl ShapeRule {
    pub(super) fn foretell(&self, foresight: Foresight<'_>) -> Foretold {
        if foresight.has_failed(self.rule) {
            return Foretold::Nothing;
        }
        match (foresight.is_meant(&self.shape.on), foresight.passes(&self.shape.require)) {
            (Some(true), Some(true)) => Foretold::Kept,
            _ => Foretold::Open,
        }
    }

    #[inline(never)]
    pub(crate) fn observe(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        // A rule that could not be evaluated says no more.
        if !ledger.selects(&self.shape.on, sighting) || ledger.tallies[self.rule.index()].error.is_some() {
            return;
        }
        let Some(broken) = self.shape.require.iter().find(|test| !test.holds(&sighting.view)) else {
            ledger.met(self.rule, sighting);
            return;
        };
        if broken.overruns(&sighting.view) {
            return ledger.fail(self.rule, sighting);
        }
        ledger.accuse(self.rule, sighting, None, |ledger, sighting| {
            let kind = ledger.kind(sighting.kind);
            let verb = if kind.carriers.contains(Carrier::Open) { "opened" } else { "sent" };
            Charge {
                accused: sighting.from,
                what: format!(
                    "{} {verb} {} {}",
                    the(sighting.from),
                    a(ledger.noun(&self.shape.on, sighting)),
                    broken.complaint(&sighting.view, &ledger.pack.trie)
                ),
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
