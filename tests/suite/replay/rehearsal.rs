//! `replay self`: every cassette plays itself, byte for byte; one that cannot says where.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tilltape::cassette::{Header, Writer, encode};
use tilltape::check::{Check, Completeness, Options, SourceInfo};
use tilltape::conversation::{EndReason, Offset, transcript};
use tilltape::replay::{RehearsalError, rehearse};
use tilltape::rule::Verdict;

use super::{cassettes, load, said, script, scripted, tilltape};

#[test]
fn every_cassette_plays_itself_whatever_it_is_read_with() {
    for path in cassettes() {
        for pack in [None, Some("bluechip-tsi"), Some("gochip"), Some("core")] {
            let script = script(&path, pack.map(load));
            let mut lines = Vec::new();
            let played = rehearse(&script, |event| encode(event, &mut lines));
            assert!(played.is_ok(), "{} with {pack:?}: {played:#?}", path.display());
            let file = fs::read(&path).unwrap();
            let header = file.iter().position(|&byte| byte == b'\n').unwrap() + 1;
            assert!(lines == file[header..], "{} with {pack:?} comes out otherwise", path.display());
        }
    }
}

#[test]
fn hours_of_waiting_take_no_time_and_end_exactly_where_they_ended() {
    let text = "open pos → terminal /tsi/v1/payment\n\
        pos +1s {\"request\":{\"flow_id\":\"7\",\"resource\":{\"type\":\"sale\",\"amount\":100}}}\n\
        terminal +5s {\"response\":{\"flow_id\":\"7\",\"resource\":{\"status\":\"started\"}}}\n\
        note +40s tap card A\n\
        terminal +7200s {\"event\":{\"flow_id\":\"7\",\"resource\":{\"status\":\"completed\",\"results\":[]}}}\n\
        end +1us stopped\n";
    let script = scripted(text, Some("bluechip-tsi"));
    let mut ends = Vec::new();
    let played = rehearse(&script, |event| ends.push(event.at.as_micros())).unwrap();
    assert_eq!(ends, [0, 1_000_000, 6_000_000, 46_000_000, 7_246_000_000, 7_246_000_001]);
    assert_eq!((played.events, played.lasted), (6, Duration::from_micros(7_246_000_001)));
}

/// A rule about time says of what comes out what it says of the cassette, to the microsecond.
#[test]
fn a_time_out_rule_is_tested_exactly_at_its_limit() {
    let pack = load("bluechip-tsi");
    let mut verdicts = Vec::new();
    for answered_after_us in [4_998_999, 4_999_999, 5_000_000, 5_000_001, 5_001_001] {
        let text = format!(
            "open pos → terminal /tsi/v1/payment\n\
             pos +0ms {{\"request\":{{\"flow_id\":\"7\",\"resource\":{{\"type\":\"sale\",\"amount\":100}}}}}}\n\
             terminal +{answered_after_us}us {{\"response\":{{\"flow_id\":\"7\",\"resource\":{{\"status\":\"started\"}}}}}}\n\
             end +1s stopped\n"
        );
        let judge = |feed: &dyn Fn(&mut Check)| {
            let mut check = Check::new(Arc::clone(&pack), Options::default());
            check.begin(SourceInfo::default());
            feed(&mut check);
            check.end(Completeness::Finished);
            check.finish()
        };
        let recorded = judge(&|check| {
            for event in transcript::parse(&text).unwrap() {
                check.observe(&event).unwrap();
            }
        });
        let played = judge(&|check| {
            rehearse(&scripted(&text, Some("bluechip-tsi")), |event| check.observe(event).unwrap()).unwrap();
        });
        assert_eq!(played, recorded, "{answered_after_us}");
        let rule = played.rules.iter().find(|rule| rule.rule.code.to_string() == "RESP-2").unwrap();
        verdicts.push(rule.verdict);
    }
    assert_eq!((verdicts.first(), verdicts.last()), (Some(&Verdict::Pass), Some(&Verdict::Fail)));
}

#[test]
fn what_neither_side_can_say_is_where_a_rehearsal_ends() {
    let text = "open pos → terminal /x\npos +1ms {\"a\":1}\ngateway +1ms {\"b\":2}\npos +1ms {\"c\":3}\n";
    let stuck = rehearse(&scripted(text, None), |_| {}).unwrap_err();
    assert!(matches!(stuck, RehearsalError::Stuck { n } if n.0 == 3), "{stuck:?}");
}

#[test]
fn the_command_line_says_equal_or_where_it_differs() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd.cassette.jsonl");
    fs::write(
        &odd,
        "{\"cassette\":1}\n{\"t_us\":0,\"conn\":1,\"event\":\"text\",\"from\":\"gateway\",\"json\":{}}\n",
    )
    .unwrap();
    let odd = odd.display().to_string();
    let fine = "cassettes/bluechip-tsi/normal-day.cassette.jsonl";
    let (code, out, _) = said(tilltape(&["replay", "self", fine]).output().unwrap());
    assert_eq!(
        (code, out.as_str()),
        (Some(0), &*format!("equal     {fine}: 37 events, 1m 8s 914ms of virtual time\n"))
    );
    let (code, out, _) = said(tilltape(&["replay", "self", fine, &odd]).output().unwrap());
    assert_eq!(code, Some(1));
    assert!(out.contains(&format!("DIFFERS   {odd}: nothing could follow before event #1\n")), "{out}");
    let (code, out, _) = said(tilltape(&["check", "--replayable", fine]).output().unwrap());
    assert_eq!((code, out.starts_with("CONFORMANT")), (Some(0), true));
    let (code, out, err) = said(tilltape(&["check", "--replayable", fine, &odd]).output().unwrap());
    assert_eq!((code, out.as_str()), (Some(4), ""));
    assert!(err.contains("nothing was judged"), "{err}");
}

#[test]
fn lines_written_by_hand_are_compared_by_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hand.cassette.jsonl");
    fs::write(
        &path,
        "{\"cassette\":1}\n\
         {\"event\":\"text\", \"from\":\"pos\", \"t_us\":5, \"conn\":1, \"json\":{\"a\": 1}}\n\
         {\"n\":2,\"t_us\":6,\"conn\":1,\"from\":\"pos\",\"event\":\"text\",\"json\":{\"a\": 2}}\n",
    )
    .unwrap();
    let (code, out, _) = said(tilltape(&["replay", "self", &path.display().to_string()]).output().unwrap());
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("1 of its lines are spelled otherwise"), "{out}");
}

fn line() -> impl Strategy<Value = String> {
    let party = prop_oneof![Just("pos"), Just("terminal")];
    let id =
        prop_oneof![Just("7"), Just("804213"), Just("804214"), Just("0198f2d4-6f1e-7c3a-9b2d-5a6c7d8e9f00")];
    let time = prop_oneof![Just("0ms"), Just("1us"), Just("3ms"), Just("61s")];
    let what = prop_oneof![
        Just(r#"{"request":{"flow_id":"§","resource":{"type":"sale","amount":804213}}}"#),
        Just(r#"{"response":{"flow_id":"§","resource":{"status":"started"}}}"#),
        Just(r#"{"response":{"flow_id":"§","resource":{"status":"error"}}}"#),
        Just(
            r#"{"event":{"flow_id":"§","resource":{"status":"completed","results":[{"reference_no":"§","text":"see §."}]}}}"#
        ),
        Just(r#"{"event_ack":{"flow_id":"§"}}"#),
        Just(r#"{"type":"REQ_PROCESS_SALE","data":{"amount":"1.00"}}"#),
        Just(r#"{"type":"RES_ON_SALE_RESPONSE","data":{"saleResponse":{"uniqueRef":"§"}}}"#),
        Just(r#"{"id":804213,"seq":1,"no":"§"}"#),
        Just("text \"no JSON, §\""),
        Just("binary AQID"),
        Just("ping \"x\""),
        Just("pong \"x\""),
        Just("undecodable 2 bytes \"reserved bits are set (RFC 6455)\" wQA="),
        Just("undecodable 2 bytes \"the link ended\" wQA="),
        Just(
            "omitted text 90000000 bytes sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        ),
    ];
    let connection = 1..4_u8;
    let said = (connection.clone(), party.clone(), time.clone(), id, what).prop_map(
        |(connection, party, time, id, what)| {
            format!("[{connection}] {party} +{time} {}", what.replace('§', id))
        },
    );
    let happened = (connection, party, time).prop_flat_map(|(connection, party, time)| {
        prop_oneof![
            Just(format!(
                "[{connection}] open +{time} {party} → {} /tsi/v1/payment",
                if party == "pos" { "terminal" } else { "pos" }
            )),
            Just(format!("[{connection}] refused +{time} pos → terminal /tsi/v1/payment 503")),
            Just(format!("[{connection}] close +{time} {party} 1000")),
            Just(format!("[{connection}] drop +{time} {party}")),
            Just(format!("[{connection}] drop +{time}")),
            Just(format!("note +{time} tap card A")),
            Just(format!("gap +{time} 3 disk full")),
        ]
    });
    prop_oneof![4 => said, 1 => happened]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever a recording holds, however little sense it makes, it plays itself.
    #[test]
    fn any_recording_plays_itself(lines in proptest::collection::vec(line(), 1..40), pack in 0..3_usize) {
        let text = lines.join("\n") + "\nend +1s stopped\n";
        let pack = [None, Some("bluechip-tsi"), Some("gochip")][pack];
        let script = scripted(&text, pack);
        let mut came = Vec::new();
        let played = rehearse(&script, |event| encode(event, &mut came));
        prop_assert!(played.is_ok(), "{}\n{:#?}", text, played);
        let mut recorded = Vec::new();
        for event in transcript::parse(&text).unwrap() {
            encode(&event, &mut recorded);
        }
        prop_assert_eq!(came, recorded);
    }
}

/// A file that is replayed whole has its hash again.
#[test]
fn what_comes_out_makes_the_same_file_again() {
    let path = &cassettes()[0];
    let script = script(path, None);
    let header: Header = script.header().clone();
    let mut writer = Writer::create(Vec::new(), &header).unwrap();
    let mut end = Offset::ZERO;
    let last = fs::read_to_string(path).unwrap().lines().count() as u64 - 1;
    rehearse(&script, |event| {
        end = event.at;
        if event.n.0 < last {
            writer.write(event);
        }
    })
    .unwrap();
    let scan = Some(tilltape::conversation::Scan { clear: 0 });
    let file = writer.finish(end, EndReason::Finished, scan).unwrap();
    assert_eq!(String::from_utf8(file).unwrap(), fs::read_to_string(path).unwrap());
}
