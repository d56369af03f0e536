//! `unique`: no two messages share a key in the scope. The sender of the second is to blame.
//!
//! What is remembered of a key is 32 bytes, whatever its length: a digest, where it was first used, when.

use super::Witness;
use super::digest::Digest;
use super::ledger::{Charge, Ledger, a, the};
use super::sighting::{RuleIndex, Sighting};
use super::used::{FirstUse, Used};
use crate::pack::{Scope, Unique};

/// One `unique` rule at work.
#[derive(Debug)]
pub(crate) struct UniqueRule {
    pub(crate) rule: RuleIndex,
    pub(crate) unique: Unique,
    used: Used,
}

impl UniqueRule {
    pub(crate) fn new(rule: RuleIndex, unique: Unique) -> Self {
        Self { rule, unique, used: Used::default() }
    }

    pub(crate) fn observe(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.unique.on, sighting) {
            return;
        }
        let Some(group) = sighting.group(self.unique.grouping) else { return };
        let mut digest = Digest::default();
        match self.unique.scope {
            Scope::Connection => digest.number(sighting.connection.0),
            Scope::Recording | Scope::Installation => {}
        }
        digest.token(&ledger.groups[self.unique.grouping.0].get(group).key);
        let here = FirstUse::new(sighting.source, sighting.n(), sighting.at());
        let Some(first) = self.used.note(digest.finish(), here) else {
            ledger.met(self.rule, sighting);
            return;
        };
        let grouping = self.unique.grouping;
        let name = ledger.flow(grouping, Some(group)).unwrap_or_default();
        let earlier = Witness {
            source: first.source(),
            n: first.n(),
            at: first.at,
            connection: None,
            from: Some(sighting.from),
            role: "first use".to_owned(),
            excerpt: format!("… {name} …"),
            marked: None,
            kind: None,
            pointer: None,
        };
        ledger.accuse(self.rule, sighting, None, |ledger, sighting| {
            let noun = &ledger.kind(sighting.kind).what;
            let key = &ledger.pack.groupings[grouping.0].name;
            let key_at = ledger.kind(sighting.kind).keys.iter().find(|at| at.grouping == grouping);
            let found = key_at.and_then(|at| sighting.view.extract.first(*at.slots.first()?));
            Charge {
                accused: sighting.from,
                what: format!("{} used the {key} key `{name}` for a second {noun}", the(sighting.from)),
                expected: format!("a key no earlier {noun} has used"),
                got: format!("`{name}`, as in {} of event {}", a(noun), first.n()),
                first: Some(earlier),
                earlier: Vec::new(),
                role: "second use",
                marked: found.map(|found| found.range()),
            }
        });
    }

    /// A recording ended.
    pub(crate) fn end_of_recording(&mut self) {
        match self.unique.scope {
            Scope::Recording | Scope::Connection => self.used.clear(),
            Scope::Installation => {}
        }
    }
}
