//! Every message of a cassette, changed in every way: flipped byte by byte, left out, swapped, retyped. A replay
//! of it is red, and says which message and which field.
//!
//! The peer is a recording of itself: it says what the cassette has, but for one thing. It is played here
//! against a player without sockets, so that tens of thousands of mutants take seconds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tilltape::conversation::{ConnectionId, Content, EventKind, Offset, OwnedEvent, Party};
use tilltape::net::demo::catalogue;
use tilltape::net::simulate::Protocol;
use tilltape::replay::{Answer, Deed, Ids, LinkId, Outcome, Player, Received, Script, Settings, StepId};
use tilltape::text::json::{self, Cursor, Kind};

use super::live::{curated, settings};

/// Cassettes small enough to be changed everywhere, and different enough to be worth it.
const CASSETTES: [(Protocol, &str); 5] = [
    (Protocol::Tsi, "sale-approved"),
    (Protocol::Tsi, "void-known-and-unknown"),
    (Protocol::Tsi, "connection-per-transaction"),
    (Protocol::Tsi, "settlement-interim"),
    (Protocol::Gochip, "sale-approved"),
];

/// What may come otherwise without being wrong: what the pack calls volatile, where nobody repeats it, what was
/// masked, and the id of a flow whose sender gives it. The first two are never compared, the third is held
/// against what follows.
fn may_differ(pointer: &str) -> bool {
    let name = pointer.rsplit('/').next().unwrap();
    let tsi = ["transaction_date", "transaction_time", "authorization_no", "reference_no", "flow_id"];
    let gochip = ["uniqueRef", "orderId", "dateTime", "transactionDate", "approvalCode"];
    let masked = ["key", "cardNumber", "cardHolderName", "expiryDate"];
    [&tsi[..], &gochip, &masked].iter().any(|names| names.contains(&name))
}

#[test]
fn a_flipped_byte_is_red_and_names_the_message_and_the_field() {
    let mut tried = 0;
    for_each_message(|script, role, step, text| {
        for at in 0..text.len() {
            let Some(flipped) = flip(text, at) else { continue };
            tried += 1;
            let outcome = play(script, role, &Change::Say(step, flipped.clone()));
            let pointer = pointer_at(&flipped, at);
            let place = format!("#{} byte {at}: {flipped}", step.0 + 1);
            match &outcome {
                Outcome::Mismatch(mismatch) => {
                    let expected =
                        mismatch.expected.as_ref().map(|expected| expected.n.0).unwrap_or_default();
                    let named = mismatch.differences.iter().any(|difference| names(&difference.at, &pointer));
                    // A new id is only wrong where it is not kept to.
                    let later = may_differ(&pointer) && expected > step.0;
                    assert!(later || (expected == step.0 + 1 && named), "{place}: {outcome:#?}");
                }
                Outcome::Complete => assert!(may_differ(&pointer), "{place}: green"),
                Outcome::Incomplete(_) => panic!("{place}: {outcome:#?}"),
            }
        }
    });
    assert!(tried > 5000, "{tried}");
}

#[test]
fn a_value_of_another_type_is_red_and_names_it() {
    let mut tried = 0;
    for_each_message(|script, role, step, text| {
        for (range, pointer) in scalars(text) {
            let token = &text[range.clone()];
            let other = match json::string(token) {
                Some(said) if !said.is_empty() && said.bytes().all(|byte| byte.is_ascii_digit()) => said
                    .trim_start_matches('0')
                    .parse::<u64>()
                    .map_or("0".to_owned(), |number| number.to_string()),
                Some(_) => "7".to_owned(),
                None => format!("\"{token}\""),
            };
            let retyped = format!("{}{other}{}", &text[..range.start], &text[range.end..]);
            let outcome = play(script, role, &Change::Say(step, retyped));
            let Outcome::Mismatch(mismatch) = &outcome else { panic!("{pointer}: {outcome:#?}") };
            assert_eq!(mismatch.expected.as_ref().unwrap().n.0, step.0 + 1, "{pointer}: {mismatch:#?}");
            assert!(
                mismatch.differences.iter().any(|difference| difference.at == pointer),
                "{pointer}: {mismatch:#?}"
            );
            tried += 1;
        }
    });
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_message_left_out_is_red_and_named() {
    for_each_message(|script, role, step, _| {
        let outcome = play(script, role, &Change::Drop(step));
        let content = &script.events[step.0 as usize].content;
        if script.events[step.0 as usize + 1..].iter().any(|later| later.content == *content) {
            // The next one like it takes its place, and is missing then.
            assert_ne!(outcome, Outcome::Complete);
            return;
        }
        let named = match &outcome {
            Outcome::Mismatch(mismatch) => {
                mismatch.expected.iter().any(|expected| expected.n.0 == step.0 + 1)
            }
            Outcome::Incomplete(incomplete) => {
                incomplete.waited_for.iter().any(|expected| expected.n.0 == step.0 + 1)
            }
            Outcome::Complete => false,
        };
        assert!(named, "#{} left out as {role}: {outcome:#?}", step.0 + 1);
    });
}

#[test]
fn swapped_messages_are_red_and_named() {
    for_each_message(|script, role, step, _| {
        let Some(next) = next_of_peer(script, role, step) else { return };
        if script.events[step.0 as usize].content == script.events[next.0 as usize].content {
            return;
        }
        let outcome = play(script, role, &Change::Swap(step, next));
        if script.protocol == Protocol::Gochip && outcome == Outcome::Complete {
            // What a POS says while the service starts up belongs to no sale: a sale may overtake it, and the
            // verdict remarks on it.
            assert!(script.events[step.0 as usize].n.0 <= 8, "#{} and #{}", step.0 + 1, next.0 + 1);
            return;
        }
        let Outcome::Mismatch(mismatch) = &outcome else {
            panic!("#{} and #{} swapped as {role}: {outcome:#?}", step.0 + 1, next.0 + 1)
        };
        let named = mismatch.expected.as_ref().unwrap().n.0;
        assert!(named == step.0 + 1 || named == next.0 + 1, "{mismatch:#?}");
    });
}

#[test]
fn a_message_said_twice_is_red() {
    for_each_message(|script, role, step, text| {
        let outcome = play(script, role, &Change::Twice(step));
        assert!(
            matches!(outcome, Outcome::Mismatch(_)),
            "#{} twice as {role}: {text} {outcome:#?}",
            step.0 + 1
        );
    });
}

#[test]
fn a_cassette_that_is_changed_nowhere_is_green() {
    for (protocol, name) in CASSETTES {
        for role in [Party::Terminal, Party::Pos] {
            let outcome = play(&Events::of(protocol, name), role, &Change::None);
            assert_eq!(outcome, Outcome::Complete, "{name} as {role}");
        }
    }
}

/// What the peer does otherwise.
enum Change {
    None,
    Say(Step, String),
    Drop(Step),
    Swap(Step, Step),
    Twice(Step),
}

/// Index of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step(u64);

struct Events {
    protocol: Protocol,
    script: Arc<Script>,
    events: Vec<OwnedEvent>,
}

impl Events {
    fn of(protocol: Protocol, name: &str) -> Self {
        let entry = catalogue(protocol).into_iter().find(|entry| entry.name == name).unwrap();
        let script = curated(&entry);
        let mut events = Vec::new();
        tilltape::replay::rehearse(&script, |event| events.push(OwnedEvent::of(event))).unwrap();
        Self { protocol, script, events }
    }
}

fn for_each_message(mut test: impl FnMut(&Events, Party, Step, &str)) {
    for (protocol, name) in CASSETTES {
        let events = Events::of(protocol, name);
        for role in [Party::Terminal, Party::Pos] {
            for (index, event) in events.events.iter().enumerate() {
                if let Content::Json(message) = &event.content
                    && message.from != role
                {
                    test(&events, role, Step(index as u64), &message.text);
                }
            }
        }
    }
}

fn next_of_peer(events: &Events, role: Party, step: Step) -> Option<Step> {
    let connection = events.events[step.0 as usize].connection;
    let later = events.events.iter().enumerate().skip(step.0 as usize + 1);
    let mut messages = later.filter(|(_, event)| {
        event.connection == connection
            && matches!(&event.content, Content::Json(message) if message.from != role)
    });
    messages.next().map(|(index, _)| Step(index as u64))
}

/// Plays one side against a peer that says what the cassette has, but for one change.
fn play(events: &Events, role: Party, change: &Change) -> Outcome {
    let settings = Settings { ids: Ids::Recorded, ..settings(role) };
    let mut player = Player::new(Arc::clone(&events.script), settings, Offset::ZERO).unwrap();
    let mut links: BTreeMap<ConnectionId, LinkId> = BTreeMap::new();
    let mut now = Offset::ZERO;
    for (index, own) in events.events.iter().enumerate() {
        let step = Step(index as u64);
        // Whatever is due goes out before the peer says anything.
        settle(&mut player, events, &mut links, &mut now);
        if player.outcome().is_some() {
            break;
        }
        let event = match change {
            Change::Swap(a, b) if *a == step => &events.events[b.0 as usize],
            Change::Swap(a, b) if *b == step => &events.events[a.0 as usize],
            _ => own,
        };
        let Some(connection) = event.connection else { continue };
        match &event.content {
            Content::Other(EventKind::Open(opening)) if role != opening.client => {
                if let Answer::Accept { link, .. } = player.dialled(&opening.target, &[], now) {
                    player.opened(link, None, now);
                    links.insert(connection, link);
                }
            }
            Content::Json(message) if message.from != role => {
                let Some(&link) = links.get(&connection) else { continue };
                let text = match change {
                    Change::Drop(dropped) if *dropped == step => continue,
                    Change::Say(said, text) if *said == step => text.as_str(),
                    _ => &message.text,
                };
                player.received(link, &Received::Text(text), now);
                if matches!(change, Change::Twice(said) if *said == step) {
                    settle(&mut player, events, &mut links, &mut now);
                    player.received(link, &Received::Text(text), now);
                }
            }
            Content::Other(EventKind::Close(close)) if close.from != role => {
                let Some(&link) = links.get(&connection) else { continue };
                player.received(link, &Received::Close { code: close.code, reason: &close.reason }, now);
            }
            Content::Json(_) | Content::Other(_) => {}
        }
    }
    settle(&mut player, events, &mut links, &mut now);
    now = now.after(Duration::from_secs(3600));
    player.give_up(now);
    player.outcome().cloned().unwrap_or_else(|| panic!("neither ended nor given up"))
}

fn settle(
    player: &mut Player,
    events: &Events,
    links: &mut BTreeMap<ConnectionId, LinkId>,
    now: &mut Offset,
) {
    while let Some(due) = player.due() {
        *now = (*now).max(due);
        while let Some(action) = player.take(*now) {
            if let Deed::Dial { link } = action.deed {
                player.opened(link, None, *now);
                let connection = action.step.and_then(|step| connection_of(events, step));
                links.insert(connection.unwrap(), link);
            }
        }
    }
}

fn connection_of(events: &Events, step: StepId) -> Option<ConnectionId> {
    let content = events.script.content(step);
    let same = events.events.iter().find(|event| event.content == *content);
    same.and_then(|event| event.connection)
}

/// `text` with another character at a byte; `None` where that changes nothing of what it says.
fn flip(text: &str, at: usize) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] ^= 1;
    let flipped = String::from_utf8(bytes).ok()?;
    let same = serde_json::from_str::<serde_json::Value>(&flipped).ok()
        == Some(serde_json::from_str::<serde_json::Value>(text).unwrap());
    (!same).then_some(flipped)
}

/// The pointer of the value at a byte, or of the innermost container; empty where the text is no JSON.
fn pointer_at(text: &str, at: usize) -> String {
    tilltape::text::Pointer::at(text, at).map_or_else(|_| String::new(), |pointer| pointer.to_string())
}

/// Whether a difference at `at` names what stands at `pointer`: the value, or what holds it.
fn names(at: &str, pointer: &str) -> bool {
    pointer.is_empty() || at.is_empty() || at.starts_with(pointer) || pointer.starts_with(at)
}

/// Every string and number, with its pointer.
fn scalars(text: &str) -> Vec<(std::ops::Range<usize>, String)> {
    fn walk(cursor: &mut Cursor<'_>, path: String, found: &mut Vec<(std::ops::Range<usize>, String)>) {
        match cursor.kind().unwrap() {
            Kind::Object => cursor
                .object(|key, cursor| {
                    walk(cursor, format!("{path}/{}", key.decode()), found);
                    Ok::<(), json::JsonError>(())
                })
                .unwrap(),
            Kind::Array => cursor
                .array(|index, cursor| {
                    walk(cursor, format!("{path}/{index}"), found);
                    Ok::<(), json::JsonError>(())
                })
                .unwrap(),
            Kind::String | Kind::Number => {
                let start = cursor.position();
                cursor.skip().unwrap();
                found.push((start..cursor.position(), path));
            }
            Kind::True | Kind::False | Kind::Null => cursor.skip().unwrap(),
        }
    }
    let mut found = Vec::new();
    walk(&mut Cursor::new(text), String::new(), &mut found);
    found
}
