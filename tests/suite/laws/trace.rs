//! Random recordings: exchanges of a pack's pages as flows, interleaved on several connections, with faults.
//!
//! What comes out could have been recorded: connections open once, nothing comes on one that has ended, what
//! goes on after that goes on on a new one. What shrinks away first is what is not needed: steps, then pauses.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tilltape::conversation::{
    Close, ConnectionId, Content, Control, Drop, EventKind, EventNumber, Gap, Offset, OwnedEvent, Party,
    Undecodable, transcript,
};

use super::Ground;

/// What a trace is made of, step by step; `of` is one of the flows.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The next event of a flow.
    Next { of: usize },
    /// The same once more.
    Again { of: usize },
    /// The next event of a flow does not happen.
    Skip { of: usize },
    /// The next event of a flow, from the other party.
    Retag { of: usize },
    /// The next event of a flow, with another value somewhere.
    Alter { of: usize, value: usize, how: Alteration },
    /// The link of a flow is lost.
    Lose { of: usize, by: Option<Party> },
    /// A party closes.
    Close { of: usize, by: Party },
    /// Something that cannot be read.
    Garble { of: usize, by: Party },
    /// A ping, or a pong.
    Control { of: usize, by: Party, ping: bool },
    /// The recorder lost messages, since the last event or later.
    Gap { since: u8 },
}

/// What happens to a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alteration {
    Null,
    Blank,
    Number(u8),
    /// A published test number, in clear.
    Card,
}

/// A trace: which exchanges, on which connections, which steps, each after a pause.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Each flow: its exchange, the link it runs on, and which of the names it has.
    pub(crate) flows: Vec<(usize, u64, u8)>,
    pub(crate) steps: Vec<(Step, Duration)>,
    pub(crate) tail: Duration,
}

fn pause() -> impl Strategy<Value = Duration> {
    let limits = vec![999_500, 1_000_000, 4_998_000, 4_999_500, 5_000_000, 5_000_900, 5_001_100, 5_100_000];
    let micros = prop_oneof![
        4 => 0_u64..20_000,
        2 => 20_000_u64..3_000_000,
        2 => prop::sample::select(limits),
        1 => 5_000_000_u64..20_000_000,
        1 => 59_000_000_u64..70_000_000,
    ];
    micros.prop_map(Duration::from_micros)
}

fn party() -> impl Strategy<Value = Party> {
    prop::sample::select(vec![Party::Pos, Party::Terminal])
}

fn step() -> impl Strategy<Value = Step> {
    let of = || 0_usize..4;
    let how = prop_oneof![
        Just(Alteration::Null),
        Just(Alteration::Blank),
        any::<u8>().prop_map(Alteration::Number),
        Just(Alteration::Card)
    ];
    prop_oneof![
        24 => of().prop_map(|of| Step::Next { of }),
        2 => of().prop_map(|of| Step::Again { of }),
        2 => of().prop_map(|of| Step::Skip { of }),
        1 => of().prop_map(|of| Step::Retag { of }),
        2 => (of(), 0_usize..200, how).prop_map(|(of, value, how)| Step::Alter { of, value, how }),
        1 => (of(), prop::option::of(party())).prop_map(|(of, by)| Step::Lose { of, by }),
        1 => (of(), party()).prop_map(|(of, by)| Step::Close { of, by }),
        1 => (of(), party()).prop_map(|(of, by)| Step::Garble { of, by }),
        1 => (of(), party(), any::<bool>()).prop_map(|(of, by, ping)| Step::Control { of, by, ping }),
        1 => (0_u8..4).prop_map(|since| Step::Gap { since }),
    ]
}

/// A trace of up to four flows on up to three links.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let flow = (any::<prop::sample::Index>(), 0_u64..3, 0_u8..3);
    let flows = vec(flow.prop_map(|(exchange, link, name)| (exchange.index(1 << 20), link, name)), 1..5);
    (flows, vec((step(), pause()), 1..48), pause()).prop_map(|(flows, steps, tail)| Plan {
        flows,
        steps,
        tail,
    })
}

impl Plan {
    /// The recording, with its end.
    pub(crate) fn trace(&self, ground: &Ground) -> Vec<OwnedEvent> {
        let mut making = Making::default();
        let mut left: Vec<Vec<OwnedEvent>> = self.flows.iter().map(|flow| events_of(ground, *flow)).collect();
        left.iter_mut().for_each(|events| events.reverse());
        for (step, pause) in &self.steps {
            let before = making.at;
            making.at = before.after(*pause);
            making.step(step, &mut left, &self.flows, before);
        }
        making.at = making.at.after(self.tail);
        let end = transcript::parse("end +1ms\n").unwrap().remove(0).kind;
        making.push(None, Content::Other(end));
        making.events
    }
}

/// The events of an exchange under the names of the flow; without what ends the recording.
fn events_of(ground: &Ground, (exchange, link, name): (usize, u64, u8)) -> Vec<OwnedEvent> {
    let material = &ground.exchanges[exchange % ground.exchanges.len()];
    let own = material.events.iter().filter(|event| event.connection.is_some()).cloned();
    own.map(|mut event| {
        event.connection = event.connection.map(|ConnectionId(id)| ConnectionId(id + 10 * link));
        if let Content::Json(message) = &mut event.content {
            message.text = renamed(&message.text, &material.names, name).into();
        }
        event
    })
    .collect()
}

/// The text with every key replaced; as it is where `name` is 0.
pub(crate) fn renamed(text: &str, names: &[String], name: u8) -> String {
    let mut text = text.to_owned();
    for old in names.iter().filter(|_| name > 0) {
        text = text.replace(old.as_str(), &format!("{}~{name}\"", &old[..old.len() - 1]));
    }
    text
}

/// A recording in the making.
#[derive(Default)]
struct Making {
    events: Vec<OwnedEvent>,
    at: Offset,
    /// By the connection of the exchange.
    links: BTreeMap<u64, Link>,
    opened: u64,
}

/// A connection of an exchange, and the one it is in the recording.
#[derive(Default)]
struct Link {
    connection: Option<ConnectionId>,
    opening: Option<Content>,
    closed: Vec<Party>,
}

impl Making {
    fn push(&mut self, connection: Option<ConnectionId>, content: Content) {
        let n = EventNumber(self.events.len() as u64 + 1);
        self.events.push(OwnedEvent { n, at: self.at, connection, content });
    }

    /// Something happens on a connection, which is opened anew where it has ended.
    fn happens(&mut self, link: u64, content: Content) {
        if let Content::Other(EventKind::Open(_)) = &content {
            let own = self.links.entry(link).or_default();
            own.opening = Some(content.clone());
            if own.connection.is_some() {
                return;
            }
        }
        let from = sender(&content);
        let is_drop = matches!(content, Content::Other(EventKind::Drop(_)));
        let own = self.links.entry(link).or_default();
        // Who has closed says nothing more on that connection.
        if from.is_some_and(|from| own.closed.contains(&from)) {
            *own = Link { opening: own.opening.take(), ..Link::default() };
        }
        let connection = match own.connection {
            Some(connection) => connection,
            None => {
                self.opened += 1;
                let connection = ConnectionId(self.opened);
                own.connection = Some(connection);
                let again =
                    own.opening.clone().filter(|_| !matches!(content, Content::Other(EventKind::Open(_))));
                if let Some(opening) = again {
                    self.push(Some(connection), opening);
                }
                connection
            }
        };
        let own = self.links.entry(link).or_default();
        if let Content::Other(EventKind::Close(close)) = &content {
            own.closed.push(close.from);
        }
        if is_drop || own.closed.len() == 2 {
            *own = Link { opening: own.opening.take(), ..Link::default() };
        }
        self.push(Some(connection), content);
    }

    fn step(
        &mut self,
        step: &Step,
        left: &mut [Vec<OwnedEvent>],
        flows: &[(usize, u64, u8)],
        before: Offset,
    ) {
        let count = flows.len();
        let link = |of: usize| 10 * flows[of % count].1 + 1;
        let mut next = |of: usize| left[of % count].pop();
        let content = |event: OwnedEvent| (event.connection.map_or(1, |id| id.0), event.content);
        match step {
            Step::Next { of } => {
                let Some((link, content)) = next(*of).map(content) else { return };
                self.happens(link, content);
            }
            Step::Again { of } => {
                let Some((link, content)) = left[*of % count].last().cloned().map(content) else { return };
                self.happens(link, content);
            }
            Step::Skip { of } => drop(next(*of)),
            Step::Retag { of } => {
                let Some((link, mut content)) = next(*of).map(content) else { return };
                if let Content::Json(message) = &mut content {
                    message.from = peer(message.from);
                }
                self.happens(link, content);
            }
            Step::Alter { of, value, how } => {
                let Some((link, mut content)) = next(*of).map(content) else { return };
                if let Content::Json(message) = &mut content {
                    message.text = altered(&message.text, *value, *how).into();
                }
                self.happens(link, content);
            }
            Step::Lose { of, by } => {
                let lost = EventKind::Drop(Drop { by: *by, reset: false });
                self.ends(link(*of), lost);
            }
            Step::Close { of, by } => {
                let close = Close { from: *by, code: Some(1000), reason: "".into(), masked: Vec::new() };
                self.ends(link(*of), EventKind::Close(close));
            }
            Step::Garble { of, by } => {
                let why = "a limit was reached".into();
                let bytes = b"?".into();
                let garbled = Undecodable { from: *by, bytes, size: 1, why, masked: Vec::new() };
                self.happens(link(*of), Content::Other(EventKind::Undecodable(garbled)));
            }
            Step::Control { of, by, ping } => {
                let control = Control { from: *by, payload: b"?".into(), masked: Vec::new() };
                let kind = if *ping { EventKind::Ping(control) } else { EventKind::Pong(control) };
                self.happens(link(*of), Content::Other(kind));
            }
            Step::Gap { since } => {
                let pause = self.at.since(before);
                let from = before.after(pause / 3 * u32::from((*since).min(3))).min(self.at);
                let gap = Gap { messages: 1, bytes: 9, from, why: "disk full".into() };
                self.push(None, Content::Other(EventKind::Gap(gap)));
            }
        }
    }

    /// A connection ends, if there is one.
    fn ends(&mut self, link: u64, kind: EventKind<'static>) {
        if self.links.get(&link).is_some_and(|own| own.connection.is_some()) {
            self.happens(link, Content::Other(kind));
        }
    }
}

/// Who talks to `party`.
pub(crate) const fn peer(party: Party) -> Party {
    match party {
        Party::Pos => Party::Terminal,
        Party::Terminal | Party::Gateway => Party::Pos,
    }
}

/// Who has sent it.
pub(crate) fn sender(content: &Content) -> Option<Party> {
    match content {
        Content::Json(message) => Some(message.from),
        Content::Other(kind) => match kind {
            EventKind::Message(message) => Some(message.from),
            EventKind::Ping(control) | EventKind::Pong(control) => Some(control.from),
            EventKind::Close(close) => Some(close.from),
            EventKind::Undecodable(undecodable) => Some(undecodable.from),
            EventKind::Open(_)
            | EventKind::Refused(_)
            | EventKind::Drop(_)
            | EventKind::Gap(_)
            | EventKind::Note(_)
            | EventKind::Clock(_)
            | EventKind::End(_) => None,
        },
    }
}

/// The text with one of its scalars replaced.
fn altered(text: &str, value: usize, how: Alteration) -> String {
    let mut tree: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut count = 0;
    scalars(&mut tree, &mut |_| count += 1);
    if count == 0 {
        return text.to_owned();
    }
    let mut left = (value % count) as isize;
    scalars(&mut tree, &mut |scalar| {
        if left == 0 {
            *scalar = match how {
                Alteration::Null => serde_json::Value::Null,
                Alteration::Blank => "".into(),
                Alteration::Number(number) => number.to_string().into(),
                Alteration::Card => "4111111111111111".into(),
            };
        }
        left -= 1;
    });
    tree.to_string()
}

fn scalars(value: &mut serde_json::Value, visit: &mut impl FnMut(&mut serde_json::Value)) {
    match value {
        serde_json::Value::Object(members) => members.values_mut().for_each(|value| scalars(value, visit)),
        serde_json::Value::Array(elements) => elements.iter_mut().for_each(|value| scalars(value, visit)),
        _ => visit(value),
    }
}

/// As people read it.
pub(crate) fn shown(events: &[OwnedEvent]) -> String {
    let events: Vec<_> = events.iter().map(OwnedEvent::view).collect();
    transcript::render(&events, transcript::Detail::Exact)
}
