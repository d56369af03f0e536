//! What the cassette does not have goes to the live device whose part we play, where that is wished.

use super::{Action, Deed, LinkId, Outgoing, Player, Unknown};
use crate::conversation::Offset;
use crate::replay::compare::Live;

impl Player {
    /// Whether a link carries no connection of the cassette: everything on it is the live device's.
    pub fn is_foreign(&self, link: LinkId) -> bool {
        self.links.get(link.0 as usize).is_some_and(|link| link.connection.is_none())
    }

    /// Something went between the peer and the live device.
    pub fn passed_on(&mut self, now: Offset) {
        self.progressed = now;
    }

    pub(super) const fn forwards(&self) -> bool {
        matches!(self.settings.unknown, Unknown::Forward(_))
    }

    /// Passes a message on.
    pub(super) fn forward(&mut self, link: LinkId, message: Outgoing, now: Offset) {
        self.forwarded += 1;
        self.passed_on(now);
        self.ready.push_back(Action { step: None, deed: Deed::Forward { link, message } });
    }

    /// A link that carries no connection of the cassette stands.
    pub(super) fn opened_beyond(&mut self, link: LinkId, now: Offset) {
        let state = &mut self.links[link.0 as usize];
        (state.open, state.pending) = (true, false);
        self.passed_on(now);
        self.ready.push_back(Action { step: None, deed: Deed::Bridge { link } });
    }

    /// Whether a message carries the key of a flow of the cassette that has begun: what differs in it is
    /// wrong, and not new.
    pub(super) fn belongs(&self, link: LinkId, live: &Live) -> bool {
        let connection = self.links[link.0 as usize].connection;
        live.leaves.iter().any(|leaf| {
            let mut spaces = self.script.lineage.spaces_at(leaf.path, connection);
            spaces.any(|space| {
                let holder = self.bindings.holder(space, &leaf.value(&live.text));
                holder.is_some_and(|identity| self.script.lineage.identity(identity).keys_flows)
            })
        })
    }
}
