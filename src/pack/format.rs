//! `pack.toml` and the front matter of a rule page, exactly as written: the serde boundary of packs.
//!
//! Every struct refuses keys it does not know. What names and pointers mean is resolved elsewhere;
//! values that can be wrong carry their span, so that errors point at them.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor, value};
use toml::Spanned;

pub(super) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PackFile {
    pub name: Text,
    pub version: String,
    pub title: String,
    pub experimental: Option<String>,
    #[serde(default)]
    pub extends: Vec<Text>,
    pub dialect_of: Option<Text>,
    #[serde(default, rename = "document")]
    pub documents: Vec<DocumentDef>,
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterDef>,
    #[serde(default)]
    pub endpoint: BTreeMap<String, EndpointDef>,
    #[serde(default)]
    pub endpoint_at: Vec<Text>,
    #[serde(default)]
    pub keys: BTreeMap<String, KeyDef>,
    #[serde(default, rename = "asyncapi")]
    pub described: Vec<AsyncApiDef>,
    pub crossing: Option<Spanned<WindowDef>>,
    #[serde(default, rename = "message")]
    pub messages: Vec<MessageDef>,
    #[serde(default, rename = "outcome")]
    pub outcomes: Vec<OutcomeDef>,
    #[serde(default)]
    pub volatile: Vec<Text>,
    #[serde(default)]
    pub fixed: Vec<Text>,
    pub busy: Option<Text>,
    pub money: Option<MoneyDef>,
    #[serde(default, rename = "recovery")]
    pub recoveries: Vec<RecoveryDef>,
    #[serde(default)]
    pub sensitive: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentDef {
    pub id: String,
    pub title: String,
    pub url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParameterDef {
    pub default: u64,
    pub unit: String,
    pub what: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointDef {
    pub path: OneOrMany<Text>,
    #[serde(default)]
    pub types: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyDef {
    pub scope: Text,
    pub flows: Option<bool>,
}

/// An AsyncAPI document that messages are taken from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AsyncApiDef {
    pub document: Text,
    pub patch: Option<OneOrMany<Text>>,
    pub application: Text,
    pub is: Option<Text>,
    pub key: Option<Text>,
    pub channels: Option<Text>,
    #[serde(default)]
    pub message: BTreeMap<Text, DescribedDef>,
}

/// What a pack says of a message of such a document, in the place of what the document says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DescribedDef {
    pub kind: Option<Text>,
    pub what: Option<String>,
    pub is: Option<Text>,
    pub from: Option<Text>,
    pub endpoint: Option<Vec<Text>>,
    pub role: Option<Text>,
    #[serde(default)]
    pub unclear: bool,
    #[serde(default)]
    pub mistake: bool,
    pub when: Option<Vec<Spanned<TestDef>>>,
    #[serde(default)]
    pub keys: BTreeMap<String, KeyAtDef>,
    pub body: Option<bool>,
    #[serde(default)]
    pub skip: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MessageDef {
    pub kind: Text,
    pub what: Option<String>,
    pub is: Option<Text>,
    pub event: Option<OneOrMany<Text>>,
    pub from: Option<Text>,
    pub endpoint: Option<Vec<Text>>,
    pub role: Option<Text>,
    pub unclear: Option<bool>,
    pub mistake: Option<bool>,
    pub when: Option<Vec<Spanned<TestDef>>>,
    pub body: Option<Text>,
    #[serde(default)]
    pub keys: BTreeMap<String, KeyAtDef>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeDef {
    pub name: String,
    pub on: SelectorDef,
}

/// What moves money.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MoneyDef {
    pub moved: Vec<Text>,
    #[serde(default)]
    pub unknown: Vec<Text>,
    pub reference: Option<Text>,
    pub charge: Vec<ChargeDef>,
    #[serde(default)]
    pub reversal: Vec<ReversalDef>,
    pub enquiry: Option<SelectorDef>,
    #[serde(default)]
    pub told: Vec<ToldDef>,
    pub ask: Option<Text>,
    #[serde(default)]
    pub undo: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChargeDef {
    pub what: String,
    pub on: SelectorDef,
    pub same: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReversalDef {
    pub what: String,
    pub on: SelectorDef,
    pub of: Text,
    #[serde(default)]
    pub once: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToldDef {
    pub on: SelectorDef,
    pub outcome: String,
    pub moved: bool,
    pub reference: Option<Text>,
}

/// What a terminal answers that no recording shows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecoveryDef {
    pub on: SelectorDef,
    pub knows: Option<Text>,
    pub answers: Vec<Text>,
}

/// One condition; exactly one of its questions is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TestDef {
    pub has: Option<Text>,
    pub absent: Option<Text>,
    pub exactly_one_of: Option<Vec<Text>>,
    pub at: Option<OneOrMany<Text>>,
    pub key: Option<Text>,
    #[serde(default)]
    pub optional: bool,
    pub at_most: Option<Text>,
    pub at_least: Option<Text>,
    pub equals: Option<toml::Value>,
    pub any_of: Option<Vec<toml::Value>>,
    pub is: Option<OneOrMany<Text>>,
    pub not_empty: Option<bool>,
    pub format: Option<Text>,
    pub like: Option<OneOrMany<Text>>,
    pub schema: Option<Text>,
    pub any: Option<Vec<Spanned<TestDef>>>,
    pub all: Option<Vec<Spanned<TestDef>>>,
    pub not: Option<Box<Spanned<TestDef>>>,
    pub masked: Option<Vec<Text>>,
    pub close_code: Option<Text>,
    pub duplicate_keys: Option<bool>,
    pub clear_card_data: Option<bool>,
    pub owned_by_endpoint: Option<Text>,
    pub fits_body: Option<bool>,
    pub from: Option<Text>,
    pub endpoint: Option<OneOrMany<Text>>,
    pub path: Option<OneOrMany<Text>>,
    pub why: Option<OneOrMany<Text>>,
    pub bytes_at_most: Option<Spanned<NumberDef>>,
    pub each: Option<Text>,
    pub when: Option<Vec<Spanned<TestDef>>>,
    pub require: Option<Vec<Spanned<TestDef>>>,
}

/// `"event"`, `["event", "response"]`, or `{ kind = "event", when = […], opened-by = "sale", what = "…" }`, as
/// written.
#[derive(Debug, Default)]
pub struct SelectorDef {
    pub(super) kinds: Vec<Text>,
    pub(super) when: Vec<Spanned<TestDef>>,
    pub(super) opened_by: Vec<Text>,
    pub(super) repeated: Option<bool>,
    pub(super) what: Option<String>,
}

/// `"/event/flow_id"`, several for a composite key, `{ at = "/id", of = "sender" }` where each party
/// numbers its own messages, or `{ is = "sale" }` where the kind alone says what belongs together.
#[derive(Debug)]
pub(super) struct KeyAtDef {
    pub at: Vec<Text>,
    pub is: Option<String>,
    pub of: Option<Text>,
}

#[derive(Debug)]
pub(super) struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// A number, or the name of a parameter.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum NumberDef {
    Number(u64),
    Parameter(String),
}

/// The same, of milliseconds.
pub(super) type WindowDef = NumberDef;

/// The front matter of a rule page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FrontMatter {
    pub code: Text,
    #[serde(default = "first_version")]
    pub version: u32,
    pub title: Option<String>,
    pub level: Option<Text>,
    pub authority: Option<Text>,
    pub impact: Option<Text>,
    pub obligor: Option<Text>,
    pub source: Option<Vec<String>>,
    pub root: Option<bool>,
    pub binding: Option<bool>,
    pub independent: Option<bool>,
    pub waivable: Option<bool>,
    pub advice: Option<String>,
    pub pattern: Option<Spanned<PatternDef>>,
    pub scope: Option<Spanned<SpanDef>>,
}

/// When a rule is in force.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpanDef {
    pub after: Option<SelectorDef>,
    pub until: Option<SelectorDef>,
    pub since: Option<SelectorDef>,
    pub key: Option<Text>,
}

const fn first_version() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PatternDef {
    Shape(ShapeDef),
    Never(NeverDef),
    Unique(UniqueDef),
    Respond(Box<RespondDef>),
    Precede(PrecedeDef),
    Order(OrderDef),
    Agree(AgreeDef),
    Limit(LimitDef),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShapeDef {
    pub on: SelectorDef,
    pub require: Vec<Spanned<TestDef>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NeverDef {
    pub message: SelectorDef,
    pub among: Option<SelectorDef>,
    pub after: Option<SelectorDef>,
    pub until: Option<SelectorDef>,
    pub key: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UniqueDef {
    pub on: SelectorDef,
    pub key: Option<Text>,
    pub scope: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RespondDef {
    pub to: SelectorDef,
    pub with: SelectorDef,
    pub key: Option<Text>,
    pub within: Option<Spanned<WindowDef>>,
    pub within_at: Option<Text>,
    pub within_learned: Option<LearnedDef>,
    pub not_before: Option<Spanned<WindowDef>>,
    pub times: Option<Text>,
    pub judges: Option<Text>,
    pub restart_on: Option<SelectorDef>,
    pub void_on: Option<SelectorDef>,
    #[serde(default)]
    pub one_at_a_time: bool,
    pub on_disconnect: Option<Text>,
}

/// `{ from = "registered", at = "/resource/heartbeat_s", times = 2000 }`: twice so many seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LearnedDef {
    pub from: SelectorDef,
    pub at: Text,
    pub times: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PrecedeDef {
    pub first: SelectorDef,
    pub then: SelectorDef,
    pub key: Option<Text>,
    #[serde(default)]
    pub each: bool,
    pub reset_on: Option<SelectorDef>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderDef {
    pub key: Option<Text>,
    pub what: Option<String>,
    pub start: Text,
    #[serde(default)]
    pub messages: BTreeMap<String, SelectorDef>,
    #[serde(default)]
    pub everywhere: Vec<Text>,
    pub states: BTreeMap<String, BTreeMap<Text, TransitionDef>>,
}

/// `"acknowledged"`, `{ to = "open", not-before = "ack_ms" }`, or `{ to = "unknown", counts = false }`
/// where the message proves nothing.
#[derive(Debug)]
pub(super) struct TransitionDef {
    pub to: Text,
    pub not_before: Option<Spanned<WindowDef>>,
    pub counts: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AgreeDef {
    pub of: SelectorDef,
    pub at: OneOrMany<Text>,
    pub with: SelectorDef,
    pub with_at: OneOrMany<Text>,
    pub relation: Option<Text>,
    pub key: Option<Text>,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub ignore_case: bool,
    #[serde(default)]
    pub together: bool,
    pub less: Option<SelectorDef>,
    pub less_key: Option<Text>,
    pub doubt_on: Option<SelectorDef>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitDef {
    pub on: SelectorDef,
    pub until: Option<SelectorDef>,
    pub within: Option<Spanned<WindowDef>>,
    pub most: u32,
    pub key: Option<Text>,
    pub scope: Option<Text>,
}

/// Text, list or table, each read by its own visitor, so that an unknown key is named as such.
struct Shorthand<T>(PhantomData<T>);

trait FromShorthand: Sized {
    const EXPECTED: &'static str;
    fn one(text: Text) -> Self;
    fn many(texts: Vec<Text>) -> Option<Self>;
    fn table<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
}

impl<'de, T: FromShorthand> Visitor<'de> for Shorthand<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::one(Spanned::new(0..0, text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        let texts = Vec::<Text>::deserialize(value::SeqAccessDeserializer::new(seq))?;
        T::many(texts).ok_or_else(|| A::Error::custom(format_args!("expected {}", T::EXPECTED)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::table(map)
    }
}

impl FromShorthand for SelectorDef {
    const EXPECTED: &'static str =
        "a kind, a list of kinds, or `{ kind = …, when = […], opened-by = …, repeated = …, what = … }`";

    fn one(text: Text) -> Self {
        Self { kinds: vec![text], ..Self::default() }
    }

    fn many(kinds: Vec<Text>) -> Option<Self> {
        Some(Self { kinds, ..Self::default() })
    }

    fn table<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        struct Table {
            kind: OneOrMany<Text>,
            #[serde(default)]
            when: Vec<Spanned<TestDef>>,
            #[serde(default)]
            opened_by: OneOrMany<Text>,
            repeated: Option<bool>,
            what: Option<String>,
        }
        let table = Table::deserialize(value::MapAccessDeserializer::new(map))?;
        let Table { kind, when, opened_by, repeated, what } = table;
        Ok(Self { kinds: kind.0, when, opened_by: opened_by.0, repeated, what })
    }
}

impl FromShorthand for KeyAtDef {
    const EXPECTED: &'static str = "a JSON Pointer, a list of them, `{ at = …, of = … }`, or `{ is = … }`";

    fn one(text: Text) -> Self {
        Self { at: vec![text], is: None, of: None }
    }

    fn many(at: Vec<Text>) -> Option<Self> {
        Some(Self { at, is: None, of: None })
    }

    fn table<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            at: Option<OneOrMany<Text>>,
            is: Option<String>,
            of: Option<Text>,
        }
        let Table { at, is, of } = Table::deserialize(value::MapAccessDeserializer::new(map))?;
        if at.is_some() == is.is_some() {
            return Err(A::Error::custom("expected either `at` or `is`"));
        }
        Ok(Self { at: at.map_or_else(Vec::new, |at| at.0), is, of })
    }
}

impl FromShorthand for TransitionDef {
    const EXPECTED: &'static str = "the name of a state, or `{ to = …, not-before = …, counts = … }`";

    fn one(to: Text) -> Self {
        Self { to, not_before: None, counts: true }
    }

    fn many(_: Vec<Text>) -> Option<Self> {
        None
    }

    fn table<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        struct Table {
            to: Text,
            not_before: Option<Spanned<WindowDef>>,
            counts: Option<bool>,
        }
        let table = Table::deserialize(value::MapAccessDeserializer::new(map))?;
        Ok(Self { to: table.to, not_before: table.not_before, counts: table.counts.unwrap_or(true) })
    }
}

impl FromShorthand for OneOrMany<Text> {
    const EXPECTED: &'static str = "a text or a list of texts";

    fn one(text: Text) -> Self {
        Self(vec![text])
    }

    fn many(texts: Vec<Text>) -> Option<Self> {
        Some(Self(texts))
    }

    fn table<'de, A: MapAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(A::Error::custom(format_args!("expected {}", Self::EXPECTED)))
    }
}

macro_rules! shorthand {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Shorthand::<Self>(PhantomData))
            }
        }
    )*};
}

shorthand!(SelectorDef, KeyAtDef, TransitionDef, OneOrMany<Text>);
