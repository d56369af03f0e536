//! `check` through the binary: every verdict with its exit code, what is said of inputs, and what never is.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

const REQUEST: &str = r#"{"request":{"flow_id":"804213","resource":{"type":"sale","amount":2350}}}"#;
const STARTED: &str = r#"{"response":{"flow_id":"804213","resource":{"status":"started"}}}"#;
const COMPLETED: &str = r#"{"event":{"flow_id":"804213","resource":{"status":"completed","results":[{"type":"sale","status":"approved","transaction_amount":2350}]}}}"#;
const ACK: &str = r#"{"event_ack":{"flow_id":"804213","resource":{"status":"ok"}}}"#;

const CONFORMANT: i32 = 0;
const NON_CONFORMANT: i32 = 1;
const UNUSABLE: i32 = 2;
const UNDECIDED: i32 = 3;
const INVALID: i32 = 4;

#[test]
fn a_clean_sale_is_conformant() {
    let run = Run::of(&[("sale", &sale().finished())]);
    assert_eq!(run.code, CONFORMANT, "{}", run.all());
    assert!(run.out.starts_with("CONFORMANT  "), "{}", run.out);
    assert!(run.out.contains("rules in scope exercised"), "{}", run.out);
    assert!(run.out.contains("sale.cassette.jsonl  1 connection, 1 flow, 4 messages"), "{}", run.out);
    assert_eq!(run.err, "");
}

#[test]
fn a_missing_acknowledgement_accuses_the_pos() {
    let run = Run::of(&[("bad", &sale_without_ack().wait_until(120_000).finished())]);
    assert_eq!(run.code, NON_CONFORMANT, "{}", run.all());
    assert!(run.out.starts_with("NON-CONFORMANT  the POS broke "), "{}", run.out);
    assert!(run.out.contains("accused   the POS, flow 804213"), "{}", run.out);
    assert!(run.out.contains("bad.cassette.jsonl --flow 804213"), "{}", run.out);
}

#[test]
fn a_recording_that_ends_too_early_is_undecided_and_says_how_much_longer() {
    let run = Run::of(&[("short", &sale_without_ack().finished())]);
    assert_eq!(run.code, UNDECIDED, "{}", run.all());
    assert!(run.out.starts_with("UNDECIDED  "), "{}", run.out);
    assert!(run.out.to_lowercase().contains("record"), "{}", run.out);
    assert!(run.out.contains("longer"), "{}", run.out);
}

#[test]
fn no_evidence_is_never_a_pass() {
    let empty = Scene::new();
    let refused = Scene::new().line(
        r#""conn":1,"event":"refused","client":"pos","peer":{"pos":"127.0.0.1:1","terminal":"127.0.0.1:2"},"request":{"target":"/tsi/v1/payment","headers":[]},"response":{"status":503,"headers":[]},"text":"busy""#,
    );
    let silent = Scene::new().open().wait_until(300_000);
    for (name, scene) in [("empty", empty), ("refused", refused), ("silent", silent)] {
        let report = Run::with(&[(name, &scene.finished())], &["--format", "json"]);
        let value: serde_json::Value = serde_json::from_str(&report.out).expect("a report is JSON");
        assert_eq!(report.code, UNDECIDED, "{name}: {}", report.all());
        assert_eq!(value["verdict"], "UNDECIDED", "{name}");
        for rule in value["rules"].as_array().expect("rules are an array") {
            // That one connection was open at a time, and its path, an open connection shows.
            let says_of_connections = rule["code"] == "CONN-1" || rule["code"] == "PATH-1";
            assert!(rule["verdict"] != "PASS" || says_of_connections, "{name}: {}", rule["code"]);
        }
    }
}

#[test]
fn a_terminal_that_sends_back_what_it_hears_is_never_conformant() {
    let both = |scene: Scene, text: &str| scene.text("pos", text).text("terminal", text);
    // It is asked, and waited for.
    let waited = both(Scene::new().open(), REQUEST).wait_until(120_000).finished();
    let run = Run::of(&[("waited", &waited)]);
    assert_eq!(run.code, NON_CONFORMANT, "{}", run.all());
    assert!(run.out.starts_with("NON-CONFORMANT  the terminal broke RESP-1"), "{}", run.out);
    let blurred = both(Scene::new().open(), REQUEST).wait_until(1_000);
    let blurred = both(blurred, ACK).finished();
    let run = Run::of(&[("blurred", &blurred)]);
    assert_eq!(run.code, UNDECIDED, "{}", run.all());
    let run = Run::with(&[("blurred", &blurred)], &["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&run.out).expect("a report is JSON");
    assert_eq!(value["unheard"], serde_json::json!(["terminal"]));
}

#[test]
fn a_till_that_was_never_let_in_is_told_so() {
    let scene = Scene::new().line(
        r#""conn":1,"event":"refused","client":"pos","peer":{"pos":"127.0.0.1:1","terminal":"127.0.0.1:2"},"request":{"target":"/tsi/v1/payment","headers":[]},"response":{"status":503,"headers":[]},"text":"busy""#,
    );
    let run = Run::of(&[("refused", &scene.finished())]);
    assert_eq!(run.code, UNDECIDED, "{}", run.all());
    assert!(run.out.starts_with("UNDECIDED  nothing was said: every handshake was refused"), "{}", run.out);
}

#[test]
fn json_reports_of_real_runs_follow_the_schema() {
    let schema = serde_json::from_str(include_str!("../../specs/schema/report.schema.json"))
        .expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    for scene in [
        sale().finished(),
        sale_without_ack().wait_until(120_000).finished(),
        sale_without_ack().finished(),
        sale().cut(),
    ] {
        let run = Run::with(&[("one", &scene)], &["--format", "json"]);
        let value: serde_json::Value = serde_json::from_str(&run.out).expect("a report is JSON");
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

#[test]
fn no_card_number_reaches_a_report() {
    let pan = "4111111111111111";
    let leak = COMPLETED.replace("804213", pan).replace("\"approved\"", &format!("\"{pan}\""));
    let scene = sale().text("terminal", &leak).text("pos", &format!("not JSON {pan}")).wait_until(120_000);
    for arguments in [&["--format", "text"][..], &["--format", "json"]] {
        let run = Run::with(&[("leak", &scene.clone().finished())], arguments);
        assert_ne!(run.code, CONFORMANT, "{}", run.all());
        assert!(!run.all().contains(pan), "{}", run.all());
    }
}

#[test]
fn an_unreadable_input_is_said_with_its_line_and_the_others_are_judged() {
    let broken = sale().finished().replacen("\"t_us\":1000,", "\"t_us\":,", 1);
    let run = Run::of(&[("a-broken", &broken), ("b-good", &sale().finished())]);
    assert_eq!(run.code, UNUSABLE, "{}", run.all());
    assert!(run.out.contains("1 input not judged"), "{}", run.out);
    assert!(run.out.contains("a-broken.cassette.jsonl:3 "), "{}", run.out);
    assert!(run.out.contains("read up to the line named above"), "it was not cut: {}", run.out);
    assert!(run.out.contains("b-good.cassette.jsonl  1 connection"), "{}", run.out);
}

#[test]
fn where_nothing_can_be_read_there_is_no_report() {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, content) in [("empty", ""), ("other", "GIF89a"), ("new", "{\"cassette\":2}\n")] {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file is written");
        let run = Run::command(&["check".as_ref(), path.as_os_str()], "");
        assert_eq!(run.code, UNUSABLE, "{}", run.all());
        assert_eq!(run.out, "");
        assert!(run.err.starts_with("error: ") && run.err.contains(name), "{}", run.err);
    }
    let run = Run::command(&["check".as_ref(), "no-such-file".as_ref()], "");
    assert_eq!((run.code, run.err.as_str()), (UNUSABLE, "error: no-such-file: no such file or directory\n"));
    let run = Run::command(&["check".as_ref(), folder.path().as_os_str()], "");
    assert_eq!(run.code, UNUSABLE);
    assert!(run.err.contains("no cassette in it"), "{}", run.err);
}

#[test]
fn a_large_recording_is_verified_only_on_request_and_that_is_said() {
    let whole = sale().finished();
    let blank = format!("{}\n", " ".repeat(33 << 20)).repeat(2);
    let large = format!("{whole}{blank}");
    let run = Run::of(&[("large", &large)]);
    assert_eq!(run.code, CONFORMANT, "{}", run.all());
    assert!(run.out.contains("not verified (say --verify)"), "{}", run.out);
    let run = Run::with(&[("large", &large)], &["--verify"]);
    assert!(!run.out.contains("verified") && !run.out.contains("edited"), "{}", run.out);
    let edited = large.replacen("2350", "2360", 2);
    let run = Run::with(&[("large", &edited)], &["--verify"]);
    assert!(run.out.contains("edited after recording"), "{}", run.out);
    let run = Run::with(&[("large", &edited)], &["--format", "json"]);
    assert!(run.out.contains(r#""completeness": "unverified""#), "{}", run.out);
}

#[test]
fn a_cut_or_edited_recording_is_said() {
    let run = Run::of(&[("cut", &sale().cut())]);
    assert!(run.out.contains("cut: it has no `end` line"), "{}", run.out);
    let whole = sale().finished();
    let run = Run::of(&[("cut", &whole[..whole.len() - 40])]);
    assert!(run.out.contains("cut: it has no `end` line"), "{}", run.out);
    let run = Run::of(&[("edited", &whole.replace("2350", "2360"))]);
    assert!(run.out.contains("edited after recording"), "{}", run.out);
    let run = Run::of(&[("whole", &whole)]);
    assert!(!run.out.contains("edited after recording") && !run.out.contains("cut:"), "{}", run.out);
}

#[test]
fn folders_are_searched_sorted_and_each_file_is_judged_once() {
    let folder = TempDir::new().expect("a temporary folder");
    let good = sale().finished();
    for name in ["b.cassette.jsonl", "a/z.cassette.jsonl", "a/b/c.cassette.jsonl", "notes.txt", "x.jsonl"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("a folder is made");
        let other_flow = good.replace("804213", &format!("{}", 100_000 + name.len()));
        fs::write(&path, other_flow).expect("a file is written");
    }
    let again = folder.path().join("b.cassette.jsonl");
    let arguments = ["check".as_ref(), folder.path().as_os_str(), again.as_os_str()];
    let run = Run::command(&[&arguments[..], &["--format".as_ref(), "json".as_ref()]].concat(), "");
    let value: serde_json::Value = serde_json::from_str(&run.out).expect("a report is JSON");
    let names: Vec<String> = value["sources"]
        .as_array()
        .expect("sources are an array")
        .iter()
        .map(|source| source["name"].as_str().expect("a name is text").to_owned())
        .map(|name| name.replace(folder.path().to_str().expect("the path is UTF-8"), ""))
        .collect();
    assert_eq!(names, ["/a/b/c.cassette.jsonl", "/a/z.cassette.jsonl", "/b.cassette.jsonl"]);
}

#[test]
fn recordings_judged_at_once_come_to_what_they_come_to_one_by_one() {
    let folder = TempDir::new().expect("a temporary folder");
    for number in 0..40 {
        let flow = format!("{}", 100_000 + number);
        let scene = match number % 4 {
            0 => sale().finished(),
            1 => sale_without_ack().wait_until(120_000).finished(),
            2 => sale_without_ack().cut(),
            _ => sale().line("\"what\":").finished(),
        };
        let path = folder.path().join(format!("{number:02}.cassette.jsonl"));
        fs::write(path, scene.replace("804213", &flow)).expect("a file is written");
    }
    let judged = |jobs: &str, format: &str| {
        let path = folder.path().as_os_str();
        let options = ["--jobs", jobs, "--format", format].map(std::ffi::OsStr::new);
        Run::command(&[&["check".as_ref(), path][..], &options].concat(), "")
    };
    for format in ["json", "text"] {
        let one_by_one = judged("1", format);
        assert_eq!(one_by_one.code, UNUSABLE, "{}", one_by_one.all());
        for jobs in ["2", "7", "99"] {
            let at_once = judged(jobs, format);
            assert_eq!(at_once.all(), one_by_one.all(), "{jobs} at once");
        }
    }
}

#[test]
fn a_dash_is_standard_input() {
    let run = Run::command(&["check".as_ref(), "-".as_ref()], &sale().finished());
    assert_eq!(run.code, CONFORMANT, "{}", run.all());
    assert!(run.out.contains("standard input  1 connection"), "{}", run.out);
}

#[test]
fn a_pack_that_is_asked_for_has_to_exist() {
    let run = Run::with(&[("sale", &sale().finished())], &["--pack", "bluechip-tsy"]);
    assert_eq!((run.code, run.out.as_str()), (UNUSABLE, ""), "{}", run.all());
    assert!(run.err.contains("expected the name of a pack, got `bluechip-tsy`"), "{}", run.err);
    assert!(run.err.contains("did you mean `bluechip-tsi`?"), "{}", run.err);
}

#[test]
fn misspellings_are_answered_with_a_suggestion() {
    let cassette = sale().finished();
    for (arguments, suggestion) in [
        (["--pack", "bluchip-tsi"], "did you mean `bluechip-tsi`?"),
        (["--rule", "AKC-1"], "did you mean `ACK-1`?"),
        (["--rule", "ACK 1"], "expected a rule such as"),
        (["--param", "akc_ms=1"], "did you mean `ack_ms`?"),
        (["--param", "ack_ms=soon"], "expected a whole number"),
        (["--format", "jsn"], "json"),
    ] {
        let run = Run::with(&[("sale", &cassette)], &arguments);
        assert_eq!(run.code, UNUSABLE, "{arguments:?}: {}", run.all());
        assert!(run.err.contains(suggestion), "{arguments:?}: {}", run.err);
        assert_eq!(run.out, "");
    }
}

#[test]
fn rules_and_parameters_can_be_chosen() {
    let cassette = sale_without_ack().wait_until(20_000).finished();
    let run = Run::with(&[("sale", &cassette)], &["--rule", "FLOW", "--rule", "RESP-1,core/JSON-1"]);
    assert_eq!(run.code, CONFORMANT, "{}", run.all());
    let run = Run::with(&[("sale", &cassette)], &["--rule", "ACK-1", "--param", "ack_ms=600000"]);
    assert_eq!(run.code, UNDECIDED, "{}", run.all());
    assert!(run.out.contains("ack_ms = 600000"), "{}", run.out);
}

#[test]
fn a_pipe_gets_no_colour_codes_and_the_same_bytes_every_time() {
    let cassette = sale_without_ack().wait_until(120_000).finished();
    let first = Run::of(&[("bad", &cassette)]);
    assert!(!first.all().contains('\u{1b}'));
    assert!(first.out.lines().all(|line| line == line.trim_end()), "{}", first.out);
    assert_eq!(Run::of(&[("bad", &cassette)]).out, first.out);
}

#[test]
fn a_report_file_is_written_whole_or_not_at_all() {
    let folder = TempDir::new().expect("a temporary folder");
    let report = folder.path().join("report.txt");
    fs::write(&report, "old").expect("a file is written");
    let target = report.to_str().expect("the path is UTF-8");
    let run = Run::with(&[("sale", &sale().finished())], &["--out", target]);
    assert_eq!(run.code, CONFORMANT, "{}", run.all());
    assert_eq!(run.out, "");
    assert!(run.err.starts_with("CONFORMANT: report written to "), "{}", run.err);
    let written = fs::read_to_string(&report).expect("the report is there");
    assert!(written.starts_with("CONFORMANT  "), "{written}");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder is there").count(), 1);
    let nowhere = folder.path().join("none/report.txt");
    let run =
        Run::with(&[("sale", &sale().finished())], &["--out", nowhere.to_str().expect("the path is UTF-8")]);
    assert_eq!(run.code, INVALID, "{}", run.all());
}

#[test]
fn a_report_never_takes_the_place_of_a_recording() {
    let folder = TempDir::new().expect("a temporary folder");
    for name in ["sale.cassette.jsonl", "sale.jsonl"] {
        let cassette = folder.path().join(name);
        fs::write(&cassette, sale().finished()).expect("a file is written");
        let output = tilltape().arg("check").arg(&cassette).arg("--out").arg(&cassette).output();
        let output = output.expect("the program runs");
        assert_eq!(output.status.code(), Some(UNUSABLE), "{name}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("expected `--out` to name a report"));
        assert_eq!(fs::read_to_string(&cassette).expect("it is still there"), sale().finished());
    }
}

#[test]
fn messages_in_which_no_flow_opens_prove_nothing() {
    let swapped = Scene::new().open().text("terminal", REQUEST).text("pos", STARTED).text("pos", COMPLETED);
    let run = Run::with(&[("swapped", &swapped.finished())], &[]);
    assert_eq!(run.code, UNDECIDED, "{}", run.all());
}

#[test]
fn a_reader_that_goes_away_changes_nothing() {
    let folder = Run::folder(&[("sale", &sale().finished())]);
    let mut child = tilltape()
        .arg("check")
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let mut err = String::new();
    let mut stderr = child.stderr.take().expect("standard error is piped");
    stderr.read_to_string(&mut err).expect("messages are UTF-8");
    assert_eq!(child.wait().expect("the process ends").code(), Some(CONFORMANT), "{err}");
    assert_eq!(err, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_the_run_and_nothing_was_decided() {
    for signal in ["INT", "TERM"] {
        let mut child = tilltape()
            .args(["check", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut input = child.stdin.take().expect("standard input is piped");
        input.write_all(sale().cut().as_bytes()).expect("the process reads");
        wait_until_signals_are_handled(&child);
        let kill = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(kill.expect("`kill` runs").success());
        let output = child.wait_with_output().expect("the process ends");
        assert_eq!(output.status.code(), Some(UNDECIDED));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "interrupted: nothing was decided\n");
        assert!(output.stdout.is_empty());
    }
}

/// SIGINT is 2 and SIGTERM 15, so bits 1 and 14 of the mask of caught signals.
#[cfg(target_os = "linux")]
fn wait_until_signals_are_handled(child: &Child) {
    loop {
        let status =
            fs::read_to_string(format!("/proc/{}/status", child.id())).expect("the process is alive");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("Linux tells");
        let caught = u64::from_str_radix(caught.trim(), 16).expect("the mask is hexadecimal");
        if caught & (1 << 1) != 0 && caught & (1 << 14) != 0 {
            return;
        }
        std::thread::yield_now();
    }
}

/// A sale as it should be.
fn sale() -> Scene {
    sale_without_ack().text("pos", ACK)
}

fn sale_without_ack() -> Scene {
    Scene::new().open().text("pos", REQUEST).text("terminal", STARTED).text("terminal", COMPLETED)
}

/// A cassette in the making; a millisecond passes before every line.
#[derive(Clone)]
struct Scene {
    lines: String,
    n: u64,
    t_us: u64,
}

impl Scene {
    fn new() -> Self {
        let header =
            "{\"cassette\":1,\"tool\":\"test\",\"pack\":\"bluechip-tsi\",\"masking\":\"default@1\"}\n";
        Self { lines: header.into(), n: 0, t_us: 0 }
    }

    fn open(self) -> Self {
        self.line(
            r#""conn":1,"event":"open","client":"pos","peer":{"pos":"127.0.0.1:1","terminal":"127.0.0.1:2"},"request":{"target":"/tsi/v1/payment","headers":[]},"response":{"status":101,"headers":[]}"#,
        )
    }

    fn text(self, from: &str, text: &str) -> Self {
        let key = if serde_json::from_str::<serde_json::Value>(text).is_ok() {
            format!("\"json\":{text}")
        } else {
            format!("\"text\":{}", serde_json::Value::from(text))
        };
        self.line(&format!("\"conn\":1,\"from\":\"{from}\",\"event\":\"text\",{key}"))
    }

    /// Goes on until so many milliseconds since the start, then notes it.
    fn wait_until(mut self, ms: u64) -> Self {
        self.t_us = ms * 1_000;
        self.line(r#""event":"note","text":"waited""#)
    }

    fn line(mut self, rest: &str) -> Self {
        self.n += 1;
        let (n, t_us) = (self.n, self.t_us);
        self.lines.push_str(&format!("{{\"n\":{n},\"t_us\":{t_us},{rest}}}\n"));
        self.t_us += 1_000;
        self
    }

    /// With its `end` line.
    fn finished(self) -> String {
        let digest: String =
            Sha256::digest(self.lines.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        self.line(&format!("\"event\":\"end\",\"reason\":\"stopped\",\"sha256\":\"{digest}\"")).lines
    }

    /// Without one.
    fn cut(self) -> String {
        self.lines
    }
}

/// What one call of the binary did.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    /// Checks a folder of these cassettes.
    fn of(cassettes: &[(&str, &str)]) -> Self {
        Self::with(cassettes, &[])
    }

    fn with(cassettes: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = Self::folder(cassettes);
        let mut command = tilltape();
        command.current_dir(folder.path()).arg("check");
        command.args(cassettes.iter().map(|(name, _)| format!("{name}.cassette.jsonl"))).args(arguments);
        command.stdin(Stdio::null());
        Self::from(command.output().expect("the binary runs"))
    }

    fn command(arguments: &[&std::ffi::OsStr], input: &str) -> Self {
        let mut command = tilltape();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        // A process that ends without reading is no fault of its input.
        let _ = child.stdin.take().expect("standard input is piped").write_all(input.as_bytes());
        Self::from(child.wait_with_output().expect("the process ends"))
    }

    fn folder(cassettes: &[(&str, &str)]) -> TempDir {
        let folder = TempDir::new().expect("a temporary folder");
        for (name, text) in cassettes {
            let path: &Path = &folder.path().join(format!("{name}.cassette.jsonl"));
            fs::write(path, text).expect("a file is written");
        }
        folder
    }

    fn all(&self) -> String {
        format!("exit {}\n{}{}", self.code, self.out, self.err)
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("no signal ended it"),
            out: String::from_utf8(output.stdout).expect("reports are UTF-8"),
            err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }
}

fn tilltape() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    command.env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR");
    command
}
