//! What is kept of a run: its cassette, and what the rules say of the peer. Everything is masked first.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::cassette::{Header, Writer};
use crate::cli::error::CliError;
use crate::conversation::{ConversationEvent, EndReason, Offset, Scan, redacted};
use crate::mask::{Masker, Policy, Scanner};
use crate::net::replay::{Judge, Judged};
use crate::replay::Conformance;

/// Keeps what happens.
pub(super) struct Keeper {
    masker: Masker,
    tape: Option<Tape>,
    judge: Option<Judge>,
    at: Offset,
}

/// A cassette being written.
struct Tape {
    writer: Writer<File>,
    path: PathBuf,
    policy: Policy,
    /// The first thing that went wrong.
    failed: Option<io::Error>,
}

/// What was kept.
pub(super) struct Kept {
    pub(super) recorded: Option<Recorded>,
    pub(super) conformance: Option<Conformance>,
    /// Whether the rules say that the peer conforms; `None` where nothing was judged.
    pub(super) judged: Option<Judged>,
}

/// A cassette that was written.
pub(super) struct Recorded {
    pub(super) path: String,
    /// What went wrong, if anything did.
    pub(super) failed: Option<String>,
    /// Values that stand in it in clear.
    pub(super) clear: u64,
}

impl Keeper {
    pub(super) fn new(masker: Masker, judge: Option<Judge>) -> Self {
        Self { masker, tape: None, judge, at: Offset::ZERO }
    }

    /// Records the run at `path`, too.
    pub(super) fn record(&mut self, path: &Path, header: &Header, replace: bool) -> Result<(), CliError> {
        let mut options = OpenOptions::new();
        options.write(true);
        match replace {
            true => options.create(true).truncate(true),
            false => options.create_new(true),
        };
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => CliError::input(format!("`{}` is there already", path.display()))
                .help("choose another `--record`, or say `--force` to replace it"),
            _ => CliError::environment(format!("cannot write `{}`: {error}", path.display())),
        };
        let file = options.open(path).map_err(failed)?;
        let writer = Writer::create(file, header).map_err(failed)?;
        let policy = self.masker.policy().clone();
        self.tape = Some(Tape { writer, path: path.to_owned(), policy, failed: None });
        Ok(())
    }

    /// Masks what is kept.
    pub(super) const fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Keeps an event.
    pub(super) fn event(&mut self, event: &ConversationEvent<'_>) {
        self.at = event.at;
        let (tape, judge) = (&mut self.tape, &mut self.judge);
        redacted(event, &self.masker, |event| {
            if let Some(tape) = tape {
                tape.write(event);
            }
            if let Some(judge) = judge {
                judge.observe(event);
            }
        });
    }

    /// Everything that was kept.
    pub(super) fn finish(self) -> Kept {
        let at = self.at;
        let recorded = self.tape.map(|tape| tape.finish(at));
        let (conformance, judged) = self.judge.map(Judge::finish).unzip();
        Kept { recorded, conformance, judged }
    }
}

impl Tape {
    fn write(&mut self, event: &ConversationEvent<'_>) {
        if self.failed.is_none() {
            self.writer.write(event);
            self.failed = self.writer.flush().err();
        }
    }

    /// Scans what was written, and writes the end.
    fn finish(self, at: Offset) -> Recorded {
        let Self { writer, path, policy, failed } = self;
        let name = path.display().to_string();
        if let Some(error) = failed {
            return Recorded { path: name, failed: Some(error.to_string()), clear: 0 };
        }
        let scanned = std::fs::read(&path).map(|bytes| {
            let mut scanner = Scanner::new(policy);
            scanner.feed(&bytes);
            scanner.finish().total
        });
        let ended = scanned.and_then(|clear| {
            let file = writer.finish(at, EndReason::Finished, Some(Scan { clear }))?;
            file.sync_all()?;
            Ok(clear)
        });
        match ended {
            Ok(clear) => Recorded { path: name, failed: None, clear },
            Err(error) => Recorded { path: name, failed: Some(error.to_string()), clear: 0 },
        }
    }
}
