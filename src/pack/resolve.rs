//! From names to meaning: what `pack.toml` and front matter say, with every reference followed.
//!
//! Mistakes are collected, not thrown, so that one run of `pack check` shows them all.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::error::{PackError, suggestion};
use super::extract::{Slot, Trie};
use super::format::{
    AgreeDef, FrontMatter, KeyAtDef, LimitDef, MessageDef, NeverDef, OrderDef, PackFile, PatternDef,
    PrecedeDef, RespondDef, SelectorDef, ShapeDef, TestDef, Text, UniqueDef, WindowDef,
};
use super::model::{
    Carrier, CarrierSet, Document, Endpoint, EndpointId, GroupScope, Grouping, GroupingId, KeyAt, KeyOwner,
    Kind, KindId, Outcome, Role, Rule, SiteParameter,
};
use super::page::Page;
use super::pattern::{
    Agree, Judges, Limit, Never, Order, Pattern, Precede, Relation, Respond, Scope, Selector, Shape, State,
    Times, Transition, Unique, Window,
};
use super::test::{Format, JsonType, Literal, Test, ValueTest};
use super::{Authority, Impact, Level, RuleInfo};
use crate::conversation::Party;
use crate::mask::MaskedKind;
use crate::text::Pointer;

/// A file under resolution, for errors.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// Where its TOML starts.
    pub(super) offset: usize,
}

/// What has been resolved so far.
#[derive(Default)]
pub(super) struct Resolver {
    pub(super) errors: Vec<PackError>,
    pub(super) documents: Vec<Document>,
    pub(super) parameters: Vec<SiteParameter>,
    pub(super) endpoints: Vec<Endpoint>,
    endpoint_at: Vec<Slot>,
    pub(super) groupings: Vec<Grouping>,
    pub(super) kinds: Vec<Kind>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) volatile: Vec<String>,
    pub(super) sensitive: Vec<String>,
    pub(super) trie: Trie,
}

/// Groupings every pack has.
const BUILT_IN: [(&str, GroupScope); 2] =
    [("connection", GroupScope::Connection), ("recording", GroupScope::Recording)];

impl File<'_> {
    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> PackError {
        PackError::at(self.name, self.text, span.start + self.offset..span.end + self.offset, message)
    }

    /// An error of the TOML parser, with a suggestion where a key is misspelt.
    pub(super) fn toml_error(&self, error: &toml::de::Error) -> PackError {
        let message = error.message();
        let built = self.error(error.span().unwrap_or(0..0), message.replace(['\n'], "; "));
        let mut quoted = message.split('`').skip(1).step_by(2);
        let unknown = message.starts_with("unknown").then(|| quoted.next()).flatten();
        match unknown.and_then(|word| suggestion(word, quoted)) {
            Some(help) => built.help(help),
            None => built,
        }
    }

    /// Where a word stands; shorthands lose their span on the way through serde.
    fn span_of(&self, text: &Text) -> Range<usize> {
        if !text.span().is_empty() {
            return text.span();
        }
        let quoted = format!("\"{}\"", text.get_ref());
        let toml = &self.text[self.offset..];
        toml.find(&quoted).map_or(0..0, |at| at..at + quoted.len())
    }
}

impl Resolver {
    /// Takes over what other parts refer to: documents, parameters, endpoints and keys.
    pub(super) fn declare(&mut self, file: &File<'_>, definition: &PackFile) {
        if self.groupings.is_empty() {
            self.groupings.extend(BUILT_IN.map(|(name, scope)| Grouping {
                name: name.to_owned(),
                scope,
                keyed: false,
            }));
        }
        for document in &definition.documents {
            self.documents.push(Document {
                id: document.id.clone(),
                title: document.title.clone(),
                url: document.url.clone(),
            });
        }
        for (name, parameter) in &definition.parameters {
            self.parameters.retain(|known| known.name != *name);
            self.parameters.push(SiteParameter {
                name: name.clone(),
                value: parameter.default,
                set: false,
                unit: parameter.unit.clone(),
                what: parameter.what.clone(),
            });
        }
        for (name, endpoint) in &definition.endpoint {
            if !endpoint.path.get_ref().starts_with('/') {
                self.wrong(file, &endpoint.path, "a path such as `/tsi/v1/payment`");
            }
            self.endpoints.push(Endpoint {
                name: name.clone(),
                path: endpoint.path.get_ref().clone(),
                types: endpoint.types.clone(),
            });
        }
        for pointer in &definition.endpoint_at {
            let slot = self.slot(file, pointer);
            self.endpoint_at.extend(slot);
        }
        for (name, key) in &definition.keys {
            let scope = match key.scope.get_ref().as_str() {
                "connection" => GroupScope::Connection,
                "recording" => GroupScope::Recording,
                _ => {
                    self.wrong(file, &key.scope, "`connection` or `recording`");
                    GroupScope::Recording
                }
            };
            self.groupings.push(Grouping { name: name.clone(), scope, keyed: true });
        }
        self.volatile.extend(definition.volatile.iter().map(|pointer| pointer.get_ref().clone()));
        self.sensitive.extend(definition.sensitive.iter().cloned());
    }

    /// Resolves the kinds of messages and the outcomes.
    pub(super) fn messages(&mut self, file: &File<'_>, definition: &PackFile) {
        for message in &definition.messages {
            self.kind(file, message);
        }
        for outcome in &definition.outcomes {
            let Selector { kinds, tests } = self.selector(file, &outcome.on);
            self.outcomes.push(Outcome { name: outcome.name.clone(), kinds, tests });
        }
    }

    /// Resolves a rule; `None` where its mistakes were noted.
    pub(super) fn rule(
        &mut self,
        file: &File<'_>,
        pack: &str,
        front: FrontMatter,
        page: Arc<Page>,
    ) -> Option<Rule> {
        let before = self.errors.len();
        let code = front.code.get_ref().parse().ok();
        if code.is_none() {
            self.wrong(file, &front.code, "a rule code such as `ACK-1`");
        } else if !file.name.ends_with(&format!("/{}.md", front.code.get_ref())) {
            self.wrong(file, &front.code, "the code the file is named after");
        }
        let level = self.word(file, &front.level, &Level::ALL.map(|level| (level.as_str(), level)));
        let authority = self.word(
            file,
            &front.authority,
            &Authority::ALL.map(|authority| (authority.as_str(), authority)),
        );
        let impact = self.word(file, &front.impact, &Impact::ALL.map(|impact| (impact.as_str(), impact)));
        let obligor = front.obligor.as_ref().and_then(|party| self.party(file, party));
        let pattern = self.pattern(file, front.pattern);
        if self.errors.len() > before {
            return None;
        }
        let info = RuleInfo {
            pack: pack.to_owned(),
            code: code?,
            version: front.version,
            title: front.title,
            level: level?,
            authority: authority?,
            impact: impact?,
            obligor,
            source: front.source,
            page: file.name.to_owned(),
        };
        Some(Rule {
            info: Arc::new(info),
            root: front.root,
            independent: front.independent,
            pattern: pattern?,
            advice: front.advice,
            page,
        })
    }

    fn kind(&mut self, file: &File<'_>, message: &MessageDef) {
        let name = message.kind.get_ref().clone();
        let parent = message.is.as_ref().and_then(|parent| self.kind_id(file, parent));
        let carriers = match &message.event {
            Some(words) => words.0.iter().filter_map(|word| self.word(file, word, &Carrier::WORDS)).collect(),
            None => parent.map_or_else(CarrierSet::default, |parent| self.kinds[parent.0].carriers),
        };
        if message.event.is_none() && parent.is_none() {
            let error =
                file.error(message.kind.span(), format!("expected `is` or `event` for kind `{name}`"));
            self.errors.push(error.help("most kinds are a special case of `json`: write `is = \"json\"`"));
        }
        let inherited = |own: Option<Party>| own.or_else(|| parent.and_then(|p| self.kinds[p.0].from));
        let from = inherited(None);
        let from = message.from.as_ref().and_then(|party| self.party(file, party)).or(from);
        let role = message.role.as_ref().and_then(|word| self.word(file, word, &Role::WORDS));
        let role = role.or_else(|| parent.map(|p| self.kinds[p.0].role)).unwrap_or(Role::Control);
        let tests = self.tests(file, &message.when);
        let endpoints = message.endpoint.iter().filter_map(|name| self.endpoint_id(file, name)).collect();
        let mut keys = parent.map_or_else(Vec::new, |p| self.kinds[p.0].keys.clone());
        for (grouping, at) in &message.keys {
            if let Some(key) = self.key_at(file, &message.kind, grouping, at) {
                keys.retain(|known| known.grouping != key.grouping);
                keys.push(key);
            }
        }
        if self.kinds.iter().any(|kind| kind.name == name) {
            let error = file.error(message.kind.span(), format!("kind `{name}` is declared twice"));
            self.errors.push(error);
            return;
        }
        let id = KindId(self.kinds.len());
        if let Some(parent) = parent {
            self.kinds[parent.0].children.push(id);
        }
        let what = message.what.clone().unwrap_or_else(|| name.replace('-', " "));
        let children = Vec::new();
        self.kinds.push(Kind { name, what, parent, children, carriers, from, endpoints, tests, role, keys });
    }

    fn key_at(&mut self, file: &File<'_>, kind: &Text, name: &str, def: &KeyAtDef) -> Option<KeyAt> {
        let Some(grouping) = self.groupings.iter().position(|known| known.name == name && known.keyed) else {
            let known = self.groupings.iter().filter(|g| g.keyed).map(|g| g.name.as_str());
            let help = suggestion(name, known).unwrap_or_else(|| format!("declare it as `[keys.{name}]`"));
            let message = format!("expected a key of the pack, got `{name}`");
            self.errors.push(file.error(kind.span(), message).help(help));
            return None;
        };
        let slots = def.at.iter().filter_map(|pointer| self.slot(file, pointer)).collect();
        let of = def.of.as_ref().and_then(|word| {
            self.word(file, word, &[("sender", KeyOwner::Sender), ("receiver", KeyOwner::Receiver)])
        });
        Some(KeyAt { grouping: GroupingId(grouping), slots, of })
    }

    fn pattern(&mut self, file: &File<'_>, pattern: Spanned<PatternDef>) -> Option<Pattern> {
        Some(match pattern.into_inner() {
            PatternDef::Shape(ShapeDef { on, require }) => {
                Pattern::Shape(Shape { on: self.selector(file, &on), require: self.tests(file, &require) })
            }
            PatternDef::Never(NeverDef { message, among, after, key }) => Pattern::Never(Never {
                message: self.selector(file, &message),
                among: among.map(|def| self.selector(file, &def)),
                after: after.map(|def| self.selector(file, &def)),
                grouping: self.grouping(file, key.as_ref())?,
            }),
            PatternDef::Unique(UniqueDef { on, key, scope }) => Pattern::Unique(Unique {
                on: self.selector(file, &on),
                grouping: self.grouping(file, key.as_ref())?,
                scope: self.scope(file, scope.as_ref())?,
            }),
            PatternDef::Respond(def) => Pattern::Respond(self.respond(file, &def)?),
            PatternDef::Precede(PrecedeDef { first, then, key, each, reset_on }) => {
                Pattern::Precede(Precede {
                    first: self.selector(file, &first),
                    then: self.selector(file, &then),
                    grouping: self.grouping(file, key.as_ref())?,
                    each,
                    reset: reset_on.map(|def| self.selector(file, &def)),
                })
            }
            PatternDef::Order(def) => Pattern::Order(self.order(file, &def)?),
            PatternDef::Agree(AgreeDef { of, at, with, with_at, relation, key }) => Pattern::Agree(Agree {
                of: self.selector(file, &of),
                at: self.slot(file, &at)?,
                with: self.selector(file, &with),
                with_at: self.slot(file, &with_at)?,
                relation: self.choice(file, relation.as_ref(), &RELATIONS)?,
                grouping: self.grouping(file, key.as_ref())?,
            }),
            PatternDef::Limit(LimitDef { on, until, within, most, key, scope }) => Pattern::Limit(Limit {
                on: self.selector(file, &on),
                until: until.map(|def| self.selector(file, &def)),
                within: within.and_then(|window| self.span_of_time(file, &window)),
                most,
                grouping: self.grouping(file, key.as_ref())?,
                scope: self.scope(file, scope.as_ref())?,
            }),
        })
    }

    fn respond(&mut self, file: &File<'_>, def: &RespondDef) -> Option<Respond> {
        let window = Window {
            lower: def.not_before.as_ref().and_then(|w| self.span_of_time(file, w)).unwrap_or_default(),
            upper: def.within.as_ref().and_then(|w| self.span_of_time(file, w)),
            upper_at: def.within_at.as_ref().and_then(|pointer| self.slot(file, pointer)),
        };
        Some(Respond {
            to: self.selector(file, &def.to),
            with: self.selector(file, &def.with),
            grouping: self.grouping(file, def.key.as_ref())?,
            window,
            times: self.choice(file, def.times.as_ref(), &TIMES)?,
            judges: self.choice(file, def.judges.as_ref(), &JUDGES)?,
            restart: def.restart_on.as_ref().map(|restart| self.selector(file, restart)),
            carry: self.choice(file, def.on_disconnect.as_ref(), &ON_DISCONNECT)?,
        })
    }

    fn order(&mut self, file: &File<'_>, def: &OrderDef) -> Option<Order> {
        let mut names: Vec<&str> = def.states.keys().map(String::as_str).collect();
        let Some(start) = names.iter().position(|name| name == def.start.get_ref()) else {
            self.wrong(file, &def.start, &format!("one of the states: {}", names.join(", ")));
            return None;
        };
        names.swap(0, start);
        let mut kinds = Vec::new();
        let mut states = Vec::new();
        for &name in &names {
            let mut transitions = Vec::new();
            for (kind, transition) in &def.states[name] {
                let kind = self.kind_id(file, &Spanned::new(0..0, kind.clone()))?;
                let Some(to) = names.iter().position(|known| known == transition.to.get_ref()) else {
                    self.wrong(file, &transition.to, &format!("one of the states: {}", names.join(", ")));
                    continue;
                };
                let not_before = transition.not_before.as_ref().and_then(|w| self.span_of_time(file, w));
                transitions.push(Transition { kind, to, not_before: not_before.unwrap_or_default() });
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            states.push(State { name: name.to_owned(), transitions });
        }
        Some(Order { grouping: self.grouping(file, def.key.as_ref())?, states, kinds })
    }

    fn selector(&mut self, file: &File<'_>, def: &SelectorDef) -> Selector {
        Selector {
            kinds: def.kinds.iter().filter_map(|kind| self.kind_id(file, kind)).collect(),
            tests: self.tests(file, &def.when),
        }
    }

    fn tests(&mut self, file: &File<'_>, defs: &[Spanned<TestDef>]) -> Vec<Test> {
        defs.iter().filter_map(|def| self.test(file, def)).collect()
    }

    fn test(&mut self, file: &File<'_>, def: &Spanned<TestDef>) -> Option<Test> {
        let TestDef {
            has,
            absent,
            exactly_one_of,
            at,
            key,
            any,
            all,
            not,
            masked,
            close_code,
            duplicate_keys,
            clear_card_data,
            owned_by_endpoint,
            ..
        } = def.get_ref();
        let mut found = Vec::new();
        if let Some(pointer) = has {
            found.push(Test::Has(self.slot(file, pointer)?));
        }
        if let Some(pointer) = absent {
            found.push(Test::Absent(self.slot(file, pointer)?));
        }
        if let Some(pointers) = exactly_one_of {
            found.push(Test::ExactlyOne(pointers.iter().filter_map(|p| self.slot(file, p)).collect()));
        }
        if let Some(pointer) = at {
            let slot = self.slot(file, pointer)?;
            let wanted = self.value_tests(file, def);
            found.extend(wanted.into_iter().map(|wanted| Test::Value(slot, wanted)));
        }
        if let Some(name) = key {
            let grouping = self.grouping(file, Some(name))?;
            let keys = self.keys_of(grouping);
            let wanted = self.value_tests(file, def);
            found.extend(wanted.into_iter().map(|wanted| Test::Key(keys.clone(), wanted)));
        }
        found.extend(any.as_ref().map(|defs| Test::Any(self.tests(file, defs))));
        found.extend(all.as_ref().map(|defs| Test::All(self.tests(file, defs))));
        if let Some(def) = not {
            found.push(Test::Not(Box::new(self.test(file, def)?)));
        }
        if let Some(words) = masked {
            let known = MaskedKind::ALL.map(|kind| (kind.as_str(), kind));
            found.push(Test::Masked(words.iter().filter_map(|word| self.word(file, word, &known)).collect()));
        }
        if let Some(word) = close_code {
            self.word(file, word, &[("sendable", ())])?;
            found.push(Test::CloseCodeSendable);
        }
        if *duplicate_keys == Some(false) {
            found.push(Test::NoDuplicateKeys);
        }
        if *clear_card_data == Some(true) {
            found.push(Test::ClearCardData);
        }
        if let Some(pointer) = owned_by_endpoint {
            found.push(Test::OwnedByEndpoint {
                at: self.slot(file, pointer)?,
                named_at: self.endpoint_at.clone(),
                endpoints: self.endpoints.clone(),
            });
        }
        if found.len() > 1 {
            return Some(Test::All(found));
        }
        if found.is_empty() {
            self.errors.push(file.error(def.span(), "expected a question such as `has` or `at`"));
        }
        found.pop()
    }

    /// The questions a test asks about a value.
    fn value_tests(&mut self, file: &File<'_>, def: &Spanned<TestDef>) -> Vec<ValueTest> {
        let TestDef { equals, any_of, is, not_empty, format, .. } = def.get_ref();
        let mut wanted = Vec::new();
        wanted.extend(equals.as_ref().map(|value| ValueTest::OneOf(vec![literal(value)])));
        wanted.extend(any_of.as_ref().map(|all| ValueTest::OneOf(all.iter().map(literal).collect())));
        if let Some(words) = is {
            let types = words.0.iter().filter_map(|word| self.json_type(file, word)).collect();
            wanted.push(ValueTest::Is(types));
        }
        if *not_empty == Some(true) {
            wanted.push(ValueTest::NotEmpty);
        }
        if let Some(word) = format {
            wanted.extend(self.word(file, word, &Format::WORDS).map(ValueTest::Format));
        }
        if wanted.is_empty() {
            let message =
                "expected a question about the value: `equals`, `any-of`, `is`, `not-empty`, `format`";
            self.errors.push(file.error(def.span(), message));
        }
        wanted
    }

    /// Where each kind carries the first part of a key.
    fn keys_of(&self, grouping: GroupingId) -> Vec<(KindId, Slot)> {
        let kinds = self.kinds.iter().enumerate();
        kinds
            .filter_map(|(index, kind)| {
                let key = kind.keys.iter().find(|key| key.grouping == grouping)?;
                Some((KindId(index), *key.slots.first()?))
            })
            .collect()
    }

    fn slot(&mut self, file: &File<'_>, pointer: &Text) -> Option<Slot> {
        let Ok(parsed) = pointer.get_ref().parse::<Pointer>() else {
            self.wrong(file, pointer, "a JSON Pointer such as `/event/flow_id`");
            return None;
        };
        let slot = self.trie.add(&parsed);
        if slot.is_none() {
            self.wrong(file, pointer, "at most 65535 pointers in a pack");
        }
        slot
    }

    fn kind_id(&mut self, file: &File<'_>, name: &Text) -> Option<KindId> {
        let found = self.kinds.iter().position(|kind| kind.name == *name.get_ref()).map(KindId);
        if found.is_none() {
            let known: Vec<&str> = self.kinds.iter().map(|kind| kind.name.as_str()).collect();
            let help = suggestion(name.get_ref(), known.iter().copied())
                .unwrap_or_else(|| format!("known kinds: {}", known.join(", ")));
            let message = format!("expected a kind of message, got `{}`", name.get_ref());
            self.errors.push(file.error(file.span_of(name), message).help(help));
        }
        found
    }

    fn endpoint_id(&mut self, file: &File<'_>, name: &Text) -> Option<EndpointId> {
        let found = self.endpoints.iter().position(|endpoint| endpoint.name == *name.get_ref());
        if found.is_none() {
            self.wrong(file, name, "an endpoint of the pack");
        }
        found.map(EndpointId)
    }

    /// The grouping of that name; `flow` where nothing is said and the pack has it, else the connection.
    fn grouping(&mut self, file: &File<'_>, name: Option<&Text>) -> Option<GroupingId> {
        let wanted = name.map_or("flow", |name| name.get_ref());
        let found = self.groupings.iter().position(|grouping| grouping.name == wanted);
        match (found, name) {
            (Some(found), _) => Some(GroupingId(found)),
            (None, None) => Some(GroupingId(0)),
            (None, Some(name)) => {
                let known = self.groupings.iter().map(|grouping| format!("`{}`", grouping.name));
                let known = known.collect::<Vec<_>>().join(", ");
                self.wrong(file, name, &format!("one of {known}"));
                None
            }
        }
    }

    fn scope(&mut self, file: &File<'_>, word: Option<&Text>) -> Option<Scope> {
        self.choice(file, word, &SCOPES)
    }

    fn span_of_time(&mut self, file: &File<'_>, window: &Spanned<WindowDef>) -> Option<Duration> {
        match window.get_ref() {
            WindowDef::Millis(millis) => Some(Duration::from_millis(*millis)),
            WindowDef::Parameter(name) => {
                match self.parameters.iter().find(|parameter| parameter.name == *name) {
                    Some(parameter) => Some(Duration::from_millis(parameter.value)),
                    None => {
                        let known: Vec<&str> = self.parameters.iter().map(|p| p.name.as_str()).collect();
                        let help = suggestion(name, known.iter().copied())
                            .unwrap_or_else(|| format!("known parameters: {}", known.join(", ")));
                        let message = format!("expected milliseconds or a parameter, got `{name}`");
                        self.errors.push(file.error(window.span(), message).help(help));
                        None
                    }
                }
            }
        }
    }

    fn json_type(&mut self, file: &File<'_>, word: &Text) -> Option<JsonType> {
        let found = JsonType::from_word(word.get_ref());
        if found.is_none() {
            self.wrong(file, word, "`object`, `array`, `string`, `number`, `boolean` or `null`");
        }
        found
    }

    fn party(&mut self, file: &File<'_>, word: &Text) -> Option<Party> {
        let found = word.get_ref().parse().ok();
        if found.is_none() {
            self.wrong(file, word, "`pos`, `terminal` or `gateway`");
        }
        found
    }

    /// One of several words; the first where nothing is said.
    fn choice<T: Copy>(&mut self, file: &File<'_>, word: Option<&Text>, known: &[(&str, T)]) -> Option<T> {
        match word {
            None => known.first().map(|&(_, value)| value),
            Some(word) => self.word(file, word, known),
        }
    }

    fn word<T: Copy>(&mut self, file: &File<'_>, word: &Text, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| name == word.get_ref()).map(|&(_, value)| value);
        if found.is_none() {
            let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let message = format!("expected {}, got `{}`", names.join(", "), word.get_ref());
            let error = file.error(file.span_of(word), message);
            let help = suggestion(word.get_ref(), known.iter().map(|&(name, _)| name));
            self.errors.push(match help {
                Some(help) => error.help(help),
                None => error,
            });
        }
        found
    }

    fn wrong(&mut self, file: &File<'_>, text: &Text, expected: &str) {
        let message = format!("expected {expected}, got `{}`", text.get_ref());
        self.errors.push(file.error(file.span_of(text), message));
    }
}

const RELATIONS: [(&str, Relation); 4] = [
    ("equals", Relation::Equals),
    ("at-most", Relation::AtMost),
    ("at-least", Relation::AtLeast),
    ("sum-of", Relation::SumOf),
];
const TIMES: [(&str, Times); 3] = [
    ("at-least-once", Times::AtLeastOnce),
    ("exactly-once", Times::ExactlyOnce),
    ("at-most-once", Times::AtMostOnce),
];
const JUDGES: [(&str, Judges); 3] =
    [("both", Judges::Both), ("existence", Judges::Existence), ("promptness", Judges::Promptness)];
const ON_DISCONNECT: [(&str, bool); 2] = [("end", false), ("carry", true)];
const SCOPES: [(&str, Scope); 3] = [
    ("recording", Scope::Recording),
    ("connection", Scope::Connection),
    ("installation", Scope::Installation),
];

fn literal(value: &toml::Value) -> Literal {
    match value {
        toml::Value::String(text) => Literal::string(text),
        other => Literal(other.to_string()),
    }
}
