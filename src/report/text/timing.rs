//! How long the answers took: one line of figures and small bars for each rule about time.

use super::summary::{counted, grouped, plain, span};
use crate::check::{Bucket, CheckResult, RuleResult, Timing};
use crate::report::sheet::{Ink, Piece, Sheet};

/// Columns of the longest bar.
const BAR: usize = 30;

/// Rows of a distribution; more buckets are merged into the last row.
const ROWS: usize = 12;

/// The rules that timed at least one answer.
pub(super) fn timing(sheet: &mut Sheet, result: &CheckResult) {
    let timed: Vec<(&RuleResult, &Timing)> = result
        .rules
        .iter()
        .filter_map(|rule| Some((rule, rule.timing.as_ref()?)))
        .filter(|(_, timing)| timing.count > 0)
        .collect();
    if timed.is_empty() {
        return;
    }
    sheet.gap();
    sheet.flow(0, 0, &[(Ink::Strong, "ANSWER TIMES".into())]);
    let width = timed.iter().map(|(rule, _)| rule.rule.code.to_string().len()).max().unwrap_or(0);
    let hang = 2 + width + 2;
    for (rule, timing) in timed {
        let code = rule.rule.code.to_string();
        let pad = "\u{a0}".repeat(width + 2 - code.len());
        let mut pieces = vec![(Ink::Strong, code), plain(pad), plain(figures(timing))];
        if let Some(limit) = limit(timing) {
            pieces.push(plain("; "));
            pieces.push(limit);
        }
        sheet.flow(2, hang, &pieces);
        if timing.count >= MANY {
            bars(sheet, hang, timing);
        }
    }
}

/// Answers from which on their distribution says more than the figures.
const MANY: u64 = 10;

/// `request to response: 12 answers in 640 µs to 11 ms, median 2 ms`
fn figures(timing: &Timing) -> String {
    let (fastest, slowest) = (span(timing.min), span(timing.worst));
    let mut text = format!("{}: {} in {fastest}", timing.what, counted(timing.count, "answer"));
    if fastest != slowest {
        text.push_str(&format!(" to {slowest}"));
    }
    if timing.count > 2 && fastest != slowest {
        text.push_str(&format!(", median {}", span(timing.median)));
    }
    if timing.count >= 100 && fastest != slowest {
        text.push_str(&format!(", 99 % within {}", span(timing.p99)));
    }
    text
}

/// `limit 5 s, 91 times the slowest`
fn limit(timing: &Timing) -> Option<Piece> {
    let limit = timing.limit?;
    let exceeded = timing.worst > limit;
    let factor = match timing.flips_at_factor {
        Some(factor) if !exceeded && factor >= 1.05 => format!(", {} times the slowest", factor_text(factor)),
        Some(_) if exceeded => ", exceeded".into(),
        _ => ", just kept".into(),
    };
    Some((if exceeded { Ink::Bad } else { Ink::Plain }, format!("limit {}{factor}", span(limit))))
}

fn factor_text(factor: f64) -> String {
    match factor {
        ..10.0 => format!("{factor:.1}"),
        ..1000.0 => format!("{factor:.0}"),
        _ => "over 1,000".into(),
    }
}

fn bars(sheet: &mut Sheet, indent: usize, timing: &Timing) {
    let rows = rows(&timing.histogram);
    let most = rows.iter().map(|row| row.count).max().unwrap_or(0);
    if rows.len() < 2 || most == 0 {
        return;
    }
    let labels: Vec<String> = rows.iter().map(|row| span(row.up_to)).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    for (row, label) in rows.iter().zip(&labels) {
        let late = timing.limit.is_some_and(|limit| row.up_to > limit);
        let pad = "\u{a0}".repeat(width - label.chars().count());
        let sign = sheet.glyph("≤", "<=");
        let mut pieces = vec![(Ink::Faint, format!("{sign}\u{a0}{pad}{label}"))];
        let bar = bar(sheet, row.count, most);
        if !bar.is_empty() {
            pieces.push(plain("\u{a0}\u{a0}"));
            pieces.push((if late { Ink::Bad } else { Ink::Good }, format!("{bar}\u{a0}")));
            pieces.push(plain(grouped(row.count)));
        }
        sheet.flow(indent, indent, &pieces);
    }
}

/// The buckets from the first to the last that is not empty, merged at the slow end to [`ROWS`].
fn rows(histogram: &[Bucket]) -> Vec<Bucket> {
    let Some(first) = histogram.iter().position(|bucket| bucket.count > 0) else { return Vec::new() };
    let last = histogram.iter().rposition(|bucket| bucket.count > 0).unwrap_or(first);
    let used = &histogram[first..=last];
    let (kept, merged) = used.split_at(used.len().min(ROWS - 1));
    let mut rows = kept.to_vec();
    if let Some(slowest) = merged.last() {
        rows.push(Bucket { up_to: slowest.up_to, count: merged.iter().map(|bucket| bucket.count).sum() });
    }
    rows
}

/// Longer for more; at least a sliver for one.
fn bar(sheet: &Sheet, count: u64, most: u64) -> String {
    if count == 0 {
        return String::new();
    }
    let steps = sheet.glyph("▏▎▍▌▋▊▉█", "#");
    let fine = steps.chars().count();
    let full = BAR as u64 * fine as u64;
    let length = usize::try_from(u128::from(count) * u128::from(full) / u128::from(most)).unwrap_or(1).max(1);
    let whole = steps.chars().next_back().unwrap_or('#');
    let rest = (length % fine).checked_sub(1).and_then(|part| steps.chars().nth(part));
    std::iter::repeat_n(whole, length / fine).chain(rest).collect()
}
