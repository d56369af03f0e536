//! `agree`: a value stands in a relation to an earlier one. The sender of the later is to blame.
//!
//! Numbers are compared as numbers however they are spelled (`"2350"` and `2350`), anything else as text.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::ledger::{Charge, Ledger, a, the};
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use crate::pack::{Agree, Relation};
use crate::text::json;

/// One `agree` rule at work.
#[derive(Debug)]
pub(crate) struct AgreeRule {
    pub(crate) rule: RuleIndex,
    pub(crate) agree: Agree,
    /// By group: the earlier value.
    earlier: Vec<Option<Earlier>>,
}

#[derive(Debug)]
struct Earlier {
    value: String,
    sum: Option<Decimal>,
    seen: SeenId,
}

/// A decimal number in millionths, so that money never becomes a float.
type Decimal = i128;

impl AgreeRule {
    pub(crate) const fn new(rule: RuleIndex, agree: Agree) -> Self {
        Self { rule, agree, earlier: Vec::new() }
    }

    /// The earlier message came.
    pub(crate) fn with(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let Some(group) = sighting.group(self.agree.grouping) else { return };
        if sighting.tainted.is_some() || !ledger.selects(&self.agree.with, sighting) {
            return;
        }
        let Some(found) = sighting.view.extract.first(self.agree.with_at) else { return };
        let value = scalar(found.token(sighting.view.text)).into_owned();
        let seen = ledger.witnesses.keep(sighting);
        let index = group.0 as usize;
        if index >= self.earlier.len() {
            self.earlier.resize_with(index + 1, || None);
        }
        let before = self.earlier[index].take();
        let carried = match (self.agree.relation, &before) {
            (Relation::SumOf, Some(before)) => before.sum,
            (Relation::SumOf, None) | (Relation::Equals | Relation::AtMost | Relation::AtLeast, _) => Some(0),
        };
        let sum = decimal(&value).zip(carried).and_then(|(value, carried)| value.checked_add(carried));
        if let Some(before) = before {
            ledger.witnesses.release(before.seen);
        }
        self.earlier[index] = Some(Earlier { value, sum, seen });
    }

    /// The later message came.
    pub(crate) fn of(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.agree.of, sighting) {
            return;
        }
        let Some(group) = sighting.group(self.agree.grouping) else { return };
        let Some(found) = sighting.view.extract.first(self.agree.at) else { return };
        let Some(Some(earlier)) = self.earlier.get(group.0 as usize) else { return };
        let value = scalar(found.token(sighting.view.text));
        if self.agrees(&value, earlier) {
            ledger.met(self.rule, sighting);
            return;
        }
        let grouping = self.agree.grouping;
        ledger.accuse(self.rule, sighting, Some(grouping), |ledger, sighting| {
            let trie = &ledger.pack.trie;
            let relation = match self.agree.relation {
                Relation::Equals => "equal to",
                Relation::AtMost => "at most",
                Relation::AtLeast => "at least",
                Relation::SumOf => "the sum of",
            };
            let noun = &ledger.kind(sighting.kind).what;
            let at = trie.pointer(self.agree.at);
            let with_at = trie.pointer(self.agree.with_at);
            Charge {
                accused: sighting.from,
                what: format!(
                    "{} sent {} that does not agree with what came before",
                    the(sighting.from),
                    a(noun)
                ),
                expected: format!(
                    "`{at}` {relation} `{with_at}`, `{}`",
                    super::sighting::hide(&earlier.value, false)
                ),
                got: format!("`{value}`"),
                first: None,
                earlier: vec![(earlier.seen, "earlier")],
                role: "later",
                marked: Some(found.range()),
            }
        });
    }

    pub(crate) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        if let Some(earlier) = self.earlier.get_mut(group.0 as usize).and_then(Option::take) {
            ledger.witnesses.release(earlier.seen);
        }
    }

    fn agrees(&self, value: &str, earlier: &Earlier) -> bool {
        let order = match (decimal(value), earlier.sum) {
            (Some(value), Some(sum)) => value.cmp(&sum),
            (Some(_), None) | (None, Some(_) | None) => value.cmp(earlier.value.as_str()),
        };
        match self.agree.relation {
            Relation::Equals | Relation::SumOf => order == Ordering::Equal,
            Relation::AtMost => order != Ordering::Greater,
            Relation::AtLeast => order != Ordering::Less,
        }
    }
}

fn scalar(token: &str) -> Cow<'_, str> {
    json::string(token).unwrap_or(Cow::Borrowed(token))
}

fn decimal(text: &str) -> Option<Decimal> {
    const PLACES: usize = 6;
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > PLACES || !plain(whole) || !plain(fraction) {
        return None;
    }
    let whole: Decimal = whole.parse().ok()?;
    let fraction: Decimal = format!("{fraction:0<PLACES$}").parse().ok()?;
    let value = whole.checked_mul(1_000_000)?.checked_add(fraction)?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_are_exact_however_spelled() {
        assert_eq!(decimal("5.05"), decimal("5.050"));
        assert_ne!(decimal("5.05"), decimal("5.5"));
        assert_eq!(decimal("-0.5"), Some(-500_000));
        for text in ["", ".5", "1e3", "1.0000001", "1,5", "99999999999999999999999999999999999999999"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }
}
