//! What the rules of a pack say of the peer of a run. What the cassette makes us break is not held against it.

use std::sync::Arc;

use crate::check::{self, Check, CheckResult, Completeness, Options, RuleResult, SourceInfo};
use crate::conversation::{ConversationEvent, Party};
use crate::pack::Pack;
use crate::replay::{Broken, Conformance, Script};
use crate::rule::{RunVerdict, Verdict};

/// Judges one party by the rules of a pack, while events come.
#[derive(Debug)]
pub struct Judge {
    check: Check,
    peer: Party,
}

/// What the rules say of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It kept them.
    Conformant,
    /// It broke one that decides.
    NonConformant,
    /// The run ended before all was decided.
    Undecided,
    /// The run cannot be judged.
    Invalid,
}

impl Judge {
    /// A judge of `peer` who has seen nothing yet.
    pub fn new(pack: Arc<Pack>, peer: Party) -> Self {
        let mut check = Check::new(pack, Options::default());
        check.begin(SourceInfo { name: "this run".into(), masked: true, ..SourceInfo::default() });
        Self { check, peer }
    }

    /// Looks at the next event, masked.
    pub fn observe(&mut self, event: &ConversationEvent<'_>) {
        // A payload that is no JSON is an event of its own; nothing else fails here.
        let _ = self.check.observe(event);
    }

    /// What it says of a whole cassette.
    pub fn script(mut self, script: &Script) -> (Conformance, Judged) {
        for event in script.events() {
            self.observe(&event);
        }
        self.finish()
    }

    /// The sentence.
    pub fn finish(mut self) -> (Conformance, Judged) {
        self.check.end(Completeness::Finished);
        let mut result = self.check.finish();
        check::conceal(&mut result);
        let judged = judged(&result, self.peer);
        (conformance(&result, judged, self.peer), judged)
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
    let by_peer = |rule: &RuleResult| {
        rule.verdict == Verdict::Fail && rule.findings.iter().any(|finding| finding.accused == peer)
    };
    if result.rules.iter().any(|rule| rule.rule.blocks() && by_peer(rule)) {
        return Judged::NonConformant;
    }
    // What we still owe, as the cassette wants it, leaves nothing open about the peer.
    let is_open = result.rules.iter().any(|rule| is_open(rule, peer));
    let ours_alone = || {
        let of_ours =
            |rule: &RuleResult| rule.rule.blocks() && !is_own(rule, peer) && rule.undecided_total() > 0;
        let met = |rule: &RuleResult| {
            is_own(rule, peer) && rule.rule.pack == result.pack && rule.verdict == Verdict::Pass
        };
        result.rules.iter().any(of_ours) && result.rules.iter().any(met)
    };
    match result.verdict {
        RunVerdict::Invalid => Judged::Invalid,
        RunVerdict::Conformant | RunVerdict::ConformantWithWaivers => Judged::Conformant,
        // Only we broke something, as the cassette wants it.
        RunVerdict::NonConformant if is_open => Judged::Undecided,
        RunVerdict::NonConformant => Judged::Conformant,
        RunVerdict::Undecided if !is_open && ours_alone() => Judged::Conformant,
        RunVerdict::Undecided => Judged::Undecided,
    }
}

/// Whether a rule decides the verdict, and a party may be the one to keep it.
fn is_own(rule: &RuleResult, party: Party) -> bool {
    rule.rule.blocks() && rule.rule.obligor.is_none_or(|obligor| obligor == party)
}

/// Whether a party may have broken a rule that decides the verdict, and nobody can tell.
fn is_open(rule: &RuleResult, party: Party) -> bool {
    is_own(rule, party) && rule.undecided_total() > 0
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
    let open = result.rules.iter().filter(|rule| judged == Judged::Undecided && is_open(rule, peer));
    let in_scope = || result.rules.iter().filter(|rule| rule.verdict != Verdict::NotApplicable);
    let binding = || in_scope().filter(|rule| rule.rule.obligor.is_none_or(|obligor| obligor == peer));
    Conformance {
        pack: format!("{} {}", result.pack, result.pack_version),
        verdict: judged.word(),
        broken: broken.collect(),
        open: open.map(|rule| (rule.rule.code.to_string(), rule.rule.title.clone())).collect(),
        exercised: (binding().filter(|rule| rule.is_exercised()).count(), binding().count()),
    }
}
