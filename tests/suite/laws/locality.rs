//! What runs beside a flow on connections of its own, under keys of its own, changes nothing that is said of it.

use proptest::prelude::*;
use tilltape::conversation::{ConnectionId, Content, EventKind, EventNumber, OwnedEvent};
use tilltape::pack::{GroupScope, GroupingId, KeyAt, Pack, Pattern, Rule, Scope};

use super::ground::{Ground, keys, said};
use super::trace::shown;
use super::{PACKS, holds_for, plan};

/// Whether a rule speaks of one flow or connection at a time; the others speak of all that is said meanwhile.
fn is_local(rule: &Rule, pack: &Pack) -> bool {
    let whole = |scope: Scope| scope != Scope::Connection;
    let wide = |grouping: GroupingId| pack.groupings[grouping.0].is_wide();
    let spans = rule.span.as_ref().is_some_and(|span| span.since.is_some() || wide(span.grouping));
    let is_wide = match &rule.pattern {
        Pattern::Limit(limit) => whole(limit.scope) || wide(limit.grouping),
        Pattern::Unique(unique) => whole(unique.scope) || wide(unique.grouping),
        Pattern::Never(never) => never.after.is_some() && wide(never.grouping),
        Pattern::Respond(respond) => wide(respond.grouping) || respond.window.learned.is_some(),
        Pattern::Precede(precede) => wide(precede.grouping),
        Pattern::Order(order) => wide(order.grouping) || order.messages.iter().any(|step| step.everywhere),
        Pattern::Agree(agree) => wide(agree.grouping),
        Pattern::Shape(_) => false,
    };
    !spans && !is_wide
}

/// The ground without the rules that speak of all that happens. Where kind and order alone say what belongs
/// together, it belongs together on a connection.
fn local(name: &str) -> Ground {
    let ground = Ground::of(name);
    let mut pack = (*ground.pack).clone();
    for grouping in 0..pack.groupings.len() {
        let fixed = |key: &KeyAt| key.grouping.0 == grouping && key.fixed.is_some();
        if pack.kinds.iter().any(|kind| kind.keys.iter().any(fixed)) {
            pack.groupings[grouping].scope = GroupScope::Connection;
        }
    }
    pack.rules = pack.rules.iter().filter(|rule| is_local(rule, &pack)).cloned().collect();
    Ground { pack: pack.into(), ..ground }
}

/// Two recordings as one, by time; the second on connections of its own. What the recorder lost, it lost of both.
fn beside(a: &[OwnedEvent], b: &[OwnedEvent]) -> Vec<OwnedEvent> {
    let moved = b.iter().cloned().map(|mut event| {
        event.connection = event.connection.map(|ConnectionId(id)| ConnectionId(id + 100));
        event
    });
    let own = |event: &OwnedEvent| event.connection.is_some();
    let mut all: Vec<_> = a.iter().cloned().chain(moved).filter(own).collect();
    all.sort_by_key(|event| event.at);
    let end = a.iter().chain(b).filter(|event| is_end(event)).max_by_key(|event| event.at);
    all.extend(end.cloned());
    for (event, n) in all.iter_mut().zip(1..) {
        event.n = EventNumber(n);
    }
    all
}

fn is_end(event: &OwnedEvent) -> bool {
    matches!(event.content, Content::Other(EventKind::End(_)))
}

/// One of the two again, out of both.
fn alone(both: &[OwnedEvent], second: bool) -> Vec<OwnedEvent> {
    let own = |event: &&OwnedEvent| event.connection.is_none_or(|ConnectionId(id)| (id > 100) == second);
    both.iter().filter(own).cloned().collect()
}

#[test]
fn what_runs_beside_a_flow_changes_nothing_that_is_said_of_it() {
    for pack in PACKS {
        let ground = local(pack);
        holds_for(pack, 80, &(plan(), plan()), |(a, mut b)| {
            b.flows.iter_mut().for_each(|(_, _, name)| *name += 3);
            let (a, b) = (a.trace(&ground), b.trace(&ground));
            let shared = keys(&ground.pack, &a).into_iter().any(|key| keys(&ground.pack, &b).contains(&key));
            prop_assume!(!shared);
            let both = beside(&a, &b);
            let together = said(&ground.judged(&both));
            let first = said(&ground.judged(&alone(&both, false)));
            let second = said(&ground.judged(&alone(&both, true)));
            for (rule, both_said) in &together {
                let (a, b) = (&first[rule], &second[rule]);
                let mut findings = [a.findings.clone(), b.findings.clone()].concat();
                findings.sort();
                let counts = (a.met + b.met, a.violated + b.violated, a.undecided + b.undecided);
                let same = counts == (both_said.met, both_said.violated, both_said.undecided)
                    && findings == both_said.findings;
                prop_assert!(same, "{rule}: {both_said:#?}, alone {a:#?} and {b:#?}:\n{}", shown(&both));
            }
            Ok(())
        });
    }
}
