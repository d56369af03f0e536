//! Every keyword of JSON Schema that is known here: what is checked, what is an annotation, what is refused.

/// What a keyword is to the compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    /// It says what fits.
    Asserts,
    /// It says something about the schema, or holds schemas for others to refer to.
    Annotates,
    /// It would change what fits, and is not supported: what to do instead.
    Refused(&'static str),
}

/// What `name` is; `None` for what no edition knows.
pub(super) fn keyword(name: &str) -> Option<Keyword> {
    if name.starts_with("x-") {
        return Some(Keyword::Annotates);
    }
    KEYWORDS.iter().find(|(known, _)| *known == name).map(|&(_, keyword)| keyword)
}

/// Every keyword by name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().map(|&(name, _)| name)
}

use Keyword::{Annotates, Asserts, Refused};

const CLOSED: &str =
    "say `additionalProperties` or `items` in the schema that lists the members, or leave it out by a patch";
const DYNAMIC: &str = "refer to the schema itself: `$ref` with `#/$defs/…`";

const KEYWORDS: &[(&str, Keyword)] = &[
    ("$ref", Asserts),
    ("additionalItems", Asserts),
    ("additionalProperties", Asserts),
    ("allOf", Asserts),
    ("anyOf", Asserts),
    ("const", Asserts),
    ("contains", Asserts),
    ("dependencies", Asserts),
    ("dependentRequired", Asserts),
    ("dependentSchemas", Asserts),
    ("else", Asserts),
    ("enum", Asserts),
    ("exclusiveMaximum", Asserts),
    ("exclusiveMinimum", Asserts),
    ("format", Asserts),
    ("if", Asserts),
    ("items", Asserts),
    ("maxContains", Asserts),
    ("maxItems", Asserts),
    ("maxLength", Asserts),
    ("maxProperties", Asserts),
    ("maximum", Asserts),
    ("minContains", Asserts),
    ("minItems", Asserts),
    ("minLength", Asserts),
    ("minProperties", Asserts),
    ("minimum", Asserts),
    ("multipleOf", Asserts),
    ("not", Asserts),
    ("oneOf", Asserts),
    ("pattern", Asserts),
    ("patternProperties", Asserts),
    ("prefixItems", Asserts),
    ("properties", Asserts),
    ("propertyNames", Asserts),
    ("required", Asserts),
    ("then", Asserts),
    ("type", Asserts),
    ("uniqueItems", Asserts),
    ("$anchor", Annotates),
    ("$comment", Annotates),
    ("$defs", Annotates),
    ("$id", Annotates),
    ("$schema", Annotates),
    ("contentEncoding", Annotates),
    ("contentMediaType", Annotates),
    ("contentSchema", Annotates),
    ("default", Annotates),
    ("definitions", Annotates),
    ("deprecated", Annotates),
    ("description", Annotates),
    ("discriminator", Annotates),
    ("example", Annotates),
    ("examples", Annotates),
    ("externalDocs", Annotates),
    ("readOnly", Annotates),
    ("title", Annotates),
    ("writeOnly", Annotates),
    ("$dynamicAnchor", Refused(DYNAMIC)),
    ("$dynamicRef", Refused(DYNAMIC)),
    ("$recursiveAnchor", Refused(DYNAMIC)),
    ("$recursiveRef", Refused(DYNAMIC)),
    ("$vocabulary", Refused("vocabularies of your own are not supported; leave it out")),
    ("nullable", Refused("that is OpenAPI's; write `\"type\": [\"string\", \"null\"]`")),
    ("unevaluatedItems", Refused(CLOSED)),
    ("unevaluatedProperties", Refused(CLOSED)),
];
