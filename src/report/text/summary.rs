//! The first line of a report, which says it all, and the line that counts.

use std::time::Duration;

use crate::check::{CheckResult, RuleResult, SourceSummary};
use crate::conversation::Party;
use crate::report::sheet::{Ink, Piece, Sheet};
use crate::report::{Report, human};
use crate::rule::{RunVerdict, Verdict};

/// `NON-CONFORMANT  the POS broke ACK-1 (2 times)`
pub(super) fn verdict(sheet: &mut Sheet, report: &Report<'_>) {
    let result = report.result;
    let ink = match result.verdict {
        RunVerdict::NonConformant | RunVerdict::Invalid => Ink::Bad,
        RunVerdict::Undecided => Ink::Unsure,
        RunVerdict::ConformantWithWaivers | RunVerdict::Conformant => Ink::Good,
    };
    let word = result.verdict.as_str();
    let hang = word.len() + 2;
    let mut said = vec![(ink, word.replace(' ', "\u{a0}")), plain("  "), (Ink::Strong, why(result))];
    if result.experimental.is_some() {
        said.push((Ink::Unsure, "; the pack is experimental".to_owned()));
    }
    sheet.flow(0, hang, &said);
    let by = format!("judged by {} {}", result.pack, result.pack_version);
    let mut pieces = vec![(Ink::Faint, by)];
    let set: Vec<String> =
        result.parameters.iter().filter(|p| p.set).map(|p| format!("{} = {}", p.name, p.value)).collect();
    if !set.is_empty() {
        pieces.push((Ink::Faint, format!(" with {}", set.join(", "))));
    }
    if !report.unreadable.is_empty() {
        pieces.push((Ink::Bad, format!("; {} not judged", inputs(report.unreadable.len()))));
    }
    sheet.flow(hang, hang, &pieces);
    if let Some(why) = &result.experimental {
        sheet.flow(hang, hang, &[(Ink::Unsure, format!("experimental: {why}"))]);
    }
}

/// `3 of 4 rules in scope exercised: 1 failed, 2 passed (ID-1, RESP-1)`
pub(super) fn count(sheet: &mut Sheet, result: &CheckResult) {
    let mut pieces = vec![(
        Ink::Strong,
        format!("{} of {} rules in scope exercised", result.exercised(), result.in_scope()),
    )];
    let mut parts = Vec::new();
    for (verdict, waived, word) in [
        (Verdict::Fail, false, "failed"),
        (Verdict::Fail, true, "waived"),
        (Verdict::Error, false, "in error"),
        (Verdict::Inconclusive, false, "undecided"),
        (Verdict::Pass, false, "passed"),
        (Verdict::Review, false, "for a person"),
    ] {
        let codes = of(result, verdict).filter(|rule| rule.is_waived() == waived);
        let codes: Vec<String> = codes.map(|rule| rule.rule.code.to_string()).collect();
        match (verdict, codes.len()) {
            (_, 0) => {}
            (Verdict::Pass, n) if n <= LISTED => parts.push(format!("{n} {word} ({})", codes.join(", "))),
            (_, n) => parts.push(format!("{n} {word}")),
        }
    }
    if !parts.is_empty() {
        pieces.push(plain(format!(": {}", parts.join(", "))));
    }
    sheet.gap();
    sheet.flow(0, 2, &pieces);
}

/// Passed rules are named up to this many; beyond, their number says enough.
const LISTED: usize = 8;

/// The rules that ended so.
pub(super) fn of(result: &CheckResult, verdict: Verdict) -> impl Iterator<Item = &RuleResult> {
    result.rules.iter().filter(move |rule| rule.verdict == verdict)
}

pub(super) fn plain(text: impl Into<String>) -> Piece {
    (Ink::Plain, text.into())
}

/// `the POS`, `the terminal`, …
pub(super) fn the(party: Party) -> &'static str {
    match party {
        Party::Pos => "the POS",
        Party::Terminal => "the terminal",
        Party::Gateway => "the gateway",
    }
}

/// `1 flow`, `2 flows`, `100,000 flows`.
pub(super) fn counted(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{} {one}s", grouped(count)),
    }
}

/// A number with a comma between thousands.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time span that is not broken at the end of a line.
pub(super) fn span(span: Duration) -> String {
    human(span).replace(' ', "\u{a0}")
}

fn inputs(count: usize) -> String {
    counted(u64::try_from(count).unwrap_or(u64::MAX), "input")
}

fn why(result: &CheckResult) -> String {
    match result.verdict {
        RunVerdict::NonConformant => who_broke_what(result),
        RunVerdict::Invalid => "a rule ended in an error, so this run proves nothing".into(),
        RunVerdict::Undecided if was_refused(result) => {
            "nothing was said: every handshake was refused; `tilltape show` prints the answers".into()
        }
        RunVerdict::Undecided if result.exercised() == 0 => {
            "nothing was exercised: no rule met the message it waits for".into()
        }
        RunVerdict::Undecided => {
            let open: Vec<String> = of(result, Verdict::Inconclusive)
                .filter(|rule| rule.rule.blocks())
                .map(|rule| rule.rule.code.to_string())
                .collect();
            match (open.is_empty(), &result.unheard[..]) {
                (false, _) => {
                    format!("no documented MUST was broken, but {} could not be decided", listed(&open))
                }
                (true, []) => "no documented MUST was exercised, so none was met".into(),
                (true, [party]) => {
                    format!("{} sent nothing in order that it could be judged by", the(*party))
                }
                (true, _) => "neither party sent anything in order that it could be judged by".into(),
            }
        }
        RunVerdict::ConformantWithWaivers => {
            let waived = of(result, Verdict::Fail).filter(|rule| rule.rule.blocks() && rule.is_waived());
            let waived: Vec<String> = waived.map(|rule| times(rule, rule.waived)).collect();
            format!("every documented MUST exercised was met, but for what is waived: {}", listed(&waived))
        }
        RunVerdict::Conformant => match of(result, Verdict::Fail).count() {
            0 => "every documented MUST exercised was met".into(),
            1 => "every documented MUST exercised was met; 1 other rule was broken".into(),
            n => format!("every documented MUST exercised was met; {n} other rules were broken"),
        },
    }
}

/// Whether no connection came about, and at least one was tried.
fn was_refused(result: &CheckResult) -> bool {
    let sum = |of: fn(&SourceSummary) -> u64| result.sources.iter().map(of).sum::<u64>();
    sum(|source| source.connections) == 0 && sum(|source| source.refused) > 0
}

/// `the POS broke ACK-1 (2 times) and ID-1, the terminal broke RESP-1`
fn who_broke_what(result: &CheckResult) -> String {
    let mut clauses = Vec::new();
    for party in [Party::Pos, Party::Terminal, Party::Gateway] {
        let mut broken = Vec::new();
        for rule in of(result, Verdict::Fail).filter(|rule| rule.rule.blocks()) {
            let standing = || rule.findings.iter().filter(|finding| finding.waived_by.is_none());
            let accused = || standing().filter(|finding| finding.accused == party);
            // The kept findings may be fewer than the violations; only a rule with one accused knows them all.
            let kept = standing().all(|finding| finding.accused == party);
            let count = if kept { rule.standing() } else { accused().map(|_| 1).sum() };
            match count {
                0 => {}
                _ if accused().next().is_none() => {}
                count => broken.push(times(rule, count)),
            }
        }
        if !broken.is_empty() {
            clauses.push(format!("{} broke {}", the(party), listed(&broken)));
        }
    }
    match clauses.is_empty() {
        true => "a documented MUST was broken".into(),
        false => clauses.join(", "),
    }
}

/// `ACK-1`, `ACK-1 (2 times)`.
fn times(rule: &RuleResult, count: u64) -> String {
    match count {
        1 => rule.rule.code.to_string(),
        count => format!("{} ({} times)", rule.rule.code, grouped(count)),
    }
}

/// `A`, `A and B`, `A, B and C`.
fn listed(items: &[String]) -> String {
    match items {
        [] => "a rule".into(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}
