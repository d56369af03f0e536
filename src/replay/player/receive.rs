//! What comes in: a message of the peer finds the step it is, or is one that nobody expects.
//!
//! Sequence first: the next message of the peer on its connection. Then its flow: the next message of the
//! flow whose id it carries. Then its kind: a message that opens a flow or belongs to none, the first of
//! those that look like it on connections to the same path.

use super::{FlowState, LinkId, Outgoing, Player, Received, Status, Wire};
use crate::conversation::{Content, EventKind, Leg, Offset, Party, Payload};
use crate::pack::{Carrier, Role};
use crate::replay::compare::{Live, compare};
use crate::replay::describe::{close_in_words, shown, spoken};
use crate::replay::leaf;
use crate::replay::mismatch::Got;
use crate::replay::script::{Act, ConnectionIndex, Reading, StepId, Unread};

impl Player {
    /// The other side.
    pub(super) const fn peer(&self) -> Party {
        Leg::PosTerminal.peer(self.settings.role)
    }

    /// Something came on a connection.
    pub fn received(&mut self, link: LinkId, what: &Received<'_>, now: Offset) {
        if self.outcome.is_some() || self.links[link.0 as usize].silent {
            return;
        }
        match what {
            Received::Text(text) => self.text(link, text, now),
            Received::Binary(_) | Received::Omitted { .. } => self.in_sequence(link, what, now),
            Received::Broken(_) => self.in_sequence(link, what, now),
            Received::Ping(_) | Received::Pong(_) => {
                if self.settings.wire == Wire::Memory {
                    self.in_sequence(link, what, now);
                }
            }
            Received::Close { code, reason } => self.closed(link, *code, reason, now),
            Received::End { reset } => self.ended(link, *reset, now),
        }
    }

    fn text(&mut self, link: LinkId, text: &str, now: Offset) {
        let mut live = std::mem::take(&mut self.live);
        live.read(text, &self.script);
        let found = self.find(link, &live);
        match found {
            Found::Step(id, binds) => {
                for (identity, value) in binds {
                    self.bindings.bind(&self.script.lineage, identity, &value);
                }
                self.accept(id, link, now);
            }
            Found::TooEarly(id) => self.too_early(id, link, &live),
            Found::OutOfTurn { came, owed } => self.out_of_turn(came, owed, link, &live),
            Found::Nothing => self.nobody_expects(link, &live, now),
        }
        self.live = live;
    }

    /// The step a text message is.
    fn find(&mut self, link: LinkId, live: &Live) -> Found {
        let mut early = None;
        let mut tried: Vec<StepId> = Vec::new();
        let candidates = [self.next_on(link), self.next_in_flow(link, live)];
        for id in candidates.into_iter().flatten() {
            if tried.contains(&id) {
                continue;
            }
            tried.push(id);
            if let Some(binds) = self.equals(id, live) {
                if self.is_in_time(id) {
                    return Found::Step(id, binds);
                }
                early = early.or(Some(id));
            }
        }
        match self.by_print(link, live) {
            Some((came, binds)) => match self.owed_before(came, link) {
                Some(owed) => Found::OutOfTurn { came, owed },
                None => Found::Step(came, binds),
            },
            None => match early {
                Some(came) => match self.owed_before(came, link) {
                    Some(owed) if owed != came => Found::OutOfTurn { came, owed },
                    _ => Found::TooEarly(came),
                },
                None => Found::Nothing,
            },
        }
    }

    /// A message the peer should have sent before one that begins something: another flow may be overtaken
    /// while it has not begun, not in its middle.
    fn owed_before(&self, came: StepId, link: LinkId) -> Option<StepId> {
        let step = self.script.step(came);
        // What the cassette has on another connection has no order with this one.
        let connection =
            self.links[link.0 as usize].connection.filter(|own| step.connection == Some(*own))?;
        let mut pending = self.pending_on(connection, step.place as usize);
        pending.find(|&id| {
            let begun = self.script.step(id).flow.is_none_or(|flow| self.flows[flow.0 as usize].done > 0);
            begun && !self.is_ours(id)
        })
    }

    /// The next message of the peer on the connection that a link carries.
    pub(super) fn next_on(&mut self, link: LinkId) -> Option<StepId> {
        let connection = self.links[link.0 as usize].connection?;
        self.next_step_on(connection, |act| act == Act::Message)
    }

    /// The next step of the peer on a connection, of those acts, if it may still come.
    pub(super) fn next_step_on(
        &mut self,
        connection: ConnectionIndex,
        wanted: impl Fn(Act) -> bool,
    ) -> Option<StepId> {
        let steps = &self.script.connection(connection).steps;
        let role = self.settings.role;
        let state = &mut self.connections[connection.0 as usize];
        let may_come = |id: StepId| {
            let status = self.status[id.0 as usize];
            self.script.step(id).by != Some(role) && matches!(status, Status::Ahead | Status::Excused)
        };
        // What is before the first step that may come stays behind for good.
        while steps.get(state.peer as usize).is_some_and(|&id| !may_come(id)) {
            state.peer += 1;
        }
        let ahead = steps[state.peer as usize..].iter().copied();
        ahead.filter(|&id| may_come(id)).find(|&id| wanted(self.script.step(id).act()))
    }

    /// The next message of the flow whose id a message carries.
    pub(super) fn next_in_flow(&self, link: LinkId, live: &Live) -> Option<StepId> {
        let connection = self.links[link.0 as usize].connection;
        for leaf in &live.leaves {
            for space in self.script.lineage.spaces_at(leaf.path, connection) {
                let holder = self.bindings.holder(space, &leaf.value(&live.text));
                let Some(identity) = holder else { continue };
                let flows = self.script.lineage.flows_of(identity);
                let next = flows.iter().find_map(|&flow| {
                    let steps = &self.script.flow(flow).steps[self.flows[flow.0 as usize].done as usize..];
                    // The peer keeps the order of its own messages within a flow.
                    let next = steps.iter().copied().find(|&id| !self.is_ours(id) && self.is_open(id))?;
                    (self.script.step(next).act() == Act::Message).then_some(next)
                });
                if next.is_some() {
                    return next;
                }
            }
        }
        None
    }

    /// What is to be bound if a live message is that step; `None` where it is not.
    fn equals(&self, id: StepId, live: &Live) -> Option<Vec<crate::replay::binding::Bind>> {
        let step = self.script.step(id);
        step.text()?;
        let compared = compare(&self.script, &self.leniency, &self.bindings, id, live, 1);
        compared.differences.is_empty().then_some(compared.binds)
    }

    /// Whether everything in its flow that a step of the peer follows has happened. What begins something may
    /// come whenever the peer likes.
    pub(super) fn is_in_time(&self, id: StepId) -> bool {
        let step = self.script.step(id);
        let Some(flow) = step.flow else { return true };
        let FlowState { done, .. } = self.flows[flow.0 as usize];
        if done >= step.place_in_flow {
            return true;
        }
        let begins = matches!(step.role, Some(Role::Opens | Role::Question | Role::Control));
        let between = &self.script.flow(flow).steps[done as usize..step.place_in_flow as usize];
        begins && between.iter().all(|&id| self.is_ours(id))
    }

    /// The first message that opens a flow or belongs to none and looks like a live one, on a connection to
    /// the same path that no other live connection carries.
    fn by_print(&mut self, link: LinkId, live: &Live) -> Option<(StepId, Vec<crate::replay::binding::Bind>)> {
        let print = Live::print(&live.text, &live.leaves, &self.leniency);
        let path = self.path_of(link);
        if self.prints.is_none() {
            self.prints = Some(self.make_prints());
        }
        let known = self.prints.as_mut()?.get_mut(&(path, print))?;
        let status = &self.status;
        let over = |id: &StepId| !matches!(status[id.0 as usize], Status::Ahead | Status::Excused);
        while known.front().is_some_and(over) {
            known.pop_front();
        }
        let known: Vec<StepId> = known.iter().copied().filter(|id| !over(id)).take(MOST_ALIKE).collect();
        let own = self.links[link.0 as usize].connection;
        known.into_iter().find_map(|id| {
            let connection = self.script.step(id).connection;
            let elsewhere = connection != own
                && connection
                    .and_then(|connection| self.connections[connection.0 as usize].link)
                    .is_some_and(|other| other != link && self.links[other.0 as usize].open);
            if elsewhere || !self.is_in_time(id) {
                return None;
            }
            Some((id, self.equals(id, live)?))
        })
    }

    /// Every message that may come in any order, by path and looks.
    fn make_prints(&self) -> std::collections::HashMap<(String, u64), std::collections::VecDeque<StepId>> {
        let mut prints = std::collections::HashMap::new();
        let mut leaves = Vec::new();
        for id in self.script.ids() {
            let step = self.script.step(id);
            let is_free = step.flow.is_none() || step.place_in_flow == 0;
            if self.is_ours(id) || step.act() != Act::Message || !is_free {
                continue;
            }
            let (Some(text), Some(connection)) = (step.text(), step.connection) else { continue };
            // Of a broken text, what is read before its error is its looks.
            let _ = leaf::read(text, &self.script.paths, &mut leaves);
            let print = Live::print(text, &leaves, &self.leniency);
            let target = self.script.opening(connection).map_or("", |opening| &opening.target);
            let key = (target.to_lowercase(), print);
            prints.entry(key).or_insert_with(std::collections::VecDeque::new).push_back(id);
        }
        prints
    }

    /// The path that a link and its connection share, as prints are filed under.
    fn path_of(&self, link: LinkId) -> String {
        let link = &self.links[link.0 as usize];
        let recorded = link.connection.and_then(|connection| self.script.opening(connection));
        recorded.map_or_else(|| link.target.to_lowercase(), |opening| opening.target.to_lowercase())
    }

    /// Something that is no text: it is the next thing on its connection, or nothing.
    fn in_sequence(&mut self, link: LinkId, what: &Received<'_>, now: Offset) {
        let connection = self.links[link.0 as usize].connection;
        let next = connection.and_then(|connection| {
            self.next_step_on(connection, |act| !matches!(act, Act::Open | Act::Refuse))
        });
        match next.filter(|&id| self.is_that(id, what)) {
            Some(id) if self.is_in_time(id) => self.accept(id, link, now),
            Some(id) => self.too_early(id, link, &Live::default()),
            None => {
                if let Received::Binary(bytes) = what
                    && self.forwards()
                {
                    let peer = spoken(self.peer());
                    self.remarks.add(format!("went to the live device: a binary message of {peer}"));
                    return self.forward(link, Outgoing::Binary(bytes.to_vec()), now);
                }
                if connection.is_none() {
                    return;
                }
                let (what, text) = in_words(what);
                let got = self.got(link, what, text);
                self.unexpected_message(got, next);
            }
        }
    }

    fn is_that(&self, id: StepId, what: &Received<'_>) -> bool {
        let Content::Other(kind) = &self.script.step(id).event.content else { return false };
        match (kind, what) {
            (EventKind::Message(message), Received::Binary(bytes)) => match &message.payload {
                Payload::Binary(recorded) => recorded.as_ref() == *bytes,
                Payload::Json(_) | Payload::Text(_) | Payload::Omitted { .. } => false,
            },
            (EventKind::Message(message), Received::Omitted { size, sha256 }) => {
                matches!(&message.payload, Payload::Omitted { size: known, sha256: hash, .. }
                    if known == size && hash == sha256)
            }
            (EventKind::Ping(ping), Received::Ping(bytes)) => ping.payload.as_ref() == *bytes,
            (EventKind::Pong(pong), Received::Pong(bytes)) => pong.payload.as_ref() == *bytes,
            (EventKind::Undecodable(_), Received::Broken(_)) => true,
            _ => false,
        }
    }

    /// What the pack says of a live message.
    pub(super) fn reading(&mut self, link: LinkId, live: &Live) -> Reading {
        let target = self.links[link.0 as usize].target.clone();
        let endpoint = self.script.pack().and_then(|pack| pack.endpoint_of(&target));
        let carrier = if live.json { Carrier::Json } else { Carrier::Text };
        let unread = Unread { from: self.peer(), carrier, text: &live.text, endpoint, close_code: None };
        self.reader.as_mut().map(|reader| reader.read(unread)).unwrap_or_default()
    }

    /// A live message for people.
    pub(super) fn got(&self, link: LinkId, what: String, text: Option<&str>) -> Got {
        Got {
            party: self.peer(),
            what,
            connection: Some(u64::from(link.0) + 1),
            text: text.map(|text| shown(text, &self.settings.masker)),
        }
    }
}

/// What a text message turned out to be.
enum Found {
    Step(StepId, Vec<crate::replay::binding::Bind>),
    /// It is that step, but what it follows has not happened yet.
    TooEarly(StepId),
    /// It is that step, but the peer owes another one first.
    OutOfTurn {
        came: StepId,
        owed: StepId,
    },
    Nothing,
}

/// Steps that look alike and are tried one after the other; ids tell them apart.
const MOST_ALIKE: usize = 256;

/// What came, for people: its kind, and its text where it has one.
pub(super) fn in_words<'a>(what: &Received<'a>) -> (String, Option<&'a str>) {
    match what {
        Received::Text(text) => ("message".to_owned(), Some(text)),
        Received::Binary(bytes) => (format!("binary message of {} bytes", bytes.len()), None),
        Received::Omitted { size, .. } => (format!("message of {size} bytes"), None),
        Received::Ping(_) => ("ping".to_owned(), None),
        Received::Pong(_) => ("pong".to_owned(), None),
        Received::Close { code, .. } => (close_in_words(*code), None),
        Received::Broken(why) => (format!("bytes that are no frame: {why}"), None),
        Received::End { .. } => ("end of the link without a close frame".to_owned(), None),
    }
}
