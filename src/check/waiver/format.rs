//! `waivers.toml` as written: the serde boundary of waivers. An unknown key is a mistake.
//!
//! ```toml
//! waivers = 1
//!
//! [[waiver]]
//! rule = "bluechip-tsi/ACK-1"
//! version = 1
//! reason = "…"
//! owner = "…"
//! approver = "…"
//! granted = 2026-03-02
//! subject = { pack = "bluechip-tsi", pos = { name = "Kasse", version = "7.2" } }
//! witness = { accused = "pos", message = "event-interim" }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::pack::SelectorDef;

/// The version of the format, the value of the key `waivers`.
pub(super) const VERSION: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileDef {
    #[expect(dead_code, reason = "`VersionDef` reads it first; here it is only no unknown key")]
    pub(super) waivers: Spanned<u32>,
    #[serde(default, rename = "waiver")]
    pub(super) list: Vec<Spanned<WaiverDef>>,
}

/// Only the version, of a file that may be of another one.
#[derive(Debug, Deserialize)]
pub(super) struct VersionDef {
    pub(super) waivers: Spanned<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaiverDef {
    pub(super) rule: Spanned<String>,
    pub(super) version: Spanned<u32>,
    pub(super) subject: Spanned<SubjectDef>,
    pub(super) witness: Spanned<WitnessDef>,
    pub(super) reason: Spanned<String>,
    pub(super) owner: Spanned<String>,
    pub(super) approver: Spanned<String>,
    pub(super) granted: Spanned<Datetime>,
    pub(super) expires: Option<Spanned<Datetime>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectDef {
    pub(super) pack: Spanned<String>,
    #[serde(default)]
    pub(super) pos: FactsDef,
    #[serde(default)]
    pub(super) terminal: FactsDef,
    #[serde(default)]
    pub(super) gateway: FactsDef,
}

/// What the header of a recording says of a party: `{ name = "Kasse", version = ["7.2", "7.3"] }`.
pub(super) type FactsDef = BTreeMap<String, FactDef>;

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum FactDef {
    One(String),
    OneOf(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WitnessDef {
    pub(super) accused: Spanned<String>,
    pub(super) message: SelectorDef,
    pub(super) flow: Option<SelectorDef>,
    pub(super) at: Option<Spanned<String>>,
}
