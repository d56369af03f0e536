//! How connections end: as in the cassette, too early, in another way; and what that means for what was to
//! come on them.

use super::{Closes, Link, LinkId, Player, Received, Status, Wire};
use crate::conversation::{Content, EventKind, Offset};
use crate::replay::describe::{close_in_words, spoken};
use crate::replay::mismatch::Mismatch;
use crate::replay::script::{Act, ConnectionIndex, StepId};

impl Player {
    /// The peer sent a close frame.
    pub(super) fn closed(&mut self, link: LinkId, code: Option<u16>, reason: &str, now: Offset) {
        self.links[link.0 as usize].peer_closed = true;
        self.over_on(link, &Received::Close { code, reason }, now);
    }

    /// The stream of the peer ended.
    pub(super) fn ended(&mut self, link: LinkId, reset: bool, now: Offset) {
        let Link { open, peer_closed, connection, .. } = self.links[link.0 as usize];
        // After a close frame the end of the stream means nothing, unless the cassette shows it.
        let next =
            connection.and_then(|own| self.next_step_on(own, |act| matches!(act, Act::Close | Act::Drop)));
        let shown = next.is_some_and(|id| self.script.step(id).act() == Act::Drop);
        if open && (!peer_closed || shown) {
            self.over_on(link, &Received::End { reset }, now);
        }
        self.leave(link);
        if self.forwards() {
            self.passed_on(now);
        }
        self.consider_end(now);
    }

    /// A connection is over, by its peer.
    fn over_on(&mut self, link: LinkId, how: &Received<'_>, now: Offset) {
        let Some(connection) = self.links[link.0 as usize].connection else { return };
        let end = self.next_step_on(connection, |act| matches!(act, Act::Close | Act::Drop));
        // What stands behind the end in the cassette is not missing yet.
        let until = end.map_or(usize::MAX, |end| self.script.step(end).place as usize);
        if let Some(owed) = self.owed_on(connection, link, until) {
            return self.over_too_early(link, how, owed);
        }
        let goes_on = self.pending_on(connection, until).next().is_some();
        match end {
            // The scenario goes on: the peer may connect again.
            _ if goes_on => {
                let path = self.links[link.0 as usize].target.clone();
                self.remarks.add(format!(
                    "{} left its connection to {path} earlier than in the cassette",
                    spoken(self.peer())
                ));
            }
            Some(end) if self.ends_like(end, how) || self.settings.closes == Closes::Ignored => {
                self.accept(end, link, now);
            }
            Some(end) => self.over_otherwise(link, how, end),
            None => {}
        }
        if matches!(how, Received::End { .. }) {
            self.leave(link);
        }
        self.consider_end(now);
    }

    /// The first step that had begun to be owed on a link when it ended: of those before `until` on its own
    /// connection, and of the flows that it carries besides.
    fn owed_on(&self, connection: ConnectionIndex, link: LinkId, until: usize) -> Option<StepId> {
        let begun = |id: &StepId| match self.script.step(*id).flow {
            Some(flow) => self.flows[flow.0 as usize].done > 0,
            None => true,
        };
        let comes_back = self.may_reconnect(connection);
        let own = self.pending_on(connection, until).find(|id| begun(id) || !comes_back);
        own.or_else(|| {
            let guests = (0..self.flows.len()).filter(|&flow| self.flows[flow].link == Some(link));
            let mut steps = guests.flat_map(|flow| self.script.flows[flow].steps.iter().copied());
            steps.find(|&id| self.is_pending(id))
        })
    }

    /// Messages that are still to come on a connection, of those before its step `until`.
    pub(super) fn pending_on(
        &self,
        connection: ConnectionIndex,
        until: usize,
    ) -> impl Iterator<Item = StepId> {
        let steps = &self.script.connection(connection).steps;
        let from = self.connections[connection.0 as usize].over as usize;
        let rest = steps.get(from..until.min(steps.len())).unwrap_or_default();
        rest.iter().copied().filter(|&id| self.is_pending(id))
    }

    fn is_pending(&self, id: StepId) -> bool {
        matches!(self.script.step(id).act(), Act::Message | Act::Break)
            && matches!(self.status(id), Status::Ahead | Status::Queued)
    }

    /// Whether the peer dials, and so may come back.
    fn may_reconnect(&self, connection: ConnectionIndex) -> bool {
        self.script.connection(connection).client != self.settings.role
    }

    fn ends_like(&self, step: StepId, how: &Received<'_>) -> bool {
        match (&self.script.step(step).event.content, how) {
            (Content::Other(EventKind::Close(close)), Received::Close { code, reason }) => {
                close.code == *code && close.reason == *reason
            }
            (Content::Other(EventKind::Drop(_)), Received::End { .. }) => true,
            _ => false,
        }
    }

    fn over_too_early(&mut self, link: LinkId, how: &Received<'_>, owed: StepId) {
        let step = self.script.step(owed);
        let peer = spoken(self.peer());
        let got = self.got_end(link, how);
        let did = match how {
            Received::Close { code, .. } => format!("sent {}", close_in_words(*code)),
            _ => "ended the link".to_owned(),
        };
        let what = if self.is_ours(owed) {
            format!("{peer} {did} before {} ({}) had gone out", step.n(), self.script.what(step))
        } else {
            format!("{peer} {did} instead of sending its {}", self.script.what(step))
        };
        let expected = Some(self.describe(owed));
        let (settle, settle_in_pack) = (None, None);
        self.fail(Mismatch { what, expected, got, differences: Vec::new(), settle, settle_in_pack });
    }

    fn over_otherwise(&mut self, link: LinkId, how: &Received<'_>, end: StepId) {
        let peer = spoken(self.peer());
        let got = self.got_end(link, how);
        let recorded = self.script.what(self.script.step(end));
        let what = match how {
            Received::Close { code, reason } => {
                let same = close_in_words(*code) == recorded;
                let with = if same { format!(" with the reason \"{reason}\"") } else { String::new() };
                format!(
                    "{peer} ended its connection with {}{with}, not with {recorded}",
                    close_in_words(*code)
                )
            }
            _ => format!("{peer} ended the link without a close frame, not with {recorded}"),
        };
        let expected = Some(self.describe(end));
        let settle = Some("--ignore-close".to_owned());
        self.fail(Mismatch { what, expected, got, differences: Vec::new(), settle, settle_in_pack: None });
    }

    /// A link is gone.
    ///
    /// On a wire of memory it is not: a cassette can have messages behind the end of one direction.
    pub(super) fn leave(&mut self, link: LinkId) {
        if self.settings.wire == Wire::Memory {
            return;
        }
        let state = &mut self.links[link.0 as usize];
        state.open = false;
        let connection = state.connection;
        if let Some(connection) = connection {
            let own = &mut self.connections[connection.0 as usize];
            if own.link == Some(link) {
                own.link = None;
            }
        }
    }

    /// Connections that were never opened because all that was said on them came on others: their opening
    /// and closing need not happen.
    pub(super) fn excuse_spent(&mut self) {
        for index in (self.finished as u32..self.script.connections.len() as u32).map(ConnectionIndex) {
            let peer_dials = self.may_reconnect(index);
            if peer_dials && !self.connections[index.0 as usize].opened && self.is_spent(index) {
                for id in self.script.connection(index).steps.clone() {
                    self.excuse(id);
                }
            }
        }
    }
}
