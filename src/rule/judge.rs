//! The rules of a pack at work on one recording after the other: who is called for which message.
//!
//! Calls are prepared by kind: a message costs what the rules that name its kind cost, and no rule ever
//! looks back. Root rules are called first, so that later ones know whether a message is tainted.

use std::sync::Arc;

use super::exemption::{Exemption, Exemptions};
use super::group::Taint;
use super::ledger::Ledger;
use super::machine::{Machine, Part, rank};
use super::obligation::ObligationId;
use super::respond::Ended;
use super::sighting::{GroupSlot, MAX_GROUPINGS, RuleIndex, SeenId, Sighting};
use super::tally::Tally;
use super::{Finding, Witness};
use crate::conversation::{
    Close, ConnectionId, ConversationEvent, Drop, EventKind, Gap, Masked, Message, Offset, Opening, Party,
    Payload,
};
use crate::pack::{Carrier, Extract, GroupingId, KindId, LensSet, MaskedSet, Pack, Pattern, Role, View};
use crate::text::json::JsonError;

/// The rules of a pack at work.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) ledger: Ledger,
    rules: Vec<Machine>,
    /// By kind: whom to call, in this order.
    calls: Vec<Calls>,
    /// By grouping: rules that remember something of its groups.
    remembering: Vec<Vec<usize>>,
    /// By machine that judges how soon an answer comes: the one that judges whether it comes at all.
    partners: Vec<Option<usize>>,
    /// Groupings that need no key.
    places: Vec<GroupingId>,
    /// Lent out while a message is judged.
    extract: Option<Box<Extract>>,
    flows: u64,
    /// Whether a message asked something in words of this protocol.
    asked: bool,
    masked: bool,
}

/// Who is called for the messages of a kind.
#[derive(Clone, Debug, Default)]
struct Calls {
    machines: Vec<Call>,
    /// Rules to which such a message is evidence, and nothing more.
    evidence: Vec<RuleIndex>,
    /// How many of them came.
    seen: u64,
}

/// Which rule is called, and what the message is to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Call {
    rule: usize,
    part: Part,
}

impl Calls {
    fn add(&mut self, index: usize, machine: &Machine, pack: &Pack, kind: KindId) {
        if machine.takes_as_evidence(pack, kind) {
            self.evidence.push(machine.rule());
            return;
        }
        let mut parts = Vec::new();
        machine.parts(|named, part| {
            if named.iter().any(|&named| pack.is_a(kind, named)) && !parts.contains(&part) {
                parts.push(part);
            }
        });
        parts.sort();
        self.machines.extend(parts.into_iter().map(|part| Call { rule: index, part }));
    }
}

impl Judge {
    /// The rules of `pack`.
    pub(crate) fn new(pack: Arc<Pack>) -> Self {
        let mut order: Vec<usize> = (0..pack.rules.len()).collect();
        order.sort_by_key(|&rule| (!pack.rules[rule].root, rank(&pack.rules[rule].pattern), rule));
        let rules: Vec<Machine> =
            order.iter().map(|&rule| Machine::new(RuleIndex(rule), &pack.rules[rule].pattern)).collect();
        let mut calls = vec![Calls::default(); pack.kinds.len()];
        let mut remembering = vec![Vec::new(); pack.groupings.len()];
        for (index, machine) in rules.iter().enumerate() {
            for (kind, calls) in calls.iter_mut().enumerate() {
                calls.add(index, machine, &pack, KindId(kind));
            }
            if let Some(grouping) = machine.grouping() {
                remembering[grouping.0].push(index);
            }
        }
        let places = pack.groupings.iter().enumerate().filter(|(_, grouping)| !grouping.keyed);
        let places =
            places.map(|(index, _)| GroupingId(index)).filter(|g| !remembering[g.0].is_empty()).collect();
        let partners = rules.iter().map(|prompt| rules.iter().position(|of| of.is_partner_of(prompt)));
        let partners = partners.collect();
        Self {
            ledger: Ledger::new(pack),
            rules,
            partners,
            calls,
            remembering,
            places,
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
    pub(crate) fn into_tallies(self) -> Vec<Tally> {
        let mut tallies = self.ledger.tallies;
        for Calls { evidence, seen, .. } in &self.calls {
            for rule in evidence {
                tallies[rule.0].met += seen;
            }
        }
        tallies
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
            EventKind::Open(opening) => self.open(connection, opening, event.at),
            EventKind::Message(message) => return self.message(event, connection, message),
            EventKind::Ping(control) => {
                self.frame(event, connection, control.from, Carrier::Ping, &control.masked);
            }
            EventKind::Pong(control) => {
                self.frame(event, connection, control.from, Carrier::Pong, &control.masked);
            }
            EventKind::Close(close) => self.close(event, connection, close),
            EventKind::Undecodable(undecodable) => {
                // What only the recorder could not read may have been anything, and is nobody's fault.
                let carrier = if undecodable.is_breach() { Carrier::Undecodable } else { Carrier::Omitted };
                self.frame(event, connection, undecodable.from, carrier, &undecodable.masked);
            }
            EventKind::Drop(Drop { .. }) => self.end_link(connection, &Ended::Dropped(event.at)),
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
        for link in self.ledger.links.open_links() {
            let link = self.ledger.links.get(link);
            let ended = match link.closed {
                Some((by, at)) => Ended::Closed { by, at, witness: None },
                None => Ended::Horizon(horizon),
            };
            self.end_link(link.id, &ended);
        }
        let carried: Vec<_> = self.ledger.obligations.ids().collect();
        self.ledger.note_waiting(&carried);
        for id in carried {
            self.settle(id, &Ended::Horizon(horizon));
        }
        for grouping in 0..self.ledger.groups.len() {
            while let Some(group) = self.ledger.groups[grouping].drain() {
                self.forget(GroupingId(grouping), group);
            }
        }
        for machine in &mut self.rules {
            match machine {
                Machine::Unique(unique) => unique.end_of_recording(),
                Machine::Respond(respond) => respond.end_of_recording(),
                Machine::Shape(_)
                | Machine::Never(_)
                | Machine::Precede(_)
                | Machine::Order(_)
                | Machine::Agree(_)
                | Machine::Limit(_) => {}
            }
        }
        self.ledger.last_gap = None;
        self.ledger.deadlines.clear();
        self.ledger.source += 1;
    }

    /// Findings that have become certain since the last call.
    pub(crate) fn take_fresh(&mut self) -> Vec<(RuleIndex, Finding)> {
        self.ledger.fresh.as_mut().map_or_else(Vec::new, std::mem::take)
    }

    fn open(&mut self, connection: ConnectionId, opening: &Opening<'_>, at: Offset) {
        if self.ledger.links.known(connection).is_some() {
            self.end_link(connection, &Ended::Dropped(at));
        }
        let link = self.ledger.links.open(connection, false);
        self.ledger.links.get_mut(link).endpoint = self.ledger.pack.endpoint_of(&opening.target);
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
        self.judge(event, connection, message.from, carrier, text, &extract, &message.masked, None);
        self.extract = Some(extract);
        Ok(())
    }

    fn frame(
        &mut self,
        event: &ConversationEvent<'_>,
        connection: ConnectionId,
        from: Party,
        carrier: Carrier,
        masked: &[Masked<'_>],
    ) {
        let mut extract = self.extract.take().unwrap_or_default();
        extract.clear(self.ledger.pack.trie.len());
        let code = match &event.kind {
            EventKind::Close(close) => close.code,
            _ => None,
        };
        self.judge(event, connection, from, carrier, "", &extract, masked, code);
        self.extract = Some(extract);
    }

    fn close(&mut self, event: &ConversationEvent<'_>, connection: ConnectionId, close: &Close<'_>) {
        self.frame(event, connection, close.from, Carrier::Close, &close.masked);
        let link = self.ledger.links.find(connection);
        let witness = Witness {
            source: self.ledger.source,
            n: event.n,
            at: event.at,
            connection: Some(connection),
            from: Some(close.from),
            role: "closed here".to_owned(),
            excerpt: match close.code {
                Some(code) => super::sighting::hide(&format!("close {code} {}", close.reason), false),
                None => "close without code".to_owned(),
            },
            marked: None,
            kind: None,
            pointer: None,
        };
        match self.ledger.links.get(link).closed {
            None => {
                self.ledger.links.get_mut(link).closed = Some((close.from, event.at));
                let ended = Ended::Closed { by: close.from, at: event.at, witness: Some(witness) };
                let owed = self.ledger.links.get(link).owed.clone();
                for id in owed {
                    let by_closer =
                        self.ledger.obligations.get(id).is_some_and(|open| open.obligor == close.from);
                    if by_closer {
                        self.settle(id, &ended);
                    }
                }
            }
            Some((by, at)) if by != close.from => {
                self.end_link(connection, &Ended::Closed { by, at, witness: None });
            }
            Some(_) => {}
        }
    }

    /// The connection is over: what is owed on it will not come, or is carried over.
    fn end_link(&mut self, connection: ConnectionId, ended: &Ended) {
        let Some(link) = self.ledger.links.known(connection) else { return };
        let ended = match self.ledger.links.get(link).closed {
            Some((by, at)) => Ended::Closed { by, at, witness: None },
            None => ended.clone(),
        };
        let owed = self.ledger.links.get(link).owed.clone();
        self.ledger.note_waiting(&owed);
        for id in owed {
            let rule = self.ledger.obligations.get(id).map(|open| open.rule);
            if rule.is_some_and(|rule| self.carries(rule)) {
                self.ledger.obligations.detach(id, &mut self.ledger.links);
            } else {
                self.settle(id, &ended);
            }
        }
        for machine in &mut self.rules {
            if let Machine::Limit(limit) = machine {
                limit.end_of_link(connection, &mut self.ledger);
            }
        }
        self.ledger.links.forget(link);
    }

    /// An obligation ended without an answer. Where one rule says that the answer has to come, and another
    /// how soon, the first speaks first, and what the second has to say follows from it.
    fn settle(&mut self, id: ObligationId, ended: &Ended) {
        let Some(open) = self.ledger.obligations.get(id) else { return };
        let (group, trigger) = (open.group, open.trigger);
        let Some(machine) = self.rules.iter().position(|machine| machine.rule() == open.rule) else { return };
        let existence = self.partners[machine].unwrap_or(machine);
        let convicted = match self.owed(existence, group, trigger) {
            Some(id) => self.settle_alone(existence, id, ended),
            None => false,
        };
        for prompt in 0..self.rules.len() {
            if self.partners[prompt] != Some(existence) {
                continue;
            }
            let Some(id) = self.owed(prompt, group, trigger) else { continue };
            if convicted && let Some(open) = self.ledger.obligations.get_mut(id) {
                open.lacking = Some(self.rules[existence].rule());
            }
            self.settle_alone(prompt, id, ended);
        }
    }

    /// The obligation a rule has put up for this trigger, if it is open.
    fn owed(&self, machine: usize, group: GroupSlot, trigger: SeenId) -> Option<ObligationId> {
        match &self.rules[machine] {
            Machine::Respond(respond) => respond.owed(group, trigger, &self.ledger),
            _ => None,
        }
    }

    fn settle_alone(&mut self, machine: usize, id: ObligationId, ended: &Ended) -> bool {
        match &mut self.rules[machine] {
            Machine::Respond(respond) => respond.settle(id, ended, &mut self.ledger),
            _ => false,
        }
    }

    fn carries(&self, rule: RuleIndex) -> bool {
        match &self.ledger.pack.rules[rule.0].pattern {
            Pattern::Respond(respond) => respond.carry,
            _ => false,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one event, taken apart once")]
    fn judge(
        &mut self,
        event: &ConversationEvent<'_>,
        connection: ConnectionId,
        from: Party,
        carrier: Carrier,
        text: &str,
        extract: &Extract,
        masked: &[Masked<'_>],
        close_code: Option<u16>,
    ) {
        let link = self.ledger.links.find(connection);
        let endpoint = self.ledger.links.get(link).endpoint;
        let masked: MaskedSet = masked.iter().map(|masked| masked.was).collect();
        let view = View { text, extract, endpoint, close_code, masked, scanned: self.masked, kind: None };
        let Some(kind) = self.ledger.pack.classify(carrier, from, &view) else { return };
        let mut groups = [None; MAX_GROUPINGS];
        let mut lacks_key = false;
        for &place in &self.places {
            groups[place.0] = Some(self.ledger.groups[place.0].of_place(connection));
        }
        let Ledger { pack, groups: all_groups, .. } = &mut self.ledger;
        let definition = &pack.kinds[kind.0];
        let role = definition.role;
        let keyless = definition.keys.is_empty();
        let has_keys = pack.groupings.iter().any(|grouping| grouping.keyed);
        let unknown =
            carrier == Carrier::Json && (definition.unclear || keyless && !definition.children.is_empty());
        for key in &definition.keys {
            let found = all_groups[key.grouping.0].of_message(key, text, extract, from, connection);
            groups[key.grouping.0] = found;
            lacks_key |= found.is_none();
        }
        let mut sighting = Sighting {
            source: self.ledger.source,
            event,
            link,
            connection,
            from,
            kind,
            view: View { kind: Some(kind), ..view },
            groups,
            tainted: None,
            kept: None,
            lenses: LensSet::default(),
        };
        if !self.ledger.pack.lenses.is_empty() {
            sighting.lenses = self.ledger.lenses(&sighting);
        }
        if role == Role::Opens {
            self.opens(&mut sighting);
        }
        self.asked |= role == Role::Question && !lacks_key;
        let Calls { machines, seen, .. } = &mut self.calls[kind.0];
        *seen += 1;
        for &Call { rule, part } in machines.iter() {
            self.rules[rule].call(part, &mut sighting, &mut self.ledger);
        }
        if carrier.is_unreadable() || unknown || lacks_key {
            self.ledger.muddle(&sighting, sighting.tainted, true);
        } else if let (Some(root), Role::Control) = (sighting.tainted, role)
            && carrier == Carrier::Json
            && has_keys
        {
            self.ledger.usurp(&sighting, root);
        } else if let Some(root) = sighting.tainted {
            self.explain(&sighting, root);
        }
        self.note_in_groups(&sighting, role);
        self.forget_surplus();
    }

    /// A message that opens a flow: a finished flow of the same key is another one.
    fn opens(&mut self, sighting: &mut Sighting<'_>) {
        for grouping in (0..self.ledger.groups.len()).map(GroupingId) {
            let Some(slot) = sighting.group(grouping) else { continue };
            if !self.ledger.pack.groupings[grouping.0].flows {
                continue;
            }
            let group = self.ledger.groups[grouping.0].get(slot);
            if group.finished && !group.is_owed() && group.opened.is_some() {
                for index in 0..self.remembering[grouping.0].len() {
                    let rule = self.remembering[grouping.0][index];
                    self.rules[rule].forget(slot, &mut self.ledger);
                }
                let group = self.ledger.groups[grouping.0].get_mut(slot);
                group.finished = false;
                group.taint = None;
                group.opened = None;
            }
            let group = self.ledger.groups[grouping.0].get_mut(slot);
            if group.opened.is_none() {
                group.opened = Some(sighting.event.n);
                group.opener = sighting.lenses;
            }
        }
        self.flows += 1;
    }

    /// A broken message may have been meant as an answer its sender still owes.
    fn explain(&mut self, sighting: &Sighting<'_>, root: RuleIndex) {
        for grouping in (0..self.ledger.groups.len()).map(GroupingId) {
            if let Some(group) = sighting.group(grouping) {
                self.ledger.explain((grouping, group), sighting, &[sighting.kind], root);
            }
        }
    }

    /// What the groups of a message remember of it.
    fn note_in_groups(&mut self, sighting: &Sighting<'_>, role: Role) {
        if role == Role::Opens {
            let link = self.ledger.links.get_mut(sighting.link);
            link.last_opened = sighting.n();
            link.broken_opener = sighting.tainted.map(|rule| Taint { by: sighting.from, rule });
        }
        for grouping in 0..self.ledger.groups.len() {
            let Some(slot) = sighting.groups[grouping] else { continue };
            if !self.ledger.pack.groupings[grouping].flows {
                continue;
            }
            let group = self.ledger.groups[grouping].get_mut(slot);
            group.finished |= role == Role::Final;
            if let Some(rule) = sighting.tainted
                && (role == Role::Opens || group.opened.is_none())
            {
                group.taint.get_or_insert(Taint { by: sighting.from, rule });
            }
        }
    }

    fn forget_surplus(&mut self) {
        for grouping in 0..self.ledger.groups.len() {
            while let Some((slot, owed)) = self.ledger.groups[grouping].surplus() {
                if owed {
                    self.settle_group(GroupingId(grouping), slot);
                }
                self.forget(GroupingId(grouping), slot);
            }
        }
    }

    /// Far too much is owed: the oldest is judged as if the recording ended here.
    fn settle_group(&mut self, grouping: GroupingId, slot: GroupSlot) {
        let ids: Vec<_> = self.ledger.obligations.ids().collect();
        for id in ids {
            let here = self.ledger.obligations.get(id).filter(|o| (o.grouping, o.group) == (grouping, slot));
            if let Some(open) = here {
                let at = open.deadline.unwrap_or(open.since);
                self.settle(id, &Ended::Horizon(at));
            }
        }
    }

    fn forget(&mut self, grouping: GroupingId, slot: GroupSlot) {
        for index in 0..self.remembering[grouping.0].len() {
            let rule = self.remembering[grouping.0][index];
            self.rules[rule].forget(slot, &mut self.ledger);
        }
        self.ledger.groups[grouping.0].forget(slot);
    }
}

/// Up to when everything is known once this event has come: a gap hides what came since it began.
fn known_until(event: &ConversationEvent<'_>) -> Offset {
    match &event.kind {
        EventKind::Gap(gap) => event.at.min(gap.from),
        _ => event.at,
    }
}
