//! Replay against WebSocket implementations that are not ours: tills and terminals in Node.js and Python.
//!
//! A peer that is not installed is skipped by name; how to install one stands in `CONTRIBUTING.md`.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use rstest::rstest;

use super::command::Replay;
use super::{said, tilltape};
use crate::peers::Peer;

const SALE: &str = "cassettes/bluechip-tsi/sale-declined.cassette.jsonl";

#[rstest]
#[case::node(Peer::Node)]
#[case::python(Peer::Python)]
fn a_till_of_another_implementation_is_served(#[case] peer: Peer) {
    if is_missing(peer) {
        return;
    }
    for (amount, green) in [("4561", true), ("4562", false)] {
        let replay = Replay::terminal(SALE, &["--check"]);
        let (code, receipt, err) = said(peer.command("till").args([replay.url(), amount]).output().unwrap());
        let (text, exit) = replay.end();
        if green {
            let expected = r#"{"status":"decline_by_host_or_card","amount":"4561"}"#;
            assert_eq!((code, receipt.trim_end(), exit), (Some(0), expected, Some(0)), "{err}{text}");
        } else {
            assert_eq!(exit, Some(1), "{text}");
            assert!(text.contains("/request/resource/amount  expected 4561, got 4562"), "{text}");
        }
    }
}

#[rstest]
#[case::node(Peer::Node)]
#[case::python(Peer::Python)]
fn a_terminal_of_another_implementation_is_driven(#[case] peer: Peer) {
    if is_missing(peer) {
        return;
    }
    let mut terminal = peer.command("terminal").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(terminal.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = format!("ws://127.0.0.1:{}", line.trim_start_matches("port ").trim());
    let play = |cassette: &str| {
        let cassette = format!("cassettes/bluechip-tsi/{cassette}.cassette.jsonl");
        said(
            tilltape(&["replay", "pos", &cassette, "--to", &url, "--pace", "instant", "--check"])
                .output()
                .unwrap(),
        )
    };
    let (code, text, err) = play("sale-declined");
    assert_eq!(code, Some(0), "{text}{err}");
    let (code, text, _) = play("sale-cancelled");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("expected \"cancelled_by_user\", got \"decline_by_host_or_card\""), "{text}");
    drop(terminal.stdin.take());
    terminal.wait().unwrap();
}

fn is_missing(peer: Peer) -> bool {
    let Err(reason) = peer.available() else { return false };
    // Past the test harness, which keeps the output of a test that passes to itself.
    let _ = writeln!(io::stderr(), "skipped: replay against {peer:?}: {reason}");
    true
}
