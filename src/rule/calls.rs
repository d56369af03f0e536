//! Who is called for the messages of a kind, prepared once: a message costs what the rules that name it cost.

use super::machine::{Machine, Part};
use super::sighting::RuleIndex;
use crate::pack::{KindId, Pack, Selector};

/// Who is called for the messages of a kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    /// In this order.
    pub(super) machines: Vec<Call>,
    /// Rules that such a message may put into force, or out of it, for those after it.
    pub(super) turns: Vec<usize>,
    /// Rules to which such a message is evidence, and nothing more.
    pub(super) evidence: Vec<RuleIndex>,
    /// How many of them came.
    pub(super) seen: u64,
}

/// Which rule is called, and what the message is to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) rule: usize,
    pub(super) part: Part,
    /// Whether the rule is not always in force.
    pub(super) is_spanned: bool,
}

impl Calls {
    pub(super) fn add(&mut self, index: usize, machine: &Machine, pack: &Pack, kind: KindId) {
        let span = &pack.rules[machine.rule().0].span;
        let is = |named: &[KindId]| named.iter().any(|&named| pack.is_a(kind, named));
        if span.is_none() && machine.takes_as_evidence(pack, kind) {
            self.evidence.push(machine.rule());
            return;
        }
        let mut parts = Vec::new();
        machine.parts(|named, part| {
            if is(named) && !parts.contains(&part) {
                parts.push(part);
            }
        });
        parts.sort();
        let is_spanned = span.as_ref().is_some_and(|span| span.after.is_some() || span.until.is_some());
        self.machines.extend(parts.into_iter().map(|part| Call { rule: index, part, is_spanned }));
        if let Some(span) = span {
            let selects = |selector: &Option<Selector>| selector.as_ref().is_some_and(|s| is(&s.kinds));
            if selects(&span.after) || selects(&span.until) || selects(&span.since) {
                self.turns.push(index);
            }
        }
    }
}
