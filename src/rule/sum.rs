//! The sums an `agree` rule compares to: of all earlier values of a group, or of those since some message.
//!
//! A sum is only known where the recording has seen all of it: from its start on, without a gap and without
//! a message that may be an addend but cannot be read. What may have been taken back, such as a voided sale,
//! may be in the sum or not: both are accepted.

use super::Reason;
use super::accusation::Charge;
use super::agree::{first_of, scalar};
use super::ledger::Ledger;
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use super::standing::Standing;
use super::tally::Example;
use super::words::{a, the};
use crate::conversation::{EventNumber, Party};
use crate::pack::{Agree, Slot, View};
use crate::text::Decimal;

/// The sums of one rule.
#[derive(Debug)]
pub(super) struct Sums {
    /// By group.
    sums: Vec<Sum>,
    /// By group of the key by which things are taken back: what it has added.
    addends: Vec<Option<Decimal>>,
    /// Whether an addend was forgotten, so that it is not known whether it was taken back.
    forgotten: bool,
    /// Whether sums start with a message, and whether one has come.
    has_since: bool,
    started: bool,
    since: EventNumber,
    /// What is undecided because the recording starts in the middle of a sum, until a later one is judged.
    middle: Option<Example>,
    judged: bool,
}

/// One sum.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    total: Decimal,
    /// How much of it may have been taken back.
    less: Decimal,
    is_doubtful: bool,
    /// The last addend.
    last: Option<SeenId>,
    /// Who has sent an addend that broke a rule, and which.
    breach: Option<(Party, RuleIndex)>,
}

impl Sums {
    pub(super) const fn new(has_since: bool) -> Self {
        Self {
            sums: Vec::new(),
            addends: Vec::new(),
            forgotten: false,
            has_since,
            started: false,
            since: EventNumber(0),
            middle: None,
            judged: false,
        }
    }

    /// An addend came.
    pub(super) fn add(
        &mut self,
        agree: &Agree,
        group: GroupSlot,
        sighting: &mut Sighting<'_>,
        ledger: &mut Ledger,
    ) {
        let value = sum_of(&sighting.view, &agree.with_at).filter(|_| sighting.spoilt.is_none());
        let Some(value) = value else {
            return self.sum(group).is_doubtful = true;
        };
        let seen = ledger.witnesses.keep(sighting);
        let sum = self.sum(group);
        sum.total = sum.total.plus(value);
        if let Some(before) = sum.last.replace(seen) {
            sum.breach = sum.breach.or(ledger.witnesses.breach(before));
            ledger.witnesses.release(before);
        }
        let Some((_, less)) = &agree.less else { return };
        let slot = sighting.group(*less);
        // What has no key cannot be told from what is taken back.
        self.forgotten |= slot.is_none();
        if let Some(slot) = slot {
            let index = slot.0 as usize;
            if index >= self.addends.len() {
                self.addends.resize(index + 1, None);
            }
            self.addends[index] = Some(value);
        }
    }

    /// A message that may have taken back what an earlier one of its key has added came.
    pub(super) fn take_back(&mut self, agree: &Agree, sighting: &Sighting<'_>, ledger: &Ledger) {
        let Some((less, key)) = &agree.less else { return };
        let Some(group) = sighting.group(agree.grouping) else { return };
        if !ledger.selects(less, sighting) {
            return;
        }
        let addend = sighting.group(*key).and_then(|slot| self.addends.get_mut(slot.0 as usize)?.take());
        let forgotten = self.forgotten;
        let sum = self.sum(group);
        match addend {
            Some(value) => sum.less = sum.less.plus(value),
            None => sum.is_doubtful |= forgotten,
        }
    }

    /// A message after which the sum is not known came.
    pub(super) fn doubt(&mut self, agree: &Agree, sighting: &Sighting<'_>) {
        if let Some(group) = sighting.group(agree.grouping) {
            self.sum(group).is_doubtful = true;
        }
    }

    /// The message with the sum came.
    pub(super) fn judge(
        &mut self,
        rule: RuleIndex,
        agree: &Agree,
        group: GroupSlot,
        sighting: &mut Sighting<'_>,
        ledger: &mut Ledger,
    ) {
        let Some(value) = sum_of(&sighting.view, &agree.at) else { return };
        let sum = *self.sum(group);
        if sum.last.is_none() && !self.has_since {
            return;
        }
        let spoilt = sighting.spoilt.is_some_and(|taint| taint.by != sighting.from);
        let standing = if spoilt {
            Standing::Void
        } else if sighting.tainted.is_some() {
            Standing::Stands(None)
        } else if ledger.last_gap.is_some_and(|gap| gap > self.since) {
            Standing::Undecided(Reason::Gap)
        } else if self.has_since && !self.started {
            Standing::Undecided(Reason::Start)
        } else if sum.is_doubtful {
            Standing::Undecided(Reason::Doubt)
        } else {
            ledger.since(self.since, sighting)
        };
        match standing {
            Standing::Void => ledger.tallies[rule.index()].void += 1,
            Standing::Undecided(reason) => self.undecided(rule, reason, sighting, ledger),
            Standing::Stands(_) if value == sum.total || value == sum.total.minus(sum.less) => {
                self.judged = true;
                ledger.met(rule, sighting);
            }
            Standing::Stands(follows) => {
                self.judged = true;
                let last = sum.last.and_then(|last| ledger.witnesses.breach(last));
                let breach = sum.breach.or(last).filter(|&(by, _)| by == sighting.from);
                let follows = follows.or(breach.map(|(_, rule)| rule));
                // Whether it stands was decided just now.
                sighting.rests_on = Some(sighting.n());
                let charge =
                    |ledger: &Ledger, sighting: &Sighting<'_>| charge(agree, value, &sum, sighting, ledger);
                ledger.accuse_following(rule, follows, sighting, Some(agree.grouping), charge);
                sighting.rests_on = None;
            }
        }
    }

    /// Sums start anew, in one group or in all.
    pub(super) fn restart(&mut self, group: Option<GroupSlot>, at: Option<EventNumber>, ledger: &mut Ledger) {
        let known = self.sums.len() as u32;
        let groups = group.map_or(0..known, |group| group.0..group.0 + 1);
        groups.map(GroupSlot).for_each(|group| self.forget(group, ledger));
        if group.is_none() {
            self.addends.fill(None);
            self.forgotten = false;
            self.started = at.is_some();
            self.since = at.unwrap_or_default();
        }
    }

    /// A group is over.
    pub(super) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        if let Some(sum) = self.sums.get_mut(group.0 as usize)
            && let Some(last) = std::mem::take(sum).last
        {
            ledger.witnesses.release(last);
        }
    }

    /// What had added something is forgotten.
    pub(super) fn forget_addend(&mut self, group: GroupSlot) {
        if let Some(addend) = self.addends.get_mut(group.0 as usize) {
            self.forgotten |= addend.take().is_some();
        }
    }

    /// A recording ended: the next starts in the middle.
    pub(super) fn end_of_recording(&mut self, rule: RuleIndex, ledger: &mut Ledger) {
        if let Some(middle) = self.middle.take() {
            let tally = &mut ledger.tallies[rule.index()];
            // Of several sums the first is never whole: it counts where there is no other.
            if self.judged {
                tally.void += 1;
            } else {
                tally.undecided(middle.reason, || middle);
            }
        }
        self.judged = false;
        self.started = false;
        self.forgotten = false;
        self.since = EventNumber(0);
    }

    #[cold]
    fn undecided(&mut self, rule: RuleIndex, reason: Reason, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        let is_middle = self.has_since && !self.started;
        let opened_by =
            sighting.flow.and_then(|(grouping, slot)| ledger.groups[grouping.0].get(slot).opened_by);
        let noun = &ledger.kind(opened_by.unwrap_or(sighting.kind)).what;
        let to_do = (is_middle && reason == Reason::Start).then(|| {
            format!("Record from one {noun} to the next, with all between: the sum starts with the first.")
        });
        let witnesses = vec![sighting.witness(&ledger.pack, "message", None)];
        let example = Example { reason, flow: None, witnesses, lacking: None, to_do };
        if is_middle && self.middle.is_none() {
            self.middle = Some(example);
        } else {
            ledger.tallies[rule.index()].undecided(reason, || example);
        }
    }

    fn sum(&mut self, group: GroupSlot) -> &mut Sum {
        let index = group.0 as usize;
        if index >= self.sums.len() {
            self.sums.resize(index + 1, Sum::default());
        }
        &mut self.sums[index]
    }
}

/// The sum of the values at the first of these places that has any; `None` where one of them is no number.
fn sum_of(view: &View<'_>, places: &[Slot]) -> Option<Decimal> {
    let (slot, _) = first_of(view, places)?;
    let numbers = view.all(slot).map(|found| Decimal::parse(&scalar(found.token(view.text))));
    numbers.sum::<Option<Decimal>>()
}

fn charge(agree: &Agree, value: Decimal, sum: &Sum, sighting: &Sighting<'_>, ledger: &Ledger) -> Charge {
    let trie = &ledger.pack.trie;
    let noun = ledger.noun(&agree.of, sighting);
    let part = ledger.pack.noun(&agree.with);
    let (slot, found) = match first_of(&sighting.view, &agree.at) {
        Some((slot, found)) => (slot, Some(found)),
        None => (agree.at[0], None),
    };
    let (at, with_at) = (trie.pointer(slot), trie.pointer(agree.with_at[0]));
    let taken_back = match sum.less {
        Decimal::ZERO => String::new(),
        less => format!(", or `{}` without what was taken back", sum.total.minus(less)),
    };
    Charge {
        accused: sighting.from,
        what: format!(
            "{} sent {} whose `{at}` is not the sum of what came before",
            the(sighting.from),
            a(noun)
        ),
        expected: format!("`{at}` the sum of `{with_at}` of each {part}, `{}`{taken_back}", sum.total),
        got: format!("`{value}`"),
        first: None,
        earlier: sum.last.map(|last| (last, "last of them")).into_iter().collect(),
        role: "later",
        marked: found.map(|found| found.range()),
    }
}
