//! The rules of a pack at work on one recording after the other: who is called for which message.
//!
//! Calls are prepared by kind: a message costs what the rules that name its kind cost, and no rule ever
//! looks back. Root rules are called first, so that later ones know whether a message is tainted.

use std::sync::Arc;

use super::Finding;
use super::answers::Answers;
use super::calls::{Call, Calls};
use super::exemption::{Exemption, Exemptions};
use super::group::Taint;
use super::ledger::Ledger;
use super::link::Link;
use super::machine::{Machine, rank};
use super::respond::Ended;
use super::sighting::{GroupSlot, LinkSlot, RuleIndex, Sighting};
use super::span::{Force, Turn};
use super::tally::Tally;
use crate::conversation::{
    ConnectionId, ConversationEvent, EventKind, Gap, Masked, Message, Offset, Party, Payload, Undecodable,
};
use crate::pack::{
    Carrier, EndpointId, Extract, Grouping, GroupingId, KindId, KindSet, LensSet, MaskedSet, Pack, Pattern,
    Role, View,
};
use crate::text::json::JsonError;

/// The rules of a pack at work.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) ledger: Ledger,
    pub(super) rules: Vec<Machine>,
    /// By rule: when it is in force, where that is not always.
    pub(super) force: Vec<Option<Force>>,
    /// By kind: whom to call, in this order.
    calls: Vec<Calls>,
    /// By grouping: rules that remember something of its groups.
    pub(super) remembering: Vec<Vec<usize>>,
    /// By machine that judges how soon an answer comes: the one that judges whether it comes at all.
    pub(super) partners: Vec<Option<usize>>,
    /// By grouping: rules that are in force in some of its groups only.
    pub(super) bound: Vec<Vec<usize>>,
    /// Groupings that need no key.
    places: Vec<GroupingId>,
    /// Counts how often one of their groups was forgotten.
    pub(super) places_epoch: u64,
    /// By grouping: whether it tells what answers what, so that a message without its key belongs to nothing.
    answered: Vec<bool>,
    /// Whether any rule asks for flows that were abandoned.
    pub(super) abandoned: bool,
    /// Lent out while a message is judged.
    extract: Option<Box<Extract>>,
    pub(super) flows: u64,
    /// Whether a message asked something in words of this protocol.
    asked: bool,
    masked: bool,
}

impl Judge {
    /// The rules of `pack`.
    pub(crate) fn new(pack: Arc<Pack>) -> Self {
        let mut order: Vec<usize> = (0..pack.rules.len()).collect();
        order.sort_by_key(|&rule| (!pack.rules[rule].root, rank(&pack.rules[rule].pattern), rule));
        let rules: Vec<Machine> =
            order.iter().map(|&rule| Machine::new(RuleIndex(rule), &pack.rules[rule], &pack)).collect();
        let force = |&rule: &usize| pack.rules[rule].span.clone().map(Force::new);
        let force: Vec<Option<Force>> = order.iter().map(force).collect();
        let mut calls = vec![Calls::default(); pack.kinds.len()];
        let mut remembering = vec![Vec::new(); pack.groupings.len()];
        let mut bound = vec![Vec::new(); pack.groupings.len()];
        for (index, machine) in rules.iter().enumerate() {
            for (kind, calls) in calls.iter_mut().enumerate() {
                calls.add(index, machine, &pack, KindId(kind));
            }
            let groupings = pack.rules[machine.rule().0].pattern.groupings();
            groupings.for_each(|grouping| remembering[grouping.0].push(index));
            if let Some(force) = &force[index] {
                bound[force.grouping().0].push(index);
            }
        }
        let places = pack.groupings.iter().enumerate().filter(|(_, grouping)| !grouping.keyed);
        let used =
            |grouping: &GroupingId| !remembering[grouping.0].is_empty() || !bound[grouping.0].is_empty();
        let places = places.map(|(index, _)| GroupingId(index)).filter(used).collect();
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
        Self {
            ledger: Ledger::new(pack),
            rules,
            partners,
            force,
            calls,
            remembering,
            bound,
            places,
            places_epoch: 1,
            answered,
            abandoned,
            extract: None,
            flows: 0,
            asked: false,
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
        let mut tallies = self.ledger.tallies;
        for Calls { evidence, seen, .. } in &self.calls {
            for rule in evidence {
                tallies[rule.0].met += seen;
            }
        }
        tallies
    }

    /// Adds what another judge of the same pack has found in later recordings. Nothing may outlive a recording
    /// ([`Pack::outlives_a_recording`]).
    pub(crate) fn absorb(&mut self, later: Self) {
        let first = self.ledger.source;
        self.asked |= later.asked;
        self.flows += later.flows;
        for (calls, more) in self.calls.iter_mut().zip(&later.calls) {
            calls.seen += more.seen;
        }
        let Ledger { tallies, exemptions, source, .. } = later.ledger;
        for (tally, more) in self.ledger.tallies.iter_mut().zip(tallies) {
            tally.absorb(more, first);
        }
        for (used, more) in self.ledger.exemptions.used.iter_mut().zip(exemptions.used) {
            *used += more;
        }
        self.ledger.source += source;
    }

    /// How many flows were opened since the last call.
    pub(crate) fn take_flows(&mut self) -> u64 {
        std::mem::take(&mut self.flows)
    }

    /// Whether anybody asked anything in words of this protocol, outside a flow or in one.
    pub(crate) const fn has_asked(&self) -> bool {
        self.asked
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
                Some((by, at)) => Ended::Closed { by, at, witness: None },
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
            let mut groupings = self.ledger.pack.rules[machine.rule().0].pattern.groupings();
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

    fn message(
        &mut self,
        event: &ConversationEvent<'_>,
        connection: ConnectionId,
        message: &Message<'_>,
    ) -> Result<(), JsonError> {
        let mut extract = self.extract.take().unwrap_or_default();
        let pack = &self.ledger.pack;
        let (carrier, text) = match &message.payload {
            Payload::Json(text) => match pack.trie.scan(text, &mut extract) {
                Ok(()) => (Carrier::Json, *text),
                Err(error) => {
                    self.extract = Some(extract);
                    return Err(error);
                }
            },
            Payload::Text(text) => match pack.trie.scan(text, &mut extract) {
                Ok(()) => (Carrier::Json, text.as_ref()),
                Err(_) => (Carrier::Text, text.as_ref()),
            },
            Payload::Binary(_) => (Carrier::Binary, ""),
            Payload::Omitted { .. } => (Carrier::Omitted, ""),
        };
        if carrier != Carrier::Json {
            extract.clear(pack.trie.len());
        }
        self.judge(&Seen {
            event,
            connection,
            from: Some(message.from),
            carrier,
            text,
            extract: &extract,
            masked: &message.masked,
            detail: "",
            flow: None,
        });
        self.extract = Some(extract);
        Ok(())
    }

    /// A frame without a message in it.
    pub(super) fn frame(
        &mut self,
        event: &ConversationEvent<'_>,
        connection: ConnectionId,
        from: Party,
        carrier: Carrier,
        masked: &[Masked<'_>],
        detail: &str,
    ) {
        let flow = None;
        self.event(event, connection, Some(from), carrier, masked, detail, flow);
    }

    /// Anything but a message.
    #[expect(clippy::too_many_arguments, reason = "the parts of one event, taken apart once")]
    pub(super) fn event(
        &mut self,
        event: &ConversationEvent<'_>,
        connection: ConnectionId,
        from: Option<Party>,
        carrier: Carrier,
        masked: &[Masked<'_>],
        detail: &str,
        flow: Option<(GroupingId, GroupSlot, Option<Taint>)>,
    ) {
        let mut extract = self.extract.take().unwrap_or_default();
        extract.clear(self.ledger.pack.trie.len());
        let seen =
            Seen { event, connection, from, carrier, text: "", extract: &extract, masked, detail, flow };
        self.judge(&seen);
        self.extract = Some(extract);
    }

    fn judge(&mut self, seen: &Seen<'_>) {
        let &Seen { event, connection, from, carrier, text, extract, detail, .. } = seen;
        let link = self.ledger.links.find(connection);
        let Link { endpoint, client, .. } = *self.ledger.links.get(link);
        let close_code = match &event.kind {
            EventKind::Close(close) => close.code,
            _ => None,
        };
        let masked: MaskedSet = seen.masked.iter().map(|masked| masked.was).collect();
        let view = View {
            text,
            extract,
            from,
            endpoint,
            close_code,
            detail,
            size: size_of(event),
            masked,
            scanned: self.masked,
            kind: None,
            within: None,
        };
        let Some(kind) = self.ledger.pack.classify(carrier, from, &view) else { return };
        let sender = from.or(client).unwrap_or(Party::Pos);
        let link_taint = self.ledger.links.get(link).taint.filter(|taint| taint.by == sender);
        let mut groups = [None; Grouping::MOST];
        let mut lacks_key = false;
        self.places(link, connection, endpoint, sender, &mut groups);
        let Ledger { pack, groups: all_groups, .. } = &mut self.ledger;
        let definition = &pack.kinds[kind.0];
        let role = definition.role;
        let keyless = definition.keys.is_empty();
        let unknown =
            carrier == Carrier::Json && (definition.unclear || keyless && !definition.children.is_empty());
        let mut flow = None;
        for key in &definition.keys {
            let found = all_groups[key.grouping.0].of_message(key, text, extract, sender, connection);
            groups[key.grouping.0] = found;
            lacks_key |= found.is_none() && self.answered[key.grouping.0];
            if pack.groupings[key.grouping.0].flows {
                flow = flow.or(found.map(|slot| (key.grouping, slot)));
            }
        }
        let mut tainted = link_taint;
        if let Some((grouping, slot, taint)) = seen.flow {
            groups[grouping.0] = Some(slot);
            flow = Some((grouping, slot));
            tainted = taint.or(link_taint);
        }
        let mut sighting = Sighting {
            source: self.ledger.source,
            event,
            link,
            connection,
            from: seen.flow.and(tainted).map_or(sender, |taint| taint.by),
            kind,
            view: View { kind: Some(kind), ..view },
            groups,
            flow,
            opener: KindSet::default(),
            spoilt: None,
            repeated: false,
            is_sent: from.is_some(),
            rests_on: None,
            broke: None,
            tainted: tainted.map(|taint| taint.rule),
            kept: None,
            lenses: LensSet::default(),
            answers: Answers::default(),
            ground: None,
        };
        if !self.ledger.pack.lenses.is_empty() {
            sighting.lenses = self.ledger.lenses(&sighting);
            sighting.answers.clear();
        }
        if role == Role::Opens {
            self.opens(&mut sighting);
        }
        self.asked |= role == Role::Question && !lacks_key;
        if let Some((grouping, slot)) = flow {
            let group = self.ledger.groups[grouping.0].get(slot);
            sighting.opener =
                group.opened_by.map_or(sighting.opener, |opener| self.ledger.kind(opener).lineage);
            sighting.spoilt = group.taint;
            sighting.repeated = role == Role::Final && group.finished;
        }
        if carrier == Carrier::Json || carrier.is_unreadable() {
            self.ledger.note_heard(&sighting);
        }
        let Calls { machines, turns, seen, .. } = &mut self.calls[kind.0];
        *seen += 1;
        for &Call { rule, part, is_spanned, ref only } in machines.iter() {
            if only.as_ref().is_some_and(|only| !self.ledger.selects(only, &sighting)) {
                continue;
            }
            let force = self.force[rule].as_ref().filter(|_| is_spanned);
            if force.is_none_or(|force| force.holds(&sighting)) {
                sighting.ground = force.and_then(|force| force.ground(&sighting));
                self.rules[rule].call(part, &mut sighting, &mut self.ledger);
            }
        }
        for &rule in turns.iter() {
            let Some(force) = &mut self.force[rule] else { continue };
            let group = match force.observe(&sighting, &self.ledger) {
                Turn::None => continue,
                Turn::Ended(group) => {
                    let pattern = &self.ledger.pack.rules[self.rules[rule].rule().0].pattern;
                    pattern.groupings().any(|own| own == force.grouping()).then_some(group)
                }
                Turn::Anew => None,
            };
            let sound = sighting.tainted.is_none() && self.ledger.spoilt(&sighting).is_none();
            let since = sound.then_some(event.n);
            self.rules[rule].suspend(group, since, &mut self.ledger);
        }
        if let (Some(kept), Some(_)) = (sighting.kept, sighting.broke) {
            self.ledger.witnesses.note(kept, sighting.broke);
        }
        if let Some(rule) = sighting.tainted.filter(|_| sighting.is_sent) {
            self.ledger.note_lapse(sighting.from, event.n, rule);
            if carrier == Carrier::Open {
                self.ledger.links.get_mut(link).taint = Some(Taint { by: sighting.from, rule });
            }
        }
        if carrier.is_unreadable() || unknown || lacks_key {
            self.ledger.muddle(&sighting, sighting.tainted, true);
        } else if let (Some(root), Role::Control) = (sighting.tainted, role)
            && carrier == Carrier::Json
            && self.ledger.pack.groupings.iter().any(|grouping| grouping.keyed)
        {
            self.ledger.usurp(&sighting, root);
        } else if let Some(root) = sighting.tainted {
            self.explain(&sighting, root);
        }
        self.note_in_groups(&sighting, role);
        self.forget_surplus();
    }

    /// The groups that everything on a connection belongs to; they change only when one is forgotten.
    #[inline]
    fn places(
        &mut self,
        link: LinkSlot,
        connection: ConnectionId,
        endpoint: Option<EndpointId>,
        sender: Party,
        groups: &mut [Option<GroupSlot>; Grouping::MOST],
    ) {
        let known = self.ledger.links.get(link).places[sender as usize];
        if known.epoch == self.places_epoch {
            groups[..Grouping::BUILT_IN].copy_from_slice(&known.groups);
            return;
        }
        for &place in &self.places {
            groups[place.0] = Some(self.ledger.groups[place.0].of_place(connection, endpoint, sender));
        }
        let places = &mut self.ledger.links.get_mut(link).places[sender as usize];
        places.groups.copy_from_slice(&groups[..Grouping::BUILT_IN]);
        places.epoch = self.places_epoch;
    }
}

/// Up to when everything is known once this event has come: a gap hides what came since it began.
fn known_until(event: &ConversationEvent<'_>) -> Offset {
    match &event.kind {
        EventKind::Gap(gap) => event.at.min(gap.from),
        _ => event.at,
    }
}

/// How many bytes of content an event has.
fn size_of(event: &ConversationEvent<'_>) -> u64 {
    match &event.kind {
        EventKind::Message(message) => message.payload.size(),
        EventKind::Undecodable(undecodable) => undecodable.size,
        _ => 0,
    }
}

/// One event, taken apart.
struct Seen<'a> {
    event: &'a ConversationEvent<'a>,
    connection: ConnectionId,
    /// Who has sent it; `None` for what nobody sends.
    from: Option<Party>,
    carrier: Carrier,
    text: &'a str,
    extract: &'a Extract,
    masked: &'a [Masked<'a>],
    detail: &'a str,
    /// The flow it is about, where it has no key itself, and who has spoilt that flow.
    flow: Option<(GroupingId, GroupSlot, Option<Taint>)>,
}
