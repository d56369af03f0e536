//! Watches a replay: says when it is ready, shows human steps and what is held, keeps events and verdicts.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use super::growth::Growth;
use super::keep::{Keeper, Kept};
use super::options::Format;
use crate::cli::error::CliError;
use crate::cli::{Exit, output};
use crate::conversation::{ConversationEvent, Party};
use crate::net::replay::{Judged, Watcher};
use crate::replay::{Expected, Outcome, Player, Verdict};
use crate::report::{Glyphs, printable};

/// What peers are told once they can connect.
pub(super) struct Welcome {
    pub(super) role: Party,
    pub(super) secure: bool,
    pub(super) cassette: String,
    /// Connections and messages of the cassette.
    pub(super) size: (usize, usize),
    /// Whether a live device answers, and is recorded.
    pub(super) live: bool,
    pub(super) port_file: Option<PathBuf>,
}

/// Watches one replay.
pub(super) struct Watch {
    welcome: Welcome,
    times: u32,
    keeper: Keeper,
    growth: Option<Growth>,
    runs: u32,
    verdict: Option<Verdict>,
    /// What could not be said.
    failed: Option<CliError>,
}

/// What is printed once peers can connect.
#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    url: String,
    port: u16,
    role: &'static str,
    cassette: &'a str,
    connections: usize,
    messages: usize,
    live: bool,
}

impl Welcome {
    /// Prints that connections are accepted at `address`, and writes its port where that is wished.
    pub(super) fn say(&self, address: SocketAddr) -> Result<(), CliError> {
        let ready = Ready {
            ready: true,
            url: format!("{}://{address}", if self.secure { "wss" } else { "ws" }),
            port: address.port(),
            role: self.role.as_str(),
            cassette: &self.cassette,
            connections: self.size.0,
            messages: self.size.1,
            live: self.live,
        };
        output::print(&(serde_json::to_string(&ready).unwrap_or_default() + "\n"))?;
        match &self.port_file {
            Some(path) => output::write_atomically(path, &format!("{}\n", address.port())),
            None => Ok(()),
        }
    }
}

impl Watch {
    pub(super) fn new(welcome: Welcome, times: u32, keeper: Keeper, growth: Option<Growth>) -> Self {
        let (runs, verdict, failed) = (0, None, None);
        Self { welcome, times, keeper, growth, runs, verdict, failed }
    }

    /// Prints the verdict, and says how the process ends.
    pub(super) fn finish(self, format: Format) -> Result<Exit, CliError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let Some(mut verdict) = self.verdict else {
            return Err(CliError::environment("the replay ended without a verdict"));
        };
        if let Some(growth) = self.growth {
            verdict.added = Some(growth.finish(&verdict.outcome, self.keeper.masker())?);
        }
        let Kept { recorded, conformance, judged } = self.keeper.finish();
        verdict.conformance = conformance;
        verdict.recorded = recorded.as_ref().map(|recorded| recorded.path.clone());
        print(&verdict, format)?;
        if let Some(recorded) = recorded {
            if let Some(error) = recorded.failed {
                return Err(CliError::environment(format!("cannot write `{}`: {error}", recorded.path)));
            }
            if recorded.clear > 0 {
                let what = format!("{} values stand in clear in `{}`", recorded.clear, recorded.path);
                return Err(CliError::environment(what).help("do not pass it on"));
            }
        }
        Ok(exit(&verdict.outcome, judged))
    }
}

impl Watcher for Watch {
    fn ready(&mut self, address: SocketAddr) {
        self.failed = self.welcome.say(address).err();
    }

    fn event(&mut self, event: &ConversationEvent<'_>) {
        self.keeper.event(event);
    }

    fn episode(&mut self, event: &ConversationEvent<'_>) {
        if let Some(growth) = &mut self.growth {
            growth.keep(event, self.keeper.masker());
        }
    }

    fn note(&mut self, note: &str) {
        talk(&format!("now     {note}"));
    }

    fn held(&mut self, next: &Expected) {
        let text = next.text.as_deref().unwrap_or_default();
        talk(&format!("next    {} {}  {text}", next.n, next.what));
        talk("        Enter sends it");
    }

    fn run_over(&mut self, player: &Player) -> bool {
        self.runs += 1;
        let Welcome { cassette, role, .. } = &self.welcome;
        let verdict = Verdict::of(player, cassette, *role, (self.runs, self.times));
        let goes_on = verdict.outcome == Outcome::Complete;
        self.verdict = Some(verdict);
        goes_on
    }
}

/// Prints a verdict.
pub(super) fn print(verdict: &Verdict, format: Format) -> Result<(), CliError> {
    output::print(&match format {
        Format::Text => printable_lines(&verdict.text()),
        Format::Json => verdict.json(),
    })
}

/// Red is what the peer did wrong; where both were judged, the worse of them.
pub(super) fn exit(outcome: &Outcome, judged: Option<Judged>) -> Exit {
    match (outcome, judged) {
        (Outcome::Mismatch(_), _) | (_, Some(Judged::NonConformant)) => Exit::NonConformant,
        (_, Some(Judged::Invalid)) => Exit::Invalid,
        (Outcome::Incomplete(_), _) | (Outcome::Complete, Some(Judged::Undecided)) => Exit::Undecided,
        (Outcome::Complete, Some(Judged::Conformant) | None) => Exit::Success,
    }
}

fn printable_lines(text: &str) -> String {
    text.lines().map(|line| printable(line, Glyphs::Unicode) + "\n").collect()
}

/// Says something while the replay runs.
pub(super) fn talk(line: &str) {
    let line = printable(line, Glyphs::Unicode);
    // Talk that nobody can hear hinders nothing.
    let _ = writeln!(std::io::stderr(), "{line}");
}
