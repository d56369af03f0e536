//! The last look before a result leaves: card data that a recording held in clear is starred out.
//!
//! Recordings made here are masked long before; those made by hand or elsewhere may not be, and their
//! values come back as flow keys and in sentences. No report repeats such a value.

use std::sync::Arc;

use super::{CheckResult, WaiverUse};
use crate::mask::{self, MaskedKind};
use crate::rule::Finding;

/// Stars out card data in every text that quotes a recording. Lengths stay, so marks stay in place.
pub fn conceal(result: &mut CheckResult) {
    for rule in &mut result.rules {
        rule.findings.iter_mut().for_each(conceal_finding);
        for open in &mut rule.undecided_examples {
            [&mut open.to_do].into_iter().chain(&mut open.flow).for_each(star);
            open.witnesses.iter_mut().for_each(|witness| star(&mut witness.excerpt));
        }
        rule.advice.iter_mut().chain(&mut rule.error).for_each(star);
    }
    for source in &mut result.sources {
        source.subject.0.values_mut().flat_map(|facts| facts.values_mut()).for_each(star);
    }
    for WaiverUse { waiver, .. } in &mut result.waivers {
        let waiver = Arc::make_mut(waiver);
        [&mut waiver.reason, &mut waiver.owner, &mut waiver.approver].into_iter().for_each(star);
    }
}

/// As [`conceal`], for a finding that is shown by itself.
pub fn conceal_finding(finding: &mut Finding) {
    let texts = [&mut finding.what, &mut finding.expected, &mut finding.got];
    texts.into_iter().chain(&mut finding.flow).for_each(star);
    finding.witnesses.iter_mut().for_each(|witness| star(&mut witness.excerpt));
}

fn star(text: &mut String) {
    for (range, kind) in mask::find_clear(text) {
        // Card numbers keep what receipts show of them: the last four digits.
        let shown = match kind {
            MaskedKind::CardNumber => 4,
            MaskedKind::TrackData
            | MaskedKind::VerificationValue
            | MaskedKind::PinBlock
            | MaskedKind::Secret
            | MaskedKind::Sensitive => 0,
        };
        let Some(value) = text.get(range.clone()) else { continue };
        let mut left = value.bytes().filter(u8::is_ascii_alphanumeric).count();
        let starred: String = value
            .chars()
            .map(|c| {
                let hidden = c.is_ascii_alphanumeric() && left > shown;
                left -= usize::from(c.is_ascii_alphanumeric());
                if hidden { '*' } else { c }
            })
            .collect();
        text.replace_range(range, &starred);
    }
}

#[cfg(test)]
mod tests {
    use super::star;

    #[test]
    fn card_numbers_keep_their_length_and_last_four_digits() {
        for (clear, concealed) in [
            ("4111111111111111", "************1111"),
            (
                "flow 4111111111111111 twice: 5555555555554444",
                "flow ************1111 twice: ************4444",
            ),
            ("804213", "804213"),
            ("é 4111111111111111…", "é ************1111…"),
        ] {
            let mut text = clear.to_owned();
            star(&mut text);
            assert_eq!(text, concealed);
        }
    }
}
