//! The life of a connection, as rules see it: it opens, somebody closes it, it is lost; and what was left open.

use super::Witness;
use super::group::Taint;
use super::judge::Judge;
use super::machine::Machine;
use super::missing::Ended;
use super::obligation::ObligationId;
use super::sighting::{GroupSlot, LinkSlot, RuleIndex, SeenId, Sighting};
use crate::conversation::{Close, ConnectionId, ConversationEvent, Drop, EventKind, Opening};
use crate::pack::{Carrier, GroupingId, Pattern};

/// Flows noted as open on a connection before those are sorted out that are not.
const MANY_FLOWS: usize = 256;

impl Judge {
    pub(super) fn open(
        &mut self,
        event: &ConversationEvent<'_>,
        connection: ConnectionId,
        opening: &Opening<'_>,
    ) {
        if self.ledger.links.known(connection).is_some() {
            self.end_link(connection, &Ended::Dropped { at: event.at, witness: None });
        }
        let slot = self.ledger.links.open(connection, false);
        let link = self.ledger.links.get_mut(slot);
        link.client = Some(opening.client);
        link.endpoint = self.ledger.pack.endpoint_of(&opening.target);
        let path = opening.target.split(['?', '#']).next().unwrap_or_default();
        self.frame(event, connection, opening.client, Carrier::Open, &opening.masked, path);
    }

    pub(super) fn drop(&mut self, event: &ConversationEvent<'_>, connection: ConnectionId, drop: Drop) {
        self.event(event, connection, drop.by, Carrier::Drop, &[], "", None);
        self.abandon(event, connection);
        let witness = Witness {
            source: self.ledger.source,
            n: event.n,
            at: event.at,
            connection: Some(connection),
            from: drop.by,
            role: "lost here".to_owned(),
            excerpt: "the link was lost".to_owned(),
            marked: None,
            kind: None,
            pointer: None,
        };
        self.end_link(connection, &Ended::Dropped { at: event.at, witness: Some(witness) });
    }

    pub(super) fn close(
        &mut self,
        event: &ConversationEvent<'_>,
        connection: ConnectionId,
        close: &Close<'_>,
    ) {
        self.frame(event, connection, close.from, Carrier::Close, &close.masked, &close.reason);
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
                let own = self.ledger.links.get_mut(link);
                own.closed = Some((close.from, event.at));
                own.closing = Some(Box::new(witness.clone()));
                let ended = Ended::Closed { by: close.from, at: event.at, witness: Some(witness) };
                let owed = self.ledger.links.get(link).owed.clone();
                for id in owed {
                    // Who may answer on a later connection may close this one.
                    let open = self.ledger.obligations.get(id);
                    if open.is_some_and(|open| open.obligor == close.from && !self.carries(open.rule)) {
                        self.settle(id, &ended);
                    }
                }
                self.abandon(event, connection);
            }
            Some((by, at)) if by != close.from => {
                let witness = self.ledger.links.get(link).closing.as_deref().cloned();
                self.end_link(connection, &Ended::Closed { by, at, witness });
            }
            Some(_) => {}
        }
    }

    /// The connection is over: what is owed on it will not come, or is carried over.
    pub(super) fn end_link(&mut self, connection: ConnectionId, ended: &Ended) {
        let Some(link) = self.ledger.links.known(connection) else { return };
        let own = self.ledger.links.get(link);
        let ended = match own.closed {
            Some((by, at)) => Ended::Closed { by, at, witness: own.closing.as_deref().cloned() },
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
    pub(super) fn settle(&mut self, id: ObligationId, ended: &Ended) {
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
        match &self.ledger.pack.rules[rule.index()].pattern {
            Pattern::Respond(respond) => respond.carry,
            _ => false,
        }
    }

    /// Notes a flow that was opened on a connection.
    pub(super) fn note_open(&mut self, sighting: &Sighting<'_>, grouping: GroupingId, slot: GroupSlot) {
        let groups = &self.ledger.groups;
        let open = &mut self.ledger.links.get_mut(sighting.link).open_flows;
        if open.len() >= MANY_FLOWS {
            open.retain(|&(of, flow, n)| {
                let group = groups[of.0].get(flow);
                group.opened == Some(n) && !group.finished
            });
        }
        open.push((grouping, slot, sighting.n()));
    }

    /// The connection ends: the flows that were opened on it and have not ended are abandoned.
    fn abandon(&mut self, event: &ConversationEvent<'_>, connection: ConnectionId) {
        let Some(link) = self.ledger.links.known(connection).filter(|_| self.abandoned) else { return };
        for (grouping, slot, n) in std::mem::take(&mut self.ledger.links.get_mut(link).open_flows) {
            let group = self.ledger.groups[grouping.0].get(slot);
            let lost = self.ledger.last_gap.is_some_and(|gap| gap > n);
            if group.opened != Some(n) || group.finished || lost {
                continue;
            }
            let Ok(taint) = self.spoilt(link, group.taint.or(group.doubt), n) else { continue };
            let flow = match self.ledger.groups[grouping.0].name(slot) {
                Some(name) => format!("flow {name}, begun with event {n},"),
                None => format!("what event {n} began"),
            };
            let ended = match event.kind {
                EventKind::Close(_) => "the connection was closed",
                _ => "the link was lost",
            };
            let told = format!("{ended} while {flow} was under way");
            self.event(
                event,
                connection,
                None,
                Carrier::Abandoned,
                &[],
                &told,
                Some((grouping, slot, taint)),
            );
        }
    }

    /// Who has spoilt a flow opened with event `n`; an error where it may have ended with a message that
    /// cannot be read.
    fn spoilt(
        &self,
        link: LinkSlot,
        taint: Option<Taint>,
        n: crate::conversation::EventNumber,
    ) -> Result<Option<Taint>, ()> {
        match self.ledger.links.get(link).muddle.filter(|muddle| muddle.n > n) {
            Some(muddle) => match muddle.rule {
                Some(rule) => Ok(taint.or(Some(Taint { by: muddle.by, rule }))),
                None => Err(()),
            },
            None => Ok(taint),
        }
    }
}
