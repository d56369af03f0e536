//! The messages of a recording as its pack sees them: kind, groups, and the questions a selector asks.
//!
//! What a test or a schema asks of one message is the pack's to say, and tested there; who belongs to whom is
//! worked out here anew, with plain texts as keys.

use std::collections::BTreeMap;

use tilltape::conversation::{
    ConnectionId, Content, EventKind, EventNumber, Message, Offset, OwnedEvent, Party, Payload,
};
use tilltape::pack::{
    Carrier, EndpointId, Extract, GroupScope, GroupingId, KeyOwner, KindId, MaskedSet, Pack, Role, Selector,
    View,
};

use super::trace::{peer, sender};

/// One message, frame or turn in the life of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) n: EventNumber,
    pub(crate) at: Offset,
    pub(crate) connection: ConnectionId,
    pub(crate) endpoint: Option<EndpointId>,
    /// Who has sent it; `None` for what nobody sends.
    pub(crate) from: Option<Party>,
    pub(crate) kind: KindId,
    pub(crate) carrier: Carrier,
    pub(crate) role: Role,
    /// By grouping: the name of its group.
    pub(crate) groups: BTreeMap<usize, String>,
    /// The kind of the message that opened its flow, and whether it ends one that has ended already.
    pub(crate) opener: Option<KindId>,
    pub(crate) repeated: bool,
    /// The connection that message came on.
    pub(crate) opened_on: Option<u64>,
    /// Who has opened the connection.
    pub(crate) client: Option<Party>,
    /// By grouping: its key, whatever the flow.
    keys: BTreeMap<usize, String>,
    text: String,
    extract: Extract,
    detail: String,
    close_code: Option<u16>,
    size: u64,
    masked: MaskedSet,
}

impl Told {
    /// It as the tests of a pack see it.
    pub(crate) fn view(&self) -> View<'_> {
        View {
            from: self.from,
            endpoint: self.endpoint,
            close_code: self.close_code,
            detail: &self.detail,
            size: self.size,
            masked: self.masked,
            scanned: false,
            kind: Some(self.kind),
            ..View::of(&self.text, &self.extract)
        }
    }

    /// Whether a selector means it.
    pub(crate) fn is(&self, pack: &Pack, selector: &Selector) -> bool {
        selector.kinds.iter().any(|&kind| pack.is_a(self.kind, kind))
            && (selector.opened_by.is_empty()
                || self.opener.is_some_and(|opener| selector.opened_by.meets(pack.kinds[opener.0].lineage)))
            && selector.repeated.is_none_or(|wanted| wanted == self.repeated)
            && self.view().holds(&selector.tests)
    }

    /// What nobody has sent: something that comes of it, of that kind.
    pub(crate) fn nobody(&self, pack: &Pack, kind: KindId) -> Self {
        let unkeyed = |grouping: &usize| !pack.groupings[*grouping].keyed;
        let groups = self.groups.iter().filter(|(grouping, _)| unkeyed(grouping));
        Self {
            from: None,
            kind,
            carrier: Carrier::Abandoned,
            role: Role::Control,
            groups: groups.map(|(grouping, name)| (*grouping, name.clone())).collect(),
            ..self.clone()
        }
    }

    /// Whether it is something a party says, and no frame of the protocol below.
    pub(crate) fn is_said(&self) -> bool {
        self.carrier == Carrier::Json || self.carrier.is_unreadable()
    }

    /// Its key, or where it is; the same for the second flow that uses it.
    pub(crate) fn key(&self, grouping: GroupingId) -> Option<&String> {
        self.keys.get(&grouping.0)
    }

    /// The name of its group.
    pub(crate) fn group(&self, grouping: GroupingId) -> Option<&String> {
        self.groups.get(&grouping.0)
    }

    /// The text of the first value at one of these places, without quotes.
    pub(crate) fn value(&self, slots: &[tilltape::pack::Slot]) -> Option<String> {
        let found = slots.iter().find_map(|&slot| self.extract.first(slot))?;
        Some(spoken(found.token(&self.text)))
    }

    /// The texts of all values at the first of these places that has one.
    pub(crate) fn values(&self, slots: &[tilltape::pack::Slot]) -> Vec<String> {
        let slot = slots.iter().find(|&&slot| self.extract.has(slot));
        let found = slot.into_iter().flat_map(|&slot| self.extract.all(slot));
        found.map(|found| spoken(found.token(&self.text))).collect()
    }
}

/// What a JSON value says.
fn spoken(token: &str) -> String {
    serde_json::from_str::<String>(token).unwrap_or_else(|_| token.to_owned())
}

/// Every message of a recording that its pack knows.
pub(crate) fn messages(pack: &Pack, trace: &[OwnedEvent]) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    for event in trace {
        let Some(connection) = event.connection else { continue };
        let Some(told) = message(pack, trace, event, connection, &all) else { continue };
        all.push(told);
    }
    all
}

pub(crate) fn message(
    pack: &Pack,
    trace: &[OwnedEvent],
    event: &OwnedEvent,
    connection: ConnectionId,
    before: &[Told],
) -> Option<Told> {
    let view = event.view();
    let mut extract = Extract::default();
    extract.clear(pack.trie.len());
    let (mut text, mut detail, mut close_code) = (String::new(), String::new(), None);
    let mut from = sender(&event.content);
    let mut masked = Vec::new();
    let mut size = 0;
    let carrier = match view.kind {
        EventKind::Message(Message { payload, masked: was, .. }) => {
            masked.extend(was.iter().map(|masked| masked.was));
            size = payload.size();
            match payload {
                Payload::Json(said) => {
                    text = said.to_owned();
                    Carrier::Json
                }
                Payload::Text(said) => {
                    text = said.into_owned();
                    if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                        Carrier::Json
                    } else {
                        Carrier::Text
                    }
                }
                Payload::Binary(_) => Carrier::Binary,
                Payload::Omitted { .. } => Carrier::Omitted,
            }
        }
        EventKind::Ping(_) => Carrier::Ping,
        EventKind::Pong(_) => Carrier::Pong,
        EventKind::Close(close) => {
            close_code = close.code;
            detail = close.reason.into_owned();
            Carrier::Close
        }
        EventKind::Open(opening) => {
            from = Some(opening.client);
            detail = opening.target.split(['?', '#']).next()?.to_owned();
            Carrier::Open
        }
        EventKind::Drop(drop) => {
            from = drop.by;
            Carrier::Drop
        }
        EventKind::Undecodable(undecodable) => {
            size = undecodable.size;
            // What only the recorder could not read is nobody's fault.
            let carrier = if undecodable.is_breach() { Carrier::Undecodable } else { Carrier::Omitted };
            detail = undecodable.why.into_owned();
            carrier
        }
        EventKind::Refused(_)
        | EventKind::Gap(_)
        | EventKind::Note(_)
        | EventKind::Clock(_)
        | EventKind::End(_) => return None,
    };
    if carrier == Carrier::Json {
        pack.trie.scan(&text, &mut extract).unwrap();
    }
    // A connection is what its last `open` before this event says.
    let opened = trace.iter().rfind(|other| {
        other.n <= event.n
            && other.connection == Some(connection)
            && matches!(other.content, Content::Other(EventKind::Open(_)))
    });
    let endpoint = opened.and_then(|opened| match &opened.content {
        Content::Other(EventKind::Open(opening)) => pack.endpoint_of(&opening.target),
        Content::Other(_) | Content::Json(_) => None,
    });
    let mut told = Told {
        n: event.n,
        at: event.at,
        connection,
        endpoint,
        from,
        kind: KindId(0),
        carrier,
        role: Role::Control,
        groups: BTreeMap::new(),
        opener: None,
        repeated: false,
        opened_on: None,
        client: None,
        keys: BTreeMap::new(),
        text,
        extract,
        detail,
        close_code,
        size,
        masked: masked.into_iter().collect(),
    };
    told.kind = pack.classify(carrier, from, &View { kind: None, ..told.view() })?;
    told.role = pack.kinds[told.kind.0].role;
    told.groups = groups(pack, &told);
    told.keys = told.groups.clone();
    told.client = opened.and_then(|opened| match &opened.content {
        Content::Other(EventKind::Open(opening)) => Some(opening.client),
        Content::Other(_) | Content::Json(_) => None,
    });
    let flow = pack.kinds[told.kind.0].keys.iter().find_map(|key| {
        let is_flow = pack.groupings[key.grouping.0].flows && told.groups.contains_key(&key.grouping.0);
        is_flow.then_some(key.grouping)
    });
    if let Some(flow) = flow {
        let own: Vec<&Told> = before.iter().filter(|other| other.group(flow) == told.group(flow)).collect();
        // The flow of a key that was used before is another one once the first has ended.
        let own = current(&own, told.role == Role::Opens);
        let opener = own.iter().find(|other| other.role == Role::Opens).map(|opener| opener.kind);
        told.opener = opener.or((told.role == Role::Opens).then_some(told.kind));
        told.repeated = told.role == Role::Final && own.iter().any(|other| other.role == Role::Final);
    }
    Some(told)
}

/// The messages of the flow that is under way: what came before it is another flow.
fn current<'a, 'b>(own: &'a [&'b Told], opens: bool) -> &'a [&'b Told] {
    let mut start = 0;
    let (mut opened, mut ended) = (false, false);
    for (index, told) in own.iter().enumerate() {
        if told.role == Role::Opens {
            if opened && ended {
                start = index;
                ended = false;
            }
            opened = true;
        }
        ended |= told.role == Role::Final;
    }
    if opens && opened && ended { &[] } else { &own[start..] }
}

/// The groups a message belongs to.
fn groups(pack: &Pack, told: &Told) -> BTreeMap<usize, String> {
    let mut groups = BTreeMap::new();
    let connection = told.connection.0;
    for (index, grouping) in pack.groupings.iter().enumerate() {
        let place = match (grouping.scope, told.endpoint) {
            (GroupScope::Connection, _) | (GroupScope::Endpoint, None) => format!("c{connection}"),
            (GroupScope::Sender, _) => format!("c{connection} {:?}", told.from),
            (GroupScope::Endpoint, Some(endpoint)) => format!("e{}", endpoint.0),
            (GroupScope::Recording | GroupScope::Installation, _) => String::new(),
        };
        if !grouping.keyed {
            groups.insert(index, place);
            continue;
        }
        let Some(key) = pack.kinds[told.kind.0].keys.iter().find(|key| key.grouping.0 == index) else {
            continue;
        };
        let owner = key.of.and_then(|of| match of {
            KeyOwner::Sender => told.from,
            KeyOwner::Receiver => told.from.map(peer),
        });
        let mut parts: Vec<String> = key.fixed.iter().cloned().collect();
        for &slot in &key.slots {
            let found = told.extract.first(slot).map(|found| found.token(&told.text));
            // A name is a text or a number; a text is the same however it is escaped, and never a number.
            match found.map(serde_json::from_str::<serde_json::Value>) {
                Some(Ok(value @ serde_json::Value::String(_))) => parts.push(value.to_string()),
                Some(Ok(serde_json::Value::Number(_))) => parts.extend(found.map(str::to_owned)),
                _ => break,
            }
        }
        if parts.len() == key.slots.len() + usize::from(key.fixed.is_some()) {
            groups.insert(index, format!("{place} {owner:?} {}", parts.join(", ")));
        }
    }
    groups
}
