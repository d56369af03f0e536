//! What is over, and what may go out because of it. Each step that happens makes a look at three others
//! necessary and no more: the next of its flow, of its connection, of the cassette.

use std::cmp::Reverse;

use super::{FlowState, LinkId, Player, Status};
use crate::conversation::Offset;
use crate::replay::fault::{Harm, Verb};
use crate::replay::outcome::Outcome;
use crate::replay::pace::Gap;
use crate::replay::script::{Act, Concern, ConnectionIndex, FlowIndex, StepId};

impl Player {
    /// Looks for what may go out before anything has happened.
    pub(super) fn start(&mut self, now: Offset) {
        self.pass_over(now);
        for index in (0..self.script.connections.len() as u32).map(ConnectionIndex) {
            let connection = self.script.connection(index);
            // A cassette that starts in the middle of a connection does not show its handshake.
            if connection.opening.is_none() && connection.client == self.settings.role {
                self.dial_on(index, None);
            }
            self.pass_on(index, now);
        }
        self.consider_end(now);
    }

    /// Whether a step is ours.
    pub(super) fn is_ours(&self, id: StepId) -> bool {
        self.script.step(id).by == Some(self.settings.role)
    }

    pub(super) fn status(&self, id: StepId) -> Status {
        self.status[id.0 as usize]
    }

    /// Whether a step of the peer may still come.
    pub(super) fn is_open(&self, id: StepId) -> bool {
        matches!(self.status(id), Status::Ahead | Status::Excused)
    }

    /// A step has happened.
    pub(super) fn done(&mut self, id: StepId, now: Offset) {
        let before = std::mem::replace(&mut self.status[id.0 as usize], Status::Done);
        let step = self.script.step(id);
        let (act, flow, connection) = (step.act(), step.flow, step.connection);
        if matches!(before, Status::Ahead | Status::Queued) {
            *self.left.of(act) -= 1;
        }
        self.progressed = now;
        if let Some(flow) = flow {
            let begun = self.flows[flow.0 as usize].done == 0;
            self.pass_in(flow, now);
            if begun && let Some(waiting) = self.held_up.remove(&flow) {
                waiting.into_iter().for_each(|other| self.try_next_of(other, now));
            }
        }
        if let Some(connection) = connection {
            self.pass_on(connection, now);
        }
        self.pass_over(now);
        if let Some(flow) = flow {
            // What need not happen any more was passed over, and may happen all the same.
            self.try_next_of(flow, now);
        }
        if self.left.messages == 0 && self.left.others > 0 {
            self.excuse_spent();
        }
        self.consider_end(now);
    }

    /// A step need not happen any more.
    pub(super) fn excuse(&mut self, id: StepId) {
        let status = &mut self.status[id.0 as usize];
        *status = match *status {
            Status::Ahead => Status::Excused,
            Status::Queued => Status::ExcusedQueued,
            Status::Done | Status::Soft | Status::Excused | Status::ExcusedQueued => return,
        };
        *self.left.of(self.script.step(id).act()) -= 1;
    }

    /// Goes on in a flow as far as its steps have happened.
    pub(super) fn pass_in(&mut self, flow: FlowIndex, now: Offset) {
        let steps = &self.script.flow(flow).steps;
        let state = &mut self.flows[flow.0 as usize];
        while steps
            .get(state.done as usize)
            .is_some_and(|id| matches!(self.status[id.0 as usize], Status::Done | Status::Soft))
        {
            state.done += 1;
        }
        self.try_next_of(flow, now);
    }

    fn try_next_of(&mut self, flow: FlowIndex, now: Offset) {
        let next = self.script.flow(flow).steps.get(self.flows[flow.0 as usize].done as usize).copied();
        if let Some(next) = next {
            self.try_step(next, now);
        }
    }

    /// Goes on on a connection as far as its steps are over.
    pub(super) fn pass_on(&mut self, connection: ConnectionIndex, now: Offset) {
        let steps = &self.script.connection(connection).steps;
        let state = &mut self.connections[connection.0 as usize];
        while steps.get(state.over as usize).is_some_and(|id| is_over(self.status[id.0 as usize])) {
            state.over += 1;
        }
        let next = steps.get(state.over as usize).copied();
        let is_finished = |index: usize| {
            let all = self.script.connections.get(index).map(|connection| connection.steps.len());
            all.is_some_and(|all| self.connections[index].over as usize == all)
        };
        let mut finished = self.finished;
        while is_finished(finished) {
            finished += 1;
        }
        self.finished = finished;
        if let Some(next) = next {
            self.try_step(next, now);
        }
    }

    /// Goes on in the cassette as far as its steps are over.
    pub(super) fn pass_over(&mut self, now: Offset) {
        while self.status.get(self.over).is_some_and(|&status| is_over(status)) {
            self.show_note(self.over);
            self.over += 1;
        }
        if self.over < self.status.len() {
            self.try_step(StepId(self.over as u32), now);
        }
    }

    /// Puts a step of ours in the queue if nothing holds it up any more.
    fn try_step(&mut self, id: StepId, now: Offset) {
        if !self.may_happen(id) {
            return;
        }
        if !self.is_ours(id) {
            self.cut_before(id, now);
            return;
        }
        let status = &mut self.status[id.0 as usize];
        *status = match *status {
            Status::Ahead => Status::Queued,
            Status::Excused => Status::ExcusedQueued,
            Status::Queued | Status::Done | Status::ExcusedQueued | Status::Soft => return,
        };
        let due = now.after(self.settings.pace.length(self.gap(id)));
        self.due.push(Reverse((due, id)));
    }

    /// Whether everything a step waits for has happened.
    pub(super) fn may_happen(&self, id: StepId) -> bool {
        let step = self.script.step(id);
        let in_flow = match step.flow {
            Some(flow) => {
                let state = &self.flows[flow.0 as usize];
                let first_answer = step.place_in_flow == 1;
                let alongside = &self.script.flow(flow).alongside;
                state.done >= step.place_in_flow
                    && (!first_answer || alongside.iter().all(|other| self.flows[other.0 as usize].done > 0))
            }
            None => true,
        };
        let overtook = step.flow.is_some_and(|flow| self.flows[flow.0 as usize].overtook);
        let on_connection = match step.connection {
            Some(connection) => {
                let state = &self.connections[connection.0 as usize];
                overtook || (state.over >= step.place && (step.place == 0 || self.link_of(id).is_some()))
            }
            None => true,
        };
        let in_order = !self.starts_something(id) || self.over >= id.0 as usize;
        in_flow && on_connection && in_order
    }

    /// Whether a step of ours begins something that the peer then answers: it waits for all that was before.
    fn starts_something(&self, id: StepId) -> bool {
        let step = self.script.step(id);
        let Some(connection) = step.connection else { return false };
        let dials = step.by == Some(self.script.connection(connection).client);
        let begins = match step.flow {
            Some(_) => step.place_in_flow == 0,
            None => matches!(step.act(), Act::Open | Act::Refuse),
        };
        self.is_ours(id) && dials && begins
    }

    /// The pause before a step of ours, counted from the last thing it waited for.
    fn gap(&self, id: StepId) -> Gap {
        let step = self.script.step(id);
        let waited = |ids: &[StepId]| {
            let ids = ids.iter().rev();
            ids.copied().find(|&id| self.status(id) != Status::Soft).map(|id| self.script.step(id).at())
        };
        let flow =
            step.flow.and_then(|flow| waited(&self.script.flow(flow).steps[..step.place_in_flow as usize]));
        let connection = step
            .connection
            .and_then(|connection| waited(&self.script.connection(connection).steps[..step.place as usize]));
        let before = if self.starts_something(id) {
            let earlier = (0..id.0).rev().map(StepId);
            earlier.filter(|&id| self.status(id) != Status::Soft).map(|id| self.script.step(id).at()).next()
        } else {
            None
        };
        let from = flow.max(connection).max(before).unwrap_or(Offset::ZERO);
        let concern = match (step.flow, step.connection) {
            (Some(flow), _) if step.place_in_flow > 0 => Concern::Flow(flow),
            (_, Some(connection)) if before.is_none() => Concern::Connection(connection, self.peer()),
            (_, _) => Concern::Anything(self.peer()),
        };
        let time_out = self.script.expiries.any_between(concern, from, step.at());
        Gap { length: step.at().since(from), time_out }
    }

    /// The live connection that carries a step.
    pub(super) fn link_of(&self, id: StepId) -> Option<LinkId> {
        let step = self.script.step(id);
        let own = step.flow.and_then(|flow| self.flows[flow.0 as usize].link);
        let link = own.or(self.connections[step.connection?.0 as usize].link)?;
        Some(link).filter(|link| self.links[link.0 as usize].open)
    }

    /// A fault that cuts the link before the peer can say something.
    fn cut_before(&mut self, id: StepId, now: Offset) {
        let cuts = |harm: &Harm| harm.verb == Verb::CutBefore;
        if self.harm.get(&id).is_some_and(|harm| harm.iter().any(cuts)) && self.is_open(id) {
            self.cut(id, now);
        }
    }

    /// Ends the run where nothing is left to happen.
    pub(super) fn consider_end(&mut self, _now: Offset) {
        let goes_on = !self.left.is_none() || !self.due.is_empty() || !self.ready.is_empty();
        // Where a live device answers, nobody knows what else the peer wants of it.
        if self.outcome.is_some() || goes_on || self.forwards() {
            return;
        }
        // After a fault the peer may still have something to say; it is given the time for it.
        let may_speak = self.tally_of_faults() > 0 && self.links.iter().any(|link| link.open && !link.silent);
        if !may_speak {
            self.outcome = Some(Outcome::Complete);
        }
    }

    pub(super) fn flow_state(&mut self, flow: FlowIndex) -> &mut FlowState {
        &mut self.flows[flow.0 as usize]
    }
}

const fn is_over(status: Status) -> bool {
    matches!(status, Status::Done | Status::Soft | Status::Excused | Status::ExcusedQueued)
}
