//! Messages of an AsyncAPI document as kinds of a pack: what the document says, and over it what the pack says.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;

use super::{File, Resolver};
use crate::conversation::Party;
use crate::pack::PackError;
use crate::pack::asyncapi::{Described, Facts, Operation, Side, Sign, facts, read, told_apart};
use crate::pack::document::{Document, Node, Target, Value, quoted};
use crate::pack::error::suggestion;
use crate::pack::format::{AsyncApiDef, DescribedDef, KeyAtDef, MessageDef, Text};
use crate::pack::model::Endpoint;
use crate::pack::schema::{Dialect, Schema, compile};
use crate::pack::test::Test;
use crate::pack::value::{Literal, ValueTest};
use crate::text::Pointer;

/// A kind that one or several messages of a document make up.
struct Planned {
    definition: MessageDef,
    /// What tells it from others, where that is said.
    when: Option<Vec<Test>>,
    sides: Vec<Side>,
    facts: Facts,
    bodies: Vec<(Target, Dialect)>,
    first: Described,
}

impl Resolver {
    /// Takes over the messages of a document.
    pub(super) fn described(&mut self, file: &File<'_>, def: &AsyncApiDef) {
        let before = self.errors.len();
        let Some(document) = self.patched(file, def) else { return };
        let messages = match read(&mut self.library, &document) {
            Ok(messages) => messages,
            Err(errors) => return self.errors.extend(errors),
        };
        self.refuse_unknown_messages(file, def, &messages);
        let application =
            self.word(file, &def.application, &[("pos", Party::Pos), ("terminal", Party::Terminal)]);
        let mut planned: Vec<Planned> = Vec::new();
        for message in messages {
            self.plan(file, def, message, application, &mut planned);
        }
        if self.errors.len() == before {
            self.add_planned(file, planned);
        }
    }

    fn patched(&mut self, file: &File<'_>, def: &AsyncApiDef) -> Option<Arc<Document>> {
        let mut document = self.document(file, &def.document)?;
        for patch in def.patch.iter().flat_map(|patches| &patches.0) {
            let patch = self.document(file, patch)?;
            document = self.library.patch(&document, &patch);
        }
        Some(document)
    }

    fn document(&mut self, file: &File<'_>, name: &Text) -> Option<Arc<Document>> {
        let folder = file.name.split('/').next().unwrap_or(file.name);
        let path = format!("{folder}/{}", name.get_ref());
        match self.library.open(&path, |message| file.error(file.span_of(name), message)) {
            Ok(document) => Some(document),
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    fn refuse_unknown_messages(&mut self, file: &File<'_>, def: &AsyncApiDef, messages: &[Described]) {
        for name in def.message.keys() {
            if messages.iter().any(|message| message.name == *name.get_ref()) {
                continue;
            }
            let known: Vec<&str> = messages.iter().map(|message| message.name.as_str()).collect();
            let help = suggestion(name.get_ref(), known.iter().copied())
                .unwrap_or_else(|| format!("its messages: {}", known.join(", ")));
            let message = format!("expected a message of the document, got `{}`", name.get_ref());
            self.errors.push(file.error(file.span_of(name), message).help(help));
        }
    }

    /// Notes a message: a kind of its own, or one more form of a kind that was named before.
    fn plan(
        &mut self,
        file: &File<'_>,
        def: &AsyncApiDef,
        message: Described,
        application: Option<Party>,
        planned: &mut Vec<Planned>,
    ) {
        let own = def.message.iter().find(|(name, _)| *name.get_ref() == message.name).map(|(_, own)| own);
        let nothing = DescribedDef::default();
        let own = own.unwrap_or(&nothing);
        let ours = self.ours(&message);
        let (ours, ours_text) = ours.as_ref().map_or((&nothing, ""), |(ours, text)| (ours, text.as_str()));
        if own.skip || ours.skip {
            return;
        }
        let kind = own.kind.as_ref().or(ours.kind.as_ref());
        let kind = kind.map_or_else(|| message.name.clone(), |kind| kind.get_ref().clone());
        let has_body = own.body.or(ours.body).unwrap_or(true);
        let body = message.payload.clone().filter(|_| has_body);
        let known = message.payload.as_ref().map(|(target, _)| facts(&mut self.library, target));
        let known = known.unwrap_or_default();
        if let Some(group) = planned.iter_mut().find(|group| *group.definition.kind.get_ref() == kind) {
            group.facts = group.facts.either(&known);
            group.bodies.extend(body);
            group.sides.extend(
                message.sides.iter().filter(|side| !group.sides.contains(side)).copied().collect::<Vec<_>>(),
            );
            return;
        }
        let word = |text: &str| Spanned::new(0..0, text.to_owned());
        let said = |own: &Option<Text>, ours: &Option<Text>| own.as_ref().or(ours.as_ref()).cloned();
        let is = said(&own.is, &ours.is).or_else(|| def.is.clone()).unwrap_or_else(|| word("json"));
        let derived = match (&def.key, &message.correlation, message.operation) {
            (Some(_), Some(_), Operation::Asks) => Some(word("opens")),
            (Some(_), Some(_), Operation::Replies) => Some(word("final")),
            _ => None,
        };
        let from = match (application, message.sides.as_slice()) {
            (Some(application), [side]) => Some(word(party(application, *side).as_str())),
            _ => None,
        };
        let mut keys = clone_keys(&ours.keys);
        if let (Some(key), Some(at), true) = (&def.key, &message.correlation, keys.is_empty()) {
            let at = KeyAtDef { at: vec![word(&at.to_string())], is: None, of: None };
            keys.insert(key.get_ref().clone(), at);
        }
        keys.extend(clone_keys(&own.keys));
        // Its channels become endpoints even where the message is said to be sent elsewhere.
        let channels = self.endpoints_of(file, def, &message);
        let endpoint = own.endpoint.clone().or_else(|| ours.endpoint.clone()).unwrap_or(channels);
        let when = match (&own.when, &ours.when) {
            (Some(when), _) => Some(self.tests(file, when)),
            (None, Some(when)) => {
                let name = format!("{} (x-tilltape of `{}`)", message.place.origin.name, message.name);
                Some(self.tests(&File { name: &name, text: ours_text, offset: 0 }, when))
            }
            (None, None) => None,
        };
        planned.push(Planned {
            definition: MessageDef {
                kind: word(&kind),
                what: own.what.clone().or_else(|| ours.what.clone()).or_else(|| message.title.clone()),
                is: Some(is),
                event: None,
                from: said(&own.from, &ours.from).or(from),
                endpoint: Some(endpoint),
                role: said(&own.role, &ours.role).or(derived),
                unclear: Some(own.unclear || ours.unclear),
                mistake: Some(own.mistake || ours.mistake),
                when: None,
                body: None,
                keys,
            },
            when,
            sides: message.sides.clone(),
            facts: known,
            bodies: body.into_iter().collect(),
            first: message,
        });
    }

    /// What a pack said of a message when it was written, and the TOML that says it.
    fn ours(&mut self, message: &Described) -> Option<(DescribedDef, String)> {
        let node = message.ours.as_ref()?;
        let text: String = node
            .members()
            .iter()
            .map(|member| format!("{} = {}\n", toml_key(&member.key), toml_value(&member.value)))
            .collect();
        match toml::from_str(&text) {
            Ok(definition) => Some((definition, text)),
            Err(error) => {
                let message = format!("expected what a pack says of a message: {}", error.message());
                self.errors.push(node.place.error(message));
                None
            }
        }
    }

    /// The endpoints that a message's channels are; none where one of them is no path.
    fn endpoints_of(&mut self, file: &File<'_>, def: &AsyncApiDef, message: &Described) -> Vec<Text> {
        if let Some(word) = &def.channels
            && self.word(file, word, &[("endpoints", true), ("ignored", false)]) != Some(true)
        {
            return Vec::new();
        }
        let paths: Option<Vec<(&String, &String)>> = message
            .channels
            .iter()
            .map(|(name, address)| {
                let path = address.as_ref().filter(|path| path.starts_with('/') && !path.contains('{'))?;
                Some((name, path))
            })
            .collect();
        let mut names = Vec::new();
        for (name, path) in paths.unwrap_or_default() {
            let known = self.endpoints.iter().find(|known| known.paths.contains(path) || known.name == *name);
            let name = match known {
                Some(known) => known.name.clone(),
                None => {
                    let types = Vec::new();
                    self.endpoints.push(Endpoint { name: name.clone(), paths: vec![path.clone()], types });
                    name.clone()
                }
            };
            names.push(Spanned::new(0..0, name));
        }
        names
    }

    /// Adds the kinds, parents before children; of those that share a parent, the ones a value tells apart first.
    fn add_planned(&mut self, file: &File<'_>, planned: Vec<Planned>) {
        let mut signs: Vec<Sign> = Vec::new();
        for (index, kind) in planned.iter().enumerate() {
            let sign = match kind.when {
                Some(_) => Some(Sign::default()),
                None => self.sign(index, &planned),
            };
            // What one cannot be told from cannot be told from it: that is said once.
            let Some(sign) = sign else { return };
            signs.push(sign);
        }
        let mut open: Vec<(Planned, Sign)> = planned.into_iter().zip(signs).collect();
        open.sort_by_key(|(kind, sign)| {
            match (&kind.when, sign.values.is_empty(), sign.members.is_empty()) {
                (Some(_), _, _) => 0,
                (None, false, _) => 1,
                (None, true, false) => 2,
                (None, true, true) => 3,
            }
        });
        while !open.is_empty() {
            let ready = open.iter().position(|(kind, _)| {
                let parent = kind.definition.is.as_ref();
                !open.iter().any(|(other, _)| {
                    parent.is_some_and(|parent| parent.get_ref() == other.definition.kind.get_ref())
                })
            });
            // One whose parent never comes says so when it is resolved.
            let (kind, sign) = open.remove(ready.unwrap_or(0));
            self.add_described(file, kind, sign);
        }
    }

    fn add_described(&mut self, file: &File<'_>, kind: Planned, sign: Sign) {
        let tests = match kind.when {
            Some(tests) => tests,
            None => {
                let values = sign.values.iter().filter_map(|(place, values)| {
                    let literals = values.iter().map(|value| Literal(value.clone())).collect();
                    Some(Test::Value(self.trie.add(place)?, ValueTest::OneOf(literals)))
                });
                let mut tests: Vec<Test> = values.collect();
                let members = sign.members.iter();
                tests.extend(
                    members
                        .filter_map(|name| Some(Test::Has(self.trie.add(&Pointer::default().child(name))?))),
                );
                tests
            }
        };
        let body = self.body_of(&kind.definition, &kind.bodies);
        self.told_kind(file, &kind.definition, tests, body);
    }

    /// How a kind is told from those beside it; what cannot be told is noted.
    fn sign(&mut self, index: usize, planned: &[Planned]) -> Option<Sign> {
        let own = &planned[index];
        let mut beside: Vec<&Planned> = planned
            .iter()
            .enumerate()
            .filter(|&(other, kind)| other != index && own.may_be_taken_for(kind))
            .map(|(_, kind)| kind)
            .collect();
        loop {
            let others: Vec<&Facts> = beside.iter().map(|kind| &kind.facts).collect();
            match told_apart(&own.facts, &others) {
                Ok(sign) => return Some(sign),
                // What is said of the other tells them apart.
                Err(other) if beside[other].when.is_some() => {
                    beside.remove(other);
                }
                Err(other) => {
                    let other = &beside[other].first.name;
                    let name = &own.first.name;
                    let message = format!("message `{name}` cannot be told from `{other}` on the wire");
                    let help = format!(
                        "say how, `[asyncapi.message.{name}]` with `when = [{{ … }}]`, or give both the same `kind`"
                    );
                    self.errors.push(own.first.place.error(message).help(help));
                    return None;
                }
            }
        }
    }

    /// The schema of all the messages that make up a kind.
    fn body_of(&mut self, definition: &MessageDef, bodies: &[(Target, Dialect)]) -> Option<Schema> {
        let compiled = match bodies {
            [] => return None,
            [(target, dialect)] => compile(&mut self.library, target, *dialect),
            [(first, dialect), ..] => self
                .any_of(definition, first, bodies)
                .map_err(|error| vec![error])
                .and_then(|target| compile(&mut self.library, &target, *dialect)),
        };
        match compiled {
            Ok(schema) => Some(schema),
            Err(errors) => {
                let new = errors.into_iter().filter(|error| !self.errors.contains(error)).collect::<Vec<_>>();
                self.errors.extend(new);
                None
            }
        }
    }

    /// A document beside the one the messages come from that says: any of these.
    fn any_of(
        &mut self,
        definition: &MessageDef,
        first: &Target,
        bodies: &[(Target, Dialect)],
    ) -> Result<Target, PackError> {
        let references = bodies.iter().map(|(target, _)| {
            let file = target.document.name.rsplit('/').next().unwrap_or_default();
            let pointer = target.pointer.to_string().replace('%', "%25");
            format!("{{\"$ref\":{}}}", quoted(&format!("{file}#{pointer}")))
        });
        let json = format!("{{\"anyOf\":[{}]}}", references.collect::<Vec<_>>().join(","));
        let name = format!("{} ({})", first.document.name, definition.kind.get_ref());
        let document = self.library.add(&name, json)?;
        Ok(Target { document, pointer: Pointer::default() })
    }
}

impl Planned {
    /// Whether a message could be either, by where it is sent and by whom.
    fn may_be_taken_for(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.definition, &other.definition);
        let named = |text: &Option<Text>| text.as_ref().map(|text| text.get_ref().clone());
        let places =
            |def: &MessageDef| def.endpoint.iter().flatten().map(|e| e.get_ref().clone()).collect::<Vec<_>>();
        let (here, there) = (places(own), places(theirs));
        let same_place =
            here.is_empty() || there.is_empty() || here.iter().any(|place| there.contains(place));
        let same_sender = match (named(&own.from), named(&theirs.from)) {
            (Some(a), Some(b)) => a == b,
            (None, _) | (_, None) => true,
        };
        named(&own.is) == named(&theirs.is) && same_place && same_sender
    }
}

fn party(application: Party, side: Side) -> Party {
    match (side, application) {
        (Side::Application, party) => party,
        (Side::Peer, Party::Pos) => Party::Terminal,
        (Side::Peer, Party::Terminal | Party::Gateway) => Party::Pos,
    }
}

fn clone_keys(keys: &BTreeMap<String, KeyAtDef>) -> BTreeMap<String, KeyAtDef> {
    let copy = |at: &KeyAtDef| KeyAtDef { at: at.at.clone(), is: at.is.clone(), of: at.of.clone() };
    keys.iter().map(|(name, at)| (name.clone(), copy(at))).collect()
}

fn toml_key(key: &str) -> String {
    quoted(key)
}

/// A value as TOML writes it on one line; TOML has no null.
fn toml_value(node: &Node) -> String {
    match &node.value {
        Value::Null => "\"null\"".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => node.to_json(),
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(toml_value).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|member| format!("{} = {}", toml_key(&member.key), toml_value(&member.value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
    }
}
