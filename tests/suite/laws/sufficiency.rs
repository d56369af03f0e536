//! The witnesses of a finding are enough: replayed alone, they give the same finding.

use std::sync::Arc;

use proptest::prelude::*;
use tilltape::check::Completeness;
use tilltape::conversation::{Content, EventKind, EventNumber, OwnedEvent};
use tilltape::pack::{Pack, Pattern, Relation, Role, Rule};
use tilltape::rule::Finding;

use super::ground::{identity, judged};
use super::messages::{Told, messages};
use super::trace::shown;
use super::{Ground, PACKS, holds_for, plan};

/// The witnesses in a recording as long, and where their connections and their flows began: that says what they
/// are, and that nothing came before.
fn replayed(trace: &[OwnedEvent], finding: &Finding, pack: &Pack, rule: &Rule) -> Vec<OwnedEvent> {
    let told = messages(pack, trace);
    let mut kept: Vec<EventNumber> = finding.witnesses.iter().map(|witness| witness.n).collect();
    // A sum is proved by all that it adds up; a finding quotes it and names the last.
    if let Pattern::Agree(agree) = &rule.pattern
        && (agree.together || agree.relation == Relation::SumOf)
    {
        let since = rule.span.as_ref().and_then(|span| span.since.as_ref());
        let of = Some(&agree.of).filter(|_| agree.together);
        let parts = [of, Some(&agree.with), agree.less.as_ref().map(|(less, _)| less), since];
        let adds = |told: &&Told| parts.iter().flatten().any(|part| told.is(pack, part));
        kept.extend(told.iter().filter(adds).map(|told| told.n));
    }
    let shown = kept.clone();
    for flow in (0..pack.groupings.len()).filter(|&grouping| pack.groupings[grouping].flows) {
        let of = told.iter().filter(|told| shown.contains(&told.n) && told.groups.contains_key(&flow));
        let own = of.filter_map(|witness| {
            let same = |opener: &&Told| {
                opener.role == Role::Opens
                    && opener.n <= witness.n
                    && opener.groups.get(&flow) == witness.groups.get(&flow)
            };
            told.iter().rfind(same).map(|opener| opener.n)
        });
        let own: Vec<_> = own.collect();
        // The end of a connection is the end of the flows that were opened on it.
        let was_left = |opener: &&Told| {
            let ends = finding.witnesses.iter().filter(|w| w.kind.as_deref() == Some("abandoned"));
            ends.into_iter().any(|end| end.connection == Some(opener.connection))
        };
        let opens = told.iter().filter(|told| told.role == Role::Opens);
        kept.extend(opens.filter(|told| own.contains(&told.n) || was_left(told)).map(|told| told.n));
    }
    let connections: Vec<_> =
        trace.iter().filter(|event| kept.contains(&event.n)).filter_map(|event| event.connection).collect();
    let is_kept = |event: &&OwnedEvent| match &event.content {
        Content::Other(EventKind::Open(_)) => {
            kept.contains(&event.n) || event.connection.is_some_and(|own| connections.contains(&own))
        }
        Content::Other(EventKind::End(_)) => true,
        Content::Json(_) | Content::Other(_) => kept.contains(&event.n),
    };
    trace.iter().filter(is_kept).cloned().collect()
}

/// The pack with this rule and no other.
fn alone(pack: &Pack, rule: &Rule) -> Arc<Pack> {
    let mut alone = pack.clone();
    alone.rules = vec![rule.clone()];
    Arc::new(alone)
}

#[test]
fn the_witnesses_of_a_finding_replayed_alone_give_the_same_finding() {
    for pack in PACKS {
        let ground = Ground::of(pack);
        let alone: Vec<_> = ground.pack.rules.iter().map(|rule| alone(&ground.pack, rule)).collect();
        holds_for(pack, 80, &plan(), |plan| {
            let trace = plan.trace(&ground);
            let results = ground.judged(&trace).rules;
            for ((rule, result), alone) in ground.pack.rules.iter().zip(results).zip(&alone) {
                for finding in result.findings.iter().filter(|finding| finding.follows_from.is_none()) {
                    let evidence = replayed(&trace, finding, &ground.pack, rule);
                    let again = judged(alone, &evidence, Completeness::Finished);
                    let [again] = &again.rules[..] else { panic!("one rule") };
                    let same = again.findings.iter().any(|other| identity(other) == identity(finding));
                    prop_assert!(
                        same,
                        "{}: {finding:#?}\nof\n{}\nreplayed\n{}\n{again:#?}",
                        rule.info.code,
                        shown(&trace),
                        shown(&evidence)
                    );
                }
            }
            Ok(())
        });
    }
}
