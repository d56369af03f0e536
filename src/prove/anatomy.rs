//! What a pack knows of a recording: each message's kind and role, its keys, its flow; who reacted to it.
//!
//! Operators ask here where to cut and whom a cut concerns. Nothing is judged.

use crate::conversation::{ConnectionId, EventKind, Party};
use crate::pack::{
    Carrier, EndpointId, Extract, Format, GroupingId, KeyOwner, KindId, Literal, Pack, Pattern, Role, Schema,
    Slot, Test, Trie, ValueTest, View,
};
use crate::text::Pointer;
use crate::text::json;

use super::edit::{self, Place};
use super::tape::{Said, Tape};

/// The messages of a recording as its pack sees them.
#[derive(Debug)]
pub(super) struct Anatomy<'a> {
    pub(super) tape: &'a Tape,
    pub(super) parts: Vec<Part<'a>>,
}

/// One JSON message.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// Its place among the events of the tape.
    pub(super) index: usize,
    pub(super) connection: Option<ConnectionId>,
    pub(super) said: &'a Said,
    pub(super) role: Option<Role>,
    /// The kind the pack gives it.
    pub(super) kind: Option<KindId>,
    pub(super) keys: Vec<Key>,
    /// Every value in it.
    pub(super) places: Vec<Place>,
}

/// A key of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) grouping: GroupingId,
    /// Whether messages that share it are a flow.
    pub(super) is_flow: bool,
    pub(super) owner: Option<Party>,
    pub(super) pointers: Vec<Pointer>,
    pub(super) tokens: Vec<String>,
}

impl<'a> Anatomy<'a> {
    /// Looks at every JSON message of `tape`.
    pub(super) fn of(tape: &'a Tape, pack: &Pack) -> Self {
        let mut extract = Extract::default();
        let mut endpoints: Vec<(ConnectionId, Option<EndpointId>)> = Vec::new();
        let names = names(pack);
        let mut parts = Vec::new();
        for (index, event) in tape.events.iter().enumerate() {
            if let (super::tape::Act::Other(EventKind::Open(opening)), Some(connection)) =
                (&event.act, event.connection)
            {
                endpoints.push((connection, pack.endpoint_of(&opening.target)));
            }
            let Some(said) = event.said() else { continue };
            if pack.trie.scan(&said.text, &mut extract).is_err() {
                continue;
            }
            let endpoint = endpoints.iter().rev().find(|(id, _)| Some(*id) == event.connection);
            let view = View {
                from: Some(said.from),
                endpoint: endpoint.and_then(|(_, endpoint)| *endpoint),
                ..View::of(&said.text, &extract)
            };
            let kind = pack.classify(Carrier::Json, Some(said.from), &view);
            parts.push(Part {
                index,
                connection: event.connection,
                said,
                role: kind.map(|kind| pack.kinds[kind.0].role),
                kind,
                keys: kind.map(|kind| keys(pack, &names, kind, said, &extract)).unwrap_or_default(),
                places: edit::places(&said.text),
            });
        }
        Self { tape, parts }
    }

    /// Whether two messages belong to one flow: the same key, or where a message has none, one connection.
    pub(super) fn same_flow(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.parts[a], &self.parts[b]);
        match (a.flow_key(), b.flow_key()) {
            (Some(a), Some(b)) => a.same(b),
            (None, _) | (_, None) => a.connection == b.connection,
        }
    }

    /// The messages of the flow of `part`, in order.
    pub(super) fn flow(&self, part: usize) -> Vec<usize> {
        (0..self.parts.len()).filter(|&other| self.same_flow(part, other)).collect()
    }

    /// The first message of each flow.
    pub(super) fn flows(&self) -> Vec<usize> {
        (0..self.parts.len()).filter(|&part| (0..part).all(|before| !self.same_flow(before, part))).collect()
    }

    /// The next message of the flow of `part`.
    pub(super) fn next(&self, part: usize) -> Option<usize> {
        (part + 1..self.parts.len()).find(|&later| self.same_flow(part, later))
    }

    /// Whether the other party says something later in the flow.
    pub(super) fn is_answered(&self, part: usize) -> bool {
        let from = self.parts[part].said.from;
        (part + 1..self.parts.len())
            .any(|later| self.parts[later].said.from != from && self.same_flow(part, later))
    }

    /// Whether its sender says the same once more in the flow.
    pub(super) fn is_repeated(&self, part: usize) -> bool {
        let own = &self.parts[part];
        let same = |other: &Part<'_>| other.said.from == own.said.from && other.said.text == own.said.text;
        (0..self.parts.len())
            .any(|other| other != part && same(&self.parts[other]) && self.same_flow(part, other))
    }

    /// Whether another flow than that of `part` has begun before it and goes on after it.
    pub(super) fn is_crowded(&self, part: usize) -> bool {
        let other = |&before: &usize| {
            !self.same_flow(before, part)
                && (part + 1..self.parts.len()).any(|later| self.same_flow(before, later))
        };
        (0..part).any(|before| other(&before))
    }

    /// Whether the other party repeats one of the scalars at or below `place` of `part` later.
    pub(super) fn is_echoed(&self, part: usize, place: &Place) -> bool {
        let own = &self.parts[part];
        let below = own
            .places
            .iter()
            .filter(|inner| inner.value.start >= place.value.start && inner.value.end <= place.value.end);
        below.filter(|inner| inner.is_scalar()).any(|inner| {
            let value = scalar(own.text_of(inner));
            let others = self.parts[part + 1..].iter().filter(|later| later.said.from != own.said.from);
            others.flat_map(|later| later.places.iter().map(move |place| (later, place))).any(
                |(later, place)| {
                    place.is_scalar() && !later.holds_flow_key(place) && scalar(later.text_of(place)) == value
                },
            )
        })
    }
}

impl Part<'_> {
    /// The text of a value.
    pub(super) fn text_of(&self, place: &Place) -> &str {
        &self.said.text[place.value.clone()]
    }

    /// The key of its flow; `None` where kind and order alone tell what belongs together.
    pub(super) fn flow_key(&self) -> Option<&Key> {
        self.keys.iter().find(|key| key.is_flow)
    }

    /// Whether a key, or a part of one, stands at `place`.
    pub(super) fn is_key(&self, place: &Place) -> bool {
        self.keys.iter().any(|key| key.part_at(&place.pointer).is_some())
    }

    /// Whether `place` is, or holds, the key of the flow.
    pub(super) fn holds_flow_key(&self, place: &Place) -> bool {
        let pointers = self.flow_key().map(|key| key.pointers.as_slice()).unwrap_or_default();
        let depth = place.pointer.tokens().len();
        pointers.iter().any(|pointer| {
            let tokens = pointer.tokens();
            depth <= tokens.len() && fits(&tokens[..depth], place.pointer.tokens())
        })
    }
}

impl Key {
    /// Which part of the key stands at `at`, if any.
    pub(super) fn part_at(&self, at: &Pointer) -> Option<usize> {
        self.pointers.iter().position(|pointer| meets(pointer, at))
    }

    fn same(&self, other: &Self) -> bool {
        self.grouping == other.grouping && self.owner == other.owner && self.tokens == other.tokens
    }
}

impl Place {
    /// Whether it is neither object nor array.
    pub(super) const fn is_scalar(&self) -> bool {
        !matches!(self.kind, json::Kind::Object | json::Kind::Array)
    }
}

/// Who talks to `party`.
pub(super) const fn peer(party: Party) -> Party {
    match party {
        Party::Pos => Party::Terminal,
        Party::Terminal | Party::Gateway => Party::Pos,
    }
}

/// What a scalar says, however it is spelled: `"7"` and `7` are the same.
pub(super) fn scalar(token: &str) -> std::borrow::Cow<'_, str> {
    json::string(token).unwrap_or(std::borrow::Cow::Borrowed(token))
}

/// What the pack says of values, gathered once.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    /// Values the pack tells apart, by where they stand.
    statuses: Vec<(Pointer, Vec<String>)>,
    /// Where amounts stand.
    amounts: Vec<Pointer>,
    /// Everything the pack looks at.
    read: Vec<Pointer>,
    /// Names of the fields that hold keys.
    keys: Vec<String>,
    /// Where keys stand: a message with another one is another message, not one with another status.
    key_places: Vec<Pointer>,
    /// Where some rule wants nothing to stand.
    unwanted: Vec<Pointer>,
    /// Values that a rule forbids once another message was sent.
    forbidden: Vec<(Pointer, Vec<String>)>,
    /// By kind: what all of its messages are like.
    bodies: Vec<Option<Schema>>,
    /// What values at a place are like.
    schemas: Vec<(Pointer, Schema)>,
}

impl Lexicon {
    pub(super) fn of(pack: &Pack) -> Self {
        let mut lexicon = Self::default();
        for kind in &pack.kinds {
            lexicon.tests(pack, &pack.trie, &kind.tests);
        }
        for outcome in &pack.outcomes {
            lexicon.tests(pack, &pack.outcome_trie, &outcome.tests);
        }
        for rule in &pack.rules {
            match &rule.pattern {
                Pattern::Shape(shape) => {
                    lexicon.tests(pack, &pack.trie, &shape.require);
                    lexicon.unwanted(pack, &shape.require);
                }
                Pattern::Agree(agree) => {
                    let slots = agree.at.iter().chain(&agree.with_at);
                    lexicon.amounts.extend(slots.map(|&slot| pack.trie.pointer(slot).clone()));
                }
                Pattern::Never(never) if never.after.is_some() => {
                    lexicon.forbidden(pack, &never.message.tests);
                }
                Pattern::Never(_)
                | Pattern::Unique(_)
                | Pattern::Respond(_)
                | Pattern::Precede(_)
                | Pattern::Order(_)
                | Pattern::Limit(_) => {}
            }
        }
        lexicon.read.extend_from_slice(pack.trie.pointers());
        lexicon.keys = key_names(pack);
        let slots = pack.kinds.iter().flat_map(|kind| &kind.keys).flat_map(|key| &key.slots);
        lexicon.key_places = slots.map(|&slot| pack.trie.pointer(slot).clone()).collect();
        lexicon
    }

    /// The other values the pack tells apart where this one stands.
    pub(super) fn others<'s>(&'s self, at: &'s Pointer, value: &'s str) -> impl Iterator<Item = &'s str> {
        let known = self.statuses.iter().filter(|(pointer, _)| meets(pointer, at));
        known.flat_map(|(_, values)| values.iter().map(String::as_str)).filter(move |other| *other != value)
    }

    /// Values that may not stand there after some other message.
    pub(super) fn forbidden_at<'s>(&'s self, at: &'s Pointer) -> impl Iterator<Item = &'s str> {
        let known = self.forbidden.iter().filter(|(pointer, _)| meets(pointer, at));
        known.flat_map(|(_, values)| values.iter().map(String::as_str))
    }

    fn forbidden(&mut self, pack: &Pack, tests: &[Test]) {
        let mut of_rule = Self::default();
        of_rule.tests(pack, &pack.trie, tests);
        self.forbidden.append(&mut of_rule.statuses);
    }

    /// Names of members that some rule wants an object not to have.
    pub(super) fn unwanted_in<'s>(&'s self, object: &'s Pointer) -> impl Iterator<Item = &'s str> {
        let inside =
            |at: &&Pointer| at.tokens().split_last().is_some_and(|(_, rest)| fits(rest, object.tokens()));
        self.unwanted.iter().filter(inside).filter_map(|at| at.tokens().last().map(String::as_str))
    }

    fn unwanted(&mut self, pack: &Pack, tests: &[Test]) {
        for test in tests {
            match test {
                Test::Absent(slot) => self.unwanted.push(pack.trie.pointer(*slot).clone()),
                Test::Each(_, _, tests) | Test::All(tests) => self.unwanted(pack, tests),
                _ => {}
            }
        }
    }

    /// Whether the pack tells values apart there.
    pub(super) fn is_status(&self, at: &Pointer) -> bool {
        self.statuses.iter().any(|(pointer, _)| meets(pointer, at)) && !self.key_places.contains(at)
    }

    /// Whether an amount of money stands there.
    pub(super) fn is_amount(&self, at: &Pointer) -> bool {
        let Some(name) = at.tokens().last() else { return false };
        !self.keys.contains(name)
            && (name.contains("amount") || self.amounts.iter().any(|pointer| meets(pointer, at)))
    }

    /// Whether schemas have nothing against it that `own` says `text` instead.
    pub(super) fn fits(&self, own: &Part<'_>, text: &str) -> bool {
        let body = own.kind.and_then(|kind| self.bodies.get(kind.0)?.as_ref());
        let at = |(place, schema): &(Pointer, Schema)| {
            place.find(text).is_none_or(|value| schema.fits(value, 0).is_ok())
        };
        body.is_none_or(|schema| schema.fits(text, 0).is_ok()) && self.schemas.iter().all(at)
    }

    /// Whether any rule or kind looks at, above or below that place.
    pub(super) fn reads(&self, at: &Pointer) -> bool {
        self.read.iter().any(|pointer| meets(pointer, at))
    }

    /// Notes what tests tell apart; the places they look at are those of `trie`.
    fn tests(&mut self, pack: &Pack, trie: &Trie, tests: &[Test]) {
        for test in tests {
            match test {
                Test::Value(slot, ValueTest::OneOf(literals))
                | Test::Optional(slot, ValueTest::OneOf(literals)) => self.statuses(trie, *slot, literals),
                Test::Value(slot, ValueTest::Format(Format::MinorUnits))
                | Test::Optional(slot, ValueTest::Format(Format::MinorUnits)) => {
                    self.amounts.push(trie.pointer(*slot).clone());
                }
                Test::Value(slot, ValueTest::Fits(schema, _)) => {
                    self.schemas.push((trie.pointer(*slot).clone(), schema.clone()));
                }
                Test::FitsBody(_) => {
                    self.bodies = pack.kinds.iter().map(|kind| kind.body.clone()).collect();
                }
                Test::Compare(one, _, other) => {
                    self.amounts.extend([one, other].map(|&slot| trie.pointer(slot).clone()));
                }
                Test::Each(_, when, require) => {
                    self.tests(pack, trie, when);
                    self.tests(pack, trie, require);
                }
                Test::OwnedByEndpoint { at, endpoints, .. } => {
                    let one_each = endpoints.iter().filter_map(|endpoint| endpoint.types.first());
                    let types: Vec<_> = one_each.map(|name| Literal::string(name)).collect();
                    self.statuses(trie, *at, &types);
                }
                Test::Any(tests) | Test::All(tests) => self.tests(pack, trie, tests),
                Test::Not(test) => self.tests(pack, trie, std::slice::from_ref(test)),
                Test::Has(_)
                | Test::Absent(_)
                | Test::ExactlyOne(_)
                | Test::Value(..)
                | Test::Optional(..)
                | Test::Key(..)
                | Test::Masked(_)
                | Test::ClearCardData
                | Test::CloseCodeSendable
                | Test::NoDuplicateKeys
                | Test::From(_)
                | Test::AtEndpoint(_)
                | Test::Says(_)
                | Test::SizeAtMost(_)
                | Test::OfKind(_) => {}
            }
        }
    }

    fn statuses(&mut self, trie: &Trie, slot: Slot, literals: &[Literal]) {
        let pointer = trie.pointer(slot);
        let at = self.statuses.iter().position(|(known, _)| known == pointer).unwrap_or_else(|| {
            self.statuses.push((pointer.clone(), Vec::new()));
            self.statuses.len() - 1
        });
        let values = &mut self.statuses[at].1;
        for Literal(literal) in literals {
            if !values.contains(literal) {
                values.push(literal.clone());
            }
        }
    }
}

/// Names of the fields that hold keys: `flow_id`, `reference_no`.
pub(super) fn key_names(pack: &Pack) -> Vec<String> {
    let keys = pack.kinds.iter().flat_map(|kind| &kind.keys);
    let keyed = keys.filter(|key| pack.groupings[key.grouping.0].keyed);
    let telling = names(pack);
    let slots = keyed.flat_map(|key| &key.slots).filter(|slot| !telling.contains(slot));
    let pointers = slots.map(|&slot| pack.trie.pointer(slot));
    let mut names: Vec<String> = pointers.filter_map(|pointer| pointer.tokens().last().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether `at` is one of the places `pointer` names; `*` stands for every element.
fn meets(pointer: &Pointer, at: &Pointer) -> bool {
    fits(pointer.tokens(), at.tokens())
}

fn fits(wanted: &[String], tokens: &[String]) -> bool {
    wanted.len() == tokens.len()
        && wanted.iter().zip(tokens).all(|(wanted, token)| wanted == "*" || wanted == token)
}

/// Where kinds are told apart: what stands there is a name, and no key to be changed at will.
fn names(pack: &Pack) -> Vec<Slot> {
    fn collect(tests: &[Test], names: &mut Vec<Slot>) {
        for test in tests {
            match test {
                Test::Value(slot, ValueTest::OneOf(_) | ValueTest::Like(_)) => names.push(*slot),
                Test::Any(tests) | Test::All(tests) => collect(tests, names),
                Test::Not(test) => collect(std::slice::from_ref(test), names),
                Test::Has(_)
                | Test::Absent(_)
                | Test::ExactlyOne(_)
                | Test::Value(..)
                | Test::Optional(..)
                | Test::Each(..)
                | Test::Compare(..)
                | Test::Key(..)
                | Test::Masked(_)
                | Test::ClearCardData
                | Test::CloseCodeSendable
                | Test::NoDuplicateKeys
                | Test::From(_)
                | Test::AtEndpoint(_)
                | Test::Says(_)
                | Test::SizeAtMost(_)
                | Test::OwnedByEndpoint { .. }
                | Test::FitsBody(_)
                | Test::OfKind(_) => {}
            }
        }
    }
    let mut names = Vec::new();
    for kind in &pack.kinds {
        collect(&kind.tests, &mut names);
    }
    names
}

fn keys(pack: &Pack, names: &[Slot], kind: KindId, said: &Said, extract: &Extract) -> Vec<Key> {
    let of = |key: &crate::pack::KeyAt| {
        let found = key.slots.iter().map(|&slot| extract.first(slot));
        let found = found.map(|found| Some(found?.token(&said.text).to_owned()));
        let tokens = key.fixed.clone().map(Some).into_iter().chain(found);
        Some(Key {
            grouping: key.grouping,
            is_flow: pack.groupings[key.grouping.0].flows && !key.slots.is_empty(),
            owner: key.of.map(|owner| match owner {
                KeyOwner::Sender => said.from,
                KeyOwner::Receiver => peer(said.from),
            }),
            pointers: key.slots.iter().map(|&slot| pack.trie.pointer(slot).clone()).collect(),
            tokens: tokens.collect::<Option<_>>()?,
        })
    };
    let keys = pack.kinds[kind.0].keys.iter();
    keys.filter(|key| !key.slots.iter().any(|slot| names.contains(slot))).filter_map(of).collect()
}
