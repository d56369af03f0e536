//! No evidence is never a pass: an empty recording, a refused connection, a peer that says nothing and one that
//! only says what it hears are judged on traces of all sorts, and none of them has kept a rule.

use proptest::prelude::*;
use tilltape::check::{CheckResult, Completeness};
use tilltape::conversation::{Content, EventKind, EventNumber, OwnedEvent, Party, Refusal};
use tilltape::pack::{Carrier, KindId, Pack, Pattern, Role, Rule, Selector, Times};
use tilltape::rule::{RunVerdict, Verdict};

use super::ground::{judged, name};
use super::messages::{Told, messages};
use super::trace::{peer, sender, shown};
use super::{Ground, PACKS, Step, holds_for, plan};

/// The rules that passed, of those that `asks`.
fn passed(pack: &Pack, result: &CheckResult, asks: impl Fn(&Rule) -> bool) -> Vec<String> {
    let rules = pack.rules.iter().zip(&result.rules);
    let passed = rules.filter(|(rule, result)| result.verdict == Verdict::Pass && asks(rule));
    passed.map(|(_, result)| name(result)).collect()
}

/// The documented musts that passed.
fn passed_of(pack: &Pack, result: &CheckResult) -> Vec<String> {
    passed(pack, result, |rule| rule.info.blocks())
}

/// Whether it is about messages: who dials and who hangs up is seen of a peer that says nothing, too.
fn is_about_messages(pack: &Pack, selector: &Selector) -> bool {
    let said = |carrier: &&Carrier| {
        !matches!(carrier, Carrier::Open | Carrier::Drop | Carrier::Close | Carrier::Abandoned)
    };
    let carriers = Carrier::WORDS.iter().map(|(_, carrier)| carrier).filter(said);
    let carriers: Vec<_> = carriers.collect();
    selector.kinds.iter().any(|kind| carriers.iter().any(|&&c| pack.kinds[kind.0].carriers.contains(c)))
}

/// Whether only what this party says can keep the rule.
fn is_kept_by(pack: &Pack, rule: &Rule, party: Party) -> bool {
    let about = |selector: &Selector| is_about_messages(pack, selector);
    rule.info.obligor == Some(party)
        && match &rule.pattern {
            Pattern::Shape(shape) => about(&shape.on),
            Pattern::Never(never) => about(&never.message),
            Pattern::Unique(unique) => about(&unique.on),
            Pattern::Respond(respond) => about(&respond.with),
            Pattern::Precede(precede) => about(&precede.then),
            Pattern::Order(_) => true,
            Pattern::Agree(agree) => about(&agree.of),
            Pattern::Limit(limit) => about(&limit.on),
        }
}

/// The recording in which `party` has said nothing; connections stay open.
fn silent(trace: &[OwnedEvent], party: Party) -> Vec<OwnedEvent> {
    let is_heard = |event: &&OwnedEvent| match &event.content {
        Content::Other(EventKind::Drop(_) | EventKind::Close(_)) => false,
        content => sender(content) != Some(party),
    };
    trace.iter().filter(is_heard).cloned().collect()
}

/// The recording in which `party` has sent back every message, a moment later, and nothing else.
fn echoed(trace: &[OwnedEvent], party: Party) -> Vec<OwnedEvent> {
    let mut echoed = Vec::new();
    for event in silent(trace, party) {
        let mut back = event.clone();
        echoed.push(event);
        if let Content::Json(message) = &mut back.content {
            message.from = peer(message.from);
            echoed.push(back);
        }
    }
    for (event, n) in echoed.iter_mut().zip(1..) {
        event.n = EventNumber(n);
    }
    echoed
}

/// The recording in which nobody was let in.
fn refused(trace: &[OwnedEvent]) -> Vec<OwnedEvent> {
    let mut refused = Vec::new();
    for event in trace {
        match &event.content {
            Content::Other(EventKind::Open(opening)) => {
                let refusal = Refusal {
                    opening: (**opening).clone(),
                    body: tilltape::conversation::Payload::Text("busy".into()),
                    why: None,
                };
                let content = Content::Other(EventKind::Refused(Box::new(refusal)));
                refused.push(OwnedEvent { content, ..event.clone() });
            }
            Content::Other(EventKind::End(_)) => refused.push(event.clone()),
            Content::Json(_) | Content::Other(_) => {}
        }
    }
    refused
}

#[test]
fn nothing_passes_where_nothing_was_said() {
    for pack in PACKS {
        let ground = Ground::of(pack);
        holds_for(pack, 20, &plan(), |plan| {
            let trace = plan.trace(&ground);
            let empty = judged(&ground.pack, &[], Completeness::Cut);
            let ended = ground.judged(&trace[trace.len() - 1..]);
            let refused = ground.judged(&refused(&trace));
            for result in [empty, ended, refused] {
                let passed = passed(&ground.pack, &result, |_| true);
                prop_assert!(passed.is_empty(), "{passed:?}:\n{}", shown(&trace));
                prop_assert_eq!(result.verdict, RunVerdict::Undecided);
            }
            Ok(())
        });
    }
}

#[test]
fn who_says_nothing_has_kept_nothing() {
    for pack in PACKS {
        let ground = Ground::of(pack);
        holds_for(pack, 60, &plan(), |plan| {
            let trace = plan.trace(&ground);
            for party in [Party::Pos, Party::Terminal] {
                let trace = silent(&trace, party);
                let passed = passed(&ground.pack, &ground.judged(&trace), |rule| {
                    is_kept_by(&ground.pack, rule, party)
                });
                prop_assert!(passed.is_empty(), "{passed:?}, and the {party} is silent:\n{}", shown(&trace));
            }
            Ok(())
        });
    }
}

#[test]
fn who_only_says_what_it_hears_answers_nothing() {
    let mut directed = 0;
    for pack in PACKS {
        let ground = Ground::of(pack);
        // Of kinds that either may send an echo is one, and of a message that says nothing of its sender.
        let answers = |rule: &Rule, party: Party| match &rule.pattern {
            Pattern::Respond(respond) => {
                let own = |kind: &tilltape::pack::KindId| {
                    let kind = &ground.pack.kinds[kind.0];
                    kind.from == Some(party) && kind.role != Role::Control
                };
                // Where an answer need not come, none is one, too.
                respond.times != Times::AtMostOnce
                    && is_kept_by(&ground.pack, rule, party)
                    && respond.with.kinds.iter().all(own)
            }
            _ => false,
        };
        let telling = (0..ground.pack.kinds.len()).filter(|&kind| ground.pack.is_telling(KindId(kind)));
        let telling: Vec<_> = telling.map(|kind| &ground.pack.kinds[kind]).collect();
        // Where either may say all there is, an echo says what there is to say.
        let is_directed = telling.iter().all(|kind| kind.from.is_some());
        directed += u32::from(is_directed);
        holds_for(pack, 60, &plan(), |mut plan| {
            // Else there is somebody to answer.
            plan.steps.retain(|(step, _)| !matches!(step, Step::Retag { .. }));
            let trace = plan.trace(&ground);
            for party in [Party::Pos, Party::Terminal] {
                let trace = echoed(&trace, party);
                let result = ground.judged(&trace);
                let passed = passed(&ground.pack, &result, |rule| answers(rule, party));
                // Whose part the other one plays as well, it hears its own words.
                let told = messages(&ground.pack, &trace);
                let own = |told: &Told| {
                    let kind = told.kind.0;
                    told.from == Some(party)
                        && ground.pack.kinds[kind].from == Some(party)
                        && ground.pack.is_telling(told.kind)
                };
                let is_directed = is_directed && !told.iter().any(own);
                prop_assert!(passed.is_empty(), "{passed:?}, and the {party} echoes:\n{}", shown(&trace));
                prop_assert!(
                    !is_directed || result.verdict != RunVerdict::Conformant,
                    "conformant by {:?}, and the {party} echoes:\n{}",
                    passed_of(&ground.pack, &result),
                    shown(&trace)
                );
            }
            Ok(())
        });
    }
    assert!(directed >= 2, "{directed}");
}
