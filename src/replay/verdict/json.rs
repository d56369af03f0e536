//! A verdict for programs: one line of JSON. `specs/schema/replay.schema.json` describes it.

use serde::Serialize;

use super::{Conformance, VERDICT_VERSION, Verdict};
use crate::replay::difference::Difference;
use crate::replay::mismatch::{Expected, Got, Mismatch};
use crate::replay::outcome::{Incomplete, Outcome};

pub(super) fn render(verdict: &Verdict) -> String {
    let line = VerdictLine::of(verdict);
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

#[derive(Serialize)]
struct VerdictLine<'a> {
    replay: u32,
    tool: &'a str,
    verdict: &'static str,
    summary: String,
    role: &'static str,
    cassette: &'a str,
    run: RunLine,
    messages: MessagesLine,
    connections: ConnectionsLine,
    mismatch: Option<MismatchLine<'a>>,
    incomplete: Option<IncompleteLine<'a>>,
    faults: Vec<FaultLine<'a>>,
    remarks: Vec<RemarkLine<'a>>,
    conformance: Option<ConformanceLine<'a>>,
    recorded: Option<&'a str>,
    added: Option<AddedLine>,
    text: String,
}

#[derive(Serialize)]
struct AddedLine {
    connections: u64,
    messages: u64,
}

#[derive(Serialize)]
struct RunLine {
    number: u32,
    of: u32,
}

#[derive(Serialize)]
struct MessagesLine {
    sent: u64,
    to_send: u64,
    matched: u64,
    to_match: u64,
    unexpected: u64,
}

#[derive(Serialize)]
struct ConnectionsLine {
    used: u64,
    of: u64,
}

#[derive(Serialize)]
struct MismatchLine<'a> {
    expected: Option<StepLine<'a>>,
    got: GotLine<'a>,
    differences: Vec<DifferenceLine<'a>>,
    settle: Option<&'a str>,
    settle_in_pack: Option<&'a str>,
}

#[derive(Serialize)]
struct StepLine<'a> {
    n: u64,
    party: Option<&'static str>,
    what: &'a str,
    flow: Option<&'a str>,
    purpose: Option<&'a str>,
    connection: Option<u64>,
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct GotLine<'a> {
    party: &'static str,
    what: &'a str,
    connection: Option<u64>,
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct DifferenceLine<'a> {
    at: &'a str,
    what: &'static str,
    expected: Option<&'a str>,
    got: Option<&'a str>,
}

#[derive(Serialize)]
struct IncompleteLine<'a> {
    why: &'static str,
    after_ms: Option<u64>,
    waited_for: Vec<StepLine<'a>>,
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct FaultLine<'a> {
    fault: &'a str,
    n: u64,
}

#[derive(Serialize)]
struct RemarkLine<'a> {
    text: &'a str,
    times: u64,
}

#[derive(Serialize)]
struct ConformanceLine<'a> {
    pack: &'a str,
    verdict: &'static str,
    exercised: usize,
    in_scope: usize,
    broken: Vec<BrokenLine<'a>>,
    open: Vec<OpenLine<'a>>,
}

#[derive(Serialize)]
struct OpenLine<'a> {
    rule: &'a str,
    title: &'a str,
}

#[derive(Serialize)]
struct BrokenLine<'a> {
    rule: &'a str,
    title: &'a str,
    finding: &'a str,
    times: u64,
    decides: bool,
}

impl<'a> VerdictLine<'a> {
    fn of(verdict: &'a Verdict) -> Self {
        let (mismatch, incomplete) = match &verdict.outcome {
            Outcome::Complete => (None, None),
            Outcome::Mismatch(mismatch) => (Some(mismatch_line(mismatch)), None),
            Outcome::Incomplete(incomplete) => (None, Some(incomplete_line(incomplete))),
        };
        Self {
            replay: VERDICT_VERSION,
            tool: &verdict.tool,
            verdict: verdict.word(),
            summary: verdict.summary(),
            role: verdict.role.as_str(),
            cassette: &verdict.cassette,
            run: RunLine { number: verdict.run.0, of: verdict.run.1 },
            messages: MessagesLine {
                sent: verdict.tally.sent,
                to_send: verdict.messages.0,
                matched: verdict.tally.matched,
                to_match: verdict.messages.1,
                unexpected: verdict.tally.unexpected,
            },
            connections: ConnectionsLine { used: verdict.connections.0, of: verdict.connections.1 },
            mismatch,
            incomplete,
            faults: verdict.faults.iter().map(|(fault, n)| FaultLine { fault, n: *n }).collect(),
            remarks: verdict.remarks.iter().map(|(text, times)| RemarkLine { text, times: *times }).collect(),
            conformance: verdict.conformance.as_ref().map(conformance_line),
            recorded: verdict.recorded.as_deref(),
            added: verdict
                .added
                .map(|added| AddedLine { connections: added.connections, messages: added.messages }),
            text: verdict.text(),
        }
    }
}

impl Expected {
    /// The step as a verdict has it, one object of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(&step_line(self)).unwrap_or_default()
    }
}

fn mismatch_line(mismatch: &Mismatch) -> MismatchLine<'_> {
    MismatchLine {
        expected: mismatch.expected.as_ref().map(step_line),
        got: got_line(&mismatch.got),
        differences: mismatch.differences.iter().map(difference_line).collect(),
        settle: mismatch.settle.as_deref(),
        settle_in_pack: mismatch.settle_in_pack.as_deref(),
    }
}

fn difference_line(difference: &Difference) -> DifferenceLine<'_> {
    DifferenceLine {
        at: &difference.at,
        what: difference.what.as_str(),
        expected: difference.expected.as_deref(),
        got: difference.got.as_deref(),
    }
}

fn step_line(step: &Expected) -> StepLine<'_> {
    StepLine {
        n: step.n.0,
        party: step.party.map(crate::conversation::Party::as_str),
        what: &step.what,
        flow: step.flow.as_deref(),
        purpose: step.purpose.as_deref(),
        connection: step.connection,
        text: step.text.as_deref(),
    }
}

fn got_line(got: &Got) -> GotLine<'_> {
    GotLine {
        party: got.party.as_str(),
        what: &got.what,
        connection: got.connection,
        text: got.text.as_deref(),
    }
}

fn incomplete_line(incomplete: &Incomplete) -> IncompleteLine<'_> {
    IncompleteLine {
        why: incomplete.why.as_str(),
        after_ms: incomplete.why.after().map(|after| after.as_millis() as u64),
        waited_for: incomplete.waited_for.iter().map(step_line).collect(),
        note: incomplete.note.as_deref(),
    }
}

fn conformance_line(conformance: &Conformance) -> ConformanceLine<'_> {
    let broken = conformance.broken.iter().map(|broken| BrokenLine {
        rule: &broken.code,
        title: &broken.title,
        finding: &broken.finding,
        times: broken.times,
        decides: broken.decides,
    });
    ConformanceLine {
        pack: &conformance.pack,
        verdict: conformance.verdict,
        exercised: conformance.exercised.0,
        in_scope: conformance.exercised.1,
        broken: broken.collect(),
        open: conformance.open.iter().map(|(rule, title)| OpenLine { rule, title }).collect(),
    }
}
