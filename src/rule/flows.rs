//! What a message does to the flows it belongs to: opens one, finishes one, spoils one.

use super::group::Taint;
use super::judge::Judge;
use super::sighting::{RuleIndex, Sighting};
use crate::pack::{GroupingId, LensSet, Role};

impl Judge {
    /// A message that opens a flow: a finished flow of the same key is another one.
    pub(super) fn opens(&mut self, sighting: &mut Sighting<'_>) {
        for index in 0..self.flow_keys.len() {
            let grouping = self.flow_keys[index];
            let Some(slot) = sighting.group(grouping) else { continue };
            let group = self.ledger.groups[grouping.0].get(slot);
            if group.finished && !group.is_owed() && group.opened.is_some() {
                self.forget_in_rules(grouping, slot);
                let group = self.ledger.groups[grouping.0].get_mut(slot);
                group.finished = false;
                group.taint = None;
                group.doubt = None;
                group.opened = None;
                group.opened_by = None;
                group.opener = LensSet::default();
                group.opened_on = None;
                // Who was heard in the flow before has said nothing in this one.
                group.heard = [false; 3];
            }
            let group = self.ledger.groups[grouping.0].get_mut(slot);
            if group.opened.is_none() {
                group.opened = Some(sighting.event.n);
                group.opened_by = Some(sighting.kind);
                group.opener = sighting.lenses;
                group.opened_on = Some(sighting.connection);
                if self.abandoned {
                    self.note_open(sighting, grouping, slot);
                }
            }
        }
        self.flows += 1;
    }

    /// A broken message may have been meant as an answer its sender still owes.
    pub(super) fn explain(&mut self, sighting: &Sighting<'_>, root: RuleIndex) {
        for grouping in (0..self.ledger.groups.len()).map(GroupingId) {
            if let Some(group) = sighting.group(grouping) {
                self.ledger.explain((grouping, group), sighting, &[sighting.kind], root);
            }
        }
    }

    /// What the groups of a message remember of it.
    pub(super) fn note_in_groups(&mut self, sighting: &Sighting<'_>, role: Role) {
        if role == Role::Opens {
            let link = self.ledger.links.get_mut(sighting.link);
            link.last_opened = sighting.n();
            link.broken_opener = sighting.tainted.map(|rule| Taint { by: sighting.from, rule });
        }
        for &grouping in &self.flow_keys {
            let Some(slot) = sighting.group(grouping) else { continue };
            let group = self.ledger.groups[grouping.0].get_mut(slot);
            if role == Role::Final {
                group.finished = true;
                let open = &mut self.ledger.links.get_mut(sighting.link).open_flows;
                open.retain(|&(of, flow, _)| (of, flow) != (grouping, slot));
            }
            if let Some(rule) = sighting.tainted {
                let taint = Taint { by: sighting.from, rule };
                group.doubt.get_or_insert(taint);
                if role == Role::Opens || group.opened.is_none() {
                    group.taint.get_or_insert(taint);
                }
            }
        }
    }
}
