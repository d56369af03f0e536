//! The live device behind a replay: which links are connected to it, and what was said there, as a recorder
//! between the peer and the device would have seen it.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::events::{self, Handshake, Numbers};
use super::stage::Command;
use crate::conversation::{ConnectionId, ConversationEvent, EventKind, Offset, Party, Payload};
use crate::replay::{LinkId, Outgoing, Received};

/// The connections to the live device, each behind a link of the peer.
pub(super) struct Beyond {
    /// Who is played, and stands behind us for real.
    device: Party,
    /// Who talks to it through us.
    peer: Party,
    numbers: Numbers,
    bridges: HashMap<LinkId, Bridge>,
    /// Bridges to be built, each once.
    wanted: Vec<Wanted>,
}

/// A bridge to be built.
pub(super) struct Wanted {
    /// Behind which link.
    pub(super) link: LinkId,
    /// How the peer opened that.
    pub(super) asked: Handshake,
    /// What is to be done on it.
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
}

struct Bridge {
    commands: mpsc::UnboundedSender<Command>,
    /// The connection as it is recorded, once its handshake is over.
    connection: Option<ConnectionId>,
    /// What is to be said once it is.
    waiting: Vec<Command>,
    /// Messages given to it that have not been handed to the system yet.
    unsent: usize,
    /// Whether either side sent a close frame.
    closed: bool,
}

/// Messages that may wait on one link for somebody who does not read; what comes then is not read either.
pub(super) const MOST_UNSENT: usize = 32;

/// Sees what was said.
type See<'s> = &'s mut dyn FnMut(&ConversationEvent<'_>);

impl Beyond {
    pub(super) fn new(device: Party, peer: Party) -> Self {
        let (numbers, bridges, wanted) = (Numbers::default(), HashMap::new(), Vec::new());
        Self { device, peer, numbers, bridges, wanted }
    }

    /// Connects a link to the device, where it is not.
    pub(super) fn connect(&mut self, link: LinkId, asked: &Handshake) {
        if self.bridges.contains_key(&link) {
            return;
        }
        let (sender, commands) = mpsc::unbounded_channel();
        let bridge =
            Bridge { commands: sender, connection: None, waiting: Vec::new(), unsent: 0, closed: false };
        self.bridges.insert(link, bridge);
        self.wanted.push(Wanted { link, asked: asked.clone(), commands });
    }

    /// Bridges to be built.
    pub(super) fn take_wanted(&mut self) -> Vec<Wanted> {
        std::mem::take(&mut self.wanted)
    }

    /// A bridge stands: what waited for it goes out.
    pub(super) fn stands(&mut self, link: LinkId, handshake: &Handshake, now: Offset, see: See<'_>) {
        let Some(bridge) = self.bridges.get_mut(&link) else { return };
        let connection = self.numbers.connection();
        bridge.connection = Some(connection);
        let waiting = std::mem::take(&mut bridge.waiting);
        see(&self.numbers.event(now, connection, handshake.event(self.peer, "")));
        for command in waiting {
            self.pass(link, command, now, see);
        }
    }

    /// What the peer does on a link, passed on to the device; nothing where the link is not connected to it.
    pub(super) fn pass(&mut self, link: LinkId, command: Command, now: Offset, see: See<'_>) {
        let Some(bridge) = self.bridges.get_mut(&link) else { return };
        let Some(connection) = bridge.connection else { return bridge.waiting.push(command) };
        let kind = match &command {
            Command::Send(Outgoing::Text(text)) => events::message(self.peer, Payload::of_text(text)),
            Command::Send(Outgoing::Binary(bytes)) => {
                events::message(self.peer, Payload::Binary(bytes.as_slice().into()))
            }
            Command::Close { code, reason } if !std::mem::replace(&mut bridge.closed, true) => {
                events::close(self.peer, *code, reason)
            }
            Command::Drop { reset } if !bridge.closed => events::drop(self.peer, *reset),
            // What was closed is closed: the stream may end as it likes.
            _ => return,
        };
        see(&self.numbers.event(now, connection, kind));
        bridge.unsent += usize::from(matches!(command, Command::Send(_)));
        let gone = matches!(command, Command::Drop { .. });
        // A bridge that has fallen does not listen any more, and has said so.
        let _ = bridge.commands.send(command);
        if gone {
            self.bridges.remove(&link);
        }
    }

    /// Whether another message for the device would not pile up.
    pub(super) fn has_room(&self, link: LinkId) -> bool {
        self.bridges.get(&link).is_none_or(|bridge| bridge.unsent + bridge.waiting.len() < MOST_UNSENT)
    }

    /// A message was handed to the system.
    pub(super) fn sent(&mut self, link: LinkId) {
        if let Some(bridge) = self.bridges.get_mut(&link) {
            bridge.unsent = bridge.unsent.saturating_sub(1);
        }
    }

    /// Something came from the device.
    pub(super) fn came(&mut self, link: LinkId, what: &Received<'_>, now: Offset, see: See<'_>) {
        let Some(bridge) = self.bridges.get_mut(&link) else { return };
        let Some(connection) = bridge.connection else { return };
        if let Some(kind) = events::of(what, self.device, bridge.closed) {
            see(&self.numbers.event(now, connection, kind));
        }
        match what {
            Received::Close { code, reason } if !std::mem::replace(&mut bridge.closed, true) => {
                // The library has answered by now, as RFC 6455 wants it.
                let answer: EventKind<'_> = events::close(self.peer, *code, reason);
                see(&self.numbers.event(now, connection, answer));
            }
            Received::End { .. } => drop(self.bridges.remove(&link)),
            _ => {}
        }
    }

    /// The run is over: every bridge is left.
    pub(super) fn leave(&mut self) {
        for (_, bridge) in self.bridges.drain() {
            // A bridge that has fallen does not listen any more.
            let _ = bridge.commands.send(Command::Leave);
        }
    }
}
