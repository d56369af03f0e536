//! Schemas that tests and kinds name: `schemas/request.json#/$defs/sale`, found in the pack's folder.

use super::{File, Resolver};
use crate::pack::PackError;
use crate::pack::document::Target;
use crate::pack::format::Text;
use crate::pack::model::{Carrier, CarrierSet, Kind};
use crate::pack::pattern::Shape;
use crate::pack::schema::{Dialect, Schema, compile};
use crate::pack::test::{Body, Test};

impl Resolver {
    /// The schema of that name, compiled when it is named for the first time.
    pub(super) fn schema(&mut self, file: &File<'_>, reference: &Text) -> Option<Schema> {
        let folder = file.name.split('/').next().unwrap_or(file.name);
        let path = format!("{folder}/{}", reference.get_ref());
        if let Some(known) = self.schemas.get(&path) {
            return known.clone();
        }
        let schema = match self.located(file, reference, &path) {
            Ok(target) => match compile(&mut self.library, &target, Dialect::Twenty) {
                Ok(schema) => Some(schema),
                Err(errors) => {
                    self.errors.extend(errors);
                    None
                }
            },
            Err(error) => {
                self.errors.push(error);
                None
            }
        };
        self.schemas.insert(path, schema.clone());
        schema
    }

    /// The schema all messages of a kind fit.
    pub(super) fn body(&mut self, file: &File<'_>, reference: &Text, carriers: CarrierSet) -> Option<Schema> {
        if carriers != CarrierSet::from_iter([Carrier::Json]) {
            self.wrong(file, reference, "a body for a kind of JSON message only");
        }
        self.schema(file, reference)
    }

    /// What schemas say of the messages of each kind.
    pub(super) fn bodies(&self) -> Vec<Body> {
        let body = |kind: &Kind| match &kind.body {
            Some(schema) => Body::Schema(schema.clone()),
            // A kind of which only special cases are described holds what is none of them.
            None => {
                let mut known = Vec::new();
                self.described_below(kind, &mut known);
                if known.is_empty() { Body::Unsaid } else { Body::Unknown(known) }
            }
        };
        self.kinds.iter().map(body).collect()
    }

    fn described_below(&self, kind: &Kind, known: &mut Vec<String>) {
        for child in kind.children.iter().map(|child| &self.kinds[child.0]) {
            match child.body {
                Some(_) => known.push(child.name.clone()),
                None => self.described_below(child, known),
            }
        }
    }

    /// A shape that asks for bodies is asked of the kinds of which schemas say something.
    pub(super) fn with_bodies(&mut self, file: &File<'_>, on: &[Text], shape: &mut Shape) {
        if !shape.require.iter().any(asks_for_body) {
            return;
        }
        let said: Vec<bool> = self.bodies().iter().map(|body| !matches!(body, Body::Unsaid)).collect();
        // Where messages could not be taken over, that is the mistake.
        if let (false, true, Some(named)) = (said.contains(&true), self.errors.is_empty(), on.first()) {
            let message = format!("expected kinds that have a `body`, got `{}`", named.get_ref());
            let help = "say `body = \"schemas/NAME.json\"` where the kind is declared";
            self.errors.push(file.error(file.span_of(named), message).help(help));
        }
        shape.on.tests.push(Test::OfKind(said));
    }

    fn located(&mut self, file: &File<'_>, reference: &Text, path: &str) -> Result<Target, PackError> {
        let wrong = |message: String| file.error(file.span_of(reference), message);
        let (name, fragment) = path.split_once('#').unwrap_or((path, ""));
        let document = self.library.open(name, wrong)?;
        self.library.follow(&document, &format!("#{fragment}"), wrong)
    }
}

fn asks_for_body(test: &Test) -> bool {
    match test {
        Test::FitsBody(_) => true,
        Test::Any(tests) | Test::All(tests) => tests.iter().any(asks_for_body),
        Test::Not(test) => asks_for_body(test),
        Test::Each(_, when, require) => when.iter().chain(require).any(asks_for_body),
        Test::OfKind(_)
        | Test::Has(_)
        | Test::Absent(_)
        | Test::ExactlyOne(_)
        | Test::Value(..)
        | Test::Key(..)
        | Test::Masked(_)
        | Test::ClearCardData
        | Test::CloseCodeSendable
        | Test::NoDuplicateKeys
        | Test::Optional(..)
        | Test::Compare(..)
        | Test::From(_)
        | Test::AtEndpoint(_)
        | Test::Says(_)
        | Test::SizeAtMost(_)
        | Test::OwnedByEndpoint { .. } => false,
    }
}
