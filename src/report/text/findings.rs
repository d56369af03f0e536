//! Who broke what, what could not be decided, and what was never seen: with evidence and next steps.

use super::summary::{counted, grouped, of, plain, span, the};
use crate::check::{CheckResult, RuleResult, Undecided, WaiverUse};
use crate::report::sheet::{Ink, Piece, Sheet};
use crate::rule::{Finding, Reason, Verdict, Witness};

/// Findings and undecided obligations printed in full for one rule.
const SHOWN: usize = 3;

/// Rules listed in a table.
const LISTED: usize = 12;

/// Columns of the words on the left of a finding.
const LABEL: usize = 10;

/// Column at which what belongs to a rule starts.
const INDENT: usize = 2;

/// Rules broken: those that decide the verdict, the others, and those somebody has signed for.
pub(super) fn failed(sheet: &mut Sheet, result: &CheckResult) {
    let rank = |rule: &RuleResult| (rule.is_waived(), !rule.rule.blocks());
    for group in [(false, false), (false, true), (true, false), (true, true)] {
        for rule in of(result, Verdict::Fail).filter(|rule| rank(rule) == group) {
            let word =
                if rule.is_waived() { (Ink::Unsure, "WAIVED".into()) } else { (Ink::Bad, "FAIL".into()) };
            heading(sheet, word, rule);
            let (folded, mut own): (Vec<_>, Vec<_>) =
                rule.findings.iter().partition(|finding| finding.follows_from.is_some());
            own.sort_by_key(|finding| finding.waived_by.is_some());
            for (index, finding) in own.iter().take(SHOWN).enumerate() {
                violation(sheet, result, index + 1, finding);
            }
            let shown = own.len().min(SHOWN) + folded.len();
            more(sheet, rule.violated, shown);
            for finding in folded.iter().take(SHOWN) {
                let root = finding.follows_from.as_deref().unwrap_or_default();
                let waived = if finding.waived_by.is_some() { " (waived)" } else { "" };
                let text = format!("follows from {root}: {}{waived}", finding.what);
                sheet.flow(INDENT, INDENT + 2, &[(Ink::Faint, text)]);
            }
            sheet.gap();
            advice(sheet, rule);
            step(sheet, &unbroken(&format!("tilltape explain {}/{}", rule.rule.pack, rule.rule.code)));
        }
    }
}

/// Rules that ended in an error of ours or the pack's.
pub(super) fn errors(sheet: &mut Sheet, result: &CheckResult) {
    for rule in of(result, Verdict::Error) {
        heading(sheet, (Ink::Bad, "ERROR".into()), rule);
        let what = rule.error.as_deref().unwrap_or("the rule could not be judged");
        sheet.flow(INDENT, INDENT, &[plain(what)]);
        advice(sheet, rule);
    }
}

/// Rules with an obligation left open.
pub(super) fn undecided(sheet: &mut Sheet, result: &CheckResult) {
    for rule in of(result, Verdict::Inconclusive) {
        heading(sheet, (Ink::Unsure, "UNDECIDED".into()), rule);
        for (index, open) in rule.undecided_examples.iter().take(SHOWN).enumerate() {
            example(sheet, result, index + 1, open);
        }
        more(sheet, rule.undecided_total(), rule.undecided_examples.len().min(SHOWN));
        let lacking: Vec<_> = rule.undecided_examples.iter().filter_map(|open| open.lacking).collect();
        sheet.gap();
        if let (2.., Some(longest)) = (lacking.len(), lacking.iter().max()) {
            step(sheet, &format!("record {} longer to decide all that waited", span(*longest)));
        }
        advice(sheet, rule);
    }
}

/// Rules whose trigger never came.
pub(super) fn not_exercised(sheet: &mut Sheet, result: &CheckResult) {
    table(sheet, result, Verdict::NotExercised, "NOT EXERCISED");
}

/// Rules that need a receipt, a screen or a person.
pub(super) fn for_review(sheet: &mut Sheet, result: &CheckResult) {
    table(sheet, result, Verdict::Review, "FOR A PERSON TO JUDGE");
}

fn table(sheet: &mut Sheet, result: &CheckResult, verdict: Verdict, title: &str) {
    let width = of(result, verdict).map(|rule| rule.rule.code.to_string().len()).max();
    let Some(width) = width else { return };
    sheet.gap();
    sheet.flow(0, 0, &[(Ink::Strong, title.into())]);
    let hang = INDENT + width + 2;
    for rule in of(result, verdict).take(LISTED) {
        let mut pieces = vec![
            (Ink::Strong, rule.rule.code.to_string()),
            plain(nbsp(width - rule.rule.code.to_string().len() + 2)),
            plain(rule.rule.title.clone()),
        ];
        if let Some(advice) = rule.advice.first() {
            pieces.push((Ink::Faint, format!(" {} {advice}", sheet.glyph("—", "-"))));
        }
        sheet.flow(INDENT, hang, &pieces);
    }
    let rest = of(result, verdict).count().saturating_sub(LISTED);
    if rest > 0 {
        let dots = sheet.glyph("…", "...");
        sheet.flow(INDENT, INDENT, &[(Ink::Faint, format!("{dots} and {rest} more"))]);
    }
}

fn heading(sheet: &mut Sheet, word: Piece, rule: &RuleResult) {
    let info = &rule.rule;
    let code = info.code.to_string();
    let hang = word.1.len() + code.len() + 4;
    sheet.gap();
    let title = (Ink::Strong, info.title.clone());
    sheet.flow(0, hang, &[word, plain("  "), (Ink::Strong, code), plain("  "), title]);
    let mut facts =
        format!("{} {}, {} at stake", info.authority, info.level.as_str().to_uppercase(), info.impact);
    let judged = rule.met + rule.violated + rule.undecided_total();
    if rule.violated > 0 {
        facts.push_str(&format!("; {} of {} broken", grouped(rule.violated), counted(judged, "obligation")));
    }
    match rule.waived {
        0 => {}
        _ if rule.is_waived() => facts.push_str(", all waived"),
        waived => facts.push_str(&format!(", {} of them waived", grouped(waived))),
    }
    if rule.violated > 0 && rule.undecided_total() > 0 {
        facts.push_str(&format!(", {} undecided", grouped(rule.undecided_total())));
    }
    if judged > 0 && !info.blocks() {
        facts.push_str("; does not decide the verdict");
    }
    if !info.source.is_empty() {
        facts.push_str(&format!("; {}", info.source.join(", ")));
    }
    sheet.flow(INDENT, INDENT, &[(Ink::Faint, facts)]);
}

fn violation(sheet: &mut Sheet, result: &CheckResult, number: usize, finding: &Finding) {
    sheet.gap();
    let number = format!("{number}.");
    let inner = INDENT + number.len() + 1;
    sheet.flow(INDENT, inner, &[plain(number), plain(" "), (Ink::Strong, finding.what.clone())]);
    let accused = vec![label("accused"), (Ink::Bad, the(finding.accused).into())];
    place(sheet, result, inner, accused, finding.flow.as_deref(), &finding.witnesses);
    witnesses(sheet, inner, &finding.witnesses);
    sheet.flow(inner, inner + LABEL, &[label("expected"), plain(finding.expected.clone())]);
    sheet.flow(inner, inner + LABEL, &[label("got"), plain(finding.got.clone())]);
    if let Some(WaiverUse { waiver, .. }) = finding.waived_by.and_then(|index| result.waivers.get(index)) {
        let until = format!("until {}, owner {}: ", waiver.expires, waiver.owner);
        sheet.flow(
            inner,
            inner + LABEL,
            &[label("waived"), (Ink::Unsure, until), plain(waiver.reason.clone())],
        );
    }
    if let Some(command) = show(result, finding.flow.as_deref(), &finding.witnesses) {
        sheet.flow(inner, inner + LABEL, &[label("see"), plain(unbroken(&command))]);
    }
}

fn example(sheet: &mut Sheet, result: &CheckResult, number: usize, open: &Undecided) {
    sheet.gap();
    let number = format!("{number}.");
    let inner = INDENT + number.len() + 1;
    sheet.flow(INDENT, inner, &[plain(number), plain(" "), (Ink::Strong, because(open.reason).into())]);
    place(sheet, result, inner, vec![label("where")], open.flow.as_deref(), &open.witnesses);
    witnesses(sheet, inner, &open.witnesses);
    if !open.to_do.is_empty() {
        sheet.flow(inner, inner + LABEL, &[label("to do"), plain(open.to_do.clone())]);
    }
}

/// Who, in which flow of which recording; the recording only where there are several.
fn place(
    sheet: &mut Sheet,
    result: &CheckResult,
    inner: usize,
    mut pieces: Vec<Piece>,
    flow: Option<&str>,
    witnesses: &[Witness],
) {
    let mut parts = Vec::new();
    if let Some(flow) = flow {
        parts.push(format!("flow {flow}"));
    }
    if let Some(connection) = witnesses.iter().find_map(|witness| witness.connection) {
        parts.push(connection.to_string());
    }
    if result.sources.len() > 1
        && let Some(source) = witnesses.first().and_then(|witness| result.sources.get(witness.source))
    {
        parts.push(source.name.clone());
    }
    if pieces.len() > 1 && !parts.is_empty() {
        pieces.push((Ink::Faint, ", ".into()));
    }
    pieces.push((Ink::Faint, parts.join(", ")));
    sheet.flow(inner, inner + LABEL, &pieces);
}

/// Two lines each: number, sender, time and part; then the message itself, with the whole width.
fn witnesses(sheet: &mut Sheet, inner: usize, witnesses: &[Witness]) {
    let width = witnesses.iter().map(|witness| witness.n.to_string().len()).max().unwrap_or(0);
    for (index, witness) in witnesses.iter().enumerate() {
        let number = witness.n.to_string();
        let who = witness.from.map_or("", |party| party.as_str());
        let mut when = witness.at.to_string();
        if index > 0 && witness.source == witnesses[0].source {
            when.push_str(&format!(" (+{})", span(witness.at.since(witnesses[0].at))));
        }
        let mut pieces = vec![
            plain(nbsp(width - number.len())),
            (Ink::Strong, number),
            plain(nbsp(2)),
            (Ink::Strong, who.into()),
            plain(if who.is_empty() { "" } else { " at " }),
            plain(when),
        ];
        if !witness.role.is_empty() {
            pieces.push((Ink::Faint, format!(", {}", witness.role)));
        }
        sheet.flow(inner, inner + width + 2, &pieces);
        if !witness.excerpt.is_empty() {
            sheet.quote(inner + width + 2, &witness.excerpt, witness.marked.clone());
        }
    }
}

/// The command that shows the flow, for a recording that is a file.
fn show(result: &CheckResult, flow: Option<&str>, witnesses: &[Witness]) -> Option<String> {
    let source = result.sources.get(witnesses.first()?.source)?;
    if source.name.starts_with("standard input") {
        return None;
    }
    let mut command = format!("tilltape show {}", quoted(&source.name));
    if let Some(flow) = flow {
        command.push_str(&format!(" --flow {}", quoted(flow)));
    }
    Some(command)
}

/// `word` as one argument of a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn advice(sheet: &mut Sheet, rule: &RuleResult) {
    for sentence in &rule.advice {
        step(sheet, sentence);
    }
}

fn step(sheet: &mut Sheet, text: &str) {
    let arrow = sheet.glyph("→", "->");
    let hang = INDENT + arrow.chars().count() + 1;
    sheet.flow(INDENT, hang, &[(Ink::Strong, arrow.into()), plain(" "), plain(text)]);
}

fn more(sheet: &mut Sheet, total: u64, shown: usize) {
    let rest = total.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    if rest > 0 {
        let dots = sheet.glyph("…", "...");
        sheet.gap();
        sheet.flow(INDENT, INDENT, &[(Ink::Faint, format!("{dots} and {} more", grouped(rest)))]);
    }
}

fn because(reason: Reason) -> &'static str {
    match reason {
        Reason::Horizon => "the recording ended before the deadline",
        Reason::Channel => "the connection ended first, and was not closed by the one who owed the answer",
        Reason::Gap => "the recorder lost messages at that time",
        Reason::Start => "the recording began in the middle",
        Reason::Doubt => "something before it counts, and nobody knows how much",
        Reason::Clock => "the difference is within the error of the clock",
        Reason::Crossing => "two messages crossed on the wire",
        Reason::Undecodable => "a message that may matter could not be read",
        Reason::Masked => "a value that matters is masked beyond comparison",
    }
}

/// A word in the left column of a finding.
fn label(word: &str) -> Piece {
    (Ink::Faint, format!("{word}{}", nbsp(LABEL - word.len())))
}

/// A command as one word, so that it can be copied.
fn unbroken(command: &str) -> String {
    command.replace(' ', "\u{a0}")
}

/// Spaces at which a line is not broken.
fn nbsp(count: usize) -> String {
    "\u{a0}".repeat(count)
}
