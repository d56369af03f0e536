//! A verdict for people: what happened in the first line, then everything needed to do something about it.

use std::fmt::Write as _;

use super::{Added, Conformance, Deed, Verdict};
use crate::replay::describe::spoken;
use crate::replay::mismatch::{Expected, Got, Mismatch};
use crate::replay::outcome::{Incomplete, Outcome};

/// Columns of the words at the left.
const LEFT: usize = 10;

pub(super) fn render(verdict: &Verdict) -> String {
    let mut out = String::new();
    let word = verdict.word().to_uppercase();
    let width = word.len() + 2;
    let _ = writeln!(out, "{word}  {}", verdict.summary());
    let cassette = &verdict.cassette;
    let did = match verdict.deed {
        Deed::Made => cassette.clone(),
        Deed::Played => format!("replayed {cassette} as {}{}", spoken(verdict.role), run(verdict)),
    };
    // Of a recording that nobody came to, there is nothing to count.
    if verdict.connections.1 > 0 {
        let _ = writeln!(out, "{:width$}{did}", "");
        let _ = writeln!(out, "{:width$}{}", "", counts(verdict));
    }
    match &verdict.outcome {
        Outcome::Complete => {}
        Outcome::Mismatch(mismatch) => mismatched(mismatch, &mut out),
        Outcome::Incomplete(incomplete) => lacking(incomplete, &mut out),
    }
    let extra = [
        verdict
            .faults
            .iter()
            .map(|(fault, n)| ("fault", format!("{fault}: struck at #{n}")))
            .collect::<Vec<_>>(),
        verdict.remarks.iter().map(|(text, count)| ("remark", repeated(text, *count))).collect(),
    ];
    if extra.iter().any(|lines| !lines.is_empty()) {
        out.push('\n');
    }
    for (word, text) in extra.into_iter().flatten() {
        line(word, &text, &mut out);
    }
    if let Some(conformance) = &verdict.conformance {
        out.push('\n');
        judged(conformance, verdict, &mut out);
    }
    if let Some(recorded) = verdict.recorded.as_ref().filter(|_| verdict.deed == Deed::Played) {
        line("recorded", recorded, &mut out);
    }
    if let Some(Added { connections, messages }) = verdict.added {
        let said = match messages {
            0 => "nothing: the cassette stays as it is".to_owned(),
            _ => {
                let (messages, connections) =
                    (counted(messages, "message"), counted(connections, "connection"));
                format!("{messages} on {connections}, behind what was in {cassette} before")
            }
        };
        line("added", &said, &mut out);
    }
    out
}

fn run(verdict: &Verdict) -> String {
    match verdict.run {
        (_, 1) => String::new(),
        (run, of) => format!(", run {run} of {of}"),
    }
}

fn counts(verdict: &Verdict) -> String {
    let (ours, theirs) = verdict.messages;
    let (used, all) = verdict.connections;
    let plural = if all == 1 { "" } else { "s" };
    if verdict.deed == Deed::Made {
        let (role, peer) = (spoken(verdict.role), spoken(verdict.peer()));
        return format!("{theirs} messages of {peer}, {ours} of {role}, {all} connection{plural}");
    }
    format!(
        "{} of {theirs} messages came, {} of {ours} went out, {used} of {all} connection{plural} used",
        verdict.tally.matched, verdict.tally.sent
    )
}

fn mismatched(mismatch: &Mismatch, out: &mut String) {
    out.push('\n');
    match &mismatch.expected {
        Some(expected) => step("expected", expected, out),
        None => line("expected", &format!("nothing of {} at this point", spoken(mismatch.got.party)), out),
    }
    got(&mismatch.got, out);
    let width = mismatch.differences.iter().map(|difference| difference.at.len()).max().unwrap_or(0);
    for (index, difference) in mismatch.differences.iter().enumerate() {
        let at = if difference.at.is_empty() { "the whole text" } else { &difference.at };
        line(if index == 0 { "differs" } else { "" }, &format!("{at:width$}  {difference}"), out);
    }
    if let Some(settle) = &mismatch.settle {
        out.push('\n');
        line("settle", &format!("if that is meant, add  {settle}"), out);
    }
    if let Some(line_of_pack) = &mismatch.settle_in_pack {
        line("", &format!("or for good, in the pack  {line_of_pack}"), out);
    }
}

fn lacking(incomplete: &Incomplete, out: &mut String) {
    if incomplete.waited_for.is_empty() && incomplete.note.is_none() {
        return;
    }
    out.push('\n');
    for expected in &incomplete.waited_for {
        step("waited", expected, out);
    }
    if let Some(note) = &incomplete.note {
        line("note", &format!("the person at the terminal was to: {note}"), out);
    }
}

fn step(word: &str, expected: &Expected, out: &mut String) {
    let mut about = format!("{} {}", expected.n, expected.what);
    if let Some(party) = expected.party {
        let _ = write!(about, " of {}", spoken(party));
    }
    if let Some(flow) = &expected.flow {
        let _ = write!(about, ", flow {flow}");
    }
    if let Some(connection) = expected.connection {
        let _ = write!(about, ", connection {connection}");
    }
    if let Some(purpose) = &expected.purpose {
        let _ = write!(about, "; {purpose}");
    }
    line(word, &about, out);
    if let Some(text) = &expected.text {
        line("", text, out);
    }
}

fn got(got: &Got, out: &mut String) {
    let mut about = format!("{} of {}", got.what, spoken(got.party));
    if let Some(connection) = got.connection {
        let _ = write!(about, ", on its connection {connection}");
    }
    line("got", &about, out);
    if let Some(text) = &got.text {
        line("", text, out);
    }
}

/// Rules that could not be decided, as far as they are listed.
const MOST_OPEN: usize = 5;

fn judged(conformance: &Conformance, verdict: &Verdict, out: &mut String) {
    let (exercised, in_scope) = conformance.exercised;
    let peer = spoken(verdict.peer());
    let said = format!(
        "{}: {peer}, by {}; {exercised} of the {in_scope} rules for it exercised",
        conformance.verdict, conformance.pack
    );
    line("checked", &said, out);
    for broken in &conformance.broken {
        let weight = if broken.decides { "" } else { " (does not decide the verdict)" };
        line("", &format!("{}  {}{weight}", broken.code, broken.title), out);
        line("", &format!("  {}", repeated(&broken.finding, broken.times)), out);
    }
    for (code, title) in conformance.open.iter().take(MOST_OPEN) {
        line("", &format!("{code}  not decided: {title}"), out);
    }
    if let Some(more) = conformance.open.len().checked_sub(MOST_OPEN).filter(|more| *more > 0) {
        line("", &format!("and {more} more that could not be decided"), out);
    }
}

fn counted(count: u64, of: &str) -> String {
    if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") }
}

fn repeated(text: &str, count: u64) -> String {
    if count == 1 { text.to_owned() } else { format!("{text} ({count} times)") }
}

fn line(word: &str, text: &str, out: &mut String) {
    let _ = writeln!(out, "{word:LEFT$}{text}");
}
