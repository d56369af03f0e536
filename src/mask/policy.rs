//! What counts as sensitive besides card numbers: field names, headers, query parameters, places.
//!
//! `default@1` holds for every protocol; a pack adds its own names and pointers to it.

use crate::text::Pointer;

use super::MaskedKind;

/// Which values are masked. Card numbers and track data are, under every policy.
#[derive(Clone, Debug)]
pub struct Policy {
    fields: Vec<(String, MaskedKind)>,
    places: Vec<(Pointer, MaskedKind)>,
    identifiers: Vec<String>,
    headers: Vec<String>,
    parameters: Vec<String>,
}

impl Policy {
    /// The name written into a cassette's header.
    pub const NAME: &'static str = "default@1";

    /// The policy `default@1`.
    pub fn standard() -> Self {
        Self { fields: vec![], places: vec![], identifiers: vec![], headers: vec![], parameters: vec![] }
    }

    /// Also masks the values of JSON fields of this name; case, `_` and `-` make no difference.
    pub fn with_field(mut self, name: &str, kind: MaskedKind) -> Self {
        self.fields.push((name.to_owned(), kind));
        self
    }

    /// Also masks the value at `pointer`; the token `*` stands for any key or index.
    pub fn with_pointer(mut self, pointer: Pointer, kind: MaskedKind) -> Self {
        self.places.push((pointer, kind));
        self
    }

    /// Says that fields of this name hold identifiers: only what is beyond doubt a card number is masked there.
    pub fn with_identifier(mut self, name: &str) -> Self {
        self.identifiers.push(name.to_owned());
        self
    }

    /// Also masks this header of the handshake.
    pub fn with_header(mut self, name: &str) -> Self {
        self.headers.push(name.to_owned());
        self
    }

    /// Also masks this query parameter of a request target.
    pub fn with_parameter(mut self, name: &str) -> Self {
        self.parameters.push(name.to_owned());
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::standard()
    }
}
