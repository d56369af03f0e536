//! When a rule is in force: after a message, until one, since one; for any pattern alike.
//!
//! The message that starts or ends it is itself judged by what held before it came.

use std::sync::Arc;

use super::Witness;
use super::ledger::Ledger;
use super::sighting::{GroupSlot, Sighting};
use crate::pack::{GroupingId, Span};

/// Where and when one rule is in force.
#[derive(Debug)]
pub(super) struct Force {
    pub(super) span: Span,
    /// By group: whether that has changed since the group began.
    turned: Vec<bool>,
    /// By group: the message that has put it in force.
    grounds: Vec<Option<Arc<Witness>>>,
}

/// What a message has done to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    None,
    /// It is no more in force in this group.
    Ended(GroupSlot),
    /// What it remembers counts no more.
    Anew,
}

impl Force {
    pub(super) const fn new(span: Span) -> Self {
        Self { span, turned: Vec::new(), grounds: Vec::new() }
    }

    pub(super) const fn grouping(&self) -> GroupingId {
        self.span.grouping
    }

    /// Whether the rule looks at this message.
    #[inline]
    pub(super) fn holds(&self, sighting: &Sighting<'_>) -> bool {
        let group = sighting.group(self.span.grouping);
        let turned = group.and_then(|group| self.turned.get(group.0 as usize)).copied();
        turned.unwrap_or(false) != self.span.after.is_none()
    }

    /// The message that has put the rule in force, so that it is judged at all.
    pub(super) fn ground(&self, sighting: &Sighting<'_>) -> Option<Arc<Witness>> {
        let group = sighting.group(self.span.grouping)?;
        self.grounds.get(group.0 as usize)?.clone()
    }

    /// What a message changes for those after it.
    pub(super) fn observe(&mut self, sighting: &Sighting<'_>, ledger: &Ledger) -> Turn {
        let Span { after, until, since, grouping } = &self.span;
        let is = |selector: &Option<_>| {
            selector.as_ref().is_some_and(|selector| ledger.selects_kind(selector, sighting))
        };
        if is(since) {
            return Turn::Anew;
        }
        let Some(group) = sighting.group(*grouping) else { return Turn::None };
        let held = self.holds(sighting);
        let holds = is(after) || held && !is(until);
        let turned = holds != after.is_none();
        let index = group.0 as usize;
        if index >= self.turned.len() {
            self.turned.resize(index + 1, false);
        }
        self.turned[index] = turned;
        if holds && !held {
            self.grounds.resize(self.turned.len(), None);
            self.grounds[index] = Some(Arc::new(sighting.witness(&ledger.pack, "in force since", None)));
        }
        if held && is(until) { Turn::Ended(group) } else { Turn::None }
    }

    /// A group is over.
    pub(super) fn forget(&mut self, group: GroupSlot) {
        if let Some(turned) = self.turned.get_mut(group.0 as usize) {
            *turned = false;
        }
        if let Some(ground) = self.grounds.get_mut(group.0 as usize) {
            *ground = None;
        }
    }
}
