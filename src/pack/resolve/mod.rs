//! From names to meaning: what `pack.toml` and front matter say, with every reference followed.
//!
//! Mistakes are collected, not thrown, so that one run of `pack check` shows them all.

mod described;
mod patterns;
mod questions;
mod schemas;
mod words;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::document::Library;
use super::error::{PackError, suggestion};
use super::extract::Slot;
use super::format::{FrontMatter, KeyAtDef, MessageDef, PackFile, SelectorDef, Text};
use super::model::{
    Carrier, CarrierSet, Document, Endpoint, GroupScope, Grouping, GroupingId, KeyAt, KeyOwner, Kind, KindId,
    Outcome, Role, Rule, SiteParameter,
};
use super::page::Page;
use super::pattern::Selector;
use super::schema::Schema;
use super::test::Test;
use super::trie::Trie;
use super::{Authority, Impact, Level, RuleInfo};
use crate::conversation::Party;

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
    pub(super) fixed: Vec<String>,
    pub(super) busy: Option<String>,
    pub(super) sensitive: Vec<String>,
    pub(super) trie: Trie,
    pub(super) outcome_trie: Trie,
    /// The documents schemas stand in.
    pub(super) library: Library,
    schemas: BTreeMap<String, Option<Schema>>,
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
        PackError::of_toml(self.name, self.text, self.offset, error)
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
                flows: false,
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
            let flows = key.flows.unwrap_or(true);
            self.groupings.push(Grouping { name: name.clone(), scope, keyed: true, flows });
        }
        self.volatile.extend(definition.volatile.iter().map(|pointer| pointer.get_ref().clone()));
        self.fixed.extend(definition.fixed.iter().map(|place| place.get_ref().clone()));
        if let Some(busy) = &definition.busy {
            if crate::text::json::validate(busy.get_ref()).is_err() {
                self.wrong(file, busy, "a JSON message, in which `\"{flow}\"` stands for the key of a flow");
            }
            self.busy = Some(busy.get_ref().clone());
        }
        self.sensitive.extend(definition.sensitive.iter().cloned());
    }

    /// Resolves the kinds of messages and the outcomes.
    pub(super) fn messages(&mut self, file: &File<'_>, definition: &PackFile) {
        for described in &definition.described {
            self.described(file, described);
        }
        for message in &definition.messages {
            let tests = self.tests(file, &message.when);
            self.kind(file, message, tests, None);
        }
        // Outcomes have pointers of their own, so that a check does not look for what no rule asks for.
        std::mem::swap(&mut self.trie, &mut self.outcome_trie);
        for outcome in &definition.outcomes {
            let Selector { kinds, tests } = self.selector(file, &outcome.on);
            self.outcomes.push(Outcome { name: outcome.name.clone(), kinds, tests });
        }
        std::mem::swap(&mut self.trie, &mut self.outcome_trie);
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
        let pattern = pattern?;
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
            waivable: front.waivable && !pattern.guards_card_data(),
        };
        Some(Rule {
            info: Arc::new(info),
            root: front.root,
            independent: front.independent,
            pattern,
            advice: front.advice,
            page,
        })
    }

    /// Adds a kind; `tests` are its `when`, resolved, and `body` what a schema says of it already.
    fn kind(&mut self, file: &File<'_>, message: &MessageDef, tests: Vec<Test>, body: Option<Schema>) {
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
        let endpoints = message.endpoint.iter().filter_map(|name| self.endpoint_id(file, name)).collect();
        let mut keys = parent.map_or_else(Vec::new, |p| self.kinds[p.0].keys.clone());
        for (grouping, at) in &message.keys {
            if let Some(key) = self.key_at(file, &message.kind, grouping, at) {
                keys.retain(|known| known.grouping != key.grouping);
                keys.push(key);
            }
        }
        let inherited = parent.and_then(|p| self.kinds[p.0].body.clone());
        let named = message.body.as_ref().and_then(|body| self.body(file, body, carriers));
        let body = body.or(named).or(inherited);
        // A flow goes by the first key.
        keys.sort_by_key(|key| !self.groupings[key.grouping.0].flows);
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
        let (unclear, mistake) = (message.unclear, message.mistake);
        self.kinds.push(Kind {
            name,
            what,
            parent,
            children,
            carriers,
            from,
            endpoints,
            tests,
            role,
            unclear,
            mistake,
            keys,
            body,
        });
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
        let fixed = def.is.as_ref().map(|key| crate::pack::test::Literal::string(key).0);
        Some(KeyAt { grouping: GroupingId(grouping), slots, fixed, of })
    }

    pub(super) fn selector(&mut self, file: &File<'_>, def: &SelectorDef) -> Selector {
        Selector {
            kinds: def.kinds.iter().filter_map(|kind| self.kind_id(file, kind)).collect(),
            tests: self.tests(file, &def.when),
        }
    }
}
