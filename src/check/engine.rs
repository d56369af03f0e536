//! One run of `check`: sources come in one after the other, event by event; one result comes out.
//!
//! What is judged stands in `rule`; here the run is kept together: the sources and their figures, the
//! result of each rule, the verdict of the whole. Nothing here reads a file or a clock.

use std::sync::Arc;
use std::time::Duration;

use super::result::Parameter;
use super::waiver::Grant;
use super::{
    Basis, Bucket, CheckResult, Completeness, Date, RuleResult, SourceSummary, Subject, Timing, Undecided,
    WaiverUse, Waivers,
};
use crate::conversation::{ConversationEvent, EventKind, Offset, Party};
use crate::pack::{Carrier, Judges, Pack, PackErrors, Pattern, Role, Rule, RuleInfo, RuleSelector, Selector};
use crate::rule::{Example, Finding, Judge, Reason, RunVerdict, Tally, Verdict, a, spoken};
use crate::text::json::JsonError;

/// What a run is asked to do besides running the pack.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The rules in scope; empty means all.
    pub rules: Vec<RuleSelector>,
    /// Whether every message is judged as if none like it had come before. That is slower, and the result is the
    /// same: it is there to be compared with.
    pub afresh: bool,
}

/// What is known of a recording before its first event.
#[derive(Clone, Debug, Default)]
pub struct SourceInfo {
    /// Its name: the path as the user gave it, or `standard input`.
    pub name: String,
    /// The pack its header names.
    pub pack: Option<String>,
    /// Why it is judged by the pack of the run.
    pub basis: Basis,
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
    in_scope: Vec<bool>,
    judge: Judge,
    sources: Vec<SourceSummary>,
    horizon: Offset,
    running: bool,
    grants: Vec<Grant>,
    today: Option<Date>,
}

impl Check {
    /// A run that judges by `pack`.
    ///
    /// Every rule of the pack is run, so that what follows from a fault is folded under it whatever is
    /// asked for; [`Options::rules`] picks the rules that are reported and that decide.
    pub fn new(pack: Arc<Pack>, options: Options) -> Self {
        let Options { rules, afresh } = options;
        let picked = |rule: &Rule| {
            rules.is_empty() || rules.iter().any(|selector| selector.picks(&rule.info.pack, &rule.info.code))
        };
        let in_scope = pack.rules.iter().map(picked).collect();
        let judge = Judge::new(Arc::clone(&pack), afresh);
        Self {
            pack,
            in_scope,
            judge,
            sources: Vec::new(),
            horizon: Offset::ZERO,
            running: false,
            grants: Vec::new(),
            today: None,
        }
    }

    /// As [`Check::new`], for a recording that is made now: [`Check::take_new_findings`] tells what is certain.
    pub fn live(pack: Arc<Pack>, options: Options) -> Self {
        let mut check = Self::new(pack, options);
        check.judge.watch();
        check
    }

    /// Marks the findings that fall under `waivers`, with whose lenses the pack was loaded. Before anything is
    /// observed.
    pub fn waive(&mut self, waivers: &Waivers) -> Result<(), PackErrors> {
        self.grants = waivers.grants(&self.pack)?;
        self.today = Some(waivers.today());
        self.judge.exempt(self.grants.iter().map(|grant| grant.exemption.clone()).collect());
        Ok(())
    }

    /// A recording starts. One that has not ended is taken as cut.
    pub fn begin(&mut self, source: SourceInfo) {
        if self.running {
            self.end(Completeness::Cut);
        }
        self.horizon = Offset::ZERO;
        self.running = true;
        let in_force = self.grants.iter().map(|grant| grant.waiver.devices.are(&source.subject));
        self.judge.begin(source.masked, in_force.collect());
        self.sources.push(SourceSummary {
            name: source.name,
            pack: source.pack,
            basis: source.basis,
            subject: source.subject,
            recorded_at: source.recorded_at,
            ..SourceSummary::default()
        });
    }

    /// The next event of the recording.
    ///
    /// Walks a JSON payload from its start to its end; where that is no JSON, nothing was judged and the
    /// error says where. This is the only look at the payload: it need not be validated before.
    #[inline]
    pub fn observe(&mut self, event: &ConversationEvent<'_>) -> Result<(), JsonError> {
        if !self.running {
            self.begin(SourceInfo::default());
        }
        self.judge.observe(event)?;
        self.horizon = self.horizon.max(event.at);
        if let Some(source) = self.sources.last_mut() {
            count(source, event);
        }
        Ok(())
    }

    /// Time has passed: everything that happened before `now` was observed, and deadlines before it expire.
    ///
    /// Whether this is called, and how often, changes when a finding becomes known and nothing else.
    pub fn advance(&mut self, now: Offset) {
        self.judge.advance(now);
    }

    /// The recording ended; its last event is the horizon.
    pub fn end(&mut self, completeness: Completeness) {
        if !self.running {
            return;
        }
        self.running = false;
        self.judge.end(self.horizon);
        let flows = self.judge.take_flows();
        if let Some(source) = self.sources.last_mut() {
            source.duration = self.horizon.since(Offset::ZERO);
            source.completeness = completeness;
            source.flows = flows;
        }
    }

    /// Whether recordings may be judged apart: no rule holds from one to the next.
    pub fn is_divisible(&self) -> bool {
        !self.pack.outlives_a_recording()
    }

    /// A run of its own by the same pack, with the same rules in scope and the same waivers: of later
    /// recordings, judged elsewhere and then [absorbed](Check::absorb). Where [the run may be
    /// divided](Check::is_divisible).
    pub fn fork(&self) -> Self {
        let mut fork = Self::new(Arc::clone(&self.pack), Options::default());
        fork.in_scope.clone_from(&self.in_scope);
        fork.grants.clone_from(&self.grants);
        fork.judge.exempt(fork.grants.iter().map(|grant| grant.exemption.clone()).collect());
        fork
    }

    /// Takes over what a [fork](Check::fork) has found in recordings that come after those of this run; the fork is
    /// as it was made, and may judge others.
    ///
    /// The result is the one this run would have come to had it judged them itself.
    pub fn absorb(&mut self, later: &mut Self) {
        self.end(Completeness::Cut);
        later.end(Completeness::Cut);
        self.sources.append(&mut later.sources);
        self.judge.absorb(&mut later.judge);
    }

    /// The findings that have become certain since the last call, of rules in scope; of [`Check::live`] only.
    ///
    /// Each is told once and stands in the result, with the same rule, accused and trigger. Its words may
    /// say more there: what was missing at its deadline may have come late.
    pub fn take_new_findings(&mut self) -> Vec<(Arc<RuleInfo>, Finding)> {
        let fresh = self.judge.take_fresh().into_iter();
        fresh
            .filter(|(rule, _)| self.in_scope[rule.index()])
            .map(|(rule, finding)| (Arc::clone(&self.pack.rules[rule.index()].info), finding))
            .collect()
    }

    /// The result of the run. A recording that has not ended is taken as cut.
    pub fn finish(mut self) -> CheckResult {
        self.end(Completeness::Cut);
        let used = self.judge.exempted();
        let waivers = self.grants.iter().zip(used);
        let waivers =
            waivers.map(|(grant, &matched)| WaiverUse { waiver: Arc::clone(&grant.waiver), matched });
        let waivers: Vec<_> = waivers.collect();
        let asked = self.judge.has_asked();
        let unheard = self.judge.unheard();
        let tallies = self.judge.into_tallies();
        let rules: Vec<RuleResult> = self
            .pack
            .rules
            .iter()
            .zip(tallies)
            .zip(&self.in_scope)
            .filter(|(_, in_scope)| **in_scope)
            .map(|((rule, tally), _)| rule_result(&self.pack, rule, tally))
            .collect();
        CheckResult {
            pack: self.pack.name.clone(),
            pack_version: self.pack.version.clone(),
            experimental: self.pack.experimental.clone(),
            parameters: parameters(&self.pack),
            verdict: run_verdict(
                &self.pack,
                &rules,
                asked || self.sources.iter().any(|source| source.flows > 0),
                &unheard,
            ),
            unheard,
            rules,
            sources: self.sources,
            waivers,
            today: self.today,
        }
    }
}

/// The verdict of a run: only documented MUSTs block, and no evidence is no pass.
///
/// `spoken` says that a flow was opened, or something asked, in words of the pack's protocol; `unheard` who has
/// said nothing in order.
fn run_verdict(pack: &Pack, rules: &[RuleResult], spoken: bool, unheard: &[Party]) -> RunVerdict {
    let blocking = || rules.iter().filter(|rule| rule.rule.blocks());
    if blocking().any(|rule| rule.standing() > 0) {
        return RunVerdict::NonConformant;
    }
    if rules.iter().any(|rule| rule.verdict == Verdict::Error) {
        return RunVerdict::Invalid;
    }
    // What every protocol has in common, such as well-formed frames, is no evidence about this one.
    let evidence = rules.iter().any(|rule| {
        rule.verdict == Verdict::Pass
            && (rule.rule.blocks() || blocking().next().is_none())
            && (rule.rule.pack == pack.name || rules.iter().all(|rule| rule.rule.pack != pack.name))
    });
    // Messages in which no flow of this protocol ever opens are another protocol, or the parties swapped.
    let opens = pack.kinds.iter().any(|kind| kind.role == Role::Opens);
    // Who is silent, or only says what it hears, has kept nothing.
    let evidence = evidence && (!opens || spoken) && unheard.is_empty();
    // What is waived is out of the way, and what could not be decided comes to light behind it.
    if !evidence || blocking().any(|rule| rule.undecided_total() > 0) {
        return RunVerdict::Undecided;
    }
    match blocking().any(RuleResult::is_waived) {
        true => RunVerdict::ConformantWithWaivers,
        false => RunVerdict::Conformant,
    }
}

fn count(source: &mut SourceSummary, event: &ConversationEvent<'_>) {
    let masked = match &event.kind {
        EventKind::Open(opening) => {
            source.connections += 1;
            opening.masked.len()
        }
        EventKind::Refused(refusal) => {
            source.refused += 1;
            refusal.opening.masked.len()
        }
        EventKind::Message(message) => {
            source.messages += 1;
            message.masked.len()
        }
        EventKind::Gap(gap) => {
            source.lost += gap.messages;
            0
        }
        EventKind::Ping(control) | EventKind::Pong(control) => control.masked.len(),
        EventKind::Close(close) => close.masked.len(),
        EventKind::Undecodable(undecodable) => undecodable.masked.len(),
        EventKind::Note(note) => note.masked.len(),
        EventKind::Drop(_) | EventKind::Clock(_) | EventKind::End(_) => 0,
    };
    source.masked += masked as u64;
}

fn parameters(pack: &Pack) -> Vec<Parameter> {
    let parameters = pack.parameters.iter();
    parameters.map(|p| Parameter { name: p.name.clone(), value: p.value.to_string(), set: p.set }).collect()
}

fn rule_result(pack: &Pack, rule: &Rule, tally: Tally) -> RuleResult {
    let verdict = tally.verdict();
    let timing = timing(pack, rule, &tally);
    let mut findings = tally.findings;
    // What was decided at the end of a connection came to light in no particular order.
    findings.sort_by_key(|finding| finding.witnesses.first().map(|first| (first.source, first.n)));
    RuleResult {
        verdict,
        met: tally.met,
        violated: tally.violated,
        waived: tally.waived,
        undecided: tally.undecided,
        void: tally.void,
        findings,
        undecided_examples: tally.examples.into_iter().map(undecided).collect(),
        timing,
        advice: advice(pack, rule, verdict),
        error: tally.error,
        ..RuleResult::not_exercised(Arc::clone(&rule.info))
    }
}

fn undecided(example: Example) -> Undecided {
    let Example { reason, flow, witnesses, lacking, to_do } = example;
    let to_do = to_do.unwrap_or_else(|| match (reason, lacking) {
        (Reason::Horizon, Some(lacking)) => format!("Record {} longer.", spoken(rounded_up(lacking))),
        (Reason::Horizon, None) => "Record on until the answer comes or the connection closes.".to_owned(),
        (Reason::Channel, _) => "Repeat the flow and keep the link up until the answer is due.".to_owned(),
        (Reason::Gap, _) => "Record the flow again, whole and without a gap.".to_owned(),
        (Reason::Start, _) => "Record again, from the opening of the connection on.".to_owned(),
        (Reason::Doubt, _) => {
            "Repeat it without a transaction whose part in the sum is not known or that failed.".to_owned()
        }
        (Reason::Clock, _) => "Repeat the flow: this one is too near to the limit to tell.".to_owned(),
        (Reason::Crossing, _) => "Repeat the flow: two messages crossed on the wire.".to_owned(),
        (Reason::Undecodable, _) => {
            "Repeat the flow: a message that may be the missing one cannot be read.".to_owned()
        }
        (Reason::Masked, _) => "Compare the values on the devices: here they are masked.".to_owned(),
    });
    Undecided { reason, flow, witnesses, lacking, to_do }
}

/// Whole seconds above a second, so that nobody records 26.998 s.
fn rounded_up(duration: Duration) -> Duration {
    if duration > Duration::from_secs(1) {
        return Duration::from_secs(duration.as_millis().div_ceil(1_000) as u64);
    }
    Duration::from_millis(duration.as_micros().div_ceil(1_000) as u64)
}

fn timing(pack: &Pack, rule: &Rule, tally: &Tally) -> Option<Timing> {
    let Pattern::Respond(respond) = &rule.pattern else { return None };
    if respond.judges == Judges::Existence || tally.timing.count() == 0 {
        return None;
    }
    let distribution = &tally.timing;
    // A limit that messages say is another one each time.
    let window = &respond.window;
    let limit = window.upper.filter(|_| window.upper_at.is_none() && window.learned.is_none());
    let worst = distribution.max();
    let factor = |limit: Duration| limit.as_secs_f64() / worst.as_secs_f64().max(1e-6);
    Some(Timing {
        what: format!("{} to {}", pack.noun(&respond.to), pack.noun(&respond.with)),
        count: distribution.count(),
        min: distribution.min(),
        median: distribution.percentile(50),
        p90: distribution.percentile(90),
        p99: distribution.percentile(99),
        worst,
        limit,
        flips_at_factor: limit.map(factor),
        histogram: distribution.octaves().into_iter().map(|(up_to, count)| Bucket { up_to, count }).collect(),
    })
}

fn advice(pack: &Pack, rule: &Rule, verdict: Verdict) -> Vec<String> {
    if verdict != Verdict::NotExercised {
        return Vec::new();
    }
    let default = || match &rule.pattern {
        Pattern::Shape(shape) => record_one(pack, &shape.on),
        Pattern::Never(never) => {
            record_one(pack, never.after.as_ref().or(never.among.as_ref()).unwrap_or(&never.message))
        }
        Pattern::Unique(unique) => record_one(pack, &unique.on),
        Pattern::Respond(respond) => record_one(pack, &respond.to),
        Pattern::Precede(precede) => record_one(pack, &precede.then),
        Pattern::Order(order) => {
            let names: Vec<_> = order.messages.iter().map(|step| a(&step.what)).collect();
            format!("Record an exchange with {}.", names.join(" or "))
        }
        Pattern::Agree(agree) => record_one(pack, &agree.of),
        Pattern::Limit(limit) => record_one(pack, &limit.on),
    };
    vec![rule.advice.clone().unwrap_or_else(default)]
}

/// What to record so that a message of these kinds is in it.
fn record_one(pack: &Pack, selector: &Selector) -> String {
    let kinds = || selector.kinds.iter().map(|&kind| &pack.kinds[kind.0]);
    let names = kinds().map(|kind| a(&kind.what)).collect::<Vec<_>>().join(" or ");
    // Connections and their ends are nothing that anybody sends.
    let is_unsent = |carrier: &Carrier| kinds().any(|kind| kind.carriers.contains(*carrier));
    if [Carrier::Open, Carrier::Drop, Carrier::Abandoned].iter().any(is_unsent) {
        return format!("Record an exchange with {names}.");
    }
    format!("Record an exchange in which {names} is sent.")
}
