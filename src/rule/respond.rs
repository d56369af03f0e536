//! `respond`: each trigger is answered, within a window. Who owes the answer is to blame.
//!
//! With the deadline `dl` and the end of the recording `H`:
//!
//! | What happened | The obligation ends |
//! |---|---|
//! | answered by `dl` | met |
//! | answered later | violated, late by x (met, where only existence is judged) |
//! | the obliged party closed first | violated |
//! | no answer, `dl` < `H`, link up | violated |
//! | no answer, `dl` ≥ `H` | undecided (horizon): record longer |
//! | the other party closed, or the link dropped, before `dl` | undecided (channel) |
//! | a gap since the trigger | undecided (gap) |
//! | nearer to `dl` than the clock is exact | undecided (clock) |
//! | an unreadable message may have been the answer | undecided (undecodable) |

use std::sync::Arc;
use std::time::Duration;

use super::accusation::Charge;
use super::deadline::CLOCK_GUARD;
use super::group::Taint;
use super::ledger::Ledger;
use super::missing::{Certainty, Ended, certainty, closing};
use super::obligation::{Decided, Obligation, ObligationId, Terms};
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting};
use super::standing::Standing;
use super::words::{a, spoken, the};
use super::{Reason, Witness};
use crate::conversation::{Offset, Party};
use crate::pack::{Judges, Pack, Respond, Slot, Times};
use crate::text::json;

/// One `respond` rule at work.
#[derive(Debug)]
pub(crate) struct RespondRule {
    pub(crate) rule: RuleIndex,
    pub(crate) respond: Respond,
    /// Who owes the answer; `None` where that is whoever has not sent the trigger.
    obligor: Option<Party>,
    /// By group.
    desks: Vec<Desk>,
    /// The limit that a message of this recording said, and that message.
    learned: Option<(Duration, Arc<Witness>)>,
}

/// What is open and what was answered in one group.
#[derive(Debug, Default)]
struct Desk {
    open: Vec<ObligationId>,
    answered: Option<(SeenId, SeenId)>,
    /// An answer that came although nothing was open, and broke another rule by that.
    early: Option<Taint>,
}

impl RespondRule {
    pub(crate) fn new(rule: RuleIndex, respond: Respond, pack: &Pack) -> Self {
        let sender = || respond.with.kinds.iter().find_map(|kind| pack.kinds[kind.0].from);
        let obligor = pack.rules[rule.index()].info.obligor.or_else(sender);
        Self { rule, respond, obligor, desks: Vec::new(), learned: None }
    }

    /// A trigger came.
    #[inline(never)]
    pub(crate) fn trigger(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.respond.to, sighting) {
            return;
        }
        let grouping = self.respond.grouping;
        let Some(group) = sighting.group(grouping) else { return };
        let obligor = self.obligor(sighting.from);
        let binds = sighting.tainted.is_none_or(|rule| ledger.pack.rules[rule.index()].binding);
        if !binds && obligor != sighting.from {
            ledger.tallies[self.rule.index()].void += 1;
            return;
        }
        if self.respond.one_at_a_time && !self.desk(group).open.is_empty() {
            return;
        }
        let window = self.window(sighting);
        if window.is_none() && self.respond.window.learned.is_some() {
            // Nobody has said yet what is too late.
            return;
        }
        let early = self.desk(group).early.take().filter(|early| early.by == obligor);
        // What another party has broken explains nothing this one fails to do.
        let own = sighting.tainted.filter(|_| obligor == sighting.from);
        let terms = Terms {
            rule: self.rule,
            grouping,
            group,
            trigger: ledger.witnesses.keep(sighting),
            obligor,
            since: sighting.at(),
            deadline: window.map(|window| sighting.at().after(window)),
            link: sighting.link,
            follows: own.or(early.map(|early| early.rule)),
        };
        let id = ledger.obligations.open(terms, &mut ledger.groups, &mut ledger.links);
        if (sighting.ground.is_some() || self.learned.is_some())
            && let Some(open) = ledger.obligations.get_mut(id)
        {
            open.ground.clone_from(&sighting.ground);
            open.learned = self.learned.as_ref().map(|(_, said)| Arc::clone(said));
        }
        if self.decides_at_deadline() {
            ledger.deadlines.add(id, &ledger.obligations);
        }
        let desk = self.desk(group);
        desk.open.push(id);
        release(std::mem::take(&mut desk.answered), ledger);
    }

    /// A message that starts the window anew, or after which nothing is owed any more, came.
    #[inline(never)]
    pub(crate) fn reset(&mut self, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        self.learn(sighting, ledger);
        self.void(sighting, ledger);
        self.restart(sighting, ledger);
    }

    /// The recording ended: what was learned in it holds for it alone.
    pub(crate) fn end_of_recording(&mut self) {
        self.learned = None;
    }

    fn learn(&mut self, sighting: &Sighting<'_>, ledger: &Ledger) {
        let Some(learned) = &self.respond.window.learned else { return };
        if sighting.tainted.is_none() && ledger.selects_kind(&learned.from, sighting) {
            let number = number(sighting, learned.at);
            self.learned = number.map(|number| {
                let said = sighting.witness(&ledger.pack, "said the time", None);
                (Duration::from_millis(number) * learned.times, Arc::new(said))
            });
        }
    }

    fn void(&mut self, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        let Some(void) = &self.respond.void else { return };
        let Some(group) = sighting.group(self.respond.grouping) else { return };
        if !ledger.selects_kind(void, sighting) {
            return;
        }
        let Some(desk) = self.desks.get_mut(group.0 as usize) else { return };
        for id in std::mem::take(&mut desk.open) {
            let Some(open) = ledger.obligations.close(id, &mut ledger.groups, &mut ledger.links) else {
                continue;
            };
            match open.decided {
                Some(decided) => {
                    let (finding, sights) = self.missing(&open, &Ended::Void(sighting.at()), ledger);
                    ledger.convict_quietly(self.rule, finding, sights, decided.follows);
                }
                None => ledger.tallies[self.rule.index()].void += 1,
            }
            ledger.witnesses.release(open.trigger);
        }
    }

    fn restart(&mut self, sighting: &Sighting<'_>, ledger: &mut Ledger) {
        let Some(restart) = &self.respond.restart else { return };
        let Some(group) = sighting.group(self.respond.grouping) else { return };
        if !ledger.selects_kind(restart, sighting) {
            return;
        }
        let Some(desk) = self.desks.get(group.0 as usize) else { return };
        for &id in &desk.open {
            let open = ledger.obligations.get_mut(id).filter(|open| open.decided.is_none());
            let Some(open) = open else { continue };
            let window = open.deadline.map(|deadline| deadline.since(open.since));
            open.since = sighting.at();
            open.deadline = window.map(|window| sighting.at().after(window));
            if self.decides_at_deadline() {
                ledger.deadlines.add(id, &ledger.obligations);
            }
        }
    }

    /// An answer came.
    #[inline(never)]
    pub(crate) fn answer(&mut self, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        if !ledger.selects(&self.respond.with, sighting) {
            return;
        }
        let Some(group) = sighting.group(self.respond.grouping) else { return };
        let Some(place) = self.due(group, sighting, ledger) else {
            if let Some(rule) = sighting.tainted {
                self.desk(group).early = Some(Taint { by: sighting.from, rule });
            }
            return self.surplus(group, sighting, ledger);
        };
        let open = &mut self.desk(group).open;
        // Most often there is one.
        let last = if place + 1 == open.len() { open.pop() } else { None };
        let id = last.unwrap_or_else(|| open.remove(place));
        let Some(open) = ledger.obligations.get(id) else { return };
        let (trigger, took) = (open.trigger, sighting.at().since(open.since));
        if self.respond.judges != Judges::Existence {
            ledger.tallies[self.rule.index()].timing.add(took);
        }
        if self.is_kept(open, took) {
            ledger.obligations.end(id, &mut ledger.groups, &mut ledger.links);
            ledger.met(self.rule, sighting);
        } else if let Some(open) = ledger.obligations.close(id, &mut ledger.groups, &mut ledger.links) {
            self.judge(&open, took, sighting, ledger);
        }
        match self.respond.times {
            Times::ExactlyOnce | Times::AtMostOnce => {
                let answer = ledger.witnesses.keep(sighting);
                let before = self.desk(group).answered.replace((trigger, answer));
                release(before, ledger);
            }
            Times::AtLeastOnce => ledger.witnesses.release(trigger),
        }
    }

    /// Which of the open obligations an answer is for: the oldest that is in time and that nothing else
    /// explains, else the oldest.
    fn due(&self, group: GroupSlot, sighting: &Sighting<'_>, ledger: &Ledger) -> Option<usize> {
        let open = &self.desks.get(group.0 as usize)?.open;
        if let &[only] = open.as_slice() {
            return ledger.obligations.get(only).filter(|open| open.obligor == sighting.from).map(|_| 0);
        }
        let open = open.iter().enumerate();
        let open = open.filter_map(|(place, &id)| Some((place, ledger.obligations.get(id)?)));
        let owed = open.filter(|(_, open)| open.obligor == sighting.from);
        let place = owed.min_by_key(|(_, open)| {
            let overdue = open.deadline.is_some_and(|deadline| sighting.at().since(deadline) > CLOCK_GUARD);
            let lost = ledger.last_gap.is_some_and(|gap| gap > ledger.witnesses.n(open.trigger));
            (open.is_explained() || lost, overdue)
        });
        place.map(|(place, _)| place)
    }

    /// An obligation ended without an answer. Returns whether that is a violation.
    pub(crate) fn settle(&mut self, id: ObligationId, ended: &Ended, ledger: &mut Ledger) -> bool {
        let Some(open) = ledger.obligations.close(id, &mut ledger.groups, &mut ledger.links) else {
            return false;
        };
        if let Some(desk) = self.desks.get_mut(open.group.0 as usize) {
            desk.open.retain(|&other| other != id);
        }
        let violated = self.judge_missing(&open, ended, ledger);
        ledger.witnesses.release(open.trigger);
        violated
    }

    /// What is open in a group for this trigger.
    pub(crate) fn owed(&self, group: GroupSlot, trigger: SeenId, ledger: &Ledger) -> Option<ObligationId> {
        let mut open = self.desks.get(group.0 as usize)?.open.iter().copied();
        open.find(|&id| ledger.obligations.get(id).is_some_and(|open| open.trigger == trigger))
    }

    /// The deadline has passed without an answer. Where nothing excuses that now, nothing will.
    pub(crate) fn fall_due(&self, id: ObligationId, ledger: &mut Ledger) {
        let Some(open) = ledger.obligations.get(id) else { return };
        let Standing::Stands(follows) = self.missing_standing(open, ledger) else { return };
        let closed = open.link.and_then(|link| ledger.links.get(link).closed);
        // Who is told goodbye owes nothing any more, and who closes is judged at once.
        if open.decided.is_some() || closed.is_some() || ledger.waits(open) {
            return;
        }
        if ledger.fresh.is_some() {
            let (finding, _) = self.missing(open, &Ended::Due, ledger);
            ledger.announce(self.rule, &finding, follows);
        }
        if let Some(open) = ledger.obligations.get_mut(id) {
            open.decided = Some(Decided { follows });
        }
    }

    /// Whether an answer that is not there in time is a violation, whatever comes later.
    fn decides_at_deadline(&self) -> bool {
        self.respond.judges != Judges::Existence && self.respond.times != Times::AtMostOnce
    }

    /// The rule is no more in force: what is owed by it falls away.
    pub(crate) fn suspend(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        let Some(desk) = self.desks.get_mut(group.0 as usize) else { return };
        for id in std::mem::take(&mut desk.open) {
            if let Some(open) = ledger.obligations.close(id, &mut ledger.groups, &mut ledger.links) {
                ledger.witnesses.release(open.trigger);
                ledger.tallies[self.rule.index()].void += 1;
            }
        }
        self.forget(group, ledger);
    }

    /// How many groups it may know.
    pub(crate) fn groups(&self) -> usize {
        self.desks.len()
    }

    /// The group is over.
    pub(crate) fn forget(&mut self, group: GroupSlot, ledger: &mut Ledger) {
        if let Some(desk) = self.desks.get_mut(group.0 as usize) {
            desk.open.clear();
            desk.early = None;
            release(desk.answered.take(), ledger);
        }
    }

    /// Whether an answer after so long a time is all that was owed.
    fn is_kept(&self, open: &Obligation, took: Duration) -> bool {
        let Respond { window, judges, .. } = &self.respond;
        let in_time = |deadline: Offset| {
            let limit = deadline.since(open.since);
            open.decided.is_none() && (took == limit || limit.saturating_sub(took) > CLOCK_GUARD)
        };
        took >= window.lower
            && (!open.excused || open.decided.is_some())
            && (*judges == Judges::Existence || open.deadline.is_none_or(in_time))
    }

    /// An answer came that was not all that was owed.
    #[cold]
    fn judge(&self, open: &Obligation, took: Duration, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        let grouping = open.grouping;
        if took < self.respond.window.lower {
            let lower = self.respond.window.lower;
            ledger.accuse_following(self.rule, open.follows, sighting, Some(grouping), |ledger, sighting| {
                let noun = ledger.kind(sighting.kind).what.as_str();
                Charge {
                    accused: sighting.from,
                    what: format!("{} sent {} too early", the(sighting.from), a(noun)),
                    expected: format!("{} not before {}", a(noun), spoken(lower)),
                    got: format!("{} after {}", a(noun), spoken(took)),
                    first: open.learned.as_deref().cloned(),
                    earlier: vec![(open.trigger, "trigger")],
                    role: "answer",
                    marked: None,
                }
            });
            return;
        }
        if open.excused && open.decided.is_none() {
            ledger.tallies[self.rule.index()].void += 1;
            return;
        }
        let Some(deadline) = open.deadline else { return };
        let limit = deadline.since(open.since);
        let late = took.saturating_sub(limit);
        let charge = |ledger: &Ledger, sighting: &Sighting<'_>| {
            let noun = ledger.kind(sighting.kind).what.as_str();
            Charge {
                accused: sighting.from,
                what: format!("{} sent {} {} late", the(sighting.from), a(noun), spoken(late)),
                expected: format!("{} within {}", a(noun), spoken(limit)),
                got: format!("{} after {}", a(noun), spoken(took)),
                first: open.learned.as_deref().cloned(),
                earlier: vec![(open.trigger, "trigger")],
                role: "answer",
                marked: None,
            }
        };
        if let Some(decided) = open.decided {
            ledger.confirm(self.rule, decided, sighting, grouping, charge);
        } else if took.abs_diff(limit) <= CLOCK_GUARD {
            self.undecided(
                open,
                Reason::Clock,
                None,
                vec![sighting.witness(&ledger.pack, "answer", None)],
                ledger,
            );
        } else {
            // What came before the trigger excuses a late answer no more than a missing one.
            let standing = match sighting.tainted {
                Some(root) => Standing::Stands(Some(root)),
                None => self.missing_standing(open, ledger),
            };
            match standing {
                Standing::Stands(follows) => {
                    ledger.hold(self.rule, follows, sighting, Some(grouping), charge)
                }
                Standing::Void => ledger.tallies[self.rule.index()].void += 1,
                Standing::Undecided(reason) => {
                    let answer = vec![sighting.witness(&ledger.pack, "answer", None)];
                    self.undecided(open, reason, None, answer, ledger);
                }
            }
        }
    }

    /// An answer although nothing was open: the second one, if there was a first.
    fn surplus(&mut self, group: GroupSlot, sighting: &mut Sighting<'_>, ledger: &mut Ledger) {
        match self.respond.times {
            Times::ExactlyOnce | Times::AtMostOnce => {}
            Times::AtLeastOnce => return,
        }
        let Some((trigger, first)) = self.desk(group).answered else { return };
        let grouping = self.respond.grouping;
        ledger.accuse(self.rule, sighting, Some(grouping), |ledger, sighting| {
            let noun = ledger.kind(sighting.kind).what.as_str();
            let to = ledger.pack.noun(&self.respond.to);
            Charge {
                accused: sighting.from,
                what: format!("{} sent a second {noun} to one {to}", the(sighting.from)),
                expected: format!("one {noun} to each {to}"),
                got: format!("{} after event {} had given one", a(noun), ledger.witnesses.n(first)),
                first: None,
                earlier: vec![(trigger, "trigger"), (first, "first answer")],
                role: "second answer",
                marked: None,
            }
        });
    }

    fn judge_missing(&self, open: &Obligation, ended: &Ended, ledger: &mut Ledger) -> bool {
        if let Some(decided) = open.decided {
            let (finding, sights) = self.missing(open, ended, ledger);
            ledger.convict_quietly(self.rule, finding, sights, decided.follows.or(open.lacking));
            return true;
        }
        let heard = ledger.is_heard(self.rule, &self.respond.with, (open.grouping, open.group));
        let tally = &mut ledger.tallies[self.rule.index()];
        match (self.respond.judges, self.respond.times) {
            (Judges::Promptness, _) => tally.void += 1,
            (Judges::Both | Judges::Existence, Times::AtMostOnce) => tally.met += u64::from(heard),
            (Judges::Both | Judges::Existence, Times::AtLeastOnce | Times::ExactlyOnce) => {
                return self.judge_absent(open, ended, ledger);
            }
        }
        false
    }

    /// As [`RespondRule::judge_missing`], where an answer had to come and the deadline decided nothing.
    fn judge_absent(&self, open: &Obligation, ended: &Ended, ledger: &mut Ledger) -> bool {
        let left = matches!(ended, Ended::Closed { by, .. } if *by == open.obligor);
        if open.waits && !left {
            ledger.tallies[self.rule.index()].void += 1;
            return false;
        }
        match self.missing_standing(open, ledger) {
            Standing::Void => ledger.tallies[self.rule.index()].void += 1,
            Standing::Undecided(reason) => self.undecided(open, reason, None, closing(ended), ledger),
            Standing::Stands(follows) => match certainty(open, ended, ledger.pack.crossing) {
                Certainty::Violated => {
                    let (finding, sights) = self.missing(open, ended, ledger);
                    ledger.convict(self.rule, finding, sights, follows);
                    return true;
                }
                Certainty::Open(reason, lacking) => {
                    self.undecided(open, reason, lacking, closing(ended), ledger);
                }
            },
        }
        false
    }

    fn window(&self, sighting: &Sighting<'_>) -> Option<Duration> {
        let told = self.respond.window.upper_at.and_then(|slot| number(sighting, slot));
        let learned = self.learned.as_ref().map(|(learned, _)| *learned);
        told.map(Duration::from_millis).or(learned).or(self.respond.window.upper)
    }

    fn obligor(&self, trigger_from: Party) -> Party {
        self.obligor.unwrap_or(match trigger_from {
            Party::Pos => Party::Terminal,
            Party::Terminal | Party::Gateway => Party::Pos,
        })
    }

    fn desk(&mut self, group: GroupSlot) -> &mut Desk {
        let index = group.0 as usize;
        if index >= self.desks.len() {
            self.desks.resize_with(index + 1, Desk::default);
        }
        &mut self.desks[index]
    }
}

/// The whole number at a pointer, written as a number or as text. More than a year of anything is none.
fn number(sighting: &Sighting<'_>, slot: Slot) -> Option<u64> {
    const MOST: u64 = 366 * 24 * 60 * 60 * 1000;
    let token = sighting.view.extract.first(slot)?.token(sighting.view.text);
    let text = json::string(token).unwrap_or(std::borrow::Cow::Borrowed(token));
    text.parse().ok().filter(|&number| number <= MOST)
}

fn release(answered: Option<(SeenId, SeenId)>, ledger: &mut Ledger) {
    if let Some((trigger, answer)) = answered {
        ledger.witnesses.release(trigger);
        ledger.witnesses.release(answer);
    }
}
