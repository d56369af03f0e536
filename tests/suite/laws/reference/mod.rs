//! A naive evaluator agrees with the engine: for each rule the same obligations met, violated and undecided, the
//! same party accused, of the same messages.
//!
//! It is written from the documented semantics (`docs/packs.md`, "Verdicts" in `ARCHITECTURE.md`), over whole
//! recordings in memory, looking back as often as it likes. It knows the plain verdict of each obligation and
//! nothing of faults that excuse others; so it is asked of recordings in which everything can be read and placed
//! and of packs none of whose rules is a root. What roots do is held against that: see `roots`.

mod answers;
mod force;
mod patterns;
mod story;

use std::sync::Arc;

use proptest::prelude::*;
use tilltape::check::{CheckResult, Completeness};
use tilltape::conversation::{EventNumber, OwnedEvent, Party};
use tilltape::pack::{Pack, Pattern, Relation, Scope, Times};
use tilltape::rule::Reason;

pub(crate) use story::clear;

use super::ground::name;
use super::trace::shown;
use super::{Ground, PACKS, holds_for, plan};
use crate::laws::ground::judged;

/// How one obligation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Met,
    Violated(Party),
    Undecided(Reason),
    Void,
}

/// One obligation, by the message it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) n: EventNumber,
    pub(crate) end: End,
}

/// What the evaluator says, by rule.
pub(crate) fn evaluate(pack: &Pack, trace: &[OwnedEvent]) -> Vec<Vec<Outcome>> {
    let story = story::story(pack, trace);
    let horizon = trace.iter().map(|event| event.at).max().unwrap_or_default();
    let answers = answers::play(pack, &story, Some(horizon));
    (0..pack.rules.len()).map(|rule| patterns::outcomes(pack, &story, &answers, rule)).collect()
}

/// What it says of one rule.
fn evaluate_one(pack: &Pack, trace: &[OwnedEvent], rule: usize) -> Vec<Outcome> {
    let story = story::story(pack, trace);
    let horizon = trace.iter().map(|event| event.at).max().unwrap_or_default();
    let answers = answers::play(pack, &story, Some(horizon));
    patterns::outcomes(pack, &story, &answers, rule)
}

/// The pack with no roots.
pub(super) fn plain(ground: &Ground) -> Arc<Pack> {
    let mut pack = (*ground.pack).clone();
    pack.rules.iter_mut().for_each(|rule| rule.root = false);
    Arc::new(pack)
}

/// Where engine and evaluator differ.
fn differences(pack: &Arc<Pack>, trace: &[OwnedEvent]) -> Vec<String> {
    let result = judged(pack, trace, Completeness::Finished);
    differ(&result, &evaluate(pack, trace))
}

fn differ(result: &CheckResult, naive: &[Vec<Outcome>]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (rule, outcomes) in result.rules.iter().zip(naive) {
        let count = |is: fn(&End) -> bool| outcomes.iter().filter(|outcome| is(&outcome.end)).count() as u64;
        let naive = (
            count(|end| *end == End::Met),
            count(|end| matches!(end, End::Violated(_))),
            count(|end| matches!(end, End::Undecided(_))),
        );
        let engine = (rule.met, rule.violated, rule.undecided_total());
        let mut reasons: Vec<Reason> = Vec::new();
        let mut accused: Vec<(EventNumber, Party)> = Vec::new();
        for outcome in outcomes {
            match outcome.end {
                End::Undecided(reason) => reasons.push(reason),
                End::Violated(party) => accused.push((outcome.n, party)),
                End::Met | End::Void => {}
            }
        }
        reasons.sort();
        let own = rule.undecided.iter();
        let own: Vec<Reason> = own.flat_map(|(&reason, &count)| vec![reason; count as usize]).collect();
        let found = rule.findings.iter().all(|finding| {
            let is_about = |(n, party): &(EventNumber, Party)| {
                *party == finding.accused && finding.witnesses.iter().any(|witness| witness.n == *n)
            };
            match accused.iter().position(is_about) {
                Some(at) => {
                    accused.remove(at);
                    true
                }
                None => false,
            }
        });
        if naive != engine || reasons != own || !found {
            wrong.push(format!(
                "{}: engine {engine:?} {own:?}, naive {naive:?} {reasons:?}: {outcomes:?}; {:?}",
                name(rule),
                rule.findings.iter().map(super::ground::identity).collect::<Vec<_>>()
            ));
        }
    }
    wrong
}

#[test]
fn a_naive_evaluator_agrees_with_the_engine() {
    for name in PACKS {
        let ground = Ground::of(name);
        let pack = plain(&ground);
        holds_for(name, 150, &plan(), |plan| {
            let trace = clear(&pack, &plan.trace(&ground));
            let wrong = differences(&pack, &trace);
            prop_assert!(wrong.is_empty(), "{wrong:#?}:\n{}", shown(&trace));
            Ok(())
        });
    }
}

/// The ways in which an evaluator may have a pattern wrong.
fn slips(pattern: &Pattern) -> Vec<Pattern> {
    let slip = |change: &dyn Fn(&mut Pattern)| {
        let mut own = pattern.clone();
        change(&mut own);
        own
    };
    match pattern {
        Pattern::Shape(_) => vec![slip(&|own| {
            if let Pattern::Shape(own) = own {
                own.require.clear()
            }
        })],
        Pattern::Never(never) => {
            let mut slips = vec![slip(&|own| {
                if let Pattern::Never(own) = own {
                    own.message.kinds.clear()
                }
            })];
            if never.until.is_some() {
                slips.push(slip(&|own| {
                    if let Pattern::Never(own) = own {
                        own.until = None
                    }
                }));
            }
            slips
        }
        // A key that holds on a connection has no wider scope.
        Pattern::Unique(unique) if unique.scope == Scope::Connection => Vec::new(),
        Pattern::Unique(_) => [Scope::Connection, Scope::Endpoint]
            .into_iter()
            .filter(|scope| !matches!(pattern, Pattern::Unique(own) if own.scope == *scope))
            .map(|scope| {
                slip(&|own| {
                    if let Pattern::Unique(own) = own {
                        own.scope = scope
                    }
                })
            })
            .collect(),
        Pattern::Precede(precede) => {
            let mut slips = vec![slip(&|own| {
                if let Pattern::Precede(own) = own {
                    own.each = !own.each
                }
            })];
            if precede.reset.is_some() {
                slips.push(slip(&|own| {
                    if let Pattern::Precede(own) = own {
                        own.reset = None
                    }
                }));
            }
            slips
        }
        Pattern::Respond(respond) => {
            let mut slips = Vec::new();
            if respond.window.upper.is_some() && respond.times != Times::AtMostOnce {
                slips.push(slip(&|own| {
                    if let Pattern::Respond(own) = own {
                        own.window.upper = None
                    }
                }));
            }
            if !respond.window.lower.is_zero() {
                slips.push(slip(&|own| {
                    if let Pattern::Respond(own) = own {
                        own.window.lower = Default::default()
                    }
                }));
            }
            if respond.window.upper_at.is_some() {
                slips.push(slip(&|own| {
                    if let Pattern::Respond(own) = own {
                        own.window.upper_at = None
                    }
                }));
            }
            if respond.times == Times::ExactlyOnce {
                slips.push(slip(&|own| {
                    if let Pattern::Respond(own) = own {
                        own.times = Times::AtLeastOnce
                    }
                }));
            }
            if respond.restart.is_some() {
                slips.push(slip(&|own| {
                    if let Pattern::Respond(own) = own {
                        own.restart = None
                    }
                }));
            }
            if respond.void.is_some() {
                slips.push(slip(&|own| {
                    if let Pattern::Respond(own) = own {
                        own.void = None
                    }
                }));
            }
            if respond.one_at_a_time {
                slips.push(slip(&|own| {
                    if let Pattern::Respond(own) = own {
                        own.one_at_a_time = false
                    }
                }));
            }
            if respond.carry {
                slips.push(slip(&|own| {
                    if let Pattern::Respond(own) = own {
                        own.carry = false
                    }
                }));
            }
            slips
        }
        Pattern::Order(_) => vec![
            slip(&|own| {
                if let Pattern::Order(own) = own {
                    for state in &mut own.states {
                        state.transitions.iter_mut().for_each(|transition| transition.to = 0);
                    }
                }
            }),
            slip(&|own| {
                if let Pattern::Order(own) = own {
                    own.messages.iter_mut().for_each(|step| step.everywhere = false);
                    let all = own.states.iter_mut().flat_map(|state| &mut state.transitions);
                    all.for_each(|transition| transition.not_before = Default::default());
                }
            }),
        ],
        Pattern::Agree(agree) => {
            let relation =
                if agree.relation == Relation::AtMost { Relation::AtLeast } else { Relation::AtMost };
            let mut slips = vec![slip(&|own| {
                if let Pattern::Agree(own) = own {
                    own.relation = relation
                }
            })];
            if agree.required {
                slips.push(slip(&|own| {
                    if let Pattern::Agree(own) = own {
                        own.required = false
                    }
                }));
            }
            if agree.together {
                slips.push(slip(&|own| {
                    if let Pattern::Agree(own) = own {
                        own.together = false
                    }
                }));
            }
            slips
        }
        Pattern::Limit(limit) => {
            let mut slips = vec![slip(&|own| {
                if let Pattern::Limit(own) = own {
                    own.most += 1
                }
            })];
            if limit.until.is_some() {
                slips.push(slip(&|own| {
                    if let Pattern::Limit(own) = own {
                        own.until = None
                    }
                }));
            }
            if limit.within.is_some() {
                slips.push(slip(&|own| {
                    if let Pattern::Limit(own) = own {
                        own.within = None
                    }
                }));
            }
            slips
        }
    }
}

#[test]
fn the_traces_tell_an_evaluator_that_has_any_pattern_wrong() {
    let ground = Ground::of("fair-talk");
    let pack = plain(&ground);
    let told = std::cell::RefCell::new(Vec::new());
    let traces = std::cell::RefCell::new(Vec::new());
    let law = |plan: super::trace::Plan| {
        let trace = clear(&pack, &plan.trace(&ground));
        let result = judged(&pack, &trace, Completeness::Finished);
        traces.borrow_mut().push((trace, result));
        Ok(())
    };
    super::drawn(300, &plan(), law);
    for (rule, own) in pack.rules.iter().enumerate().filter(|(_, rule)| rule.info.pack == "fair-talk") {
        for (number, slip) in slips(&own.pattern).into_iter().enumerate() {
            let mut wrong = (*pack).clone();
            wrong.rules[rule].pattern = slip;
            let is_seen = traces.borrow().iter().any(|(trace, result)| {
                let naive = evaluate_one(&wrong, trace, rule);
                let result = CheckResult { rules: vec![result.rules[rule].clone()], ..result.clone() };
                !differ(&result, &[naive]).is_empty()
            });
            if !is_seen {
                told.borrow_mut().push(format!("{} with slip {number}", own.info.code));
            }
        }
        // A rule that is always in force, and one that never forgets.
        if own.span.is_some() {
            let mut wrong = (*pack).clone();
            wrong.rules[rule].span = None;
            let is_seen = traces.borrow().iter().any(|(trace, result)| {
                let result = CheckResult { rules: vec![result.rules[rule].clone()], ..result.clone() };
                !differ(&result, &[evaluate_one(&wrong, trace, rule)]).is_empty()
            });
            if !is_seen {
                told.borrow_mut().push(format!("{} without its scope", own.info.code));
            }
        }
    }
    let told = told.into_inner();
    assert!(told.is_empty(), "nothing tells: {told:#?}");
}
