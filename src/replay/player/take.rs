//! What comes out: steps of ours whose time has come, as things to be done on the wire.

use std::cmp::Reverse;
use std::sync::Arc;

use super::{Action, Deed, Link, LinkId, Outgoing, Player, Status, Steps, Wire};
use crate::conversation::{Content, EventKind, Offset, Party, Payload};
use crate::replay::mismatch::Expected;
use crate::replay::script::{Act, ConnectionIndex, StepId};

impl Player {
    /// The next thing to be done that is due by `now`.
    pub fn take(&mut self, now: Offset) -> Option<Action> {
        loop {
            if let Some(action) = self.ready.pop_front() {
                if self.ready.is_empty() {
                    self.consider_end(now);
                }
                return Some(action);
            }
            let &Reverse((due, id)) = self.due.peek()?;
            if self.outcome.is_some() || due > now || self.is_held(id) {
                return None;
            }
            self.due.pop();
            self.perform(id, now);
        }
    }

    /// When the next step of ours is due; `None` where only the peer can move things on.
    pub fn due(&self) -> Option<Offset> {
        let &Reverse((due, id)) = self.due.peek()?;
        if self.ready.is_empty() { Some(due).filter(|_| !self.is_held(id)) } else { Some(Offset::ZERO) }
    }

    /// The next step of ours and when it is due, for whoever plays both sides at once.
    pub(crate) fn peek(&self) -> Option<(Offset, Option<StepId>)> {
        match self.ready.front() {
            Some(action) => Some((Offset::ZERO, action.step)),
            None => self.due.peek().map(|&Reverse((due, id))| (due, Some(id))),
        }
    }

    /// The message of ours that waits for [`Player::advance`], once it is due.
    pub fn held(&self, now: Offset) -> Option<Expected> {
        let &Reverse((due, id)) = self.due.peek()?;
        let held = self.outcome.is_none() && due <= now && self.is_held(id);
        held.then(|| self.script.expected(id, &self.bindings, &self.settings.masker))
    }

    fn is_held(&self, id: StepId) -> bool {
        self.settings.steps == Steps::ByHand
            && self.may_send == 0
            && self.script.step(id).act() == Act::Message
    }

    /// Does a step of ours.
    fn perform(&mut self, id: StepId, now: Offset) {
        let step = self.script.step(id);
        let act = step.act();
        if act == Act::Message {
            self.may_send = self.may_send.saturating_sub(1);
        }
        if matches!(act, Act::Open | Act::Refuse) {
            return self.dial(id);
        }
        if self.delayed(id, now) {
            return;
        }
        let Some(link) = self.link_of(id).filter(|link| !self.links[link.0 as usize].silent) else {
            // The link went with a fault, and the step with it.
            self.status[id.0 as usize] = match self.status(id) {
                Status::Queued => Status::Ahead,
                _ => Status::Excused,
            };
            self.excuse(id);
            return self.pass_over(now);
        };
        let Some(deed) = self.deed(id, link) else { return self.done(id, now) };
        if act == Act::Message {
            self.tally.sent += 1;
        }
        self.harmed(id, link, deed, now);
    }

    /// What a step of ours is on the wire.
    fn deed(&mut self, id: StepId, link: LinkId) -> Option<Deed> {
        let script = Arc::clone(&self.script);
        let step = script.step(id);
        Some(match &step.event.content {
            Content::Json(_) => {
                let text = self.bindings.compose(&self.script, id)?.into_owned();
                Deed::Send { link, message: Outgoing::Text(text) }
            }
            Content::Other(kind) => match kind {
                EventKind::Message(message) => match &message.payload {
                    Payload::Binary(bytes) => Deed::Send { link, message: Outgoing::Binary(bytes.to_vec()) },
                    Payload::Json(_) | Payload::Text(_) => {
                        let text = self.bindings.compose(&self.script, id)?.into_owned();
                        Deed::Send { link, message: Outgoing::Text(text) }
                    }
                    // Only its size is known: on a wire of memory that is enough.
                    Payload::Omitted { .. } => Deed::Send { link, message: Outgoing::Binary(Vec::new()) },
                },
                EventKind::Ping(ping) => Deed::Ping { link, payload: ping.payload.to_vec() },
                EventKind::Pong(pong) => Deed::Pong { link, payload: pong.payload.to_vec() },
                EventKind::Close(close) => {
                    self.links[link.0 as usize].we_closed = true;
                    Deed::Close { link, code: close.code, reason: close.reason.clone().into_owned() }
                }
                EventKind::Drop(drop) => {
                    self.leave(link);
                    Deed::Drop { link, reset: drop.reset }
                }
                EventKind::Undecodable(bytes) => Deed::Break { link, bytes: bytes.bytes.to_vec() },
                EventKind::Open(_)
                | EventKind::Refused(_)
                | EventKind::Gap(_)
                | EventKind::Note(_)
                | EventKind::Clock(_)
                | EventKind::End(_) => return None,
            },
        })
    }

    fn dial(&mut self, id: StepId) {
        if let Some(connection) = self.script.step(id).connection {
            self.dial_on(connection, Some(id));
        }
    }

    /// Opens the link that carries a connection.
    pub(super) fn dial_on(&mut self, connection: ConnectionIndex, step: Option<StepId>) {
        let opening = self.script.opening(connection);
        let target = opening.map(|opening| opening.target.clone().into_owned()).unwrap_or_default();
        let link = LinkId(self.links.len() as u32);
        self.links.push(Link {
            connection: Some(connection),
            target,
            pending: true,
            open: false,
            we_closed: false,
            peer_closed: false,
            silent: false,
        });
        self.connections[connection.0 as usize].link = Some(link);
        self.dialling += 1;
        self.ready.push_back(Action { step, deed: Deed::Dial { link } });
    }

    /// Shows a human step that is passed, where we are the till and a person stands before a real terminal.
    pub(super) fn show_note(&mut self, index: usize) {
        if self.settings.role != Party::Pos || self.settings.wire == Wire::Memory {
            return;
        }
        let id = StepId(index as u32);
        if let Content::Other(EventKind::Note(note)) = &self.script.step(id).event.content {
            let note = note.text.clone().into_owned();
            self.ready.push_back(Action { step: Some(id), deed: Deed::Show { note } });
        }
    }
}
