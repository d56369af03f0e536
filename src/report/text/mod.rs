//! The report for people: the verdict first, then who broke what and what to do, then the rest.
//!
//! ```text
//! NON-CONFORMANT  the POS broke ACK-1
//!
//! FAIL  ACK-1  the POS acknowledges every event
//!   …the messages that prove it, expected, got, next steps…
//!
//! 3 of 4 rules in scope exercised: 1 failed, 2 passed
//! ```
//!
//! Short where all is well. The same result and look always give the same bytes.

mod findings;
mod sources;
mod summary;
mod timing;
mod waivers;

use super::sheet::{Ink, Sheet};
use super::{Look, Report};
use summary::counted;

/// Renders one report, or several under the names of their packs.
pub fn texts(reports: &[Report<'_>], look: Look) -> String {
    let [_, _, ..] = reports else {
        return reports.iter().map(|report| text(report, look)).collect();
    };
    let mut all = String::new();
    for report in reports {
        let mut sheet = Sheet::new(look);
        if !all.is_empty() {
            all.push('\n');
            sheet.flow(0, 0, &[(Ink::Faint, sheet.glyph("─", "-").repeat(look.width))]);
        }
        let count = report.result.sources.len() as u64;
        let of = format!("{} of {}", counted(count, "recording"), report.result.pack);
        sheet.flow(0, 0, &[(Ink::Strong, of)]);
        all.push_str(&sheet.finish());
        all.push('\n');
        all.push_str(&text(report, look));
    }
    all
}

/// Renders the report for people.
pub fn text(report: &Report<'_>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    summary::verdict(&mut sheet, report);
    sources::unreadable(&mut sheet, report);
    findings::failed(&mut sheet, report.result);
    findings::errors(&mut sheet, report.result);
    findings::undecided(&mut sheet, report.result);
    findings::not_exercised(&mut sheet, report.result);
    findings::for_review(&mut sheet, report.result);
    waivers::waivers(&mut sheet, report.result);
    summary::count(&mut sheet, report.result);
    timing::timing(&mut sheet, report.result);
    sources::recordings(&mut sheet, report.result);
    let Some(proof) = report.proof else { return sheet.finish() };
    sheet.gap();
    let what =
        "  that each rule can fail: what breaks its exchanges, how often it is caught, and who is accused";
    sheet.flow(0, 2, &[(Ink::Strong, "PROOF".to_owned()), (Ink::Plain, what.to_owned())]);
    sheet.finish() + &super::proof(proof, &report.result.pack, look)
}
