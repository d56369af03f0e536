//! What messages an AsyncAPI document describes: who sends each, on which channels, and what it is like.

use super::{three, two};
use crate::pack::PackError;
use crate::pack::document::{Document, Library, Node, Place, Target, Value};
use crate::pack::schema::Dialect;
use crate::text::Pointer;
use std::sync::Arc;

/// Who sends a message: AsyncAPI describes one application and what it exchanges with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pack) enum Side {
    /// The application the document describes.
    Application,
    /// Whoever it talks to.
    Peer,
}

/// What a message is to its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pack) enum Operation {
    /// It is sent, and that is all that is said.
    Plain,
    /// It asks for a reply.
    Asks,
    /// It is the reply.
    Replies,
}

/// A message of a document.
#[derive(Clone, Debug)]
pub(in crate::pack) struct Described {
    pub(in crate::pack) name: String,
    pub(in crate::pack) title: Option<String>,
    pub(in crate::pack) place: Place,
    pub(in crate::pack) sides: Vec<Side>,
    pub(in crate::pack) operation: Operation,
    /// Names and addresses of its channels.
    pub(in crate::pack) channels: Vec<(String, Option<String>)>,
    pub(in crate::pack) payload: Option<(Target, Dialect)>,
    /// Where its correlation id is.
    pub(in crate::pack) correlation: Option<Pointer>,
    /// What a pack said of it when it was written.
    pub(in crate::pack) ours: Option<Node>,
    identity: String,
}

/// The messages of a document that are sent in some operation, in its order.
pub(in crate::pack) fn read(
    library: &mut Library,
    document: &Arc<Document>,
) -> Result<Vec<Described>, Vec<PackError>> {
    let mut reader = Reader { library, document, messages: Vec::new(), errors: Vec::new() };
    let version = document.root.get("asyncapi");
    match version.and_then(Node::text).and_then(|version| version.split('.').next()) {
        Some("2") => two::operations(&mut reader),
        Some("3") => three::operations(&mut reader),
        _ => {
            let place = version.map_or(&document.root.place, |version| &version.place);
            let got = version.map_or_else(|| "a document that says none".to_owned(), Node::to_json);
            let error = place.error(format!("expected `asyncapi` 2.x or 3.x, got {got}"));
            reader.errors.push(error);
        }
    }
    if reader.messages.is_empty() && reader.errors.is_empty() {
        let error = document.root.place.error("expected operations with messages, found none");
        reader.errors.push(error.help("messages that no operation sends are not taken over"));
    }
    if reader.errors.is_empty() { Ok(reader.messages) } else { Err(reader.errors) }
}

/// A document that is being read.
pub(super) struct Reader<'l> {
    library: &'l mut Library,
    pub(super) document: &'l Arc<Document>,
    messages: Vec<Described>,
    pub(super) errors: Vec<PackError>,
}

/// A message as it is met in an operation.
pub(super) struct Met<'m> {
    pub(super) target: Target,
    /// The name it has where nothing else names it.
    pub(super) fallback: &'m str,
    pub(super) side: Side,
    pub(super) operation: Operation,
    pub(super) channel: (String, Option<String>),
}

impl Reader<'_> {
    /// The root of the document.
    pub(super) fn root(&self) -> Target {
        Target { document: Arc::clone(self.document), pointer: Pointer::default() }
    }

    /// What stands at `target`, references followed; `None` where that leads nowhere, which is noted.
    pub(super) fn follow(&mut self, target: &Target) -> Option<Target> {
        let mut target = target.clone();
        for _ in 0..MOST_REFERENCES {
            let node = target.node()?.clone();
            let Some(reference) = node.get("$ref") else { return Some(target) };
            let wrong = |message: String| reference.place.error(message);
            match self.library.follow(&target.document, reference.text().unwrap_or_default(), wrong) {
                Ok(next) => target = next,
                Err(error) => {
                    self.errors.push(error);
                    return None;
                }
            }
        }
        if let Some(node) = target.node() {
            self.errors.push(node.place.error("expected a value, got references in a circle"));
        }
        None
    }

    /// Takes note of a message.
    pub(super) fn meet(&mut self, met: Met<'_>) {
        let key = met.target.pointer.tokens().last().cloned();
        let Some(target) = self.follow(&met.target) else { return };
        let identity = format!("{}#{}", target.document.name, target.pointer);
        if let Some(known) = self.messages.iter_mut().find(|known| known.identity == identity) {
            if !known.sides.contains(&met.side) {
                known.sides.push(met.side);
            }
            if !known.channels.contains(&met.channel) {
                known.channels.push(met.channel);
            }
            if known.operation != met.operation {
                known.operation = Operation::Plain;
            }
            return;
        }
        let Some(node) = target.node().cloned() else { return };
        let component = target.pointer.tokens().last().cloned().or(key);
        let component = component.filter(|name| name != "message" && name.parse::<usize>().is_err());
        let named = node.text_at("name").or_else(|| node.text_at("messageId")).map(str::to_owned);
        let payload = self.payload(&target, &node);
        let correlation = self.correlation(&target, &node);
        self.messages.push(Described {
            name: named.or(component).unwrap_or_else(|| met.fallback.to_owned()),
            title: node.text_at("title").map(str::to_owned),
            place: node.place.clone(),
            sides: vec![met.side],
            operation: met.operation,
            channels: vec![met.channel],
            payload,
            correlation,
            ours: node.get("x-tilltape").cloned(),
            identity,
        });
    }

    /// The schema of a message's payload, and the edition it is written in.
    fn payload(&mut self, target: &Target, node: &Node) -> Option<(Target, Dialect)> {
        let payload = node.get("payload")?;
        let content = node.get("contentType").or_else(|| self.document.root.get("defaultContentType"));
        if let Some(content) = content
            && content.text().is_none_or(|text| !text.contains("json"))
        {
            let error = content.place.error(format!("expected JSON, got {}", content.to_json()));
            let help = "leave the message out: `skip = true` where the pack speaks of it";
            self.errors.push(error.help(help));
            return None;
        }
        let mut at = target.child("payload");
        let mut format = node.get("schemaFormat");
        if let Some(inner) = payload.get("schemaFormat") {
            format = Some(inner);
            at = at.child("schema");
        }
        let dialect = format.map_or(Some(Dialect::Seven), |format| format.text().and_then(dialect_of));
        if let (None, Some(format)) = (dialect, format) {
            let error = format.place.error(format!("expected JSON Schema, got {}", format.to_json()));
            self.errors.push(error.help("write the payload as JSON Schema, by a patch for instance"));
        }
        Some((at, dialect?))
    }

    /// Where a message carries its correlation id: `$message.payload#/id`.
    fn correlation(&mut self, target: &Target, node: &Node) -> Option<Pointer> {
        let mut holders = vec![target.clone()];
        let traits = node.get("traits").map_or(0, |traits| traits.elements().len());
        let traits = (0..traits).map(|index| target.child("traits").child(index.to_string()));
        holders.extend(traits.collect::<Vec<_>>().iter().filter_map(|target| self.follow(target)));
        let holder =
            holders.into_iter().find(|t| t.node().is_some_and(|n| n.get("correlationId").is_some()))?;
        let id = self.follow(&holder.child("correlationId"))?;
        let location = id.node()?.get("location")?.clone();
        let at = location.text().and_then(|text| text.strip_prefix("$message.payload#"));
        let at = at.and_then(|pointer| pointer.parse().ok());
        if at.is_none() && !location.text().is_some_and(|text| text.starts_with("$message.header#")) {
            let message =
                format!("expected a place such as `$message.payload#/id`, got {}", location.to_json());
            self.errors.push(location.place.error(message));
        }
        at
    }

    /// The members of the object at `target`, by name.
    pub(super) fn members(&mut self, target: &Target) -> Vec<(String, Target)> {
        let Some(node) = target.node() else { return Vec::new() };
        if !matches!(node.value, Value::Object(_)) {
            self.errors.push(node.place.error(format!("expected an object, got {}", node.noun())));
        }
        node.members().iter().map(|member| (member.key.clone(), target.child(&member.key))).collect()
    }
}

/// References that lead from one to the other before a value has to come.
const MOST_REFERENCES: usize = 32;

/// The edition of JSON Schema a media type names; without one, AsyncAPI's own, which is draft 07.
fn dialect_of(format: &str) -> Option<Dialect> {
    if format.starts_with("application/vnd.aai.asyncapi") {
        return Some(Dialect::Seven);
    }
    if !format.starts_with("application/schema+") {
        return None;
    }
    match format.split("version=").nth(1).map(|version| version.trim_matches('"')) {
        None | Some("draft-07" | "draft-06") => Some(Dialect::Seven),
        Some("2019-09") => Some(Dialect::Nineteen),
        Some("2020-12") => Some(Dialect::Twenty),
        Some(_) => None,
    }
}
