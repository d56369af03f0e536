//! `--record-mode new_episodes`: what the live terminal answered becomes part of the cassette. What was in it
//! before stays, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cassette::Extension;
use crate::cli::error::CliError;
use crate::cli::output::write_atomically;
use crate::conversation::{ConversationEvent, EndReason, EventKind, Scan, redacted};
use crate::mask::{Masker, Scanner};
use crate::replay::{Added, Outcome, Shortfall};

/// Most that a run adds to a cassette. Beyond it, nothing of the run is kept.
const MOST: usize = 256 << 20;

/// A cassette, and what is to be added to it.
pub(super) struct Growth {
    path: PathBuf,
    /// The file as it was when the run began.
    before: Vec<u8>,
    extension: Extension,
    added: Added,
}

impl Growth {
    /// The cassette at `path`, which must be whole.
    pub(super) fn of(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let before =
            fs::read(path).map_err(|error| CliError::input(format!("cannot read `{name}`: {error}")))?;
        let extension = Extension::of(before.clone(), &name).map_err(CliError::input)?;
        let Some(extension) = extension else {
            return Err(CliError::input(format!("{name}: the cassette was cut and has no `end`"))
                .help("nothing is added to it: record it anew with `--record-mode all`"));
        };
        Ok(Self { path: path.to_owned(), before, extension, added: Added::default() })
    }

    /// Keeps an event between the peer and the live device, masked.
    pub(super) fn keep(&mut self, event: &ConversationEvent<'_>, masker: &Masker) {
        if self.is_too_much() {
            return;
        }
        match event.kind {
            EventKind::Open(_) => self.added.connections += 1,
            EventKind::Message(_) => self.added.messages += 1,
            _ => {}
        }
        redacted(event, masker, |event| self.extension.add(event));
    }

    /// Adds what was kept, unless the run ended with a mismatch or was stopped: then something of it may be
    /// missing or wrong.
    pub(super) fn finish(self, outcome: &Outcome, masker: &Masker) -> Result<Added, CliError> {
        let sound = match outcome {
            Outcome::Complete => true,
            Outcome::Incomplete(incomplete) => incomplete.why != Shortfall::Stopped,
            Outcome::Mismatch(_) => false,
        };
        if !sound || self.added == Added::default() {
            return Ok(Added::default());
        }
        let name = self.path.display();
        let kept_out = |why: &str| Err(CliError::environment(format!("nothing is added to `{name}`: {why}")));
        if self.is_too_much() {
            return kept_out("the live device said more than 256 MiB");
        }
        if fs::read(&self.path).ok().as_deref() != Some(&self.before) {
            return kept_out("somebody changed it while this ran");
        }
        let mut scanner = Scanner::new(masker.policy().clone());
        scanner.feed(self.extension.bytes());
        let clear = scanner.finish().total;
        let whole = self.extension.finish(EndReason::Finished, Scan { clear });
        let Ok(whole) = String::from_utf8(whole) else { return kept_out("it is no text") };
        write_atomically(&self.path, &whole)?;
        if clear > 0 {
            return Err(CliError::environment(format!("{clear} values stand in clear in `{name}`"))
                .help("do not pass it on"));
        }
        Ok(self.added)
    }

    fn is_too_much(&self) -> bool {
        self.extension.bytes().len() > self.before.len() + MOST
    }
}
