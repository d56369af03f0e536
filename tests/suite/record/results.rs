//! What a recording leaves: the summary, the files and their names, the header, people's notes.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tokio::net::TcpStream;

use super::peers::{self, frame, listen, masked, open, read, send};
use super::recording::{Recording, events, of_kind, outline, program};

async fn sale(client: &mut TcpStream, server: &mut TcpStream) {
    let up = masked(0x81, br#"{"request":{"flow_id":"1","resource":{"type":"sale"}}}"#);
    let down = frame(0x81, br#"{"event":{"flow_id":"1","card":"4111111111111111"}}"#);
    send(client, &up).await;
    assert!(read(server, up.len()).await == up);
    send(server, &down).await;
    assert!(read(client, down.len()).await == down);
}

#[test]
fn the_summary_says_what_was_recorded_and_what_to_do_next() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &["--pack", "bluechip-tsi"]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        sale(&mut client, &mut server).await;
        let result = recording.stop();
        result.assert_complete();
        let bytes = fs::read_to_string(&result.out).unwrap().rfind("{\"n\":").unwrap().to_string();
        let shown = result.stdout.replace(result.out.to_str().unwrap(), "[out]").replace(&bytes, "[bytes]");
        insta::assert_snapshot!(shown, @r"
        recorded  1 connection, 1 flow, 2 messages, 1 value masked
        cassette  [out] (4 events, [bytes] bytes)
        masking   scanned, no card data in clear
        next      tilltape check [out] --pack bluechip-tsi
        ");
        let events = result.events();
        assert_eq!(outline(&events), ["open", "pos text", "terminal text"]);
        assert_eq!(events[2]["masked"][0]["at"], "/json/event/card");
        assert_eq!(events[3]["scan"]["clear"], 0);
    });
}

#[test]
fn the_header_says_what_was_recorded() {
    peers::run(async {
        let (_listener, address) = listen().await;
        let arguments = [
            ["--pos-name", "Sample"],
            ["--pos-version", "1.2"],
            ["--terminal-model", "Lane3600"],
            ["--terminal-firmware", "4.0"],
            ["--label", "scenario=sale-approved"],
            ["--label", "ticket=card 4111111111111111"],
        ];
        let result = Recording::of(address, &arguments.concat()).stop();
        let text = fs::read_to_string(&result.out).unwrap();
        let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(header["vantage"], "proxy");
        assert_eq!(header["masking"], "default@1");
        assert_eq!(header["subject"]["pos"]["version"], "1.2");
        assert_eq!(header["subject"]["terminal"]["model"], "Lane3600");
        assert_eq!(header["labels"]["scenario"], "sale-approved");
        assert!(!text.contains("4111111111111111"), "{text}");
    });
}

#[test]
fn a_cassette_is_not_overwritten_unless_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("kept.cassette.jsonl");
    fs::write(&out, "kept").unwrap();
    let record = |more: &[&str]| {
        let mut command = program();
        command.args(["record", "--upstream", "ws://127.0.0.1:1", "--out"]).arg(&out).args(more);
        command
    };
    let output = record(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--force"));
    assert_eq!(fs::read_to_string(&out).unwrap(), "kept");
    let folder = tempfile::tempdir().unwrap();
    let recording = Recording::start_with(program(), folder, out.clone(), "ws://127.0.0.1:1", &["--force"]);
    recording.stop().assert_complete();
}

#[test]
fn a_folder_that_is_not_there_is_said_with_the_next_step() {
    let output = program()
        .args(["record", "--upstream", "ws://127.0.0.1:1", "--out", "/no/such/folder/x.cassette.jsonl"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("/no/such/folder/x.cassette.jsonl") && stderr.contains("`--out FOLDER/`"),
        "{stderr}"
    );
}

#[test]
fn a_folder_gets_a_cassette_named_after_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/");
    let recording = Recording::start_with(program(), folder, out.clone(), "ws://127.0.0.1:1", &[]);
    let result = recording.stop();
    let names: Vec<_> =
        fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(matches!(names.as_slice(), [name] if name.ends_with("Z.cassette.jsonl")), "{names:?}");
    assert!(result.stdout.contains(&names[0]), "{}", result.stdout);
}

#[test]
fn split_makes_a_cassette_of_each_connection() {
    peers::run(async {
        let (listener, address) = listen().await;
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("cassettes");
        let recording =
            Recording::start_with(program(), folder, out.clone(), &format!("ws://{address}"), &["--split"]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        let (mut other_client, mut other_server) = open(recording.address, &listener).await;
        sale(&mut client, &mut server).await;
        sale(&mut other_client, &mut other_server).await;
        drop((client, server));
        // A cassette is finished with its connection, while others are still recorded.
        let ended = |path: &PathBuf| events(path).last().is_some_and(|event| event["event"] == "end");
        let paths = loop {
            let mut paths: Vec<_> = fs::read_dir(&out).unwrap().map(|file| file.unwrap().path()).collect();
            paths.sort();
            if paths.len() == 2 && ended(&paths[0]) {
                break paths;
            }
            tokio::task::yield_now().await;
        };
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(0), "{}", result.stderr);
        for (number, path) in paths.iter().enumerate() {
            let events = events(path);
            assert_eq!(outline(&events)[..3], ["open", "pos text", "terminal text"]);
            assert!(events[..3].iter().all(|event| event["conn"] == number + 1));
            assert_eq!(events[0]["t_us"], 0);
            assert!(path.to_str().unwrap().ends_with(&format!("-{:04}.cassette.jsonl", number + 1)));
        }
        assert_eq!(events(&paths[0]).last().unwrap()["reason"], "closed");
        assert_eq!(events(&paths[1]).last().unwrap()["reason"], "stopped");
    });
}

#[test]
fn a_terminal_may_be_the_one_that_dials() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = Recording::of(address, &["--client", "terminal"]);
        let (mut terminal, mut pos) = open(recording.address, &listener).await;
        send(&mut terminal, &masked(0x81, b"1")).await;
        read(&mut pos, 7).await;
        let dialled = terminal.local_addr().unwrap().to_string();
        drop(terminal);
        read_end(&mut pos).await;
        let result = recording.stop();
        let events = result.events();
        assert_eq!(outline(&events), ["open", "terminal text", "drop"]);
        assert_eq!(events[0]["client"], "terminal");
        assert_eq!(events[0]["peer"]["terminal"], dialled);
        assert_eq!(events[0]["peer"]["pos"], address.to_string());
        assert_eq!(events[2]["by"], "terminal");
    });
}

#[test]
fn notes_of_people_stand_where_they_were_made_masked() {
    peers::run(async {
        let (_listener, address) = listen().await;
        let mut recording = Recording::of(address, &["--notes"]);
        recording.say("tap card A");
        recording.say("");
        recording.say("typed 5555555555554444 by hand");
        recording.events_when(|events| of_kind(events, "note").len() == 2);
        let events = recording.stop().events();
        assert_eq!(events[0]["text"], "tap card A");
        assert!(events[1]["text"].as_str().unwrap().ends_with("4444 by hand"), "{}", events[1]);
        assert!(!events[1].to_string().contains("555555"), "{}", events[1]);
    });
}

#[test]
fn the_port_that_was_chosen_can_be_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("port");
    let recording = Recording::start("ws://127.0.0.1:1", &["--port-file", file.to_str().unwrap()]);
    let port = recording.address.port();
    // The line on stderr comes first.
    while !file.exists() {
        std::thread::yield_now();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{port}\n"));
}

#[test]
fn what_makes_no_sense_is_said_before_anything_is_written() {
    let cases = [
        (["--upstream", "127.0.0.1:1"], "the scheme is missing"),
        (["--listen", "http://127.0.0.1:0"], "expected `ws` or `wss`"),
        (["--listen", "127.0.0.1"], "expected `HOST:PORT`"),
        (["--label", "novalue"], "expected `KEY=VALUE`"),
        (["--max-message", "lots"], "expected a size"),
        (["--pack", "bluechip-tsy"], "bluechip-tsi"),
    ];
    for (arguments, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("x.cassette.jsonl");
        let mut command = program();
        command.arg("record").args(arguments).arg("--out").arg(&out);
        if arguments[0] != "--upstream" {
            command.args(["--upstream", "ws://127.0.0.1:1"]);
        }
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert!(!out.exists());
    }
}

async fn read_end(stream: &mut TcpStream) {
    assert_eq!(tokio::io::AsyncReadExt::read(stream, &mut [0; 1]).await.unwrap(), 0);
}
