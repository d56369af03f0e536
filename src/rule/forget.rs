//! What is forgotten, and when: memory does not grow with the recording.
//!
//! A grouping keeps a bounded number of groups. What is owed in one that has to go is settled as if the
//! recording ended there; rules drop what they know of it.

use super::judge::Judge;
use super::missing::Ended;
use super::sighting::GroupSlot;
use crate::pack::{Grouping, GroupingId};

impl Judge {
    pub(super) fn forget_surplus(&mut self) {
        if !std::mem::take(&mut self.crowded) {
            return;
        }
        for grouping in 0..self.ledger.groups.len() {
            if !self.ledger.groups[grouping].is_crowded() {
                continue;
            }
            while let Some((slot, owed)) = self.ledger.groups[grouping].surplus() {
                if owed {
                    self.settle_group(GroupingId(grouping), slot);
                }
                self.forget(GroupingId(grouping), slot);
            }
            self.crowded |= self.ledger.groups[grouping].is_crowded();
        }
    }

    /// Far too much is owed: the oldest is judged as if the recording ended here.
    pub(super) fn settle_group(&mut self, grouping: GroupingId, slot: GroupSlot) {
        let ids: Vec<_> = self.ledger.obligations.ids().collect();
        for id in ids {
            let here = self.ledger.obligations.get(id).filter(|o| (o.grouping, o.group) == (grouping, slot));
            if let Some(open) = here {
                let at = open.deadline.unwrap_or(open.since);
                self.settle(id, &Ended::Horizon(at));
            }
        }
    }

    /// Every group of a grouping is over.
    pub(super) fn drain(&mut self, grouping: GroupingId) {
        while let Some(group) = self.ledger.groups[grouping.0].drain() {
            self.forget(grouping, group);
        }
    }

    pub(super) fn forget(&mut self, grouping: GroupingId, slot: GroupSlot) {
        self.forget_in_rules(grouping, slot);
        self.ledger.groups[grouping.0].forget(slot);
        self.places_epoch += u64::from(grouping.0 < Grouping::BUILT_IN);
    }

    pub(super) fn forget_in_rules(&mut self, grouping: GroupingId, slot: GroupSlot) {
        for &rule in &self.remembering[grouping.0] {
            self.rules[rule].forget(grouping, slot, &mut self.ledger);
        }
        for &rule in &self.bound[grouping.0] {
            if let Some(force) = &mut self.force[rule] {
                force.forget(slot);
            }
        }
    }
}
