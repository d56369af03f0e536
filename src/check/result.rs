//! What a run of `check` found: verdicts, findings and figures as values, for every reporter alike.
//!
//! The engine fills these, reporters render them, and nothing in between decides anything.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Date, Subject, WaiverUse};
use crate::conversation::Party;
use crate::pack::RuleInfo;
use crate::rule::{Finding, Reason, RunVerdict, Verdict, Witness};

/// The result of one run over one or more recordings.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckResult {
    /// Name of the pack the run was judged by.
    pub pack: String,
    /// Version of that pack.
    pub pack_version: String,
    /// Why the pack's verdicts are not to be relied on yet, where that is so.
    pub experimental: Option<String>,
    /// Site parameters in force, in the order of the pack.
    pub parameters: Vec<Parameter>,
    /// What the run as a whole says.
    pub verdict: RunVerdict,
    /// The parties that sent no message of the protocol which breaks no root rule. What is unheard is no pass.
    pub unheard: Vec<Party>,
    /// One result for each rule in scope, in the order of the pack.
    pub rules: Vec<RuleResult>,
    /// The recordings judged, in the order given. A witness names its source by the index here.
    pub sources: Vec<SourceSummary>,
    /// The waivers of the run, in the order given. A finding names its waiver by the index here.
    pub waivers: Vec<WaiverUse>,
    /// The day on which the waivers were held to be in force, where there are any.
    pub today: Option<Date>,
}

impl CheckResult {
    /// How many rules were in scope: all but those that do not apply.
    pub fn in_scope(&self) -> usize {
        self.rules.iter().filter(|rule| rule.verdict != Verdict::NotApplicable).count()
    }

    /// How many rules in scope met a trigger.
    pub fn exercised(&self) -> usize {
        self.rules.iter().filter(|rule| rule.is_exercised()).count()
    }
}

/// A site parameter and the value the run used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name: `ack_ms`.
    pub name: String,
    /// Its value as written: `5000`.
    pub value: String,
    /// Whether the user set it, rather than the pack's default.
    pub set: bool,
}

/// What one rule says of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleResult {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Its verdict.
    pub verdict: Verdict,
    /// Obligations met.
    pub met: u64,
    /// Obligations violated; may be more than `findings` holds.
    pub violated: u64,
    /// Of those violated, the ones that fall under a waiver.
    pub waived: u64,
    /// Obligations that could not be decided, by reason. Holds no zeros.
    pub undecided: BTreeMap<Reason, u64>,
    /// Obligations that fell away because another fault had removed their ground.
    pub void: u64,
    /// The violations, in the order of the recording; at most [`RuleResult::KEPT`] of them, and those that
    /// fall under a waiver only where there is room.
    pub findings: Vec<Finding>,
    /// Some of the undecided obligations, with what would decide them.
    pub undecided_examples: Vec<Undecided>,
    /// How long the answers took, for rules about time.
    pub timing: Option<Timing>,
    /// What to do next: about its violations, or to get it exercised. Full sentences in the imperative.
    pub advice: Vec<String>,
    /// What went wrong on our side or the pack's; given exactly where the verdict is `ERROR`.
    pub error: Option<String>,
}

impl RuleResult {
    /// How many findings and how many undecided examples of a rule are kept; all are counted.
    pub const KEPT: usize = 100;

    /// A rule about which nothing is known yet.
    pub fn not_exercised(rule: Arc<RuleInfo>) -> Self {
        Self {
            rule,
            verdict: Verdict::NotExercised,
            met: 0,
            violated: 0,
            waived: 0,
            undecided: BTreeMap::new(),
            void: 0,
            findings: Vec::new(),
            undecided_examples: Vec::new(),
            timing: None,
            advice: Vec::new(),
            error: None,
        }
    }

    /// Whether a trigger of this rule occurred and an obligation stood.
    pub fn is_exercised(&self) -> bool {
        match self.verdict {
            Verdict::Fail | Verdict::Inconclusive | Verdict::Pass => true,
            Verdict::NotExercised | Verdict::NotApplicable | Verdict::Review | Verdict::Error => false,
        }
    }

    /// Whether it failed, and somebody has signed for every violation.
    pub fn is_waived(&self) -> bool {
        self.verdict == Verdict::Fail && self.waived == self.violated
    }

    /// The violations nobody has signed for.
    pub fn standing(&self) -> u64 {
        self.violated - self.waived
    }

    /// Obligations that could not be decided, over all reasons.
    pub fn undecided_total(&self) -> u64 {
        self.undecided.values().sum()
    }
}

/// One obligation that could not be decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Undecided {
    /// Why not.
    pub reason: Reason,
    /// Correlation key of the flow, where the rule has one.
    pub flow: Option<String>,
    /// The events that show how far it came; the first is the trigger.
    pub witnesses: Vec<Witness>,
    /// How much longer the recording had to be, for [`Reason::Horizon`].
    pub lacking: Option<Duration>,
    /// What would decide it, one sentence in the imperative: "record 27 s longer".
    pub to_do: String,
}

/// How long the answers a rule asks for took.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// From what to what: "request to response".
    pub what: String,
    /// How many answers were timed.
    pub count: u64,
    /// The fastest.
    pub min: Duration,
    /// Half took no longer.
    pub median: Duration,
    /// Nine in ten took no longer.
    pub p90: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
    /// The slowest.
    pub worst: Duration,
    /// The limit they are held against, where the rule has one.
    pub limit: Option<Duration>,
    /// The limit divided by the slowest answer: the factor by which all answers could slow down before
    /// the verdict flips. Below 1 the limit was exceeded. `None` without a limit.
    pub flips_at_factor: Option<f64>,
    /// Distribution, the fastest first; upper bounds grow. Empty buckets in between are present.
    pub histogram: Vec<Bucket>,
}

impl Timing {
    /// Time left between the slowest answer and the limit; zero where it was exceeded.
    pub fn margin(&self) -> Option<Duration> {
        self.limit.map(|limit| limit.saturating_sub(self.worst))
    }
}

/// One bar of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Answers up to and including this long, and longer than the bucket before.
    pub up_to: Duration,
    /// How many.
    pub count: u64,
}

/// A recording that was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceSummary {
    /// Its name: the path as the user gave it, or `standard input`.
    pub name: String,
    /// The pack its header names.
    pub pack: Option<String>,
    /// Why it is judged by the pack it is judged by.
    pub basis: Basis,
    /// Who was recorded.
    pub subject: Subject,
    /// When, as the header says it (RFC 3339).
    pub recorded_at: Option<String>,
    /// Connections that opened.
    pub connections: u64,
    /// Handshakes answered without 101.
    pub refused: u64,
    /// Flows, where the pack knows how to tell them.
    pub flows: u64,
    /// Data messages.
    pub messages: u64,
    /// Values masked before they were written.
    pub masked: u64,
    /// Messages the recorder lost.
    pub lost: u64,
    /// Time from the start of the recording to its last event.
    pub duration: Duration,
    /// Whether it was finished or cut.
    pub completeness: Completeness,
}

/// Why a recording is judged by the pack it is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// Whoever wanted it judged said so.
    #[default]
    Asked,
    /// Its header names the pack.
    Named,
    /// Its header names no pack, or one whose messages these are not; but these are of the pack.
    Recognised {
        /// How many.
        messages: u64,
        /// Of how many looked at.
        of: u64,
    },
}

impl Basis {
    /// The word in formats: `asked`, `named`, `recognised`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Named => "named",
            Self::Recognised { .. } => "recognised",
        }
    }
}

/// Whether the end of a recording is there, and its content as recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    /// The last line is there and its hash fits.
    #[default]
    Finished,
    /// The last line is there, but the content is not what was recorded: edited by hand, or made by one.
    Edited,
    /// The last line is there; whether the content is what was recorded was not looked at.
    Unverified,
    /// The last line is missing: the recorder was killed, or the file was cut.
    Cut,
    /// A line in it cannot be read, and nothing behind it was judged.
    Broken,
}

impl Completeness {
    /// The word in formats: `finished`, `edited`, `unverified`, `cut`, `broken`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Edited => "edited",
            Self::Unverified => "unverified",
            Self::Cut => "cut",
            Self::Broken => "broken",
        }
    }
}

impl fmt::Display for Completeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
