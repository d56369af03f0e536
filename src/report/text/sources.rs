//! The recordings a report rests on, and the inputs that could not be read.

use super::summary::{counted, grouped, plain, span};
use crate::check::{Basis, CheckResult, Completeness, SourceSummary};
use crate::conversation::Party;
use crate::report::Report;
use crate::report::sheet::{Ink, Sheet};

/// Recordings listed one by one; where there are more, only those with something to say are.
const SHOWN: usize = 20;

/// Inputs that could not be read, or not to their end.
pub(super) fn unreadable(sheet: &mut Sheet, report: &Report<'_>) {
    if report.unreadable.is_empty() {
        return;
    }
    sheet.gap();
    sheet.flow(0, 0, &[(Ink::Bad, "NOT JUDGED".into())]);
    for input in report.unreadable {
        sheet.flow(2, 4, &[(Ink::Strong, input.place()), plain("  "), plain(input.message.clone())]);
    }
}

/// What was judged: size, subject, and whether it is whole.
pub(super) fn recordings(sheet: &mut Sheet, result: &CheckResult) {
    sheet.gap();
    let title = match result.sources.len() {
        0 => return,
        1 => "RECORDING".into(),
        n => format!("{n} RECORDINGS"),
    };
    sheet.flow(0, 0, &[(Ink::Strong, title)]);
    let many = result.sources.len() > SHOWN;
    let mut silent = 0u64;
    for source in &result.sources {
        if many && remark(source, &result.pack).is_none() {
            silent += 1;
        } else {
            recording(sheet, source, &result.pack);
        }
    }
    if silent > 0 {
        let dots = sheet.glyph("…", "...");
        sheet.flow(
            2,
            2,
            &[(Ink::Faint, format!("{dots} and {} without remarks", counted(silent, "recording")))],
        );
    }
}

fn recording(sheet: &mut Sheet, source: &SourceSummary, pack: &str) {
    let mut parts = vec![counted(source.connections, "connection")];
    if source.refused > 0 {
        parts.push(format!("{} refused", grouped(source.refused)));
    }
    if source.flows > 0 {
        parts.push(counted(source.flows, "flow"));
    }
    parts.push(counted(source.messages, "message"));
    if source.masked > 0 {
        parts.push(format!("{} masked", counted(source.masked, "value")));
    }
    parts.push(span(source.duration));
    let subjects: Vec<String> =
        [Party::Pos, Party::Terminal].into_iter().filter_map(|party| source.subject.words(party)).collect();
    if !subjects.is_empty() {
        parts.push(subjects.join(" with "));
    }
    let name = (Ink::Plain, source.name.clone());
    sheet.flow(2, 4, &[name, plain("  "), (Ink::Faint, parts.join(", "))]);
    if let Some(remark) = remark(source, pack) {
        sheet.flow(4, 4, &[(Ink::Unsure, remark)]);
    }
}

fn remark(source: &SourceSummary, pack: &str) -> Option<String> {
    let mut remarks = Vec::new();
    if let Basis::Recognised { messages, of } = source.basis {
        let header = match &source.pack {
            Some(named) => format!("its header names `{named}`"),
            None => "its header names no pack".to_owned(),
        };
        remarks.push(match messages {
            0 => format!("recognised as {pack} by its paths; {header}"),
            _ => format!(
                "recognised as {pack} by {} of {}; {header}",
                grouped(messages),
                counted(of, "message")
            ),
        });
    }
    match source.completeness {
        Completeness::Finished => {}
        Completeness::Edited => remarks.push("edited after recording".to_owned()),
        Completeness::Unverified => remarks.push("not verified (say --verify)".to_owned()),
        Completeness::Broken => {
            remarks.push("read up to the line named above, what came later is unknown".to_owned())
        }
        Completeness::Cut => remarks.push("cut: it has no `end` line, what came later is unknown".to_owned()),
    }
    if source.lost > 0 {
        remarks.push(format!("the recorder lost {}", counted(source.lost, "message")));
    }
    match remarks.is_empty() {
        true => None,
        false => Some(remarks.join("; ")),
    }
}
