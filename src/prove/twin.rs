//! Neutral twins: changes that mean nothing, so that nothing that is said of a recording may change.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::anatomy::{Anatomy, key_names, scalar};
use super::edit::{self, Place};
use super::link::next_connection;
use super::sequence::fresh;
use super::tape::{Act, Event, Said, Tape};
use crate::conversation::{ConnectionId, Drop, EventKind, Masked, Offset};
use crate::mask::Masker;
use crate::pack::{self, Carrier, GroupScope, GroupingId, KindId, Pack, Pattern, Role, Rule, Scope};
use crate::text::json::{Cursor, JsonError, Kind};

/// A change that means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Twin {
    /// Everything happens later.
    Shift,
    /// Flows and connections have other names.
    Rename,
    /// The same flows under other keys run beside it, on connections of their own.
    Interleave,
    /// White space between the tokens of JSON.
    Space,
    /// Members in another order.
    KeyOrder,
    /// Characters spelled as escapes.
    Escape,
    /// Messages in several frames.
    Fragment,
    /// A new connection for each flow.
    Split,
    /// Sensitive values masked.
    Mask,
}

impl Twin {
    /// Every twin.
    pub const ALL: [Self; 9] = [
        Self::Shift,
        Self::Rename,
        Self::Interleave,
        Self::Space,
        Self::KeyOrder,
        Self::Escape,
        Self::Fragment,
        Self::Split,
        Self::Mask,
    ];

    /// Its name: `key order`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::Rename => "rename",
            Self::Interleave => "interleave",
            Self::Space => "space",
            Self::KeyOrder => "key order",
            Self::Escape => "escape",
            Self::Fragment => "fragment",
            Self::Split => "split",
            Self::Mask => "mask",
        }
    }

    /// What it does, in a sentence.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Shift => "everything happens an hour later",
            Self::Rename => "flows and connections have other names, consistently",
            Self::Interleave => {
                "the same again under other keys, on connections of its own, at the same time; rules about \
                 all that happens are not asked"
            }
            Self::Space => "white space between the tokens of JSON",
            Self::KeyOrder => "the members of every object in reverse order",
            Self::Escape => "the first character of every key and text as `\\uXXXX`",
            Self::Fragment => "every message in three frames",
            Self::Split => "a connection of its own for every flow; rules about connections are not asked",
            Self::Mask => "sensitive values masked as the recorder does",
        }
    }

    /// How often everything that is counted must be counted in the twin.
    pub const fn factor(self) -> u64 {
        match self {
            Self::Interleave => 2,
            Self::Shift
            | Self::Rename
            | Self::Space
            | Self::KeyOrder
            | Self::Escape
            | Self::Fragment
            | Self::Split
            | Self::Mask => 1,
        }
    }

    /// The pack whose rules a twin of this sort must not change.
    pub(super) fn neutral_for(self, pack: &Pack) -> Pack {
        let holds = |rule: &Rule| match self {
            Self::Interleave => is_local(rule, pack),
            Self::Split => is_roaming(rule, pack),
            Self::Shift
            | Self::Rename
            | Self::Space
            | Self::KeyOrder
            | Self::Escape
            | Self::Fragment
            | Self::Mask => true,
        };
        let rules = pack.rules.iter().filter(|rule| holds(rule)).cloned().collect();
        let mut neutral = pack.clone();
        neutral.rules = rules;
        neutral
    }

    /// The twin of a recording; `None` where it has none of this sort.
    pub(super) fn of(self, anatomy: &Anatomy<'_>, pack: &Pack) -> Option<Tape> {
        let tape = anatomy.tape;
        match self {
            Self::Shift => Some(tape.delayed(0, Duration::from_secs(3600))),
            Self::Rename => Some(connections_moved(&renamed(anatomy, pack), 10)),
            Self::Interleave => interleaved(anatomy, pack),
            Self::Space => Some(rewritten(tape, Style::Space)),
            Self::KeyOrder => Some(rewritten(tape, Style::Reverse)),
            Self::Escape => Some(rewritten(tape, Style::Escape)),
            Self::Fragment => Some(each_said(tape, |said| {
                let third = said.text.len() as u64 / 3;
                said.frames = vec![third, third, said.text.len() as u64 - 2 * third];
            })),
            Self::Split => split(anatomy, pack),
            Self::Mask => Some(masked(tape, pack)),
        }
    }
}

impl fmt::Display for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Every key of every grouping replaced by another one, the same for the same, wherever a field of its name is.
fn renamed(anatomy: &Anatomy<'_>, pack: &Pack) -> Tape {
    let keys = key_names(pack);
    let mut names: Vec<(String, String)> = Vec::new();
    let mut tape = anatomy.tape.clone();
    for part in &anatomy.parts {
        let mut text = part.said.text.to_string();
        let is_named = |place: &Place| place.pointer.tokens().last().is_some_and(|name| keys.contains(name));
        let at_key = |place: &&Place| part.is_key(place) || (place.is_scalar() && is_named(place));
        let mut places: Vec<_> = part.places.iter().filter(at_key).collect();
        places.sort_by_key(|place| std::cmp::Reverse(place.value.start));
        for place in places {
            let token = part.text_of(place);
            // What is empty names nothing.
            if scalar(token).is_empty() || !matches!(place.kind, Kind::String | Kind::Number) {
                continue;
            }
            let known = names.iter().find(|(old, _)| old == token);
            let new = match known {
                Some((_, new)) => new.clone(),
                None => {
                    let taken = |new: &String| {
                        names.iter().any(|(_, taken)| taken == new)
                            || anatomy.parts.iter().any(|part| part.said.text.contains(new.as_str()))
                    };
                    let mut new = fresh(anatomy, token);
                    while taken(&new) {
                        new = next_token(&new);
                    }
                    names.push((token.to_owned(), new.clone()));
                    new
                }
            };
            text = edit::replaced(&text, place, &new);
        }
        tape = tape.saying(part.index, &text);
    }
    tape
}

/// A longer token: `"75"` after `"7"`.
fn next_token(token: &str) -> String {
    let end = token.len() - usize::from(token.ends_with('"'));
    edit::spliced(token, end..end, "5")
}

fn connections_moved(tape: &Tape, by: u64) -> Tape {
    let mut tape = tape.clone();
    for event in &mut tape.events {
        event.connection = event.connection.map(|ConnectionId(id)| ConnectionId(id + by));
    }
    tape
}

fn interleaved(anatomy: &Anatomy<'_>, pack: &Pack) -> Option<Tape> {
    // What is lost without saying on which connection concerns both.
    let global = anatomy.tape.events.iter().any(|event| event.connection.is_none() && !event.is_end());
    // A message without a key that should have one belongs to whatever runs beside it.
    let keyless = anatomy.parts.iter().any(|part| part.keys.is_empty());
    if global || keyless {
        return None;
    }
    let beside = connections_moved(&renamed(anatomy, pack), next_connection(anatomy.tape)?.0);
    let mut events = Vec::new();
    for (own, mut other) in anatomy.tape.events.iter().cloned().zip(beside.events) {
        let is_end = own.is_end();
        other.at = own.at;
        events.push(own);
        if !is_end {
            events.push(other);
        }
    }
    Some(Tape { name: anatomy.tape.name.clone(), events })
}

/// Whether a rule says the same of two recordings that run side by side, as of each alone.
fn is_local(rule: &Rule, pack: &Pack) -> bool {
    let whole = |scope: Scope| match scope {
        Scope::Connection => false,
        Scope::Endpoint | Scope::Recording | Scope::Installation => true,
    };
    // Messages of different connections meet in one group although they share nothing that could be renamed.
    let shared = |grouping: GroupingId| {
        let fixed =
            |kind: &pack::Kind| kind.keys.iter().any(|key| key.grouping == grouping && key.fixed.is_some());
        let named = pack.groupings[grouping.0].keyed && !pack.kinds.iter().any(fixed);
        !named && !matches!(pack.groupings[grouping.0].scope, GroupScope::Connection | GroupScope::Sender)
    };
    let spans = rule.span.as_ref().is_some_and(|span| span.since.is_some() || shared(span.grouping));
    let global = match &rule.pattern {
        Pattern::Limit(limit) => whole(limit.scope),
        Pattern::Never(never) => never.after.is_some() && shared(never.grouping),
        Pattern::Respond(respond) => shared(respond.grouping),
        Pattern::Precede(precede) => shared(precede.grouping),
        Pattern::Order(order) => {
            shared(order.grouping) || order.messages.iter().any(|message| message.everywhere)
        }
        Pattern::Agree(agree) => shared(agree.grouping),
        Pattern::Shape(_) | Pattern::Unique(_) => false,
    };
    !spans && !global
}

/// Whether a rule does not mind which connection a flow runs on.
fn is_roaming(rule: &Rule, pack: &Pack) -> bool {
    let bound = |grouping: GroupingId| {
        matches!(pack.groupings[grouping.0].scope, GroupScope::Connection | GroupScope::Sender)
    };
    let of_connection = |kinds: &[KindId]| {
        let of_frames = |kind: &KindId| {
            let carriers = pack.kinds[kind.0].carriers;
            [Carrier::Open, Carrier::Drop, Carrier::Close].iter().any(|&c| carriers.contains(c))
        };
        kinds.iter().any(of_frames)
    };
    let minds = match &rule.pattern {
        Pattern::Limit(limit) => limit.scope == Scope::Connection || bound(limit.grouping),
        Pattern::Unique(unique) => unique.scope == Scope::Connection || bound(unique.grouping),
        Pattern::Never(never) => never.after.is_some() && bound(never.grouping),
        Pattern::Respond(respond) => bound(respond.grouping),
        Pattern::Precede(precede) => bound(precede.grouping),
        Pattern::Order(order) => bound(order.grouping),
        Pattern::Agree(agree) => bound(agree.grouping),
        Pattern::Shape(shape) => of_connection(&shape.on.kinds),
    };
    !minds && rule.span.as_ref().is_none_or(|span| !bound(span.grouping))
}

fn split(anatomy: &Anatomy<'_>, _pack: &Pack) -> Option<Tape> {
    if anatomy.tape.events.iter().any(|event| event.said().is_none() && is_odd(event)) {
        return None;
    }
    let mut tape = anatomy.tape.clone();
    let mut changed = false;
    for (part, own) in anatomy.parts.iter().enumerate().rev() {
        let starts = own.role == Some(Role::Opens) && part > 0 && anatomy.flow(part).first() == Some(&part);
        let others_open =
            (0..part).any(|before| (part..anatomy.parts.len()).any(|later| anatomy.same_flow(before, later)));
        let before = anatomy.parts.get(part.wrapping_sub(1));
        if !starts || others_open || before.is_none_or(|before| before.connection != own.connection) {
            continue;
        }
        let (Some(connection), Some(next)) = (own.connection, next_connection(&tape)) else { continue };
        let opened = tape.events.iter().find(|event| event.connection == Some(connection))?;
        let again = Event { at: own_at(&tape, own.index), connection: Some(next), act: opened.act.clone() };
        if !matches!(again.act, Act::Other(EventKind::Open(_))) {
            return None;
        }
        let lost = Act::Other(EventKind::Drop(Drop { by: None, reset: false }));
        let lost = Event { at: again.at, connection: Some(connection), act: lost };
        for event in &mut tape.events[own.index..] {
            if event.connection == Some(connection) {
                event.connection = Some(next);
            }
        }
        tape.events.splice(own.index..own.index, [lost, again]);
        changed = true;
    }
    changed.then_some(tape)
}

fn own_at(tape: &Tape, index: usize) -> Offset {
    tape.events[index].at
}

/// Whether a connection is more than its messages, its start and its end.
fn is_odd(event: &Event) -> bool {
    match &event.act {
        Act::Said(_) => false,
        Act::Other(kind) => match kind {
            EventKind::Open(_)
            | EventKind::Close(_)
            | EventKind::Drop(_)
            | EventKind::Note(_)
            | EventKind::Clock(_)
            | EventKind::End(_) => false,
            EventKind::Refused(_)
            | EventKind::Message(_)
            | EventKind::Ping(_)
            | EventKind::Pong(_)
            | EventKind::Undecodable(_)
            | EventKind::Gap(_) => true,
        },
    }
}

fn masked(tape: &Tape, pack: &Pack) -> Tape {
    // Any key will do: what a masked value looks like is no secret here.
    let masker = Masker::new(pack.masking(), [7; 32]);
    each_said(tape, |said| {
        let Some(hidden) = masker.json(&said.text) else { return };
        said.text = Arc::from(hidden.text);
        said.masked.extend(
            hidden.at.into_iter().map(|(at, was)| Masked { at: Cow::Owned(format!("/json{at}")), was }),
        );
    })
}

fn each_said(tape: &Tape, change: impl Fn(&mut Said)) -> Tape {
    let mut tape = tape.clone();
    for event in &mut tape.events {
        if let Act::Said(said) = &mut event.act {
            change(said);
        }
    }
    tape
}

fn rewritten(tape: &Tape, style: Style) -> Tape {
    each_said(tape, |said| {
        let mut out = String::new();
        if said.masked.is_empty() && style.value(&mut Cursor::new(&said.text), &mut out).is_ok() {
            said.text = Arc::from(out);
        }
    })
}

/// Another way to write the same JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Space,
    Reverse,
    Escape,
}

impl Style {
    fn value(self, cursor: &mut Cursor<'_>, out: &mut String) -> Result<(), JsonError> {
        let space = if self == Self::Space { " " } else { "" };
        let kind = cursor.kind()?;
        match kind {
            Kind::Object => {
                let mut members = Vec::new();
                cursor.object(|key, cursor| {
                    let mut member = String::new();
                    self.string(key.raw(), &mut member);
                    member.push_str(&format!("{space}:{space}"));
                    self.value(cursor, &mut member)?;
                    members.push(member);
                    Ok::<(), JsonError>(())
                })?;
                if self == Self::Reverse {
                    members.reverse();
                }
                out.push_str(&format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}"))));
            }
            Kind::Array => {
                let mut elements = Vec::new();
                cursor.array(|_, cursor| {
                    let mut element = String::new();
                    self.value(cursor, &mut element)?;
                    elements.push(element);
                    Ok::<(), JsonError>(())
                })?;
                out.push_str(&format!("[{space}{}{space}]", elements.join(&format!("{space},{space}"))));
            }
            Kind::String => self.string(cursor.string()?.raw(), out),
            Kind::Number | Kind::True | Kind::False | Kind::Null => out.push_str(cursor.value()?),
        }
        Ok(())
    }

    fn string(self, raw: &str, out: &mut String) {
        let first = raw.chars().next().filter(char::is_ascii_alphanumeric);
        match first {
            Some(first) if self == Self::Escape => {
                out.push_str(&format!("\"\\u{:04x}{}\"", u32::from(first), &raw[1..]));
            }
            Some(_) | None => out.push_str(&format!("\"{raw}\"")),
        }
    }
}
