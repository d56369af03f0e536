//! What a long-running command says on stderr, without ever waiting for whoever reads it.
//!
//! Lines go through a bounded channel to a thread of their own: a full pipe costs lines, never the traffic.

use std::io::{self, Write as _};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::output::colour_of_stderr;
use crate::report::Colour;

/// Lines that may wait to be written.
const WAITING: usize = 1024;

/// How long the last lines are waited for.
const FAREWELL: Duration = Duration::from_millis(500);

/// The way to stderr.
#[derive(Clone)]
pub(crate) struct Talk {
    lines: SyncSender<Talked>,
}

enum Talked {
    Line(Vec<u8>),
    /// Everything before was written.
    Mark(SyncSender<()>),
}

impl Talk {
    /// Starts talking: diagnostics up to the level that so many `-v` ask for, in colour on a terminal.
    pub(crate) fn start(verbose: u8) -> Self {
        let (lines, waiting) = sync_channel(WAITING);
        // Without the thread there is nobody to tell; the recording is still worth making.
        let _ = std::thread::Builder::new().name("talk".into()).spawn(move || {
            for talked in waiting {
                match talked {
                    Talked::Line(line) => drop(io::stderr().write_all(&line)),
                    Talked::Mark(reached) => drop(reached.send(())),
                }
            }
        });
        let talk = Self { lines };
        let level = match verbose {
            0 => LevelFilter::INFO,
            1 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        // A second start in one process keeps the first one's settings.
        let _ = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_target(false)
            .without_time()
            .with_ansi(colour_of_stderr() == Colour::Always)
            .with_writer(talk.clone())
            .try_init();
        talk
    }

    /// Says one line.
    pub(crate) fn say(&self, line: impl std::fmt::Display) {
        let _ = self.lines.try_send(Talked::Line(format!("{line}\n").into_bytes()));
    }

    /// Waits until what was said so far can be read, or for as long as it is worth.
    pub(crate) fn flush(&self) {
        let (reached, wait) = sync_channel(1);
        if self.lines.try_send(Talked::Mark(reached)).is_ok() {
            let _ = wait.recv_timeout(FAREWELL);
        }
    }
}

impl<'a> MakeWriter<'a> for Talk {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { talk: self, bytes: Vec::new() }
    }
}

/// One line while it is put together.
pub(crate) struct Line<'a> {
    talk: &'a Talk,
    bytes: Vec<u8>,
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let _ = self.talk.lines.try_send(Talked::Line(std::mem::take(&mut self.bytes)));
    }
}
