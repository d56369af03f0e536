//! The documents of the packs, by path: read when they are first asked for, followed from one to the other.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::patch::merge;
use super::tree::{self, Document, Node, Origin};
use super::yaml;
use crate::pack::error::suggestion;
use crate::pack::{PackError, Sources};
use crate::text::Pointer;

/// Every document there is, and those that were read.
#[derive(Clone, Debug, Default)]
pub(in crate::pack) struct Library {
    files: BTreeMap<String, Cow<'static, str>>,
    read: BTreeMap<String, Arc<Document>>,
}

/// A part of a document.
#[derive(Clone, Debug)]
pub(in crate::pack) struct Target {
    pub(in crate::pack) document: Arc<Document>,
    pub(in crate::pack) pointer: Pointer,
}

/// Endings of the files that are documents.
pub(in crate::pack) const ENDINGS: [&str; 3] = [".json", ".yaml", ".yml"];

impl Library {
    /// The documents among `sources`.
    pub(in crate::pack) fn of(sources: &Sources) -> Self {
        let files = sources.files().filter(|(path, _)| ENDINGS.iter().any(|ending| path.ends_with(ending)));
        Self { files: files.map(|(path, text)| (path.to_owned(), text.clone())).collect(), ..Self::default() }
    }

    /// The document at `path`; what is wrong with the path is said by `wrong`.
    pub(in crate::pack) fn open(
        &mut self,
        path: &str,
        wrong: impl FnOnce(String) -> PackError,
    ) -> Result<Arc<Document>, PackError> {
        if let Some(document) = self.read.get(path) {
            return Ok(Arc::clone(document));
        }
        let Some(text) = self.files.get(path) else {
            let folder = path.split('/').next().unwrap_or(path);
            let known = self.files.keys().filter(|known| known.starts_with(&format!("{folder}/")));
            let known: Vec<&str> = known.map(String::as_str).collect();
            let help = suggestion(path, known.iter().copied()).unwrap_or_else(|| match known.is_empty() {
                true => format!("put the file below `{folder}/`, as `.json`, `.yaml` or `.yml`"),
                false => format!("documents of the pack: {}", known.join(", ")),
            });
            return Err(wrong(format!("expected a document of the pack, got `{path}`")).help(help));
        };
        let origin = Arc::new(Origin { name: path.to_owned(), text: text.clone().into_owned() });
        let root = if path.ends_with(".json") { tree::parse_json(&origin)? } else { yaml::parse(&origin)? };
        let document = Arc::new(Document { name: path.to_owned(), root });
        self.read.insert(path.to_owned(), Arc::clone(&document));
        Ok(document)
    }

    /// Puts `document` as `patch` changes it in its place, and returns it.
    pub(in crate::pack) fn patch(&mut self, document: &Document, patch: &Document) -> Arc<Document> {
        let root = merge(document.root.clone(), &patch.root);
        let patched = Arc::new(Document { name: document.name.clone(), root });
        self.read.insert(document.name.clone(), Arc::clone(&patched));
        patched
    }

    /// Adds a document of our own making.
    pub(in crate::pack) fn add(&mut self, name: &str, json: String) -> Result<Arc<Document>, PackError> {
        let origin = Arc::new(Origin { name: name.to_owned(), text: json });
        let document = Arc::new(Document { name: name.to_owned(), root: tree::parse_json(&origin)? });
        self.read.insert(name.to_owned(), Arc::clone(&document));
        Ok(document)
    }

    /// Follows a reference that stands in `document`: `#/$defs/sale`, `other.json#/…`, `#anchor`.
    pub(in crate::pack) fn follow(
        &mut self,
        document: &Arc<Document>,
        reference: &str,
        wrong: impl Fn(String) -> PackError,
    ) -> Result<Target, PackError> {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let own_id = document.root.text_at("$id").map(|id| id.trim_end_matches('#'));
        let document = if file.is_empty() || own_id == Some(file) {
            Arc::clone(document)
        } else if file.contains("://") || file.starts_with("urn:") {
            let error = wrong(format!("expected a reference into the pack, got `{reference}`"));
            return Err(error.help("save that document in the pack's folder and refer to its file"));
        } else {
            let path = beside(&document.name, file);
            self.open(&path, &wrong)?
        };
        let fragment = percent_decoded(fragment);
        let pointer = match fragment.parse::<Pointer>() {
            Ok(pointer) => pointer,
            Err(_) => match anchor(&document.root, &fragment, &Pointer::default()) {
                Some(pointer) => pointer,
                None => return Err(wrong(format!("expected an anchor of the document, got `#{fragment}`"))),
            },
        };
        if document.root.find(&pointer).is_none() {
            let error = wrong(format!("expected a part of `{}`, got `#{fragment}`", document.name));
            return Err(match nearest(&document.root, &pointer) {
                Some(help) => error.help(help),
                None => error,
            });
        }
        Ok(Target { document, pointer })
    }
}

impl Target {
    /// The part itself.
    pub(in crate::pack) fn node(&self) -> Option<&Node> {
        self.document.root.find(&self.pointer)
    }

    /// A part of it.
    pub(in crate::pack) fn child(&self, token: impl Into<String>) -> Self {
        Self { document: Arc::clone(&self.document), pointer: self.pointer.child(token) }
    }
}

/// The path of `file` as written in the document at `path`.
fn beside(path: &str, file: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            // Above the pack's own folder there is nothing of it.
            ".." if parts.len() > 1 => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What a misspelt pointer may have meant.
fn nearest(root: &Node, pointer: &Pointer) -> Option<String> {
    let mut node = root;
    for token in pointer.tokens() {
        match node.find(&Pointer::default().child(token)) {
            Some(next) => node = next,
            None => {
                let keys: Vec<&str> = node.members().iter().map(|member| member.key.as_str()).collect();
                let listed = || format!("there are: {}", keys.join(", "));
                return suggestion(token, keys.iter().copied()).or_else(|| (!keys.is_empty()).then(listed));
            }
        }
    }
    None
}

/// The pointer to the object whose `$anchor` is `name`.
fn anchor(node: &Node, name: &str, at: &Pointer) -> Option<Pointer> {
    if node.text_at("$anchor") == Some(name) {
        return Some(at.clone());
    }
    let members = node.members().iter().map(|member| (member.key.clone(), &member.value));
    let elements = node.elements().iter().enumerate().map(|(index, node)| (index.to_string(), node));
    members.chain(elements).find_map(|(token, node)| anchor(node, name, &at.child(token)))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.first_chunk::<2>().and_then(|pair| std::str::from_utf8(pair).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
