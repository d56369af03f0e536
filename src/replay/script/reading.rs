//! What the pack says of one message: its kind and role, its keys, and the rules about time it plays a part in.

use std::ops::Range;
use std::sync::Arc;

use crate::conversation::{Leg, Party};
use crate::pack::{
    Carrier, EndpointId, Extract, GroupingId, KeyOwner, KindId, Pack, Pattern, Respond, Role, Selector, Slot,
    Test, ValueTest, View,
};

/// What the pack says of one message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) kind: Option<KindId>,
    pub(crate) role: Option<Role>,
    /// Its keys, that of its flow first.
    pub(crate) keys: Vec<Key>,
    /// The rules about time it plays a part in.
    pub(crate) parts: Vec<(usize, Part)>,
}

/// A key of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) grouping: GroupingId,
    /// Who gave it, where each party gives its own.
    pub(crate) owner: Option<Party>,
    /// Its values, as spelled, one behind the other.
    pub(crate) spelled: String,
    /// Where the values stand in the text that are ids, rather than names of kinds.
    pub(crate) ids: Vec<Range<usize>>,
}

/// What a message is to a rule that gives someone so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// From here on, for so many milliseconds.
    Asks { limit_ms: u64 },
    /// It is the answer.
    Answers,
    /// The time starts anew.
    Restarts,
    /// Nothing is owed any more.
    Voids,
}

/// Reads messages with a pack.
#[derive(Clone, Debug)]
pub(crate) struct PackReader {
    pack: Arc<Pack>,
    /// Where kinds are told apart: a key that stands there is the name of a kind, and no id.
    names: Vec<Slot>,
    extract: Extract,
}

/// A message to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unread<'a> {
    pub(crate) from: Party,
    pub(crate) carrier: Carrier,
    /// Its text, where it is JSON.
    pub(crate) text: &'a str,
    pub(crate) endpoint: Option<EndpointId>,
    pub(crate) close_code: Option<u16>,
}

impl PackReader {
    pub(crate) fn new(pack: Arc<Pack>) -> Self {
        let names = names_of_kinds(&pack);
        Self { pack, names, extract: Extract::default() }
    }

    /// Kind, role and keys of a message.
    pub(crate) fn read(&mut self, message: Unread<'_>) -> Reading {
        let json =
            message.carrier == Carrier::Json && self.pack.trie.scan(message.text, &mut self.extract).is_ok();
        if !json {
            self.extract.clear(self.pack.trie.len());
        }
        let view = view(message, &self.extract);
        let Some(kind) = self.pack.classify(message.carrier, Some(message.from), &view) else {
            return Reading::default();
        };
        let known = &self.pack.kinds[kind.0];
        let keys = if json { self.keys(kind, message) } else { Vec::new() };
        Reading { kind: Some(kind), role: Some(known.role), keys, parts: Vec::new() }
    }

    /// Adds the parts the message last read plays in `rules`.
    pub(crate) fn parts(&self, message: Unread<'_>, rules: &[&Respond], reading: &mut Reading) {
        let Some(kind) = reading.kind else { return };
        let view = View { kind: Some(kind), ..view(message, &self.extract) };
        let meant = |selector: &Selector| {
            selector.kinds.iter().any(|&wanted| self.pack.is_a(kind, wanted)) && view.holds(&selector.tests)
        };
        for (index, rule) in rules.iter().enumerate() {
            if meant(&rule.with) {
                reading.parts.push((index, Part::Answers));
            }
            if rule.restart.as_ref().is_some_and(meant) {
                reading.parts.push((index, Part::Restarts));
            }
            if rule.void.as_ref().is_some_and(meant) {
                reading.parts.push((index, Part::Voids));
            }
            if let Some(limit_ms) = self.limit_ms(rule, message)
                && meant(&rule.to)
            {
                reading.parts.push((index, Part::Asks { limit_ms }));
            }
        }
    }

    /// How much time the rule gives after this message.
    fn limit_ms(&self, rule: &Respond, message: Unread<'_>) -> Option<u64> {
        let own = rule.window.upper_at.and_then(|slot| self.extract.first(slot));
        let own = own.and_then(|found| found.token(message.text).trim_matches('"').parse().ok());
        own.or_else(|| rule.window.upper.map(|upper| upper.as_millis() as u64))
    }

    fn keys(&self, kind: KindId, message: Unread<'_>) -> Vec<Key> {
        let of = |key: &crate::pack::KeyAt| {
            let found: Vec<_> =
                key.slots.iter().map(|&slot| self.extract.first(slot)).collect::<Option<_>>()?;
            let spelled = found.iter().map(|found| found.token(message.text));
            let spelled: Vec<&str> = key.fixed.as_deref().into_iter().chain(spelled).collect();
            let ids = key.slots.iter().zip(&found).filter(|(slot, _)| !self.names.contains(slot));
            Some(Key {
                grouping: key.grouping,
                owner: key.of.map(|owner| match owner {
                    KeyOwner::Sender => message.from,
                    KeyOwner::Receiver => Leg::PosTerminal.peer(message.from),
                }),
                spelled: spelled.join(", "),
                ids: ids.map(|(_, found)| found.range()).collect(),
            })
        };
        self.pack.kinds[kind.0].keys.iter().filter_map(of).collect()
    }
}

/// The rules of a pack that give someone so much time to answer.
pub(crate) fn rules_about_time(pack: &Pack) -> Vec<&Respond> {
    let responds = pack.rules.iter().filter_map(|rule| match &rule.pattern {
        Pattern::Respond(respond) => Some(respond),
        Pattern::Shape(_)
        | Pattern::Never(_)
        | Pattern::Unique(_)
        | Pattern::Precede(_)
        | Pattern::Order(_)
        | Pattern::Agree(_)
        | Pattern::Limit(_) => None,
    });
    responds.filter(|respond| respond.window.upper.is_some() || respond.window.upper_at.is_some()).collect()
}

fn view<'a>(message: Unread<'a>, extract: &'a Extract) -> View<'a> {
    View {
        from: Some(message.from),
        endpoint: message.endpoint,
        close_code: message.close_code,
        ..View::of(message.text, extract)
    }
}

fn names_of_kinds(pack: &Pack) -> Vec<Slot> {
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
                | Test::Key(..)
                | Test::Masked(_)
                | Test::ClearCardData
                | Test::CloseCodeSendable
                | Test::NoDuplicateKeys
                | Test::OwnedByEndpoint { .. }
                | Test::FitsBody(_)
                | Test::OfKind(_)
                | Test::Optional(..)
                | Test::Each(..)
                | Test::Compare(..)
                | Test::From(_)
                | Test::AtEndpoint(_)
                | Test::Says(_)
                | Test::SizeAtMost(_) => {}
            }
        }
    }
    let mut names = Vec::new();
    for kind in &pack.kinds {
        collect(&kind.tests, &mut names);
    }
    names
}
