//! What is kept of a run: its cassette, and what the rules say of the peer. Everything is masked first.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cassette::{Header, Writer};
use crate::check::{self, Check, CheckResult, Completeness, Options, SourceInfo};
use crate::cli::error::CliError;
use crate::conversation::{ConversationEvent, EndReason, Offset, Party, Scan, redacted};
use crate::mask::{Masker, Policy, Scanner};
use crate::pack::Pack;
use crate::replay::{Broken, Conformance, Script};
use crate::rule::{RunVerdict, Verdict};

/// Keeps what happens.
pub(super) struct Keeper {
    masker: Masker,
    tape: Option<Tape>,
    check: Option<Check>,
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

/// What the rules say of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Conformant,
    NonConformant,
    Undecided,
    Invalid,
}

impl Keeper {
    pub(super) fn new(masker: Masker, judging: Option<Arc<Pack>>) -> Self {
        Self { masker, tape: None, check: judging.map(judge_by), at: Offset::ZERO }
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
        let (tape, check) = (&mut self.tape, &mut self.check);
        redacted(event, &self.masker, |event| {
            if let Some(tape) = tape {
                tape.write(event);
            }
            if let Some(check) = check {
                // A payload that is no JSON is an event of its own; nothing else fails here.
                let _ = check.observe(event);
            }
        });
    }

    /// Everything that was kept; the rules speak of `peer`.
    pub(super) fn finish(self, peer: Party) -> Kept {
        let at = self.at;
        let recorded = self.tape.map(|tape| tape.finish(at));
        let (conformance, judged) = self.check.map(|check| sentence(check, peer)).unzip();
        Kept { recorded, conformance, judged }
    }
}

/// What the rules of a pack say of one party of a cassette.
pub(super) fn judge(script: &Script, pack: Arc<Pack>, peer: Party) -> (Conformance, Judged) {
    let mut check = judge_by(pack);
    for event in script.events() {
        // A payload that is no JSON is an event of its own; nothing else fails here.
        let _ = check.observe(&event);
    }
    sentence(check, peer)
}

fn judge_by(pack: Arc<Pack>) -> Check {
    let mut check = Check::new(pack, Options::default());
    check.begin(SourceInfo { name: "this run".into(), masked: true, ..SourceInfo::default() });
    check
}

fn sentence(mut check: Check, peer: Party) -> (Conformance, Judged) {
    check.end(Completeness::Finished);
    let mut result = check.finish();
    check::conceal(&mut result);
    let judged = judged(&result, peer);
    (conformance(&result, judged, peer), judged)
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

impl Judged {
    const fn word(self) -> &'static str {
        match self {
            Self::Conformant => "CONFORMANT",
            Self::NonConformant => "NON-CONFORMANT",
            Self::Undecided => "UNDECIDED",
            Self::Invalid => "INVALID",
        }
    }
}

/// What the rules say of one party: what the other broke is not held against it.
fn judged(result: &CheckResult, peer: Party) -> Judged {
    let by_peer = |rule: &check::RuleResult| {
        rule.verdict == Verdict::Fail && rule.findings.iter().any(|finding| finding.accused == peer)
    };
    if result.rules.iter().any(|rule| rule.rule.blocks() && by_peer(rule)) {
        return Judged::NonConformant;
    }
    match result.verdict {
        RunVerdict::Invalid => Judged::Invalid,
        RunVerdict::Undecided => Judged::Undecided,
        RunVerdict::Conformant | RunVerdict::ConformantWithWaivers => Judged::Conformant,
        // Only we broke something, as the cassette wants it.
        RunVerdict::NonConformant => {
            let open = |rule: &check::RuleResult| rule.rule.blocks() && rule.verdict == Verdict::Inconclusive;
            if result.rules.iter().any(open) { Judged::Undecided } else { Judged::Conformant }
        }
    }
}

fn conformance(result: &CheckResult, judged: Judged, peer: Party) -> Conformance {
    let broken = result.rules.iter().filter_map(|rule| {
        let mut own = rule.findings.iter().filter(|finding| finding.accused == peer);
        let first = own.next()?;
        Some(Broken {
            code: rule.rule.code.to_string(),
            title: rule.rule.title.clone(),
            finding: first.what.clone(),
            times: 1 + own.count() as u64,
            decides: rule.rule.blocks(),
        })
    });
    Conformance {
        pack: format!("{} {}", result.pack, result.pack_version),
        verdict: judged.word(),
        broken: broken.collect(),
        exercised: (result.exercised(), result.in_scope()),
    }
}
