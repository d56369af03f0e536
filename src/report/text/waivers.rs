//! What somebody has signed for, until when, and what it was good for.

use super::summary::{counted, plain};
use crate::check::{CheckResult, Date, WaiverUse};
use crate::report::sheet::{Ink, Sheet};

/// A waiver that ends so soon is pointed out, in days.
const SOON: i64 = 14;

/// The waivers of the run, one by one.
pub(super) fn waivers(sheet: &mut Sheet, result: &CheckResult) {
    let width = result.waivers.iter().map(|used| used.waiver.code.to_string().len()).max();
    let (Some(width), Some(today)) = (width, result.today) else { return };
    sheet.gap();
    sheet.flow(0, 0, &[(Ink::Strong, "WAIVERS".into())]);
    for WaiverUse { waiver, matched } in &result.waivers {
        let code = waiver.code.to_string();
        let space = "\u{a0}".repeat(width - code.len() + 2);
        let used = match matched {
            0 => (Ink::Bad, "matched nothing".into()),
            matched => plain(counted(*matched, "finding")),
        };
        let left = today.days_to(waiver.expires);
        let ink = if left <= SOON { Ink::Unsure } else { Ink::Plain };
        let pieces = [
            (Ink::Strong, code),
            plain(space),
            used,
            plain(", "),
            (ink, ends(waiver.expires, left)),
            plain(format!(": {}", waiver.reason)),
        ];
        sheet.flow(2, width + 4, &pieces);
        let signed = format!(
            "owner {}; approved by {} on {}; {}:{}",
            waiver.owner, waiver.approver, waiver.granted, waiver.file, waiver.line
        );
        sheet.flow(width + 4, width + 4, &[(Ink::Faint, signed)]);
    }
}

fn ends(expires: Date, left: i64) -> String {
    match left {
        0 => format!("until {expires}, today"),
        1 => format!("until {expires}, 1 day more"),
        left => format!("until {expires}, {left} days more"),
    }
}
