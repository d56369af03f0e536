//! From names to meaning: what `pack.toml` and front matter say, with every reference followed.
//!
//! Mistakes are collected, not thrown, so that one run of `pack check` shows them all.

mod described;
mod kinds;
mod money;
mod patterns;
mod questions;
mod rules;
mod schemas;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use super::chain::{Link, Taken};
use super::document::Library;
use super::error::PackError;
use super::extract::Slot;
use super::format::{PackFile, SelectorDef, Text};
use super::model::{Document, Endpoint, GroupScope, Grouping, Kind, KindSet, Outcome, SiteParameter};
use super::money::{Money, Recovery};
use super::pattern::{Condition, Selector};
use super::schema::Schema;
use super::test::Test;
use super::trie::Trie;

/// A file under resolution, for errors.
#[derive(Clone, Copy, Debug)]
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
    pub(super) crossing: Duration,
    pub(super) volatile: Vec<String>,
    pub(super) fixed: Vec<String>,
    pub(super) busy: Option<String>,
    pub(super) money: Option<Money>,
    pub(super) recoveries: Vec<Recovery>,
    pub(super) sensitive: Vec<String>,
    pub(super) trie: Trie,
    pub(super) outcome_trie: Trie,
    pub(super) money_trie: Trie,
    /// The documents schemas stand in.
    pub(super) library: Library,
    /// The conditions of selectors, as spelled for debugging, by number.
    conditions: HashMap<String, usize>,
    schemas: BTreeMap<String, Option<Schema>>,
}

/// Groupings every pack has.
const BUILT_IN: [(&str, GroupScope); Grouping::BUILT_IN] = [
    ("connection", GroupScope::Connection),
    ("recording", GroupScope::Recording),
    ("sender", GroupScope::Sender),
    ("endpoint", GroupScope::Endpoint),
    ("installation", GroupScope::Installation),
];

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
    pub(super) fn declare(&mut self, link: &Link<'_>) {
        let Link { file, definition, taken } = link;
        if self.groupings.is_empty() {
            self.groupings.extend(BUILT_IN.map(|(name, scope)| Grouping {
                name: name.to_owned(),
                scope,
                keyed: false,
                flows: false,
            }));
        }
        self.parameters_and_keys(file, definition);
        self.sensitive.extend(definition.sensitive.iter().cloned());
        if *taken == Taken::AsDialect {
            return;
        }
        for document in &definition.documents {
            self.documents.push(Document {
                id: document.id.clone(),
                title: document.title.clone(),
                url: document.url.clone(),
            });
        }
        for (name, endpoint) in &definition.endpoint {
            for path in endpoint.path.0.iter().filter(|path| !path.get_ref().starts_with('/')) {
                self.wrong(file, path, "a path such as `/tsi/v1/payment`");
            }
            self.endpoints.push(Endpoint {
                name: name.clone(),
                paths: endpoint.path.0.iter().map(|path| path.get_ref().clone()).collect(),
                types: endpoint.types.clone(),
            });
        }
        for pointer in &definition.endpoint_at {
            let slot = self.slot(file, pointer);
            self.endpoint_at.extend(slot);
        }
        self.volatile.extend(definition.volatile.iter().map(|pointer| pointer.get_ref().clone()));
        self.fixed.extend(definition.fixed.iter().map(|place| place.get_ref().clone()));
        if let Some(busy) = &definition.busy {
            if crate::text::json::validate(busy.get_ref()).is_err() {
                self.wrong(file, busy, "a JSON message, in which `\"{flow}\"` stands for the key of a flow");
            }
            self.busy = Some(busy.get_ref().clone());
        }
    }

    fn parameters_and_keys(&mut self, file: &File<'_>, definition: &PackFile) {
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
        for (name, key) in &definition.keys {
            let scope = match key.scope.get_ref().as_str() {
                "connection" => GroupScope::Connection,
                "recording" => GroupScope::Recording,
                "installation" => GroupScope::Installation,
                _ => {
                    self.wrong(file, &key.scope, "`connection`, `recording` or `installation`");
                    GroupScope::Recording
                }
            };
            let flows = key.flows.unwrap_or(true);
            self.groupings.push(Grouping { name: name.clone(), scope, keyed: true, flows });
        }
        if self.groupings.len() > Grouping::MOST {
            let most = Grouping::MOST - BUILT_IN.len();
            self.errors.push(file.error(0..0, format!("expected at most {most} keys in a pack")));
        }
    }

    pub(super) fn selector(&mut self, file: &File<'_>, def: &SelectorDef) -> Selector {
        let kinds = def.kinds.iter().filter_map(|kind| self.kind_id(file, kind)).collect();
        let opened_by = def.opened_by.iter().filter_map(|kind| self.kind_id(file, kind)).collect();
        let tests = self.tests(file, &def.when);
        let condition = self.condition(&tests, opened_by, def.repeated);
        Selector { kinds, tests, opened_by, repeated: def.repeated, what: def.what.clone(), condition }
    }

    fn condition(&mut self, tests: &[Test], opened_by: KindSet, repeated: Option<bool>) -> Condition {
        if tests.is_empty() && opened_by.is_empty() && repeated.is_none() {
            return Condition::None;
        }
        let next = self.conditions.len();
        let spelled = format!("{tests:?} {opened_by:?} {repeated:?}");
        let number = *self.conditions.entry(spelled).or_insert(next);
        u8::try_from(number).map_or(Condition::Other, Condition::Numbered)
    }

    /// A selector in a table of the pack, which looks at each message by itself.
    pub(super) fn lone_selector(&mut self, file: &File<'_>, def: &SelectorDef) -> Selector {
        let opened_by = def.opened_by.first().map(|kind| ("opened-by", kind));
        let repeated = def.repeated.and_then(|_| Some(("repeated", def.kinds.first()?)));
        for (word, at) in opened_by.into_iter().chain(repeated) {
            let message = format!("expected `kind` and `when` alone, got `{word}`, which only rules can ask");
            let help =
                format!("leave `{word}` out, and tell the messages apart by their kind or with `when`");
            self.errors.push(file.error(file.span_of(at), message).help(help));
        }
        self.selector(file, def)
    }
}
