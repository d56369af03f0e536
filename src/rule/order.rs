//! `order`: messages of one key follow a small state table. The sender of the illegal one is to blame.
//!
//! An illegal message changes no state: what follows is judged as if it had not come. Where the rule names
//! who has to keep it, only that party's messages can be illegal.

use std::time::Duration;

use super::group::Taint;
use super::ledger::{Charge, Ledger, a, spoken, the};
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use crate::conversation::Offset;
use crate::pack::{KindId, Order, Transition};

/// One `order` rule at work.
#[derive(Debug)]
pub(crate) struct OrderRule {
    pub(crate) rule: RuleIndex,
    pub(crate) order: Order,
    /// By group.
    places: Vec<Place>,
}

/// Where a group stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    state: usize,
    since: Offset,
    by: Option<SeenId>,
    /// Whose breach of which rule has led here.
    taint: Option<Taint>,
}

/// What a message means where a group stands.
enum Step {
    To(usize, Evidence),
    TooEarly(Duration),
    Illegal,
    Ignored,
}

/// Whether a legal message shows that the order was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    Given,
    None,
}

impl OrderRule {
    pub(crate) const fn new(rule: RuleIndex, order: Order) -> Self {
        Self { rule, order, places: Vec::new() }
    }

    pub(crate) fn observe(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let Some(group) = sighting.group(self.order.grouping) else { return };
        let index = group.0 as usize;
        if index >= self.places.len() {
            self.places.resize(index + 1, Place::default());
        }
        let place = self.places[index];
        let early = match self.step(place, sighting, ledger) {
            Step::Ignored => return,
            Step::To(state, evidence) => {
                if let Some(before) = place.by {
                    ledger.witnesses.release(before);
                }
                let by = Some(ledger.witnesses.keep(sighting));
                let own = sighting.tainted.map(|rule| Taint { by: sighting.from, rule });
                self.places[index] = Place { state, since: sighting.at(), by, taint: place.taint.or(own) };
                match evidence {
                    Evidence::Given => ledger.met(self.rule, sighting),
                    Evidence::None => {}
                }
                return;
            }
            Step::TooEarly(not_before) => Some(not_before),
            Step::Illegal => None,
        };
        let grouping = self.order.grouping;
        if place.taint.is_some_and(|taint| taint.by != sighting.from) {
            ledger.tallies[self.rule.0].void += 1;
            return;
        }
        let follows = place.taint.map(|taint| taint.rule);
        let stood =
            ledger.accuse_following(self.rule, follows, sighting, Some(grouping), |ledger, sighting| {
                let noun = &ledger.kind(sighting.kind).what;
                let state = &self.order.states[place.state];
                let elapsed = spoken(sighting.at().since(place.since));
                // What the other party may send is of no help to this one.
                let own = state.transitions.iter().filter(|to| {
                    to.counts && ledger.kind(to.kind).from.is_none_or(|from| from == sighting.from)
                });
                let allowed: Vec<&str> = own.map(|to| ledger.kind(to.kind).what.as_str()).collect();
                let name = state.name.replace('-', " ");
                Charge {
                    accused: sighting.from,
                    what: format!("{} sent {} while the flow was {name}", the(sighting.from), a(noun)),
                    expected: match early {
                        Some(not_before) => {
                            format!("{} not before {} had passed", a(noun), spoken(not_before))
                        }
                        None if state.transitions.is_empty() => "nothing more of this flow".to_owned(),
                        None if allowed.is_empty() => format!("no {noun} while the flow is {name}"),
                        None => format!("only {}", allowed.join(" or ")),
                    },
                    got: format!("{} {elapsed} later", a(noun)),
                    first: None,
                    earlier: place.by.map(|by| (by, "before")).into_iter().collect(),
                    role: "message",
                    marked: None,
                }
            });
        if stood && ledger.pack.rules[self.rule.0].root && !ledger.pack.groupings[grouping.0].keyed {
            // No key says what it belongs to: nobody can place it.
            ledger.muddle(sighting, sighting.tainted, false);
        }
    }

    pub(crate) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        if let Some(place) = self.places.get_mut(group.0 as usize)
            && let Some(by) = std::mem::take(place).by
        {
            ledger.witnesses.release(by);
        }
    }

    fn step(&self, place: Place, sighting: &Sighting<'_>, ledger: &Ledger) -> Step {
        let known = |kind: KindId| -> Option<&Transition> {
            self.order.states[place.state].transitions.iter().find(|transition| transition.kind == kind)
        };
        let obligor = ledger.pack.rules[self.rule.0].info.obligor;
        match ledger.pack.lineage(sighting.kind).find_map(known) {
            Some(&Transition { to, not_before, counts, .. }) => {
                if sighting.at().since(place.since) < not_before {
                    Step::TooEarly(not_before)
                } else {
                    Step::To(to, if counts { Evidence::Given } else { Evidence::None })
                }
            }
            None if ledger.pack.lineage(sighting.kind).any(|kind| self.order.kinds.contains(&kind))
                && obligor.is_none_or(|party| party == sighting.from) =>
            {
                Step::Illegal
            }
            None => Step::Ignored,
        }
    }
}
