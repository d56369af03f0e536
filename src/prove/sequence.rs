//! Faults in the sequence of messages: missing, twice, late, early, swapped, under another sender or key.

use std::sync::Arc;
use std::time::Duration;

use super::anatomy::{Anatomy, Part, peer};
use super::edit;
use super::operator::{Blame, Mutant, Operator};
use super::tape::{Act, Tape};
use crate::pack::Role;

/// Long after every deadline.
pub(super) const HOURS: Duration = Duration::from_secs(6 * 3600);

/// Late for prompt answers, and late for anything.
const DELAYS: [Duration; 2] = [Duration::from_secs(8), Duration::from_secs(600)];

/// Whether everything a recording begins is decided by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flows {
    /// It is.
    Settled,
    /// Some rule could not decide.
    Open,
}

/// Every mutant of one recording in which the sequence is wrong.
pub(super) fn mutants(anatomy: &Anatomy<'_>, flows: Flows, emit: &mut dyn FnMut(Mutant)) {
    for part in 0..anatomy.parts.len() {
        let mut emit = |operator, blame, tape| {
            let place = format!("event {}", anatomy.parts[part].index + 1);
            emit(Mutant { operator, place, blame, tape });
        };
        drop(anatomy, part, &mut emit);
        fall_silent(anatomy, part, &mut emit);
        duplicate(anatomy, part, &mut emit);
        // What makes the recording longer decides what was open, too.
        if flows == Flows::Settled {
            delay(anatomy, part, &mut emit);
        }
        advance(anatomy, part, &mut emit);
        swap(anatomy, part, &mut emit);
        retag(anatomy, part, &mut emit);
        retarget(anatomy, part, &mut emit);
    }
    for flow in anatomy.flows() {
        let place = format!("the flow of event {}", anatomy.parts[flow].index + 1);
        let mut emit = |operator, blame, tape| emit(Mutant { operator, place: place.clone(), blame, tape });
        reuse(anatomy, flow, &mut emit);
        // So does a second flow.
        if flows == Flows::Settled {
            replay(anatomy, flow, &mut emit);
            interleave(anatomy, flow, &mut emit);
        }
    }
}

type Emit<'e> = &'e mut dyn FnMut(Operator, Blame, Tape);

fn drop(anatomy: &Anatomy<'_>, part: usize, emit: Emit<'_>) {
    let own = &anatomy.parts[part];
    let from = own.said.from;
    let next = anatomy.next(part).map(|next| &anatomy.parts[next]);
    let blame = match (own.role, next) {
        // What answers nothing was sent unasked.
        (Some(Role::Opens), Some(_)) => Blame::Party(peer(from)),
        (_, Some(_)) if is_news(own) && is_acknowledged(anatomy, part) => Blame::Party(peer(from)),
        (_, Some(next)) if next.said.from != from => Blame::Either,
        // Who goes on with the next flow of that key had no end of this one.
        (Some(Role::Final), Some(_)) if is_reopened(anatomy, part) => Blame::Either,
        (_, Some(_) | None) => Blame::Party(from),
    };
    emit(Operator::Drop, blame, anatomy.tape.without(own.index));
}

/// Whether the other party opens another flow of the same key later.
fn is_reopened(anatomy: &Anatomy<'_>, part: usize) -> bool {
    let from = anatomy.parts[part].said.from;
    let later = anatomy.flow(part).into_iter().filter(|&later| later > part);
    let mut opened = later.map(|later| &anatomy.parts[later]).filter(|later| later.role == Some(Role::Opens));
    opened.any(|later| later.said.from != from)
}

fn fall_silent(anatomy: &Anatomy<'_>, part: usize, emit: Emit<'_>) {
    if anatomy.is_crowded(part) {
        return;
    }
    let own = &anatomy.parts[part];
    let mut tape = anatomy.tape.clone();
    tape.events.truncate(own.index);
    emit(Operator::FallSilent, silent(anatomy, part), tape.lasting(HOURS));
}

/// Who is to blame for the time before `part`. Between a message and its repetition that is the other party.
fn silent(anatomy: &Anatomy<'_>, part: usize) -> Blame {
    let own = &anatomy.parts[part];
    match own.role {
        // Nobody owes a question; what is owed meanwhile, either may owe.
        Some(Role::Question) => return Blame::Either,
        Some(
            Role::Opens | Role::Answer | Role::Progress | Role::Final | Role::Acknowledgement | Role::Control,
        )
        | None => {}
    }
    let before = anatomy.flow(part).into_iter().rfind(|&before| before < part);
    let repeats = before
        .map(|before| &anatomy.parts[before])
        .filter(|_| own.flow_key().is_some())
        .is_some_and(|before| before.said.from == own.said.from && before.role == own.role);
    Blame::Party(if repeats && is_news(own) { peer(own.said.from) } else { own.said.from })
}

/// Whether a message tells the other party something, and expects to be acknowledged.
const fn is_news(part: &Part<'_>) -> bool {
    matches!(part.role, Some(Role::Progress | Role::Final | Role::Question))
}

/// Whether what the other party says next in the flow is an acknowledgement.
fn is_acknowledged(anatomy: &Anatomy<'_>, part: usize) -> bool {
    let from = anatomy.parts[part].said.from;
    let later = anatomy.flow(part).into_iter().filter(|&later| later > part);
    let mut others = later.map(|later| &anatomy.parts[later]).filter(|later| later.said.from != from);
    others.next().is_some_and(|next| next.role == Some(Role::Acknowledgement))
}

fn duplicate(anatomy: &Anatomy<'_>, part: usize, emit: Emit<'_>) {
    let own = &anatomy.parts[part];
    let blame = match own.role {
        // A question asked again may as well be another one, that has no answer.
        Some(Role::Question) => Blame::Either,
        Some(_) | None => Blame::Party(own.said.from),
    };
    let last = anatomy.flow(part).last().copied().unwrap_or(part);
    let mut places = vec![own.index + 1, anatomy.parts[last].index + 1];
    places.dedup();
    for place in places {
        let mut copy = anatomy.tape.events[own.index].clone();
        copy.at = anatomy.tape.events[place - 1].at.after(Duration::from_micros(200));
        let mut tape = anatomy.tape.delayed(place, Duration::from_micros(200));
        tape.events.insert(place, copy);
        emit(Operator::Duplicate, blame, tape);
    }
}

fn delay(anatomy: &Anatomy<'_>, part: usize, emit: Emit<'_>) {
    if anatomy.is_crowded(part) {
        return;
    }
    let own = &anatomy.parts[part];
    for by in DELAYS {
        emit(Operator::Delay, silent(anatomy, part), anatomy.tape.delayed(own.index, by));
    }
}

fn advance(anatomy: &Anatomy<'_>, part: usize, emit: Emit<'_>) {
    let own = &anatomy.parts[part];
    let flow = anatomy.flow(part);
    let mut targets: Vec<usize> = Vec::new();
    targets.extend(flow.iter().take_while(|&&other| other < part).last());
    targets.extend(flow.first().filter(|&&first| first < part));
    if own.role == Some(Role::Opens) {
        targets.extend(part.checked_sub(1));
        targets.extend((part > 0).then_some(0));
    }
    targets.dedup();
    for target in targets {
        let before = &anatomy.parts[target];
        if before.index + 1 == own.index || before.connection != own.connection {
            continue;
        }
        let mut tape = anatomy.tape.clone();
        let mut moved = tape.events.remove(own.index);
        moved.at = tape.events[before.index].at;
        tape.events.insert(before.index, moved);
        emit(Operator::Advance, early(own), tape);
    }
}

fn swap(anatomy: &Anatomy<'_>, part: usize, emit: Emit<'_>) {
    let Some(second) = anatomy.parts.get(part + 1) else { return };
    let first = &anatomy.parts[part];
    if first.connection != second.connection || second.index != first.index + 1 {
        return;
    }
    let mut tape = anatomy.tape.clone();
    let (left, right) = tape.events.split_at_mut(second.index);
    std::mem::swap(&mut left[first.index].act, &mut right[0].act);
    tape.events[second.index].at = tape.events[first.index].at;
    // A repetition crosses the acknowledgement it was sent for want of.
    let blame = match silent(anatomy, part) {
        Blame::Party(party) if party != first.said.from => Blame::Either,
        _ => early(second),
    };
    emit(Operator::Swap, blame, tape);
}

/// Who is to blame for a message that came too early. A question that did may as well have been answered
/// too late, and so may anything where no key tells what an answer belongs to.
fn early(part: &Part<'_>) -> Blame {
    match (part.role, part.flow_key()) {
        (Some(Role::Opens), _) | (_, None) => Blame::Either,
        (_, Some(_)) => Blame::Party(part.said.from),
    }
}

fn retag(anatomy: &Anatomy<'_>, part: usize, emit: Emit<'_>) {
    let own = &anatomy.parts[part];
    let other = peer(own.said.from);
    let mut said = own.said.clone();
    said.from = other;
    emit(Operator::RetagSender, Blame::Party(other), anatomy.tape.with(own.index, Act::Said(said)));
}

fn retarget(anatomy: &Anatomy<'_>, part: usize, emit: Emit<'_>) {
    let own = &anatomy.parts[part];
    let from = own.said.from;
    for key in &own.keys {
        let blame = match (key.is_flow, own.role) {
            (true, Some(Role::Opens)) if anatomy.is_answered(part) => Blame::Party(peer(from)),
            (true, _) => Blame::Party(from),
            (false, _) => Blame::Either,
        };
        for place in own.places.iter().filter(|place| key.part_at(&place.pointer).is_some()) {
            let fresh = fresh(anatomy, own.text_of(place));
            let text = edit::replaced(&own.said.text, place, &fresh);
            emit(Operator::RetargetKey, blame, anatomy.tape.saying(own.index, &text));
        }
    }
}

fn reuse(anatomy: &Anatomy<'_>, flow: usize, emit: Emit<'_>) {
    let own = &anatomy.parts[flow];
    let Some(key) = own.flow_key() else { return };
    let earlier = anatomy.flows().into_iter().take_while(|&other| other < flow);
    let donor = earlier.filter_map(|other| Some((other, anatomy.parts[other].flow_key()?)));
    let Some((_, donor)) = donor.filter(|(_, donor)| donor.grouping == key.grouping).last() else { return };
    let mut tape = anatomy.tape.clone();
    for part in anatomy.flow(flow) {
        let text = rekeyed(anatomy, part, |index| donor.tokens.get(index).cloned());
        tape = tape.saying(anatomy.parts[part].index, &text);
    }
    emit(Operator::ReuseKey, Blame::Party(own.said.from), tape);
}

fn replay(anatomy: &Anatomy<'_>, flow: usize, emit: Emit<'_>) {
    let own = &anatomy.parts[flow];
    let parts = anatomy.flow(flow);
    let (Some(Role::Opens), Some(&last)) = (own.role, parts.last()) else { return };
    let start = anatomy.tape.events[own.index].at;
    let end = anatomy.tape.events[anatomy.parts[last].index].at;
    if parts.iter().any(|&part| anatomy.parts[part].connection != own.connection) {
        return;
    }
    let gap = Duration::from_secs(2);
    let span = end.since(start) + gap;
    let place = anatomy.parts[last].index + 1;
    let mut tape = anatomy.tape.delayed(place, span);
    for (offset, &part) in parts.iter().enumerate() {
        let mut copy = anatomy.tape.events[anatomy.parts[part].index].clone();
        copy.at = copy.at.after(span);
        tape.events.insert(place + offset, copy);
    }
    emit(Operator::ReplayFlow, Blame::Party(own.said.from), tape);
}

fn interleave(anatomy: &Anatomy<'_>, flow: usize, emit: Emit<'_>) {
    let own = &anatomy.parts[flow];
    let parts = anatomy.flow(flow);
    let (Some(Role::Opens), Some(key), [_, inside, _, ..]) = (own.role, own.flow_key(), parts.as_slice())
    else {
        return;
    };
    let fresh: Vec<String> = key.tokens.iter().map(|token| fresh(anatomy, token)).collect();
    let place = anatomy.parts[*inside].index + 1;
    let start = anatomy.tape.events[own.index].at;
    let shift = anatomy.tape.events[place - 1].at.since(start) + Duration::from_millis(1);
    let span = anatomy
        .parts
        .get(*parts.last().unwrap_or(inside))
        .map_or(start, |last| anatomy.tape.events[last.index].at);
    let mut tape = anatomy.tape.delayed(place, span.since(start) + Duration::from_millis(2));
    for (offset, &part) in parts.iter().enumerate() {
        let mut copy = anatomy.tape.events[anatomy.parts[part].index].clone();
        copy.at = copy.at.after(shift);
        if let Act::Said(said) = &mut copy.act {
            said.text = Arc::from(rekeyed(anatomy, part, |index| fresh.get(index).cloned()));
        }
        tape.events.insert(place + offset, copy);
    }
    emit(Operator::Interleave, Blame::Party(own.said.from), tape);
}

/// The text of `part` with other tokens as the key of its flow.
pub(super) fn rekeyed(anatomy: &Anatomy<'_>, part: usize, token: impl Fn(usize) -> Option<String>) -> String {
    let own = &anatomy.parts[part];
    let Some(key) = own.flow_key() else { return own.said.text.to_string() };
    let mut places: Vec<_> =
        own.places.iter().filter_map(|place| Some((place, key.part_at(&place.pointer)?))).collect();
    places.sort_by_key(|(place, _)| std::cmp::Reverse(place.value.start));
    let mut text = own.said.text.to_string();
    for (place, index) in places {
        if let Some(token) = token(index) {
            text = edit::replaced(&text, place, &token);
        }
    }
    text
}

/// A scalar token like `token`, of its length, that stands nowhere in the recording.
pub(super) fn fresh(anatomy: &Anatomy<'_>, token: &str) -> String {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    for number in (0..10_000_u32).rev() {
        let mut left: Vec<u8> = number.to_string().into_bytes();
        let mut candidate: Vec<u8> = token.bytes().collect();
        let alphabetic = digits == 0;
        for byte in candidate.iter_mut().rev() {
            let replaceable = if alphabetic { byte.is_ascii_alphabetic() } else { byte.is_ascii_digit() };
            if replaceable && let Some(digit) = left.pop() {
                *byte = if alphabetic { digit - b'0' + b'k' } else { digit };
            }
        }
        let Ok(candidate) = String::from_utf8(candidate) else { continue };
        let leads_with_zero = candidate.starts_with('0') && candidate.len() > 1;
        if !leads_with_zero && anatomy.parts.iter().all(|part| !part.said.text.contains(&candidate)) {
            return candidate;
        }
    }
    token.to_owned()
}
