//! One run of `check`: sources come in one after the other, event by event; one result comes out.
//!
//! What is judged stands in `rule`; here the run is kept together: the sources and their figures, the
//! result of each rule, the verdict of the whole. Nothing here reads a file or a clock.

use std::sync::Arc;

use super::{CheckResult, Completeness, SourceSummary, Subject};
use crate::conversation::{ConversationEvent, Offset};
use crate::pack::{Pack, RuleInfo, RuleSelector};
use crate::rule::Finding;
use crate::text::json::JsonError;

/// What a run is asked to do besides running the pack.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The rules in scope; empty means all.
    pub rules: Vec<RuleSelector>,
}

/// What is known of a recording before its first event.
#[derive(Clone, Debug, Default)]
pub struct SourceInfo {
    /// Its name: the path as the user gave it, or `standard input`.
    pub name: String,
    /// The pack its header names.
    pub pack: Option<String>,
    /// Who was recorded.
    pub subject: Subject,
    /// When, as the header says it (RFC 3339).
    pub recorded_at: Option<String>,
    /// Whether the recorder masked it, so that card data in clear need not be looked for again.
    pub masked: bool,
}

/// A run over one or more recordings, or over a live one.
#[derive(Debug)]
pub struct Check {
    pack: Arc<Pack>,
    sources: Vec<SourceSummary>,
}

impl Check {
    /// A run that judges by `pack`.
    pub fn new(pack: Arc<Pack>, _options: Options) -> Self {
        Self { pack, sources: Vec::new() }
    }

    /// A recording starts. The one before must have ended.
    pub fn begin(&mut self, source: SourceInfo) {
        self.sources.push(SourceSummary { name: source.name, ..SourceSummary::default() });
    }

    /// The next event of the recording.
    ///
    /// Walks a JSON payload from its start to its end; where that is no JSON, nothing was judged and the
    /// error says where. This is the only look at the payload: it need not be validated before.
    pub fn observe(&mut self, _event: &ConversationEvent<'_>) -> Result<(), JsonError> {
        Ok(())
    }

    /// Time has passed without an event: live, deadlines expire now.
    pub fn advance(&mut self, _now: Offset) {}

    /// The recording ended; its last event is the horizon.
    pub fn end(&mut self, _completeness: Completeness) {}

    /// The findings that have become certain since the last call, for live display.
    pub fn take_new_findings(&mut self) -> Vec<(Arc<RuleInfo>, Finding)> {
        Vec::new()
    }

    /// The result of the run.
    pub fn finish(self) -> CheckResult {
        CheckResult {
            pack: self.pack.name.clone(),
            pack_version: self.pack.version.clone(),
            parameters: Vec::new(),
            verdict: crate::rule::RunVerdict::Undecided,
            rules: self
                .pack
                .rules
                .iter()
                .map(|rule| super::RuleResult::not_exercised(Arc::clone(&rule.info)))
                .collect(),
            sources: self.sources,
        }
    }
}
