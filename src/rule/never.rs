//! `never`: no such message, at all or once something else has happened. Its sender is to blame.

use std::ops::Range;

use super::Reason;
use super::accusation::Charge;
use super::ledger::Ledger;
use super::plans::{Foresight, Foretold};
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use super::words::{a, the};
use crate::conversation::{EventKind, EventNumber, Offset, Party, Payload};
use crate::pack::{Exposed, Never, Selector, list};
use crate::text::json;

/// One `never` rule at work.
#[derive(Debug)]
pub(crate) struct NeverRule {
    pub(crate) rule: RuleIndex,
    pub(crate) never: Never,
    /// By group.
    forbidden: Vec<Option<Forbidden>>,
    /// The last forbidden message.
    last: Option<EventNumber>,
}

/// Since when it is forbidden in a group.
#[derive(Clone, Copy, Debug)]
struct Forbidden {
    /// The message after which it is.
    after: SeenId,
    /// Whose that was, and when.
    by: Party,
    at: Offset,
    /// Whether it came nevertheless.
    broken: bool,
}

impl NeverRule {
    pub(crate) const fn new(rule: RuleIndex, never: Never) -> Self {
        Self { rule, never, forbidden: Vec::new(), last: None }
    }

    /// What a message is known to come to, of those among which the forbidden one could have been.
    pub(super) fn foretell_among(&self, foresight: Foresight<'_>) -> Foretold {
        let Some(among) = &self.never.among else { return Foretold::Nothing };
        match (foresight.is_meant(&self.never.message), foresight.is_meant(among)) {
            (Some(false), Some(true)) => Foretold::Kept,
            _ => Foretold::Open,
        }
    }

    /// The forbidden message.
    #[inline(never)]
    pub(crate) fn message(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.never.message, sighting) {
            return;
        }
        if self.never.after.is_none() {
            self.last = Some(sighting.n());
            let rule = self.rule;
            ledger.accuse(rule, sighting, None, |ledger, sighting| {
                let message = &self.never.message;
                let noun = a(ledger.noun(message, sighting));
                let title = &ledger.pack.rules[rule.index()].info.title;
                let Flaw { with, got, marked } = flaw(message, sighting);
                // What the kind does not say, the rule says.
                let known = message.tests.is_empty() || message.what.is_some() || !with.is_empty();
                let what = match known {
                    true => format!("{} sent {noun}{with}", the(sighting.from)),
                    false => format!("{} broke a rule with {noun}: {title}", the(sighting.from)),
                };
                Charge {
                    accused: sighting.from,
                    what,
                    expected: title.clone(),
                    got: got.unwrap_or(noun),
                    first: None,
                    earlier: Vec::new(),
                    role: "message",
                    marked,
                }
            });
            return;
        }
        let Some(group) = sighting.group(self.never.grouping) else { return };
        let Some(Some(forbidden)) = self.forbidden.get_mut(group.0 as usize) else { return };
        let after = forbidden.after;
        if sighting.tainted.is_none() && ledger.crosses(sighting, forbidden.by, forbidden.at) {
            let flow = ledger.flow(self.never.grouping, Some(group));
            return ledger.undecided(self.rule, Reason::Crossing, flow, sighting);
        }
        let stood = ledger.accuse(self.rule, sighting, Some(self.never.grouping), |ledger, sighting| {
            let noun = ledger.noun(&self.never.message, sighting);
            let earlier = self.never.after.as_ref().map(|after| ledger.pack.noun(after)).unwrap_or_default();
            Charge {
                accused: sighting.from,
                what: format!("{} sent {} after {}", the(sighting.from), a(noun), a(&earlier)),
                expected: format!("no {noun} once {} has been sent", a(&earlier)),
                got: a(noun),
                first: None,
                earlier: vec![(after, "after this")],
                role: "message",
                marked: None,
            }
        });
        forbidden.broken |= stood;
    }

    /// A message among which the forbidden one could have been.
    pub(crate) fn among(&mut self, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        let Some(among) = &self.never.among else { return };
        if self.last != Some(sighting.n()) && ledger.selects(among, sighting) {
            ledger.met(self.rule, sighting);
        }
    }

    /// The message after which it is forbidden.
    #[inline(never)]
    pub(crate) fn after(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let Some(after) = &self.never.after else { return };
        let Some(group) = sighting.group(self.never.grouping) else { return };
        if sighting.tainted.is_some() || !ledger.selects(after, sighting) {
            return;
        }
        let index = group.0 as usize;
        if index >= self.forbidden.len() {
            self.forbidden.resize(index + 1, None);
        }
        if self.forbidden[index].is_none() {
            let after = ledger.witnesses.keep(sighting);
            let (by, at) = (sighting.from, sighting.at());
            self.forbidden[index] = Some(Forbidden { after, by, at, broken: false });
        }
    }

    /// The message after which it is allowed again.
    pub(crate) fn until(&mut self, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        let Some(until) = &self.never.until else { return };
        if let Some(group) = sighting.group(self.never.grouping)
            && ledger.selects(until, sighting)
        {
            self.forget(group, ledger);
        }
    }

    /// How many groups it may know.
    pub(crate) fn groups(&self) -> usize {
        self.forbidden.len()
    }

    /// The group is over: where the message did not come, the rule was kept.
    pub(crate) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        let Some(forbidden) = self.forbidden.get_mut(group.0 as usize).and_then(Option::take) else { return };
        ledger.witnesses.release(forbidden.after);
        let here = (self.never.grouping, group);
        if !forbidden.broken && ledger.is_heard(self.rule, &self.never.message, here) {
            ledger.tallies[self.rule.index()].met += 1;
        }
    }
}

/// What can be said of a forbidden message besides what it is.
#[derive(Default)]
struct Flaw {
    /// The end of "the POS sent a sale".
    with: String,
    got: Option<String>,
    marked: Option<Range<usize>>,
}

fn flaw(forbidden: &Selector, sighting: &Sighting<'_>) -> Flaw {
    let EventKind::Message(message) = &sighting.event.kind else { return Flaw::default() };
    if let Payload::Text(text) = &message.payload
        && let Err(error) = json::validate(text)
    {
        let end = if error.at == text.len() { ", where it ends" } else { "" };
        let next = text.get(error.at..).and_then(|rest| rest.chars().next());
        return Flaw {
            with: String::new(),
            got: Some(format!("no JSON: {error}{end}")),
            marked: next.map(|next| error.at..error.at + next.len_utf8()),
        };
    }
    let exposed: Vec<Exposed> =
        forbidden.tests.iter().flat_map(|test| test.exposed(&sighting.view, &message.masked)).collect();
    if exposed.is_empty() {
        return Flaw::default();
    }
    let mut kinds: Vec<String> = exposed.iter().map(|value| value.was.phrase().to_owned()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let since =
        if exposed.iter().all(|value| value.range.is_none()) { ", masked by the recorder" } else { "" };
    Flaw {
        with: format!(" with {} in clear", list(kinds, "and")),
        got: Some(format!("{}{since}", list(exposed.iter().map(Exposed::phrase), "and"))),
        marked: exposed.iter().find_map(|value| value.range.clone()),
    }
}
