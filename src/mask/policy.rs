//! What counts as sensitive besides card numbers: field names, headers, query parameters, places.
//!
//! `default@1` holds for every protocol; a pack adds its own names and pointers to it. Changing what
//! `default@1` covers means a new name, for cassettes say which policy they were made under.

use std::sync::LazyLock;

use crate::text::Pointer;

use super::MaskedKind;
use super::names::{Meaning, Names};
use super::standard::{FIELDS, HEADER_ENDS, HEADERS, PARAMETERS};

/// Which values are masked. Card numbers and track data are, under every policy.
#[derive(Clone, Debug)]
pub struct Policy {
    names: Names,
    places: Vec<(Pointer, MaskedKind)>,
    headers: Vec<String>,
    parameters: Names,
}

impl Policy {
    /// The name written into a cassette's header.
    pub const NAME: &'static str = "default@1";

    /// The policy `default@1`.
    pub fn standard() -> Self {
        let mut policy = Self {
            names: Names::new(),
            places: Vec::new(),
            headers: HEADERS.iter().map(|&name| name.to_owned()).collect(),
            parameters: Names::new(),
        };
        for &(kind, names) in FIELDS {
            for name in names {
                policy.names.insert(name, Meaning::Kind(kind));
            }
        }
        for name in PARAMETERS {
            policy.parameters.insert(name, Meaning::Kind(MaskedKind::Secret));
        }
        policy
    }

    /// Also masks the values of JSON fields of this name; case, `_` and `-` make no difference.
    pub fn with_field(mut self, name: &str, kind: MaskedKind) -> Self {
        self.names.insert(name, Meaning::Kind(kind));
        self
    }

    /// Also masks the value at `pointer`; the token `*` stands for any key or index.
    ///
    /// A pointer without a single key (`/*/0`) names nothing.
    pub fn with_pointer(mut self, pointer: Pointer, kind: MaskedKind) -> Self {
        let field = pointer.tokens().iter().rev().find(|token| !is_index(token));
        if let Some(field) = field {
            self.names.insert(field, Meaning::Place);
            self.places.push((pointer, kind));
        }
        self
    }

    /// Says that fields of this name hold identifiers: only numbers in a range and length that cards
    /// commonly have are masked there, so that fewer identifiers are taken for cards by chance.
    pub fn with_identifier(mut self, name: &str) -> Self {
        self.names.insert(name, Meaning::Identifier);
        self
    }

    /// Also masks this header of the handshake.
    pub fn with_header(mut self, name: &str) -> Self {
        self.headers.push(name.to_ascii_lowercase());
        self
    }

    /// Also masks this query parameter of a request target.
    pub fn with_parameter(mut self, name: &str) -> Self {
        self.parameters.insert(name, Meaning::Kind(MaskedKind::Secret));
        self
    }

    /// `default@1` itself, made once.
    pub(crate) fn shared() -> &'static Self {
        static STANDARD: LazyLock<Policy> = LazyLock::new(Policy::standard);
        &STANDARD
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// What the value at `path` is, if its place alone makes it sensitive.
    pub(crate) fn place(&self, path: &[String]) -> Option<MaskedKind> {
        let matches = |pointer: &Pointer| {
            pointer.tokens().len() == path.len()
                && pointer.tokens().iter().zip(path).all(|(want, got)| want == "*" || want == got)
        };
        self.places.iter().find(|(pointer, _)| matches(pointer)).map(|&(_, kind)| kind)
    }

    /// What the field called `name` holds, if that is sensitive wherever it stands.
    pub(crate) fn field(&self, name: &str) -> Option<MaskedKind> {
        kind(self.names.get(name))
    }

    /// What the query parameter called `name` holds, if that is sensitive.
    pub(crate) fn parameter(&self, name: &str) -> Option<MaskedKind> {
        kind(self.parameters.get(name)).or_else(|| self.field(name))
    }

    /// Whether the header called `name` holds a credential.
    pub(crate) fn is_secret_header(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.headers.contains(&name) || HEADER_ENDS.iter().any(|end| name.ends_with(end))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::standard()
    }
}

fn kind(meaning: Option<Meaning>) -> Option<MaskedKind> {
    match meaning? {
        Meaning::Kind(kind) => Some(kind),
        Meaning::Identifier | Meaning::Place => None,
    }
}

fn is_index(token: &str) -> bool {
    token == "*" || token.bytes().all(|byte| byte.is_ascii_digit())
}
