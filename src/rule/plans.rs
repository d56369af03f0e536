//! What is to be done for a message of a sort that has come before: found out once, then done without asking.
//!
//! Most messages are like one before them in all that a rule can ask of a message alone, which is their
//! [profile](crate::pack::Profiler). For such a sort it is known which kind it is of, which rules it keeps for
//! certain, so that they need only be counted, and which have to be called, because they remember something or look
//! at values that differ.
//!
//! A plan says what the calls of its kind would come to, and nothing else: without plans every result is the same.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::answers::Given;
use super::calls::{Call, Calls};
use super::digest::{Passed, Seed};
use super::ledger::Ledger;
use super::machine::Machine;
use super::sighting::{RuleIndex, Sighting};
use super::span::Force;
use crate::pack::{KindId, Pack, Profile, Selector, Slot, Test, View};

/// Sorts of messages that are remembered; what is of none of them is judged call by call.
const MOST: usize = 1_024;

/// The plans of one judge.
#[derive(Debug)]
pub(super) struct Plans {
    seed: Seed,
    /// By hash of the profile: the first sort of that hash; others follow by [`Sort::next`].
    by_hash: HashMap<u64, u32, BuildHasherDefault<Passed>>,
    sorts: Vec<Sort>,
    /// The profile of the message at hand.
    profile: Profile,
    /// The sort of the last one.
    last: usize,
}

/// Messages of one profile.
#[derive(Debug)]
struct Sort {
    profile: Box<[u64]>,
    next: Option<u32>,
    kind: KindId,
    plans: Vec<Draft>,
    /// The sort that came after it last: messages of a flow come in one order.
    then: usize,
}

/// A plan, once messages of the sort have come twice in flows of one kind: many come only once.
#[derive(Debug)]
struct Draft {
    opener: Option<KindId>,
    repeated: bool,
    plan: Option<Plan>,
}

/// Which sort of message.
#[derive(Clone, Copy, Debug)]
pub(super) struct SortId(u32);

/// What is done for messages of one sort, in flows of one kind.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) calls: Vec<Call>,
    /// Rules it may put into force, or out of it.
    pub(super) turns: Vec<usize>,
    /// What was asked to make it.
    pub(super) answers: Given,
    kept: Vec<Kept>,
    /// How often all of `kept` were.
    times: u64,
}

/// A rule that a message keeps for certain.
#[derive(Clone, Copy, Debug)]
struct Kept {
    rule: RuleIndex,
    /// How many of the plan's calls come before it.
    after: usize,
}

/// What is known of every message of the sort at hand.
#[derive(Clone, Copy)]
pub(super) struct Foresight<'a> {
    sighting: &'a Sighting<'a>,
    ledger: &'a Ledger,
}

/// What a call is known to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foretold {
    /// Nothing.
    Nothing,
    /// The rule is kept.
    Kept,
    /// That has to be seen.
    Open,
}

impl Plans {
    pub(super) fn new() -> Self {
        Self {
            seed: Seed::default(),
            by_hash: HashMap::default(),
            sorts: Vec::new(),
            profile: Profile::default(),
            last: 0,
        }
    }

    /// The sort of a JSON message and its kind; `None` where it is of none that is remembered.
    pub(super) fn sort_of(
        &mut self,
        view: &View<'_>,
        classify: impl FnOnce() -> Option<KindId>,
        pack: &Pack,
    ) -> Option<(SortId, KindId)> {
        if !pack.profiler.profile(view, &mut self.profile) {
            return None;
        }
        let profile = self.profile.words();
        let expected = self.sorts.get(self.last).map_or(0, |last| last.then);
        if let Some(sort) = self.sorts.get(expected)
            && *sort.profile == *profile
        {
            self.last = expected;
            return Some((SortId(expected as u32), sort.kind));
        }
        let hash = self.seed.hash_words(profile);
        let first = self.by_hash.get(&hash).copied();
        let mut known = first;
        while let Some(index) = known {
            let sort = &self.sorts[index as usize];
            if *sort.profile == *profile {
                let kind = sort.kind;
                self.follows(index as usize);
                return Some((SortId(index), kind));
            }
            known = sort.next;
        }
        self.learn((hash, first), view, classify, pack)
    }

    /// Notes that a message of this sort came after the last one.
    fn follows(&mut self, sort: usize) {
        if let Some(last) = self.sorts.get_mut(self.last) {
            last.then = sort;
        }
        self.last = sort;
    }

    #[cold]
    fn learn(
        &mut self,
        (hash, first): (u64, Option<u32>),
        view: &View<'_>,
        classify: impl FnOnce() -> Option<KindId>,
        pack: &Pack,
    ) -> Option<(SortId, KindId)> {
        let mut tests = pack.kinds.iter().flat_map(|kind| &kind.tests);
        if self.sorts.len() >= MOST || !tests.all(|test| pack.profiler.tells(test, view)) {
            return None;
        }
        let kind = classify()?;
        let index = self.sorts.len() as u32;
        self.sorts.push(Sort {
            profile: self.profile.words().into(),
            next: first,
            kind,
            plans: Vec::new(),
            then: 0,
        });
        self.by_hash.insert(hash, index);
        self.follows(index as usize);
        Some((SortId(index), kind))
    }

    /// The plan for a message of this sort, which nothing has spoilt; `None` where it is the first.
    #[inline]
    pub(super) fn plan(
        &mut self,
        sort: SortId,
        sighting: &mut Sighting<'_>,
        ledger: &Ledger,
        (calls, rules, force): (&Calls, &[Machine], &[Option<Force>]),
    ) -> Option<&mut Plan> {
        let drafts = &mut self.sorts[sort.0 as usize].plans;
        let Sighting { opener, repeated, .. } = *sighting;
        let fits = |draft: &Draft| draft.opener == opener && draft.repeated == repeated;
        let Some(index) = drafts.iter().position(fits) else {
            drafts.push(Draft { opener, repeated, plan: None });
            return None;
        };
        let draft = &mut drafts[index];
        if draft.plan.is_none() {
            // What is asked from here on is what every message of the sort would answer.
            sighting.answers.clear();
            draft.plan = Some(Plan::new(Foresight { sighting, ledger }, calls, (rules, force)));
        }
        draft.plan.as_mut()
    }

    /// Counts what was kept by plan.
    pub(super) fn settle(&mut self, ledger: &mut Ledger) {
        let plans = self.sorts.iter_mut().flat_map(|sort| &mut sort.plans);
        for plan in plans.filter_map(|draft| draft.plan.as_mut()) {
            let times = std::mem::take(&mut plan.times);
            for kept in &plan.kept {
                ledger.tallies[kept.rule.index()].met += times;
            }
        }
    }

    /// Forgets every plan; what was kept was counted.
    pub(super) fn forget(&mut self) {
        self.sorts.clear();
        self.by_hash.clear();
    }
}

impl Foresight<'_> {
    /// Whether it passes all of `tests`; `None` where messages of its sort differ in that.
    pub(super) fn passes(self, tests: &[Test]) -> Option<bool> {
        let view = &self.sighting.view;
        tests.iter().all(|test| self.ledger.pack.profiler.tells(test, view)).then(|| view.holds(tests))
    }

    /// Whether it is meant by `selector`; `None` where messages of its sort differ in that.
    pub(super) fn is_meant(self, selector: &Selector) -> Option<bool> {
        let Self { sighting, ledger, .. } = self;
        if !selector.kinds.iter().any(|&kind| ledger.pack.is_a(sighting.kind, kind)) {
            return Some(false);
        }
        let told = selector.tests.iter().all(|test| ledger.pack.profiler.tells(test, &sighting.view));
        told.then(|| ledger.selects(selector, sighting))
    }

    /// Whether it may be meant by it.
    fn may_be_meant(self, selector: &Selector) -> bool {
        self.is_meant(selector) != Some(false)
    }

    /// Whether it has a value at one of these pointers.
    pub(super) fn has_any(self, slots: &[Slot]) -> bool {
        slots.iter().any(|&slot| self.sighting.view.first(slot).is_some())
    }

    /// Whether a rule could not be evaluated, and says no more.
    pub(super) fn has_failed(self, rule: RuleIndex) -> bool {
        self.ledger.tallies[rule.index()].error.is_some()
    }
}

impl Plan {
    #[cold]
    fn new(foresight: Foresight<'_>, calls: &Calls, (rules, force): (&[Machine], &[Option<Force>])) -> Self {
        let (mut kept, mut open) = (Vec::new(), Vec::new());
        for call in &calls.machines {
            let machine = &rules[call.rule];
            let mut may_be = false;
            machine.parts(|selector, part| {
                may_be |= part == call.part && foresight.may_be_meant(selector);
            });
            if !may_be {
                continue;
            }
            let foretold = match call.is_spanned {
                true => Foretold::Open,
                false => machine.foretell(call.part, foresight),
            };
            match foretold {
                Foretold::Nothing => {}
                Foretold::Kept => kept.push(Kept { rule: machine.rule(), after: open.len() }),
                Foretold::Open => {
                    let only = call.only.clone().filter(|only| foresight.is_meant(only).is_none());
                    open.push(Call::new(call.rule, call.part, call.is_spanned, only));
                }
            }
        }
        let may_turn = |rule: &usize| {
            let mut selectors = force[*rule].iter().flat_map(|force| force.span.selectors());
            selectors.any(|selector| foresight.may_be_meant(selector))
        };
        let turns = calls.turns.iter().copied().filter(may_turn).collect();
        let answers = foresight.sighting.answers.given();
        Self { calls: open, turns, answers, kept, times: 0 }
    }

    /// Notes that a message keeps what the plan says. `tainted` says during which of the calls it has turned out
    /// to be broken: what it keeps after that proves nothing.
    #[inline]
    pub(super) fn count(&mut self, tainted: Option<usize>, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        let Some(tainted) = tainted else {
            self.times += 1;
            return;
        };
        for kept in &self.kept {
            if kept.after <= tainted {
                ledger.tallies[kept.rule.index()].met += 1;
            } else {
                ledger.met(kept.rule, sighting);
            }
        }
    }
}
