//! A running `tilltape record` and what it leaves: the fixture of the tests beside it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Longer than any of this takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A recorder at work. Dropping it kills it.
pub(super) struct Recording {
    child: Child,
    talk: Arc<Talk>,
    pub(super) address: SocketAddr,
    pub(super) folder: tempfile::TempDir,
    out: PathBuf,
}

#[derive(Default)]
struct Talk {
    text: Mutex<String>,
    more: Condvar,
}

/// What a finished recording came to.
pub(super) struct Result {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Kept, so that the files live as long as the result.
    pub(super) folder: tempfile::TempDir,
    pub(super) out: PathBuf,
}

impl Recording {
    /// Records what goes to `upstream`, with further arguments, into `run.cassette.jsonl`.
    pub(super) fn of(upstream: SocketAddr, arguments: &[&str]) -> Self {
        Self::start(&format!("ws://{upstream}"), arguments)
    }

    /// As [`Recording::of`], with the whole URL of the upstream.
    pub(super) fn start(upstream: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run.cassette.jsonl");
        Self::start_with(program(), folder, out, upstream, arguments)
    }

    /// Starts `command`, which is the program or something that becomes it.
    pub(super) fn start_with(
        mut command: Command,
        folder: tempfile::TempDir,
        out: PathBuf,
        upstream: &str,
        arguments: &[&str],
    ) -> Self {
        let mut child = command
            .args(["record", "--upstream", upstream, "--out"])
            .arg(&out)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let talk = Arc::new(Talk::default());
        let (heard, stderr) = (Arc::clone(&talk), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
                heard.text.lock().unwrap().push_str(&format!("{line}\n"));
                heard.more.notify_all();
            }
        });
        let said = talk.wait_for(" → ");
        let place = said.lines().find_map(|line| line.strip_prefix("listening on ")).unwrap();
        let (_, place) = place.split_once("://").unwrap();
        let address = place.split_once(' ').unwrap().0.parse().unwrap();
        Self { child, talk, address, folder, out }
    }

    /// Waits until the recorder has said `word` on stderr.
    pub(super) fn wait_for(&self, word: &str) -> String {
        self.talk.wait_for(word)
    }

    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(super) fn say(&mut self, line: &str) {
        use std::io::Write;
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The events in the cassette, once there are enough for `enough`. The recorder still runs.
    pub(super) fn events_when(&self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let events = events(&self.out);
            if enough(&events) {
                return events;
            }
            assert!(std::time::Instant::now() < deadline, "{events:#?}");
            // A file has no event to wait for.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The peak of the resident memory so far, in KiB.
    #[cfg(target_os = "linux")]
    pub(super) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    /// SIGTERM, and what it came to.
    pub(super) fn stop(self) -> Result {
        kill_process(self.pid(), Signal::TERM).unwrap();
        self.wait()
    }

    /// What it came to, once it ends by itself.
    pub(super) fn wait(mut self) -> Result {
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let status = self.child.wait().unwrap();
        let stderr = self.talk.text.lock().unwrap().clone();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Result { status, stdout, stderr, folder, out: self.out.clone() }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Result {
    /// The events of the cassette.
    pub(super) fn events(&self) -> Vec<Value> {
        events(&self.out)
    }

    pub(super) fn assert_complete(&self) {
        assert_eq!(self.status.code(), Some(0), "{}{}", self.stdout, self.stderr);
        let events = self.events();
        assert_eq!(events.last().unwrap()["event"], "end", "{events:#?}");
    }
}

impl Talk {
    fn wait_for(&self, word: &str) -> String {
        let text = self.text.lock().unwrap();
        let (text, wait) = self.more.wait_timeout_while(text, PATIENCE, |text| !text.contains(word)).unwrap();
        assert!(!wait.timed_out(), "expected `{word}`, got:\n{text}");
        text.clone()
    }
}

pub(super) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tilltape"))
}

/// Every event of a cassette, the header aside; an unfinished last line is passed over.
pub(super) fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = &text[..text.rfind('\n').map_or(0, |at| at + 1)];
    let events: Vec<Value> = whole.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["n"], index + 1, "events are numbered without holes");
    }
    events
}

/// The events of one kind.
pub(super) fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

/// The kinds of all events but the `end`, with their sender: `pos text`, `open`, …
pub(super) fn outline(events: &[Value]) -> Vec<String> {
    let line = |event: &Value| match event["from"].as_str() {
        Some(from) => format!("{from} {}", event["event"].as_str().unwrap()),
        None => event["event"].as_str().unwrap().to_owned(),
    };
    events.iter().map(line).filter(|line| line != "end").collect()
}
