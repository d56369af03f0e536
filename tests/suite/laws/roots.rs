//! What root rules do: where nobody broke one, nothing; and what is folded follows from its own accused's fault.
//!
//! The same recording is judged twice, by the pack and by the same pack with no roots, which is the one the naive
//! evaluator agrees with. What the first says has to follow from the second and from who broke which root rule.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use tilltape::check::{CheckResult, Completeness, RuleResult};
use tilltape::conversation::{OwnedEvent, Party};
use tilltape::pack::Pack;
use tilltape::rule::Finding;

use super::ground::{identity, judged, name};
use super::reference::{clear, plain};
use super::trace::{peer, shown};
use super::{Ground, PACKS, drawn, holds_for, plan};

/// A recording judged with roots and without.
#[derive(Clone)]
struct Twice {
    rooted: CheckResult,
    plain: CheckResult,
    /// Who has broken a root rule.
    at_fault: BTreeSet<Party>,
}

impl Twice {
    fn of(rooted: &Arc<Pack>, plain: &Arc<Pack>, trace: &[OwnedEvent]) -> Self {
        let (with, without) =
            (judged(rooted, trace, Completeness::Finished), judged(plain, trace, Completeness::Finished));
        let broken = rooted.rules.iter().zip(&with.rules).filter(|(rule, _)| rule.root);
        let at_fault =
            broken.flat_map(|(_, rule)| rule.findings.iter().map(|finding| finding.accused)).collect();
        Self { rooted: with, plain: without, at_fault }
    }

    /// Whether a party stands accused by the rule with this code.
    fn has_broken(&self, code: &str, party: Party) -> bool {
        let rule = self.rooted.rules.iter().filter(|rule| rule.rule.code.to_string() == code);
        rule.flat_map(|rule| &rule.findings).any(|finding| finding.accused == party)
    }

    /// What is folded under a rule that its accused has not broken.
    fn folded_wrongly(&self) -> Vec<String> {
        let all =
            self.rooted.rules.iter().flat_map(|rule| rule.findings.iter().map(move |found| (rule, found)));
        let told = |(rule, found): (&RuleResult, &Finding)| {
            let root = found.follows_from.as_deref().filter(|root| !self.has_broken(root, found.accused))?;
            Some(format!("{} of {} follows from {root}: {}", name(rule), found.accused, identity(found)))
        };
        all.filter_map(told).collect()
    }

    /// What does not follow; empty where the law holds.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = self.folded_wrongly();
        for (rooted, plain) in self.rooted.rules.iter().zip(&self.plain.rules) {
            let findings =
                |rule: &RuleResult| -> BTreeSet<String> { rule.findings.iter().map(identity).collect() };
            let (with, without) = (findings(rooted), findings(plain));
            let counts = |rule: &RuleResult| (rule.met, rule.violated, rule.undecided_total());
            if self.at_fault.is_empty() && (counts(rooted), &with) != (counts(plain), &without) {
                wrong.push(format!(
                    "{}: no root broken, and yet {:?} is {:?}",
                    name(rooted),
                    counts(plain),
                    counts(rooted)
                ));
            }
        }
        wrong
    }
}

#[test]
fn roots_fold_what_follows_from_ones_own_fault_and_are_silent_where_nobody_broke_one() {
    for name in PACKS {
        let ground = Ground::of(name);
        let without = plain(&ground);
        holds_for(name, 100, &plan(), |plan| {
            let trace = plan.trace(&ground);
            let wrong = Twice::of(&ground.pack, &without, &trace).folded_wrongly();
            prop_assert!(wrong.is_empty(), "{wrong:#?}:\n{}", shown(&trace));
            // What cannot be read or placed is undecided in the one and explained in the other.
            let trace = clear(&without, &trace);
            let wrong = Twice::of(&ground.pack, &without, &trace).wrong();
            prop_assert!(wrong.is_empty(), "{wrong:#?}:\n{}", shown(&trace));
            Ok(())
        });
    }
}

/// What can be said wrongly of a recording, and may be noticed where there is something to say it of.
fn slips(twice: &Twice) -> Vec<(&'static str, Twice)> {
    let mut slips = Vec::new();
    let mut slip = |what, change: &dyn Fn(&mut Twice) -> Option<()>| {
        let mut wrong = twice.clone();
        if change(&mut wrong).is_some() {
            slips.push((what, wrong));
        }
    };
    slip("an obligation is lost though nobody broke a root", &|wrong| {
        let met = wrong.rooted.rules.iter_mut().find(|rule| rule.met > 0)?;
        met.met -= 1;
        wrong.at_fault.is_empty().then_some(())
    });
    slip("what follows is held against somebody else", &|wrong| {
        let findings = wrong.rooted.rules.iter_mut().flat_map(|rule| &mut rule.findings);
        let folded = findings.into_iter().find(|finding| finding.follows_from.is_some())?;
        folded.accused = peer(folded.accused);
        let (root, accused) = (folded.follows_from.clone()?, folded.accused);
        (!wrong.has_broken(&root, accused)).then_some(())
    });
    slip("the root of what follows is forgotten", &|wrong| {
        let findings = wrong.rooted.rules.iter().flat_map(|rule| &rule.findings);
        let root = findings.into_iter().find_map(|finding| finding.follows_from.clone())?;
        let rule = wrong.rooted.rules.iter_mut().find(|rule| rule.rule.code.to_string() == root)?;
        rule.findings.clear();
        Some(())
    });
    slips
}

#[test]
fn the_law_about_roots_notices_whatever_breaks_it() {
    let ground = Ground::of("bluechip-tsi");
    let without = plain(&ground);
    let tried = RefCell::new(BTreeMap::<&str, u32>::new());
    drawn(150, &plan(), |plan| {
        let trace = clear(&without, &plan.trace(&ground));
        for (what, wrong) in slips(&Twice::of(&ground.pack, &without, &trace)) {
            prop_assert!(!wrong.wrong().is_empty(), "unnoticed: {what}:\n{}", shown(&trace));
            *tried.borrow_mut().entry(what).or_default() += 1;
        }
        Ok(())
    });
    let tried = tried.into_inner();
    assert!(tried.len() == 3 && tried.values().all(|&times| times >= 3), "{tried:?}");
}
