//! Reports of hand-made results: every section, every verdict, in all looks; JSON against its schema.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tilltape::check::{
    Bucket, CheckResult, Completeness, Parameter, RuleResult, SourceSummary, Subject, Timing, Undecided,
};
use tilltape::conversation::{ConnectionId, EventNumber, Offset, Party};
use tilltape::pack::{Authority, Impact, Level, RuleInfo};
use tilltape::report::{Colour, Glyphs, Look, Report, Unreadable, json, page, text};
use tilltape::rule::{Finding, Reason, RunVerdict, Verdict, Witness};

#[test]
fn a_conformant_run_is_short() {
    insta::assert_snapshot!(plain(&conformant()));
}

#[test]
fn a_broken_rule_names_the_accused_the_witnesses_and_the_next_step() {
    insta::assert_snapshot!(plain(&non_conformant()));
}

#[test]
fn the_verdict_of_an_experimental_pack_says_that_it_is_one() {
    let mut result = conformant();
    result.experimental = Some("its document is a draft".into());
    let report = plain(&result);
    let head: Vec<&str> = report.lines().take(3).collect();
    assert!(
        head[0].starts_with("CONFORMANT  ") && head[0].ends_with("; the pack is experimental"),
        "{report}"
    );
    assert!(head[2].contains("experimental: its document is a draft"), "{report}");
    let json: serde_json::Value = serde_json::from_str(&json_of(&result, &[])).unwrap();
    assert_eq!(json["pack"]["experimental"], "its document is a draft");
}

#[test]
fn an_undecided_run_says_how_much_longer_to_record() {
    insta::assert_snapshot!(plain(&undecided()));
}

#[test]
fn nothing_exercised_is_said_first() {
    let mut result = conformant();
    result.verdict = RunVerdict::Undecided;
    result.rules =
        vec![not_exercised(), RuleResult::not_exercised(Arc::new(rule("ID-1", "request ids are fresh")))];
    insta::assert_snapshot!(plain(&result));
}

#[test]
fn a_rule_in_error_makes_the_run_invalid() {
    let mut result = conformant();
    result.verdict = RunVerdict::Invalid;
    result.rules[0].verdict = Verdict::Error;
    result.rules[0].error = Some("expected a parameter `ack_ms`, the pack has none".into());
    insta::assert_snapshot!(plain(&result));
}

#[test]
fn an_unreadable_input_is_said_beside_the_verdict_of_the_rest() {
    let result = conformant();
    let unreadable = [
        Unreadable {
            name: "day/broken.cassette.jsonl".into(),
            line: Some(17),
            message: "expected `,` or `}` at byte 44".into(),
        },
        Unreadable {
            name: "day/gone.cassette.jsonl".into(),
            line: None,
            message: "no such file or directory".into(),
        },
    ];
    insta::assert_snapshot!(text(
        &Report { result: &result, unreadable: &unreadable, proof: None },
        Look::PLAIN
    ));
}

#[test]
fn a_narrow_ascii_terminal_gets_the_same_report() {
    let look = Look { width: 72, colour: Colour::Never, glyphs: Glyphs::Ascii };
    let report = render(&non_conformant(), look);
    assert!(report.is_ascii());
    insta::assert_snapshot!(report);
}

#[test]
fn colours_change_no_text() {
    for result in [conformant(), non_conformant(), undecided()] {
        let coloured = render(&result, Look { colour: Colour::Always, ..Look::PLAIN });
        assert!(coloured.contains("\u{1b}["));
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            stripped.push_str(before);
            rest = after.split_once('m').expect("a colour code ends with `m`").1;
        }
        stripped.push_str(rest);
        assert_eq!(stripped, plain(&result));
    }
}

#[test]
fn what_a_peer_sent_cannot_steer_the_terminal() {
    let mut result = non_conformant();
    let finding = &mut result.rules[0].findings[0];
    finding.flow = Some("1\u{1b}[2J\u{202e}\r".into());
    finding.got = "\u{7}bell\u{9b}31m".into();
    finding.witnesses[0].excerpt = "{\"a\":\"\u{1b}]0;owned\u{7}\"}".into();
    finding.witnesses[0].marked = Some(5..8);
    result.sources[0].name = "a\u{1b}c.cassette.jsonl".into();
    let report = plain(&result);
    assert!(report.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{report}");
}

#[test]
fn marks_that_do_not_fit_the_excerpt_are_ignored() {
    let mut result = non_conformant();
    for marked in [Some(0..0), Some(5..9_999), Some(1..2), None] {
        let witness = &mut result.rules[0].findings[0].witnesses[0];
        witness.excerpt = "é{}".into();
        witness.marked = marked;
        let _ = plain(&result);
        json_of(&result, &[]);
    }
}

#[test]
fn a_run_in_which_a_party_said_nothing_in_order_names_the_party() {
    let mut result = conformant();
    result.verdict = RunVerdict::Undecided;
    result.unheard = vec![Party::Terminal];
    let said = plain(&result);
    assert!(
        said.starts_with("UNDECIDED  the terminal sent nothing in order that it could be judged by"),
        "{said}"
    );
    result.unheard.push(Party::Pos);
    let said = plain(&result);
    assert!(said.starts_with("UNDECIDED  neither party sent anything in order"), "{said}");
}

#[test]
fn json_reports_follow_their_schema() {
    let unreadable =
        [Unreadable { name: "x".into(), line: Some(3), message: "expected a value at byte 1".into() }];
    for result in [conformant(), non_conformant(), undecided()] {
        json_of(&result, &unreadable);
    }
    insta::assert_snapshot!(json_of(&non_conformant(), &unreadable));
}

#[test]
fn the_schema_documents_every_key() {
    fn undocumented(schema: &serde_json::Value, at: &str, out: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) {
            for (key, value) in properties {
                let at = format!("{at}/{key}");
                if value.get("description").is_none() {
                    out.push(at.clone());
                }
                undocumented(value, &at, out);
            }
        }
        for key in ["items", "$defs"] {
            match (key, schema.get(key)) {
                ("$defs", Some(serde_json::Value::Object(defs))) => {
                    defs.iter().for_each(|(name, def)| undocumented(def, &format!("{at}#{name}"), out));
                }
                (_, Some(items)) => undocumented(items, at, out),
                (_, None) => {}
            }
        }
    }
    let mut out = Vec::new();
    undocumented(&schema(), "", &mut out);
    assert_eq!(out, Vec::<String>::new());
}

#[test]
fn a_rule_page_is_laid_out_for_people() {
    let info = RuleInfo {
        source: vec!["BF1: Transaction Message-Flow".into(), "IW: acknowledgement".into()],
        ..rule("ACK-1", "the POS acknowledges every event")
    };
    let markdown = "\
# What it requires
For each `event` the POS sends one `event_ack` with **the same** flow_id, whatever the event says, and it does
so before the time-out of the terminal.

- error events too,
- events it does not know,
  even where they are late

# Limits
A recording cannot show 2 * 3 or what `the till did with it.

```exchange pass
terminal +0ms {\"event\":{\"flow_id\":\"7\",\"resource\":{\"status\":\"completed\",\"results\":[{\"status\":\"approved\",\"amount\":1}]}}}
pos      +3ms {\"event_ack\":{\"flow_id\":\"7\"}}
```
```exchange fail at 1 blames pos
terminal +0ms {\"event\":{}}
end +60s
```
```exchange inconclusive
end +1s
```
";
    insta::assert_snapshot!(page(&info, markdown, None, Look::PLAIN));
}

/// Validates the JSON report and returns it.
fn json_of(result: &CheckResult, unreadable: &[Unreadable]) -> String {
    let report = json(&Report { result, unreadable, proof: None });
    let value: serde_json::Value = serde_json::from_str(&report).expect("a report is JSON");
    let validator = jsonschema::draft202012::new(&schema()).expect("the schema is one");
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    report
}

fn schema() -> serde_json::Value {
    serde_json::from_str(include_str!("../../specs/schema/report.schema.json")).expect("the schema is JSON")
}

fn plain(result: &CheckResult) -> String {
    render(result, Look::PLAIN)
}

fn render(result: &CheckResult, look: Look) -> String {
    text(&Report { result, unreadable: &[], proof: None }, look)
}

fn conformant() -> CheckResult {
    let mut id = RuleResult::not_exercised(Arc::new(rule("ID-1", "each request carries a fresh flow_id")));
    id.verdict = Verdict::Pass;
    id.met = 12;
    let mut resp = RuleResult::not_exercised(Arc::new(RuleInfo {
        level: Level::Should,
        obligor: Some(Party::Terminal),
        ..rule("RESP-2", "the terminal responds promptly")
    }));
    resp.verdict = Verdict::Pass;
    resp.met = 12;
    resp.timing = Some(timing());
    CheckResult {
        pack: "bluechip-tsi".into(),
        pack_version: "1".into(),
        experimental: None,
        parameters: vec![
            Parameter { name: "ack_ms".into(), value: "5000".into(), set: false },
            Parameter { name: "response_ms".into(), value: "1000".into(), set: true },
        ],
        verdict: RunVerdict::Conformant,
        unheard: Vec::new(),
        rules: vec![id, resp],
        sources: vec![source("day/sale-approved.cassette.jsonl")],
        waivers: Vec::new(),
        today: None,
    }
}

fn non_conformant() -> CheckResult {
    let mut ack = RuleResult::not_exercised(Arc::new(RuleInfo {
        source: vec!["BF1: Transaction Message-Flow".into(), "IW".into()],
        ..rule("ACK-1", "the POS acknowledges every event")
    }));
    ack.verdict = Verdict::Fail;
    ack.met = 2;
    ack.violated = 9;
    ack.findings = (0..7).map(missing_ack).collect();
    ack.findings[6].follows_from = Some("ID-1".into());
    ack.advice = vec!["Send an event_ack for every event, error events included.".into()];

    let mut full = RuleResult::not_exercised(Arc::new(RuleInfo {
        level: Level::Should,
        authority: Authority::Derived,
        impact: Impact::Diagnosis,
        obligor: Some(Party::Terminal),
        source: vec!["BF2: Terminal Information".into()],
        ..rule("EVT-1", "a completed event carries its results")
    }));
    full.verdict = Verdict::Fail;
    full.violated = 1;
    let excerpt = format!(
        r#"{{"event":{{"flow_id":"804213","resource":{{"status":"completed","comment":"{}","results":[],"receipt":"x"}}}}}}"#,
        "a long remark that pushes what matters to the right ".repeat(2)
    );
    let start = excerpt.find("\"results\":[]").expect("it was just written");
    full.findings = vec![Finding {
        accused: Party::Terminal,
        what: "the event with status `completed` has no results".into(),
        expected: "at least one entry in /event/resource/results".into(),
        got: "an empty array".into(),
        flow: Some("804213".into()),
        witnesses: vec![Witness {
            marked: Some(start..start + 12),
            ..witness(1, 4, 9_120_044, Some(Party::Terminal), "sent here", &excerpt)
        }],
        follows_from: None,
        waived_by: None,
    }];
    let mut result = conformant();
    result.verdict = RunVerdict::NonConformant;
    result.rules.insert(0, full);
    result.rules.insert(0, ack);
    result.rules.push(not_exercised());
    result.sources.push(SourceSummary {
        completeness: Completeness::Cut,
        refused: 1,
        lost: 3,
        subject: Subject(BTreeMap::from([
            (Party::Pos, facts(&[("name", "Kasse 7.2")])),
            (Party::Terminal, facts(&[("model", "Lane3600"), ("firmware", "23.4")])),
        ])),
        ..source("day/bad till.cassette.jsonl")
    });
    result
}

fn facts(facts: &[(&str, &str)]) -> BTreeMap<String, String> {
    facts.iter().map(|&(fact, value)| (fact.into(), value.into())).collect()
}

fn undecided() -> CheckResult {
    let mut ack = RuleResult::not_exercised(Arc::new(rule("ACK-1", "the POS acknowledges every event")));
    ack.verdict = Verdict::Inconclusive;
    ack.met = 2;
    ack.undecided = BTreeMap::from([(Reason::Horizon, 1), (Reason::Channel, 1)]);
    let event =
        r#"{"event":{"flow_id":"31","resource":{"status":"completed","results":[{"status":"approved"}]}}}"#;
    ack.undecided_examples = vec![
        Undecided {
            reason: Reason::Horizon,
            flow: Some("31".into()),
            witnesses: vec![
                witness(0, 14, 70_000_000, Some(Party::Terminal), "trigger", event),
                witness(0, 15, 71_000_000, None, "end of the recording", ""),
            ],
            lacking: Some(Duration::from_millis(4_000)),
            to_do: "record 4 s longer".into(),
        },
        Undecided {
            reason: Reason::Channel,
            flow: Some("30".into()),
            witnesses: vec![
                witness(0, 8, 30_000_000, Some(Party::Terminal), "trigger", event),
                witness(0, 9, 30_100_000, Some(Party::Terminal), "closed here", "close terminal 1001"),
            ],
            lacking: None,
            to_do: "repeat the flow on a link that stays up".into(),
        },
    ];
    let mut result = conformant();
    result.verdict = RunVerdict::Undecided;
    result.rules.insert(0, ack);
    result
}

fn not_exercised() -> RuleResult {
    let mut rule = RuleResult::not_exercised(Arc::new(rule("EVT-2", "an error event says what went wrong")));
    rule.advice = vec!["Provoke an error event: unplug the terminal's network and start a sale.".into()];
    rule
}

fn missing_ack(index: u64) -> Finding {
    let flow = 804_213 + index;
    let at = 1_203 + index * 70_000_000;
    let event = format!(
        r#"{{"event":{{"flow_id":"{flow}","resource":{{"status":"completed","results":[{{"status":"approved"}}]}}}}}}"#
    );
    let id = event.find("\"flow_id\"").expect("it was just written");
    Finding {
        accused: Party::Pos,
        what: "the POS never acknowledged the event".into(),
        expected: format!("an `event_ack` with flow_id \"{flow}\" within 5 s"),
        got: "no acknowledgement in 60 s".into(),
        flow: Some(flow.to_string()),
        witnesses: vec![
            Witness {
                marked: Some(id..id + 18),
                ..witness(1, 4 + index * 4, at, Some(Party::Terminal), "trigger", &event)
            },
            witness(1, 7 + index * 4, at + 60_000_000, None, "end of the recording", ""),
        ],
        follows_from: None,
        waived_by: None,
    }
}

fn witness(source: usize, n: u64, at: u64, from: Option<Party>, role: &str, excerpt: &str) -> Witness {
    Witness {
        source,
        n: EventNumber(n),
        at: Offset::from_micros(at),
        connection: Some(ConnectionId(1)),
        from,
        role: role.into(),
        excerpt: excerpt.into(),
        marked: None,
        kind: None,
        pointer: None,
    }
}

fn rule(code: &str, title: &str) -> RuleInfo {
    RuleInfo {
        pack: "bluechip-tsi".into(),
        code: code.parse().expect("a test names rules well"),
        version: 1,
        title: title.into(),
        level: Level::Must,
        authority: Authority::Documented,
        impact: Impact::Money,
        obligor: Some(Party::Pos),
        source: vec!["BF1".into()],
        page: format!("bluechip-tsi/rules/{code}.md"),
        waivable: true,
    }
}

fn source(name: &str) -> SourceSummary {
    SourceSummary {
        name: name.into(),
        pack: Some("bluechip-tsi".into()),
        recorded_at: Some("2026-03-02T10:15:40.120334Z".into()),
        connections: 1,
        flows: 3,
        messages: 48,
        masked: 2,
        duration: Duration::from_micros(69_120_900),
        ..SourceSummary::default()
    }
}

fn timing() -> Timing {
    let ms = Duration::from_millis;
    Timing {
        what: "request to response".into(),
        count: 12,
        min: Duration::from_micros(640),
        median: ms(2),
        p90: ms(4),
        p99: ms(11),
        worst: ms(11),
        limit: Some(ms(1000)),
        flips_at_factor: Some(1000.0 / 11.0),
        histogram: vec![
            Bucket { up_to: Duration::from_micros(500), count: 0 },
            Bucket { up_to: ms(1), count: 3 },
            Bucket { up_to: ms(2), count: 6 },
            Bucket { up_to: ms(5), count: 2 },
            Bucket { up_to: ms(10), count: 0 },
            Bucket { up_to: ms(20), count: 1 },
            Bucket { up_to: ms(50), count: 0 },
        ],
    }
}
