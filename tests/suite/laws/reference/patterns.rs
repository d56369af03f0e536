//! The patterns, naively: each looks back over all that was told, as often as it likes.

use std::collections::BTreeMap;

use tilltape::conversation::{Offset, Party};
use tilltape::pack::{
    Agree, Carrier, GroupingId, KindId, Limit, Never, Order, Pack, Pattern, Precede, Relation, Rule, Scope,
    Selector, Shape, Transition, Unique,
};
use tilltape::rule::Reason;
use tilltape::text::Decimal;

use super::super::messages::Told;
use super::answers::{self, Owed};
use super::force::{Force, in_force};
use super::{End, Outcome};

type Answers = (Vec<Owed>, Vec<(usize, Outcome)>);

/// What one rule says.
pub(super) fn outcomes(pack: &Pack, story: &[Told], answers: &Answers, rule: usize) -> Vec<Outcome> {
    let own = &pack.rules[rule];
    let force = in_force(pack, own, story);
    let mut scene = Scene { pack, rule: own, story, force, out: Vec::new() };
    match &own.pattern {
        Pattern::Shape(shape) => scene.shape(shape),
        Pattern::Never(never) => scene.never(never),
        Pattern::Unique(unique) => scene.unique(unique),
        Pattern::Precede(precede) => scene.precede(precede),
        Pattern::Order(order) => scene.order(order),
        Pattern::Agree(agree) if agree.relation == Relation::SumOf => scene.sum(agree),
        Pattern::Agree(agree) => scene.agree(agree),
        Pattern::Limit(limit) => scene.limit(limit, &answers.0),
        Pattern::Respond(_) => return answers::outcomes(pack, story, answers, rule),
    }
    scene.out
}

struct Scene<'a> {
    pack: &'a Pack,
    rule: &'a Rule,
    story: &'a [Told],
    force: Option<Vec<Force>>,
    out: Vec<Outcome>,
}

impl<'a> Scene<'a> {
    fn is(&self, at: usize, selector: &Selector) -> bool {
        self.holds(at) && self.story[at].is(self.pack, selector)
    }

    fn is_some(&self, at: usize, selector: &Option<Selector>) -> bool {
        selector.as_ref().is_some_and(|selector| self.is(at, selector))
    }

    fn holds(&self, at: usize) -> bool {
        self.force.as_ref().is_none_or(|force| force[at].holds)
    }

    /// Whether the rule has forgotten, between two messages, what the first one was in its group.
    fn forgot(&self, from: usize, to: usize, group: Option<&String>) -> bool {
        self.force.as_ref().is_some_and(|force| {
            force[from..to]
                .iter()
                .any(|force| force.anew || force.ended.is_some() && force.ended.as_ref() == group)
        })
    }

    fn group(&self, at: usize, grouping: GroupingId) -> Option<&'a String> {
        self.story[at].group(grouping)
    }

    fn met(&mut self, at: usize) {
        self.out.push(Outcome { n: self.story[at].n, end: End::Met });
    }

    fn undecided(&mut self, at: usize, reason: Reason) {
        self.out.push(Outcome { n: self.story[at].n, end: End::Undecided(reason) });
    }

    /// The sender of a message is accused, if anybody has sent it.
    fn accuse(&mut self, at: usize) {
        if let Some(from) = self.story[at].from {
            self.out.push(Outcome { n: self.story[at].n, end: End::Violated(from) });
        }
    }

    fn crosses(&self, at: usize, other: Option<Party>, then: Offset) -> bool {
        let told = &self.story[at];
        other != told.from && told.at.since(then) < self.pack.crossing
    }

    /// Whether a flow goes on on another connection than it was opened on.
    fn has_moved(&self, at: usize, grouping: GroupingId) -> bool {
        let told = &self.story[at];
        let flows = self.pack.groupings[grouping.0].flows && told.group(grouping).is_some();
        flows && told.opened_on.is_some_and(|on| on != told.connection.0)
    }

    fn shape(&mut self, shape: &Shape) {
        for at in 0..self.story.len() {
            if self.is(at, &shape.on) {
                match self.story[at].view().holds(&shape.require) {
                    true => self.met(at),
                    false => self.accuse(at),
                }
            }
        }
    }

    fn never(&mut self, never: &Never) {
        let Some(_) = &never.after else {
            for at in 0..self.story.len() {
                if self.is(at, &never.message) {
                    self.accuse(at);
                } else if self.is_some(at, &never.among) {
                    self.met(at);
                }
            }
            return;
        };
        // By group: the message after which it is forbidden, and whether that was broken.
        let mut since: BTreeMap<String, (usize, bool)> = BTreeMap::new();
        let mut over: Vec<(String, (usize, bool), usize)> = Vec::new();
        for at in 0..self.story.len() {
            if let Some(group) = self.group(at, never.grouping).cloned() {
                if let (true, Some(&(first, broken))) = (self.is(at, &never.message), since.get(&group)) {
                    let (by, then) = (self.story[first].from, self.story[first].at);
                    if self.crosses(at, by, then) {
                        self.undecided(at, Reason::Crossing);
                    } else {
                        self.accuse(at);
                        let broke = broken || self.story[at].from.is_some();
                        since.insert(group.clone(), (first, broke));
                    }
                }
                if self.is_some(at, &never.until)
                    && let Some(ended) = since.remove(&group)
                {
                    over.push((group.clone(), ended, at));
                }
                if self.is_some(at, &never.after) {
                    since.entry(group).or_insert((at, false));
                }
            }
            let Some(force) = self.force.as_ref().map(|force| force[at].clone()) else { continue };
            let ended: Vec<String> = match (force.anew, force.ended) {
                (true, _) => since.keys().cloned().collect(),
                (false, ended) => ended.into_iter().collect(),
            };
            over.extend(ended.into_iter().filter_map(|group| since.remove(&group).map(|it| (group, it, at))));
        }
        let end = self.story.len();
        over.extend(since.into_iter().map(|(group, it)| (group, it, end)));
        for (group, (first, broken), until) in over {
            if !broken && self.is_heard(&never.message, never.grouping, &group, until) {
                self.met(first);
            }
        }
    }

    /// Whether who has to keep a rule has said anything in the group; of groups that reach over connections
    /// without being flows, anything at all.
    fn is_heard(&self, selector: &Selector, grouping: GroupingId, group: &str, until: usize) -> bool {
        let sender = || selector.kinds.iter().find_map(|kind| self.pack.kinds[kind.0].from);
        let Some(party) = self.rule.info.obligor.or_else(sender) else { return true };
        self.has_heard(party, grouping, group, until)
    }

    fn has_heard(&self, party: Party, grouping: GroupingId, group: &str, until: usize) -> bool {
        let wide = self.pack.groupings[grouping.0].is_wide();
        self.story[..(until + 1).min(self.story.len())].iter().any(|told| {
            told.from == Some(party)
                && told.is_said()
                && (wide || told.group(grouping).is_some_and(|own| own == group))
        })
    }

    fn place(&self, at: usize, scope: Scope) -> String {
        let told = &self.story[at];
        match (scope, told.endpoint) {
            (Scope::Connection, _) | (Scope::Endpoint, None) => format!("c{}", told.connection.0),
            (Scope::Endpoint, Some(endpoint)) => format!("e{}", endpoint.0),
            (Scope::Recording | Scope::Installation, _) => String::new(),
        }
    }

    fn unique(&mut self, unique: &Unique) {
        for at in 0..self.story.len() {
            if !self.is(at, &unique.on) {
                continue;
            }
            // A key is the same in the second flow that uses it.
            let Some(group) = self.story[at].key(unique.grouping) else { continue };
            let place = self.place(at, unique.scope);
            let used = (0..at).any(|before| {
                self.is(before, &unique.on)
                    && self.story[before].key(unique.grouping) == Some(group)
                    && self.place(before, unique.scope) == place
                    && !self.forgot(before, at, None)
            });
            if used { self.accuse(at) } else { self.met(at) }
        }
    }

    fn precede(&mut self, precede: &Precede) {
        let mut counts: BTreeMap<String, (u32, u32, Option<usize>)> = BTreeMap::new();
        for at in 0..self.story.len() {
            let Some(group) = self.group(at, precede.grouping).cloned() else { continue };
            let allows = |(first, then, _): (u32, u32, Option<usize>)| match precede.each {
                true => first > then,
                false => first > 0,
            };
            let own = counts.entry(group.clone()).or_default();
            let now = *own;
            if self.holds(at) && self.story[at].is(self.pack, &precede.then) {
                if allows(now) {
                    own.1 += 1;
                    self.met(at);
                } else if now
                    .2
                    .is_some_and(|lost| self.crosses(at, self.story[lost].from, self.story[lost].at))
                {
                    self.undecided(at, Reason::Crossing);
                } else if self.has_moved(at, precede.grouping) {
                    self.undecided(at, Reason::Channel);
                } else {
                    self.accuse(at);
                }
            }
            if self.is_some(at, &precede.reset) {
                let own = counts.entry(group.clone()).or_default();
                *own = (0, 0, allows(*own).then_some(at));
            }
            if self.is(at, &precede.first) {
                counts.entry(group.clone()).or_default().0 += 1;
            }
            let force = self.force.as_ref().map(|force| force[at].clone());
            if force.as_ref().is_some_and(|force| force.anew) {
                counts.clear();
            } else if let Some(ended) = force.and_then(|force| force.ended) {
                counts.remove(&ended);
            }
        }
    }

    fn order(&mut self, order: &Order) {
        let mut stands: BTreeMap<String, Stand> = BTreeMap::new();
        for at in 0..self.story.len() {
            if !self.holds(at) {
                continue;
            }
            let Some(group) = self.group(at, order.grouping).cloned() else {
                self.everywhere(order, at, &mut stands);
                continue;
            };
            let stand = *stands.entry(group.clone()).or_default();
            match self.next(order, at, stand.state, stand.since) {
                Next::Ignored => {}
                Next::To(transition) => {
                    // To stay where nothing is known yet is to know nothing.
                    if transition.to != stand.state || stand.by.is_some() || transition.counts {
                        stands.insert(group.clone(), self.enter(at, stand, transition.to));
                    }
                    let obligor = self.rule.info.obligor;
                    if transition.counts
                        && obligor.is_none_or(|it| self.has_heard(it, order.grouping, &group, at))
                    {
                        self.met(at);
                    }
                }
                Next::Illegal => {
                    let crossed = stand.before.is_some_and(|(state, since)| {
                        let by = stand.by.and_then(|by| self.story[by].from);
                        self.crosses(at, by, stand.since)
                            && matches!(self.next(order, at, state, since), Next::To(_))
                    });
                    let here = stand.by.map(|by| self.story[by].connection);
                    let moved = here != Some(self.story[at].connection) && self.has_moved(at, order.grouping);
                    if crossed {
                        self.undecided(at, Reason::Crossing);
                    } else if moved {
                        self.undecided(at, Reason::Channel);
                    } else {
                        self.accuse(at);
                    }
                }
            }
        }
    }

    fn binds(&self, at: usize) -> bool {
        // What nobody sends is held to be its connection's opener's.
        let from = self.story[at].from.or(self.story[at].client).unwrap_or(Party::Pos);
        self.rule.info.obligor.is_none_or(|party| party == from)
    }

    fn enter(&self, at: usize, stand: Stand, state: usize) -> Stand {
        let before = self.story[at].from.map(|_| (stand.state, stand.since));
        Stand { state, since: self.story[at].at, by: Some(at), before }
    }

    fn everywhere(&self, order: &Order, at: usize, stands: &mut BTreeMap<String, Stand>) {
        let named = self.steps(order, self.story[at].kind).any(|step| order.messages[step].everywhere);
        for stand in stands.values_mut().filter(|stand| named && stand.by.is_some()) {
            if let Next::To(transition) = self.next(order, at, stand.state, stand.since) {
                *stand = self.enter(at, *stand, transition.to);
            }
        }
    }

    /// The table's messages that one of this kind may be, the most special first.
    fn steps(&self, order: &'a Order, kind: KindId) -> impl Iterator<Item = usize> {
        self.pack.lineage(kind).flat_map(move |kind| {
            let messages = order.messages.iter().enumerate();
            messages.filter(move |(_, step)| step.on.kinds.contains(&kind)).map(|(index, _)| index)
        })
    }

    fn next(&self, order: &Order, at: usize, state: usize, since: Offset) -> Next {
        let told = &self.story[at];
        let mut named = false;
        for kind in self.pack.lineage(told.kind) {
            for (step, message) in order.messages.iter().enumerate() {
                if !message.on.kinds.contains(&kind) || !told.is(self.pack, &message.on) {
                    continue;
                }
                let known = order.states[state].transitions.iter().find(|transition| transition.step == step);
                match known {
                    Some(transition) if told.at.since(since) < transition.not_before => return Next::Illegal,
                    Some(transition) => return Next::To(*transition),
                    None => named = true,
                }
            }
        }
        if named && self.binds(at) { Next::Illegal } else { Next::Ignored }
    }

    fn agree(&mut self, agree: &Agree) {
        for at in 0..self.story.len() {
            if !self.is(at, &agree.of) {
                continue;
            }
            let Some(group) = self.group(at, agree.grouping) else { continue };
            let is_earlier = |before: &usize| {
                self.is(*before, &agree.with)
                    && self.group(*before, agree.grouping) == Some(group)
                    && self.story[*before].value(&agree.with_at).is_some()
                    && !self.forgot(*before, at, Some(group))
            };
            let Some(before) = (0..at).rev().find(is_earlier) else { continue };
            let earlier = self.story[before].value(&agree.with_at).unwrap();
            let values = self.story[at].values(&agree.at);
            if values.is_empty() {
                if agree.required {
                    self.accuse(at);
                }
                continue;
            }
            let together: Vec<usize> = match agree.together {
                true => (before + 1..at).filter(|&other| self.counted(other, &self.out)).collect(),
                false => Vec::new(),
            };
            let together = together
                .into_iter()
                .filter(|&other| self.group(other, agree.grouping) == Some(group))
                .filter_map(|other| decimal(&self.story[other].value(&agree.at)?))
                .fold(Decimal::ZERO, Decimal::plus);
            let asked: Vec<bool> = values
                .iter()
                .filter_map(|value| match (decimal(value), decimal(&earlier)) {
                    (Some(value), Some(earlier)) => {
                        let value = if agree.together { value.plus(together) } else { value };
                        Some(agree.relation.holds(value.cmp(&earlier)))
                    }
                    _ if agree.relation == Relation::Equals => match agree.ignore_case {
                        true => Some(value.to_lowercase() == earlier.to_lowercase()),
                        false => Some(*value == earlier),
                    },
                    _ => None,
                })
                .collect();
            if asked.contains(&false) {
                self.accuse(at);
            } else if !asked.is_empty() {
                self.met(at);
            }
        }
    }

    /// Whether a message was judged, and kept the rule.
    fn counted(&self, at: usize, out: &[Outcome]) -> bool {
        out.iter().any(|outcome| outcome.n == self.story[at].n && outcome.end == End::Met)
    }

    fn sum(&mut self, agree: &Agree) {
        let has_since = self.rule.span.as_ref().is_some_and(|span| span.since.is_some());
        let total = |at: usize, slots: &[tilltape::pack::Slot]| -> Option<Decimal> {
            let values = self.story[at].values(slots);
            let values: Option<Vec<Decimal>> = values.iter().map(|value| decimal(value)).collect();
            values
                .filter(|values| !values.is_empty())
                .map(|values| values.into_iter().fold(Decimal::ZERO, Decimal::plus))
        };
        let mut verdicts: Vec<(usize, End)> = Vec::new();
        let mut middle: Option<usize> = None;
        let mut judged = false;
        for at in 0..self.story.len() {
            let Some(group) = self.group(at, agree.grouping).filter(|_| self.is(at, &agree.of)) else {
                continue;
            };
            let Some(value) = total(at, &agree.at) else { continue };
            let since =
                self.force.as_ref().and_then(|force| (0..at).rev().find(|&before| force[before].anew));
            let begin = since.map_or(0, |since| since + 1);
            let (mut sum, mut less, mut doubt, mut any) = (Decimal::ZERO, Decimal::ZERO, false, false);
            let mut keyless = false;
            // What was added under which key, until it was taken back.
            let mut added: BTreeMap<String, Decimal> = BTreeMap::new();
            for before in begin..at {
                let same = self.group(before, agree.grouping) == Some(group);
                if self.is(before, &agree.with) && self.story[before].value(&agree.with_at).is_some() {
                    match total(before, &agree.with_at) {
                        None => doubt |= same,
                        Some(addend) => {
                            if same {
                                sum = sum.plus(addend);
                                any = true;
                            }
                            if let Some((_, key)) = &agree.less {
                                match self.group(before, *key) {
                                    Some(key) => drop(added.insert(key.clone(), addend)),
                                    None => keyless = true,
                                }
                            }
                        }
                    }
                }
                if let Some((selector, key)) = &agree.less
                    && self.is(before, selector)
                    && same
                {
                    match self.group(before, *key).and_then(|key| added.remove(key)) {
                        Some(addend) => less = less.plus(addend),
                        None => doubt |= keyless,
                    }
                }
                doubt |= self.is_some(before, &agree.doubt) && same;
            }
            if !any && !has_since {
                continue;
            }
            if has_since && since.is_none() && middle.is_none() {
                // Of several sums the first is never whole.
                middle = Some(at);
            } else if has_since && since.is_none() {
                verdicts.push((at, End::Undecided(Reason::Start)));
            } else if doubt {
                verdicts.push((at, End::Undecided(Reason::Doubt)));
            } else {
                judged = true;
                let right = value == sum || value == sum.minus(less);
                verdicts.push((at, if right { End::Met } else { End::Violated(Party::Pos) }));
            }
        }
        if let Some(at) = middle.filter(|_| !judged) {
            self.undecided(at, Reason::Start);
        }
        for (at, end) in verdicts {
            match end {
                End::Met => self.met(at),
                End::Violated(_) => self.accuse(at),
                End::Undecided(reason) => self.undecided(at, reason),
                End::Void => {}
            }
        }
    }

    fn limit(&mut self, limit: &Limit, owed: &[Owed]) {
        let mut running: Vec<usize> = Vec::new();
        let named = self.pack.groupings[limit.grouping.0].keyed && limit.until.is_some();
        let mut closed: Vec<(u64, Option<Party>)> = Vec::new();
        for at in 0..self.story.len() {
            let told = &self.story[at];
            let group = self.group(at, limit.grouping);
            if self.is(at, &limit.on) {
                if let Some(within) = limit.within {
                    running.retain(|&before| told.at.since(self.story[before].at) < within);
                }
                let again = named
                    && (group.is_none()
                        || running.iter().any(|&other| self.group(other, limit.grouping) == group));
                if !again {
                    let here = self.place(at, limit.scope);
                    let counts: Vec<usize> = running
                        .iter()
                        .copied()
                        .filter(|&other| self.place(other, limit.scope) == here)
                        .collect();
                    if counts.len() < limit.most as usize {
                        self.met(at);
                        running.push(at);
                    } else {
                        self.one_too_many(at, &counts, limit, owed);
                    }
                }
            }
            if self.is_some(at, &limit.until) && group.is_some() {
                running.retain(|&other| self.group(other, limit.grouping) != group);
            }
            let ends = match told.carrier {
                Carrier::Drop => true,
                Carrier::Close => {
                    let other =
                        closed.iter().any(|(link, by)| *link == told.connection.0 && *by != told.from);
                    closed.push((told.connection.0, told.from));
                    other
                }
                _ => false,
            };
            if ends {
                running.retain(|&other| self.story[other].connection != told.connection);
            }
            if let Some(force) = self.force.as_ref().map(|force| &force[at]) {
                running.retain(|&other| {
                    !force.anew
                        && (force.ended.is_none()
                            || self.group(other, limit.grouping) != force.ended.as_ref())
                });
            }
        }
    }

    fn one_too_many(&mut self, at: usize, counts: &[usize], limit: &Limit, owed: &[Owed]) {
        for &before in counts {
            let told = &self.story[at];
            if self.crosses(at, self.story[before].from, self.story[before].at) {
                return self.undecided(at, Reason::Crossing);
            }
            // Who was left waiting for longer than he had to may go on.
            let overdue = owed.iter().any(|owed| {
                owed.is_open(at)
                    && owed.grouping == limit.grouping.0
                    && self.group(before, limit.grouping).is_some_and(|group| *group == owed.group)
                    && Some(owed.obligor) != told.from
                    && owed.deadline_at(at).is_some_and(|deadline| deadline < told.at)
            });
            if overdue {
                return self.out.push(Outcome { n: told.n, end: End::Void });
            }
        }
        self.accuse(at);
    }
}

/// Where a group stands in a table.
#[derive(Clone, Copy, Default)]
struct Stand {
    state: usize,
    since: Offset,
    by: Option<usize>,
    before: Option<(usize, Offset)>,
}

enum Next {
    To(Transition),
    Illegal,
    Ignored,
}

fn decimal(text: &str) -> Option<Decimal> {
    Decimal::parse(text)
}
