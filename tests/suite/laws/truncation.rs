//! A recording that is cut says nothing the whole one does not say: no violation whose evidence is not there, no
//! obligation met that the rest would not have let be met, nothing exercised that was not.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tilltape::check::{CheckResult, Completeness};
use tilltape::conversation::{OwnedEvent, transcript};
use tilltape::pack::{Judges, Pack, Pattern, Rule, Times};
use tilltape::rule::Verdict;

use super::ground::{identity, judged, name};
use super::trace::shown;
use super::{Ground, PACKS, holds_for, plan};

/// What a cut recording says that the whole one does not.
///
/// That an answer is missing, where a late one counts, is said by the end of a recording after its time: it may
/// have come later. And what has not come can still come, where it must not.
fn invented(
    cut: &CheckResult,
    whole: &CheckResult,
    (existence, forbids): &(Vec<String>, Vec<String>),
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (cut, whole) in cut.rules.iter().zip(&whole.rules) {
        let mut known: BTreeMap<String, i64> = BTreeMap::new();
        whole.findings.iter().for_each(|finding| *known.entry(identity(finding)).or_default() += 1);
        let existence = existence.contains(&name(cut));
        for finding in cut.findings.iter().filter(|_| !existence) {
            let left = known.entry(identity(finding)).or_default();
            *left -= 1;
            if *left < 0 {
                wrong.push(format!("{}: a violation, {}", name(cut), identity(finding)));
            }
        }
        let stands = if forbids.contains(&name(cut)) { cut.met.min(whole.met) } else { cut.met };
        if stands > whole.met {
            wrong.push(format!("{}: {} met, of {}", name(cut), cut.met, whole.met));
        }
        let settled = cut.met + cut.violated + cut.undecided_total() + cut.void;
        let all = whole.met + whole.violated + whole.undecided_total() + whole.void;
        if settled > all {
            wrong.push(format!("{}: {settled} obligations, of {all}", name(cut)));
        }
        let lost = match cut.verdict {
            Verdict::Fail => whole.verdict != Verdict::Fail && !existence,
            Verdict::Pass | Verdict::Inconclusive => {
                whole.verdict == Verdict::NotExercised && whole.void == 0
            }
            Verdict::NotExercised | Verdict::NotApplicable | Verdict::Review | Verdict::Error => false,
        };
        if lost {
            wrong.push(format!("{}: {}, and of the whole {}", name(cut), cut.verdict, whole.verdict));
        }
    }
    wrong
}

/// The names of the rules that are so.
fn rules(pack: &Pack, are: impl Fn(&Rule) -> bool) -> Vec<String> {
    let rules = pack.rules.iter().filter(|rule| are(rule));
    rules.map(|rule| format!("{} {}", rule.info.pack, rule.info.code)).collect()
}

#[test]
fn a_recording_that_is_cut_says_nothing_the_whole_one_does_not_say() {
    for pack in PACKS {
        let ground = Ground::of(pack);
        let existence = |rule: &Rule| match &rule.pattern {
            Pattern::Respond(respond) => respond.judges == Judges::Existence,
            _ => false,
        };
        let forbids = |rule: &Rule| match &rule.pattern {
            Pattern::Respond(respond) => respond.times != Times::AtLeastOnce,
            Pattern::Never(never) => never.after.is_some(),
            _ => false,
        };
        let open = (rules(&ground.pack, existence), rules(&ground.pack, forbids));
        holds_for(pack, 120, &(plan(), any::<prop::sample::Index>()), |(plan, at)| {
            let trace = plan.trace(&ground);
            let part = &trace[..at.index(trace.len())];
            let cut = judged(&ground.pack, part, Completeness::Cut);
            let wrong = invented(&cut, &ground.judged(&trace), &open);
            prop_assert!(wrong.is_empty(), "{wrong:#?}, cut after {}:\n{}", part.len(), shown(&trace));
            Ok(())
        });
    }
}

/// What was lost before somebody asked says nothing about when he was answered: late is as certain as missing.
#[test]
fn what_was_lost_before_the_question_excuses_no_late_answer() {
    let ground = Ground::of("fair-talk");
    let answered = |lost_before: bool, answer: &str| {
        let ask = "open pos → terminal /front\npos +0ms {\"type\":\"ask\",\"shop\":\"s\",\"id\":\"7\",\"amount\":\"1\"}\n";
        let more = "pos +0ms {\"type\":\"more\",\"shop\":\"s\",\"id\":\"7\"}\n";
        let gap = "gap +0ms 3 disk full\n";
        let (first, second) = if lost_before { (gap, more) } else { (more, gap) };
        // Who asked says goodbye before the answer is due, which may come on another connection.
        let text = format!(
            "{ask}{first}{second}close +1s pos 1000\n[2] open pos → terminal /front\n{answer}end +60s\n"
        );
        let events = transcript::parse(&text).unwrap();
        let events: Vec<_> = events.iter().map(OwnedEvent::of).collect();
        let result = ground.judged(&events);
        let rule = result.rules.iter().find(|rule| name(rule) == "fair-talk ANSWER-4").unwrap();
        (rule.violated, rule.undecided_total())
    };
    let late = "[2] terminal +9s {\"type\":\"busy\",\"shop\":\"s\",\"id\":\"7\"}\n";
    assert_eq!([answered(true, late), answered(true, "")], [(1, 0), (1, 0)]);
    assert_eq!([answered(false, late), answered(false, "")], [(0, 1), (0, 1)]);
}
