//! `respond`, naively: every obligation of every such rule, from its trigger to how it ended.
//!
//! All these rules are played through together, because who waits for the other party is not late.

use std::collections::BTreeMap;
use std::time::Duration;

use tilltape::conversation::{Offset, Party};
use tilltape::pack::{Carrier, Judges, Pack, Pattern, Respond, Times};
use tilltape::rule::Reason;

use super::super::messages::Told;
use super::super::trace::peer;
use super::force::{Force, in_force};
use super::{End, Outcome};

/// A time stamp is this exact.
const CLOCK: Duration = Duration::from_millis(1);

/// An answer somebody owes.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    rule: usize,
    pub(super) grouping: usize,
    pub(super) group: String,
    pub(super) obligor: Party,
    trigger: usize,
    connection: Option<u64>,
    since: Offset,
    deadline: Option<Offset>,
    /// Its deadline passed while nothing excused it.
    certain: bool,
    /// Its deadline has passed: what was not certain then never is.
    passed: bool,
    waits: bool,
    /// When it ended, as a place in the story.
    ended: Option<usize>,
    end: Option<End>,
    /// The message that is accused, where that is not the trigger.
    accused_at: Option<usize>,
    /// Deadlines it had, and from which message on.
    deadlines: Vec<(usize, Option<Offset>)>,
}

impl Owed {
    /// Whether it was open when the message at `at` came.
    pub(super) fn is_open(&self, at: usize) -> bool {
        self.trigger < at && self.ended.is_none_or(|ended| ended >= at)
    }

    /// The deadline it had when the message at `at` came.
    pub(super) fn deadline_at(&self, at: usize) -> Option<Offset> {
        self.deadlines.iter().rev().find(|(from, _)| *from < at).and_then(|(_, deadline)| *deadline)
    }
}

/// How the recording was played.
struct Play<'a> {
    pack: &'a Pack,
    story: &'a [Told],
    owed: Vec<Owed>,
    /// By rule and group: how many answers the last trigger had.
    answered: BTreeMap<(usize, String), usize>,
    surplus: Vec<(usize, Outcome)>,
    /// By connection: who has closed first, and when.
    closed: BTreeMap<u64, (Party, Offset)>,
    over: Vec<u64>,
}

/// Every obligation, and the answers that were too many; `until` is where the recording ends.
pub(super) fn play(pack: &Pack, story: &[Told], until: Option<Offset>) -> (Vec<Owed>, Vec<(usize, Outcome)>) {
    let mut play = Play {
        pack,
        story,
        owed: Vec::new(),
        answered: BTreeMap::new(),
        surplus: Vec::new(),
        closed: BTreeMap::new(),
        over: Vec::new(),
    };
    let forces: Vec<Option<Vec<Force>>> = pack.rules.iter().map(|rule| in_force(pack, rule, story)).collect();
    for at in 0..story.len() {
        play.pass(story[at].at);
        for (rule, force) in forces.iter().enumerate() {
            let Pattern::Respond(respond) = &pack.rules[rule].pattern else { continue };
            let force = force.as_ref().map(|force| &force[at]);
            if force.is_none_or(|force| force.holds) {
                play.message(rule, respond, at);
            }
            if let Some(ended) = force.and_then(|force| force.ended.as_ref()) {
                play.void(rule, Some(ended), at, true);
            }
        }
        play.link(at);
    }
    if let Some(horizon) = until {
        play.pass(horizon);
        play.finish(horizon);
    }
    (play.owed, play.surplus)
}

/// What they come to, for one rule.
pub(super) fn outcomes(
    pack: &Pack,
    story: &[Told],
    (owed, surplus): &(Vec<Owed>, Vec<(usize, Outcome)>),
    rule: usize,
) -> Vec<Outcome> {
    let own = owed.iter().filter(|owed| owed.rule == rule);
    let own = own.filter_map(|owed| {
        let at = owed.accused_at.unwrap_or(owed.trigger);
        Some(Outcome { n: story[at].n, end: owed.end.clone()? })
    });
    let _ = pack;
    own.chain(surplus.iter().filter(|(of, _)| *of == rule).map(|(_, outcome)| outcome.clone())).collect()
}

impl Play<'_> {
    fn respond(&self, rule: usize) -> &Respond {
        match &self.pack.rules[rule].pattern {
            Pattern::Respond(respond) => respond,
            _ => unreachable!("only these rules are owed an answer"),
        }
    }

    fn open(&self) -> Vec<usize> {
        (0..self.owed.len()).filter(|&id| self.owed[id].end.is_none()).collect()
    }

    fn end(&mut self, id: usize, at: usize, end: End) {
        self.owed[id].ended = Some(at);
        self.owed[id].end = Some(end);
    }

    /// Whether the party that owes this waits for the other one.
    fn waits(&self, id: usize) -> bool {
        let own = &self.owed[id];
        self.owed.iter().any(|other| {
            other.end.is_none()
                && (other.grouping, &other.group) == (own.grouping, &own.group)
                && other.obligor != own.obligor
                && other.trigger > own.trigger
        })
    }

    /// Time passes: what is not there at its deadline is late, whatever comes.
    fn pass(&mut self, now: Offset) {
        for id in self.open() {
            let respond = self.respond(self.owed[id].rule);
            let decides = respond.judges != Judges::Existence && respond.times != Times::AtMostOnce;
            let over = self.owed[id].deadline.is_some_and(|deadline| now.since(deadline) > CLOCK);
            let closing = self.owed[id].connection.is_some_and(|link| self.closed.contains_key(&link));
            if decides && over && !self.owed[id].passed {
                self.owed[id].passed = true;
                self.owed[id].certain = !closing && !self.waits(id);
            }
        }
    }

    fn message(&mut self, rule: usize, respond: &Respond, at: usize) {
        let told = &self.story[at];
        let group = told.group(respond.grouping).cloned();
        if let Some(group) = &group {
            if told.is(self.pack, &respond.with) {
                self.answer(rule, respond, group, at);
            }
            if respond.void.as_ref().is_some_and(|void| told.is(self.pack, void)) {
                self.void(rule, Some(group), at, false);
            }
            if respond.restart.as_ref().is_some_and(|restart| told.is(self.pack, restart)) {
                self.restart(rule, group, at);
            }
            if told.is(self.pack, &respond.to) {
                self.trigger(rule, respond, group, at);
            }
        }
    }

    fn of(&self, rule: usize, group: &str) -> Vec<usize> {
        let own = |id: &usize| self.owed[*id].rule == rule && self.owed[*id].group == group;
        self.open().into_iter().filter(own).collect()
    }

    fn trigger(&mut self, rule: usize, respond: &Respond, group: &str, at: usize) {
        let told = &self.story[at];
        if respond.one_at_a_time && !self.of(rule, group).is_empty() {
            return;
        }
        let said =
            respond.window.upper_at.and_then(|slot| told.value(&[slot])).and_then(|text| number(&text));
        let learned = self.learned(respond, at);
        if respond.window.learned.is_some() && said.or(learned).is_none() && respond.window.upper.is_none() {
            return;
        }
        let window = said.or(learned).map(Duration::from_millis).or(respond.window.upper);
        let sender = || respond.with.kinds.iter().find_map(|kind| self.pack.kinds[kind.0].from);
        let from = told.from.unwrap_or(Party::Pos);
        let obligor = self.pack.rules[rule].info.obligor.or_else(sender).unwrap_or(peer(from));
        let deadline = window.map(|window| told.at.after(window));
        self.owed.push(Owed {
            rule,
            grouping: respond.grouping.0,
            group: group.to_owned(),
            obligor,
            trigger: at,
            connection: Some(told.connection.0),
            since: told.at,
            deadline,
            certain: false,
            passed: false,
            waits: false,
            ended: None,
            end: None,
            accused_at: None,
            deadlines: vec![(at, deadline)],
        });
        self.answered.remove(&(rule, group.to_owned()));
    }

    /// The number an earlier message, or this one, has said.
    fn learned(&self, respond: &Respond, at: usize) -> Option<u64> {
        let learned = respond.window.learned.as_ref()?;
        let said = self.story[..=at].iter().rfind(|told| told.is(self.pack, &learned.from))?;
        Some(number(&said.value(&[learned.at])?)? * u64::from(learned.times))
    }

    fn restart(&mut self, rule: usize, group: &str, at: usize) {
        let now = self.story[at].at;
        for id in self.of(rule, group) {
            let owed = &mut self.owed[id];
            if owed.certain {
                continue;
            }
            let window = owed.deadline.map(|deadline| deadline.since(owed.since));
            owed.since = now;
            owed.passed = false;
            owed.deadline = window.map(|window| now.after(window));
            owed.deadlines.push((at, owed.deadline));
        }
    }

    /// Nothing is owed any more, but for what is late already; where the rule is no more in force, nothing.
    fn void(&mut self, rule: usize, group: Option<&String>, at: usize, all: bool) {
        for id in group.map(|group| self.of(rule, group)).unwrap_or_default() {
            let end = match self.owed[id].certain && !all {
                true => End::Violated(self.owed[id].obligor),
                false => End::Void,
            };
            self.end(id, at, end);
        }
    }

    fn answer(&mut self, rule: usize, respond: &Respond, group: &str, at: usize) {
        let told = &self.story[at];
        let own = self.of(rule, group).into_iter().filter(|&id| Some(self.owed[id].obligor) == told.from);
        let overdue = |id: &usize| self.owed[*id].deadline.is_some_and(|dl| told.at.since(dl) > CLOCK);
        let Some(id) = own.min_by_key(overdue) else {
            // An answer although nothing was open: the second one, if there was a first.
            let first = self.answered.get(&(rule, group.to_owned()));
            if let (Some(_), Some(from)) = (first, told.from)
                && respond.times != Times::AtLeastOnce
            {
                self.surplus.push((rule, Outcome { n: told.n, end: End::Violated(from) }));
            }
            return;
        };
        let owed = &self.owed[id];
        let took = told.at.since(owed.since);
        let from = owed.obligor;
        let limit = owed.deadline.filter(|_| respond.judges != Judges::Existence);
        let limit = limit.map(|deadline| deadline.since(owed.since));
        let end = if took < respond.window.lower || owed.certain {
            End::Violated(from)
        } else {
            match limit {
                None => End::Met,
                Some(limit) if took != limit && took.abs_diff(limit) <= CLOCK => {
                    End::Undecided(Reason::Clock)
                }
                Some(limit) if took <= limit => End::Met,
                Some(_) => End::Violated(from),
            }
        };
        self.end(id, at, end);
        self.answered.insert((rule, group.to_owned()), at);
    }

    /// What the end of a connection makes of what is owed on it.
    fn link(&mut self, at: usize) {
        let told = &self.story[at];
        let link = told.connection.0;
        let ends = match (told.carrier, told.from) {
            (Carrier::Drop, _) => true,
            (Carrier::Close, Some(from)) => match self.closed.get(&link) {
                None => {
                    self.closed.insert(link, (from, told.at));
                    for id in self.open() {
                        let own = self.owed[id].connection == Some(link) && self.owed[id].obligor == from;
                        if own && !self.respond(self.owed[id].rule).carry {
                            self.unanswered(id, at, told.at, Some(from));
                        }
                    }
                    false
                }
                Some((first, _)) => *first != from,
            },
            _ => false,
        };
        if ends {
            self.link_over(link, at, told.at, Reason::Channel);
            self.over.push(link);
        }
    }

    fn link_over(&mut self, link: u64, at: usize, now: Offset, otherwise: Reason) {
        let closed = self.closed.get(&link).copied();
        let on_it: Vec<_> =
            self.open().into_iter().filter(|&id| self.owed[id].connection == Some(link)).collect();
        for &id in &on_it {
            self.owed[id].waits |= self.waits(id);
        }
        for id in on_it {
            if self.respond(self.owed[id].rule).carry {
                self.owed[id].connection = None;
                continue;
            }
            match closed {
                Some((by, when)) => self.unanswered(id, at, when, Some(by)),
                None => self.settle(id, at, now, otherwise),
            }
        }
    }

    /// The recording ended.
    fn finish(&mut self, horizon: Offset) {
        let at = self.story.len();
        for id in self.open() {
            self.owed[id].waits |= self.waits(id);
        }
        for id in self.open() {
            let closed = self.owed[id].connection.and_then(|link| self.closed.get(&link).copied());
            match closed.filter(|_| !self.respond(self.owed[id].rule).carry) {
                Some((by, when)) => self.unanswered(id, at, when, Some(by)),
                None => self.settle(id, at, horizon, Reason::Horizon),
            }
        }
    }

    /// No answer came until a party closed.
    fn unanswered(&mut self, id: usize, at: usize, when: Offset, by: Option<Party>) {
        let owed = &self.owed[id];
        if by != Some(owed.obligor) {
            return self.settle(id, at, when, Reason::Channel);
        }
        let crossed = when.since(owed.since) < self.pack.crossing;
        let end = if crossed { End::Undecided(Reason::Crossing) } else { End::Violated(owed.obligor) };
        self.absent(id, at, end, true);
    }

    /// No answer came until `when`, which is nobody's doing, or not the obligor's.
    fn settle(&mut self, id: usize, at: usize, when: Offset, otherwise: Reason) {
        let owed = &self.owed[id];
        let end = match owed.deadline {
            Some(deadline) if when > deadline && when.since(deadline) <= CLOCK => {
                End::Undecided(Reason::Clock)
            }
            Some(deadline) if when > deadline => End::Violated(owed.obligor),
            Some(_) | None => End::Undecided(otherwise),
        };
        self.absent(id, at, end, false);
    }

    fn absent(&mut self, id: usize, at: usize, end: End, left: bool) {
        let owed = &self.owed[id];
        let respond = self.respond(owed.rule);
        let heard = || {
            let told = self.story[..at.min(self.story.len())].iter();
            let in_group = |told: &&Told| told.groups.get(&owed.grouping) == Some(&owed.group);
            told.filter(in_group).any(|told| told.from == Some(owed.obligor) && told.is_said())
        };
        let end = if owed.certain {
            End::Violated(owed.obligor)
        } else if respond.judges == Judges::Promptness {
            End::Void
        } else if respond.times == Times::AtMostOnce {
            if heard() { End::Met } else { End::Void }
        } else if owed.waits && !left {
            End::Void
        } else {
            end
        };
        self.end(id, at, end);
    }
}

/// A whole number, written as a number or as text; more than a year of anything is none.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|&number| number <= 366 * 24 * 60 * 60 * 1000)
}
