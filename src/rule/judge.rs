//! The rules of a pack at work on one recording after the other: who is called for which message.
//!
//! Calls are prepared by kind: a message costs what the rules that name its kind cost, and no rule ever
//! looks back. Root rules are called first, so that later ones know whether a message is tainted.

use std::sync::Arc;

use super::Finding;
use super::calls::Calls;
use super::exemption::{Exemption, Exemptions};
use super::ledger::Ledger;
use super::machine::{Machine, rank};
use super::missing::Ended;
use super::plans::Plans;
use super::sighting::RuleIndex;
use super::span::Force;
use super::tally::Tally;
use crate::conversation::{ConversationEvent, EventKind, Gap, Offset, Party, Undecodable};
use crate::pack::{Carrier, Extract, GroupingId, KindId, Outlines, Pack, Pattern};
use crate::text::json::JsonError;

/// The rules of a pack at work.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) ledger: Ledger,
    pub(super) rules: Vec<Machine>,
    /// By rule: when it is in force, where that is not always.
    pub(super) force: Vec<Option<Force>>,
    /// By kind: whom to call, in this order.
    pub(super) calls: Vec<Calls>,
    pub(super) plans: Plans,
    pub(super) outlines: Outlines,
    pub(super) afresh: bool,
    /// By grouping: rules that remember something of its groups.
    pub(super) remembering: Vec<Vec<usize>>,
    /// By machine that judges how soon an answer comes: the one that judges whether it comes at all.
    pub(super) partners: Vec<Option<usize>>,
    /// By grouping: rules that are in force in some of its groups only.
    pub(super) bound: Vec<Vec<usize>>,
    /// Groupings whose groups are flows.
    pub(super) flow_keys: Vec<GroupingId>,
    /// Groupings that need no key.
    pub(super) places: Vec<GroupingId>,
    /// Counts how often one of their groups was forgotten.
    pub(super) places_epoch: u64,
    /// Whether there may be groups that have to be forgotten.
    pub(super) crowded: bool,
    /// By grouping: whether it tells what answers what, so that a message without its key belongs to nothing.
    pub(super) answered: Vec<bool>,
    /// Whether any rule asks for flows that were abandoned.
    pub(super) abandoned: bool,
    /// Lent out while a message is judged.
    pub(super) extract: Option<Box<Extract>>,
    pub(super) flows: u64,
    /// Whether a message asked something in words of this protocol.
    pub(super) asked: bool,
    /// By kind: whether it is a sign of this protocol. By party: whether it has given one that broke no root rule.
    pub(super) telling: Vec<bool>,
    pub(super) sound: [bool; 3],
    pub(super) masked: bool,
}

impl Judge {
    /// The rules of `pack`; `afresh` has every message judged as if none like it had come before.
    pub(crate) fn new(pack: Arc<Pack>, afresh: bool) -> Self {
        let mut order: Vec<usize> = (0..pack.rules.len()).collect();
        order.sort_by_key(|&rule| (!pack.rules[rule].root, rank(&pack.rules[rule].pattern), rule));
        let rules: Vec<Machine> =
            order.iter().map(|&rule| Machine::new(RuleIndex::new(rule), &pack.rules[rule], &pack)).collect();
        let force = |&rule: &usize| pack.rules[rule].span.clone().map(Force::new);
        let force: Vec<Option<Force>> = order.iter().map(force).collect();
        let mut calls = vec![Calls::default(); pack.kinds.len()];
        let mut remembering = vec![Vec::new(); pack.groupings.len()];
        let mut bound = vec![Vec::new(); pack.groupings.len()];
        let mut used = vec![false; pack.groupings.len()];
        for (index, machine) in rules.iter().enumerate() {
            for (kind, calls) in calls.iter_mut().enumerate() {
                calls.add(index, machine, &pack, KindId(kind));
            }
            for grouping in pack.rules[machine.rule().index()].pattern.groupings() {
                used[grouping.0] = true;
                if machine.remembers() {
                    remembering[grouping.0].push(index);
                }
            }
            if let Some(force) = &force[index] {
                used[force.grouping().0] = true;
                bound[force.grouping().0].push(index);
            }
        }
        let flow_keys = pack.groupings.iter().enumerate().filter(|(_, grouping)| grouping.flows);
        let flow_keys = flow_keys.map(|(index, _)| GroupingId(index)).collect();
        let places = pack.groupings.iter().enumerate().filter(|(_, grouping)| !grouping.keyed);
        let places = places.map(|(index, _)| GroupingId(index)).filter(|grouping| used[grouping.0]).collect();
        let tells = |grouping| {
            pack.rules.iter().any(|rule| match &rule.pattern {
                Pattern::Respond(respond) => respond.grouping == grouping,
                _ => false,
            })
        };
        let answered = (0..pack.groupings.len())
            .map(|grouping| pack.groupings[grouping].flows || tells(GroupingId(grouping)))
            .collect();
        let abandoned = pack.kinds.iter().zip(&calls).any(|(kind, calls)| {
            kind.carriers.contains(Carrier::Abandoned)
                && !(calls.machines.is_empty() && calls.turns.is_empty())
        });
        let partners = rules.iter().map(|prompt| rules.iter().position(|of| of.is_partner_of(prompt)));
        let partners = partners.collect();
        let telling = (0..pack.kinds.len()).map(|kind| pack.is_telling(KindId(kind))).collect();
        Self {
            plans: Plans::new(),
            outlines: Outlines::default(),
            afresh,
            ledger: Ledger::new(pack),
            rules,
            partners,
            force,
            calls,
            remembering,
            bound,
            flow_keys,
            places,
            places_epoch: 1,
            crowded: false,
            answered,
            abandoned,
            extract: None,
            flows: 0,
            asked: false,
            telling,
            sound: [false; 3],
            masked: false,
        }
    }

    /// Marks the findings that fall under these exemptions.
    pub(crate) fn exempt(&mut self, exemptions: Vec<Exemption>) {
        self.ledger.exemptions = Exemptions::new(exemptions);
    }

    /// A recording starts; `masked` says that card data in clear was looked for when it was made, `in_force`
    /// which of the exemptions are meant for it.
    pub(crate) fn begin(&mut self, masked: bool, in_force: Vec<bool>) {
        self.masked = masked;
        self.ledger.exemptions.begin(in_force);
    }

    /// How many findings each of the exemptions has met.
    pub(crate) fn exempted(&self) -> &[u64] {
        &self.ledger.exemptions.used
    }

    /// What the rules have come to, in the order of the pack.
    pub(crate) fn into_tallies(mut self) -> Vec<Tally> {
        for grouping in 0..self.ledger.groups.len() {
            self.drain(GroupingId(grouping));
        }
        self.plans.settle(&mut self.ledger);
        let mut tallies = self.ledger.tallies;
        for Calls { evidence, seen, .. } in &self.calls {
            for rule in evidence {
                tallies[rule.index()].met += seen;
            }
        }
        tallies
    }

    /// Takes over what another judge of the same pack has found in later recordings, all of which have ended. That one
    /// is as if it had judged nothing, and still knows what messages are like. Nothing may outlive a recording
    /// ([`Pack::outlives_a_recording`]).
    pub(crate) fn absorb(&mut self, later: &mut Self) {
        later.plans.settle(&mut later.ledger);
        let first = self.ledger.source;
        self.asked |= std::mem::take(&mut later.asked);
        let sound = std::mem::take(&mut later.sound);
        self.sound.iter_mut().zip(sound).for_each(|(own, later)| *own |= later);
        self.flows += later.take_flows();
        for (calls, more) in self.calls.iter_mut().zip(&mut later.calls) {
            calls.seen += std::mem::take(&mut more.seen);
        }
        let mut failed = false;
        for (tally, more) in self.ledger.tallies.iter_mut().zip(&mut later.ledger.tallies) {
            failed |= more.error.is_some();
            tally.absorb(std::mem::take(more), first);
        }
        if failed {
            later.plans.forget();
        }
        let used = &mut later.ledger.exemptions.used;
        for (used, more) in self.ledger.exemptions.used.iter_mut().zip(used) {
            *used += std::mem::take(more);
        }
        self.ledger.source += std::mem::take(&mut later.ledger.source);
    }

    /// How many flows were opened since the last call.
    pub(crate) fn take_flows(&mut self) -> u64 {
        std::mem::take(&mut self.flows)
    }

    /// Whether anybody asked anything in words of this protocol, outside a flow or in one.
    pub(crate) const fn has_asked(&self) -> bool {
        self.asked
    }

    /// The parties that have said nothing sound in words of this protocol, of those it has words for.
    pub(crate) fn unheard(&self) -> Vec<Party> {
        let pack = &self.ledger.pack;
        let speaks = |party: Party| {
            let own = |kind: &KindId| {
                self.telling[kind.0] && pack.kinds[kind.0].from.is_none_or(|from| from == party)
            };
            (0..pack.kinds.len()).map(KindId).any(|kind| own(&kind))
        };
        let silent = |party: &Party| !self.sound[*party as usize] && speaks(*party);
        [Party::Pos, Party::Terminal].into_iter().filter(silent).collect()
    }

    /// The next event. On an error nothing was judged: the payload is no JSON.
    pub(crate) fn observe(&mut self, event: &ConversationEvent<'_>) -> Result<(), JsonError> {
        if self.ledger.deadlines.is_due(event.at) {
            self.advance(known_until(event));
        }
        let Some(connection) = event.connection else {
            if let EventKind::Gap(gap) = &event.kind {
                self.gap(event, gap);
            }
            return Ok(());
        };
        match &event.kind {
            EventKind::Open(opening) => self.open(event, connection, opening),
            EventKind::Message(message) => return self.message(event, connection, message),
            EventKind::Ping(control) => {
                self.frame(event, connection, control.from, Carrier::Ping, &control.masked, "");
            }
            EventKind::Pong(control) => {
                self.frame(event, connection, control.from, Carrier::Pong, &control.masked, "");
            }
            EventKind::Close(close) => self.close(event, connection, close),
            EventKind::Undecodable(undecodable) => {
                // What only the recorder could not read may have been anything, and is nobody's fault.
                let carrier = if undecodable.is_breach() { Carrier::Undecodable } else { Carrier::Omitted };
                let Undecodable { from, masked, why, .. } = undecodable;
                self.frame(event, connection, *from, carrier, masked, why);
            }
            EventKind::Drop(drop) => self.drop(event, connection, *drop),
            EventKind::Gap(gap) => self.gap(event, gap),
            EventKind::Refused(_) | EventKind::Note(_) | EventKind::Clock(_) | EventKind::End(_) => {}
        }
        Ok(())
    }

    /// Time has passed: what fell due before `now` is decided.
    pub(crate) fn advance(&mut self, now: Offset) {
        while let Some(id) = self.ledger.deadlines.take_due(now, &self.ledger.obligations) {
            let rule = self.ledger.obligations.get(id).map(|open| open.rule);
            if let Some(Machine::Respond(respond)) = self.rules.iter().find(|of| Some(of.rule()) == rule) {
                respond.fall_due(id, &mut self.ledger);
            }
        }
    }

    /// Has findings kept for [`Judge::take_fresh`].
    pub(crate) fn watch(&mut self) {
        self.ledger.fresh.get_or_insert_default();
    }

    /// The recording ended.
    pub(crate) fn end(&mut self, horizon: Offset) {
        self.advance(horizon);
        // Everything ends at once: who waits is known before the first of them is settled.
        let open: Vec<_> = self.ledger.obligations.ids().collect();
        self.ledger.note_waiting(&open);
        for link in self.ledger.links.open_links() {
            let link = self.ledger.links.get(link);
            let ended = match link.closed {
                Some((by, at)) => Ended::Closed { by, at, witness: link.closing.as_deref().cloned() },
                None => Ended::Horizon(horizon),
            };
            self.end_link(link.id, &ended);
        }
        let carried: Vec<_> = self.ledger.obligations.ids().collect();
        for id in carried {
            self.settle(id, &Ended::Horizon(horizon));
        }
        for grouping in 0..self.ledger.groups.len() {
            if !self.ledger.groups[grouping].is_lasting() {
                self.drain(GroupingId(grouping));
            }
        }
        for machine in &mut self.rules {
            let mut groupings = self.ledger.pack.rules[machine.rule().index()].pattern.groupings();
            let lasting = groupings.any(|grouping| self.ledger.groups[grouping.0].is_lasting());
            machine.end_of_recording(lasting, &mut self.ledger);
        }
        self.ledger.end_of_recording();
    }

    /// Findings that have become certain since the last call.
    pub(crate) fn take_fresh(&mut self) -> Vec<(RuleIndex, Finding)> {
        self.ledger.fresh.as_mut().map_or_else(Vec::new, std::mem::take)
    }

    fn gap(&mut self, event: &ConversationEvent<'_>, _gap: &Gap<'_>) {
        self.ledger.last_gap = Some(event.n);
    }
}

/// Up to when everything is known once this event has come: a gap hides what came since it began.
fn known_until(event: &ConversationEvent<'_>) -> Offset {
    match &event.kind {
        EventKind::Gap(gap) => event.at.min(gap.from),
        _ => event.at,
    }
}
