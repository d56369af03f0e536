//! One rule at work, whatever its pattern: what it is called for, and the calls.

use super::agree::AgreeRule;
use super::ledger::Ledger;
use super::limit::LimitRule;
use super::never::NeverRule;
use super::order::OrderRule;
use super::precede::PrecedeRule;
use super::respond::RespondRule;
use super::shape::ShapeRule;
use super::sighting::{GroupSlot, RuleIndex, Sighting};
use super::unique::UniqueRule;
use crate::pack::{GroupingId, Judges, KindId, Pack, Pattern, Selector};

/// One rule at work.
#[derive(Debug)]
pub(super) enum Machine {
    Shape(ShapeRule),
    Never(NeverRule),
    Unique(UniqueRule),
    Respond(RespondRule),
    Precede(PrecedeRule),
    Order(OrderRule),
    Agree(AgreeRule),
    Limit(LimitRule),
}

/// What a message can be to a rule; in the order of the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// What is judged: a shape's, a never's, a unique's message; a precede's `then`; an answer; …
    Judged,
    /// What starts windows anew, ends what counts, takes a permission away.
    Resets,
    /// What the judged one is compared to, waits for, comes after or among.
    Ground,
    /// Among which a `never` could have been broken.
    Among,
}

impl Machine {
    /// The rule that states `pattern`.
    pub(super) fn new(rule: RuleIndex, pattern: &Pattern) -> Self {
        match pattern.clone() {
            Pattern::Shape(shape) => Self::Shape(ShapeRule { rule, shape }),
            Pattern::Never(never) => Self::Never(NeverRule::new(rule, never)),
            Pattern::Unique(unique) => Self::Unique(UniqueRule::new(rule, unique)),
            Pattern::Respond(respond) => Self::Respond(RespondRule::new(rule, respond)),
            Pattern::Precede(precede) => Self::Precede(PrecedeRule::new(rule, precede)),
            Pattern::Order(order) => Self::Order(OrderRule::new(rule, order)),
            Pattern::Agree(agree) => Self::Agree(AgreeRule::new(rule, agree)),
            Pattern::Limit(limit) => Self::Limit(LimitRule::new(rule, limit)),
        }
    }

    pub(super) const fn rule(&self) -> RuleIndex {
        match self {
            Self::Shape(machine) => machine.rule,
            Self::Never(machine) => machine.rule,
            Self::Unique(machine) => machine.rule,
            Self::Respond(machine) => machine.rule,
            Self::Precede(machine) => machine.rule,
            Self::Order(machine) => machine.rule,
            Self::Agree(machine) => machine.rule,
            Self::Limit(machine) => machine.rule,
        }
    }

    /// The grouping it remembers something of.
    pub(super) const fn grouping(&self) -> Option<GroupingId> {
        match self {
            Self::Shape(_) => None,
            Self::Never(machine) => match machine.never.after {
                Some(_) => Some(machine.never.grouping),
                None => None,
            },
            Self::Unique(machine) => Some(machine.unique.grouping),
            Self::Respond(machine) => Some(machine.respond.grouping),
            Self::Precede(machine) => Some(machine.precede.grouping),
            Self::Order(machine) => Some(machine.order.grouping),
            Self::Agree(machine) => Some(machine.agree.grouping),
            Self::Limit(machine) => Some(machine.limit.grouping),
        }
    }

    /// Whether a message of `kind` only shows that the rule could have been broken, and was not.
    pub(super) fn takes_as_evidence(&self, pack: &Pack, kind: KindId) -> bool {
        let Self::Never(NeverRule { never, .. }) = self else { return false };
        let is = |named: &[KindId]| named.iter().any(|&named| pack.is_a(kind, named));
        let among = never.among.as_ref().is_some_and(|among| among.tests.is_empty() && is(&among.kinds));
        among && !is(&never.message.kinds) && never.after.is_none()
    }

    /// Whether it judges that an answer comes at all, where `prompt` judges how soon.
    pub(super) fn is_partner_of(&self, prompt: &Self) -> bool {
        let (Self::Respond(existence), Self::Respond(prompt)) = (self, prompt) else { return false };
        prompt.respond.judges == Judges::Promptness
            && existence.respond.judges == Judges::Existence
            && existence.respond.grouping == prompt.respond.grouping
            && existence.respond.to.kinds == prompt.respond.to.kinds
            && existence.respond.with.kinds == prompt.respond.with.kinds
    }

    /// The kinds it is called for, and what they are to it.
    pub(super) fn parts(&self, mut call: impl FnMut(&[KindId], Part)) {
        let mut maybe = |selector: &Option<Selector>, part: Part| {
            if let Some(selector) = selector {
                call(&selector.kinds, part);
            }
        };
        match self {
            Self::Shape(machine) => call(&machine.shape.on.kinds, Part::Judged),
            Self::Never(machine) => {
                maybe(&machine.never.after, Part::Ground);
                maybe(&machine.never.among, Part::Among);
                call(&machine.never.message.kinds, Part::Judged);
            }
            Self::Unique(machine) => call(&machine.unique.on.kinds, Part::Judged),
            Self::Respond(machine) => {
                maybe(&machine.respond.restart, Part::Resets);
                maybe(
                    &machine.respond.window.learned.as_ref().map(|learned| learned.from.clone()),
                    Part::Resets,
                );
                maybe(&machine.respond.void, Part::Resets);
                call(&machine.respond.with.kinds, Part::Judged);
                call(&machine.respond.to.kinds, Part::Ground);
            }
            Self::Precede(machine) => {
                maybe(&machine.precede.reset, Part::Resets);
                call(&machine.precede.then.kinds, Part::Judged);
                call(&machine.precede.first.kinds, Part::Ground);
            }
            Self::Order(machine) => call(&machine.order.kinds, Part::Judged),
            Self::Agree(machine) => {
                call(&machine.agree.of.kinds, Part::Judged);
                call(&machine.agree.with.kinds, Part::Ground);
            }
            Self::Limit(machine) => {
                maybe(&machine.limit.until, Part::Resets);
                call(&machine.limit.on.kinds, Part::Judged);
            }
        }
    }

    #[inline]
    pub(super) fn call(&mut self, part: Part, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        match (self, part) {
            (Self::Shape(machine), _) => machine.observe(sighting, ledger),
            (Self::Unique(machine), _) => machine.observe(sighting, ledger),
            (Self::Order(machine), _) => machine.observe(sighting, ledger),
            (Self::Never(machine), Part::Judged) => machine.message(sighting, ledger),
            (Self::Never(machine), Part::Among) => machine.among(sighting, ledger),
            (Self::Never(machine), Part::Ground | Part::Resets) => machine.after(sighting, ledger),
            (Self::Respond(machine), Part::Judged) => machine.answer(sighting, ledger),
            (Self::Respond(machine), Part::Resets) => machine.reset(sighting, ledger),
            (Self::Respond(machine), Part::Ground | Part::Among) => machine.trigger(sighting, ledger),
            (Self::Precede(machine), Part::Judged) => machine.then(sighting, ledger),
            (Self::Precede(machine), Part::Resets) => machine.reset(sighting, ledger),
            (Self::Precede(machine), Part::Ground | Part::Among) => machine.first(sighting, ledger),
            (Self::Agree(machine), Part::Judged) => machine.of(sighting, ledger),
            (Self::Agree(machine), Part::Ground | Part::Resets | Part::Among) => {
                machine.with(sighting, ledger);
            }
            (Self::Limit(machine), Part::Judged) => machine.on(sighting, ledger),
            (Self::Limit(machine), Part::Resets | Part::Ground | Part::Among) => {
                machine.until(sighting, ledger);
            }
        }
    }

    pub(super) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        match self {
            Self::Shape(_) | Self::Unique(_) => {}
            Self::Never(machine) => machine.forget(group, ledger),
            Self::Respond(machine) => machine.forget(group, ledger),
            Self::Precede(machine) => machine.forget(group),
            Self::Order(machine) => machine.forget(group, ledger),
            Self::Agree(machine) => machine.forget(group, ledger),
            Self::Limit(machine) => machine.forget(group, ledger),
        }
    }
}

/// Patterns that look at one message alone come before those that look at the past.
pub(super) const fn rank(pattern: &Pattern) -> u8 {
    match pattern {
        Pattern::Shape(_) => 0,
        Pattern::Never(_) => 1,
        Pattern::Unique(_) => 2,
        Pattern::Precede(_) => 3,
        Pattern::Order(_) => 4,
        Pattern::Agree(_) => 5,
        Pattern::Limit(_) => 6,
        Pattern::Respond(_) => 7,
    }
}
