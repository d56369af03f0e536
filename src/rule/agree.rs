//! `agree`: a value stands in a relation to an earlier one. The sender of the later is to blame.
//!
//! Numbers are compared as numbers however they are spelled (`"2350"` and `2350`), anything else as it
//! stands. That one is more than the other is asked of numbers only. Sums stand in `sum`.

use std::borrow::Cow;

use super::accusation::Charge;
use super::digest::Seed;
use super::ledger::Ledger;
use super::machine::Part;
use super::plans::{Foresight, Foretold};
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use super::sum::Sums;
use super::words::{a, the};
use crate::conversation::EventNumber;
use crate::pack::{Agree, Found, GroupingId, Relation, Slot, View, list};
use crate::text::{Decimal, json};

/// One `agree` rule at work.
#[derive(Debug)]
pub(crate) struct AgreeRule {
    pub(crate) rule: RuleIndex,
    pub(crate) agree: Agree,
    /// By group.
    earlier: Vec<Earlier>,
    seed: Seed,
    sums: Sums,
}

/// The earlier value of a group.
#[derive(Debug, Default)]
struct Earlier {
    seen: Option<SeenId>,
    /// As much of it as people are shown.
    text: String,
    /// Whether that is what stands in its message, quotes aside: all of it, and nothing of it escaped.
    is_verbatim: bool,
    /// A hash of all of it, where that is more.
    hash: Option<u64>,
    /// What later values that were added up came to.
    together: Decimal,
}

impl Earlier {
    /// It as a number; what is longer than people are shown is none.
    fn number(&self) -> Option<Decimal> {
        Decimal::parse(&self.text).filter(|_| self.hash.is_none())
    }
}

/// As much of a value as a finding quotes.
const QUOTED: usize = 60;

impl AgreeRule {
    pub(crate) fn new(rule: RuleIndex, agree: Agree, has_since: bool) -> Self {
        let sums = Sums::new(has_since);
        Self { rule, agree, earlier: Vec::new(), seed: Seed::default(), sums }
    }

    /// What a message is known to come to: without a value there is nothing to compare.
    pub(super) fn foretell(&self, part: Part, foresight: Foresight<'_>) -> Foretold {
        let Agree { at, with_at, required, .. } = &self.agree;
        match part {
            Part::Judged if !required && !foresight.has_any(at) => Foretold::Nothing,
            Part::Ground if !foresight.has_any(with_at) => Foretold::Nothing,
            _ => Foretold::Open,
        }
    }

    /// The earlier message came.
    #[inline(never)]
    pub(crate) fn with(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let Some(group) = sighting.group(self.agree.grouping) else { return };
        if sighting.tainted.is_some() || !ledger.selects(&self.agree.with, sighting) {
            return;
        }
        let Some((_, found)) = first_of(&sighting.view, &self.agree.with_at) else { return };
        if self.agree.relation == Relation::SumOf {
            return self.sums.add(&self.agree, group, sighting, ledger);
        }
        let value = scalar(found.token(sighting.view.text));
        let text = quotable(&value);
        let hash = (text.len() < value.len()).then(|| self.hash(&value));
        let seen = ledger.witnesses.keep(sighting);
        let index = group.0 as usize;
        if index >= self.earlier.len() {
            self.earlier.resize_with(index + 1, Earlier::default);
        }
        let earlier = &mut self.earlier[index];
        if let Some(before) = earlier.seen.replace(seen) {
            ledger.witnesses.release(before);
        }
        earlier.hash = hash;
        earlier.is_verbatim = hash.is_none() && matches!(value, Cow::Borrowed(_));
        earlier.together = Decimal::ZERO;
        earlier.text.clear();
        earlier.text.push_str(text);
    }

    /// What may have taken back what was added to a sum came.
    pub(crate) fn less(&mut self, sighting: &Sighting<'_>, ledger: &Ledger) {
        self.sums.take_back(&self.agree, sighting, ledger);
    }

    /// What leaves a sum unknown came.
    pub(crate) fn doubt(&mut self, sighting: &Sighting<'_>, ledger: &Ledger) {
        if self.agree.doubt.as_ref().is_some_and(|doubt| ledger.selects(doubt, sighting)) {
            self.sums.doubt(&self.agree, sighting);
        }
    }

    /// The later message came.
    #[inline(never)]
    pub(crate) fn of(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let Some(group) = sighting.group(self.agree.grouping) else { return };
        if !ledger.selects(&self.agree.of, sighting) {
            return;
        }
        if self.agree.relation == Relation::SumOf {
            return self.sums.judge(self.rule, &self.agree, group, sighting, ledger);
        }
        let Some(earlier) = self.earlier.get(group.0 as usize) else { return };
        let Some(seen) = earlier.seen else { return };
        let Some((slot, _)) = first_of(&sighting.view, &self.agree.at) else {
            if self.agree.required {
                self.accuse(None, seen, earlier, sighting, ledger);
            }
            return;
        };
        let mut judged = false;
        let mut wrong = None;
        let view = &sighting.view;
        for found in view.all(slot) {
            match self.agrees(found.token(view.text), earlier) {
                Some(true) => judged = true,
                Some(false) => {
                    wrong = Some(found);
                    break;
                }
                None => {}
            }
        }
        if let Some(found) = wrong {
            self.accuse(Some((slot, found)), seen, earlier, sighting, ledger);
        } else if judged {
            if self.agree.together
                && let Some(number) = number(&sighting.view, slot)
                && let Some(earlier) = self.earlier.get_mut(group.0 as usize)
            {
                earlier.together = earlier.together.plus(number);
            }
            ledger.met(self.rule, sighting);
        }
    }

    /// A group is over: of the rule's own key, or of the one by which things are taken back.
    pub(crate) fn forget(&mut self, grouping: GroupingId, group: GroupSlot, ledger: &mut Ledger) {
        if grouping == self.agree.grouping {
            if let Some(seen) = self.earlier.get_mut(group.0 as usize).and_then(|earlier| earlier.seen.take())
            {
                ledger.witnesses.release(seen);
            }
            self.sums.forget(group, ledger);
        }
        if self.agree.less.as_ref().is_some_and(|(_, less)| *less == grouping) {
            self.sums.forget_addend(group);
        }
    }

    /// What was remembered counts no more, in one group or in all.
    pub(crate) fn suspend(&mut self, group: Option<GroupSlot>, at: Option<EventNumber>, ledger: &mut Ledger) {
        let known = self.earlier.len() as u32;
        let groups = group.map_or(0..known, |group| group.0..group.0 + 1);
        for group in groups.map(GroupSlot) {
            if let Some(seen) = self.earlier.get_mut(group.0 as usize).and_then(|earlier| earlier.seen.take())
            {
                ledger.witnesses.release(seen);
            }
        }
        self.sums.restart(group, at, ledger);
    }

    /// A recording ended.
    pub(crate) fn end_of_recording(&mut self, ledger: &mut Ledger) {
        self.sums.end_of_recording(self.rule, ledger);
    }

    /// Whether a value agrees; `None` where that cannot be asked of it.
    fn agrees(&self, token: &str, earlier: &Earlier) -> Option<bool> {
        let relation = self.agree.relation;
        let is_plain = relation == Relation::Equals && !self.agree.together;
        // Most are written alike, and then say the same: there is no need to look for what is escaped.
        let written = token.strip_prefix('"').and_then(|token| token.strip_suffix('"'));
        if is_plain && earlier.is_verbatim && written.unwrap_or(token) == earlier.text {
            return Some(true);
        }
        let value = &*scalar(token);
        if is_plain && self.is_spelled(value, earlier) {
            return Some(true);
        }
        let number = Decimal::parse(value).map(|number| match self.agree.together {
            true => number.plus(earlier.together),
            false => number,
        });
        match (number, earlier.number()) {
            (Some(number), Some(other)) => Some(relation.holds(number.cmp(&other))),
            (Some(_), None) | (None, _) if relation == Relation::Equals => {
                Some(self.is_spelled(value, earlier))
            }
            (Some(_), None) | (None, _) => None,
        }
    }

    fn is_spelled(&self, value: &str, earlier: &Earlier) -> bool {
        match earlier.hash {
            Some(hash) => self.hash(value) == hash,
            None if self.agree.ignore_case => value.to_lowercase() == earlier.text.to_lowercase(),
            None => value == earlier.text,
        }
    }

    fn hash(&self, value: &str) -> u64 {
        if self.agree.ignore_case {
            return self.seed.hash(0, &value.to_lowercase());
        }
        self.seed.hash(0, value)
    }

    #[cold]
    fn accuse(
        &self,
        wrong: Option<(Slot, Found)>,
        seen: SeenId,
        earlier: &Earlier,
        sighting: &mut Sighting<'_>,
        ledger: &mut Ledger,
    ) {
        let grouping = self.agree.grouping;
        sighting.rests_on = Some(ledger.witnesses.n(seen));
        let breach = ledger.witnesses.breach(seen).filter(|&(by, _)| by == sighting.from);
        let follows = breach.map(|(_, rule)| rule);
        ledger.accuse_following(self.rule, follows, sighting, Some(grouping), |ledger, sighting| {
            let trie = &ledger.pack.trie;
            let noun = ledger.noun(&self.agree.of, sighting);
            let other = ledger.kind(ledger.witnesses.kind(seen)).what.as_str();
            let at = match wrong {
                Some((slot, _)) => trie.pointer(slot).to_string(),
                None => list(self.agree.at.iter().map(|&slot| trie.pointer(slot).to_string()), "or"),
            };
            let with_at = trie.pointer(self.agree.with_at[0]);
            let value = wrong.map(|(_, found)| scalar(found.token(sighting.view.text)));
            let already = match earlier.together {
                Decimal::ZERO => String::new(),
                together => format!(", and `{together}` before it"),
            };
            Charge {
                accused: sighting.from,
                what: format!(
                    "{} sent {} whose `{at}` does not agree with the {other} before it",
                    the(sighting.from),
                    a(noun)
                ),
                expected: format!(
                    "`{at}` {} `{with_at}` of the {other}, `{}`",
                    self.agree.relation.phrase(),
                    super::sighting::hide(&earlier.text, false)
                ),
                got: value
                    .map_or_else(|| "none".to_owned(), |value| format!("`{}`{already}", quotable(&value))),
                first: None,
                earlier: vec![(seen, "earlier")],
                role: "later",
                marked: wrong.map(|(_, found)| found.range()),
            }
        });
        sighting.rests_on = None;
    }
}

/// The first of these places where a message has a value, and the first value there.
#[inline]
pub(super) fn first_of(view: &View<'_>, places: &[Slot]) -> Option<(Slot, Found)> {
    places.iter().find_map(|&slot| Some((slot, view.first(slot)?)))
}

/// What a JSON value says: the content of a text, anything else as it stands.
#[inline]
pub(super) fn scalar(token: &str) -> Cow<'_, str> {
    let text = if token.starts_with('"') { json::string(token) } else { None };
    text.unwrap_or(Cow::Borrowed(token))
}

/// The number at a place.
pub(super) fn number(view: &View<'_>, slot: Slot) -> Option<Decimal> {
    Decimal::parse(&scalar(view.first(slot)?.token(view.text)))
}

fn quotable(value: &str) -> &str {
    if value.len() <= QUOTED {
        return value;
    }
    let cut = (0..=QUOTED).rev().find(|&at| value.is_char_boundary(at)).unwrap_or(0);
    &value[..cut]
}
