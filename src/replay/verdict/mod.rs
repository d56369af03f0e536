//! What a run is reported as: one value, which both the text for people and the line for programs render.
//!
//! Nothing in it depends on when or where it ran: the same peer gives the same bytes.

mod json;
mod text;

use super::mismatch::Mismatch;
use super::outcome::{Incomplete, Outcome, Shortfall, Tally};
use super::player::Player;
use super::script::Script;
use crate::conversation::{Leg, Party};

/// The version of the verdict's format, the value of its key `replay`.
pub const VERDICT_VERSION: u32 = 1;

/// What a run is reported as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The program, with its version.
    pub tool: String,
    /// The cassette, as the user named it.
    pub cassette: String,
    /// Which party we were.
    pub role: Party,
    /// Whether the cassette was played, or made.
    pub deed: Deed,
    /// How it ended.
    pub outcome: Outcome,
    /// Messages that went either way.
    pub tally: Tally,
    /// Messages of the cassette: ours, and those of the peer.
    pub messages: (u64, u64),
    /// Connections of the cassette that were opened, and how many it has.
    pub connections: (u64, u64),
    /// Which of how many runs it was.
    pub run: (u32, u32),
    /// What is worth saying although it hindered nothing, and how often it was.
    pub remarks: Vec<(String, u64)>,
    /// Faults that struck, and the number of the message.
    pub faults: Vec<(String, u64)>,
    /// What the rules of the pack say of the peer.
    pub conformance: Option<Conformance>,
    /// Where the run was recorded.
    pub recorded: Option<String>,
    /// What was added to the cassette, where the live device answered what it did not have.
    pub added: Option<Added>,
}

/// What a run does with its cassette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It was played.
    Played,
    /// The live device answered, and it was made of that.
    Made,
}

/// What was added to a cassette.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Connections to the live device.
    pub connections: u64,
    /// Messages, of either party.
    pub messages: u64,
}

/// What the rules of a pack say of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conformance {
    /// The pack, with its version.
    pub pack: String,
    /// The word: `CONFORMANT`, `NON-CONFORMANT`, `UNDECIDED`, `INVALID`.
    pub verdict: &'static str,
    /// Rules the peer broke: code, title, the first finding in a sentence, and whether it decides the verdict.
    pub broken: Vec<Broken>,
    /// Rules of the documents' MUSTs that could not be decided, with their titles.
    pub open: Vec<(String, String)>,
    /// Rules in scope that the peer may have to keep: those that met a trigger, and all.
    pub exercised: (usize, usize),
}

/// A rule that the peer broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its code.
    pub code: String,
    /// Its title.
    pub title: String,
    /// The first finding, in a sentence.
    pub finding: String,
    /// How many there are.
    pub times: u64,
    /// Whether it makes the peer non-conformant.
    pub decides: bool,
}

impl Verdict {
    /// What has become of `player`, which played `cassette`.
    pub fn of(player: &Player, cassette: &str, role: Party, run: (u32, u32)) -> Self {
        let script = player.script();
        let (ours, theirs) = script.messages_by(role);
        let mut remarks: Vec<(String, u64)> =
            player.remarks().iter().map(|(text, count)| (text.to_owned(), count)).collect();
        if player.remarks().unkept > 0 {
            remarks.push(("other remarks, not listed".to_owned(), player.remarks().unkept));
        }
        let stopped = || {
            let why = Shortfall::Stopped;
            Outcome::Incomplete(Incomplete { why, waited_for: Vec::new(), note: None })
        };
        Self {
            tool: tool(),
            cassette: cassette.to_owned(),
            role,
            deed: Deed::Played,
            outcome: player.outcome().cloned().unwrap_or_else(stopped),
            tally: player.tally(),
            messages: (ours, theirs),
            connections: (player.connections_used() as u64, script.connections() as u64),
            run,
            remarks,
            faults: player.struck().map(|(text, n)| (text.to_owned(), n)).collect(),
            conformance: None,
            recorded: None,
            added: None,
        }
    }

    /// A cassette was made of what the peer and the live device said, or none.
    pub fn of_recording(made: Result<&Script, Shortfall>, cassette: &str, role: Party) -> Self {
        let (script, outcome) = match made {
            Ok(script) => (Some(script), Outcome::Complete),
            Err(why) => (None, Outcome::Incomplete(Incomplete { why, waited_for: Vec::new(), note: None })),
        };
        let messages = script.map_or((0, 0), |script| script.messages_by(role));
        let connections = script.map_or(0, |script| script.connections() as u64);
        Self {
            tool: tool(),
            cassette: cassette.to_owned(),
            role,
            deed: Deed::Made,
            outcome,
            tally: Tally { sent: messages.0, matched: messages.1, unexpected: 0 },
            messages,
            connections: (connections, connections),
            run: (1, 1),
            remarks: Vec::new(),
            faults: Vec::new(),
            conformance: None,
            recorded: script.map(|_| cassette.to_owned()),
            added: None,
        }
    }

    /// The word for the outcome: `complete`, `mismatch`, `incomplete` or `recorded`.
    pub const fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Complete if self.is_made() => "recorded",
            Outcome::Complete => "complete",
            Outcome::Mismatch(_) => "mismatch",
            Outcome::Incomplete(_) => "incomplete",
        }
    }

    const fn is_made(&self) -> bool {
        matches!(self.deed, Deed::Made)
    }

    /// The mismatch, where the run ended with one.
    pub fn mismatch(&self) -> Option<&Mismatch> {
        match &self.outcome {
            Outcome::Mismatch(mismatch) => Some(mismatch),
            Outcome::Complete | Outcome::Incomplete(_) => None,
        }
    }

    /// The other side.
    const fn peer(&self) -> Party {
        Leg::PosTerminal.peer(self.role)
    }

    /// For people.
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// For programs: one line of JSON, described by `specs/schema/replay.schema.json`.
    pub fn json(&self) -> String {
        json::render(self)
    }

    /// In one sentence.
    fn summary(&self) -> String {
        let peer = super::describe::spoken(self.peer());
        match &self.outcome {
            Outcome::Complete if self.is_made() => {
                format!("what {peer} and the live device said is a cassette now")
            }
            Outcome::Complete if self.faults.is_empty() => format!("{peer} did what the cassette has"),
            Outcome::Complete => format!("{peer} did what the cassette has, as far as the faults let it"),
            Outcome::Mismatch(mismatch) => mismatch.what.clone(),
            Outcome::Incomplete(incomplete) => incomplete.why.in_words(peer),
        }
    }
}

fn tool() -> String {
    format!("tilltape {}", env!("CARGO_PKG_VERSION"))
}
