//! From a schema document to nodes: every keyword read, every reference followed, every mistake noted.

mod circles;
mod members;
mod values;

use std::collections::HashMap;
use std::sync::Arc;

use super::dialect::Dialect;
use super::keyword::{self, Keyword};
use super::program::{Also, Node, NodeId, Schema};
use crate::pack::document::{self, Library, Target, Value};
use crate::pack::error::suggestion;
use crate::pack::{PackError, PackErrors};
use crate::text::Pointer;

/// Compiles the schema at `target`. `dialect` holds where the document does not name one itself.
pub(in crate::pack) fn compile(
    library: &mut Library,
    target: &Target,
    dialect: Dialect,
) -> Result<Schema, Vec<PackError>> {
    let mut compiler =
        Compiler { library, default: dialect, known: HashMap::new(), nodes: Vec::new(), errors: Vec::new() };
    let root = compiler.schema(target);
    compiler.refuse_circles();
    if !compiler.errors.is_empty() {
        return Err(compiler.errors);
    }
    let nodes = compiler.nodes.into_iter().map(|planned| planned.node).collect();
    Ok(Schema { nodes, root, origin: Arc::new(target.clone()) })
}

impl Schema {
    /// A schema that stands by itself: `text` is all of its document, by 2020-12 unless it says otherwise.
    pub fn from_json(text: &str) -> Result<Self, PackErrors> {
        let name = "schema.json";
        let mut library = Library::of(&[(name, text)].into_iter().collect());
        let document = library.open(name, |message| PackError::of_file(name, message))?;
        let target = Target { document, pointer: Pointer::default() };
        compile(&mut library, &target, Dialect::Twenty).map_err(PackErrors)
    }
}

struct Compiler<'l> {
    library: &'l mut Library,
    default: Dialect,
    known: HashMap<(String, String), NodeId>,
    nodes: Vec<Planned>,
    errors: Vec<PackError>,
}

struct Planned {
    node: Node,
    target: Target,
}

/// A schema object under way.
#[derive(Clone, Copy)]
struct Part<'a> {
    target: &'a Target,
    node: &'a document::Node,
    dialect: Dialect,
}

impl<'a> Part<'a> {
    fn get(self, keyword: &str) -> Option<&'a document::Node> {
        self.node.get(keyword)
    }
}

impl Compiler<'_> {
    /// The node of the schema at `target`, compiled where it is met for the first time.
    fn schema(&mut self, target: &Target) -> NodeId {
        let key = (target.document.name.clone(), target.pointer.to_string());
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let Some(node) = target.node() else { return self.place(Node::default(), target) };
        // A schema that is nothing but a reference is the schema it refers to.
        if let Some(referred) = self.bare_reference(target, node) {
            return self.reference(target, referred, key);
        }
        let id = self.place(Node::default(), target);
        self.known.insert(key, id);
        let compiled = match &node.value {
            Value::Bool(true) => Node::default(),
            Value::Bool(false) => Node::never(),
            Value::Object(_) => {
                let dialect = self.dialect(target);
                self.object_schema(Part { target, node, dialect })
            }
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let message =
                    format!("expected a schema (an object, `true` or `false`), got {}", node.noun());
                self.errors.push(node.place.error(message));
                Node::default()
            }
        };
        self.nodes[id.0 as usize].node = compiled;
        id
    }

    fn place(&mut self, node: Node, target: &Target) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Planned { node, target: target.clone() });
        id
    }

    fn dialect(&mut self, target: &Target) -> Dialect {
        let root = &target.document.root;
        let Some(named) = root.get("$schema") else { return self.default };
        let dialect = named.text().and_then(Dialect::named);
        if dialect.is_none() && !self.errors.iter().any(|error| error.message.contains("an edition")) {
            let message = format!("expected an edition of JSON Schema, got {}", named.to_json());
            let help = "supported are 2020-12 (`https://json-schema.org/draft/2020-12/schema`), 2019-09, \
                        draft-07 and draft-06";
            self.errors.push(named.place.error(message).help(help));
        }
        dialect.unwrap_or(self.default)
    }

    fn bare_reference<'n>(
        &mut self,
        target: &Target,
        node: &'n document::Node,
    ) -> Option<&'n document::Node> {
        let reference = node.get("$ref")?;
        let beside = node.members().iter().filter(|member| member.key != "$ref");
        let asserts = |name: &str| !matches!(keyword::keyword(name), Some(Keyword::Annotates));
        let alone = !self.dialect(target).reads_beside_ref()
            || beside.into_iter().all(|member| !asserts(&member.key));
        alone.then_some(reference)
    }

    fn reference(&mut self, target: &Target, reference: &document::Node, key: (String, String)) -> NodeId {
        let Some(text) = reference.text() else {
            let message = format!("expected the text of a reference, got {}", reference.noun());
            self.errors.push(reference.place.error(message));
            return self.place(Node::default(), target);
        };
        // A circle of nothing but references has no schema in it.
        let placeholder = self.place(Node::default(), target);
        self.known.insert(key.clone(), placeholder);
        let followed = self.library.follow(&target.document, text, |message| reference.place.error(message));
        match followed {
            Ok(next) => {
                let id = self.schema(&next);
                if id == placeholder {
                    let error = reference.place.error("expected a schema, got references in a circle");
                    self.errors.push(error);
                }
                self.nodes[placeholder.0 as usize].node.also = Box::new([Also::All(Box::new([id]))]);
                self.known.insert(key, id);
                id
            }
            Err(error) => {
                self.errors.push(error);
                placeholder
            }
        }
    }

    fn object_schema(&mut self, part: Part<'_>) -> Node {
        self.refuse_unknown(part);
        let mut node = Node {
            types: self.types(part),
            values: self.values(part),
            title: part.get("title").and_then(document::Node::text).map(Into::into),
            ..Node::default()
        };
        node.string = self.string(part);
        node.number = self.number(part);
        node.array = self.array(part);
        node.object = self.object(part);
        node.also = self.also(part);
        node
    }

    fn refuse_unknown(&mut self, part: Part<'_>) {
        for member in part.node.members() {
            let at_root = part.target.pointer.is_root();
            let error = match keyword::keyword(&member.key) {
                Some(Keyword::Asserts) => continue,
                Some(Keyword::Annotates) if member.key != "$id" || at_root => continue,
                Some(Keyword::Annotates) => {
                    let error = member.key_place.error("expected `$id` at the root of the document only");
                    error.help("leave it out; references are followed by file and pointer")
                }
                Some(Keyword::Refused(help)) => {
                    let message = format!("keyword `{}` is not supported", member.key);
                    member.key_place.error(message).help(help)
                }
                None => {
                    let message = format!("expected a keyword of JSON Schema, got `{}`", member.key);
                    let help = suggestion(&member.key, keyword::names());
                    let own = "keywords of your own start with `x-`; others can be left out by a patch";
                    member.key_place.error(message).help(help.unwrap_or_else(|| own.to_owned()))
                }
            };
            self.errors.push(error);
        }
    }

    fn also(&mut self, part: Part<'_>) -> Box<[Also]> {
        let mut also = Vec::new();
        if let Some(reference) = part.get("$ref") {
            // What stands beside it counts, or it would not have come here.
            let key = (part.target.document.name.clone(), part.target.pointer.child("$ref").to_string());
            let id = self.reference(part.target, reference, key);
            also.push(Also::All(Box::new([id])));
        }
        for (keyword, of) in
            [("allOf", Also::All as fn(Box<[NodeId]>) -> Also), ("anyOf", Also::Any), ("oneOf", Also::One)]
        {
            if let Some(node) = part.get(keyword) {
                if node.elements().is_empty() {
                    self.wrong(node, "a list of schemas");
                }
                also.push(of(self.list(part, keyword).into()));
            }
        }
        also.extend(self.child(part, "not").map(Also::Not));
        if let Some(test) = self.child(part, "if") {
            let (then, otherwise) = (self.child(part, "then"), self.child(part, "else"));
            also.push(Also::If { test, then, otherwise });
        }
        also.into()
    }

    fn child(&mut self, part: Part<'_>, keyword: &str) -> Option<NodeId> {
        part.get(keyword)?;
        Some(self.schema(&part.target.child(keyword)))
    }

    fn list(&mut self, part: Part<'_>, keyword: &str) -> Vec<NodeId> {
        let count = part.get(keyword).map_or(0, |node| node.elements().len());
        let target = part.target.child(keyword);
        (0..count).map(|index| self.schema(&target.child(index.to_string()))).collect()
    }

    fn count(&mut self, part: Part<'_>, keyword: &str) -> Option<usize> {
        let node = part.get(keyword)?;
        let count = match &node.value {
            Value::Number(spelling) => spelling.strip_suffix(".0").unwrap_or(spelling).parse().ok(),
            _ => None,
        };
        if count.is_none() {
            self.wrong(node, "a whole number, not less than 0");
        }
        count
    }

    fn flag(&mut self, part: Part<'_>, keyword: &str) -> bool {
        match part.get(keyword).map(|node| (node, &node.value)) {
            None => false,
            Some((_, Value::Bool(flag))) => *flag,
            Some((node, _)) => {
                self.wrong(node, "`true` or `false`");
                false
            }
        }
    }

    fn wrong(&mut self, node: &document::Node, expected: &str) {
        let said = node.to_json();
        let got = if said.len() > 40 { node.noun().to_owned() } else { format!("`{said}`") };
        self.errors.push(node.place.error(format!("expected {expected}, got {got}")));
    }

    fn is_anything(&self, id: NodeId) -> bool {
        // One still under way is not known to be nothing; it is kept.
        let planned = &self.nodes[id.0 as usize];
        planned.node.is_anything()
            && planned.target.node().is_none_or(|node| match &node.value {
                Value::Bool(flag) => *flag,
                Value::Object(members) => members
                    .iter()
                    .all(|member| matches!(keyword::keyword(&member.key), Some(Keyword::Annotates))),
                _ => false,
            })
    }
}
