//! A running `tilltape record`, started and ended the way an operator would: for the tests of whole recordings.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tilltape::cassette::{CassetteError, Ending, Reader};
use tilltape::conversation::ConversationEvent;

/// How long anything here may take before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A recorder process with its folder; killed when dropped.
pub(crate) struct Recorder {
    child: Child,
    /// The port it listens on.
    pub(crate) port: u16,
    folder: TempDir,
}

/// What a recorder left behind.
pub(crate) struct Recording {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The cassette's bytes.
    pub(crate) cassette: Vec<u8>,
}

impl Recorder {
    /// Starts a recorder in front of `upstream` (`ws://127.0.0.1:…`) and waits until it listens.
    pub(crate) fn start(upstream: &str, more: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let path = |name: &str| folder.path().join(name);
        let to_file = |name: &str| File::create(path(name)).expect("the temporary folder takes a file");
        let child = Command::new(env!("CARGO_BIN_EXE_tilltape"))
            .args(["record", "--listen", "127.0.0.1:0", "--upstream", upstream])
            .args(["--port-file".as_ref(), path("port").as_os_str()])
            .args(["--out".as_ref(), path("run.cassette.jsonl").as_os_str()])
            .args(more)
            .stdin(Stdio::null())
            .stdout(to_file("stdout"))
            .stderr(to_file("stderr"))
            .spawn()
            .expect("the tool starts");
        let mut recorder = Self { child, port: 0, folder };
        recorder.port = recorder.wait_for_port();
        recorder
    }

    /// Where a client connects.
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub(crate) fn address(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.port)
    }

    /// SIGKILL: no chance to write another byte.
    pub(crate) fn kill(mut self) -> Recording {
        self.child.kill().expect("the recorder runs");
        self.collect()
    }

    /// SIGTERM: the orderly end.
    pub(crate) fn stop(mut self) -> Recording {
        let stopped = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(stopped.expect("`kill` is on every Unix").success(), "the recorder runs");
        self.collect()
    }

    fn collect(&mut self) -> Recording {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "the recorder did not end: {}", self.read("stderr"));
            sleep(Duration::from_millis(1));
        };
        Recording {
            status,
            stdout: self.read("stdout"),
            stderr: self.read("stderr"),
            cassette: fs::read(self.path("run.cassette.jsonl")).expect("the recorder left a cassette"),
        }
    }

    fn wait_for_port(&mut self) -> u16 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.read("port");
            if let Some(port) = text.strip_suffix('\n').or(Some(&text)).and_then(|port| port.parse().ok()) {
                return port;
            }
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                panic!("the recorder ended ({status}) before it listened: {}", self.read("stderr"));
            }
            assert!(Instant::now() < deadline, "the recorder did not listen: {}", self.read("stderr"));
            sleep(Duration::from_millis(1));
        }
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Recording {
    /// Reads the cassette with the library; `see` gets each event.
    pub(crate) fn read(&self, mut see: impl FnMut(&ConversationEvent<'_>)) -> Result<Ending, CassetteError> {
        let mut reader = Reader::open(BufReader::new(self.cassette.as_slice()), "run.cassette.jsonl")?;
        while let Some(event) = reader.next_event() {
            see(&event?);
        }
        Ok(reader.ending().expect("the reader came to the end of the cassette"))
    }
}
