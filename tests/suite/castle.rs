//! Castle: a dialect written as data alone; told apart from its family, and marked as an experiment.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tilltape::check::{Check, CheckResult, Completeness, Options, SourceInfo};
use tilltape::conversation::transcript;
use tilltape::pack::{self, Pack, Sources};
use tilltape::rule::RunVerdict;

const REGISTRATION: &str = r#"open terminal → pos /pos/register
terminal +1s    {"type":"request","flow_id":"3f0c2a5e-8d41-4c7b-9e13-5a6f0b7d2c81","timestamp":"t","resource":{"type":"register","capabilities":["status"]}}
pos      +20ms  {"type":"response","flow_id":"3f0c2a5e-8d41-4c7b-9e13-5a6f0b7d2c81","timestamp":"t","resource":{"type":"register","heartbeat_interval_sec":N}}
close +5ms terminal 1000
[2] open terminal → pos /pos/connect
"#;

const HEARTBEATS: &str = r#"[2] terminal +1s    {"type":"event","flow_id":"b7d9e4f0-2c36-4a58-8f72-0e9c1d3b5a64","timestamp":"t","resource":{"type":"heartbeat"}}
[2] pos      +3ms   {"type":"event_ack","flow_id":"b7d9e4f0-2c36-4a58-8f72-0e9c1d3b5a64","timestamp":"t"}
[2] pos      +1s    {"type":"request","flow_id":"0a1b2c3d-4e5f-4061-b728-93a4b5c6d7e8","timestamp":"t","resource":{"type":"status"}}
[2] terminal +1s    {"type":"response","flow_id":"0a1b2c3d-4e5f-4061-b728-93a4b5c6d7e8","timestamp":"t","resource":{"type":"status"}}
[2] terminal +40s   {"type":"event","flow_id":"5c6d7e8f-1a2b-4c3d-a4e5-f60718293a4b","timestamp":"t","resource":{"type":"heartbeat"}}
[2] pos      +3ms   {"type":"event_ack","flow_id":"5c6d7e8f-1a2b-4c3d-a4e5-f60718293a4b","timestamp":"t"}
[2] close +1s terminal 1000
"#;

#[test]
fn the_period_of_heartbeats_is_the_one_the_registration_gave() {
    let session = |period: &str| format!("{}{HEARTBEATS}", REGISTRATION.replace('N', period));
    let broken = |result: &CheckResult| {
        let findings = result.rules.iter().flat_map(|rule| rule.findings.iter().map(move |f| (rule, f)));
        findings.map(|(rule, f)| format!("{} {}", rule.rule.code, f.accused)).collect::<Vec<_>>()
    };
    let kept = judged(&[&session("30")]);
    assert_eq!((broken(&kept), kept.verdict), (vec![], RunVerdict::Conformant));
    let late = judged(&[&session("10")]);
    assert_eq!(broken(&late), ["BEAT-1 terminal"]);
    assert_eq!(late.verdict, RunVerdict::NonConformant);
    let text = judged(&[&session("\"10\"")]);
    assert_eq!(broken(&text), ["BEAT-1 terminal"], "a number may be a text");
    for unknown in ["null", "\"soon\"", "99999999999999999999"] {
        assert_eq!(broken(&judged(&[&session(unknown)])), [""; 0], "{unknown}");
    }
    let without = format!("open terminal → pos /pos/connect\n{}", HEARTBEATS.replace("[2] ", ""));
    assert_eq!(
        broken(&judged(&[&session("10"), &without])).len(),
        1,
        "what is learned holds for one recording"
    );
}

#[test]
fn not_a_line_of_code_knows_the_dialect() {
    let mut files = vec![root().join("src")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            assert!(
                !fs::read_to_string(&path).unwrap().to_lowercase().contains("castle"),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn a_dialect_has_the_rules_it_has_pages_for_and_no_others() {
    let pack = castle();
    let stated = fs::read_dir(root().join("specs/castle/rules")).unwrap().count();
    assert_eq!(pack.rules.iter().filter(|rule| rule.info.pack == "castle").count(), stated);
    assert!(pack.rules.iter().all(|rule| rule.info.pack != "bluechip-tsi"));
    let rule = |code: &str| pack.rule(&code.parse().unwrap());
    assert!(rule("JSON-1").is_some() && rule("ENDP-1").is_none());
    let tsi = pack::load(&Sources::embedded(), "bluechip-tsi").unwrap();
    let theirs = tsi.rule(&"ACK-3".parse().unwrap()).unwrap();
    let own = rule("ACK-3").unwrap();
    assert_eq!((&own.info.title, own.info.level), (&theirs.info.title, theirs.info.level));
    assert_eq!(own.info.source, ["CA: events"]);
    assert!(own.page.text.starts_with("# What it requires\n") && own.page.text.contains("# Limits\n"));
    assert_eq!(own.page.text.matches("```exchange").count(), own.page.exchanges.len());
    assert!(!own.page.text.contains("/tsi/v1/payment"), "exchanges are its own");
}

#[test]
fn what_differs_is_said_where_it_differs_and_mistakes_in_it_are_shown() {
    for (file, old, new, said) in [
        (
            "castle/pack.toml",
            "kind = \"request\"\nwhen",
            "kind = \"request\"\nis = \"json\"\nwhen",
            ":6: expected no `is`: kind `request` is one of a pack this one builds on",
        ),
        (
            "castle/pack.toml",
            "dialect-of = \"bluechip-tsi\"",
            "dialect-of = \"bluechip\"",
            "did you mean `bluechip-tsi`?",
        ),
        (
            "castle/pack.toml",
            "dialect-of = \"bluechip-tsi\"",
            "dialect-of = \"castle\"",
            "cannot build on itself",
        ),
        (
            "castle/rules/TIME-1.md",
            "level = \"must\"\n",
            "",
            "TIME-1.md:2:8: expected the key `level` in the front matter of `TIME-1`",
        ),
        ("castle/rules/TIME-1.md", "# Limits\n", "# Limit\n", "expected a section `# Limits`"),
    ] {
        let mut sources = Sources::embedded();
        let text = sources.text(file).unwrap().replace(old, new);
        assert_ne!(text, sources.text(file).unwrap(), "{file} has changed");
        sources.insert(file, text);
        let errors = pack::load(&sources, "castle").unwrap_err().to_string();
        assert!(errors.contains(said), "{said}: {errors}");
    }
}

#[test]
fn it_is_recognised_among_its_family_and_every_report_says_that_it_is_an_experiment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("castle.cassette.jsonl");
    fs::write(&file, cassette()).unwrap();
    let file = file.to_str().unwrap();
    let (code, out, err) = tilltape(&["check", file]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("CONFORMANT  ") && out.contains("the pack is experimental"), "{out}");
    assert!(
        out.contains("judged by castle 0.1.0") && out.contains("experimental: its document is a draft"),
        "{out}"
    );
    let (_, json, _) = tilltape(&["check", file, "--format", "json"]);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert!(report["pack"]["experimental"].is_string());
    let (code, out, err) = tilltape(&["check", file, "--pack", "bluechip-tsi"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("this is not bluechip-tsi") && err.contains("say `--pack castle`"), "{err}");
    let (_, list, _) = tilltape(&["pack", "list", "castle"]);
    assert!(list.contains(" experimental: its document is a draft"), "{list}");
    let (_, page, _) = tilltape(&["explain", "REG-1"]);
    assert!(page.contains("  pack      castle, experimental: its document is a draft"), "{page}");
    let (_, rules, _) = tilltape(&["explain", "castle"]);
    assert!(rules.starts_with("castle  experimental\n"), "{rules}");
}

#[test]
fn a_rule_that_a_dialect_has_too_is_explained_as_its_protocol_states_it() {
    let (code, out, err) = tilltape(&["explain", "ACK-1"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("ACK-1  ") && out.contains("specs/bluechip-tsi/rules/ACK-1.md"), "{out}");
    assert!(out.contains("\nin dialects\ncastle  experimental\n  ACK-1"), "{out}");
    let (_, own, _) = tilltape(&["explain", "castle/ACK-1"]);
    assert!(own.contains("specs/castle/rules/ACK-1.md") && own.contains("WHY IT MATTERS"), "{own}");
}

fn judged(texts: &[&str]) -> CheckResult {
    let mut check = Check::new(Arc::new(castle()), Options::default());
    for text in texts {
        check.begin(SourceInfo::default());
        for event in transcript::parse(text).unwrap() {
            check.observe(&event).unwrap();
        }
        check.end(Completeness::Finished);
    }
    check.finish()
}

/// A recording whose header names no pack.
fn cassette() -> String {
    let mut text = String::from("{\"cassette\":1,\"tool\":\"test\",\"masking\":\"default@1\"}\n");
    let mut line = |rest: &str| {
        let n = text.lines().count();
        text.push_str(&format!("{{\"n\":{n},\"t_us\":{n}000,\"conn\":1,{rest}}}\n"));
    };
    line(
        r#""event":"open","client":"terminal","peer":{"pos":"127.0.0.1:1","terminal":"127.0.0.1:2"},"request":{"target":"/pos/connect","headers":[]},"response":{"status":101,"headers":[]}"#,
    );
    let id = "0a1b2c3d-4e5f-4061-b728-93a4b5c6d7e8";
    for (from, kind) in [("pos", "request"), ("terminal", "response")] {
        line(&format!(
            r#""from":"{from}","event":"text","json":{{"type":"{kind}","flow_id":"{id}","timestamp":"t","resource":{{"type":"status"}}}}"#
        ));
    }
    text
}

fn castle() -> Pack {
    pack::load(&Sources::embedded(), "castle").unwrap()
}

fn tilltape(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
