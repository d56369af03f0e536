//! `unique`: no two messages share a key in the scope. The sender of the second is to blame.
//!
//! What is remembered of a key is 32 bytes, whatever its length: a digest, where it was first used, when.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;

use super::Witness;
use super::group::{Digest, Passed};
use super::ledger::{Charge, Ledger, a, the};
use super::sighting::{RuleIndex, Sighting};
use crate::conversation::{EventNumber, Offset};
use crate::pack::{Scope, Unique};

/// One `unique` rule at work.
#[derive(Debug)]
pub(crate) struct UniqueRule {
    pub(crate) rule: RuleIndex,
    pub(crate) unique: Unique,
    used: HashMap<u128, FirstUse, BuildHasherDefault<Passed>>,
}

/// Source and number of an event in one word, and its time.
#[derive(Clone, Copy, Debug)]
struct FirstUse {
    place: u64,
    at: Offset,
}

impl FirstUse {
    fn new(source: usize, n: EventNumber, at: Offset) -> Self {
        Self { place: (source as u64) << 48 | n.0 & 0xffff_ffff_ffff, at }
    }

    const fn source(self) -> usize {
        (self.place >> 48) as usize
    }

    const fn n(self) -> EventNumber {
        EventNumber(self.place & 0xffff_ffff_ffff)
    }
}

impl UniqueRule {
    pub(crate) fn new(rule: RuleIndex, unique: Unique) -> Self {
        Self { rule, unique, used: HashMap::default() }
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
        let first = match self.used.entry(digest.finish()) {
            Entry::Vacant(place) => {
                place.insert(here);
                ledger.met(self.rule, sighting);
                return;
            }
            Entry::Occupied(first) => *first.get(),
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
        };
        let stood = ledger.accuse(self.rule, sighting, None, |ledger, sighting| {
            let noun = &ledger.kind(sighting.kind).what;
            let key = &ledger.pack.groupings[grouping.0].name;
            let key_at = ledger.kind(sighting.kind).keys.iter().find(|at| at.grouping == grouping);
            let found = key_at.and_then(|at| sighting.view.extract.first(*at.slots.first()?));
            Charge {
                accused: sighting.from,
                what: format!("{} used the {key} key `{name}` for a second {noun}", the(sighting.from)),
                expected: format!("a key no earlier {noun} has used"),
                got: format!("`{name}`, as in {} of event {}", a(noun), first.n()),
                earlier: Vec::new(),
                role: "second use",
                marked: found.map(|found| found.range()),
            }
        });
        if stood && let Some(finding) = ledger.tallies[self.rule.0].findings.last_mut() {
            finding.witnesses.insert(0, earlier);
        }
    }

    /// A recording ended.
    pub(crate) fn end_of_recording(&mut self) {
        match self.unique.scope {
            Scope::Recording | Scope::Connection => self.used.clear(),
            Scope::Installation => {}
        }
    }
}
