//! What all rules share while a recording is judged: groups, connections, obligations, witnesses, tallies;
//! and the one place that decides whether an accusation stands.
//!
//! **One fault, one accused.** A message that breaks a root rule is tainted; what it would oblige the other
//! party to is void, what else it breaks is folded. A message nobody can place ([`Muddle`]) makes what was
//! open at that time unfit to judge the other party by.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::deadline::Deadlines;
use super::exemption::{Exemptions, Sights};
use super::group::{Groups, Taint};
use super::link::{Links, Muddle};
use super::obligation::{Decided, Obligation, ObligationId, Obligations};
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting, Witnesses};
use super::tally::{Example, Tally};
use super::{Finding, Reason, Witness};
use crate::conversation::{EventNumber, Party};
use crate::pack::{GroupingId, Kind, KindId, LensId, LensSet, Pack, Selector};

/// What all rules share.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) pack: Arc<Pack>,
    pub(crate) tallies: Vec<Tally>,
    pub(crate) groups: Vec<Groups>,
    pub(crate) links: Links,
    pub(crate) obligations: Obligations,
    pub(crate) deadlines: Deadlines,
    pub(crate) witnesses: Witnesses,
    /// The last event before which something was lost.
    pub(crate) last_gap: Option<EventNumber>,
    /// Findings not yet taken for live display; `None` where nobody watches.
    pub(crate) fresh: Option<Vec<(RuleIndex, Finding)>>,
    pub(crate) exemptions: Exemptions,
    pub(crate) source: usize,
}

/// Whether an accusation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does; where given, it follows from the breach of another rule.
    Stands(Option<RuleIndex>),
    /// Another party's fault has removed its ground.
    Void,
    /// It cannot be known.
    Undecided(Reason),
}

/// An accusation in words.
#[derive(Debug)]
pub(crate) struct Charge {
    pub(crate) accused: Party,
    pub(crate) what: String,
    pub(crate) expected: String,
    pub(crate) got: String,
    /// A message long forgotten that proves it, as far as it is remembered.
    pub(crate) first: Option<Witness>,
    /// Earlier messages that prove it, in order, and what part they play.
    pub(crate) earlier: Vec<(SeenId, &'static str)>,
    /// What part the message at hand plays.
    pub(crate) role: &'static str,
    /// The offending part of it.
    pub(crate) marked: Option<Range<usize>>,
}

impl Ledger {
    pub(crate) fn new(pack: Arc<Pack>) -> Self {
        Self {
            tallies: pack.rules.iter().map(|_| Tally::default()).collect(),
            groups: pack.groupings.iter().cloned().map(Groups::new).collect(),
            links: Links::default(),
            obligations: Obligations::default(),
            deadlines: Deadlines::default(),
            witnesses: Witnesses::default(),
            last_gap: None,
            fresh: None,
            exemptions: Exemptions::default(),
            source: 0,
            pack,
        }
    }

    pub(crate) fn kind(&self, id: KindId) -> &Kind {
        &self.pack.kinds[id.0]
    }

    /// Whether a message is meant by `selector`, its kind being so already.
    #[inline]
    pub(crate) fn selects(&self, selector: &Selector, sighting: &Sighting<'_>) -> bool {
        selector.tests.is_empty() || sighting.view.holds(&selector.tests)
    }

    /// Whether a message is meant by `selector`, whatever its kind.
    pub(crate) fn selects_kind(&self, selector: &Selector, sighting: &Sighting<'_>) -> bool {
        selector.kinds.iter().any(|&kind| self.pack.is_a(sighting.kind, kind))
            && self.selects(selector, sighting)
    }

    /// Through which of the pack's lenses a message can be seen.
    pub(crate) fn lenses(&self, sighting: &Sighting<'_>) -> LensSet {
        let lenses = self.pack.lenses.iter().enumerate();
        let through = lenses.filter(|(_, lens)| self.selects_kind(lens, sighting));
        through.fold(LensSet::default(), |set, (index, _)| set.with(LensId(index)))
    }

    /// What people call the messages of `selector`: "response", "request or event".
    pub(crate) fn names(&self, selector: &Selector) -> String {
        let names: Vec<&str> = selector.kinds.iter().map(|&kind| self.kind(kind).what.as_str()).collect();
        names.join(" or ")
    }

    /// The key of a group, for people.
    pub(crate) fn flow(&self, grouping: GroupingId, group: Option<GroupSlot>) -> Option<String> {
        self.groups[grouping.0].get(group?).name()
    }

    /// A message satisfied a rule. One that broke another proves nothing.
    #[inline]
    pub(crate) fn met(&mut self, rule: RuleIndex, sighting: &Sighting<'_>) {
        let void = sighting.tainted.is_some() && !self.pack.rules[rule.0].independent;
        let tally = &mut self.tallies[rule.0];
        if void { tally.void += 1 } else { tally.met += 1 }
    }

    /// Whether an accusation of the sender of this message stands. `grouping` is given where it rests on
    /// what came, or did not come, before.
    pub(crate) fn standing(&self, sighting: &Sighting<'_>, grouping: Option<GroupingId>) -> Standing {
        if let Some(root) = sighting.tainted {
            return Standing::Stands(Some(root));
        }
        let Some(grouping) = grouping else { return Standing::Stands(None) };
        let group = sighting.group(grouping).map(|slot| self.groups[grouping.0].get(slot));
        if let Some(Taint { by, rule }) = group.and_then(|group| group.taint) {
            return if by == sighting.from { Standing::Stands(Some(rule)) } else { Standing::Void };
        }
        let link = self.links.get(sighting.link);
        let opened = group.and_then(|group| group.opened);
        if opened.is_none() && link.joined_late {
            return Standing::Undecided(Reason::Gap);
        }
        if self.last_gap.is_some_and(|gap| opened.is_none_or(|opened| opened < gap)) {
            return Standing::Undecided(Reason::Gap);
        }
        if let Some(Taint { by, rule }) = link.broken_opener.filter(|_| opened.is_none()) {
            return if by == sighting.from { Standing::Stands(Some(rule)) } else { Standing::Void };
        }
        match link.muddle {
            Some(muddle) if opened.unwrap_or(link.last_opened) <= muddle.n && muddle.n < sighting.n() => {
                match (muddle.by == sighting.from, muddle.unreadable) {
                    // What broke no rule, and cannot be read, may have been just what seems to be missing.
                    (true, true) if muddle.rule.is_none() => Standing::Undecided(Reason::Undecodable),
                    (true, _) => Standing::Stands(muddle.rule),
                    (false, true) => Standing::Undecided(Reason::Undecodable),
                    (false, false) => Standing::Void,
                }
            }
            Some(_) | None => Standing::Stands(None),
        }
    }

    /// Decides on an accusation of the sender of this message. `charge` puts it in words.
    ///
    /// Returns whether it stood.
    #[cold]
    #[inline(never)]
    pub(crate) fn accuse(
        &mut self,
        rule: RuleIndex,
        sighting: &mut Sighting<'_>,
        grouping: Option<GroupingId>,
        charge: impl FnOnce(&Self, &Sighting<'_>) -> Charge,
    ) -> bool {
        let standing = match self.pack.rules[rule.0].independent {
            true => Standing::Stands(None),
            false => self.standing(sighting, grouping),
        };
        let follows = match standing {
            Standing::Stands(follows) => follows,
            Standing::Void => {
                self.tallies[rule.0].void += 1;
                return false;
            }
            Standing::Undecided(reason) => {
                let flow = self.flow_of(sighting, grouping);
                self.tallies[rule.0].undecided(reason, || Example {
                    reason,
                    flow,
                    witnesses: vec![sighting.witness(&self.pack, "message", None)],
                    lacking: None,
                });
                return false;
            }
        };
        let (finding, sights) = self.finding(sighting, grouping, charge);
        self.convict(rule, finding, sights, follows);
        self.taint(rule, sighting, follows);
        true
    }

    /// Puts an accusation on record that stood when its deadline passed: nothing that came since excuses it.
    #[cold]
    pub(crate) fn confirm(
        &mut self,
        rule: RuleIndex,
        Decided { follows }: Decided,
        sighting: &mut Sighting<'_>,
        grouping: GroupingId,
        charge: impl FnOnce(&Self, &Sighting<'_>) -> Charge,
    ) {
        let (finding, sights) = self.finding(sighting, Some(grouping), charge);
        self.convict_quietly(rule, finding, sights, follows);
        self.taint(rule, sighting, follows);
    }

    /// An accusation of the sender of this message as a finding, and what its messages look like.
    fn finding(
        &self,
        sighting: &Sighting<'_>,
        grouping: Option<GroupingId>,
        charge: impl FnOnce(&Self, &Sighting<'_>) -> Charge,
    ) -> (Finding, Sights) {
        let charge = charge(self, sighting);
        let earlier = charge.earlier.iter().map(|&(id, role)| self.witnesses.witness(&self.pack, id, role));
        let mut witnesses: Vec<_> = charge.first.into_iter().chain(earlier).collect();
        witnesses.push(sighting.witness(&self.pack, charge.role, charge.marked));
        let before = charge.earlier.iter().map(|&(id, _)| self.witnesses.lenses(id));
        let grouping = grouping.or_else(|| self.first_key(sighting.kind));
        let group = grouping.and_then(|of| Some(self.groups[of.0].get(sighting.group(of)?)));
        let sights = Sights {
            messages: before.fold(sighting.lenses, LensSet::union),
            opener: group.map_or_else(LensSet::default, |group| group.opener),
        };
        let finding = Finding {
            accused: charge.accused,
            what: charge.what,
            expected: charge.expected,
            got: super::sighting::hide(&charge.got, false),
            flow: self.flow_of(sighting, grouping),
            witnesses,
            follows_from: None,
            waived_by: None,
        };
        (finding, sights)
    }

    /// What else this message breaks follows from its breach of a root rule.
    fn taint(&self, rule: RuleIndex, sighting: &mut Sighting<'_>, follows: Option<RuleIndex>) {
        if self.pack.rules[rule.0].root {
            sighting.tainted.get_or_insert(follows.unwrap_or(rule));
        }
    }

    fn flow_of(&self, sighting: &Sighting<'_>, grouping: Option<GroupingId>) -> Option<String> {
        let grouping = grouping.or_else(|| self.first_key(sighting.kind))?;
        self.flow(grouping, sighting.group(grouping))
    }

    /// As [`Ledger::accuse`], where the breach of another rule, if any is given, has led to this one.
    pub(crate) fn accuse_following(
        &mut self,
        rule: RuleIndex,
        follows: Option<RuleIndex>,
        sighting: &mut Sighting<'_>,
        grouping: Option<GroupingId>,
        charge: impl FnOnce(&Self, &Sighting<'_>) -> Charge,
    ) -> bool {
        let tainted = sighting.tainted;
        sighting.tainted = tainted.or(follows);
        let stood = self.accuse(rule, sighting, grouping, charge);
        if !self.pack.rules[rule.0].root {
            sighting.tainted = tainted;
        }
        stood
    }

    /// Puts a finding on record, and among the fresh ones.
    pub(crate) fn convict(
        &mut self,
        rule: RuleIndex,
        finding: Finding,
        sights: Sights,
        follows: Option<RuleIndex>,
    ) {
        self.announce(rule, &finding, follows);
        self.convict_quietly(rule, finding, sights, follows);
    }

    /// Puts a finding on record that was announced when its deadline passed.
    pub(crate) fn convict_quietly(
        &mut self,
        rule: RuleIndex,
        finding: Finding,
        sights: Sights,
        follows: Option<RuleIndex>,
    ) {
        let mut finding = self.traced(rule, finding, follows);
        finding.waived_by = self.exemptions.of(rule, &finding, sights);
        self.tallies[rule.0].convict(finding);
    }

    /// Puts a finding that is certain among the fresh ones, where somebody watches.
    pub(crate) fn announce(&mut self, rule: RuleIndex, finding: &Finding, follows: Option<RuleIndex>) {
        if self.fresh.is_some() {
            let finding = self.traced(rule, finding.clone(), follows);
            self.fresh.get_or_insert_default().push((rule, finding));
        }
    }

    /// A finding with the code of the rule it follows from.
    fn traced(&self, rule: RuleIndex, finding: Finding, follows: Option<RuleIndex>) -> Finding {
        let root = follows.filter(|&root| root != rule);
        let follows_from = root.map(|root| self.pack.rules[root.0].info.code.to_string());
        Finding { follows_from, ..finding }
    }

    /// Notes that nobody can place this message. The oldest answer its sender owed, of a kind it could have
    /// been, is explained by it.
    pub(crate) fn muddle(&mut self, sighting: &Sighting<'_>, rule: Option<RuleIndex>, unreadable: bool) {
        let muddle = Muddle { by: sighting.from, n: sighting.n(), rule, unreadable };
        self.links.get_mut(sighting.link).muddle = Some(muddle);
        let owed = &self.links.get(sighting.link).owed;
        let candidates = owed.iter().filter_map(|&id| Some((id, self.obligations.get(id)?)));
        let mut candidates: Vec<_> = candidates
            .filter(|(_, open)| open.obligor == sighting.from && open.follows.is_none() && !open.unreadable)
            .filter(|(_, open)| unreadable || self.awaits(open.rule, sighting.kind))
            .map(|(id, open)| (self.witnesses.n(open.trigger), open.grouping.0, open.group, id))
            .collect();
        candidates.sort_by_key(|&(n, grouping, group, _)| (n, grouping, group.0));
        let Some(&(_, grouping, group, _)) = candidates.first() else { return };
        for (_, of, slot, id) in candidates {
            if (of, slot) == (grouping, group)
                && let Some(open) = self.obligations.get_mut(id)
            {
                open.follows = rule;
                open.unreadable = rule.is_none();
            }
        }
    }

    /// Notes a message that only the other party may send. What that one owes may have been meant by it: it
    /// is excused, in the group where it has owed something longest.
    pub(crate) fn usurp(&mut self, sighting: &Sighting<'_>, rule: RuleIndex) {
        let muddle = Muddle { by: sighting.from, n: sighting.n(), rule: Some(rule), unreadable: false };
        self.links.get_mut(sighting.link).muddle = Some(muddle);
        let owed = self.links.get(sighting.link).owed.clone();
        let owed = owed.into_iter().filter_map(|id| Some((id, self.obligations.get(id)?)));
        let mut owed: Vec<_> = owed
            .filter(|(_, open)| open.obligor != sighting.from && !open.excused)
            .map(|(id, open)| (self.witnesses.n(open.trigger), open.grouping.0, open.group, id))
            .collect();
        owed.sort_by_key(|&(n, grouping, group, _)| (n, grouping, group.0));
        let Some(&(_, grouping, group, _)) = owed.first() else { return };
        for (_, of, slot, id) in owed {
            if (of, slot) == (grouping, group)
                && let Some(open) = self.obligations.get_mut(id)
            {
                open.excused = true;
            }
        }
    }

    /// Excuses the answers of these kinds that the other party owes in a group: who has sent what may only
    /// follow them has them, by his own account.
    pub(crate) fn excuse(
        &mut self,
        (grouping, group): (GroupingId, GroupSlot),
        sighting: &Sighting<'_>,
        kinds: &[KindId],
    ) {
        let ids: Vec<_> = self.links.get(sighting.link).owed.clone();
        for id in ids {
            let excused = self.obligations.get(id).is_some_and(|open| {
                (open.grouping, open.group) == (grouping, group)
                    && open.obligor != sighting.from
                    && kinds.iter().any(|&kind| self.awaits(open.rule, kind))
            });
            if excused && let Some(open) = self.obligations.get_mut(id) {
                open.excused = true;
            }
        }
    }

    /// Notes of open obligations whether they wait for the other party, before any of them is settled.
    pub(crate) fn note_waiting(&mut self, ids: &[ObligationId]) {
        for &id in ids {
            let waits = self.obligations.get(id).is_some_and(|open| self.waits(open));
            if let Some(open) = self.obligations.get_mut(id) {
                open.waits |= waits;
            }
        }
    }

    /// Whether the party that owes this waits for the other one, which owes an answer to a later message.
    pub(crate) fn waits(&self, open: &Obligation) -> bool {
        let since = self.witnesses.n(open.trigger);
        let group = self.groups[open.grouping.0].get(open.group);
        group.is_owed_by_others(open.obligor)
            && self.obligations.is_waiting(open, |other| self.witnesses.n(other.trigger) > since)
    }

    /// Explains the answers of these kinds that `accused` owes in a group by the breach of `rule`.
    pub(crate) fn explain(
        &mut self,
        (grouping, group): (GroupingId, GroupSlot),
        sighting: &Sighting<'_>,
        kinds: &[KindId],
        rule: RuleIndex,
    ) {
        let ids: Vec<_> = self.links.get(sighting.link).owed.clone();
        for id in ids {
            let explained = self.obligations.get(id).is_some_and(|open| {
                (open.grouping, open.group) == (grouping, group)
                    && open.obligor == sighting.from
                    && kinds.iter().any(|&kind| self.awaits(open.rule, kind))
            });
            if explained && let Some(open) = self.obligations.get_mut(id) {
                open.follows.get_or_insert(rule);
            }
        }
    }

    /// The grouping a kind carries a key for.
    fn first_key(&self, kind: KindId) -> Option<GroupingId> {
        self.kind(kind).keys.first().map(|key| key.grouping)
    }

    /// Whether a message of `kind` is an answer `rule` waits for.
    fn awaits(&self, rule: RuleIndex, kind: KindId) -> bool {
        match &self.pack.rules[rule.0].pattern {
            crate::pack::Pattern::Respond(respond) => respond
                .with
                .kinds
                .iter()
                .any(|&with| self.pack.is_a(kind, with) || self.pack.is_a(with, kind)),
            _ => false,
        }
    }
}

/// A duration for people: `3 ms`, `5 s`, `61.2 s`.
pub(crate) fn spoken(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros < 1_000 {
        return format!("{micros} µs");
    }
    if micros < 1_000_000 {
        let tenths = (micros + 50) / 100;
        return if tenths.is_multiple_of(10) || tenths >= 100 {
            format!("{} ms", (micros + 500) / 1_000)
        } else {
            format!("{}.{} ms", tenths / 10, tenths % 10)
        };
    }
    let tenths = (micros + 50_000) / 100_000;
    if tenths.is_multiple_of(10) {
        format!("{} s", tenths / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    }
}

/// A party with its article: "the POS".
pub(crate) const fn the(party: Party) -> &'static str {
    match party {
        Party::Pos => "the POS",
        Party::Terminal => "the terminal",
        Party::Gateway => "the gateway",
    }
}

/// "a" or "an", with the noun.
pub(crate) fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// A sentence that starts with a party starts with a capital elsewhere; flows are named alike everywhere.
pub(crate) fn of_flow(flow: Option<&str>) -> String {
    flow.map_or_else(String::new, |flow| format!(" of flow {flow}"))
}
