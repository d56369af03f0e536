//! One message is heard: what kind it is, which groups it belongs to, who is called for it, what they remember.

use super::answers::Answers;
use super::group::Taint;
use super::judge::Judge;
use super::ledger::Ledger;
use super::link::Link;
use super::sighting::{GroupSlot, LinkSlot, Sighting};
use super::span::Turn;
use crate::conversation::{ConnectionId, ConversationEvent, EventKind, Masked, Message, Party, Payload};
use crate::pack::{Carrier, EndpointId, Extract, Grouping, GroupingId, KindId, LensSet, Role, View};
use crate::text::json::JsonError;

impl Judge {
    pub(super) fn message(
        &mut self,
        event: &ConversationEvent<'_>,
        connection: ConnectionId,
        message: &Message<'_>,
    ) -> Result<(), JsonError> {
        let mut extract = self.extract.take().unwrap_or_default();
        let pack = &self.ledger.pack;
        let mut scan = |text: &str| match self.afresh {
            true => pack.trie.scan(text, &mut extract),
            false => self.outlines.scan(pack, text, &mut extract),
        };
        let (carrier, text) = match &message.payload {
            Payload::Json(text) => match scan(text) {
                Ok(()) => (Carrier::Json, *text),
                Err(error) => {
                    self.extract = Some(extract);
                    return Err(error);
                }
            },
            Payload::Text(text) => match scan(text) {
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
        let sender = from.or(client).unwrap_or(Party::Pos);
        let link_taint = self.ledger.links.get(link).taint.filter(|taint| taint.by == sender);
        // Filled in place from here on: it is large, and never copied.
        let mut sighting = Sighting {
            source: self.ledger.source,
            event,
            link,
            connection,
            from: sender,
            kind: KindId(0),
            view: View {
                text,
                extract,
                from,
                endpoint,
                close_code,
                detail,
                size: size_of(event),
                masked: seen.masked.iter().map(|masked| masked.was).collect(),
                scanned: self.masked,
                kind: None,
                within: None,
            },
            groups: [None; Grouping::MOST],
            flow: None,
            opener: None,
            spoilt: None,
            repeated: false,
            is_sent: from.is_some(),
            rests_on: None,
            broke: None,
            tainted: link_taint.map(|taint| taint.rule),
            kept: None,
            lenses: LensSet::default(),
            answers: Answers::default(),
            ground: None,
        };
        let pack = &self.ledger.pack;
        let classify = || pack.classify(carrier, from, &sighting.view);
        let sort = match carrier {
            Carrier::Json if !self.afresh => self.plans.sort_of(&sighting.view, classify, pack),
            _ => None,
        };
        let Some(kind) = sort.map(|(_, kind)| kind).or_else(classify) else { return };
        sighting.kind = kind;
        sighting.view.kind = Some(kind);
        self.places(link, connection, endpoint, sender, &mut sighting.groups);
        let Ledger { pack, groups: all_groups, .. } = &mut self.ledger;
        let definition = &pack.kinds[kind.0];
        let role = definition.role;
        let keyless = definition.keys.is_empty();
        let unknown =
            carrier == Carrier::Json && (definition.unclear || keyless && !definition.children.is_empty());
        let mut lacks_key = false;
        for key in &definition.keys {
            let groups = &mut all_groups[key.grouping.0];
            let found = groups.of_message(key, text, extract, sender, connection);
            self.crowded |= groups.is_crowded();
            sighting.groups[key.grouping.0] = found;
            lacks_key |= found.is_none() && self.answered[key.grouping.0];
            if pack.groupings[key.grouping.0].flows && sighting.flow.is_none() {
                sighting.flow = found.map(|slot| (key.grouping, slot));
            }
        }
        if let Some((grouping, slot, taint)) = seen.flow {
            sighting.groups[grouping.0] = Some(slot);
            sighting.flow = Some((grouping, slot));
            let taint = taint.or(link_taint);
            sighting.tainted = taint.map(|taint| taint.rule);
            sighting.from = taint.map_or(sender, |taint| taint.by);
        }
        if !self.ledger.pack.lenses.is_empty() {
            sighting.lenses = self.ledger.lenses(&sighting);
            sighting.answers.clear();
        }
        if role == Role::Opens {
            self.opens(&mut sighting);
        }
        self.asked |= role == Role::Question && !lacks_key;
        if let Some((grouping, slot)) = sighting.flow {
            let group = self.ledger.groups[grouping.0].get(slot);
            sighting.opener = group.opened_by;
            sighting.spoilt = group.taint;
            sighting.repeated = role == Role::Final && group.finished;
        }
        if carrier == Carrier::Json || carrier.is_unreadable() {
            self.ledger.note_heard(&sighting);
        }
        let calls = &mut self.calls[kind.0];
        calls.seen += 1;
        let sound = sighting.tainted.is_none() && sighting.spoilt.is_none();
        let mut plan = sort.filter(|_| sound).and_then(|(sort, _)| {
            let plan =
                self.plans.plan(sort, &mut sighting, &self.ledger, (calls, &self.rules, &self.force))?;
            sighting.answers = plan.answers.into();
            Some(plan)
        });
        let (machines, turns) = match &plan {
            Some(plan) => (&plan.calls, &plan.turns),
            None => (&calls.machines, &calls.turns),
        };
        let mut tainted = None;
        for (index, call) in machines.iter().enumerate() {
            if !call.is_plain {
                if call.only.as_ref().is_some_and(|only| !self.ledger.selects(only, &sighting)) {
                    continue;
                }
                if let Some(force) = self.force[call.rule].as_ref().filter(|_| call.is_spanned) {
                    if !force.holds(&sighting) {
                        continue;
                    }
                    sighting.ground = force.ground(&sighting);
                }
            }
            self.rules[call.rule].call(call.part, &mut sighting, &mut self.ledger);
            if !call.is_plain {
                sighting.ground = None;
            }
            if tainted.is_none() && sighting.tainted.is_some() {
                tainted = Some(index);
            }
        }
        for &rule in turns.iter() {
            let Some(force) = &mut self.force[rule] else { continue };
            let group = match force.observe(&sighting, &self.ledger) {
                Turn::None => continue,
                Turn::Ended(group) => {
                    let pattern = &self.ledger.pack.rules[self.rules[rule].rule().index()].pattern;
                    pattern.groupings().any(|own| own == force.grouping()).then_some(group)
                }
                Turn::Anew => None,
            };
            let sound = sighting.tainted.is_none() && sighting.spoilt.is_none();
            let since = sound.then_some(event.n);
            self.rules[rule].suspend(group, since, &mut self.ledger);
        }
        if let Some(plan) = &mut plan {
            plan.count(tainted, &sighting, &mut self.ledger);
        }
        if std::mem::take(&mut self.ledger.failed) {
            self.plans.settle(&mut self.ledger);
            self.plans.forget();
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
        self.sound[sender as usize] |= self.telling[kind.0] && sighting.tainted.is_none();
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
            let all = &mut self.ledger.groups[place.0];
            groups[place.0] = Some(all.of_place(connection, endpoint, sender));
            self.crowded |= all.is_crowded();
        }
        let places = &mut self.ledger.links.get_mut(link).places[sender as usize];
        places.groups.copy_from_slice(&groups[..Grouping::BUILT_IN]);
        places.epoch = self.places_epoch;
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
