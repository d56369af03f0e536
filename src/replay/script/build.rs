//! From events to a script: steps with their owners and connections, read with the pack, grouped into flows.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::reading::{PackReader, Reading, Unread, rules_about_time};
use super::{Act, Connection, ConnectionIndex, Expiries, Script, ScriptError, Step, StepId, flows, timers};
use crate::cassette::{Header, Reader, encode};
use crate::conversation::{ConnectionId, Content, EventKind, Leg, OwnedEvent, Party, Payload};
use crate::pack::{Carrier, Pack};
use crate::replay::lineage::{Lineage, Wishes};
use crate::replay::path::Paths;
use crate::text::json;

/// Events a script may have; a cassette with more of them is no test case.
const MOST_EVENTS: usize = 4_000_000;

impl Script {
    /// Reads the rest of a cassette; `name` is what errors call it.
    pub fn read<R: io::Read>(
        mut cassette: Reader<R>,
        name: &str,
        pack: Option<Arc<Pack>>,
        wishes: &Wishes,
    ) -> Result<Self, ScriptError> {
        let header = cassette.header().clone();
        let mut events = Vec::new();
        let (mut respelled, mut spelled) = (0, Vec::new());
        while let Some(next) = cassette.next_with_line() {
            if events.len() == MOST_EVENTS {
                return Err(ScriptError::TooLong { name: name.to_owned(), limit: MOST_EVENTS });
            }
            let (line, event) = next?;
            spelled.clear();
            encode(&event, &mut spelled);
            respelled += u64::from(spelled.strip_suffix(b"\n") != Some(line.as_bytes()));
            events.push(OwnedEvent::of(&event));
        }
        let script = Self { respelled, ..Self::new(header, events, pack, wishes) };
        if script.connections.is_empty() {
            return Err(ScriptError::Empty { name: name.to_owned() });
        }
        Ok(script)
    }

    /// The script of these events.
    pub fn new(header: Header, events: Vec<OwnedEvent>, pack: Option<Arc<Pack>>, wishes: &Wishes) -> Self {
        let mut script = Self {
            header,
            pack,
            steps: Vec::with_capacity(events.len()),
            connections: Vec::new(),
            flows: Vec::new(),
            lineage: Lineage::default(),
            paths: Paths::default(),
            expiries: Expiries::default(),
            respelled: 0,
        };
        script.lay_out(events);
        let readings = script.read_with_pack();
        let mut learning =
            Lineage::learn(&script.steps, &readings, script.pack.as_deref(), wishes, &mut script.paths);
        let keyed = script.pack.as_deref().filter(|pack| flows::has_keys(pack));
        script.flows = match keyed {
            Some(pack) => flows::by_keys(pack, &mut script.steps, &readings),
            None => match learning.keys_of_flows(&script.steps) {
                Some(keys) => flows::by_learned(&mut script.steps, &keys),
                None => flows::by_connection(&mut script.steps),
            },
        };
        script.lineage = learning.finish(&script.steps, &script.paths);
        if let Some(pack) = script.pack.as_deref() {
            script.expiries = timers::find(pack, &rules_about_time(pack), &script.steps, &readings);
        }
        script
    }

    /// Steps, with their owners and connections.
    fn lay_out(&mut self, events: Vec<OwnedEvent>) {
        let mut known: HashMap<ConnectionId, ConnectionIndex> = HashMap::new();
        for event in events {
            let id = StepId(self.steps.len() as u32);
            let mut step = Step {
                by: None,
                connection: None,
                place: 0,
                json: false,
                kind: None,
                role: None,
                flow: None,
                place_in_flow: 0,
                event,
            };
            step.json = step.text().is_some_and(|text| is_json(&step, text));
            let act = step.act();
            if let Some(connection) = step.event.connection.filter(|_| act != Act::Remark) {
                let opens = matches!(act, Act::Open | Act::Refuse);
                let index = match known.get(&connection) {
                    // A number that is used again is another connection, and one that was refused is none.
                    Some(&index) if !opens && !self.was_refused(index) => index,
                    _ => {
                        let index = ConnectionIndex(self.connections.len() as u32);
                        let client = step.opening().map_or(Party::Pos, |opening| opening.client);
                        let opening = opens.then_some(id);
                        let steps = Vec::new();
                        self.connections.push(Connection { id: connection, opening, client, steps });
                        known.insert(connection, index);
                        index
                    }
                };
                let own = &mut self.connections[index.0 as usize];
                step.connection = Some(index);
                step.place = own.steps.len() as u32;
                step.by = owner(&step, own.client);
                own.steps.push(id);
            }
            self.steps.push(step);
        }
    }

    fn was_refused(&self, index: ConnectionIndex) -> bool {
        let opening = self.connections[index.0 as usize].opening;
        opening.is_some_and(|id| self.step(id).act() == Act::Refuse)
    }

    /// Asks the pack about every message.
    fn read_with_pack(&mut self) -> Vec<Reading> {
        let Some(pack) = self.pack.clone() else { return vec![Reading::default(); self.steps.len()] };
        let rules = rules_about_time(&pack);
        let mut reader = PackReader::new(Arc::clone(&pack));
        let endpoints: Vec<_> = (0..self.connections.len() as u32)
            .map(|index| self.opening(ConnectionIndex(index)).and_then(|open| pack.endpoint_of(&open.target)))
            .collect();
        let mut readings = Vec::with_capacity(self.steps.len());
        for step in &mut self.steps {
            let Some(unread) = unread(step) else {
                readings.push(Reading::default());
                continue;
            };
            let endpoint = step.connection.and_then(|connection| endpoints[connection.0 as usize]);
            let unread = Unread { endpoint, ..unread };
            let mut reading = reader.read(unread);
            reader.parts(unread, &rules, &mut reading);
            step.kind = reading.kind;
            step.role = reading.role;
            readings.push(reading);
        }
        readings
    }
}

/// Whether a text message is JSON; one that stands as such was validated when it was read.
fn is_json(step: &Step, text: &str) -> bool {
    matches!(step.event.content, Content::Json(_)) || json::validate(text).is_ok()
}

/// What a step is to a pack; `None` for what is no message.
fn unread(step: &Step) -> Option<Unread<'_>> {
    let (from, carrier, text, close_code) = match &step.event.content {
        Content::Json(message) => (message.from, Carrier::Json, &*message.text, None),
        Content::Other(EventKind::Message(message)) => match &message.payload {
            Payload::Json(text) => (message.from, Carrier::Json, *text, None),
            Payload::Text(text) if step.json => (message.from, Carrier::Json, text.as_ref(), None),
            Payload::Text(_) => (message.from, Carrier::Text, "", None),
            Payload::Binary(_) => (message.from, Carrier::Binary, "", None),
            Payload::Omitted { .. } => (message.from, Carrier::Omitted, "", None),
        },
        Content::Other(EventKind::Close(close)) => (close.from, Carrier::Close, "", close.code),
        Content::Other(EventKind::Ping(ping)) => (ping.from, Carrier::Ping, "", None),
        Content::Other(EventKind::Pong(pong)) => (pong.from, Carrier::Pong, "", None),
        Content::Other(EventKind::Undecodable(bytes)) => (bytes.from, Carrier::Undecodable, "", None),
        Content::Other(_) => return None,
    };
    Some(Unread { from, carrier, text, endpoint: None, close_code })
}

/// Who does a step. A link whose end nobody is known to have caused is ended by its server.
fn owner(step: &Step, client: Party) -> Option<Party> {
    match &step.event.content {
        Content::Json(message) => Some(message.from),
        Content::Other(kind) => match kind {
            EventKind::Open(_) | EventKind::Refused(_) => Some(client),
            EventKind::Message(message) => Some(message.from),
            EventKind::Ping(control) | EventKind::Pong(control) => Some(control.from),
            EventKind::Close(close) => Some(close.from),
            EventKind::Drop(drop) => Some(drop.by.unwrap_or(Leg::PosTerminal.peer(client))),
            EventKind::Undecodable(bytes) => Some(bytes.from),
            EventKind::Gap(_) | EventKind::Note(_) | EventKind::Clock(_) | EventKind::End(_) => None,
        },
    }
}
