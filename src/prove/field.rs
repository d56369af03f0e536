//! Faults inside a message: a field empty, null, of another type, missing, unknown, doubled, or another value.

use super::anatomy::{Anatomy, Lexicon, Part, scalar};
use super::edit::{self, Place};
use super::operator::{Blame, Mutant, Operator};
use crate::pack::Role;
use crate::text::json::Kind;

/// A card number of the published kind used for tests.
pub(super) const TEST_CARD: &str = "\"4111111111111111\"";

/// Every mutant of one recording in which one message says something else.
pub(super) fn mutants(anatomy: &Anatomy<'_>, lexicon: &Lexicon, emit: &mut dyn FnMut(Mutant)) {
    for part in 0..anatomy.parts.len() {
        let own = &anatomy.parts[part];
        for place in &own.places {
            let mut emit = |operator, blame, text: String| {
                emit(Mutant {
                    operator,
                    place: format!("event {} {}", own.index + 1, place.pointer),
                    blame,
                    tape: anatomy.tape.saying(own.index, &text),
                });
            };
            if !place.pointer.is_root() {
                shape(anatomy, part, place, &mut emit);
                value(anatomy, lexicon, part, place, &mut emit);
            }
            addition(anatomy, part, lexicon, place, &mut emit);
        }
        unwrap(own, &mut |text| {
            emit(Mutant {
                operator: Operator::Unwrap,
                place: format!("event {}", own.index + 1),
                blame: Blame::Party(own.said.from),
                tape: anatomy.tape.saying(own.index, &text),
            });
        });
    }
}

type Emit<'e> = &'e mut dyn FnMut(Operator, Blame, String);

/// Blank, null, another type, missing.
fn shape(anatomy: &Anatomy<'_>, part: usize, place: &Place, emit: Emit<'_>) {
    let own = &anatomy.parts[part];
    let text = &own.said.text;
    let blame = blame(anatomy, part, place);
    let keyless = own.flow_key().is_none();
    let token = own.text_of(place);
    let blank = match place.kind {
        Kind::String => Some("\"\""),
        Kind::Array => Some("[]"),
        Kind::Object => Some("{}"),
        Kind::Number | Kind::True | Kind::False | Kind::Null => None,
    };
    if let Some(blank) = blank.filter(|blank| *blank != token) {
        emit(Operator::Blank, blame, edit::replaced(text, place, blank));
    }
    if place.kind != Kind::Null {
        emit(Operator::Null, blame, edit::replaced(text, place, "null"));
    }
    let said = scalar(token);
    let number = !said.is_empty()
        && said.len() < 16
        && said.bytes().all(|byte| byte.is_ascii_digit())
        && (said.len() == 1 || !said.starts_with('0'));
    let retyped = match place.kind {
        Kind::String if number => said.into_owned(),
        Kind::String | Kind::Null => "true".to_owned(),
        Kind::Number | Kind::True | Kind::False => format!("\"{token}\""),
        Kind::Object => "[]".to_owned(),
        Kind::Array => "{}".to_owned(),
    };
    emit(Operator::Retype, blame, edit::replaced(text, place, &retyped));
    if let Some(removed) = edit::removed(text, place) {
        let blame = if keyless && may_be_misread(anatomy, part) { Blame::Either } else { blame };
        emit(Operator::RemoveField, blame, removed);
    }
}

/// A status or an amount that says something else, a value from the message before.
fn value(anatomy: &Anatomy<'_>, lexicon: &Lexicon, part: usize, place: &Place, emit: Emit<'_>) {
    let own = &anatomy.parts[part];
    let text = &own.said.text;
    let token = own.text_of(place);
    let reply = if may_be_misread(anatomy, part) { Blame::Either } else { blame(anatomy, part, place) };
    // Whoever went on to something new may have relied on what was said.
    let relied = anatomy.parts[part + 1..]
        .iter()
        .any(|later| later.said.from != own.said.from && later.role == Some(Role::Opens));
    let flip = if relied { Blame::Either } else { reply };
    if place.is_scalar() && lexicon.is_status(&place.pointer) {
        for other in lexicon.others(&place.pointer, token) {
            emit(Operator::FlipStatus, flip, edit::replaced(text, place, other));
        }
        emit(Operator::FlipStatus, flip, edit::replaced(text, place, "\"bogus\""));
    }
    if place.is_scalar() {
        for name in lexicon.forbidden_at(&place.pointer).filter(|name| *name != token) {
            emit(Operator::FlipStatus, reply, edit::replaced(text, place, name));
        }
    }
    if lexicon.is_amount(&place.pointer)
        && let Some((whole, cents)) = scalar(token).split_once('.')
        && whole.bytes().chain(cents.bytes()).all(|byte| byte.is_ascii_digit())
    {
        let quote = if place.kind == Kind::String { "\"" } else { "" };
        let tenfold = format!("{quote}{whole}9.{cents}{quote}");
        emit(Operator::ChangeAmount, reply, edit::replaced(text, place, &tenfold));
        emit(
            Operator::ChangeAmount,
            blame(anatomy, part, place),
            edit::replaced(text, place, &format!("{quote}-{whole}.{cents}{quote}")),
        );
    }
    if lexicon.is_amount(&place.pointer)
        && let Ok(amount) = scalar(token).parse::<u64>()
    {
        let quote = if place.kind == Kind::String { "\"" } else { "" };
        let mut change = |blame, amount: String| {
            let amount = format!("{quote}{amount}{quote}");
            emit(Operator::ChangeAmount, blame, edit::replaced(text, place, &amount));
        };
        change(reply, (amount + 1).to_string());
        if let Some(less) = amount.checked_sub(1) {
            change(reply, less.to_string());
        }
        let own_fault = blame(anatomy, part, place);
        change(own_fault, format!("-{}", amount.max(1)));
        change(own_fault, format!("{}.{:02}", amount / 100, amount % 100));
    }
    if place.is_scalar()
        && !own.is_key(place)
        && let Some(earlier) = earlier_value(anatomy, part, place)
        && scalar(earlier) != scalar(token)
    {
        emit(Operator::RepeatValue, reply, edit::replaced(text, place, earlier));
    }
}

/// Whether the other party goes by this message, so that the recording would look the same had it got it
/// wrong: it answers a question, or says more where no key tells what answers what.
fn may_be_misread(anatomy: &Anatomy<'_>, part: usize) -> bool {
    let own = &anatomy.parts[part];
    anatomy.is_answered(part) && (own.role == Some(Role::Opens) || own.flow_key().is_none())
}

/// A field more: unknown, the same once more, or a card number.
fn addition(anatomy: &Anatomy<'_>, part: usize, lexicon: &Lexicon, place: &Place, emit: Emit<'_>) {
    let own = &anatomy.parts[part];
    let text = &own.said.text;
    let sender = Blame::Party(own.said.from);
    // A field nobody knows does no harm, unless the message was to be repeated unchanged.
    let harmless = if anatomy.is_repeated(part) { sender } else { Blame::Nobody };
    if let Some(unknown) = edit::joined(text, place, "\"x_vendor_note\":\"hello\"") {
        // Where a schema lists all there may be, it is not for the sender to add to it.
        let blame = if lexicon.fits(own, &unknown) { harmless } else { sender };
        emit(Operator::UnknownField, blame, unknown);
    }
    for name in lexicon.unwanted_in(&place.pointer) {
        let there = own.places.iter().any(|other| other.pointer == place.pointer.child(name));
        if !there && let Some(added) = edit::joined(text, place, &format!("\"{name}\":\"1\"")) {
            emit(Operator::ForbiddenField, sender, added);
        }
    }
    if let Some(doubled) = edit::doubled(text, place) {
        emit(Operator::DuplicateJsonKey, sender, doubled);
    }
    // In a message that was to be repeated unchanged a leak would be two faults.
    if anatomy.is_repeated(part) {
        return;
    }
    // A place that takes no such text would be a second fault.
    if let Some(leak) = edit::joined(text, place, &format!("\"x_vendor_note\":{TEST_CARD}"))
        && lexicon.fits(own, &leak)
    {
        emit(Operator::LeakTestCard, sender, leak);
    }
    let unread = place.kind == Kind::String && !lexicon.reads(&place.pointer);
    if unread {
        let leak = edit::replaced(text, place, TEST_CARD);
        if lexicon.fits(own, &leak) {
            emit(Operator::LeakTestCard, sender, leak);
        }
    }
}

/// `{"request":{…}}` as `{…}`.
fn unwrap(own: &Part<'_>, emit: &mut dyn FnMut(String)) {
    let mut top = own.places.iter().filter(|place| place.pointer.tokens().len() == 1);
    if let (Some(only), None) = (top.next(), top.next())
        && only.kind == Kind::Object
    {
        emit(own.text_of(only).to_owned());
    }
}

/// The sender, unless what was said comes back from the other party later: then either may be wrong.
fn blame(anatomy: &Anatomy<'_>, part: usize, place: &Place) -> Blame {
    let own = &anatomy.parts[part];
    if !own.holds_flow_key(place) && anatomy.is_echoed(part, place) {
        Blame::Either
    } else {
        Blame::Party(own.said.from)
    }
}

/// The value at the same place of the nearest earlier message of the same kind and sender.
fn earlier_value<'a>(anatomy: &'a Anatomy<'_>, part: usize, place: &Place) -> Option<&'a str> {
    let own = &anatomy.parts[part];
    let mut earlier = anatomy.parts[..part].iter().rev();
    let earlier = earlier.find(|other| other.kind == own.kind && other.said.from == own.said.from)?;
    let place = earlier.places.iter().find(|other| other.pointer == place.pointer && other.is_scalar())?;
    Some(earlier.text_of(place))
}
