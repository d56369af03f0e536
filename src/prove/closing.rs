//! Faults in how connections are kept and ended: closing, pings, broken frames, secrets that come back.

use std::borrow::Cow;
use std::time::Duration;

use super::anatomy::{Anatomy, peer};
use super::edit;
use super::operator::{Blame, Mutant, Operator};
use super::sequence::{Flows, HOURS};
use super::tape::{Act, Event, Said, Tape};
use crate::conversation::{Drop, EventKind, Masked, MaskedKind, Party, Undecodable};
use crate::text::json::Kind;
use crate::wire::{Opcode, ProtocolError, ReservedBits};

/// Every mutant of one recording in which a connection is kept or ended wrongly.
pub(super) fn mutants(anatomy: &Anatomy<'_>, flows: Flows, emit: &mut dyn FnMut(Mutant)) {
    for (index, event) in anatomy.tape.events.iter().enumerate() {
        let mut emit = |operator, blame, tape| {
            emit(Mutant { operator, place: format!("event {}", index + 1), blame, tape });
        };
        match &event.act {
            Act::Other(EventKind::Close(close)) => {
                let tape = anatomy.tape.with(index, Act::close(close.from, 1005));
                emit(Operator::BadCloseCode, Blame::Party(close.from), tape);
                talk(anatomy.tape, index, close.from, &mut emit);
                leave(anatomy.tape, index, close.from, &mut emit);
            }
            // What is open at the end of a recording is decided by a longer one.
            Act::Other(EventKind::Pong(pong)) if flows == Flows::Settled => {
                let tape = anatomy.tape.without(index).lasting(HOURS);
                emit(Operator::IgnorePing, Blame::Party(pong.from), tape);
            }
            Act::Said(said) => {
                frames(anatomy.tape, index, event, said.from, &mut emit);
                echo(anatomy.tape, index, said, &mut emit);
            }
            Act::Other(_) => {}
        }
    }
}

type Emit<'e> = &'e mut dyn FnMut(Operator, Blame, Tape);

/// A party says its last message again after its close frame.
fn talk(tape: &Tape, index: usize, from: Party, emit: Emit<'_>) {
    let connection = tape.events[index].connection;
    let mut before = tape.events[..index].iter().rev();
    let said =
        |event: &&Event| event.connection == connection && event.said().is_some_and(|s| s.from == from);
    let Some(last) = before.find(said) else { return };
    let at = tape.events[index].at.after(Duration::from_micros(200));
    let again = Event { at, connection, act: last.act.clone() };
    let mut tape = tape.delayed(index + 1, Duration::from_micros(200));
    tape.events.insert(index + 1, again);
    emit(Operator::TalkAfterClose, Blame::Party(from), tape);
}

/// The second close frame of a connection does not come: its sender ends the link instead.
fn leave(tape: &Tape, index: usize, from: Party, emit: Emit<'_>) {
    let own = &tape.events[index];
    let is_close = |event: &Event| {
        event.connection == own.connection
            && matches!(&event.act, Act::Other(EventKind::Close(c)) if c.from != from)
    };
    if !tape.events[..index].iter().any(is_close) {
        return;
    }
    // Long enough after the close frame to have read it.
    let mut tape = tape.delayed(index, Duration::from_millis(50));
    tape.events[index].act = Act::Other(EventKind::Drop(Drop { by: Some(from), reset: false }));
    emit(Operator::LeaveUnanswered, Blame::Party(from), tape);
}

/// A frame that breaks RFC 6455; where it has content, that comes all the same.
fn frames(tape: &Tape, index: usize, event: &Event, from: Party, emit: Emit<'_>) {
    let client = tape.events[..index].iter().find_map(|before| match &before.act {
        Act::Other(EventKind::Open(opening)) if before.connection == event.connection => Some(opening.client),
        _ => None,
    });
    let mask = match client {
        Some(client) if client == from => ProtocolError::MissingMask,
        Some(_) => ProtocolError::UnexpectedMask,
        None => return,
    };
    let faults = [
        mask,
        ProtocolError::ReservedBitsSet(ReservedBits::from_bits(0x40)),
        ProtocolError::ReservedOpcode(3),
        ProtocolError::LengthNotMinimal { length: 1 },
        ProtocolError::FragmentedControl(Opcode::Ping),
        ProtocolError::NothingToContinue,
    ];
    for fault in faults {
        let frame = Undecodable {
            from,
            bytes: Cow::Borrowed(b"\x81\x01a"),
            size: 3,
            why: Cow::Owned(fault.to_string()),
            masked: Vec::new(),
        };
        let mut broken = tape.clone();
        let act = Act::Other(EventKind::Undecodable(frame));
        broken.events.insert(index, Event { at: event.at, connection: event.connection, act });
        emit(Operator::BreakFrame, Blame::Party(from), broken);
    }
}

/// The next message of the other party has a secret in it as well.
fn echo(tape: &Tape, index: usize, said: &Said, emit: Emit<'_>) {
    if !said.masked.iter().any(|masked| masked.was == MaskedKind::Secret) {
        return;
    }
    let connection = tape.events[index].connection;
    let mut later = tape.events.iter().enumerate().skip(index + 1);
    let answer = later.find_map(|(later, event)| {
        let answer = event.said().filter(|answer| answer.from == peer(said.from))?;
        (event.connection == connection).then_some((later, answer))
    });
    let Some((at, answer)) = answer else { return };
    let places = edit::places(&answer.text);
    let Some(place) = places.first().filter(|place| place.kind == Kind::Object) else { return };
    let Some(text) = edit::joined(&answer.text, place, "\"apiKey\":\"********\"") else { return };
    let mut echoed = tape.saying(at, &text);
    if let Act::Said(said) = &mut echoed.events[at].act {
        said.masked.push(Masked { at: Cow::Borrowed("/json/apiKey"), was: MaskedKind::Secret });
    }
    emit(Operator::EchoSecret, Blame::Party(answer.from), echoed);
}
