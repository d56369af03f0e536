//! Connections coming and going up: which one of the cassette a dialling peer means, and what it is told.

use std::collections::HashMap;

use super::{Link, LinkId, Player, Status};
use crate::conversation::{Offset, Opening, Party};
use crate::replay::describe::spoken;
use crate::replay::mismatch::{Got, Mismatch};
use crate::replay::script::{Act, ConnectionIndex, Script, StepId};

/// What a peer that dials is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 101, with the subprotocol of the cassette.
    Accept {
        /// The live connection.
        link: LinkId,
        /// The handshake of the cassette; `None` where it has none.
        step: Option<StepId>,
        /// The subprotocol.
        subprotocol: Option<String>,
    },
    /// Another status, as in the cassette.
    Refuse {
        /// The attempt of the cassette.
        step: StepId,
    },
    /// The cassette has no such connection: 404.
    Unknown,
}

impl Player {
    /// The peer dials `target` and offers these subprotocols. Where it is accepted, [`Player::opened`] follows.
    pub fn dialled(&mut self, target: &str, offered: &[String], now: Offset) -> Answer {
        let found = self.connection_for(target);
        let Some(connection) = found.or_else(|| self.connection_for("")) else {
            if self.forwards() {
                return self.lead_beyond(target);
            }
            self.strange_connection(target);
            return Answer::Unknown;
        };
        let opening = self.script.connection(connection).opening;
        if let Some(step) = opening.filter(|&step| self.script.step(step).act() == Act::Refuse) {
            self.connections[connection.0 as usize].opened = true;
            self.done(step, now);
            return Answer::Refuse { step };
        }
        let recorded = self.script.opening(connection).and_then(subprotocol);
        if let Some(wanted) = &recorded
            && !offered.iter().any(|offer| offer == wanted)
        {
            self.without_subprotocol(connection, wanted, offered);
            return Answer::Unknown;
        }
        let link = LinkId(self.links.len() as u32);
        self.links.push(Link {
            connection: Some(connection),
            target: target.to_owned(),
            pending: true,
            open: false,
            we_closed: false,
            peer_closed: false,
            silent: false,
        });
        let state = &mut self.connections[connection.0 as usize];
        state.link = Some(link);
        if state.opened {
            let path = target.split('?').next().unwrap_or(target);
            self.remarks.add(format!("{} connected to {path} again", spoken(self.peer())));
        }
        Answer::Accept { link, step: opening, subprotocol: recorded }
    }

    /// The request target of a link; empty where the cassette does not show it.
    pub fn target(&self, link: LinkId) -> &str {
        self.links.get(link.0 as usize).map_or("", |link| &link.target)
    }

    /// The connection stands. For one that we dialled, `subprotocol` is what the peer chose.
    pub fn opened(&mut self, link: LinkId, subprotocol: Option<&str>, now: Offset) {
        let Some(connection) = self.links[link.0 as usize].connection else {
            return self.opened_beyond(link, now);
        };
        self.answered(connection);
        self.links[link.0 as usize].open = true;
        self.links[link.0 as usize].pending = false;
        self.connections[connection.0 as usize].link = Some(link);
        let first = !std::mem::replace(&mut self.connections[connection.0 as usize].opened, true);
        let Some(step) = self.script.connection(connection).opening else {
            self.progressed = now;
            return self.pass_on(connection, now);
        };
        if self.is_ours(step) {
            if self.script.step(step).act() == Act::Refuse {
                return self.answered_otherwise(step, 101);
            }
            let recorded = self.script.opening(connection).and_then(self::subprotocol);
            if recorded.as_deref() != subprotocol {
                return self.another_subprotocol(step, recorded.as_deref(), subprotocol);
            }
        }
        if first {
            self.done(step, now);
        } else {
            self.progressed = now;
            self.pass_on(connection, now);
        }
    }

    /// A handshake is over, one way or the other.
    fn answered(&mut self, connection: ConnectionIndex) {
        if self.script.connection(connection).client == self.settings.role {
            self.dialling = self.dialling.saturating_sub(1);
        }
    }

    /// A handshake that was accepted came to nothing: the connection is to be opened still.
    pub fn lost(&mut self, link: LinkId) {
        self.links[link.0 as usize].pending = false;
        self.leave(link);
    }

    /// The handshake of the cassette for a link.
    pub fn opening_of(&self, link: LinkId) -> Option<StepId> {
        let connection = self.links.get(link.0 as usize)?.connection?;
        self.script.connection(connection).opening
    }

    /// The connection that we dialled was answered without 101.
    pub fn refused(&mut self, link: LinkId, status: u16, now: Offset) {
        let connection = self.links[link.0 as usize].connection;
        let step = connection.and_then(|connection| self.script.connection(connection).opening);
        let (Some(step), Some(connection)) = (step, connection) else { return };
        self.answered(connection);
        let recorded = self.script.opening(connection).map(|opening| opening.status);
        if self.script.step(step).act() == Act::Refuse && recorded == Some(status) {
            self.connections[connection.0 as usize].opened = true;
            self.done(step, now);
        } else {
            self.answered_otherwise(step, status);
        }
    }

    /// The next connection of the cassette to that target; else one whose scenario goes on although it closed.
    fn connection_for(&mut self, target: &str) -> Option<ConnectionIndex> {
        let mut door = self.doors.remove(&path_of(target))?;
        // Connections to one path are told apart by their queries, if at all: the first that fits is next.
        while door.connections.get(door.next).is_some_and(|&index| self.is_taken(index)) {
            door.next += 1;
        }
        let fits = |index: &ConnectionIndex| leads_to(&self.script, *index, target);
        let ahead = door.connections[door.next..].iter().copied();
        let fresh = ahead.filter(fits).find(|&index| !self.is_taken(index));
        let again = || door.connections.iter().copied().filter(fits).find(|&index| self.goes_on(index));
        let found = fresh.or_else(again);
        self.doors.insert(path_of(target), door);
        found
    }

    /// Whether a connection was opened, or will not be: all that was said on it came on others.
    fn is_taken(&self, index: ConnectionIndex) -> bool {
        let state = &self.connections[index.0 as usize];
        let pending = state.link.is_some_and(|link| self.links[link.0 as usize].pending);
        state.opened || pending || self.is_spent(index)
    }

    /// Whether a connection that closed may be opened again.
    fn goes_on(&self, index: ConnectionIndex) -> bool {
        let state = &self.connections[index.0 as usize];
        let busy = |link: LinkId| self.links[link.0 as usize].open || self.links[link.0 as usize].pending;
        let is_free = !state.link.is_some_and(busy);
        let unfinished = (state.over as usize) < self.script.connection(index).steps.len();
        state.opened && is_free && (unfinished || self.tally_of_faults() > 0)
    }

    /// Whether everything on a connection that was never opened has been said on others.
    pub(super) fn is_spent(&self, index: ConnectionIndex) -> bool {
        let steps = &self.script.connection(index).steps;
        let mut messages = steps.iter().filter(|&&id| self.script.step(id).act() == Act::Message).peekable();
        messages.peek().is_some() && messages.all(|&id| self.status(id) == Status::Done)
    }

    /// Takes a connection that the cassette does not have, for the live device.
    fn lead_beyond(&mut self, target: &str) -> Answer {
        let path = target.split('?').next().unwrap_or(target);
        let peer = spoken(self.peer());
        self.remarks.add(format!(
            "led to the live device: a connection of {peer} to {path} that the cassette does not have"
        ));
        let link = LinkId(self.links.len() as u32);
        self.links.push(Link {
            connection: None,
            target: target.to_owned(),
            pending: true,
            open: false,
            we_closed: false,
            peer_closed: false,
            silent: false,
        });
        Answer::Accept { link, step: None, subprotocol: None }
    }

    fn strange_connection(&mut self, target: &str) {
        let peer = self.peer();
        let (path, known) = (target.split('?').next().unwrap_or(target), self.script.targets());
        let is_known = known.iter().any(|known| known.eq_ignore_ascii_case(path));
        let what = if is_known {
            format!("{} opened one connection to {path} more than the cassette has", spoken(peer))
        } else {
            format!("{} asked for {path}, a path the cassette does not have", spoken(peer))
        };
        let paths = (!is_known).then(|| format!("the cassette has: {}", known.join(", ")));
        let got = Got { party: peer, what: format!("connection to {path}"), connection: None, text: paths };
        self.unexpected(what, None, got);
    }

    fn without_subprotocol(&mut self, connection: ConnectionIndex, wanted: &str, offered: &[String]) {
        let peer = self.peer();
        let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
        let expected = self.script.connection(connection).opening.map(|step| self.describe(step));
        self.fail(Mismatch {
            what: format!("{} does not offer the subprotocol {wanted}", spoken(peer)),
            expected,
            got: Got {
                party: peer,
                what: format!("a connection that offers {offered}"),
                connection: None,
                text: None,
            },
            differences: Vec::new(),
            settle: None,
            settle_in_pack: None,
        });
    }

    fn another_subprotocol(&mut self, step: StepId, recorded: Option<&str>, got: Option<&str>) {
        let said = |name: Option<&str>| name.map_or("no subprotocol".to_owned(), |name| format!("`{name}`"));
        let (recorded, got) = (said(recorded), said(got));
        self.wrong_answer(step, format!("{} chose {got}, not {recorded}", spoken(self.peer())), got);
    }

    fn answered_otherwise(&mut self, step: StepId, status: u16) {
        let recorded = self.script.step(step).opening().map_or(101, |opening| opening.status);
        let peer = spoken(self.peer());
        let what = format!("{peer} answered the handshake with {status}, where the cassette has {recorded}");
        self.wrong_answer(step, what, format!("status {status}"));
    }

    fn wrong_answer(&mut self, step: StepId, what: String, got: String) {
        let expected = Some(self.describe(step));
        let got = Got { party: self.peer(), what: got, connection: None, text: None };
        let (settle, settle_in_pack) = (None, None);
        self.fail(Mismatch { what, expected, got, differences: Vec::new(), settle, settle_in_pack });
    }
}

impl Script {
    /// Every path of the cassette, once.
    pub fn targets(&self) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for index in (0..self.connections.len() as u32).map(ConnectionIndex) {
            let Some(opening) = self.opening(index) else { continue };
            let path = opening.target.split('?').next().unwrap_or_default();
            if !paths.iter().any(|known| known.eq_ignore_ascii_case(path)) {
                paths.push(path.to_owned());
            }
        }
        paths
    }
}

/// The connections that the peer opens, by the path they lead to; every path where that is not known.
pub(super) fn doors(script: &Script, role: Party) -> HashMap<String, Door> {
    let mut doors: HashMap<String, Door> = HashMap::new();
    for index in (0..script.connections.len() as u32).map(ConnectionIndex) {
        if script.connection(index).client != role {
            let path = script.opening(index).map_or_else(String::new, |opening| path_of(&opening.target));
            doors.entry(path).or_default().connections.push(index);
        }
    }
    doors
}

/// The connections to one path.
#[derive(Clone, Debug, Default)]
pub(super) struct Door {
    connections: Vec<ConnectionIndex>,
    /// Those before it were opened.
    next: usize,
}

fn path_of(target: &str) -> String {
    target.split('?').next().unwrap_or(target).to_lowercase()
}

/// Whether a request target is that of a connection: the same but for case, and but for what was masked.
pub(super) fn leads_to(script: &Script, index: ConnectionIndex, target: &str) -> bool {
    let Some(opening) = script.opening(index) else { return true };
    let is_masked = opening.masked.iter().any(|masked| masked.at == "/request/target");
    if !is_masked {
        return opening.target.eq_ignore_ascii_case(target);
    }
    let parts = |target: &str| {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let keys = query.split('&').map(|pair| pair.split('=').next().unwrap_or(pair).to_lowercase());
        (path.to_lowercase(), keys.collect::<Vec<_>>())
    };
    parts(&opening.target) == parts(target)
}

/// The subprotocol that a handshake agreed on.
fn subprotocol(opening: &Opening<'_>) -> Option<String> {
    let mut headers = opening.response.headers.iter();
    let chosen = headers.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"));
    chosen.map(|(_, value)| value.trim().to_owned())
}
