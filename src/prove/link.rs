//! Faults below the messages: connections, frames, bytes, the recorder and its clock.

use std::borrow::Cow;
use std::time::Duration;

use super::anatomy::Anatomy;
use super::closing;
use super::operator::{Blame, Mutant, Operator};
use super::sequence::Flows;
use super::tape::{Act, Event, Tape};
use crate::conversation::{Clock, ConnectionId, Drop, EventKind, Gap, Message, Party, Payload, Undecodable};
use crate::pack::{Pack, Role};

/// Every mutant of one recording in which something below the messages is wrong.
pub(super) fn mutants(anatomy: &Anatomy<'_>, pack: &Pack, flows: Flows, emit: &mut dyn FnMut(Mutant)) {
    for part in 0..anatomy.parts.len() {
        let own = &anatomy.parts[part];
        let mut emit = |operator, blame, tape| {
            emit(Mutant { operator, place: format!("event {}", own.index + 1), blame, tape });
        };
        recorder(anatomy, own.index, &mut emit);
        bytes(anatomy, part, &mut emit);
        if let Some(connection) = own.connection {
            partings(anatomy.tape, own.index, connection, &mut emit);
            lose_end(anatomy, part, connection, &mut emit);
        }
    }
    endpoints(anatomy.tape, pack, emit);
    closing::mutants(anatomy, flows, emit);
}

type Emit<'e> = &'e mut dyn FnMut(Operator, Blame, Tape);

/// The recorder stopped, lost something, or its clock was set.
fn recorder(anatomy: &Anatomy<'_>, index: usize, emit: Emit<'_>) {
    let tape = anatomy.tape;
    let mut cut = tape.clone();
    cut.events.truncate(index);
    emit(Operator::Truncate, Blame::Nobody, cut.clone());
    cut.events.push(tape.events[index].clone());
    emit(Operator::Truncate, Blame::Nobody, cut);

    let at = tape.events[index].at;
    let gap = Gap { messages: 1, bytes: 100, from: at, why: Cow::Borrowed("disk slow") };
    let mut lost = tape.with(index, Act::Other(EventKind::Gap(gap)));
    lost.events[index].connection = None;
    emit(Operator::Gap, Blame::Nobody, lost);

    let clock = |wall: &'static str| Event {
        at,
        connection: None,
        act: Act::Other(EventKind::Clock(Clock { wall: Cow::Borrowed(wall) })),
    };
    let mut set = tape.clone();
    set.events.insert(index + 1, clock("2026-03-02T09:15:40.120334Z"));
    set.events.insert(index, clock("2026-03-02T10:15:40.120334Z"));
    emit(Operator::ClockJump, Blame::Nobody, set);
}

/// The message is there, but not as a text of JSON.
fn bytes(anatomy: &Anatomy<'_>, part: usize, emit: Emit<'_>) {
    let own = &anatomy.parts[part];
    let (tape, from, text) = (anatomy.tape, own.said.from, &own.said.text);
    let sender = Blame::Party(from);
    let mut broken = text.as_bytes().to_vec();
    let middle = broken.len() / 2;
    broken[middle] = 0xff;
    let corrupt = Undecodable {
        from,
        size: broken.len() as u64,
        bytes: Cow::Owned(broken),
        why: Cow::Borrowed("a text message that is not UTF-8 (RFC 6455, section 8.1)"),
        masked: Vec::new(),
    };
    emit(Operator::CorruptUtf8, sender, tape.with(own.index, Act::Other(EventKind::Undecodable(corrupt))));
    let half = (0..=middle).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let payload = |payload| {
        let message =
            Message { from, payload, frames: Cow::Borrowed(&[]), deflated: false, masked: Vec::new() };
        tape.with(own.index, Act::Other(EventKind::Message(message)))
    };
    emit(Operator::Garble, sender, payload(Payload::Text(Cow::Owned(text[..half].to_owned()))));
    emit(Operator::Binary, sender, payload(Payload::Binary(Cow::Owned(text.as_bytes().to_vec()))));
    emit(
        Operator::Oversize,
        sender,
        payload(Payload::Omitted { text: true, size: 64 << 20, sha256: Cow::Borrowed("00") }),
    );
}

/// The connection ends after the event at `index`, by a party or by itself.
fn partings(tape: &Tape, index: usize, connection: ConnectionId, emit: Emit<'_>) {
    let at = tape.events[index].at.after(Duration::from_millis(1));
    let of_connection = |event: &Event| event.connection == Some(connection);
    // What somebody does on a later connection after a link was cut is no part of this fault.
    let opened: Vec<_> = tape.events[..=index].iter().filter_map(|event| event.connection).collect();
    let mut cut = tape.clone();
    let mut place = 0;
    cut.events.retain(|event| {
        place += 1;
        let is_later = event.connection.is_some_and(|connection| !opened.contains(&connection));
        place <= index + 1 || !of_connection(event) && !is_later
    });
    let parting = |act| Event { at, connection: Some(connection), act };
    let with = |events: Vec<Event>| {
        let mut tape = cut.clone();
        tape.events.splice(index + 1..index + 1, events);
        tape
    };
    for by in [Party::Pos, Party::Terminal] {
        emit(Operator::Close, Blame::Party(by), with(vec![parting(Act::close(by, 1000))]));
    }
    let lost = || parting(Act::Other(EventKind::Drop(Drop { by: None, reset: true })));
    emit(Operator::DropLink, Blame::Nobody, with(vec![lost()]));

    let opened = tape.events.iter().find(|event| of_connection(event) && is_open(event));
    let (Some(opened), Some(next)) = (opened, next_connection(tape)) else { return };
    let mut tape = tape.clone();
    for event in &mut tape.events[index + 1..] {
        if event.connection == Some(connection) {
            event.connection = Some(next);
        }
    }
    let again = Event { at, connection: Some(next), act: opened.act.clone() };
    tape.events.splice(index + 1..index + 1, [lost(), again]);
    for event in &mut tape.events[index + 3..] {
        event.at = event.at.max(at);
    }
    emit(Operator::Reconnect, Blame::Nobody, tape);
}

/// The link goes after `part` and takes the rest of its flow with it; the next flow starts on a new connection.
fn lose_end(anatomy: &Anatomy<'_>, part: usize, connection: ConnectionId, emit: Emit<'_>) {
    let tape = anatomy.tape;
    let own = &anatomy.parts[part];
    let lost: Vec<usize> = anatomy
        .flow(part)
        .into_iter()
        .filter(|&other| other > part)
        .map(|other| anatomy.parts[other].index)
        .collect();
    let mut later = anatomy.parts[part + 1..].iter();
    let next = later.find(|later| later.connection == Some(connection) && !lost.contains(&later.index));
    let opened = tape.events.iter().find(|event| event.connection == Some(connection) && is_open(event));
    let (Some(next), Some(opened), Some(fresh)) = (next, opened, next_connection(tape)) else { return };
    if next.role != Some(Role::Opens) || lost.is_empty() {
        return;
    }
    let at = tape.events[own.index].at.after(Duration::from_millis(1));
    let mut events = tape.events[..=own.index].to_vec();
    events.push(Event {
        at,
        connection: Some(connection),
        act: Act::Other(EventKind::Drop(Drop { by: None, reset: true })),
    });
    events.push(Event { at, connection: Some(fresh), act: opened.act.clone() });
    for (index, event) in tape.events.iter().enumerate().skip(own.index + 1) {
        if lost.contains(&index) {
            continue;
        }
        let moved = event.connection.map(|own| if own == connection { fresh } else { own });
        events.push(Event { at: event.at.max(at), connection: moved, act: event.act.clone() });
    }
    let tape = Tape { name: tape.name.clone(), events };
    emit(Operator::LoseEnd, Blame::Party(next.said.from), tape);
}

/// A connection leads to another endpoint of the pack.
fn endpoints(tape: &Tape, pack: &Pack, emit: &mut dyn FnMut(Mutant)) {
    for (index, event) in tape.events.iter().enumerate() {
        let Act::Other(EventKind::Open(opening)) = &event.act else { continue };
        let own = pack.endpoint_of(&opening.target);
        let Some(own) = own else { continue };
        let others = pack.endpoints.iter().enumerate().filter(|(other, _)| own.0 != *other);
        let others = others.map(|(_, other)| other.path());
        let spellings = pack.endpoints[own.0].paths.iter().map(String::as_str);
        for path in others.chain(spellings).filter(|path| *path != opening.target) {
            let mut opening = opening.clone();
            opening.target = Cow::Owned(path.to_owned());
            emit(Mutant {
                operator: Operator::ChangeEndpoint,
                place: format!("event {} {}", index + 1, path),
                blame: Blame::Party(opening.client),
                tape: tape.with(index, Act::Other(EventKind::Open(opening))),
            });
        }
    }
}

fn is_open(event: &Event) -> bool {
    matches!(&event.act, Act::Other(EventKind::Open(_)))
}

/// A number no connection of the recording has.
pub(super) fn next_connection(tape: &Tape) -> Option<ConnectionId> {
    let largest = tape.events.iter().filter_map(|event| event.connection).max()?;
    Some(ConnectionId(largest.0 + 1))
}
