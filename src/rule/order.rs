//! `order`: messages of one key follow a small state table. The sender of the illegal one is to blame.
//!
//! An illegal message changes no state: what follows is judged as if it had not come. Where the rule names
//! who has to keep it, only that party's messages can be illegal. A message that was legal before the other
//! party's last one, and came so soon after it that its sender may not have known, decides nothing.

use std::time::Duration;

use super::Reason;
use super::accusation::Charge;
use super::group::Taint;
use super::ledger::Ledger;
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use super::words::{a, spoken, the};
use crate::conversation::{Offset, Party};
use crate::pack::{KindId, Order, Pack, Transition};

/// One `order` rule at work.
#[derive(Debug)]
pub(crate) struct OrderRule {
    pub(crate) rule: RuleIndex,
    pub(crate) order: Order,
    /// Who has to keep it, where the rule says so.
    obligor: Option<Party>,
    /// By kind: which of the table's messages one of it may be, the most special first.
    steps: Vec<Vec<usize>>,
    /// By state, and by kind in it: what those messages do there.
    known: Vec<Vec<Known>>,
    /// By group.
    places: Vec<Place>,
    /// By group: the shortest way from the start to where it stands, each state with the message that led there.
    paths: Vec<Vec<(usize, SeenId)>>,
}

/// One of the table's messages in one state.
#[derive(Debug)]
struct Known {
    step: usize,
    /// What it does there, where the state knows it.
    transition: Option<Transition>,
}

/// Where a group stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    state: usize,
    since: Offset,
    by: Option<SeenId>,
    /// Where it stood before, since when, and whose message has moved it.
    before: Option<(usize, Offset, Party)>,
    /// Whose breach of which rule has led here.
    taint: Option<Taint>,
}

/// What a message means where a group stands.
enum Move<'o> {
    To(&'o Transition),
    TooEarly(Duration),
    Illegal,
    Ignored,
}

impl OrderRule {
    pub(crate) fn new(rule: RuleIndex, order: Order, pack: &Pack) -> Self {
        let steps = |kind: usize| {
            let named = |kind| {
                let messages = order.messages.iter().enumerate();
                messages.filter(move |(_, step)| step.on.kinds.contains(&kind)).map(|(index, _)| index)
            };
            pack.lineage(KindId(kind)).flat_map(named).collect()
        };
        let steps: Vec<Vec<usize>> = (0..pack.kinds.len()).map(steps).collect();
        let known = order.states.iter().flat_map(|state| {
            let transition = |step| state.transitions.iter().find(|to| to.step == step).copied();
            let known = move |&step| Known { step, transition: transition(step) };
            steps.iter().map(move |steps| steps.iter().map(known).collect())
        });
        let known = known.collect();
        let obligor = pack.rules[rule.index()].info.obligor;
        Self { rule, order, obligor, steps, known, places: Vec::new(), paths: Vec::new() }
    }

    #[inline(never)]
    pub(crate) fn observe(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let Some(group) = sighting.group(self.order.grouping) else {
            return self.pass(sighting, ledger);
        };
        let index = group.0 as usize;
        if index >= self.places.len() {
            self.places.resize(index + 1, Place::default());
            self.paths.resize_with(index + 1, Vec::new);
        }
        let Place { state, since, by, .. } = self.places[index];
        let early = match self.next(state, since, sighting, ledger) {
            Move::Ignored => return,
            Move::To(&Transition { to, counts, .. }) => {
                // To stay where nothing is known yet is to know nothing.
                if to != state || by.is_some() || counts {
                    self.enter(index, to, sighting, ledger);
                }
                // That the other one goes on is evidence of nothing about a party that says nothing.
                if counts && self.is_heard(group, ledger) {
                    ledger.met(self.rule, sighting);
                }
                return;
            }
            Move::TooEarly(not_before) => Some(not_before),
            Move::Illegal => None,
        };
        self.judge(self.places[index], early, group, sighting, ledger);
    }

    pub(crate) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        if let Some(place) = self.places.get_mut(group.0 as usize)
            && let Some(by) = std::mem::take(place).by
        {
            ledger.witnesses.release(by);
            self.paths[group.0 as usize].drain(..).for_each(|(_, by)| ledger.witnesses.release(by));
        }
    }

    /// How many groups it may know.
    pub(crate) fn groups(&self) -> usize {
        self.places.len()
    }

    /// What a message means in a state.
    fn next(&self, state: usize, since: Offset, sighting: &Sighting<'_>, ledger: &Ledger) -> Move<'_> {
        let mut unknown = Move::Ignored;
        for Known { step, transition } in &self.known[state * self.steps.len() + sighting.kind.0] {
            if !ledger.selects(&self.order.messages[*step].on, sighting) {
                continue;
            }
            match transition {
                Some(Transition { not_before, .. }) if sighting.at().since(since) < *not_before => {
                    return Move::TooEarly(*not_before);
                }
                Some(transition) => return Move::To(transition),
                // What the state does not know as this may be known as what it is a special case of.
                None => unknown = Move::Illegal,
            }
        }
        if self.binds(sighting) { unknown } else { Move::Ignored }
    }

    fn is_heard(&self, group: GroupSlot, ledger: &Ledger) -> bool {
        self.obligor.is_none_or(|party| ledger.has_heard(party, (self.order.grouping, group)))
    }

    /// Whether the sender of this message is who has to keep the rule.
    fn binds(&self, sighting: &Sighting<'_>) -> bool {
        self.obligor.is_none_or(|party| party == sighting.from)
    }

    fn enter(&mut self, index: usize, state: usize, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let place = &mut self.places[index];
        if let Some(before) = place.by {
            ledger.witnesses.release(before);
        }
        let own = sighting.tainted.map(|rule| Taint { by: sighting.from, rule });
        let own = own.or(sighting.spoilt);
        *place = Place {
            state,
            since: sighting.at(),
            by: Some(ledger.witnesses.keep(sighting)),
            before: sighting.is_sent.then_some((place.state, place.since, sighting.from)),
            taint: place.taint.or(own),
        };
        self.note_path(index, state, sighting, ledger);
    }

    /// Notes the way to a state: what led away from one and back to it proves nothing any more.
    fn note_path(&mut self, index: usize, state: usize, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let path = &mut self.paths[index];
        let known = match state {
            0 => Some(0),
            _ => path.iter().position(|&(passed, _)| passed == state).map(|at| at + 1),
        };
        match known {
            Some(length) => path.drain(length..).for_each(|(_, by)| ledger.witnesses.release(by)),
            None => path.push((state, ledger.witnesses.keep(sighting))),
        }
    }

    /// A message without the key moves every group, where it may.
    fn pass(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let steps = &self.steps[sighting.kind.0];
        if !steps.iter().any(|&step| self.order.messages[step].everywhere) {
            return;
        }
        for index in 0..self.places.len() {
            let place = self.places[index];
            if place.by.is_some()
                && let Move::To(&Transition { to, .. }) =
                    self.next(place.state, place.since, sighting, ledger)
            {
                self.enter(index, to, sighting, ledger);
            }
        }
    }

    /// The messages that led to where a group stands, the last one last.
    fn earlier(&self, place: Place, group: GroupSlot) -> Vec<(SeenId, &'static str)> {
        let path = self.paths[group.0 as usize].iter().map(|&(_, by)| by);
        let path = path.filter(|&by| Some(by) != place.by).map(|by| (by, "led here"));
        path.chain(place.by.map(|by| (by, "before"))).collect()
    }

    #[cold]
    fn judge(
        &self,
        place: Place,
        early: Option<Duration>,
        group: GroupSlot,
        sighting: &mut Sighting<'_>,
        ledger: &mut Ledger,
    ) {
        let grouping = self.order.grouping;
        if place.taint.is_some_and(|taint| taint.by != sighting.from) {
            ledger.tallies[self.rule.index()].void += 1;
            return;
        }
        if let Some((before, since, by)) = place.before
            && sighting.tainted.is_none()
            && ledger.crosses(sighting, by, place.since)
            && let Move::To(_) = self.next(before, since, sighting, ledger)
        {
            let flow = ledger.flow(grouping, Some(group));
            return ledger.undecided(self.rule, Reason::Crossing, flow, sighting);
        }
        let first = place.by.map(|by| ledger.witnesses.connection(by));
        if first != Some(sighting.connection) && ledger.has_moved(grouping, sighting) {
            let flow = ledger.flow(grouping, Some(group));
            return ledger.undecided(self.rule, Reason::Channel, flow, sighting);
        }
        sighting.rests_on = place.by.map(|by| ledger.witnesses.n(by));
        let breach = place.by.and_then(|by| ledger.witnesses.breach(by));
        let breach = breach.filter(|&(by, _)| by == sighting.from).map(|(_, rule)| rule);
        let follows = place.taint.map(|taint| taint.rule).or(breach);
        let stood =
            ledger.accuse_following(self.rule, follows, sighting, Some(grouping), |ledger, sighting| {
                let noun = ledger.kind(sighting.kind).what.as_str();
                let state = &self.order.states[place.state];
                let elapsed = spoken(sighting.at().since(place.since));
                // What the other party may send is of no help to this one.
                let own = state.transitions.iter().filter(|to| {
                    let kinds = &self.order.messages[to.step].on.kinds;
                    let other = |&kind| ledger.kind(kind).from.is_some_and(|from| from != sighting.from);
                    to.counts && !kinds.iter().any(other)
                });
                let allowed: Vec<String> = own.map(|to| a(&self.order.messages[to.step].what)).collect();
                let name = state.name.replace('-', " ");
                let what = &self.order.what;
                Charge {
                    accused: sighting.from,
                    what: format!("{} sent {} while {what} was {name}", the(sighting.from), a(noun)),
                    expected: match early {
                        Some(not_before) => {
                            format!("{} not before {} had passed", a(noun), spoken(not_before))
                        }
                        None if state.transitions.is_empty() => "nothing more of this flow".to_owned(),
                        None if allowed.is_empty() => format!("no {noun} while {what} is {name}"),
                        None => format!("only {}", allowed.join(" or ")),
                    },
                    got: match place.by {
                        Some(by) => format!("{} {elapsed} after event {}", a(noun), ledger.witnesses.n(by)),
                        None => a(noun),
                    },
                    first: None,
                    earlier: self.earlier(place, group),
                    role: "message",
                    marked: None,
                }
            });
        sighting.rests_on = None;
        if stood && ledger.pack.rules[self.rule.index()].root && !ledger.pack.groupings[grouping.0].keyed {
            // No key says what it belongs to: nobody can place it.
            ledger.muddle(sighting, sighting.tainted, false);
        }
    }
}
