//! Who is called for the messages of a kind, prepared once: a message costs what the rules that name it cost.

use std::sync::Arc;

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
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) rule: usize,
    pub(super) part: Part,
    /// Whether the rule is not always in force.
    pub(super) is_spanned: bool,
    /// Whether it is always, and called for every such message.
    pub(super) is_plain: bool,
    /// Where such a message has to meet a condition to be of any concern to the rule.
    pub(super) only: Option<Arc<Selector>>,
}

impl Call {
    pub(super) const fn new(rule: usize, part: Part, is_spanned: bool, only: Option<Arc<Selector>>) -> Self {
        let is_plain = !is_spanned && only.is_none();
        Self { rule, part, is_spanned, is_plain, only }
    }
}

impl Calls {
    pub(super) fn add(&mut self, index: usize, machine: &Machine, pack: &Pack, kind: KindId) {
        let span = &pack.rules[machine.rule().index()].span;
        let is = |named: &[KindId]| named.iter().any(|&named| pack.is_a(kind, named));
        if span.is_none() && machine.takes_as_evidence(pack, kind) {
            self.evidence.push(machine.rule());
            return;
        }
        let is_spanned = span.as_ref().is_some_and(|span| span.after.is_some() || span.until.is_some());
        let mut calls: Vec<Call> = Vec::new();
        machine.parts(|selector, part| {
            if !is(&selector.kinds) {
                return;
            }
            match calls.iter_mut().find(|call| call.part == part) {
                // What meets none of several conditions is left to the rule.
                Some(known) => *known = Call::new(index, part, is_spanned, None),
                None => {
                    let only = (!selector.is_plain()).then(|| Arc::new(selector.clone()));
                    calls.push(Call::new(index, part, is_spanned, only));
                }
            }
        });
        calls.sort_by_key(|call| call.part);
        self.machines.append(&mut calls);
        if let Some(span) = span {
            let selects = |selector: &Option<Selector>| selector.as_ref().is_some_and(|s| is(&s.kinds));
            if selects(&span.after) || selects(&span.until) || selects(&span.since) {
                self.turns.push(index);
            }
        }
    }
}
