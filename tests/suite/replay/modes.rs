//! Record modes: what the live terminal answers, what becomes a cassette of it, and that nothing is recorded
//! where that is not wished.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tempfile::TempDir;
use tilltape::cassette::{Extension, Reader};
use tilltape::conversation::{EndReason, Party, Scan};
use tilltape::net::demo::{Entry, catalogue};
use tilltape::net::simulate::Protocol;
use tilltape::replay::{Outcome, Script, Settings, Unknown, Wishes, rehearse};

use super::command::{Replay, till, valid, wait_for};
use super::live::{as_terminal, before_that_of, curated, settings, visit_again};
use super::simulators::{pace_of, patience_of};
use super::{load, said, tilltape};

/// A cassette that may change, and the live terminal.
struct Bench {
    folder: TempDir,
    terminal: Child,
    url: String,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port_file = folder.path().join("port");
        let mut command = tilltape(&["simulate", "terminal", "--listen", "127.0.0.1:0", "--pace", "instant"]);
        let terminal = command.arg("--port-file").arg(&port_file).stderr(Stdio::null()).spawn().unwrap();
        let url = format!("ws://127.0.0.1:{}", wait_for(&port_file).trim());
        fs::remove_file(port_file).unwrap();
        Self { folder, terminal, url }
    }

    fn cassette(&self) -> PathBuf {
        self.folder.path().join("own.cassette.jsonl")
    }

    /// A copy of a curated cassette.
    fn with(self, name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let curated = root.join(format!("cassettes/bluechip-tsi/{name}.cassette.jsonl"));
        fs::copy(curated, self.cassette()).unwrap();
        self
    }

    fn text(&self) -> String {
        fs::read_to_string(self.cassette()).unwrap()
    }

    fn play(&self, mode: &str, more: &[&str]) -> Replay {
        let cassette = self.cassette().display().to_string();
        let mut arguments = vec!["--record-mode", mode, "--quiet", "300ms"];
        arguments.extend(more);
        for usual in [["--upstream", &self.url], ["--format", "json"], ["--patience-human", "3s"]] {
            if !more.contains(&usual[0]) {
                arguments.extend(usual);
            }
        }
        Replay::terminal(&cassette, &arguments)
    }

    /// Plays the cassette without the terminal.
    fn replay(&self) -> Replay {
        Replay::terminal(&self.cassette().display().to_string(), &["--format", "json"])
    }

    /// What is in the folder besides the cassette.
    fn left_behind(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "own.cassette.jsonl").collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.terminal.kill();
        let _ = self.terminal.wait();
    }
}

/// The verdict, which must be as the schema says, and the exit code.
#[track_caller]
fn ended(replay: Replay) -> (Value, Option<i32>) {
    let (verdict, code) = replay.end();
    let verdict: Value = serde_json::from_str(&verdict).unwrap_or_else(|_| panic!("{verdict}"));
    valid(&verdict);
    (verdict, code)
}

#[test]
fn once_records_the_first_time_and_replays_from_then_on() {
    let bench = Bench::new();
    let replay = bench.play("once", &["--pack", "bluechip-tsi", "--check"]);
    valid(&replay.ready);
    assert_eq!(replay.ready["live"], true);
    till(replay.url(), &["--amount", "4500"]);
    let (verdict, code) = ended(replay);
    assert_eq!((verdict["verdict"].as_str(), code), (Some("recorded"), Some(0)), "{verdict:#}");
    assert_eq!(verdict["conformance"]["verdict"], "CONFORMANT");
    assert_eq!(verdict["messages"]["sent"], 2);
    assert_eq!(bench.left_behind(), [""; 0]);
    let recorded = bench.text();

    // The terminal is not asked any more, and the same till is green.
    let replay = bench.play("once", &[]);
    assert_eq!(replay.ready["live"], false);
    till(replay.url(), &["--amount", "4500"]);
    let (verdict, code) = ended(replay);
    assert_eq!((verdict["verdict"].as_str(), code), (Some("complete"), Some(0)), "{verdict:#}");
    let replay = bench.play("once", &[]);
    till(replay.url(), &["--amount", "4600"]);
    assert_eq!(ended(replay).1, Some(1), "nothing new is recorded");
    assert_eq!(bench.text(), recorded);
}

#[test]
fn the_text_of_a_recording_says_what_became_of_it() {
    let bench = Bench::new();
    let replay = bench.play("once", &["--pack", "bluechip-tsi", "--format", "text"]);
    till(replay.url(), &["--amount", "4500"]);
    let (text, code) = replay.end();
    let cassette = bench.cassette().display().to_string();
    assert_eq!(code, Some(0));
    let expected = format!(
        "RECORDED  what the POS and the live device said is a cassette now\n          {cassette}\n          \
         2 messages of the POS, 2 of the terminal, 1 connection\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn all_records_anew_whatever_is_there() {
    let bench = Bench::new().with("sale-declined");
    let replay = bench.play("all", &["--pack", "bluechip-tsi"]);
    till(replay.url(), &["--amount", "4500"]);
    let (verdict, code) = ended(replay);
    assert_eq!((verdict["verdict"].as_str(), code), (Some("recorded"), Some(0)), "{verdict:#}");
    let replay = bench.replay();
    till(replay.url(), &["--amount", "4500"]);
    assert_eq!(ended(replay).1, Some(0));
}

#[test]
fn a_recording_that_nobody_comes_to_leaves_what_was_there() {
    let bench = Bench::new().with("sale-declined");
    let before = bench.text();
    let (verdict, code) = ended(bench.play("all", &["--patience-human", "300ms"]));
    assert_eq!((verdict["verdict"].as_str(), code), (Some("incomplete"), Some(3)), "{verdict:#}");
    assert_eq!((&verdict["incomplete"]["why"], &verdict["recorded"]), (&"nobody".into(), &Value::Null));
    assert_eq!(bench.text(), before);
    fs::remove_file(bench.cassette()).unwrap();
    let replay = bench.play("once", &["--patience-human", "300ms", "--format", "text"]);
    let (text, code) = replay.end();
    assert_eq!(code, Some(3));
    assert_eq!(text, "INCOMPLETE  the POS did not connect within 300ms: nothing was recorded\n");
    assert!(!bench.cassette().exists() && bench.left_behind().is_empty());
}

#[test]
fn new_episodes_asks_the_terminal_for_what_the_cassette_does_not_have() {
    let bench = Bench::new().with("sale-declined");
    let before = bench.text();
    let replay = bench.play("new_episodes", &[]);
    assert_eq!(replay.ready["live"], true);
    // The sale of the cassette, then a refund that it does not have.
    till(replay.url(), &["--amount", "4561"]);
    till(replay.url(), &["--scenario", "refund", "--amount", "1200"]);
    let (verdict, code) = ended(replay);
    assert_eq!((verdict["verdict"].as_str(), code), (Some("complete"), Some(0)), "{verdict:#}");
    assert_eq!(verdict["added"], serde_json::json!({"connections": 1, "messages": 4}), "{verdict:#}");
    assert_eq!(bench.left_behind(), [""; 0]);

    // What was there is there still, byte for byte, and the whole is a cassette like any other.
    let after = bench.text();
    let without_end = |text: &str| text.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
    assert!(after.starts_with(&without_end(&before)) && after.len() > before.len(), "{after}");
    let path = bench.cassette().display().to_string();
    let (code, out, err) = said(tilltape(&["check", "--replayable", &path]).output().unwrap());
    assert!(code == Some(0) && out.starts_with("CONFORMANT") && !out.contains("edited"), "{out}{err}");

    // From now on the terminal is not needed, in whatever order.
    for order in [["4561", "1200"], ["1200", "4561"]] {
        let replay = bench.play("new_episodes", &["--upstream", "ws://127.0.0.1:9"]);
        for amount in order {
            let scenario = if amount == "1200" { "refund" } else { "sale" };
            till(replay.url(), &["--scenario", scenario, "--amount", amount]);
        }
        let (verdict, code) = ended(replay);
        assert_eq!((verdict["verdict"].as_str(), code), (Some("complete"), Some(0)), "{verdict:#}");
        assert_eq!(verdict["added"], serde_json::json!({"connections": 0, "messages": 0}));
    }
    assert_eq!(bench.text(), after);
}

#[test]
fn a_new_flow_on_a_connection_of_the_cassette_goes_to_the_terminal_alone() {
    let bench = Bench::new().with("sale-declined");
    let replay = bench.play("new_episodes", &["--format", "text", "--ignore-close"]);
    till(replay.url(), &["--amount", "4561", "--times", "2"]);
    let (text, code) = replay.end();
    assert_eq!(code, Some(0), "{text}");
    let cassette = bench.cassette().display().to_string();
    let added = format!("added     4 messages on 1 connection, behind what was in {cassette} before\n");
    assert!(text.contains(&added), "{text}");
    assert!(
        text.contains("went to the live device: a sale request of the POS that the cassette does not have")
    );
    let replay = bench.replay();
    till(replay.url(), &["--amount", "4561", "--times", "2"]);
    let (verdict, code) = ended(replay);
    assert_eq!((verdict["verdict"].as_str(), code), (Some("complete"), Some(0)), "{verdict:#}");
}

#[test]
fn card_data_on_its_way_to_the_terminal_lands_nowhere() {
    let pan = "4111111111111111";
    let says = |url: &str| {
        let url = format!("{url}/tsi/v1/payment");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
            let ask = format!(
                "{{\"request\":{{\"flow_id\":\"918273\",\"resource\":{{\"type\":\"sale\",\"amount\":700,\"pan\":\"{pan}\"}}}}}}"
            );
            socket.send(tokio_tungstenite::tungstenite::Message::text(ask)).await.unwrap();
            socket.next().await.unwrap().unwrap();
            let _ = socket.close(None).await;
        });
    };
    for mode in ["new_episodes", "all"] {
        let bench = Bench::new().with("set-date-time");
        let replay = bench.play(mode, &["--patience", "300ms", "--patience-human", "500ms"]);
        says(replay.url());
        let (verdict, code) = replay.end();
        let expected = if mode == "all" { Some(0) } else { Some(3) };
        assert_eq!(code, expected, "what the cassette has never came; what was new is kept: {verdict}");
        let text = bench.text();
        assert!(text.contains("918273") && text.contains("\"was\":\"card-number\""), "{text}");
        assert!(!text.contains(pan) && !verdict.contains(pan), "{text}{verdict}");
    }
}

#[test]
fn what_goes_wrong_in_a_flow_of_the_cassette_stays_a_mismatch() {
    let bench = Bench::new().with("sale-declined");
    let before = bench.text();
    let replay = bench.play("new_episodes", &[]);
    till(replay.url(), &["--scenario", "refund", "--amount", "1200"]);
    till(replay.url(), &["--amount", "4561", "--habit", "closes-owing"]);
    let (verdict, code) = ended(replay);
    assert_eq!((verdict["verdict"].as_str(), code), (Some("mismatch"), Some(1)), "{verdict:#}");
    assert_eq!(bench.text(), before, "nothing of a red run is kept");
}

#[test]
fn ci_records_nothing_unless_told_to() {
    let bench = Bench::new();
    let path = bench.cassette().display().to_string();
    let play = |mode: &str, more: &[&str]| {
        let mut command = tilltape(&["replay", "terminal", &path, "--record-mode", mode]);
        command.args(["--upstream", &bench.url, "--pack", "bluechip-tsi", "--patience", "200ms"]);
        said(command.args(["--patience-human", "300ms"]).args(more).env("CI", "1").output().unwrap())
    };
    for mode in ["once", "all", "new_episodes"] {
        let (code, out, err) = play(mode, &[]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(err.contains(&format!("`CI` is set: --record-mode {mode} records nothing without --live")));
        assert!(err.contains("no such file"), "{err}");
    }
    // With the permission it listens, and nobody comes.
    let (code, out, err) = play("once", &["--live"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(out.contains("\"live\":true") && out.contains("nothing was recorded"), "{out}");
    // A cassette that is there is played, by all of them.
    let bench = bench.with("sale-declined");
    for mode in ["once", "all", "new_episodes"] {
        let mut command = tilltape(&["replay", "terminal", &path, "--record-mode", mode]);
        command.args(["--upstream", &bench.url, "--patience", "200ms"]).env("CI", "true");
        let (code, out, _) = said(command.output().unwrap());
        assert_eq!(code, Some(3));
        assert!(out.contains("\"live\":false"), "{out}");
    }
}

#[test]
fn a_terminal_that_cannot_be_reached_proves_nothing() {
    let bench = Bench::new().with("sale-declined");
    let before = bench.text();
    let replay = bench.play("new_episodes", &["--upstream", "ws://127.0.0.1:9"]);
    till(replay.url(), &["--scenario", "refund", "--amount", "1200"]);
    let (out, code) = replay.end();
    assert_eq!((out.as_str(), code), ("", Some(4)));
    assert_eq!(bench.text(), before);
}

#[test]
fn usage_of_record_modes_is_answered_with_what_is_missing() {
    let sale = "cassettes/bluechip-tsi/sale-declined.cassette.jsonl";
    let at = ["--upstream", "ws://127.0.0.1:9"];
    for (cassette, arguments, said_of_it) in [
        ("none.cassette.jsonl", &["--record-mode", "once"][..], "expected `--upstream URL`"),
        (sale, &at, "`--upstream` is of use only where something is recorded"),
        (sale, &["--record-mode", "all", at[0], "localhost"], "the scheme is missing"),
        (sale, &["--record-mode", "all", at[0], at[1], "--times", "2"], "`--times` cannot be had"),
        (sale, &["--record-mode", "new_episodes", at[0], at[1], "--unknown", "ignore"], "`--unknown` cannot"),
        ("-", &["--record-mode", "all", at[0], at[1]], "expected a file"),
        ("x.cassette.jsonl.zst", &["--record-mode", "all", at[0], at[1]], "recorded uncompressed"),
        ("none.cassette.jsonl", &["--record-mode", "all", at[0], at[1], "--check"], "expected a pack"),
        (sale, &["--record-mode", "sometimes"], "possible values: none, once, new_episodes, all"),
    ] {
        let (code, out, err) =
            said(tilltape(&["replay", "terminal", cassette]).args(arguments).output().unwrap());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?} {err}");
        assert!(err.contains(said_of_it), "{arguments:?}: {err}");
    }
}

#[test]
fn a_cassette_that_was_cut_is_not_added_to() {
    let bench = Bench::new().with("sale-declined");
    let text = bench.text();
    fs::write(bench.cassette(), text.trim_end().rsplit_once('\n').unwrap().0).unwrap();
    let path = bench.cassette().display().to_string();
    let mut command = tilltape(&["replay", "terminal", &path, "--record-mode", "new_episodes"]);
    let (code, out, err) = said(command.args(["--upstream", &bench.url]).output().unwrap());
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains("was cut and has no `end`"), "{err}");
}

/// The day of every curated recording that does not wait out a window becomes part of another cassette, and is replayed from there.
#[test]
fn new_episodes_of_every_curated_recording_are_replayed() {
    let mut failed = Vec::new();
    for protocol in [Protocol::Tsi, Protocol::Gochip] {
        let (base, pack) = match protocol {
            Protocol::Tsi => ("set-date-time", "bluechip-tsi"),
            Protocol::Gochip => ("cancel-nothing", "gochip"),
        };
        let all = catalogue(protocol);
        let base = all.iter().find(|entry| entry.name == base).unwrap();
        let quick = |own: &&Entry| own.name != base.name && patience_of(own.name) < Duration::from_secs(5);
        let others: Vec<&Entry> = all.iter().filter(quick).collect();
        // More of them at once would make each other late.
        for some in others.chunks(8) {
            thread::scope(|scope| {
                let grow = |own| move || grows_by(base, own, pack, protocol);
                let grown: Vec<_> = some.iter().map(|own| (own.name, scope.spawn(grow(own)))).collect();
                for (name, grown) in grown {
                    failed.extend(grown.join().unwrap().err().map(|why| format!("{pack} {name}: {why}")));
                }
            });
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Adds the visits of `own` to the cassette of `base`, and replays both from there.
fn grows_by(base: &Entry, own: &Entry, pack: &str, protocol: Protocol) -> Result<(), String> {
    let script = curated(base);
    let path = format!("cassettes/{pack}/{}.cassette.jsonl", base.name);
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let pace = pace_of(protocol);
    let patience = Duration::from_secs(3);
    let usual = Settings { pace, patience, ..settings(Party::Terminal) };
    let visits = |address: String| async move {
        visit_again(base, &address, patience_of(base.name)).await;
        visit_again(own, &address, patience_of(own.name)).await;
    };
    let unknown = Unknown::Forward(Duration::from_millis(600));
    let seen = before_that_of(&script, Settings { unknown, ..usual.clone() }, own, visits);
    if seen.verdict.outcome != Outcome::Complete {
        return Err(format!("first {}", seen.verdict.text()));
    }
    let mut grown = Extension::of(bytes, base.name).unwrap().unwrap();
    seen.episodes.iter().for_each(|event| grown.add(&event.view()));
    let grown = grown.finish(EndReason::Finished, Scan { clear: 0 });
    let cassette = Reader::open(grown.as_slice(), "grown").unwrap();
    let grown = Script::read(cassette, "grown", Some(load(pack)), &Wishes::default()).unwrap();
    let grown = Arc::new(grown);
    rehearse(&grown, |_| {}).map_err(|error| format!("self {error}"))?;
    let again = as_terminal(&grown, usual, 1, visits);
    match again.verdict.outcome {
        Outcome::Complete => Ok(()),
        _ => Err(format!("then {}", again.verdict.text())),
    }
}
