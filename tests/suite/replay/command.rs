//! `replay terminal` and `replay pos` as a test framework meets them: the line that says ready, the verdict,
//! exit codes, what is kept, and what is refused.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use jsonschema::Validator;
use serde_json::Value;

use super::{said, tilltape};

const SALE: &str = "cassettes/bluechip-tsi/sale-declined.cassette.jsonl";

/// A replay as a process that is ready.
pub(super) struct Replay {
    child: Child,
    lines: BufReader<ChildStdout>,
    pub(super) ready: Value,
}

impl Replay {
    pub(super) fn terminal(cassette: &str, arguments: &[&str]) -> Self {
        let patience = if arguments.contains(&"--patience") { &[][..] } else { &["--patience", "2s"] };
        let mut child = tilltape(&["replay", "terminal", cassette, "--pace", "instant"])
            .args(patience)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut error = String::new();
            child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            panic!("{line}{error}")
        });
        Self { child, lines, ready }
    }

    pub(super) fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    /// The verdict, and the exit code.
    pub(super) fn end(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The virtual till, as the program has it.
pub(super) fn till(url: &str, arguments: &[&str]) {
    let output = tilltape(&["simulate", "pos", "--pace", "instant", "--patience", "1s", "--to", url])
        .args(arguments)
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(0 | 3 | 4)), "{output:?}");
}

fn schema() -> Validator {
    let schema = serde_json::from_str(include_str!("../../../specs/schema/replay.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
pub(super) fn valid(value: &Value) {
    if let Err(error) = schema().validate(value) {
        panic!("{error} at {}: {value:#}", error.instance_path());
    }
}

#[test]
fn a_till_that_does_what_the_cassette_has_is_green() {
    let replay = Replay::terminal(SALE, &["--format", "json"]);
    valid(&replay.ready);
    assert_eq!((replay.ready["connections"].as_u64(), replay.ready["messages"].as_u64()), (Some(1), Some(4)));
    till(replay.url(), &["--amount", "4561"]);
    let (verdict, code) = replay.end();
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    valid(&verdict);
    assert_eq!((verdict["verdict"].as_str(), code), (Some("complete"), Some(0)), "{verdict:#}");
}

#[test]
fn a_till_that_does_something_else_is_red_and_the_text_says_everything() {
    let replay = Replay::terminal(SALE, &[]);
    till(replay.url(), &["--amount", "4562"]);
    let (text, code) = replay.end();
    assert_eq!(code, Some(1), "{text}");
    let id = text.split("\"flow_id\":\"").nth(2).unwrap().split('"').next().unwrap().to_owned();
    insta::assert_snapshot!("mismatch_of_an_amount", text.replace(&id, "[live]"));
    let replay = Replay::terminal(SALE, &["--format", "json"]);
    till(replay.url(), &["--amount", "4562"]);
    let (verdict, _) = replay.end();
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    valid(&verdict);
    assert_eq!(verdict["mismatch"]["differences"][0]["at"], "/request/resource/amount");
    assert_eq!(verdict["mismatch"]["settle"], "--ignore /request/resource/amount");
    let replay = Replay::terminal(SALE, &["--ignore", "/request/resource/amount"]);
    till(replay.url(), &["--amount", "4562"]);
    assert_eq!(replay.end().1, Some(0), "what it proposes does settle it");
}

#[test]
fn a_till_that_never_comes_is_told_from_one_that_does_wrong() {
    let replay = Replay::terminal(SALE, &["--patience", "300ms", "--format", "json"]);
    let (verdict, code) = replay.end();
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    valid(&verdict);
    assert_eq!((verdict["verdict"].as_str(), code), (Some("incomplete"), Some(3)));
    assert_eq!(verdict["incomplete"]["waited_for"][0]["what"], "connection to /tsi/v1/payment");
}

#[test]
fn a_signal_ends_a_replay_with_its_verdict() {
    for name in ["-INT", "-TERM"] {
        let replay = Replay::terminal(SALE, &["--patience", "60s"]);
        replay.signal(name);
        let (text, code) = replay.end();
        assert_eq!(code, Some(3));
        assert!(text.starts_with("INCOMPLETE  stopped before everything"), "{text}");
    }
}

#[test]
fn the_peer_is_judged_by_the_rules_and_the_run_is_recorded_masked() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.cassette.jsonl").display().to_string();
    let replay = Replay::terminal(SALE, &["--check", "--record", &run, "--format", "json"]);
    till(replay.url(), &["--amount", "4561"]);
    let (verdict, code) = replay.end();
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    valid(&verdict);
    assert_eq!(
        (verdict["conformance"]["verdict"].as_str(), code),
        (Some("CONFORMANT"), Some(0)),
        "{verdict:#}"
    );
    assert_eq!(verdict["recorded"], run.as_str());
    let (code, out, _) = said(tilltape(&["check", &run]).output().unwrap());
    assert!(code == Some(0) && out.starts_with("CONFORMANT"), "{out}");
    let (code, out, _) = said(tilltape(&["replay", "self", &run]).output().unwrap());
    assert_eq!(code, Some(0), "a recorded run is a cassette like any other: {out}");

    // Once more: a recording is never overwritten unasked, and a bad till is named by its rule.
    let refused = tilltape(&["replay", "terminal", SALE, "--record", &run]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let cassette = "cassettes/bluechip-tsi/till-closes-owing.cassette.jsonl";
    let replay = Replay::terminal(cassette, &["--check", "--record", &run, "--force"]);
    till(replay.url(), &["--habit", "closes-owing"]);
    let (text, code) = replay.end();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.starts_with("COMPLETE") && text.contains("NON-CONFORMANT: the POS"), "{text}");
    assert!(text.contains("ACK-1  the POS acknowledges every event"), "{text}");
}

/// Every verb through the command line: the till meets it, and the verdict says which fault struck what.
#[test]
fn every_fault_strikes_from_the_command_line_and_they_combine() {
    for (faults, sent) in [
        (&["drop event#1"][..], 1),
        (&["delay response 150ms"], 2),
        (&["duplicate event"], 2),
        (&["corrupt event"], 2),
        (&["cut before ack"], 2),
        (&["cut after response"], 1),
        (&["half-open after response"], 1),
        (&["swallow ack"], 2),
        (&["restart after request"], 0),
        (&["delay response 50ms", "duplicate response", "corrupt event"], 2),
    ] {
        let mut arguments = vec!["--unknown", "ignore", "--patience", "3s", "--format", "json"];
        faults.iter().for_each(|fault| arguments.extend(["--fault", fault]));
        let replay = Replay::terminal(SALE, &arguments);
        till(replay.url(), &["--amount", "4561"]);
        let (verdict, code) = replay.end();
        let verdict: Value = serde_json::from_str(&verdict).unwrap();
        valid(&verdict);
        assert_eq!(
            (verdict["verdict"].as_str(), code),
            (Some("complete"), Some(0)),
            "{faults:?} {verdict:#}"
        );
        let struck: Vec<_> = verdict["faults"].as_array().unwrap().iter().collect();
        assert!(struck.len() == faults.len(), "{faults:?} {verdict:#}");
        assert_eq!(verdict["messages"]["sent"], sent, "{faults:?} {verdict:#}");
    }
}

#[test]
fn what_the_cassette_makes_us_break_is_not_held_against_the_peer() {
    let cassette = "cassettes/bluechip-tsi/terminal-no-error-details.cassette.jsonl";
    let replay = Replay::terminal(cassette, &["--check"]);
    till(replay.url(), &["--amount", "1277"]);
    let (text, code) = replay.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("checked   CONFORMANT: the POS"), "{text}");
}

#[test]
fn card_data_that_a_peer_sends_lands_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.cassette.jsonl");
    let odd = folder.path().join("odd.cassette.jsonl");
    let pan = "4111111111111111";
    fs::write(
        &odd,
        "{\"cassette\":1}\n{\"t_us\":0,\"conn\":1,\"event\":\"open\",\"client\":\"pos\",\"request\":{\"target\":\"/x\"},\"response\":{\"status\":101}}\n\
         {\"t_us\":1,\"conn\":1,\"from\":\"pos\",\"event\":\"text\",\"json\":{\"pan\":\"5555555555554444\"}}\n",
    )
    .unwrap();
    let replay = Replay::terminal(&odd.display().to_string(), &["--record", &run.display().to_string()]);
    let url = replay.url().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use futures_util::SinkExt as _;
        let socket = tokio::net::TcpStream::connect(url.trim_start_matches("ws://")).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(format!("{url}/x"), socket).await.unwrap();
        let text = format!("{{\"pan\":\"{pan}\"}}");
        socket.send(tokio_tungstenite::tungstenite::Message::text(text)).await.unwrap();
        let _ = socket.close(None).await;
    });
    let (text, code) = replay.end();
    assert_eq!(code, Some(1));
    assert!(!text.contains(pan) && text.contains("/pan"), "{text}");
    let recorded = fs::read_to_string(run).unwrap();
    assert!(!recorded.contains(pan) && recorded.contains("\"was\":\"card-number\""), "{recorded}");
}

#[test]
fn the_pos_drives_a_terminal_with_fresh_ids_and_judges_it() {
    let folder = tempfile::tempdir().unwrap();
    let port_file = folder.path().join("port");
    let mut terminal =
        tilltape(&["simulate", "terminal", "--listen", "127.0.0.1:0", "--pace", "instant", "--port-file"])
            .arg(&port_file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
    let port = wait_for(&port_file);
    let url = format!("ws://127.0.0.1:{}", port.trim());
    let play = |cassette: &str, more: &[&str]| {
        let cassette = format!("cassettes/bluechip-tsi/{cassette}.cassette.jsonl");
        let mut command = tilltape(&["replay", "pos", &cassette, "--to", &url, "--pace", "instant"]);
        said(command.args(more).output().unwrap())
    };
    let (code, text, err) = play("sale-approved", &["--check"]);
    assert_eq!(code, Some(0), "{text}{err}");
    assert!(text.starts_with("COMPLETE  the terminal did what the cassette has"), "{text}");
    assert!(text.contains("CONFORMANT: the terminal"), "{text}");
    // The reference that this terminal gave is voided, not the one of the cassette.
    let (code, text, _) = play("void-known-and-unknown", &[]);
    assert_eq!(code, Some(0), "{text}");
    // The same again with another pack of ids, where the terminal does otherwise.
    let (code, text, _) = play("sale-approved", &["--format", "json"]);
    let verdict: Value = serde_json::from_str(&text).unwrap();
    valid(&verdict);
    assert_eq!((code, verdict["verdict"].as_str()), (Some(0), Some("complete")));
    let _ = terminal.kill();
    let _ = terminal.wait();
    let (code, _, err) = play("sale-approved", &[]);
    assert_eq!(code, Some(4));
    assert!(err.contains("cannot reach `ws://127.0.0.1:"), "{err}");
}

#[test]
fn ci_dials_nothing_but_this_machine_unless_told_to() {
    let play = |to: &str, more: &[&str]| {
        let mut command = tilltape(&["replay", "pos", SALE, "--to", to, "--handshake-timeout", "200ms"]);
        said(command.args(more).env("CI", "true").output().unwrap())
    };
    // An address of the range set aside for documentation: nobody is there.
    let (code, _, err) = play("ws://192.0.2.1:50000", &[]);
    assert_eq!(code, Some(2), "{err}");
    assert!(
        err.contains("`CI` is set: ws://192.0.2.1:50000 is not dialled") && err.contains("--live"),
        "{err}"
    );
    let (code, _, err) = play("ws://192.0.2.1:50000", &["--live"]);
    assert_eq!(code, Some(4), "{err}");
    let (code, _, err) = play("ws://127.0.0.1:9", &[]);
    assert_eq!(code, Some(4), "{err}");
    // The same for a terminal that dials.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dials.cassette.jsonl");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(SALE)).unwrap();
    fs::write(&path, text.replacen("\"client\":\"pos\"", "\"client\":\"terminal\"", 1)).unwrap();
    let path = path.display().to_string();
    let mut command = tilltape(&["replay", "terminal", &path, "--to", "ws://192.0.2.1:50000"]);
    let (code, _, err) = said(command.env("CI", "true").output().unwrap());
    assert!(code == Some(2) && err.contains("`CI` is set: ws://192.0.2.1:50000 is not dialled"), "{err}");
}

#[test]
fn a_cassette_that_has_expired_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.cassette.jsonl");
    let with = |label: &str| {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(SALE)).unwrap();
        fs::write(&path, text.replacen("\"labels\":{", &format!("\"labels\":{{\"expires\":\"{label}\","), 1))
            .unwrap();
        let path = path.display().to_string();
        said(tilltape(&["replay", "terminal", &path, "--patience", "100ms"]).output().unwrap())
    };
    let (code, out, err) = with("2020-12-31");
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("the cassette expired on 2020-12-31") && err.contains("record it anew"), "{err}");
    assert_eq!(with("2999-12-31").0, Some(3), "nobody comes, but it may be played");
    assert_eq!(with("next year").0, Some(2));
}

#[test]
fn runs_follow_each_other_until_one_fails() {
    let replay = Replay::terminal(SALE, &["--times", "3", "--format", "json"]);
    till(replay.url(), &["--amount", "4561"]);
    till(replay.url(), &["--amount", "4562"]);
    let (verdict, code) = replay.end();
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    valid(&verdict);
    assert_eq!(
        (code, verdict["run"]["number"].as_u64(), verdict["run"]["of"].as_u64()),
        (Some(1), Some(2), Some(3))
    );
}

#[test]
fn step_by_step_every_message_waits_for_enter() {
    let mut replay = Replay::terminal(SALE, &["--step", "--patience", "5s"]);
    let url = replay.url().to_owned();
    let visit = std::thread::spawn(move || till(&url, &["--amount", "4561"]));
    let mut talk = BufReader::new(replay.child.stderr.take().unwrap()).lines();
    let mut stdin = replay.child.stdin.take().unwrap();
    for kind in ["response `started`", "unapproved result"] {
        let next = talk.next().unwrap().unwrap();
        assert!(next.starts_with("next    #") && next.contains(kind), "{next}");
        assert_eq!(talk.next().unwrap().unwrap(), "        Enter sends it");
        stdin.write_all(b"\n").unwrap();
    }
    assert_eq!(replay.end().1, Some(0));
    visit.join().unwrap();
}

#[test]
fn two_processes_do_not_disturb_each_other() {
    let replays: Vec<Replay> = (0..4).map(|_| Replay::terminal(SALE, &["--format", "json"])).collect();
    let ports: std::collections::BTreeSet<u64> =
        replays.iter().map(|r| r.ready["port"].as_u64().unwrap()).collect();
    assert_eq!(ports.len(), 4);
    let visits: Vec<_> = replays
        .iter()
        .map(|replay| replay.url().to_owned())
        .map(|url| std::thread::spawn(move || till(&url, &["--amount", "4561"])))
        .collect();
    visits.into_iter().for_each(|visit| visit.join().unwrap());
    let verdicts: Vec<_> = replays.into_iter().map(Replay::end).collect();
    assert!(
        verdicts.iter().all(|(verdict, code)| *verdict == verdicts[0].0 && *code == Some(0)),
        "{verdicts:#?}"
    );
}

#[test]
fn usage_is_answered_with_what_is_missing() {
    for (arguments, said_of_it) in [
        (&["replay", "pos", SALE][..], "expected `--to URL`"),
        (&["replay", "terminal", SALE, "--to", "ws://127.0.0.1:1"], "there is nothing to dial for us"),
        (&["replay", "terminal", "cassettes"], "expected one cassette, got the folder"),
        (&["replay", "terminal", "none.cassette.jsonl"], "no such file"),
        (&["replay", "terminal", SALE, "--pack", "bluchip-tsi"], "did you mean `bluechip-tsi`?"),
        (&["replay", "terminal", SALE, "--pack", "none", "--check"], "expected a pack to judge by"),
        (&["replay", "terminal", SALE, "--ignore", "a/b"], "expected a JSON Pointer"),
        (&["replay", "terminal", SALE, "--pace", "fast"], "expected `recorded`, `instant`, or a factor"),
        (&["replay", "terminal", SALE, "--fault", "drop evnt"], "did you mean `event`?"),
    ] {
        let (code, out, err) = said(tilltape(arguments).output().unwrap());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?} {err}");
        assert!(err.contains(said_of_it), "{arguments:?}: {err}");
    }
}

pub(super) fn wait_for(path: &Path) -> String {
    for _ in 0..500 {
        if let Ok(text) = fs::read_to_string(path) {
            return text;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} never appears", path.display());
}
