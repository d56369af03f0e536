//! Laws of live judging, on random traces: what is announced is never taken back, every finding is announced
//! once, and a check that is told the time as it passes says the same as one of the finished recording.
//!
//! The traces are made of the exchanges of the packs' own pages: mixed, cut, repeated, with other pauses, with
//! gaps, lost links and unreadable messages thrown in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tilltape::check::{Check, CheckResult, Completeness, Options, SourceInfo};
use tilltape::conversation::{
    ConnectionId, ConversationEvent, Drop, EventKind, EventNumber, Gap, Offset, Party, Undecodable,
    transcript,
};
use tilltape::pack::{self, Pack, Sources};
use tilltape::rule::Finding;

/// What a trace is made of, step by step.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The next event of one of the exchanges picked.
    Next { of: usize },
    /// The same once more.
    Again { of: usize },
    /// The next event of an exchange does not happen.
    Skip { of: usize },
    /// The link of an exchange is lost.
    Lose { of: usize },
    /// Something that cannot be read.
    Garble { of: usize, by: Party },
    /// The recorder lost messages, since the last event or later.
    Gap { since: u8 },
}

/// A trace: which exchanges, on how many connections, which steps, each after a pause.
#[derive(Clone, Debug)]
struct Plan {
    exchanges: Vec<usize>,
    connections: u64,
    steps: Vec<(Step, Duration)>,
    tail: Duration,
}

fn pause() -> impl Strategy<Value = Duration> {
    let micros = prop_oneof![
        4 => 0_u64..20_000,
        2 => 20_000_u64..3_000_000,
        2 => prop::sample::select(vec![4_998_000, 4_999_500, 5_000_000, 5_000_900, 5_001_100, 5_100_000]),
        1 => 5_000_000_u64..20_000_000,
        1 => 59_000_000_u64..70_000_000,
    ];
    micros.prop_map(Duration::from_micros)
}

fn plan() -> impl Strategy<Value = Plan> {
    let of = || 0_usize..3;
    let step = prop_oneof![
        16 => of().prop_map(|of| Step::Next { of }),
        1 => of().prop_map(|of| Step::Again { of }),
        2 => of().prop_map(|of| Step::Skip { of }),
        1 => of().prop_map(|of| Step::Lose { of }),
        1 => (of(), prop::sample::select(vec![Party::Pos, Party::Terminal]))
            .prop_map(|(of, by)| Step::Garble { of, by }),
        1 => (0_u8..4).prop_map(|since| Step::Gap { since }),
    ];
    (vec(any::<prop::sample::Index>(), 3), 1_u64..3, vec((step, pause()), 1..40), pause()).prop_map(
        |(exchanges, connections, steps, tail)| Plan {
            exchanges: exchanges.into_iter().map(|index| index.index(1 << 20)).collect(),
            connections,
            steps,
            tail,
        },
    )
}

/// A pack and the events of every exchange of its pages.
struct Ground {
    pack: Arc<Pack>,
    exchanges: Vec<Vec<ConversationEvent<'static>>>,
}

impl Ground {
    fn of(name: &str) -> Self {
        let mut sources = Sources::embedded();
        for (path, text) in ticket_talk().into_iter().chain(crate::laws::invented::pages()) {
            sources.insert(path, text);
        }
        let pack = Arc::new(pack::load(&sources, name).unwrap_or_else(|errors| panic!("{errors}")));
        let exchanges = pack.rules.iter().flat_map(|rule| &rule.page.exchanges);
        let exchanges = exchanges
            .map(|exchange| transcript::parse(exchange.transcript.clone().leak()).unwrap())
            .collect();
        Self { pack, exchanges }
    }

    fn trace(&self, plan: &Plan) -> Vec<ConversationEvent<'static>> {
        let mut left: Vec<_> = plan
            .exchanges
            .iter()
            .map(|&index| self.exchanges[index % self.exchanges.len()].iter().peekable())
            .collect();
        let mut events = Vec::new();
        let mut at = Offset::ZERO;
        for &(step, pause) in &plan.steps {
            let before = at;
            at = at.after(pause);
            let connection = |of: usize| Some(ConnectionId(of as u64 % plan.connections + 1));
            let (of, kind) = match step {
                Step::Next { of } => (connection(of), left[of].next().map(|event| event.kind.clone())),
                Step::Again { of } => (connection(of), left[of].peek().map(|event| event.kind.clone())),
                Step::Skip { of } => (None, left[of].next().and(None)),
                Step::Lose { of } => (connection(of), Some(EventKind::Drop(Drop { by: None, reset: false }))),
                Step::Garble { of, by } => (
                    connection(of),
                    Some(EventKind::Undecodable(Undecodable {
                        from: by,
                        bytes: b"?".into(),
                        size: 1,
                        why: "a limit was reached".into(),
                        masked: Vec::new(),
                    })),
                ),
                Step::Gap { since } => {
                    let from = before.after(pause / 3 * u32::from(since.min(3)));
                    let gap = Gap { messages: 1, bytes: 9, from: from.min(at), why: "disk full".into() };
                    (None, Some(EventKind::Gap(gap)))
                }
            };
            let Some(kind) = kind.filter(|kind| !matches!(kind, EventKind::End(_))) else { continue };
            let of_recording = matches!(kind, EventKind::Note(_) | EventKind::Clock(_) | EventKind::Gap(_));
            let connection = of.filter(|_| !of_recording);
            events.push(ConversationEvent { n: EventNumber(events.len() as u64 + 1), at, connection, kind });
        }
        let kind = transcript::parse("end +1ms\n").unwrap().remove(0).kind;
        let n = EventNumber(events.len() as u64 + 1);
        events.push(ConversationEvent { n, at: at.after(plan.tail), connection: None, kind });
        events
    }

    fn judged(&self, events: &[ConversationEvent<'_>]) -> CheckResult {
        let mut check = Check::new(Arc::clone(&self.pack), Options::default());
        check.begin(SourceInfo::default());
        events.iter().for_each(|event| check.observe(event).unwrap());
        check.end(Completeness::Finished);
        check.finish()
    }

    /// The result of a check that learns of the time whenever it passes, and what it announced on the way.
    fn watched(&self, events: &[ConversationEvent<'_>]) -> (CheckResult, Vec<(String, Finding)>) {
        let mut check = Check::live(Arc::clone(&self.pack), Options::default());
        check.begin(SourceInfo::default());
        let mut announced = Vec::new();
        let mut take = |check: &mut Check| {
            let fresh = check.take_new_findings().into_iter();
            announced.extend(fresh.map(|(rule, finding)| (rule.code.to_string(), finding)));
        };
        let mut now = Offset::ZERO;
        for event in events {
            let known = match &event.kind {
                EventKind::Gap(gap) => gap.from,
                _ => event.at,
            };
            while now < known {
                now = now.after(Duration::from_millis(700)).min(known);
                check.advance(now);
                take(&mut check);
            }
            check.observe(event).unwrap();
            take(&mut check);
        }
        check.end(Completeness::Finished);
        take(&mut check);
        (check.finish(), announced)
    }
}

/// A pack whose rules decide at their deadlines in every way there is.
fn ticket_talk() -> Vec<(String, String)> {
    let kinds = ["ask", "more", "stop", "busy", "done", "thanks"].map(|kind| {
        let (from, role) = match kind {
            "ask" => ("pos", "opens"),
            "more" | "stop" => ("pos", "control"),
            "thanks" => ("pos", "acknowledgement"),
            "busy" => ("terminal", "progress"),
            _ => ("terminal", "final"),
        };
        format!(
            "[[message]]\nkind = \"{kind}\"\nis = \"json\"\nfrom = \"{from}\"\nrole = \"{role}\"\n\
             when = [{{ at = \"/type\", equals = \"{kind}\" }}]\nkeys = {{ flow = \"/id\" }}\n"
        )
    });
    let pack = format!(
        "name = \"ticket-talk\"\nversion = \"1.0.0\"\ntitle = \"invented\"\nextends = [\"core\"]\n\
         [keys.flow]\nscope = \"recording\"\n{}",
        kinds.concat()
    );
    let patterns = [
        "to = \"ask\"\nwith = \"done\"\nwithin = 5000\nrestart-on = \"busy\"\nvoid-on = \"stop\"",
        "to = \"ask\"\nwith = \"busy\"\nwithin = 5000\nwithin-at = \"/wait\"\njudges = \"promptness\"",
        "to = \"done\"\nwith = \"thanks\"\nwithin = 60000\njudges = \"existence\"",
        "to = \"done\"\nwith = \"thanks\"\nwithin = 5000\njudges = \"promptness\"\nvoid-on = \"stop\"",
        "to = \"more\"\nwith = \"busy\"\nwithin = 5000\none-at-a-time = true\ntimes = \"exactly-once\"",
        "to = \"busy\"\nwith = \"more\"\nwithin = 3000\non-disconnect = \"carry\"\nnot-before = 10",
    ];
    let lines = |kinds: &[&str]| -> String {
        let line = |kind: &&str| {
            let from = if matches!(*kind, "busy" | "done") { "terminal" } else { "pos     " };
            format!("{from} +1s {{\"type\":\"{kind}\",\"id\":1,\"wait\":\"2000\"}}\n")
        };
        format!("open pos → terminal /t\n{}", kinds.iter().map(line).collect::<String>())
    };
    let exchanges = [
        lines(&["ask", "busy", "more", "busy", "done", "thanks"]),
        lines(&["ask", "busy", "stop", "ask", "done", "stop", "thanks"]),
        lines(&["ask", "done", "done", "thanks", "more", "more", "busy"]),
    ];
    let fenced: String = exchanges.iter().map(|text| format!("```exchange pass\n{text}```\n")).collect();
    let page = |(number, pattern): (usize, &&str)| {
        let page = format!(
            "+++\ncode = \"T-{number}\"\ntitle = \"t\"\nlevel = \"must\"\nauthority = \"documented\"\n\
             impact = \"money\"\nsource = [\"T\"]\nroot = {}\n[pattern.respond]\n{pattern}\n+++\n\
             # What it requires\n# Why it matters\n# Limits\n{fenced}",
            number % 2 == 0
        );
        (format!("ticket-talk/rules/T-{number}.md"), page)
    };
    let pages = (1..).zip(&patterns).map(page);
    pages.chain([("ticket-talk/pack.toml".to_owned(), pack)]).collect()
}

/// Which finding it is, whatever its words: rule, accused, flow, trigger.
fn identity(rule: &str, finding: &Finding) -> String {
    let trigger = &finding.witnesses[0];
    format!("{rule} {} {:?} {}#{}", finding.accused, finding.flow, trigger.source, trigger.n.0)
}

/// How often each finding is there.
fn counted(findings: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    findings.for_each(|finding| *counts.entry(finding).or_default() += 1);
    counts
}

fn holds(ground: &Ground, plan: &Plan) -> Result<usize, TestCaseError> {
    let trace = ground.trace(plan);
    let later = ground.judged(&trace);
    let (live, announced) = ground.watched(&trace);
    prop_assert_eq!(&live, &later, "live, and of the finished recording: {:#?}", trace);
    let found = later
        .rules
        .iter()
        .flat_map(|rule| rule.findings.iter().map(|finding| identity(&rule.rule.code.to_string(), finding)));
    let announced_ids = counted(announced.iter().map(|(rule, finding)| identity(rule, finding)));
    prop_assert_eq!(announced_ids, counted(found), "announced, and found: {:#?}", trace);
    Ok(announced.len())
}

fn every_trace_of(pack: &str, cases: u32) {
    let ground = Ground::of(pack);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let mut findings = 0;
    let outcome = runner.run(&plan(), |plan| {
        holds(&ground, &plan)?;
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{pack}: {failure}"));
    // The law is about something: a walk through every exchange as it stands announces its findings.
    for index in 0..ground.exchanges.len() {
        let steps = ground.exchanges[index].iter().map(|_| (Step::Next { of: 0 }, Duration::from_secs(6)));
        let plan = Plan {
            exchanges: vec![index; 3],
            connections: 1,
            steps: steps.collect(),
            tail: Duration::from_secs(120),
        };
        findings += holds(&ground, &plan).unwrap_or_else(|failure| panic!("{pack}: {failure}"));
    }
    assert!(findings > ground.pack.rules.len(), "{pack}: only {findings} findings");
}

#[test]
fn what_is_announced_of_a_tsi_recording_stands() {
    every_trace_of("bluechip-tsi", 600);
}

#[test]
fn what_is_announced_of_a_protocol_with_every_kind_of_deadline_stands() {
    every_trace_of("ticket-talk", 600);
}

#[test]
fn what_is_announced_of_a_gochip_recording_stands() {
    every_trace_of("gochip", 600);
}

#[test]
fn a_gap_that_began_before_the_deadline_leaves_it_undecided_however_late_it_is_owned_up() {
    let ground = Ground::of("ticket-talk");
    let mut events = transcript::parse(
        "open pos → terminal /t\npos {\"type\":\"ask\",\"id\":1}\ngap +20s 3 disk full\nend +60s\n",
    )
    .unwrap();
    for (from, expected) in [(4, (0, 1)), (6, (1, 0))] {
        let EventKind::Gap(gap) = &mut events[2].kind else { panic!("the third is the gap") };
        gap.from = Offset::from_micros(from * 1_000_000);
        let result = ground.judged(&events);
        let rule = result.rules.iter().find(|rule| rule.rule.code.to_string() == "T-1").unwrap();
        assert_eq!((rule.violated, rule.undecided_total()), expected, "from {from} s: {rule:#?}");
        assert_eq!(ground.watched(&events).0, result);
    }
}

#[test]
fn what_comes_after_the_deadline_excuses_nothing_and_changes_only_the_words() {
    let ground = Ground::of("ticket-talk");
    let ask = "open pos → terminal /t\npos {\"type\":\"ask\",\"id\":1}\n";
    for (after, got) in [
        ("terminal +9s {\"type\":\"done\",\"id\":1}\n", "a done after 9 s"),
        ("terminal +9s {\"type\":\"busy\",\"id\":1}\n", "none in the 69 s until the recording ended"),
        ("pos +9s {\"type\":\"stop\",\"id\":1}\n", "none in the 9 s until it was owed no more"),
        ("drop +9s\n", "none in the 9 s until the link was lost"),
    ] {
        let events = format!("{ask}{after}end +60s\n");
        let events = transcript::parse(&events).unwrap();
        let (result, announced) = ground.watched(&events);
        let rule = result.rules.iter().find(|rule| rule.rule.code.to_string() == "T-1").unwrap();
        assert_eq!((rule.violated, rule.undecided_total(), rule.void), (1, 0, 0), "{after}: {rule:#?}");
        assert_eq!(rule.findings[0].got, got, "{after}");
        let (_, first) = announced.iter().find(|(rule, _)| rule == "T-1").unwrap();
        assert_eq!(first.got, "none in 5 s", "{after}");
    }
}

#[test]
fn what_is_announced_of_a_castle_recording_stands() {
    every_trace_of("castle", 600);
}

#[test]
fn what_is_announced_of_a_protocol_that_uses_every_pattern_stands() {
    every_trace_of("fair-talk", 300);
}
