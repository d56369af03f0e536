//! Waivers: what somebody can sign for, what nobody can, and that a waiver changes a verdict and no finding.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tilltape::check::{Check, CheckResult, Completeness, Options, SourceInfo, Subject, Waivers};
use tilltape::conversation::{Party, transcript};
use tilltape::pack::{self, Pack, Sources};

use crate::laws::{Ground, holds_for, plan, shown};

/// The page that explains waivers, and shows a whole one.
const PAGE: &str = include_str!("../../docs/waivers.md");

/// A waiver that holds, for the interim events of a settlement; each case changes something.
const INTERIM: &str = include_str!("../formats/waivers-1.toml");

/// A recording of a till, written line by line.
#[derive(Clone)]
struct Scene {
    text: String,
    events: u64,
    at_us: u64,
}

impl Scene {
    fn of_till(version: &str) -> Self {
        let text = format!(
            "{{\"cassette\":1,\"pack\":\"bluechip-tsi\",\"masking\":\"default@1\",\
             \"subject\":{{\"pos\":{{\"name\":\"Kasse\",\"version\":\"{version}\"}},\
             \"terminal\":{{\"model\":\"Lane3600\",\"firmware\":\"9.02\"}}}}}}\n"
        );
        Self { text, events: 0, at_us: 0 }.line(
            0,
            r#""conn":1,"event":"open","client":"pos","peer":{"pos":"127.0.0.1:1","terminal":"127.0.0.1:2"},"request":{"target":"/tsi/v1/payment","headers":[]},"response":{"status":101,"headers":[]}"#,
        )
    }

    fn line(mut self, after_ms: u64, rest: &str) -> Self {
        self.events += 1;
        self.at_us += after_ms * 1_000;
        writeln!(self.text, "{{\"n\":{},\"t_us\":{},{rest}}}", self.events, self.at_us).unwrap();
        self
    }

    fn says(self, from: &str, json: &str) -> Self {
        self.line(10, &format!(r#""conn":1,"from":"{from}","event":"text","json":{json}"#))
    }

    fn request(self, flow: u64, resource: &str) -> Self {
        self.says("pos", &format!(r#"{{"request":{{"flow_id":"{flow}","resource":{resource}}}}}"#)).says(
            "terminal",
            &format!(r#"{{"response":{{"flow_id":"{flow}","resource":{{"status":"started"}}}}}}"#),
        )
    }

    fn event(self, flow: u64, status: &str, of: &str) -> Self {
        let evidence = match of {
            "sale" => r#","transaction_amount":"2350","authorization_no":"04417Z""#,
            _ => r#","terminal_total":{"sale_amount":"0","refund_amount":"0"}"#,
        };
        self.says(
            "terminal",
            &format!(r#"{{"event":{{"flow_id":"{flow}","resource":{{"status":"{status}","results":[{{"type":"{of}","status":"approved"{evidence}}}]}}}}}}"#),
        )
    }

    fn ack(self, flow: u64) -> Self {
        self.says("pos", &format!(r#"{{"event_ack":{{"flow_id":"{flow}","resource":{{"status":"ok"}}}}}}"#))
    }

    /// A settlement whose interim event nobody acknowledges.
    fn settlement(self, flow: u64) -> Self {
        let scene = self.request(flow, r#"{"type":"settlement"}"#).event(flow, "proceed", "settlement");
        // Long after every deadline; the terminal repeats nothing.
        scene.line(10_000, r#""event":"note","text":"waiting""#)
    }

    fn sale(self, flow: u64) -> Self {
        self.request(flow, r#"{"type":"sale","amount":2350}"#).event(flow, "completed", "sale")
    }

    fn end(self) -> String {
        self.line(120_000, r#""event":"end","reason":"stopped""#).text
    }
}

/// What the program makes of recordings and waivers.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(scenes: &[&str], waivers: &str, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        for (number, scene) in scenes.iter().enumerate() {
            fs::write(folder.path().join(format!("{number}.cassette.jsonl")), scene).unwrap();
        }
        fs::write(folder.path().join("waivers.toml"), waivers).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
        command.current_dir(folder.path()).args(["check", "."]);
        if !arguments.contains(&"--no-waivers") {
            command.args(["--waivers", "waivers.toml"]);
            if !arguments.contains(&"--today") {
                command.args(["--today", "2026-03-10"]);
            }
        }
        let output = command.args(arguments.iter().filter(|argument| **argument != "--no-waivers")).output();
        let output = output.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn json(scenes: &[&str], waivers: &str, arguments: &[&str]) -> (i32, Value) {
        let run = Self::of(scenes, waivers, &[&["--format", "json"], arguments].concat());
        let report = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.err));
        (run.code, report)
    }
}

fn rule<'a>(report: &'a Value, code: &str) -> &'a Value {
    report["rules"].as_array().unwrap().iter().find(|rule| rule["code"] == code).unwrap()
}

/// A settlement with an unacknowledged interim event, and a good sale: one finding, of which there are waivers.
fn one_fault() -> String {
    Scene::of_till("7.2").settlement(1).event(1, "completed", "settlement").ack(1).sale(2).ack(2).end()
}

#[test]
fn what_is_signed_for_is_shown_and_decides_no_verdict() {
    let run = Run::of(&[&one_fault()], INTERIM, &[]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.starts_with("CONFORMANT WITH WAIVERS  "), "{}", run.out);
    for said in [
        "WAIVED  ACK-1  the POS acknowledges every event",
        "1 of 3 obligations broken, all waived",
        "the POS sent no event_ack to the event of flow 1",
        "waived    until 2026-04-01, owner POS team: interim events are acknowledged from 7.3 on",
        "WAIVERS\n  ACK-1  1 finding, until 2026-04-01, 22 days more: interim events",
        "owner POS team; approved by Certification on 2026-03-02; waivers.toml:3",
        "1 waived",
    ] {
        assert!(run.out.contains(said), "{said}: {}", run.out);
    }
    let without = Run::of(&[&one_fault()], INTERIM, &["--no-waivers"]);
    assert_eq!(without.code, 1, "a file that lies there is not read: {}", without.out);
    assert!(!without.out.to_lowercase().contains("waive"), "{}", without.out);
}

#[test]
fn its_neighbour_is_not_waived() {
    let of_sale =
        Scene::of_till("7.2").settlement(1).event(1, "completed", "settlement").ack(1).sale(2).end();
    let scene = Scene::of_till("7.2").settlement(1).event(1, "completed", "settlement").end();
    for scene in [of_sale, scene] {
        let (code, report) = Run::json(&[&scene], INTERIM, &[]);
        let ack = rule(&report, "ACK-1");
        assert_eq!((code, &report["verdict"]), (1, &"NON-CONFORMANT".into()), "{ack:#}");
        assert_eq!((&ack["violated"], &ack["waived"]), (&2.into(), &1.into()), "{ack:#}");
        let waived: Vec<_> = ack["findings"].as_array().unwrap().iter().map(|f| &f["waived_by"]).collect();
        assert_eq!(waived, [&Value::from(0), &Value::Null]);
    }
}

#[test]
fn a_waiver_says_which_messages_flows_places_and_products_it_means() {
    let whole = |witness: &str| INTERIM.replace("message = \"event-interim\"", witness);
    let two = Scene::of_till("7.2").sale(1).settlement(2).end();
    let cases = [
        (
            "message = { kind = \"event\", when = [{ at = \"/event/resource/results/*/type\", equals = \"sale\" }] }",
            "1",
        ),
        (
            "message = \"event\"\nflow = { kind = \"request\", when = [{ at = \"/request/resource/type\", equals = \"settlement\" }] }",
            "2",
        ),
        ("message = [\"event-interim\", \"event-error\"]", "2"),
    ];
    for (witness, flow) in cases {
        let (code, report) = Run::json(&[&two], &whole(witness), &[]);
        assert_eq!(code, 1, "{witness}: {:#}", rule(&report, "ACK-1"));
        for finding in rule(&report, "ACK-1")["findings"].as_array().unwrap() {
            assert_eq!(finding["waived_by"].is_number(), finding["flow"] == flow, "{witness}: {finding:#}");
        }
    }
    // The same fault of another version of the till stands.
    let other = one_fault().replace("\"version\":\"7.2\"", "\"version\":\"7.3\"");
    let (code, report) = Run::json(&[&one_fault(), &other], INTERIM, &[]);
    assert_eq!(code, 1);
    for finding in rule(&report, "ACK-1")["findings"].as_array().unwrap() {
        assert_eq!(finding["waived_by"].is_number(), finding["witnesses"][0]["source"] == 0, "{finding:#}");
    }
    let both = INTERIM.replace("\"7.2\"", "[\"7.2\", \"7.3\"]");
    assert_eq!(Run::of(&[&one_fault(), &other], &both, &[]).code, 0);
}

#[test]
fn a_place_in_the_message_tells_findings_of_one_rule_apart() {
    let bare = |at: &str| {
        INTERIM.replace("bluechip-tsi/ACK-1", "bluechip-tsi/ENV-3").replace(
            "message = \"event-interim\"",
            &format!("message = [\"request\", \"event_ack\"]\nat = \"{at}\""),
        )
    };
    let scene = one_fault().replacen("\"event_ack\":{\"flow_id\":\"1\"", "\"event_ack\":{\"flow_id\":1", 1);
    let (code, report) = Run::json(&[&scene], &bare("/event_ack/flow_id"), &[]);
    let own = rule(&report, "ENV-3");
    assert_eq!((&own["violated"], &own["waived"]), (&1.into(), &1.into()), "{own:#}");
    assert_eq!(own["findings"][0]["witnesses"][0]["pointer"], "/event_ack/flow_id", "{own:#}");
    assert_eq!(own["findings"][0]["witnesses"][0]["kind"], "event_ack");
    assert_eq!(code, 1, "what follows from it is not waived with it");
    let run = Run::of(&[&scene], &bare("/request/flow_id"), &[]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("for which `when`, `flow` or `at` does not hold"), "{}", run.err);
}

#[test]
fn a_field_of_a_schema_is_waived_and_its_neighbour_is_not() {
    let waivers = INTERIM
        .replace("bluechip-tsi/ACK-1", "bluechip-tsi/SCH-1")
        .replace("message = \"event-interim\"", "message = \"request\"\nat = \"/request/resource/clerk_id\"");
    let scene = Scene::of_till("7.2")
        .request(1, r#"{"type":"sale","amount":2350,"clerk_id":7}"#)
        .request(2, r#"{"type":"sale","amount":2350,"invoice_no":9}"#)
        .end();
    let (_, report) = Run::json(&[&scene], &waivers, &[]);
    let own = rule(&report, "SCH-1");
    let found = own["findings"].as_array().unwrap().iter();
    let found: Vec<_> =
        found.map(|f| (f["witnesses"][0]["pointer"].as_str(), f["waived_by"].as_u64())).collect();
    let expected =
        [(Some("/request/resource/clerk_id"), Some(0)), (Some("/request/resource/invoice_no"), None)];
    assert_eq!(found, expected, "{own:#}");
}

#[test]
fn it_holds_to_its_last_day_thirty_days_unless_it_says_otherwise() {
    let on = |day: &str, waivers: &str| Run::of(&[&one_fault()], waivers, &["--today", day]);
    for (day, code) in [("2026-03-02", 0), ("2026-04-01", 0), ("2026-04-02", 2), ("2026-03-01", 2)] {
        assert_eq!(on(day, INTERIM).code, code, "{day}");
    }
    let long = INTERIM.replace("2026-03-02\n", "2026-03-02\nexpires = 2026-08-29\n");
    assert_eq!(on("2026-08-29", &long).code, 0);
    let longer = long.replace("2026-08-29", "2026-08-30");
    let run = on("2026-03-10", &longer);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("waivers.toml:10:11: expected to last 180 days at most, got 181"),
        "{}",
        run.err
    );
}

#[test]
fn what_makes_a_waiver_void_is_shown_where_it_stands_with_the_next_step() {
    let cases: &[(&str, &str, &[&str])] = &[
        // A whole rule, or a family of them.
        (
            "message = \"event-interim\"",
            "message = \"event\"",
            &[
                "15:1: a whole rule cannot be waived, and this means every finding of ACK-1",
                "help: say which",
            ],
        ),
        ("message = \"event-interim\"", "message = \"json\"", &["a whole rule cannot be waived"]),
        (
            "message = \"event-interim\"",
            "message = \"event\"\nat = \"/event/flow_id\"",
            &["a whole rule cannot be waived"],
        ),
        (
            "message = \"event-interim\"",
            "message = [\"event-interim\", \"event\"]",
            &["a whole rule cannot be waived"],
        ),
        (
            "bluechip-tsi/ACK-1",
            "bluechip-tsi/ACK",
            &["4:8: expected a rule such as `bluechip-tsi/ACK-1`", "one rule a waiver, never a family"],
        ),
        ("bluechip-tsi/ACK-1", "ACK-1", &["expected a rule such as", "name the pack that states it"]),
        // Card data in clear.
        (
            "bluechip-tsi/ACK-1",
            "core/CARD-1",
            &[
                "4:8: CARD-1 cannot be waived: no card data in clear",
                "help: nobody can sign for card data in clear",
            ],
        ),
        // Another version, another rule.
        (
            "version = 1\nreason",
            "version = 2\nreason",
            &[
                "5:11: void: granted for version 2 of ACK-1, which is at version 1 now",
                "tilltape explain bluechip-tsi/ACK-1",
            ],
        ),
        (
            "bluechip-tsi/ACK-1",
            "bluechip-tsi/ACK-9",
            &[
                "expected a rule of pack `bluechip-tsi`, got `bluechip-tsi/ACK-9`",
                "did you mean `bluechip-tsi/ACK-",
            ],
        ),
        // Words that are missing, empty or misspelt.
        ("reason =", "raison =", &["6:1: unknown key `raison`", "did you mean `reason`?"]),
        ("approver = \"Certification\"\n", "", &["missing field `approver`"]),
        ("granted = 2026-03-02\n", "", &["missing field `granted`"]),
        ("\"POS team\"", "\" \"", &["7:9: expected `owner` to say something, got nothing"]),
        (
            "\"event-interim\"",
            "\"event-intrim\"",
            &["17:11: expected a kind of message, got `event-intrim`", "did you mean `event-interim`?"],
        ),
        (
            "accused = \"pos\"",
            "accused = \"terminel\"",
            &["16:11: expected `pos`, `terminal` or `gateway`, got `terminel`", "did you mean `terminal`?"],
        ),
        (
            "accused = \"pos\"",
            "accused = \"terminal\"",
            &[
                "11:1: expected `subject` to say which terminal it is for",
                "terminal = { model = …, firmware = … }",
            ],
        ),
        (
            "accused = \"pos\"\n",
            "accused = \"terminal\"\nat = \"event\"\n",
            &["expected a JSON Pointer such as `/event/flow_id`, got `event`"],
        ),
        (
            "pos = { name = \"Kasse\", version = \"7.2\" }\n",
            "",
            &["expected `subject` to say which pos it is for"],
        ),
        // Days.
        (
            "2026-03-02\n",
            "2026-03-11\n",
            &["9:11: granted on 2026-03-11, which is still to come: today is 2026-03-10"],
        ),
        (
            "2026-03-02\n",
            "2026-03-02\nexpires = 2026-03-01\n",
            &["10:11: expires on 2026-03-01, before it was granted"],
        ),
        (
            "2026-03-02\n",
            "2026-02-02\nexpires = 2026-03-08\n",
            &[
                "10:11: expired on 2026-03-08, 2 days ago",
                "help: mend what it waives and remove it, or have it granted again",
            ],
        ),
        (
            "2026-03-02\n",
            "2026-03-02T10:00:00Z\n",
            &["9:11: expected a day such as `2026-03-02`, got `2026-03-02T10:00:00Z`"],
        ),
        ("2026-03-02\n", "\"soon\"\n", &["waivers.toml:9:11: "]),
        // The file.
        (
            "waivers = 1\n",
            "waivers = 2\n",
            &["1:11: expected version 1 of the format, got 2", "update this one"],
        ),
        ("waivers = 1\n", "", &["missing field `waivers`", "start the file with `waivers = 1`"]),
        // What it is for.
        (
            "pack = \"bluechip-tsi\"",
            "pack = \"gochip\"",
            &["12:8: the run is judged by `bluechip-tsi`, the waiver is for `gochip`"],
        ),
        (
            "version = \"7.2\"",
            "version = \"7.1\"",
            &[
                "11:1: unmatched: no recording is of its subject; expected pos name `Kasse`, version `7.1`, got pos `Kasse, version 7.2`",
            ],
        ),
        (
            "\"event-interim\"",
            "\"event-error\"",
            &[
                "15:1: unmatched: ACK-1 was broken otherwise; its findings accuse the pos about `event-interim`",
            ],
        ),
    ];
    for (old, new, said) in cases {
        assert!(INTERIM.contains(old), "{old}");
        let run = Run::of(&[&one_fault()], &INTERIM.replacen(old, new, 1), &[]);
        assert_eq!(run.code, 2, "{new}: {}{}", run.out, run.err);
        assert!(run.err.starts_with("error: waivers.toml"), "{new}: {}", run.err);
        for said in *said {
            assert!(run.err.contains(said), "{new}: expected `{said}`, got {}", run.err);
        }
    }
    let none = Run::of(&[&one_fault()], "waivers = 1\n", &[]);
    assert!(none.code == 2 && none.err.contains("expected a `[[waiver]]`, got none"), "{}", none.err);
    let missing = Run::of(&[&one_fault()], INTERIM, &["--waivers", "nowhere.toml"]);
    assert!(missing.code == 2 && missing.err.contains("cannot read nowhere.toml"), "{}", missing.err);
    let alone = Run::of(&[&one_fault()], INTERIM, &["--no-waivers", "--today", "2026-03-10"]);
    assert!(alone.code == 2 && alone.err.contains("--waivers"), "{}", alone.err);
}

#[test]
fn no_rule_that_looks_for_card_data_can_be_waived_in_any_pack() {
    let sources = Sources::embedded();
    let mut never = Vec::new();
    for name in sources.packs() {
        let pack = pack::load(&sources, name).unwrap();
        for rule in &pack.rules {
            assert!(!(rule.pattern.guards_card_data() && rule.info.waivable), "{name}: {}", rule.info.code);
            if !rule.info.waivable {
                never.push(format!("{}/{}", rule.info.pack, rule.info.code));
            }
        }
    }
    assert!(
        never.contains(&"core/CARD-1".to_owned()) && never.contains(&"gochip/PAN-1".to_owned()),
        "{never:?}"
    );
}

#[test]
fn a_waiver_that_is_no_longer_needed_is_an_error() {
    let mended = Scene::of_till("7.2").settlement(1).ack(1).event(1, "completed", "settlement").ack(1).end();
    let run = Run::of(&[&mended], INTERIM, &[]);
    assert_eq!(run.code, 2);
    assert!(run.out.contains("matched nothing"), "the report is printed all the same: {}", run.out);
    assert!(run.err.contains("unmatched: ACK-1 was not broken, it is PASS"), "{}", run.err);
    assert!(run.err.contains("help: if it is mended, remove the waiver"), "{}", run.err);
    let elsewhere = Scene::of_till("7.2").end();
    let run = Run::of(&[&elsewhere], INTERIM, &[]);
    assert!(run.err.contains("it is NOT_EXERCISED"), "{}", run.err);
    assert!(run.err.contains("record the exchange it is about"), "{}", run.err);
}

#[test]
fn recordings_of_several_packs_have_their_waivers_in_one_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cassettes/gochip");
    let gochip = fs::read_to_string(folder.join("sale-approved.cassette.jsonl")).unwrap();
    let run = Run::of(&[&one_fault(), &gochip], INTERIM, &[]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("CONFORMANT WITH WAIVERS"), "{}", run.out);
    let stray = INTERIM.replace("pack = \"bluechip-tsi\"", "pack = \"castle\"");
    let run = Run::of(&[&one_fault(), &gochip], &stray, &[]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("judged by `bluechip-tsi` and `gochip`, the waiver is for `castle`"),
        "{}",
        run.err
    );
}

#[test]
fn what_could_not_be_decided_comes_to_light_behind_what_is_waived() {
    let scene = Scene::of_till("7.2").settlement(1).event(1, "completed", "settlement").ack(1).sale(2);
    let scene = scene.line(10, r#""event":"end","reason":"stopped""#).text;
    let (code, report) = Run::json(&[&scene], INTERIM, &[]);
    assert_eq!((code, &report["verdict"]), (3, &"UNDECIDED".into()), "{:#}", rule(&report, "ACK-1"));
}

#[test]
fn what_follows_from_a_waived_finding_needs_a_waiver_of_its_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cassettes/bluechip-tsi");
    let scene = fs::read_to_string(folder.join("till-acks-wrong-id.cassette.jsonl")).unwrap();
    let waivers = INTERIM
        .replace("bluechip-tsi/ACK-1", "bluechip-tsi/ACK-3")
        .replace("{ name = \"Kasse\", version = \"7.2\" }", "{ name = \"virtual till\" }")
        .replace("\"event-interim\"", "{ kind = \"event_ack\", when = [{ has = \"/event_ack/flow_id\" }] }");
    let (code, report) = Run::json(&[&scene], &waivers, &[]);
    assert_eq!(code, 1);
    assert_eq!(rule(&report, "ACK-3")["waived"], rule(&report, "ACK-3")["violated"]);
    assert_eq!(rule(&report, "ACK-1")["findings"][0]["follows_from"], "ACK-3");
    assert_eq!(rule(&report, "ACK-1")["waived"], 0);
}

#[test]
fn what_stands_is_never_hidden_by_what_is_waived() {
    let mut scene = Scene::of_till("7.2");
    for flow in 0..150 {
        scene = scene.settlement(flow);
    }
    let scene = scene.sale(900).settlement(901).end();
    let (code, report) = Run::json(&[&scene], INTERIM, &[]);
    let ack = rule(&report, "ACK-1");
    assert_eq!((code, &ack["violated"], &ack["waived"]), (1, &152.into(), &151.into()));
    let kept = ack["findings"].as_array().unwrap();
    assert_eq!(kept.len(), 100);
    let standing: Vec<_> = kept.iter().filter(|finding| finding["waived_by"].is_null()).collect();
    assert!(matches!(standing.as_slice(), [one] if one["flow"] == "900"), "{standing:#?}");
    let run = Run::of(&[&scene], INTERIM, &[]);
    assert!(run.out.contains("  1. the POS sent no event_ack to the event of flow 900"), "{}", run.out);
    assert!(run.out.starts_with("NON-CONFORMANT  the POS broke ACK-1\n"), "{}", run.out);
}

#[test]
fn reports_with_waivers_follow_the_schema_and_repeat_no_card_number() {
    let schema = serde_json::from_str(include_str!("../../specs/schema/report.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let waivers = INTERIM.replace("interim events are", "4111111111111111 is no reason, interim events are");
    let (code, report) = Run::json(&[&one_fault()], &waivers, &[]);
    let errors: Vec<_> =
        validator.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!((code, errors), (0, Vec::new()));
    assert_eq!(report["waivers"][0]["expires"], "2026-04-01");
    assert_eq!(report["waivers"][0]["matched"], 1);
    assert_eq!(report["today"], "2026-03-10");
    assert!(!report.to_string().contains("4111111111111111"), "{report:#}");
}

/// Every failing exchange of every page, judged with and without a waiver of each of its findings.
#[test]
fn a_waiver_changes_dispositions_and_never_a_finding() {
    let mut waived = 0;
    for name in ["core", "bluechip-tsi", "gochip"] {
        let sources = Sources::embedded();
        let plain = Arc::new(pack::load(&sources, name).unwrap());
        for exchange in plain.rules.iter().flat_map(|rule| &rule.page.exchanges) {
            waived += waived_in(&sources, &plain, &exchange.transcript);
        }
    }
    assert!(waived > 100, "only {waived}");
}

#[test]
fn a_waiver_changes_dispositions_only_whatever_was_recorded() {
    for name in ["bluechip-tsi", "gochip", "castle"] {
        let ground = Ground::of(name);
        let waived = std::cell::Cell::new(0);
        holds_for(name, 12, &plan(), |plan| {
            let text = shown(&plan.trace(&ground));
            waived.set(waived.get() + waived_in(&Sources::embedded(), &ground.pack, &text));
            Ok(())
        });
        assert!(waived.get() > 10, "{name}: only {} findings were waived", waived.get());
    }
}

/// How many findings were waived when a waiver of each of them was given, which has changed nothing else.
fn waived_in(sources: &Sources, plain: &Arc<Pack>, text: &str) -> u64 {
    let before = judged(Check::new(Arc::clone(plain), Options::default()), text);
    let Some(waivers) = of_every_finding(&plain.name, &before) else { return 0 };
    let pack = pack::load_through(sources, &plain.name, &Default::default(), &waivers.lenses(&plain.name));
    let pack = Arc::new(pack.unwrap_or_else(|errors| panic!("{errors}")));
    let mut check = Check::new(pack, Options::default());
    check.waive(&waivers).unwrap_or_else(|errors| panic!("{errors}"));
    let after = judged(check, text);
    let waived = after.rules.iter().map(|rule| rule.waived).sum();
    assert_eq!(undone(after), before, "{text}");
    waived
}

fn judged(mut check: Check, text: &str) -> CheckResult {
    let facts = [("name".to_owned(), "Kasse".to_owned())];
    let subject = [Party::Pos, Party::Terminal].map(|party| (party, facts.clone().into()));
    check.begin(SourceInfo { subject: Subject(subject.into()), ..SourceInfo::default() });
    for event in transcript::parse(text).unwrap() {
        check.observe(&event).unwrap();
    }
    check.end(Completeness::Finished);
    check.finish()
}

/// A waiver of each finding whose rule can be waived; nothing where there is none.
fn of_every_finding(pack: &str, result: &CheckResult) -> Option<Waivers> {
    let mut text = String::from("waivers = 1\n");
    for rule in result.rules.iter().filter(|rule| rule.rule.waivable) {
        for finding in &rule.findings {
            let kind = finding.witnesses.iter().find_map(|witness| witness.kind.as_deref())?;
            write!(
                text,
                "[[waiver]]\nrule = \"{}/{}\"\nversion = {}\nreason = \"r\"\nowner = \"o\"\napprover = \"a\"\n\
                 granted = 2026-03-02\nsubject = {{ pack = \"{pack}\", {accused} = {{ name = \"Kasse\" }} }}\n\
                 witness = {{ accused = \"{accused}\", message = {{ kind = \"{kind}\", when = [{{ not = {{ has = \"/no/such\" }} }}] }} }}\n",
                rule.rule.pack,
                rule.rule.code,
                rule.rule.version,
                accused = finding.accused,
            )
            .unwrap();
        }
    }
    let mut waivers = Waivers::on("2026-03-10".parse().unwrap());
    let read = text.contains("[[waiver]]").then(|| waivers.read("waivers.toml", &text))?;
    read.unwrap_or_else(|errors| panic!("{errors}"));
    Some(waivers)
}

/// The result as it was before anybody signed for anything: only dispositions are undone.
fn undone(mut result: CheckResult) -> CheckResult {
    let standing = judged(
        Check::new(Arc::new(pack::load(&Sources::embedded(), "core").unwrap()), Options::default()),
        "end +1s\n",
    );
    for rule in &mut result.rules {
        rule.waived = 0;
        rule.findings.iter_mut().for_each(|finding| finding.waived_by = None);
    }
    result.waivers = standing.waivers;
    result.today = standing.today;
    let blocking_fails = result.rules.iter().any(|rule| rule.rule.blocks() && rule.violated > 0);
    if blocking_fails {
        result.verdict = tilltape::rule::RunVerdict::NonConformant;
    }
    result
}

#[test]
fn the_page_about_waivers_shows_one_that_works() {
    let block = |fence: &str| {
        let (_, rest) = PAGE.split_once(&format!("```{fence}\n")).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("waivers.toml"), block("toml")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cassette = "cassettes/bluechip-tsi/till-reuses-flow-id.cassette.jsonl";
    fs::create_dir_all(folder.path().join("cassettes/bluechip-tsi")).unwrap();
    fs::copy(root.join(cassette), folder.path().join(cassette)).unwrap();
    let command = block("sh");
    let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .current_dir(folder.path())
        .args(&arguments)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    for line in block("text").lines().filter(|line| *line != "[…]") {
        assert!(printed.lines().any(|printed| printed == line), "no longer printed: {line}\n{printed}");
    }
}
