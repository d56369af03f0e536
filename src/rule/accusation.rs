//! The one place in which an accusation becomes a finding, or does not.
//!
//! **One fault, one accused.** A message that breaks a root rule is tainted; what it would oblige the other party to
//! is void, what else it breaks is folded.

use std::ops::Range;

use super::exemption::Sights;
use super::ledger::Ledger;
use super::obligation::Decided;
use super::sighting::{RuleIndex, SeenId, Sighting};
use super::standing::Standing;
use super::{Finding, Witness};
use crate::conversation::Party;
use crate::pack::{GroupingId, KindId, LensSet, Level};

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

    fn flow_of(&self, sighting: &Sighting<'_>, grouping: Option<GroupingId>) -> Option<String> {
        let grouping = grouping.or_else(|| self.first_key(sighting.kind))?;
        self.flow(grouping, sighting.group(grouping))
    }

    /// The grouping a kind carries a key for.
    fn first_key(&self, kind: KindId) -> Option<GroupingId> {
        self.kind(kind).keys.first().map(|key| key.grouping)
    }
}
