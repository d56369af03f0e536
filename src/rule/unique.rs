//! `unique`: no two messages share a key in the scope. The sender of the second is to blame.
//!
//! What is remembered of a key is 32 bytes, whatever its length: a digest, where it was first used, when.

use super::Witness;
use super::accusation::Charge;
use super::digest::Digest;
use super::ledger::Ledger;
use super::sighting::{RuleIndex, Sighting};
use super::standing::Standing;
use super::used::{FirstUse, Used};
use super::words::{a, the};
use crate::pack::{Scope, Unique};

/// One `unique` rule at work.
#[derive(Debug)]
pub(crate) struct UniqueRule {
    pub(crate) rule: RuleIndex,
    pub(crate) unique: Unique,
    /// Whether keys start anew with some message.
    has_since: bool,
    digest: Digest,
    used: Used,
}

impl UniqueRule {
    pub(crate) fn new(rule: RuleIndex, unique: Unique, has_since: bool) -> Self {
        Self { rule, unique, has_since, digest: Digest::default(), used: Used::default() }
    }

    #[inline(never)]
    pub(crate) fn observe(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.unique.on, sighting) {
            return;
        }
        let Some(group) = sighting.group(self.unique.grouping) else { return };
        let is_spoilt = sighting.tainted.is_some() || sighting.spoilt.is_some();
        // Of a flow's own key it is just that which counts.
        if is_spoilt && !ledger.pack.groupings[self.unique.grouping.0].flows {
            ledger.tallies[self.rule.index()].void += 1;
            return;
        }
        let place = match self.unique.scope {
            Scope::Connection => sighting.connection.0,
            Scope::Endpoint => {
                let endpoint = ledger.links.get(sighting.link).endpoint;
                endpoint.map_or(sighting.connection.0, |endpoint| u64::MAX - endpoint.0 as u64)
            }
            Scope::Recording | Scope::Installation => 0,
        };
        let named = ledger.groups[self.unique.grouping.0].get(group);
        // Where each party numbers its own, the same number of the other one is another key.
        let place = place << 2 | named.owner().map_or(0, |owner| owner as u64 + 1);
        let digest = self.digest.of(place, named.canonical());
        let here = FirstUse::new(sighting.source, sighting.n(), sighting.at());
        let Some(first) = self.used.note(digest, here) else {
            ledger.met(self.rule, sighting);
            return;
        };
        let grouping = self.unique.grouping;
        // What starts keys anew may be among what was lost or broken since.
        let standing = match self.has_since {
            true => ledger.since(first.n(), sighting),
            false => Standing::Stands(None),
        };
        let follows = match standing {
            Standing::Stands(follows) => follows,
            Standing::Void => {
                ledger.tallies[self.rule.index()].void += 1;
                return;
            }
            Standing::Undecided(reason) => {
                let flow = ledger.flow(grouping, Some(group));
                return ledger.undecided(self.rule, reason, flow, sighting);
            }
        };
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
        ledger.accuse_following(self.rule, follows, sighting, None, |ledger, sighting| {
            let noun = ledger.kind(sighting.kind).what.as_str();
            let earlier_noun = ledger.pack.noun(&self.unique.on);
            let key_at = ledger.kind(sighting.kind).keys.iter().find(|at| at.grouping == grouping);
            let found = key_at.and_then(|at| sighting.view.extract.first(*at.slots.first()?));
            let key = key_at.and_then(|at| match at.slots[..] {
                [slot] => ledger.pack.trie.pointer(slot).tokens().last().map(|name| format!("the {name}")),
                _ => None,
            });
            let key = key.unwrap_or_else(|| format!("the {} key", ledger.pack.groupings[grouping.0].name));
            Charge {
                accused: sighting.from,
                what: format!("{} used {key} `{name}` again, for {}", the(sighting.from), a(noun)),
                expected: format!("one that no {earlier_noun} has used before"),
                got: format!("`{name}`, as in event {}", first.n()),
                first: Some(earlier),
                earlier: Vec::new(),
                role: "second use",
                marked: found.map(|found| found.range()),
            }
        });
    }

    /// Forgets every key.
    pub(crate) fn clear(&mut self) {
        self.used.clear();
    }

    /// A recording ended.
    pub(crate) fn end_of_recording(&mut self) {
        match self.unique.scope {
            Scope::Recording | Scope::Connection | Scope::Endpoint => self.used.clear(),
            Scope::Installation => {}
        }
    }
}
