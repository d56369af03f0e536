//! What the script waits for, and for how long.

use std::time::Duration;

use super::{LinkId, Player, Status, Unknown};
use crate::conversation::{Content, EventKind, Offset, Party};
use crate::replay::outcome::{Incomplete, Outcome, Shortfall};
use crate::replay::script::{Act, ConnectionIndex, StepId};

/// A wait of the cassette that is longer than this had a person or a host in it.
const QUICK: Duration = Duration::from_secs(1);

/// Connections that are looked at for what could come next.
const MOST_LOOKED_AT: usize = 256;

/// Steps that are looked at for what a message nobody expects could have been.
const MOST_SCANNED: usize = 4096;

impl Player {
    /// When the script stops waiting; `None` while something of ours is due by itself, or by hand.
    pub fn gives_up_at(&self) -> Option<Offset> {
        // A handshake of ours has a limit of its own.
        if self.outcome.is_some() || !self.due.is_empty() || !self.ready.is_empty() || self.dialling > 0 {
            return None;
        }
        Some(self.progressed.after(self.patience().0))
    }

    /// Ends the run where the script has waited long enough.
    pub fn give_up(&mut self, now: Offset) {
        if self.gives_up_at().is_none_or(|at| at > now) {
            return;
        }
        if self.left.is_none() {
            self.outcome = Some(Outcome::Complete);
            return;
        }
        let (patience, shortfall) = self.patience();
        if self.left.messages == 0 && self.settings.linger == Some(patience) {
            self.remarks.add("connections were left open and closed by us".to_owned());
            self.outcome = Some(Outcome::Complete);
            return;
        }
        self.fall_short(shortfall);
    }

    /// Ends the run before everything has happened.
    pub(super) fn fall_short(&mut self, why: Shortfall) {
        if self.outcome.is_some() {
            return;
        }
        let waited_for = self.waits_for();
        let note = self.last_note();
        self.outcome = Some(Outcome::Incomplete(Incomplete { why, waited_for, note }));
    }

    /// How long the script waits now, and what it means when that has passed.
    fn patience(&self) -> (Duration, Shortfall) {
        if let Unknown::Forward(quiet) = self.settings.unknown
            && self.left.is_none()
            && !self.links.iter().any(|link| link.open || link.pending)
        {
            return (quiet, Shortfall::Patience(quiet));
        }
        if self.left.messages == 0
            && let Some(linger) = self.settings.linger
        {
            return (linger, Shortfall::Patience(linger));
        }
        let awaited = self.awaited();
        let waited = || awaited.iter().filter_map(|&id| self.waited_for(id));
        // A peer that took its time over something in the cassette may take it again.
        let own = waited().map(|wait| wait * 3 / 2).max().unwrap_or_default();
        // Only a till stands before people, or before a live device.
        let before_people = self.settings.role == Party::Pos && waited().any(|wait| wait > QUICK);
        if before_people || self.forwarded > 0 {
            let patience = self.settings.patience_for_people.max(own);
            return (patience, Shortfall::PatienceForPeople(patience));
        }
        let patience = self.settings.patience.max(own);
        (patience, Shortfall::Patience(patience))
    }

    /// How long the cassette waited for a step of the peer while something was going on: within a flow, or for
    /// the end of a connection on which a flow had not ended. Pauses between flows are nobody's.
    fn waited_for(&self, id: StepId) -> Option<Duration> {
        let step = self.script.step(id);
        let steps = &self.script.connection(step.connection?).steps;
        let before = match step.flow {
            Some(flow) if step.place_in_flow > 0 => {
                self.script.flow(flow).steps[step.place_in_flow as usize - 1]
            }
            Some(_) => return None,
            None => *steps.get((step.place as usize).checked_sub(1)?)?,
        };
        let unfinished = self.script.step(before).flow.is_some_and(|flow| self.script.is_unfinished(flow));
        let is_within = step.flow.is_some() || unfinished;
        is_within.then(|| step.at().since(self.script.step(before).at()))
    }

    /// Steps of the peer that could come now, the earliest of the cassette first.
    pub(super) fn awaited(&self) -> Vec<StepId> {
        let mut awaited = Vec::new();
        let rest = self.finished as u32..self.script.connections.len() as u32;
        let unfinished = rest.map(ConnectionIndex).filter(|index| {
            let steps = self.script.connection(*index).steps.len();
            (self.connections[index.0 as usize].over as usize) < steps
        });
        for index in unfinished.take(MOST_LOOKED_AT) {
            let state = &self.connections[index.0 as usize];
            let steps = self.script.connection(index).steps[state.over as usize..].iter().copied();
            let ahead = |id: &StepId| self.status(*id) == Status::Ahead && !self.is_ours(*id);
            let next = steps.filter(ahead).find(|&id| self.is_in_time(id) && self.may_end(id));
            awaited.extend(next);
        }
        awaited.sort_unstable();
        awaited
    }

    /// Whether a step is no end of a connection, or one that may come now.
    fn may_end(&self, id: StepId) -> bool {
        let step = self.script.step(id);
        match (step.act(), step.connection) {
            (Act::Close | Act::Drop, Some(connection)) => {
                let opened = self.connections[connection.0 as usize].opened;
                opened && self.pending_on(connection, step.place as usize).next().is_none()
            }
            _ => true,
        }
    }

    /// Messages that could begin something on the path of a link.
    pub(super) fn awaited_openers(&self, link: LinkId) -> Vec<StepId> {
        let connection = self.links[link.0 as usize].connection;
        let target = |index: ConnectionIndex| self.script.opening(index).map(|opening| &opening.target);
        let path = connection.and_then(target);
        let free = self.script.ids().skip(self.over).take(MOST_SCANNED).filter(|&id| {
            let step = self.script.step(id);
            step.act() == Act::Message
                && !self.is_ours(id)
                && self.is_open(id)
                && (step.flow.is_none() || step.place_in_flow == 0)
                && step
                    .connection
                    .and_then(target)
                    .is_some_and(|target| path.is_some_and(|path| path.eq_ignore_ascii_case(target)))
        });
        free.take(MOST_LOOKED_AT).collect()
    }

    /// The human step that came last before where the script stands.
    fn last_note(&self) -> Option<String> {
        let before = (0..self.over as u32).rev().map(StepId).take(MOST_LOOKED_AT);
        before.map(|id| self.script.step(id)).find_map(|step| match &step.event.content {
            Content::Other(EventKind::Note(note)) => Some(note.text.clone().into_owned()),
            _ => None,
        })
    }
}
