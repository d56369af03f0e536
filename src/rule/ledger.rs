//! What all rules share while a recording is judged: groups, connections, obligations, witnesses, tallies.
//!
//! Whether an accusation stands is for [`standing`](super::standing) to say, what becomes of it for
//! [`accusation`](super::accusation).

use std::sync::Arc;

use super::deadline::Deadlines;
use super::exemption::Exemptions;
use super::group::Groups;
use super::link::Links;
use super::obligation::Obligations;
use super::sighting::{GroupSlot, RuleIndex, Sighting, Witnesses};
use super::tally::{Example, Tally};
use super::{Finding, Reason};
use crate::conversation::{EventNumber, Party};
use crate::pack::{Condition, GroupingId, Kind, KindId, LensId, LensSet, Pack, Pattern, Selector};

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
    pub(super) lapses: [Option<(EventNumber, RuleIndex)>; 3],
    /// Findings not yet taken for live display; `None` where nobody watches.
    pub(crate) fresh: Option<Vec<(RuleIndex, Finding)>>,
    pub(crate) exemptions: Exemptions,
    pub(crate) source: usize,
    /// Whether a rule could not be evaluated, since that was last asked.
    pub(crate) failed: bool,
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
