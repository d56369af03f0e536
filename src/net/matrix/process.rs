//! The POS under test as a process: started by a shell, ended with all it started, its last words kept.

use std::cell::RefCell;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr};

/// How a POS is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// A line for the shell.
    pub line: String,
}

/// How much of a line of standard error is looked at, in bytes.
const LINE: u64 = 4096;

/// How long the last words of a process are waited for once it has ended: others may hold its standard error.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A POS that runs.
pub(super) struct Process {
    child: Child,
    said: Rc<RefCell<String>>,
    hearing: tokio::task::JoinHandle<()>,
}

impl Command {
    /// Starts it: it finds the terminal at `url`, and is told which cell this is and whether it was restarted.
    /// Only within a `LocalSet`.
    pub(super) fn start(&self, url: &str, cell: &str, restarted: bool) -> io::Result<Process> {
        let mut command = shell(&self.line);
        command
            .env("TILLTAPE_URL", url)
            .env("TILLTAPE_CELL", cell)
            .env("TILLTAPE_RESTARTED", if restarted { "1" } else { "0" })
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let said = Rc::new(RefCell::new(String::new()));
        let hearing = tokio::task::spawn_local(hear(child.stderr.take(), Rc::clone(&said)));
        Ok(Process { child, said, hearing })
    }
}

impl Process {
    /// Its end.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends it, and whatever it started.
    pub(super) async fn end(mut self) {
        #[cfg(unix)]
        if let Some(group) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            // It may have ended by itself.
            if let Some(group) = rustix::process::Pid::from_raw(group) {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
        }
        let _ = self.child.kill().await;
        self.hearing.abort();
    }

    /// The last line it wrote to standard error.
    pub(super) async fn last_words(&mut self) -> Option<String> {
        let _ = tokio::time::timeout(LAST_WORDS, &mut self.hearing).await;
        Some(self.said.borrow().clone()).filter(|said| !said.is_empty())
    }
}

#[cfg(unix)]
fn shell(line: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", line]);
    command
}

#[cfg(not(unix))]
fn shell(line: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("cmd");
    command.args(["/C", line]);
    command
}

/// Keeps the last line that says something.
async fn hear(stderr: Option<ChildStderr>, said: Rc<RefCell<String>>) {
    let Some(stderr) = stderr else { return };
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(LINE).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                if !text.trim().is_empty() {
                    *said.borrow_mut() = text.trim().to_owned();
                }
            }
        }
    }
}
