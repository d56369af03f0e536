//! Packs: every page proves its rule, mistakes are shown where they stand, one fault has one root finding.

use std::sync::Arc;

use tilltape::check::{Check, CheckResult, Completeness, Options, SourceInfo, try_exchange};
use tilltape::conversation::{Party, transcript};
use tilltape::pack::{self, Expected, Pack, Pattern, Sources};
use tilltape::rule::{Reason, RunVerdict, Verdict};

fn packs() -> Vec<Arc<Pack>> {
    let sources = Sources::embedded();
    sources.packs().map(|name| Arc::new(pack::load(&sources, name).unwrap())).collect()
}

#[test]
fn every_exchange_of_every_page_shows_what_it_says() {
    let mut failures = Vec::new();
    for pack in packs() {
        for rule in pack.rules.iter().filter(|rule| rule.info.pack == pack.name) {
            for exchange in &rule.page.exchanges {
                failures.extend(try_exchange(&pack, rule, exchange).err().map(|failure| failure.to_string()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_page_has_passing_and_failing_exchanges_and_undecided_ones_where_time_matters() {
    for pack in packs() {
        for rule in &pack.rules {
            let has = |wanted: fn(&Expected) -> bool| {
                rule.page.exchanges.iter().any(|exchange| wanted(&exchange.expected))
            };
            let page = &rule.info.page;
            assert!(has(|expected| matches!(expected, Expected::Pass)), "{page} has no passing exchange");
            assert!(has(|expected| matches!(expected, Expected::Fail { .. })), "{page} has no failing one");
            if matches!(rule.pattern, Pattern::Respond(_)) {
                assert!(has(|expected| matches!(expected, Expected::Inconclusive)), "{page} has no open one");
            }
        }
    }
}

#[test]
fn every_source_a_rule_cites_is_a_document_of_its_pack() {
    for pack in packs() {
        for rule in &pack.rules {
            for source in &rule.info.source {
                let cited = pack.documents.iter().any(|document| source.starts_with(document.id.as_str()))
                    || source.starts_with("the protocol's own document");
                assert!(cited, "{}: `{source}` names no document of the pack", rule.info.page);
            }
        }
    }
}

fn judged(name: &str, text: &str) -> CheckResult {
    let pack = Arc::new(pack::load(&Sources::embedded(), name).unwrap());
    let mut check = Check::new(pack, Options::default());
    check.begin(SourceInfo::default());
    for event in transcript::parse(text).unwrap() {
        check.observe(&event).unwrap();
    }
    check.end(Completeness::Finished);
    check.finish()
}

/// The root findings, as `CODE party`.
fn roots(result: &CheckResult) -> Vec<String> {
    let findings = result.rules.iter().flat_map(|rule| rule.findings.iter().map(move |f| (rule, f)));
    findings
        .filter(|(_, finding)| finding.follows_from.is_none())
        .map(|(rule, finding)| format!("{} {}", rule.rule.code, finding.accused))
        .collect()
}

const OPEN: &str = "open pos → terminal /tsi/v1/payment\n";
const SALE: &str = r#"pos {"request":{"flow_id":"7","resource":{"type":"sale","amount":2350}}}"#;
const STARTED: &str = r#"terminal +2ms {"response":{"flow_id":"7","resource":{"status":"started"}}}"#;
const DONE: &str = r#"terminal +9s {"event":{"flow_id":"7","resource":{"status":"completed","results":[{"type":"sale","status":"approved","transaction_amount":"2350","reference_no":"58"}]}}}"#;
const ACK: &str = r#"pos +3ms {"event_ack":{"flow_id":"7","resource":{"status":"ok"}}}"#;
const NEXT: &str = r#"pos +1s {"request":{"flow_id":"8","resource":{"type":"sale","amount":100}}}
terminal +2ms {"response":{"flow_id":"8","resource":{"status":"started"}}}
terminal +9s {"event":{"flow_id":"8","resource":{"status":"completed","results":[{"type":"sale","status":"approved","transaction_amount":"100","reference_no":"59"}]}}}
pos +3ms {"event_ack":{"flow_id":"8","resource":{"status":"ok"}}}
"#;

fn exchange(lines: &[&str]) -> String {
    let mut text = String::from(OPEN);
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[track_caller]
fn one_root(expected: &str, lines: &[&str]) {
    let result = judged("bluechip-tsi", &exchange(lines));
    assert_eq!(roots(&result), [expected], "{result:#?}");
}

#[test]
fn a_bad_till_is_accused_once() {
    let wrong_ack = ACK.replace("\"7\"", "\"9\"");
    let wrong_ack = wrong_ack.as_str();
    let bare = r#"pos {"flow_id":"7","resource":{"type":"sale","amount":2350}}"#;
    let again = SALE.replace("pos ", "pos +1s ");
    let again = again.as_str();
    one_root("ACK-1 pos", &[SALE, STARTED, DONE, "end +60s"]);
    one_root("ACK-1 pos", &[SALE, STARTED, DONE, NEXT, "end +60s"]);
    one_root("ACK-1 pos", &[SALE, STARTED, DONE, "close +5ms pos 1000"]);
    one_root("ACK-1 pos", &[SALE, STARTED, DONE, "close +5ms pos 1000", "close terminal 1000", "end +60s"]);
    one_root("ACK-3 pos", &[SALE, STARTED, DONE, ACK, ACK, NEXT, "close pos 1000"]);
    one_root("ACK-3 pos", &[SALE, STARTED, DONE, wrong_ack, "end +60s"]);
    one_root("ACK-3 pos", &[SALE, STARTED, DONE, wrong_ack, NEXT, "close pos 1000"]);
    one_root("FLOW-1 pos", &[SALE, STARTED, DONE, ACK, again, STARTED, DONE, ACK, "close pos 1000"]);
    one_root("FLOW-1 pos", &[SALE, STARTED, DONE, ACK, again, "end +60s"]);
    one_root("ENV-2 pos", &[bare, "end +60s"]);
    one_root("ENV-2 pos", &[bare, STARTED, DONE, ACK, "close pos 1000"]);
    one_root("JSON-1 pos", &[r#"pos text "{\"request\"""#, "end +60s"]);
}

#[test]
fn a_bad_terminal_is_accused_once() {
    let wrong = |line: &str| line.replace("\"7\"", "\"9\"");
    let (wrong_response, wrong_event) = (wrong(STARTED), wrong(DONE));
    let (wrong_response, wrong_event) = (wrong_response.as_str(), wrong_event.as_str());
    let late = STARTED.replace("+2ms", "+7s");
    let late = late.as_str();
    let twice = DONE.replace("+9s", "+0ms");
    let twice = twice.as_str();
    let no_results = r#"terminal +9s {"event":{"flow_id":"7","resource":{"status":"completed"}}}"#;
    let no_details = r#"terminal +9s {"event":{"flow_id":"7","resource":{"status":"error"}}}"#;
    let cut = r#"terminal +9s text "{\"event\":{\"flow_id\":\"7\"""#;
    one_root("EVT-10 terminal", &[SALE, STARTED, "end +61s"]);
    one_root("EVT-6 terminal", &[SALE, STARTED, "close +1s terminal 1000"]);
    one_root("RESP-1 terminal", &[SALE, "end +61s"]);
    one_root("RESP-2 terminal", &[SALE, late, DONE, ACK, "close pos 1000"]);
    one_root("RESP-3 terminal", &[SALE, wrong_response, "end +61s"]);
    one_root("RESP-3 terminal", &[SALE, wrong_response, DONE, ACK, "close pos 1000"]);
    one_root("RESP-3 terminal", &[SALE, wrong_response, wrong_event, ACK, "close pos 1000"]);
    one_root("EVT-1 terminal", &[SALE, STARTED, no_results, "end +61s"]);
    one_root("EVT-1 terminal", &[SALE, STARTED, no_results, ACK, "close pos 1000"]);
    one_root("EVT-2 terminal", &[SALE, STARTED, no_details, "end +61s"]);
    one_root("EVT-3 terminal", &[SALE, DONE, ACK, "end +61s"]);
    one_root("EVT-3 terminal", &[SALE, STARTED, wrong_event, "end +120s"]);
    one_root("EVT-3 terminal", &[SALE, STARTED, wrong_event, ACK, "close pos 1000"]);
    one_root("EVT-5 terminal", &[SALE, STARTED, DONE, twice, ACK, "close pos 1000"]);
    one_root("EVT-5 terminal", &[SALE, STARTED, DONE, ACK, twice, ACK, "close pos 1000"]);
    one_root("JSON-1 terminal", &[SALE, STARTED, cut, "end +61s"]);
    one_root("JSON-1 terminal", &[SALE, STARTED, cut, NEXT, "end +120s"]);
    one_root("JSON-1 terminal", &[SALE, STARTED, cut, ACK, "close pos 1000"]);
}

#[test]
fn nobody_is_accused_of_a_lost_link_or_a_lost_message() {
    for lines in [
        [SALE, "drop +1s"].as_slice(),
        &[SALE, STARTED, "drop +1s"],
        &[SALE, STARTED, DONE, "drop +1ms"],
        &[SALE, "gap +1s 2 disk slow", DONE, ACK, "end +60s"],
        &[SALE, STARTED, DONE, "gap +1s 1 disk slow", "end +60s"],
        &[SALE, STARTED, DONE, "terminal +0ms omitted text 900000 bytes sha256 00", ACK, ACK, "end +60s"],
    ] {
        let result = judged("bluechip-tsi", &exchange(lines));
        assert_eq!(roots(&result), [""; 0], "{lines:?}: {result:#?}");
    }
}

#[test]
fn no_evidence_is_never_a_pass() {
    for text in [
        "",
        "open pos → terminal /tsi/v1/payment\nclose +1s pos 1000\n",
        "refused pos → terminal /tsi/v1/payment 503\n",
        "open pos → terminal /tsi/v1/payment\nend +60s\n",
    ] {
        let result = judged("bluechip-tsi", text);
        assert_eq!(result.verdict, RunVerdict::Undecided, "{text}");
        let passed = result.rules.iter().filter(|rule| rule.verdict == Verdict::Pass);
        let passed: Vec<String> = passed.map(|rule| rule.rule.code.to_string()).collect();
        let is_of_links = |code: &String| code.starts_with("WS-") || code == "CONN-1" || code == "PATH-1";
        assert!(passed.iter().all(is_of_links), "{text}: {passed:?}");
    }
    let bare = exchange(&[r#"pos {"flow_id":"7","resource":{"type":"sale","amount":2350}}"#, "end +60s"]);
    assert_eq!(judged("bluechip-tsi", &bare).verdict, RunVerdict::Undecided);
}

#[test]
fn an_open_obligation_says_how_much_longer_to_record() {
    let result = judged("bluechip-tsi", &exchange(&[SALE, STARTED, DONE, "end +2s"]));
    let rule = result.rules.iter().find(|rule| rule.rule.code.to_string() == "ACK-1").unwrap();
    let open = &rule.undecided_examples[0];
    assert_eq!((open.reason, open.to_do.as_str()), (Reason::Horizon, "Record 4 s longer."));
}

/// What became of the payment is not in such a recording, so that it passes for nothing.
#[test]
fn a_recording_cut_in_the_middle_of_a_payment_is_undecided() {
    for lines in [[SALE, STARTED, "end +30s"], [SALE, STARTED, "drop +30s"], [SALE, STARTED, "end +600s"]] {
        assert_eq!(judged("bluechip-tsi", &exchange(&lines)).verdict, RunVerdict::Undecided, "{lines:?}");
    }
}

#[test]
fn what_is_wrong_far_behind_in_a_message_is_underlined() {
    let long = format!(
        r#"terminal +9s {{"event":{{"flow_id":"7","resource":{{"note":"{}","status":"completed","results":[]}}}}}}"#,
        "x".repeat(500)
    );
    let result = judged("bluechip-tsi", &exchange(&[SALE, STARTED, &long, ACK, "close +1s pos 1000"]));
    let finding = result.rules.iter().flat_map(|rule| &rule.findings).next().unwrap();
    let witness = finding.witnesses.last().unwrap();
    assert_eq!(&witness.excerpt[witness.marked.clone().unwrap()], "[]");
    assert!(witness.excerpt.starts_with('…') && witness.excerpt.len() < 300, "{}", witness.excerpt);
}

#[test]
fn a_clean_day_is_conformant_and_its_answers_are_timed() {
    let result = judged("bluechip-tsi", &exchange(&[SALE, STARTED, DONE, ACK, NEXT, "close pos 1000"]));
    assert_eq!(result.verdict, RunVerdict::Conformant, "{result:#?}");
    let timing = result.rules.iter().find(|rule| rule.rule.code.to_string() == "RESP-2").unwrap();
    let timing = timing.timing.as_ref().unwrap();
    assert_eq!((timing.count, timing.worst.as_micros()), (2, 2_000));
    assert_eq!(timing.flips_at_factor, Some(2_500.0));
}

#[test]
fn a_batch_with_a_sale_that_failed_is_in_doubt_and_says_what_to_do() {
    let pack = pack::load(&Sources::embedded(), "bluechip-tsi").unwrap();
    let rule = pack.rules.iter().find(|rule| rule.info.code.to_string() == "BATCH-1").unwrap();
    let exchange = &rule.page.exchanges.last().unwrap().transcript;
    let result = judged("bluechip-tsi", exchange);
    let batch = result.rules.iter().find(|rule| rule.rule.code.to_string() == "BATCH-1").unwrap();
    // The first sum of a recording begins before it.
    assert_eq!(batch.undecided.get(&Reason::Doubt), Some(&1), "{batch:#?}");
    let doubt = batch.undecided_examples.iter().find(|open| open.reason == Reason::Doubt);
    let said = &doubt.unwrap().to_do;
    assert!(said.contains("whose part in the sum is not known or that failed"), "{said}");
}

#[test]
fn what_one_party_broke_explains_nothing_that_the_other_fails_to_do() {
    // An event with a status nobody knows has to be acknowledged all the same.
    let odd = r#"terminal +1s {"event":{"flow_id":"7","resource":{"status":"card_read"}}}"#;
    let result = judged("bluechip-tsi", &exchange(&[SALE, STARTED, odd, "end +60s"]));
    let roots = roots(&result);
    assert!(roots.contains(&"ACK-1 pos".to_owned()), "{roots:?}");
    assert!(roots.contains(&"EVT-9 terminal".to_owned()), "{roots:?}");
}

#[test]
fn card_data_in_clear_is_found_in_masked_and_unmasked_recordings_and_never_repeated() {
    let clear = r#"terminal +1ms {"event":{"flow_id":"7","resource":{"status":"proceed","results":[{"card":{"account_no":"4111111111111111"}}]}}}"#;
    let result = judged("bluechip-tsi", &exchange(&[SALE, STARTED, clear, ACK, "end +1s"]));
    assert_eq!(roots(&result), ["CARD-1 terminal"]);
    assert!(!format!("{result:?}").contains("4111111111111111"));
}

#[test]
fn a_mistake_in_a_pack_is_shown_where_it_stands() {
    let mut sources = Sources::embedded();
    let page = sources.text("bluechip-tsi/rules/ACK-1.md").unwrap().to_owned();
    sources
        .insert("bluechip-tsi/rules/ACK-1.md", page.replace("with = \"event_ack\"", "with = \"event-ack\""));
    let errors = pack::load(&sources, "bluechip-tsi").unwrap_err().to_string();
    assert!(errors.starts_with("bluechip-tsi/rules/ACK-1.md:11:8: expected a kind"), "{errors}");
    assert!(errors.ends_with("help: did you mean `event_ack`?"), "{errors}");
    sources.insert("bluechip-tsi/rules/ACK-1.md", page.replace("obligor =", "obliger ="));
    let errors = pack::load(&sources, "bluechip-tsi").unwrap_err().to_string();
    assert!(errors.contains("ACK-1.md:7:1") && errors.contains("did you mean `obligor`?"), "{errors}");
    let page = sources.text("bluechip-tsi/rules/EVT-1.md").unwrap().replace("results\"", "results/0/type\"");
    sources.insert("bluechip-tsi/rules/EVT-1.md", page);
    let errors = pack::load(&sources, "bluechip-tsi").unwrap_err().to_string();
    let clash = "got `/event/resource/results/0/type` beside `/event/resource/results/*`";
    assert!(errors.contains("EVT-1.md:") && errors.contains(clash), "{errors}");
    let errors = pack::load(&sources, "bluechip").unwrap_err().to_string();
    assert!(errors.contains("did you mean `bluechip-tsi`?"), "{errors}");
}

/// Who opened a flow, and whether a message came before, is known to rules alone: never silently ignored.
#[test]
fn a_selector_that_nothing_would_follow_is_refused() {
    let cases = [
        ("on = \"event-error\"", "on = { kind = \"event-error\", opened-by = \"sale\" }", "opened-by"),
        ("on = \"response-error\"", "on = { kind = \"response-error\", repeated = true }", "repeated"),
        ("enquiry = { kind = \"request\",", "enquiry = { kind = \"request\", repeated = false,", "repeated"),
    ];
    for (old, new, word) in cases {
        let mut sources = Sources::embedded();
        let text = sources.text("bluechip-tsi/pack.toml").unwrap().to_owned();
        assert!(text.contains(old), "{old}");
        sources.insert("bluechip-tsi/pack.toml", text.replace(old, new));
        let errors = pack::load(&sources, "bluechip-tsi").unwrap_err().to_string();
        assert!(errors.starts_with("bluechip-tsi/pack.toml:"), "{errors}");
        assert!(errors.contains(&format!("expected `kind` and `when` alone, got `{word}`")), "{errors}");
        assert!(errors.contains(&format!("help: leave `{word}` out")), "{errors}");
    }
}

/// The sum of a batch whose start is not in the recording is not said to be a fault of the recorder.
#[test]
fn a_recording_that_began_in_the_middle_of_a_batch_says_so() {
    let settlement = r#"pos +1s {"request":{"flow_id":"9","resource":{"type":"settlement"}}}
terminal +2ms {"response":{"flow_id":"9","resource":{"status":"started"}}}
terminal +9s {"event":{"flow_id":"9","resource":{"status":"completed","results":[{"type":"settlement","status":"approved","terminal_total":{"sale_amount":"2350"}}]}}}
pos +3ms {"event_ack":{"flow_id":"9","resource":{"status":"ok"}}}"#;
    let result = judged("bluechip-tsi", &exchange(&[SALE, STARTED, DONE, ACK, settlement, "close pos 1000"]));
    let rule = result.rules.iter().find(|rule| rule.rule.code.to_string() == "BATCH-1").unwrap();
    assert_eq!(rule.verdict, Verdict::Inconclusive, "{rule:#?}");
    assert_eq!(rule.undecided_examples[0].reason, Reason::Start);
}

/// The sentence of a finding names the place and what is wrong there.
#[test]
fn a_message_of_the_wrong_shape_is_described_by_what_is_wrong_with_it() {
    let said = |event: &str, code: &str| {
        let result = judged("bluechip-tsi", &exchange(&[SALE, STARTED, event, ACK, "close pos 1000"]));
        let rule = result.rules.iter().find(|rule| rule.rule.code.to_string() == code).unwrap();
        rule.findings[0].what.clone()
    };
    let missing = r#"terminal +9s {"event":{"flow_id":"7","resource":{"status":"completed"}}}"#;
    assert_eq!(
        said(missing, "EVT-1"),
        "the terminal sent a completed event whose `/event/resource/results` is missing"
    );
    let empty = r#"terminal +9s {"event":{"flow_id":"7","resource":{"status":"completed","results":[]}}}"#;
    assert_eq!(
        said(empty, "EVT-1"),
        "the terminal sent a completed event whose `/event/resource/results` is empty"
    );
    let neither = r#"terminal +9s {"event":{"flow_id":"7","resource":{"status":"error"}}}"#;
    assert_eq!(
        said(neither, "EVT-2"),
        "the terminal sent an error event with neither `/event/resource/error_info/text` nor \
         `/event/resource/error_info/facility`"
    );
    let path = judged("bluechip-tsi", "open pos → terminal /tsi/payment\nclose pos 1000\n");
    let rule = path.rules.iter().find(|rule| rule.rule.code.to_string() == "PATH-1").unwrap();
    assert_eq!(
        rule.findings[0].what,
        "the POS opened a connection whose path is spelled otherwise than it may be"
    );
    let number = DONE.replace("\"58\"", "58");
    assert_eq!(
        said(&number, "SCH-2"),
        "the terminal sent an approval whose `/event/resource/results/0/reference_no` does not fit its schema"
    );
}

#[test]
fn live_findings_are_certain_and_the_result_is_that_of_a_later_check() {
    let text = exchange(&[SALE, STARTED, DONE, "end +60s"]);
    let pack = Arc::new(pack::load(&Sources::embedded(), "bluechip-tsi").unwrap());
    let mut check = Check::live(pack, Options::default());
    check.begin(SourceInfo::default());
    let mut live = Vec::new();
    for event in transcript::parse(&text).unwrap() {
        check.advance(event.at);
        check.observe(&event).unwrap();
        live.extend(check.take_new_findings());
    }
    check.end(Completeness::Finished);
    live.extend(check.take_new_findings());
    let live: Vec<_> = live.iter().map(|(rule, finding)| (rule.code.to_string(), finding.accused)).collect();
    // The deadline is over long before the recording is: that the answer came in time is out of the question first.
    assert_eq!(live, [("ACK-2".to_owned(), Party::Pos), ("ACK-1".to_owned(), Party::Pos)]);
    assert_eq!(check.finish(), judged("bluechip-tsi", &text).clone());
}

#[test]
fn recordings_of_every_pack_can_be_judged_apart() {
    for name in ["core", "bluechip-tsi", "gochip", "castle"] {
        let pack = tilltape::pack::load(&Sources::embedded(), name).expect("the pack loads");
        assert!(!pack.outlives_a_recording(), "{name}");
    }
}
