//! The report for programs: `specs/schema/report.schema.json` describes every key.
//!
//! ```json
//! {"report":1,"tool":"tilltape 0.1.0","pack":{"name":"bluechip-tsi","version":"1"},"verdict":"CONFORMANT", …}
//! ```
//!
//! Keys are never absent, so `null` says "not known" or "not given"; times are whole microseconds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::{REPORT_VERSION, Report, Unreadable};
use crate::check::{
    Basis, Bucket, CheckResult, Parameter, RuleResult, SourceSummary, Timing, Undecided, WaiverUse,
};
use crate::conversation::Party;
use crate::prove;
use crate::rule::{Finding, Witness};

/// Renders one report, or an array of several: one for each pack.
pub fn jsons(reports: &[Report<'_>]) -> String {
    if let [report] = reports {
        return json(report);
    }
    let documents: Vec<Document<'_>> = reports.iter().map(Document::from).collect();
    pretty(&documents)
}

/// Renders the report as JSON: indented, keys in a fixed order, a line feed at the end.
pub fn json(report: &Report<'_>) -> String {
    pretty(&Document::from(report))
}

fn pretty(document: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(document).expect("strings, numbers and maps with string keys");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Document<'a> {
    report: u32,
    tool: &'static str,
    pack: PackView<'a>,
    parameters: Vec<ParameterView<'a>>,
    verdict: &'static str,
    unheard: Vec<&'static str>,
    rules_in_scope: usize,
    rules_exercised: usize,
    rules: Vec<RuleView<'a>>,
    today: Option<String>,
    waivers: Vec<WaiverView<'a>>,
    sources: Vec<SourceView<'a>>,
    unreadable: Vec<UnreadableView<'a>>,
    proof: Option<serde_json::Value>,
}

impl<'a> From<&Report<'a>> for Document<'a> {
    fn from(report: &Report<'a>) -> Self {
        let result: &'a CheckResult = report.result;
        Self {
            report: REPORT_VERSION,
            tool: concat!("tilltape ", env!("CARGO_PKG_VERSION")),
            pack: PackView {
                name: &result.pack,
                version: &result.pack_version,
                experimental: result.experimental.as_deref(),
            },
            parameters: result.parameters.iter().map(ParameterView::from).collect(),
            verdict: result.verdict.as_str(),
            unheard: result.unheard.iter().map(|party| party.as_str()).collect(),
            rules_in_scope: result.in_scope(),
            rules_exercised: result.exercised(),
            rules: result.rules.iter().map(RuleView::from).collect(),
            today: result.today.map(|today| today.to_string()),
            waivers: result.waivers.iter().map(WaiverView::from).collect(),
            sources: result.sources.iter().map(SourceView::from).collect(),
            unreadable: report.unreadable.iter().map(UnreadableView::from).collect(),
            proof: report.proof.map(|proof| prove::json(proof, &result.pack)),
        }
    }
}

#[derive(Serialize)]
struct PackView<'a> {
    name: &'a str,
    version: &'a str,
    experimental: Option<&'a str>,
}

#[derive(Serialize)]
struct ParameterView<'a> {
    name: &'a str,
    value: &'a str,
    set: bool,
}

impl<'a> From<&'a Parameter> for ParameterView<'a> {
    fn from(parameter: &'a Parameter) -> Self {
        Self { name: &parameter.name, value: &parameter.value, set: parameter.set }
    }
}

#[derive(Serialize)]
struct RuleView<'a> {
    pack: &'a str,
    code: String,
    version: u32,
    title: &'a str,
    level: &'static str,
    authority: &'static str,
    impact: &'static str,
    blocks: bool,
    waivable: bool,
    obligor: Option<&'static str>,
    source: &'a [String],
    page: &'a str,
    verdict: &'static str,
    met: u64,
    violated: u64,
    waived: u64,
    undecided: BTreeMap<&'static str, u64>,
    void: u64,
    findings: Vec<FindingView<'a>>,
    undecided_examples: Vec<UndecidedView<'a>>,
    timing: Option<TimingView<'a>>,
    advice: &'a [String],
    error: Option<&'a str>,
}

impl<'a> From<&'a RuleResult> for RuleView<'a> {
    fn from(result: &'a RuleResult) -> Self {
        let rule = &result.rule;
        Self {
            pack: &rule.pack,
            code: rule.code.to_string(),
            version: rule.version,
            title: &rule.title,
            level: rule.level.as_str(),
            authority: rule.authority.as_str(),
            impact: rule.impact.as_str(),
            blocks: rule.blocks(),
            waivable: rule.waivable,
            obligor: rule.obligor.map(|party| party.as_str()),
            source: &rule.source,
            page: &rule.page,
            verdict: result.verdict.as_str(),
            met: result.met,
            violated: result.violated,
            waived: result.waived,
            undecided: result.undecided.iter().map(|(reason, &count)| (reason.as_str(), count)).collect(),
            void: result.void,
            findings: result.findings.iter().map(FindingView::from).collect(),
            undecided_examples: result.undecided_examples.iter().map(UndecidedView::from).collect(),
            timing: result.timing.as_ref().map(TimingView::from),
            advice: &result.advice,
            error: result.error.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct FindingView<'a> {
    accused: &'static str,
    what: &'a str,
    expected: &'a str,
    got: &'a str,
    flow: Option<&'a str>,
    follows_from: Option<&'a str>,
    waived_by: Option<usize>,
    witnesses: Vec<WitnessView<'a>>,
}

impl<'a> From<&'a Finding> for FindingView<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            accused: finding.accused.as_str(),
            what: &finding.what,
            expected: &finding.expected,
            got: &finding.got,
            flow: finding.flow.as_deref(),
            follows_from: finding.follows_from.as_deref(),
            waived_by: finding.waived_by,
            witnesses: finding.witnesses.iter().map(WitnessView::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct WitnessView<'a> {
    source: usize,
    n: u64,
    t_us: u64,
    connection: Option<u64>,
    from: Option<&'static str>,
    role: &'a str,
    kind: Option<&'a str>,
    excerpt: &'a str,
    marked: Option<[usize; 2]>,
    pointer: Option<String>,
}

impl<'a> From<&'a Witness> for WitnessView<'a> {
    fn from(witness: &'a Witness) -> Self {
        let characters = |bytes: usize| witness.excerpt.get(..bytes).map(|text| text.chars().count());
        Self {
            source: witness.source,
            n: witness.n.0,
            t_us: witness.at.as_micros(),
            connection: witness.connection.map(|connection| connection.0),
            from: witness.from.map(|party| party.as_str()),
            role: &witness.role,
            kind: witness.kind.as_deref(),
            excerpt: &witness.excerpt,
            marked: witness
                .marked
                .as_ref()
                .and_then(|range| Some([characters(range.start)?, characters(range.end)?])),
            pointer: witness.pointer.as_ref().map(ToString::to_string),
        }
    }
}

#[derive(Serialize)]
struct UndecidedView<'a> {
    reason: &'static str,
    flow: Option<&'a str>,
    witnesses: Vec<WitnessView<'a>>,
    lacking_us: Option<u64>,
    to_do: &'a str,
}

impl<'a> From<&'a Undecided> for UndecidedView<'a> {
    fn from(open: &'a Undecided) -> Self {
        Self {
            reason: open.reason.as_str(),
            flow: open.flow.as_deref(),
            witnesses: open.witnesses.iter().map(WitnessView::from).collect(),
            lacking_us: open.lacking.map(micros),
            to_do: &open.to_do,
        }
    }
}

#[derive(Serialize)]
struct TimingView<'a> {
    what: &'a str,
    count: u64,
    min_us: u64,
    median_us: u64,
    p90_us: u64,
    p99_us: u64,
    worst_us: u64,
    limit_us: Option<u64>,
    margin_us: Option<u64>,
    flips_at_factor: Option<f64>,
    histogram: Vec<BucketView>,
}

impl<'a> From<&'a Timing> for TimingView<'a> {
    fn from(timing: &'a Timing) -> Self {
        Self {
            what: &timing.what,
            count: timing.count,
            min_us: micros(timing.min),
            median_us: micros(timing.median),
            p90_us: micros(timing.p90),
            p99_us: micros(timing.p99),
            worst_us: micros(timing.worst),
            limit_us: timing.limit.map(micros),
            margin_us: timing.margin().map(micros),
            flips_at_factor: timing.flips_at_factor,
            histogram: timing.histogram.iter().map(BucketView::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct BucketView {
    up_to_us: u64,
    count: u64,
}

impl From<&Bucket> for BucketView {
    fn from(bucket: &Bucket) -> Self {
        Self { up_to_us: micros(bucket.up_to), count: bucket.count }
    }
}

#[derive(Serialize)]
struct WaiverView<'a> {
    file: &'a str,
    line: usize,
    pack: &'a str,
    code: String,
    version: u32,
    subject: String,
    accused: &'static str,
    messages: &'a [String],
    reason: &'a str,
    owner: &'a str,
    approver: &'a str,
    granted: String,
    expires: String,
    matched: u64,
}

impl<'a> From<&'a WaiverUse> for WaiverView<'a> {
    fn from(WaiverUse { waiver, matched }: &'a WaiverUse) -> Self {
        Self {
            file: &waiver.file,
            line: waiver.line,
            pack: &waiver.pack,
            code: waiver.code.to_string(),
            version: waiver.version,
            subject: waiver.devices.words(),
            accused: waiver.accused.as_str(),
            messages: &waiver.messages,
            reason: &waiver.reason,
            owner: &waiver.owner,
            approver: &waiver.approver,
            granted: waiver.granted.to_string(),
            expires: waiver.expires.to_string(),
            matched: *matched,
        }
    }
}

#[derive(Serialize)]
struct SourceView<'a> {
    name: &'a str,
    pack: Option<&'a str>,
    basis: &'static str,
    recognised: Option<RecognisedView>,
    subject: SubjectView,
    recorded_at: Option<&'a str>,
    connections: u64,
    refused: u64,
    flows: u64,
    messages: u64,
    masked: u64,
    lost: u64,
    duration_us: u64,
    completeness: &'static str,
}

#[derive(Serialize)]
struct RecognisedView {
    messages: u64,
    of: u64,
}

#[derive(Serialize)]
struct SubjectView {
    pos: Option<String>,
    terminal: Option<String>,
}

impl<'a> From<&'a SourceSummary> for SourceView<'a> {
    fn from(source: &'a SourceSummary) -> Self {
        Self {
            name: &source.name,
            pack: source.pack.as_deref(),
            basis: source.basis.as_str(),
            recognised: match source.basis {
                Basis::Recognised { messages, of } => Some(RecognisedView { messages, of }),
                Basis::Asked | Basis::Named => None,
            },
            subject: SubjectView {
                pos: source.subject.words(Party::Pos),
                terminal: source.subject.words(Party::Terminal),
            },
            recorded_at: source.recorded_at.as_deref(),
            connections: source.connections,
            refused: source.refused,
            flows: source.flows,
            messages: source.messages,
            masked: source.masked,
            lost: source.lost,
            duration_us: micros(source.duration),
            completeness: source.completeness.as_str(),
        }
    }
}

#[derive(Serialize)]
struct UnreadableView<'a> {
    name: &'a str,
    line: Option<u64>,
    message: &'a str,
}

impl<'a> From<&'a Unreadable> for UnreadableView<'a> {
    fn from(input: &'a Unreadable) -> Self {
        Self { name: &input.name, line: input.line, message: &input.message }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
