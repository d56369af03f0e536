//! A POS of its own as a process: a small one in Python, good and bad, and whatever else a command line can be.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{SALE, cells, grid, matrix, said};

/// Times that suit the POS of the test, which waits three seconds for an answer.
const TIMES: [&str; 8] = ["--late", "5s", "--quiet", "10s", "--jobs", "8", "--cell-time", "60s"];

/// Whether there is a Python; where not, says what is left out.
fn python() -> bool {
    let there = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        // Past the test harness, which keeps the output of a test that passes to itself.
        let _ = writeln!(io::stderr(), "skipped: matrix against a POS in Python: no python3");
    }
    there
}

fn pos(mode: &str, folder: &Path) -> String {
    format!("exec python3 tests/suite/matrix/pos.py {mode} '{}'", folder.display())
}

/// What becomes of a POS in some cells.
fn tried(mode: &str, names: &[&str]) -> (Value, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let pos = pos(mode, folder.path());
    let mut arguments = vec![SALE, "--pos", &pos];
    arguments.extend(TIMES);
    arguments.extend(names.iter().flat_map(|name| ["--cell", name]));
    grid(&arguments)
}

#[test]
fn a_good_pos_in_python_is_safe_in_every_break() {
    if !python() {
        return;
    }
    let (grid, code) = tried("good", &[]);
    assert_eq!((grid["verdict"].as_str(), code), (Some("safe"), Some(0)), "{grid:#}");
    assert_eq!(cells(&grid, "ok").len(), 24, "{grid:#}");
}

#[test]
fn a_pos_in_python_that_retries_blindly_charges_twice() {
    if !python() {
        return;
    }
    let names = ["cut-before-2", "cut-after-3", "half-open-after-3", "pos-restart-after-4", "twice-4"];
    let (grid, code) = tried("blind", &names);
    assert_eq!((grid["verdict"].as_str(), code), (Some("unsafe"), Some(1)), "{grid:#}");
    assert_eq!(cells(&grid, "charged-twice"), ["cut-after-3", "half-open-after-3", "pos-restart-after-4"]);
    assert_eq!(cells(&grid, "ok"), ["cut-before-2", "twice-4"]);
}

#[test]
fn a_pos_that_crashes_fails_with_its_last_words_masked() {
    if !python() {
        return;
    }
    let (grid, code) = tried("crash", &["cut-after-3"]);
    assert_eq!((cells(&grid, "pos-failed"), code), (vec!["cut-after-3"], Some(1)), "{grid:#}");
    let text = grid["cells"][0]["text"].as_str().unwrap();
    assert!(text.contains("ended with exit code 1: the printer is out of paper"), "{text}");
    assert!(!text.contains("4111111111111111"), "{text}");
}

#[test]
fn a_pos_that_hangs_never_comes_to_the_message_and_the_cell_ends() {
    if !python() {
        return;
    }
    let (grid, code) = tried("hang", &["cut-after-3"]);
    assert_eq!((cells(&grid, "not-reached"), code), (vec!["cut-after-3"], Some(3)), "{grid:#}");
}

#[test]
fn a_pos_that_floods_is_stopped() {
    if !python() {
        return;
    }
    let (grid, code) = tried("flood", &["cut-after-3"]);
    let cell = &grid["cells"][0];
    assert_eq!(
        (cell["pos_ended"].as_str(), cell["bad"].as_bool(), code),
        (Some("flooded"), Some(true), Some(1))
    );
}

#[cfg(unix)]
#[test]
fn a_command_that_is_none_is_not_tried_and_says_why() {
    for (pos, why) in [
        ("no-such-pos-here", "exit code 127, which a shell gives for a command it cannot find"),
        ("true", "the POS ended after 0 of 1 requests for money"),
        ("echo broken >&2; exit 7", "exit code 7: broken"),
    ] {
        let (grid, code) = grid(&[SALE, "--pos", pos, "--quiet", "2s"]);
        assert_eq!((grid["verdict"].as_str(), code), (Some("not-tried"), Some(1)), "{grid:#}");
        assert!(grid["not_tried"].as_str().unwrap().contains(why), "{grid:#}");
    }
}

/// The virtual till of the tool as a process: it has another idea of what is sold than the cassette.
#[cfg(unix)]
#[test]
fn a_pos_that_does_not_do_what_the_cassette_has_is_told_where_it_differs() {
    let till = format!(
        "{} simulate pos --pace instant --patience 1s --amount 4561 --to \"$TILLTAPE_URL\"",
        env!("CARGO_BIN_EXE_tilltape")
    );
    let (grid, code) = grid(&[SALE, "--pos", &till, "--quiet", "4s"]);
    assert_eq!((grid["verdict"].as_str(), code), (Some("not-tried"), Some(1)), "{grid:#}");
    let why = grid["not_tried"].as_str().unwrap();
    assert!(why.contains("`--ignore /request/resource/"), "{why}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_with_what_was_done() {
    let mut running = matrix(&[SALE, "--pos", "sleep 600", "--quiet", "300s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let asked = Instant::now();
    let id = running.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    while running.try_wait().unwrap().is_none() {
        assert!(asked.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, out, error) = said(running.wait_with_output().unwrap());
    assert_eq!(code, Some(3), "{out}{error}");
    assert!(out.contains("it was stopped"), "{out}");
}
