//! Sees a run: what passed becomes the transcript, the rules judge it, the last run gives the verdict.

use std::net::SocketAddr;
use std::sync::Arc;

use super::run::Run;
use crate::conversation::transcript::{Aliases, Detail, Transcript, Volatile};
use crate::conversation::{ConversationEvent, Party, redacted};
use crate::mask::Masker;
use crate::net::replay::{Judge, Watcher};
use crate::pack::Pack;
use crate::replay::{Expected, Outcome, Player, Verdict};

/// Bytes of a transcript; a peer that never stops talking fills no memory.
const LONGEST: usize = 4 << 20;

/// Sees a run.
pub(super) struct Witness {
    cassette: String,
    role: Party,
    times: u32,
    masker: Masker,
    judge: Option<Judge>,
    transcript: Transcript,
    text: String,
    /// Events that are not in the text.
    left_out: u64,
    runs: u32,
    verdict: Option<Verdict>,
}

impl Witness {
    pub(super) fn new(
        cassette: String,
        role: Party,
        times: u32,
        masker: Masker,
        judge: Option<Judge>,
        pack: Option<&Arc<Pack>>,
    ) -> Self {
        // What differs from run to run stands under an alias.
        let of_pack = pack.map(|pack| pack.volatile.as_slice()).unwrap_or_default();
        let places = Volatile::places(of_pack.iter().map(String::as_str));
        let transcript = Transcript::new(Detail::Timeless, Aliases::new(places));
        let (text, left_out, runs, verdict) = (String::new(), 0, 0, None);
        Self { cassette, role, times, masker, judge, transcript, text, left_out, runs, verdict }
    }

    /// What it saw, once the run is over.
    pub(super) fn into_run(mut self) -> Option<Run> {
        let mut verdict = self.verdict?;
        verdict.conformance = self.judge.map(|judge| judge.finish().0);
        if self.left_out > 0 {
            self.text.push_str(&format!("# {} more\n", self.left_out));
        }
        Some(Run::new(verdict, self.text))
    }
}

impl Watcher for Witness {
    fn ready(&mut self, _address: SocketAddr) {}

    fn event(&mut self, event: &ConversationEvent<'_>) {
        let Self { masker, judge, transcript, text, left_out, .. } = self;
        redacted(event, masker, |event| {
            if text.len() < LONGEST {
                transcript.event(event, text);
            } else {
                *left_out += 1;
            }
            if let Some(judge) = judge {
                judge.observe(event);
            }
        });
    }

    fn episode(&mut self, _event: &ConversationEvent<'_>) {}

    fn note(&mut self, _note: &str) {}

    fn held(&mut self, _next: &Expected) {}

    fn run_over(&mut self, player: &Player) -> bool {
        self.runs += 1;
        let verdict = Verdict::of(player, &self.cassette, self.role, (self.runs, self.times));
        let goes_on = verdict.outcome == Outcome::Complete;
        self.verdict = Some(verdict);
        goes_on
    }
}
