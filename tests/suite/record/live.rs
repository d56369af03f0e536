//! `record --check`: what is said while recording, what the end says, and that a later check says the same.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::{Resource, Rlimit, prlimit};
use tokio::net::TcpStream;

use super::losing::start_with_room;
use super::peers::{self, frame, listen, masked, open, read, send};
use super::recording::{Recording, Result, of_kind, program};

const CHECK: [&str; 3] = ["--check", "--pack", "bluechip-tsi"];

fn request(flow: &str) -> String {
    format!(r#"{{"request":{{"flow_id":"{flow}","resource":{{"type":"sale","amount":2350}}}}}}"#)
}

fn started(flow: &str) -> String {
    format!(r#"{{"response":{{"flow_id":"{flow}","resource":{{"status":"started"}}}}}}"#)
}

fn event(flow: &str) -> String {
    format!(
        r#"{{"event":{{"flow_id":"{flow}","resource":{{"status":"completed","results":[{{"type":"sale","status":"approved","transaction_amount":"2350","authorization_no":"04417Z"}}]}}}}}}"#
    )
}

fn ack(flow: &str) -> String {
    format!(r#"{{"event_ack":{{"flow_id":"{flow}","resource":{{"status":"ok"}}}}}}"#)
}

/// A till and a terminal with the recorder between them.
struct Pair {
    till: TcpStream,
    terminal: TcpStream,
}

impl Pair {
    async fn open(proxy: SocketAddr, listener: &tokio::net::TcpListener) -> Self {
        let (till, terminal) = open(proxy, listener).await;
        till.set_nodelay(true).unwrap();
        terminal.set_nodelay(true).unwrap();
        Self { till, terminal }
    }

    async fn till_says(&mut self, text: &str) {
        let bytes = masked(0x81, text.as_bytes());
        send(&mut self.till, &bytes).await;
        assert!(read(&mut self.terminal, bytes.len()).await == bytes);
    }

    async fn terminal_says(&mut self, text: &str) {
        let bytes = frame(0x81, text.as_bytes());
        send(&mut self.terminal, &bytes).await;
        assert!(read(&mut self.till, bytes.len()).await == bytes);
    }

    /// One sale in which everybody does what he has to.
    async fn sell(&mut self, flow: &str) {
        self.till_says(&request(flow)).await;
        self.terminal_says(&started(flow)).await;
        self.terminal_says(&event(flow)).await;
        self.till_says(&ack(flow)).await;
    }

    async fn close(mut self) {
        self.till_says_close().await;
        let bytes = frame(0x88, &1000_u16.to_be_bytes());
        send(&mut self.terminal, &bytes).await;
        assert!(read(&mut self.till, bytes.len()).await == bytes);
    }

    async fn till_says_close(&mut self) {
        let bytes = masked(0x88, &1000_u16.to_be_bytes());
        send(&mut self.till, &bytes).await;
        assert!(read(&mut self.terminal, bytes.len()).await == bytes);
    }
}

/// What `check` says of a finished recording.
fn later(cassettes: &Path, arguments: &[&str]) -> Output {
    program().arg("check").arg(cassettes).args(arguments).output().unwrap()
}

/// The report at the end of the recording is, to the byte, that of a later check; so is the exit code, but
/// where the recording itself is in trouble.
#[track_caller]
fn same_as_later(result: &Result, cassettes: &Path, arguments: &[&str]) -> String {
    let later = later(cassettes, arguments);
    let report = String::from_utf8(later.stdout).unwrap();
    let Some((_, live)) = result.stdout.split_once("\n\n") else { panic!("no report: {}", result.stdout) };
    assert_eq!(live, report);
    if result.status.code() != Some(4) {
        assert_eq!(result.status.code(), later.status.code());
    }
    report
}

fn findings(result: &Result) -> Vec<&str> {
    result.stderr.lines().filter(|line| line.starts_with("finding   ")).collect()
}

#[test]
fn a_late_answer_is_said_at_its_deadline_and_not_when_it_comes() {
    peers::run(async {
        let (listener, address) = listen().await;
        let arguments = [&CHECK[..], &["--param", "response_ms=200"]].concat();
        let recording = Recording::of(address, &arguments);
        let mut pair = Pair::open(recording.address, &listener).await;
        pair.till_says(&request("7")).await;
        // Nothing more comes before it was said: the deadline alone is what makes it certain.
        let said = recording.wait_for("RESP-2");
        assert!(said.contains("finding   RESP-2, an observed SHOULD: the terminal did not answer the request of flow 7 in time; expected a response within 200 ms, got none in 200 ms (#2, connection 1)"), "{said}");
        pair.terminal_says(&started("7")).await;
        pair.terminal_says(&event("7")).await;
        pair.till_says(&ack("7")).await;
        pair.close().await;
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(0), "{}{}", result.stdout, result.stderr);
        assert_eq!(findings(&result).len(), 1, "it is said once: {}", result.stderr);
        let report = same_as_later(&result, &result.out, &["--param", "response_ms=200"]);
        assert!(report.contains("CONFORMANT") && report.contains("late"), "{report}");
    });
}

#[test]
fn a_broken_rule_is_said_at_once_and_the_end_has_the_verdict_as_exit_code() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &CHECK);
        let mut good = Pair::open(recording.address, &listener).await;
        good.sell("1").await;
        good.close().await;
        let mut bad = Pair::open(recording.address, &listener).await;
        bad.sell("2").await;
        bad.till_says(&request("2")).await;
        recording.wait_for(
            "finding   FLOW-1, a documented MUST: the POS used the flow_id `2` again, for a sale request",
        );
        bad.sell("3").await;
        drop(bad);
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(1), "{}{}", result.stdout, result.stderr);
        let report = same_as_later(&result, &result.out, &[]);
        assert!(report.starts_with("NON-CONFORMANT  the POS broke FLOW-1"), "{report}");
    });
}

#[test]
fn a_recording_that_ends_too_early_is_undecided_there_and_then() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &CHECK);
        let mut pair = Pair::open(recording.address, &listener).await;
        pair.till_says(&request("1")).await;
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(3), "{}{}", result.stdout, result.stderr);
        assert_eq!(findings(&result), Vec::<&str>::new());
        assert!(same_as_later(&result, &result.out, &[]).starts_with("UNDECIDED"));
    });
}

#[test]
fn masked_values_and_garbage_and_lost_links_are_judged_as_later() {
    const CARD: &str = "4111111111111111";
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &CHECK);
        let mut pair = Pair::open(recording.address, &listener).await;
        // A card number for a flow key: the finding names the flow, and must not name the card.
        pair.sell(CARD).await;
        pair.till_says(&request(CARD)).await;
        pair.terminal_says(&format!("no JSON with {CARD} in it")).await;
        pair.till_says(&format!(r#"{{"strange":"{CARD}"}}"#)).await;
        drop(pair);
        let mut other = Pair::open(recording.address, &listener).await;
        other.till_says(&request("9")).await;
        send(&mut other.terminal, &[0x83, 0x00]).await;
        read(&mut other.till, 2).await;
        drop(other);
        recording.events_when(|events| of_kind(events, "drop").len() == 2);
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(1), "{}{}", result.stdout, result.stderr);
        let said = findings(&result).join("\n");
        for rule in ["CARD-1", "FLOW-1", "JSON-1", "WS-4"] {
            assert!(said.contains(rule), "{rule}: {}", result.stderr);
        }
        assert!(!result.stderr.contains(CARD) && !result.stdout.contains(CARD), "{}", result.stderr);
        same_as_later(&result, &result.out, &[]);
    });
}

#[test]
fn an_answer_that_may_have_been_lost_is_not_missed_while_recording_either() {
    peers::run(async {
        let (listener, address) = listen().await;
        let arguments = [&CHECK[..], &["--param", "response_ms=1000", "--buffer", "256KiB"]].concat();
        let recording = start_with_room(200 << 10, address, &arguments);
        let mut pair = Pair::open(recording.address, &listener).await;
        pair.till_says(&request("7")).await;
        recording.events_when(|events| events.len() == 2);
        let filling = format!("{{\"filling\":\"{}\"}}", "x".repeat(10_000));
        let mut noise = Pair::open(recording.address, &listener).await;
        for _ in 0..60 {
            noise.till_says(&filling).await;
        }
        recording.wait_for("LOSING MESSAGES");
        pair.terminal_says(&started("7")).await;
        // Long after the deadline there is room again, and the recorder owns up to what it lost.
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        prlimit(Some(recording.pid()), Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
        recording.wait_for("can be written again");
        noise.till_says(&filling).await;
        recording.events_when(|events| !of_kind(events, "gap").is_empty());
        let result = recording.stop();
        assert_eq!(
            result.status.code(),
            Some(4),
            "the recording comes before the verdict: {}",
            result.stderr
        );
        assert!(!findings(&result).iter().any(|line| line.contains("RESP-")), "{}", result.stderr);
        let report = same_as_later(&result, &result.out, &["--param", "response_ms=1000"]);
        assert!(report.contains("the recorder lost messages at that time"), "{report}");
    });
}

#[test]
fn a_cassette_for_each_connection_is_judged_while_it_grows_and_all_of_them_at_the_end() {
    peers::run(async {
        let (listener, address) = listen().await;
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("cassettes");
        let arguments = [&CHECK[..], &["--split", "--param", "response_ms=200"]].concat();
        let recording =
            Recording::start_with(program(), folder, out.clone(), &format!("ws://{address}"), &arguments);
        let mut first = Pair::open(recording.address, &listener).await;
        let mut second = Pair::open(recording.address, &listener).await;
        second.sell("1").await;
        first.till_says(&request("2")).await;
        recording.wait_for("-0001.cassette.jsonl)");
        second.till_says(&request("1")).await;
        recording.wait_for("finding   FLOW-1");
        second.terminal_says(&started("1")).await;
        drop(second);
        let mut third = Pair::open(recording.address, &listener).await;
        third.sell("1").await;
        third.close().await;
        first.terminal_says(&started("2")).await;
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(1), "{}{}", result.stdout, result.stderr);
        let report = same_as_later(&result, &out, &["--param", "response_ms=200"]);
        assert!(report.contains("3 RECORDINGS"), "{report}");
        assert_eq!(findings(&result).len(), 2, "{}", result.stderr);
    });
}

#[test]
fn a_check_that_lags_catches_up_and_nothing_is_lost() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &CHECK);
        let mut pair = Pair::open(recording.address, &listener).await;
        for flow in 0..500 {
            pair.sell(&flow.to_string()).await;
        }
        pair.close().await;
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(0), "{}{}", result.stdout, result.stderr);
        assert!(same_as_later(&result, &result.out, &[]).contains("2,000 messages"), "{}", result.stdout);
    });
}

#[test]
fn a_rule_that_is_broken_with_every_message_does_not_drown_the_others() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &CHECK);
        let mut pair = Pair::open(recording.address, &listener).await;
        for _ in 0..150 {
            pair.till_says("no JSON").await;
        }
        recording.wait_for("finding   JSON-1: so much of it was said; more is only counted");
        pair.sell("1").await;
        pair.till_says(&request("1")).await;
        recording.wait_for("finding   FLOW-1");
        let result = recording.stop();
        let said = findings(&result).iter().filter(|line| line.contains("JSON-1,")).count();
        assert_eq!(said, 100, "{}", result.stderr);
        assert!(same_as_later(&result, &result.out, &[]).contains("150 of 15"), "{}", result.stdout);
    });
}

#[test]
fn what_cannot_be_judged_while_recording_is_refused_before_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let record = |arguments: &[&str]| {
        let mut command = program();
        let command = command.args(["record", "--upstream", "ws://127.0.0.1:1", "--out"]).arg(&pipe);
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(record(&CHECK).contains("cannot be read back: record to a file"));
    assert!(record(&["--check"]).contains("--pack"));
    assert!(record(&["--pack", "bluechip-tsi", "--param", "ack_ms=1"]).contains("--check"));
    let misspelt = record(&["--check", "--pack", "bluechip-tsi", "--param", "ack_sm=1"]);
    assert!(misspelt.contains("did you mean `ack_ms`?"), "{misspelt}");
}
