//! One rule at work, whatever its pattern: what it is called for, and the calls.

use super::agree::AgreeRule;
use super::ledger::Ledger;
use super::limit::LimitRule;
use super::never::NeverRule;
use super::order::OrderRule;
use super::plans::{Foresight, Foretold};
use super::precede::PrecedeRule;
use super::respond::RespondRule;
use super::shape::ShapeRule;
use super::sighting::{GroupSlot, RuleIndex, Sighting};
use super::unique::UniqueRule;
use crate::conversation::EventNumber;
use crate::pack::{GroupingId, Judges, KindId, Pack, Pattern, Rule, Selector};

/// One rule at work.
// Of which pattern it is is asked at each call: it stands by itself, and need not be worked out.
#[derive(Debug)]
#[repr(u8)]
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
    /// What may have taken back an addend of a sum.
    Less,
    /// After what a sum is not known.
    Doubt,
}

impl Machine {
    /// The rule as its page states it.
    pub(super) fn new(rule: RuleIndex, stated: &Rule, pack: &Pack) -> Self {
        let has_since = stated.span.as_ref().is_some_and(|span| span.since.is_some());
        match stated.pattern.clone() {
            Pattern::Shape(shape) => Self::Shape(ShapeRule { rule, shape }),
            Pattern::Never(never) => Self::Never(NeverRule::new(rule, never)),
            Pattern::Unique(unique) => Self::Unique(UniqueRule::new(rule, unique, has_since)),
            Pattern::Respond(respond) => Self::Respond(RespondRule::new(rule, respond, pack)),
            Pattern::Precede(precede) => Self::Precede(PrecedeRule::new(rule, precede)),
            Pattern::Order(order) => Self::Order(OrderRule::new(rule, order, pack)),
            Pattern::Agree(agree) => Self::Agree(AgreeRule::new(rule, agree, has_since)),
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

    /// Whether a message of `kind` only shows that the rule could have been broken, and was not.
    pub(super) fn takes_as_evidence(&self, pack: &Pack, kind: KindId) -> bool {
        let Self::Never(NeverRule { never, .. }) = self else { return false };
        let is = |named: &[KindId]| named.iter().any(|&named| pack.is_a(kind, named));
        let among = never.among.as_ref().is_some_and(|among| among.is_plain() && is(&among.kinds));
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

    /// The messages it is called for, and what they are to it. A call for any other is of no effect.
    pub(super) fn parts(&self, mut call: impl FnMut(&Selector, Part)) {
        let mut maybe = |selector: &Option<Selector>, part: Part| {
            if let Some(selector) = selector {
                call(selector, part);
            }
        };
        match self {
            Self::Shape(machine) => call(&machine.shape.on, Part::Judged),
            Self::Never(machine) => {
                maybe(&machine.never.after, Part::Ground);
                maybe(&machine.never.until, Part::Resets);
                maybe(&machine.never.among, Part::Among);
                call(&machine.never.message, Part::Judged);
            }
            Self::Unique(machine) => call(&machine.unique.on, Part::Judged),
            Self::Respond(machine) => {
                maybe(&machine.respond.restart, Part::Resets);
                maybe(
                    &machine.respond.window.learned.as_ref().map(|learned| learned.from.clone()),
                    Part::Resets,
                );
                maybe(&machine.respond.void, Part::Resets);
                call(&machine.respond.with, Part::Judged);
                call(&machine.respond.to, Part::Ground);
            }
            Self::Precede(machine) => {
                maybe(&machine.precede.reset, Part::Resets);
                call(&machine.precede.then, Part::Judged);
                call(&machine.precede.first, Part::Ground);
            }
            Self::Order(machine) => {
                machine.order.messages.iter().for_each(|step| call(&step.on, Part::Judged));
            }
            Self::Agree(machine) => {
                maybe(&machine.agree.less.as_ref().map(|(less, _)| less.clone()), Part::Less);
                maybe(&machine.agree.doubt, Part::Doubt);
                call(&machine.agree.of, Part::Judged);
                call(&machine.agree.with, Part::Ground);
            }
            Self::Limit(machine) => {
                maybe(&machine.limit.until, Part::Resets);
                call(&machine.limit.on, Part::Judged);
            }
        }
    }

    /// What a call is known to come to, of every message of a sort.
    pub(super) fn foretell(&self, part: Part, foresight: Foresight<'_>) -> Foretold {
        match (self, part) {
            (Self::Shape(machine), _) => machine.foretell(foresight),
            (Self::Never(machine), Part::Among) => machine.foretell_among(foresight),
            (Self::Agree(machine), part) => machine.foretell(part, foresight),
            _ => Foretold::Open,
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
            (Self::Never(machine), Part::Ground) => machine.after(sighting, ledger),
            (Self::Never(machine), _) => machine.until(sighting, ledger),
            (Self::Respond(machine), Part::Judged) => machine.answer(sighting, ledger),
            (Self::Respond(machine), Part::Resets) => machine.reset(sighting, ledger),
            (Self::Respond(machine), _) => machine.trigger(sighting, ledger),
            (Self::Precede(machine), Part::Judged) => machine.then(sighting, ledger),
            (Self::Precede(machine), Part::Resets) => machine.reset(sighting, ledger),
            (Self::Precede(machine), _) => machine.first(sighting, ledger),
            (Self::Agree(machine), Part::Judged) => machine.of(sighting, ledger),
            (Self::Agree(machine), Part::Less) => machine.less(sighting, ledger),
            (Self::Agree(machine), Part::Doubt) => machine.doubt(sighting, ledger),
            (Self::Agree(machine), _) => machine.with(sighting, ledger),
            (Self::Limit(machine), Part::Judged) => machine.on(sighting, ledger),
            (Self::Limit(machine), _) => machine.until(sighting, ledger),
        }
    }

    /// Whether it remembers anything of a group.
    pub(super) const fn remembers(&self) -> bool {
        match self {
            Self::Shape(_) | Self::Unique(_) => false,
            Self::Never(machine) => machine.never.after.is_some(),
            Self::Respond(_) | Self::Precede(_) | Self::Order(_) | Self::Agree(_) | Self::Limit(_) => true,
        }
    }

    /// A group is over.
    pub(super) fn forget(&mut self, grouping: GroupingId, group: GroupSlot, ledger: &mut Ledger) {
        match self {
            Self::Shape(_) | Self::Unique(_) => {}
            Self::Never(machine) => machine.forget(group, ledger),
            Self::Respond(machine) => machine.forget(group, ledger),
            Self::Precede(machine) => machine.forget(group, ledger),
            Self::Order(machine) => machine.forget(group, ledger),
            Self::Agree(machine) => machine.forget(grouping, group, ledger),
            Self::Limit(machine) => machine.forget(group, ledger),
        }
    }

    /// The rule is no more in force, in one group or in all: what it remembers is forgotten, what is owed by
    /// it falls away. `at` is the event after which it starts anew, where that is sure.
    pub(super) fn suspend(&mut self, group: Option<GroupSlot>, at: Option<EventNumber>, ledger: &mut Ledger) {
        match self {
            Self::Shape(_) => {}
            Self::Never(machine) => each(group, machine.groups(), |group| machine.forget(group, ledger)),
            Self::Unique(machine) => machine.clear(),
            Self::Respond(machine) => each(group, machine.groups(), |group| machine.suspend(group, ledger)),
            Self::Precede(machine) => each(group, machine.groups(), |group| machine.forget(group, ledger)),
            Self::Order(machine) => each(group, machine.groups(), |group| machine.forget(group, ledger)),
            Self::Agree(machine) => machine.suspend(group, at, ledger),
            Self::Limit(machine) => match group {
                Some(group) => machine.forget(group, ledger),
                None => machine.clear(ledger),
            },
        }
    }

    /// A recording ended.
    pub(super) fn end_of_recording(&mut self, lasting: bool, ledger: &mut Ledger) {
        match self {
            Self::Unique(machine) => machine.end_of_recording(),
            Self::Agree(machine) if !lasting => machine.end_of_recording(ledger),
            Self::Respond(machine) => machine.end_of_recording(),
            Self::Shape(_)
            | Self::Never(_)
            | Self::Precede(_)
            | Self::Order(_)
            | Self::Agree(_)
            | Self::Limit(_) => {}
        }
    }
}

/// Calls `forget` for the group given, or for all that a rule may know.
fn each(group: Option<GroupSlot>, known: usize, forget: impl FnMut(GroupSlot)) {
    match group {
        Some(group) => std::iter::once(group).for_each(forget),
        None => (0..known as u32).map(GroupSlot).for_each(forget),
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
