//! What all rules share while a recording is judged: groups, connections, obligations, witnesses, tallies;
//! and the one place that decides whether an accusation stands.
//!
//! **One fault, one accused.** A message that breaks a root rule is tainted; what it would oblige the other
//! party to is void, what else it breaks is folded. A message nobody can place ([`Muddle`]) makes what was
//! open at that time unfit to judge the other party by.

use std::ops::Range;
use std::sync::Arc;

use super::deadline::Deadlines;
use super::exemption::{Exemptions, Sights};
use super::group::{Groups, Taint};
use super::link::{Links, Muddle};
use super::obligation::{Decided, Obligations};
use super::sighting::{GroupSlot, RuleIndex, SeenId, Sighting, Witnesses};
use super::tally::{Example, Tally};
use super::{Finding, Reason, Witness};
use crate::conversation::{ConnectionId, EventNumber, Offset, Party};
use crate::pack::{Condition, GroupingId, Kind, KindId, LensId, LensSet, Level, Pack, Pattern, Selector};

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
    /// The last message that cannot be read and has broken no rule, on any connection.
    pub(crate) unreadable: Option<EventNumber>,
    /// By party: whether it has said anything in this recording, and in any before.
    heard: [(bool, bool); 3],
    /// Groupings of which it is asked who was heard in a group.
    heard_in: Vec<GroupingId>,
    /// By party: its last breach of a root rule.
    lapses: [Option<(EventNumber, RuleIndex)>; 3],
    /// Findings not yet taken for live display; `None` where nobody watches.
    pub(crate) fresh: Option<Vec<(RuleIndex, Finding)>>,
    pub(crate) exemptions: Exemptions,
    pub(crate) source: usize,
    /// Whether a rule could not be evaluated, since that was last asked.
    pub(crate) failed: bool,
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

/// What was broken lately.
#[derive(Clone, Copy, Debug, Default)]
struct Lapses {
    own: Option<RuleIndex>,
    other: Option<RuleIndex>,
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
    /// A recording ended: what was lost or broken in it concerns no other.
    pub(crate) fn end_of_recording(&mut self) {
        self.last_gap = None;
        self.unreadable = None;
        self.heard = self.heard.map(|(now, before)| (false, now || before));
        self.lapses = [None; 3];
        self.deadlines.clear();
        self.source += 1;
    }

    pub(crate) fn new(pack: Arc<Pack>) -> Self {
        Self {
            tallies: pack.rules.iter().map(|_| Tally::default()).collect(),
            groups: (0..pack.groupings.len()).map(|index| groups(&pack, GroupingId(index))).collect(),
            links: Links::default(),
            obligations: Obligations::default(),
            deadlines: Deadlines::default(),
            witnesses: Witnesses::default(),
            last_gap: None,
            unreadable: None,
            heard: [(false, false); 3],
            heard_in: (0..pack.groupings.len()).map(GroupingId).filter(|&of| asks_who(&pack, of)).collect(),
            lapses: [None; 3],
            fresh: None,
            exemptions: Exemptions::default(),
            source: 0,
            failed: false,
            pack,
        }
    }

    pub(crate) fn kind(&self, id: KindId) -> &Kind {
        &self.pack.kinds[id.0]
    }

    /// Whether a message is meant by `selector`, its kind being so already.
    #[inline]
    pub(crate) fn selects(&self, selector: &Selector, sighting: &Sighting<'_>) -> bool {
        match selector.condition {
            Condition::None => true,
            Condition::Numbered(number) => sighting.answers.get(number, || self.meets(selector, sighting)),
            Condition::Other => self.meets(selector, sighting),
        }
    }

    /// Whether a message meets the condition of `selector`.
    fn meets(&self, selector: &Selector, sighting: &Sighting<'_>) -> bool {
        let Selector { tests, opened_by, repeated, .. } = selector;
        let is_opener = |opener| opened_by.meets(self.kind(opener).lineage);
        // Where a broken message has opened the flow, nobody knows what it is.
        (opened_by.is_empty() || sighting.opener.is_some_and(is_opener) && sighting.spoilt.is_none())
            && repeated.is_none_or(|wanted| wanted == sighting.repeated)
            && (tests.is_empty() || sighting.view.holds(tests))
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

    /// What people call a message that `selector` means: as the rule does, or by its kind.
    pub(crate) fn noun<'a>(&'a self, selector: &'a Selector, sighting: &Sighting<'_>) -> &'a str {
        selector.what.as_deref().unwrap_or(&self.kind(sighting.kind).what)
    }

    /// The key of a group, for people.
    pub(crate) fn flow(&self, grouping: GroupingId, group: Option<GroupSlot>) -> Option<String> {
        self.groups[grouping.0].name(group?)
    }

    /// A message satisfied a rule. One that broke another proves nothing.
    #[inline]
    pub(crate) fn met(&mut self, rule: RuleIndex, sighting: &Sighting<'_>) {
        let void = sighting.tainted.is_some() && !self.pack.rules[rule.index()].independent;
        let tally = &mut self.tallies[rule.index()];
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
        // A flow that was opened wrongly judges nobody else, whatever its messages have in common besides.
        let flow = sighting.flow.map(|(grouping, slot)| self.groups[grouping.0].get(slot));
        let taint = group.and_then(|group| group.taint).or(flow.and_then(|flow| flow.taint));
        if let Some(Taint { by, rule }) = taint {
            return if by == sighting.from { Standing::Stands(Some(rule)) } else { Standing::Void };
        }
        let link = self.links.get(sighting.link);
        if self.pack.groupings[grouping.0].is_wide() {
            return match sighting.rests_on {
                None if link.joined_late => Standing::Undecided(Reason::Start),
                rests_on => self.since(rests_on.unwrap_or_default(), sighting),
            };
        }
        let opened = group.and_then(|group| group.opened);
        if opened.is_none() && link.joined_late {
            return Standing::Undecided(Reason::Start);
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

    /// Whether an accusation stands that rests on all that was said since an event, on any connection: who
    /// has said something broken since then has none to accuse, and follows from it what he breaks himself.
    pub(crate) fn since(&self, since: EventNumber, sighting: &Sighting<'_>) -> Standing {
        let Lapses { own, other } = self.lapses(since, sighting.from);
        if self.last_gap.is_some_and(|gap| gap > since) {
            return Standing::Undecided(Reason::Gap);
        }
        if self.unreadable.is_some_and(|n| n >= since) {
            return Standing::Undecided(Reason::Undecodable);
        }
        if other.is_some() { Standing::Void } else { Standing::Stands(own) }
    }

    /// Notes that a party has said something, in whatever groups the message belongs to.
    #[inline]
    pub(crate) fn note_heard(&mut self, sighting: &Sighting<'_>) {
        self.heard[sighting.from as usize].0 = true;
        for &grouping in &self.heard_in {
            if let Some(slot) = sighting.group(grouping) {
                self.groups[grouping.0].get_mut(slot).heard[sighting.from as usize] = true;
            }
        }
    }

    /// Whether a rule can have been kept in a group by who has to keep it: who says nothing keeps nothing.
    /// `selector` says what its messages are.
    pub(crate) fn is_heard(
        &self,
        rule: RuleIndex,
        selector: &Selector,
        (grouping, group): (GroupingId, GroupSlot),
    ) -> bool {
        let obligor = self.pack.rules[rule.index()].info.obligor;
        let party = obligor.or_else(|| selector.kinds.iter().find_map(|&kind| self.kind(kind).from));
        party.is_none_or(|party| self.has_heard(party, (grouping, group)))
    }

    /// Whether a party has said anything in a group. A reference, say, is named when it is used, and a party may
    /// well have kept away from it: there it is enough that it has said anything at all.
    pub(crate) fn has_heard(&self, party: Party, (grouping, group): (GroupingId, GroupSlot)) -> bool {
        let groups = &self.groups[grouping.0];
        if !self.pack.groupings[grouping.0].is_wide() {
            return groups.get(group).heard[party as usize];
        }
        let (now, before) = self.heard[party as usize];
        now || groups.is_lasting() && before
    }

    /// Notes that a party has said something broken.
    pub(crate) fn note_lapse(&mut self, by: Party, n: EventNumber, rule: RuleIndex) {
        self.lapses[by as usize] = Some((n, rule));
    }

    fn lapses(&self, since: EventNumber, of: Party) -> Lapses {
        let late =
            |lapse: &Option<(EventNumber, RuleIndex)>| lapse.filter(|&(n, _)| n > since).map(|(_, r)| r);
        let others = self.lapses.iter().enumerate().filter(|&(party, _)| party != of as usize);
        Lapses {
            own: late(&self.lapses[of as usize]),
            other: others.map(|(_, lapse)| late(lapse)).find_map(|l| l),
        }
    }

    /// Whether a flow has moved to another connection than the one it was opened on, so that what seems not
    /// to have been said may have gone with the old one.
    pub(crate) fn has_moved(&self, grouping: GroupingId, sighting: &Sighting<'_>) -> bool {
        let group = sighting.group(grouping).map(|slot| self.groups[grouping.0].get(slot));
        let moved = group.and_then(|group| group.opened_on).is_some_and(|first| first != sighting.connection);
        moved && self.pack.groupings[grouping.0].flows && sighting.tainted.is_none()
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
        if !sighting.is_sent {
            return false;
        }
        let standing = match self.pack.rules[rule.index()].independent {
            true => Standing::Stands(None),
            false => self.standing(sighting, grouping),
        };
        let follows = match standing {
            Standing::Stands(follows) => follows,
            Standing::Void => {
                self.tallies[rule.index()].void += 1;
                return false;
            }
            Standing::Undecided(reason) => {
                let flow = self.flow_of(sighting, grouping);
                self.undecided(rule, reason, flow, sighting);
                return false;
            }
        };
        self.hold(rule, follows, sighting, grouping, charge);
        true
    }

    /// Puts an accusation on record that is known to stand.
    pub(crate) fn hold(
        &mut self,
        rule: RuleIndex,
        follows: Option<RuleIndex>,
        sighting: &mut Sighting<'_>,
        grouping: Option<GroupingId>,
        charge: impl FnOnce(&Self, &Sighting<'_>) -> Charge,
    ) {
        let (finding, sights) = self.finding(sighting, grouping, charge);
        self.convict(rule, finding, sights, follows);
        self.taint(rule, sighting, follows);
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
        let ground = sighting.ground.as_deref().cloned();
        let mut witnesses: Vec<_> = ground.into_iter().chain(charge.first).chain(earlier).collect();
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
        // A MAY notes a habit, which explains nothing.
        if self.pack.rules[rule.index()].info.level != Level::May {
            sighting.broke.get_or_insert(follows.unwrap_or(rule));
        }
        if self.pack.rules[rule.index()].root {
            sighting.tainted.get_or_insert(follows.unwrap_or(rule));
        }
    }

    fn flow_of(&self, sighting: &Sighting<'_>, grouping: Option<GroupingId>) -> Option<String> {
        let grouping = grouping.or_else(|| self.first_key(sighting.kind))?;
        self.flow(grouping, sighting.group(grouping))
    }

    /// Whether what has begun in a group with event `since` can be held to be under way still.
    pub(crate) fn still_open(
        &self,
        (grouping, group): (GroupingId, Option<GroupSlot>),
        connection: ConnectionId,
        since: EventNumber,
        sighting: &Sighting<'_>,
    ) -> Standing {
        let of_taint = |taint: Taint| {
            if taint.by == sighting.from { Standing::Stands(Some(taint.rule)) } else { Standing::Void }
        };
        let known = group.map(|slot| self.groups[grouping.0].get(slot));
        if let Some(taint) = known.and_then(|group| group.taint.or(group.doubt)) {
            return of_taint(taint);
        }
        if self.last_gap.is_some_and(|gap| gap > since) {
            return Standing::Undecided(Reason::Gap);
        }
        let muddle = self.links.known(connection).and_then(|link| self.links.get(link).muddle);
        if let Some(Muddle { by, rule, .. }) = muddle.filter(|muddle| muddle.n > since) {
            return match rule {
                Some(rule) => of_taint(Taint { by, rule }),
                None => Standing::Undecided(Reason::Undecodable),
            };
        }
        let overdue = group.is_some_and(|group| {
            self.obligations.any(|owed| {
                (owed.grouping, owed.group) == (grouping, group)
                    && owed.obligor != sighting.from
                    && owed.deadline.is_some_and(|deadline| deadline < sighting.at())
            })
        });
        // Who was left waiting for longer than he had to may go on.
        if overdue { Standing::Void } else { Standing::Stands(None) }
    }

    /// The rule cannot be evaluated on this message, which is no fault of either party: it says no more, and
    /// nothing follows from it for any other rule.
    #[cold]
    pub(crate) fn fail(&mut self, rule: RuleIndex, sighting: &Sighting<'_>) {
        self.failed = true;
        self.tallies[rule.index()].error.get_or_insert_with(|| {
            format!(
                "the schema has event {} looked at more often than any message is worth, so that nobody can say \
                 whether it fits",
                sighting.n()
            )
        });
    }

    /// It cannot be known whether this message keeps the rule.
    #[cold]
    pub(crate) fn undecided(
        &mut self,
        rule: RuleIndex,
        reason: Reason,
        flow: Option<String>,
        sighting: &Sighting<'_>,
    ) {
        let witnesses = || vec![sighting.witness(&self.pack, "message", None)];
        self.tallies[rule.index()].undecided(reason, || Example {
            reason,
            flow,
            witnesses: witnesses(),
            lacking: None,
            to_do: None,
        });
    }

    /// Whether a message came so soon after one of the other party that its sender may not have known it.
    pub(crate) fn crosses(&self, sighting: &Sighting<'_>, other: Party, at: Offset) -> bool {
        other != sighting.from && sighting.at().since(at) < self.pack.crossing
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
        if !self.pack.rules[rule.index()].root {
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
        self.tallies[rule.index()].convict(finding);
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
        let follows_from = root.map(|root| self.pack.rules[root.index()].info.code.to_string());
        Finding { follows_from, ..finding }
    }

    /// The grouping a kind carries a key for.
    fn first_key(&self, kind: KindId) -> Option<GroupingId> {
        self.kind(kind).keys.first().map(|key| key.grouping)
    }
}

/// The groups of a grouping, none of which is known yet.
fn groups(pack: &Pack, grouping: GroupingId) -> Groups {
    let keys = pack.kinds.iter().flat_map(|kind| &kind.keys).filter(|key| key.grouping == grouping);
    let fixed = keys.filter(|key| key.slots.is_empty()).filter_map(|key| key.fixed.clone()).collect();
    Groups::new(pack.groupings[grouping.0].clone(), fixed)
}

/// Whether it is asked of the groups of a grouping who was heard in them; of wide ones it never is.
fn asks_who(pack: &Pack, grouping: GroupingId) -> bool {
    !pack.groupings[grouping.0].is_wide()
        && pack.rules.iter().any(|rule| match &rule.pattern {
            Pattern::Never(never) => never.grouping == grouping,
            Pattern::Respond(respond) => respond.grouping == grouping,
            Pattern::Order(order) => order.grouping == grouping,
            Pattern::Shape(_)
            | Pattern::Unique(_)
            | Pattern::Precede(_)
            | Pattern::Agree(_)
            | Pattern::Limit(_) => false,
        })
}
