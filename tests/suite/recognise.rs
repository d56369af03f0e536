//! `check` finds the pack by itself, says which and why, and never judges a recording by the rules of another.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const TSI: &str = "bluechip-tsi";
const GOCHIP: &str = "gochip";

#[test]
fn a_recording_whose_header_names_no_pack_is_judged_by_the_one_it_is_of() {
    for (pack, other) in [(TSI, GOCHIP), (GOCHIP, TSI)] {
        for header in [None, Some("no-such-pack"), Some(other)] {
            let folder = TempDir::new().unwrap();
            let file = put(&folder, "day", &relabelled(&curated(pack, "normal-day"), header));
            let run = check(&[file.to_str().unwrap()], "");
            assert_eq!(run.code, 0, "{header:?}: {}", run.all());
            assert!(run.out.contains(&format!("judged by {pack} ")), "{}", run.out);
            let said =
                header.map_or("its header names no pack".into(), |name| format!("its header names `{name}`"));
            for text in [&run.out, &run.err] {
                assert!(text.replace("\n    ", " ").contains(&said), "{header:?}: {text}");
            }
            assert!(run.err.contains(&format!("judged by {pack}, for all ")), "{}", run.err);
            let report = check(&[file.to_str().unwrap(), "--format", "json"], "").json();
            assert_eq!(report["sources"][0]["basis"], "recognised");
            let counted = &report["sources"][0]["recognised"];
            assert!(counted["messages"].as_u64().unwrap() > 10 && counted["messages"] == counted["of"]);
        }
    }
}

#[test]
fn every_curated_cassette_is_recognised_as_what_it_is() {
    let mut seen = 0;
    for pack in [TSI, GOCHIP] {
        let folder = TempDir::new().unwrap();
        for file in fs::read_dir(root().join("cassettes").join(pack)).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap();
            fs::write(folder.path().join(name), relabelled(&fs::read_to_string(&file).unwrap(), None))
                .unwrap();
            seen += 1;
        }
        let report = check(&[folder.path().to_str().unwrap(), "--format", "json"], "").json();
        assert_eq!(report["pack"]["name"], pack);
        assert_eq!(report["unreadable"].as_array().unwrap().len(), 0);
        let count = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(report["sources"].as_array().unwrap().len(), count);
    }
    assert!(seen > 70, "{seen}");
}

#[test]
fn a_recording_of_another_protocol_is_not_judged_and_the_nearest_pack_is_named() {
    for (pack, other) in [(TSI, GOCHIP), (GOCHIP, TSI)] {
        for name in ["normal-day", "bad-till"] {
            let file = path(pack, name);
            let run = check(&[&file, "--pack", other], "");
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.all());
            assert!(run.err.contains(&format!("this is not {other}: none of its ")), "{}", run.err);
            assert!(run.err.contains(&format!("say `--pack {pack}`")), "{}", run.err);
        }
    }
    let run = check(&[&path(TSI, "normal-day"), &path(GOCHIP, "normal-day"), "--pack", GOCHIP], "");
    assert_eq!(run.code, 2, "{}", run.all());
    assert!(run.out.starts_with("CONFORMANT") && run.out.contains("NOT JUDGED"), "{}", run.out);
    assert!(run.out.contains("this is not gochip"), "{}", run.out);
}

#[test]
fn recordings_of_several_packs_get_a_report_each() {
    let schema = serde_json::from_str(include_str!("../../specs/schema/report.schema.json")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let files = [path(TSI, "sale-approved"), path(GOCHIP, "sale-approved"), path(TSI, "terminal-info")];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let run = check(&files, "");
    assert_eq!(run.code, 0, "{}", run.all());
    let heads = ["2 recordings of bluechip-tsi\n", "1 recording of gochip\n"];
    assert!(heads.iter().all(|head| run.out.contains(head)), "{}", run.out);
    assert_eq!(run.out.matches("CONFORMANT  every documented MUST").count(), 2, "{}", run.out);

    let reports = check(&[&files[..], &["--format", "json"]].concat(), "").json();
    let reports = reports.as_array().unwrap();
    assert_eq!(reports.len(), 2);
    for report in reports {
        assert!(validator.is_valid(report), "{report}");
    }

    let bad = path(GOCHIP, "till-skips-device");
    let run = check(&[&files[..], &[&bad]].concat(), "");
    assert_eq!(run.code, 1, "the gravest of them: {}", run.all());

    let run = check(&[&files[..], &["--rule", "ACK-1", "--param", "sale_ms=1000"]].concat(), "");
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.err.contains("1 recording of gochip not judged: none of its rules"), "{}", run.err);
    let run = check(&[&files[..], &["--param", "sales_ms=1000"]].concat(), "");
    assert_eq!(run.code, 2, "{}", run.all());
    let run = check(&[&files[..], &["--rule", "AKC-1"]].concat(), "");
    assert!(run.code == 2 && run.err.contains("did you mean `ACK-1`?"), "{}", run.all());
}

#[test]
fn what_cannot_be_told_is_said_and_not_guessed() {
    const SALE: &str = r#"{"type":"REQ_PROCESS_SALE","data":{"amount":"8.40"}}"#;
    const REQUEST: &str = r#"{"request":{"flow_id":"7","resource":{"type":"sale","amount":2350}}}"#;
    for (what, lines, said) in [
        ("two protocols", vec![("pos", SALE), ("pos", REQUEST)], "it holds more than one protocol"),
        ("parties swapped", vec![("terminal", SALE)], "if POS and terminal were not taken for each other"),
        ("something else", vec![("pos", r#"{"hello":1}"#)], "its message is of no known pack"),
        ("silence", vec![], "it holds no message to go by"),
    ] {
        let folder = TempDir::new().unwrap();
        let file = put(&folder, "x", &scene("/x", &lines));
        let run = check(&[file.to_str().unwrap()], "");
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{what}: {}", run.all());
        assert!(run.err.contains(said), "{what}: {}", run.err);
    }
}

#[test]
fn where_nothing_was_said_the_path_that_was_dialled_tells() {
    for (target, pack) in [("/tsi/v1/payment", TSI), ("/middleware", GOCHIP)] {
        let folder = TempDir::new().unwrap();
        let file = put(&folder, "silent", &scene(target, &[]));
        let run = check(&[file.to_str().unwrap()], "");
        assert_eq!(run.code, 3, "silence proves nothing: {}", run.all());
        assert!(run.err.contains(&format!("judged by {pack}, for its paths are of it")), "{}", run.err);
    }
}

#[test]
fn what_holds_for_every_protocol_judges_every_recording() {
    for pack in [TSI, GOCHIP] {
        let run = check(&[&path(pack, "normal-day"), "--pack", "core"], "");
        assert!(run.code != 2 && run.out.contains("judged by core "), "{}", run.all());
    }
}

#[test]
fn standard_input_is_recognised_too() {
    let text = relabelled(&curated(GOCHIP, "sale-approved"), None);
    let run = check(&["-"], &text);
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.err.starts_with("standard input: judged by gochip"), "{}", run.err);
    assert!(run.out.contains("standard input  1 connection"), "{}", run.out);
}

#[test]
fn a_pack_of_the_user_that_is_broken_hinders_no_other() {
    let specs = TempDir::new().unwrap();
    fs::create_dir(specs.path().join("mine")).unwrap();
    fs::write(specs.path().join("mine/pack.toml"), "name = 7").unwrap();
    let folder = TempDir::new().unwrap();
    let file = put(&folder, "day", &relabelled(&curated(TSI, "normal-day"), None));
    let run = check(&[file.to_str().unwrap(), "--specs", specs.path().to_str().unwrap()], "");
    assert_eq!(run.code, 0, "{}", run.all());
}

/// A recording with these messages, and a header that names no pack.
fn scene(target: &str, lines: &[(&str, &str)]) -> String {
    let mut text = String::from("{\"cassette\":1,\"tool\":\"test\",\"masking\":\"default@1\"}\n");
    text.push_str(&format!(
        r#"{{"n":1,"t_us":0,"conn":1,"event":"open","client":"pos","peer":{{"pos":"127.0.0.1:1","terminal":"127.0.0.1:2"}},"request":{{"target":"{target}","headers":[]}},"response":{{"status":101,"headers":[]}}}}"#
    ));
    text.push('\n');
    for (number, (from, json)) in (2..).zip(lines) {
        text.push_str(&format!(
            "{{\"n\":{number},\"t_us\":{number}000,\"conn\":1,\"from\":\"{from}\",\"event\":\"text\",\"json\":{json}}}\n"
        ));
    }
    text
}

/// The cassette with another pack in its header, or none.
fn relabelled(cassette: &str, pack: Option<&str>) -> String {
    let (header, rest) = cassette.split_once('\n').unwrap();
    let mut header: Value = serde_json::from_str(header).unwrap();
    header["pack"] = pack.map_or(Value::Null, Value::from);
    if pack.is_none() {
        header.as_object_mut().unwrap().remove("pack");
    }
    format!("{header}\n{rest}")
}

fn curated(pack: &str, name: &str) -> String {
    fs::read_to_string(path(pack, name)).unwrap()
}

fn path(pack: &str, name: &str) -> String {
    root().join(format!("cassettes/{pack}/{name}.cassette.jsonl")).to_str().unwrap().to_owned()
}

fn put(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let file = folder.path().join(format!("{name}.cassette.jsonl"));
    fs::write(&file, text).unwrap();
    file
}

struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn all(&self) -> String {
        format!("exit {}\n{}{}", self.code, self.out, self.err)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }
}

fn check(arguments: &[&str], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tilltape"))
        .arg("check")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A process that ends without reading is no fault of its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Run {
        code: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
