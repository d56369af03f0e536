//! `tilltape show`, as a person runs it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tilltape::conversation::transcript;

const SAMPLE: &str = "tests/formats/cassette-1-every-event.cassette.jsonl";

#[test]
fn a_cassette_is_shown_as_a_transcript() {
    insta::assert_snapshot!(stdout(&show(&[SAMPLE])));
}

#[test]
fn what_is_shown_reads_back() {
    for extra in [&[][..], &["--no-alias"], &["--exact"]] {
        let shown = stdout(&show(&[&[SAMPLE], extra].concat()));
        assert_eq!(transcript::parse(&shown).unwrap().len(), 22, "{extra:?}");
    }
}

#[test]
fn the_exact_form_loses_nothing() {
    let file = fs::read_to_string(root().join(SAMPLE)).unwrap();
    let shown = stdout(&show(&[SAMPLE, "--exact"]));
    let mut lines = Vec::new();
    for event in transcript::parse(&shown).unwrap() {
        tilltape::cassette::encode(&event, &mut lines);
    }
    assert_eq!(String::from_utf8(lines).unwrap(), file.split_once('\n').unwrap().1);
}

#[test]
fn raw_prints_the_messages_alone() {
    let output = show(&[SAMPLE, "--raw"]);
    insta::assert_snapshot!(stdout(&output));
    insta::assert_snapshot!(stderr(&output), @"note: 2 messages were too large to be kept; `show` without `--raw` has their sizes");
}

#[test]
fn a_flow_is_shown_with_how_its_connection_ended() {
    let shown = stdout(&show(&[SAMPLE, "--flow", "804213"]));
    let events: Vec<_> = shown.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(events[0].starts_with("pos ") && events[0].contains("\"sale\""), "{shown}");
    assert_eq!(events.iter().filter(|line| line.starts_with("close")).count(), 2, "{shown}");
    assert!(!shown.contains("[6] drop"), "{shown}");

    let output = show(&[SAMPLE, "--flow", "80421"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&output));
}

#[test]
fn a_cut_or_edited_file_says_so_in_its_last_line() {
    let text = fs::read_to_string(root().join(SAMPLE)).unwrap();
    let last_line = |text: &str| stdout(&show_piped(&[], text.as_bytes())).lines().last().unwrap().to_owned();
    insta::assert_snapshot!(last_line(&text[..text.len() - 10]), @"# cut after event #21: 145 bytes of a line that was never finished hang over");
    let whole_events = text.rfind("{\"n\":22").unwrap();
    insta::assert_snapshot!(last_line(&text[..whole_events]), @"# cut after event #21: there is no end line; the recorder was stopped by force");
    insta::assert_snapshot!(last_line(&text.replacen("2350", "2351", 1)), @"# edited after recording: the sha256 of its end line is missing or does not fit");
}

#[test]
fn what_cannot_be_shown_says_why_and_what_next() {
    let output = show(&["no-such-file"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot open no-such-file"), "{}", stderr(&output));
    let output = show_piped(&[], b"{\"cassette\":1}\n{\"n\":1,\"t_us\":0,\"conn\":1,\"event\":\"opne\"}\n");
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&output));
}

#[test]
fn what_a_cassette_holds_in_clear_is_masked_on_its_way_out() {
    let file = "{\"cassette\":1}\n\
        {\"n\":1,\"t_us\":0,\"conn\":1,\"from\":\"pos\",\"event\":\"text\",\"json\":{\"card\":\"4111111111111111\"}}\n\
        {\"n\":2,\"t_us\":0,\"conn\":1,\"from\":\"pos\",\"event\":\"text\",\"text\":\"card 5555555555554444\"}\n\
        {\"n\":3,\"t_us\":0,\"conn\":1,\"from\":\"pos\",\"event\":\"close\",\"reason\":\"378282246310005\"}\n";
    for mode in ["--no-alias", "--exact", "--raw"] {
        let output = show_piped(&[mode], file.as_bytes());
        for said in [stdout(&output), stderr(&output)] {
            for card in ["4111111111111111", "5555555555554444", "378282246310005"] {
                assert!(!said.contains(card), "{mode}: a card number in clear");
            }
        }
        assert!(stdout(&output).contains("1111\"}"), "{mode}: the last four digits stay");
    }
}

fn show(arguments: &[&str]) -> Output {
    tilltape().args(arguments).output().unwrap()
}

fn show_piped(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = tilltape()
        .arg("-")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn tilltape() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tilltape"));
    command.current_dir(root()).arg("show").env("NO_COLOR", "1");
    command
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
