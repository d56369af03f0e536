//! Sees a run for the control endpoint: the rules judge what passes, the last run gives the verdict.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use crate::conversation::{ConversationEvent, redacted};
use crate::mask::Masker;
use crate::net::replay::{Judge, Watcher};
use crate::replay::{Expected, Outcome, Player, Verdict};

/// Sees a run; `None` is seen where it ends without a verdict.
pub(super) struct Witness {
    pub(super) cassette: String,
    pub(super) times: u32,
    pub(super) masker: Masker,
    pub(super) judge: Option<Judge>,
    pub(super) runs: u32,
    pub(super) verdict: watch::Sender<Option<Arc<Verdict>>>,
}

impl Watcher for Witness {
    fn ready(&mut self, _address: SocketAddr) {}

    fn event(&mut self, event: &ConversationEvent<'_>) {
        if let Some(judge) = &mut self.judge {
            redacted(event, &self.masker, |event| judge.observe(event));
        }
    }

    fn episode(&mut self, _event: &ConversationEvent<'_>) {}

    fn note(&mut self, _note: &str) {}

    fn held(&mut self, _next: &Expected) {}

    fn run_over(&mut self, player: &Player) -> bool {
        self.runs += 1;
        let role = crate::conversation::Party::Terminal;
        let mut verdict = Verdict::of(player, &self.cassette, role, (self.runs, self.times));
        let goes_on = verdict.outcome == Outcome::Complete && self.runs < self.times;
        if !goes_on {
            verdict.conformance = self.judge.take().map(|judge| judge.finish().0);
            self.verdict.send_replace(Some(Arc::new(verdict)));
        }
        goes_on
    }
}
