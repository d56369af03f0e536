//! A disk that is full or slow: the payment goes on, nothing is lost in silence, the cassette stays readable.

use std::fs::{self, File};
use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use tilltape::cassette::{Ending, Reader};
use tokio::net::TcpStream;

use super::peers::{self, frame, listen, masked, open, read, send};
use super::recording::{Recording, events, of_kind, program};

/// Far longer than a message takes, far shorter than a hung disk.
const PROMPT: Duration = Duration::from_secs(2);

/// The program, with a limit on the size of the files it writes: a disk with so much room.
fn with_room(bytes: u64) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -S -f $0 && exec \"$@\"", &(bytes / 512).to_string()]);
    shell.arg(program().get_program());
    shell
}

pub(super) fn start_with_room(bytes: u64, upstream: std::net::SocketAddr, arguments: &[&str]) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run.cassette.jsonl");
    Recording::start_with(with_room(bytes), folder, out, &format!("ws://{upstream}"), arguments)
}

/// One message up and one down, both of which arrive promptly.
async fn exchange(client: &mut TcpStream, server: &mut TcpStream, size: usize) {
    let started = Instant::now();
    let text = vec![b'x'; size];
    let (up, down) = (masked(0x81, &text), frame(0x81, &text));
    let (_, got) = tokio::join!(send(client, &up), read(server, up.len()));
    assert!(got == up);
    let (_, got) = tokio::join!(send(server, &down), read(client, down.len()));
    assert!(got == down);
    assert!(started.elapsed() < PROMPT, "{:?}", started.elapsed());
}

fn lost(events: &[Value]) -> u64 {
    of_kind(events, "gap").iter().map(|gap| gap["messages"].as_u64().unwrap()).sum()
}

#[test]
fn a_full_disk_that_gets_room_again_costs_what_the_gap_says() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = start_with_room(200 << 10, address, &["--buffer", "256KiB"]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        for _ in 0..60 {
            exchange(&mut client, &mut server, 10_000).await;
        }
        recording.wait_for("CANNOT WRITE THE CASSETTE");
        recording.wait_for("LOSING MESSAGES");
        let free = Rlimit { current: None, maximum: None };
        prlimit(Some(recording.pid()), Resource::Fsize, free).unwrap();
        recording.wait_for("can be written again");
        exchange(&mut client, &mut server, 10_000).await;
        recording.events_when(|events| lost(events) > 0);
        exchange(&mut client, &mut server, 10_000).await;
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(4), "{}", result.stderr);
        assert!(result.stdout.contains("LOST"), "{}", result.stdout);
        let events = result.events();
        let kept = of_kind(&events, "text").len() as u64;
        assert_eq!(kept + lost(&events), 124);
        let gap = of_kind(&events, "gap")[0];
        assert_eq!(gap["conn"], 1);
        assert!(gap["why"].as_str().unwrap().contains("write failed"), "{gap}");
        assert_eq!(gap["bytes"].as_u64().unwrap(), gap["messages"].as_u64().unwrap() * 10_000);
        assert_eq!(events.last().unwrap()["event"], "end");
        assert!(matches!(ending(&fs::read(&result.out).unwrap()), Ending::Finished { edited: false }));
    });
}

#[test]
fn a_disk_that_stays_full_leaves_a_cassette_that_opens() {
    peers::run(async {
        let (listener, address) = listen().await;
        let recording = start_with_room(50 << 10, address, &[]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        for _ in 0..10 {
            exchange(&mut client, &mut server, 10_000).await;
        }
        recording.wait_for("CANNOT WRITE THE CASSETTE");
        exchange(&mut client, &mut server, 10).await;
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(4), "{}", result.stderr);
        let cut = format!("cassette  {} (cut: it could not be finished)", result.out.display());
        for said in
            ["could not be written before the end", &cut, "masking   not scanned: nothing was finished"]
        {
            assert!(result.stdout.contains(said), "{said}: {}", result.stdout);
        }
        let bytes = fs::read(&result.out).unwrap();
        assert_eq!(bytes.len(), 50 << 10);
        assert!(matches!(ending(&bytes), Ending::Cut { .. }));
        assert!(!events(&result.out).is_empty());
    });
}

#[test]
fn a_cassette_that_cannot_be_begun_stops_before_any_traffic() {
    let output =
        program().args(["record", "--upstream", "ws://127.0.0.1:1", "--out", "/dev/full"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("cannot begin the cassette"), "{stderr}");
}

/// A recording into a pipe that nobody reads: a disk that hangs.
fn start_hung(upstream: std::net::SocketAddr, arguments: &[&str]) -> (Recording, File) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&out).status().unwrap().success());
    // Opened both ways, so that neither side waits for the other.
    let pipe = fs::OpenOptions::new().read(true).write(true).open(&out).unwrap();
    let arguments = [&["--buffer", "256KiB"], arguments].concat();
    (Recording::start_with(program(), folder, out, &format!("ws://{upstream}"), &arguments), pipe)
}

/// Everything the recorder has to say, from now to its end.
fn drain(mut pipe: File) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        while !bytes.ends_with(b"}\n") || !has_end(&bytes) {
            let size = pipe.read(&mut chunk).unwrap();
            bytes.extend_from_slice(&chunk[..size]);
        }
        bytes
    })
}

fn has_end(bytes: &[u8]) -> bool {
    let last = bytes[..bytes.len() - 1].rsplit(|byte| *byte == b'\n').next().unwrap();
    last.windows(13).any(|window| window == b"\"event\":\"end\"")
}

#[test]
fn a_hung_disk_does_not_delay_the_traffic() {
    peers::run(async {
        let (listener, address) = listen().await;
        let (recording, pipe) = start_hung(address, &[]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        for _ in 0..60 {
            exchange(&mut client, &mut server, 10_000).await;
        }
        recording.wait_for("LOSING MESSAGES");
        let reader = drain(pipe);
        // The gap takes its place once half the buffer is free and something comes.
        exchange(&mut client, &mut server, 10).await;
        let result = recording.stop();
        let bytes = reader.join().unwrap();
        assert_eq!(result.status.code(), Some(4), "{}", result.stderr);
        assert!(result.stdout.contains("not scanned"), "{}", result.stdout);
        assert!(matches!(ending(&bytes), Ending::Finished { edited: false }));
        let copy = result.folder.path().join("copy");
        fs::write(&copy, &bytes).unwrap();
        let events = events(&copy);
        assert!(lost(&events) > 0);
        assert_eq!(of_kind(&events, "text").len() as u64 + lost(&events), 122);
        assert_eq!(of_kind(&events, "gap")[0]["why"], "disk slow");
    });
}

#[test]
fn strict_stops_the_traffic_instead() {
    peers::run(async {
        let (listener, address) = listen().await;
        let (recording, pipe) = start_hung(address, &["--strict"]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        let text = vec![b'x'; 10_000];
        let mut sent = 0;
        loop {
            let up = masked(0x81, &text);
            let step = async {
                tokio::io::AsyncWriteExt::write_all(&mut client, &up).await?;
                tokio::io::AsyncReadExt::read_exact(&mut server, &mut vec![0; up.len()]).await
            };
            if step.await.is_err() {
                break;
            }
            sent += 1;
            assert!(sent < 200, "the traffic goes on");
        }
        recording.wait_for("STOPPING THE TRAFFIC");
        let reader = drain(pipe);
        let result = recording.wait();
        assert_eq!(result.status.code(), Some(4), "{}", result.stderr);
        let bytes = reader.join().unwrap();
        let last = bytes[..bytes.len() - 1].rsplit(|byte| *byte == b'\n').next().unwrap();
        let end: Value = serde_json::from_slice(last).unwrap();
        assert_eq!(end["reason"], "strict");
    });
}

#[test]
fn a_recorder_that_hangs_for_good_does_not_hang_the_end() {
    peers::run(async {
        let (listener, address) = listen().await;
        let (recording, _pipe) = start_hung(address, &[]);
        let (mut client, mut server) = open(recording.address, &listener).await;
        for _ in 0..20 {
            exchange(&mut client, &mut server, 10_000).await;
        }
        // Neither the first signal nor a second one waits for the disk for ever.
        kill_process(recording.pid(), Signal::TERM).unwrap();
        assert_eq!(tokio::io::AsyncReadExt::read(&mut client, &mut [0; 1]).await.unwrap_or(0), 0);
        let result = recording.stop();
        assert_eq!(result.status.code(), Some(4), "{}", result.stderr);
    });
}

fn ending(bytes: &[u8]) -> Ending {
    let mut reader = Reader::open(bytes, "test").unwrap();
    while let Some(event) = reader.next_event() {
        event.unwrap();
    }
    reader.ending().unwrap()
}
