//! A pack as the rules use it: every name resolved, every pointer compiled.

use std::sync::Arc;
use std::time::Duration;

use super::document::Library;
use super::extract::Slot;
use super::money::{Money, Recovery};
use super::page::Page;
use super::pattern::{Pattern, Scope, Selector, Span};
use super::profile::Profiler;
use super::schema::Schema;
use super::test::Test;
use super::trie::Trie;
use super::view::View;
use super::{RuleCode, RuleInfo};
use crate::conversation::Party;

/// Everything known about one protocol.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its name, that of its folder: `bluechip-tsi`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is about, in a line.
    pub title: String,
    /// Why its verdicts are not to be relied on yet, where that is so.
    pub experimental: Option<String>,
    /// The packs it builds on, the nearest first.
    pub extends: Vec<String>,
    /// The documents its rules are taken from.
    pub documents: Vec<Document>,
    /// What a site can set.
    pub parameters: Vec<SiteParameter>,
    /// Endpoints and what belongs to them.
    pub endpoints: Vec<Endpoint>,
    /// Kinds of messages, parents before children.
    pub kinds: Vec<Kind>,
    /// What messages are grouped by.
    pub groupings: Vec<Grouping>,
    /// What a party sent so soon after a message of the other one may have been sent without knowing it.
    pub crossing: Duration,
    /// How flows ended.
    pub outcomes: Vec<Outcome>,
    /// Pointers to what differs from run to run.
    pub volatile: Vec<String>,
    /// Names of fields, or pointers to them, whose values are no ids, however they look.
    pub fixed: Vec<String>,
    /// What a busy terminal answers; `"{flow}"` stands in it for the key of the message it answers.
    pub busy: Option<String>,
    /// What moves money, where the pack says so.
    pub money: Option<Money>,
    /// What a terminal answers to what a recording does not show, in the order they are tried.
    pub recoveries: Vec<Recovery>,
    /// Names of fields, or pointers to them, that must never be shown.
    pub sensitive: Vec<String>,
    /// The rules, inherited ones first.
    pub rules: Vec<Rule>,
    /// What each message is looked at for besides, by [`LensId`](super::LensId).
    pub lenses: Vec<Selector>,
    /// Every pointer that kinds and rules ask for, compiled.
    pub trie: Trie,
    /// Tells messages apart as far as kinds and rules do.
    pub profiler: Profiler,
    /// Every pointer that outcomes ask for, compiled.
    pub outcome_trie: Trie,
    /// Every pointer that money and recoveries ask for, compiled.
    pub money_trie: Trie,
    /// The documents its schemas stand in.
    pub(super) library: Library,
    /// Its README, for people.
    pub readme: Option<String>,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its code, weight, source and page, as reports know it.
    pub info: Arc<RuleInfo>,
    /// Whether what it accuses is a root: what follows from it is folded under it.
    pub root: bool,
    /// Whether a message it has tainted obliges the other party all the same.
    pub binding: bool,
    /// Whether what it accuses stands by itself, whatever else is wrong with the message.
    pub independent: bool,
    /// What it asks for.
    pub pattern: Pattern,
    /// When it is in force, where that is not always.
    pub span: Option<Span>,
    /// What to record to get it exercised, where the page says so.
    pub advice: Option<String>,
    /// The pack whose rule of this code it differs from, where its page says only what differs.
    pub overlays: Option<String>,
    /// Its page.
    pub page: Arc<Page>,
}

/// A document rules are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// How rules cite it: `BF1`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where it is published.
    pub url: Option<String>,
}

/// What a site can set: a limit its documents leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteParameter {
    /// Its name: `ack_ms`.
    pub name: String,
    /// The value in force.
    pub value: u64,
    /// Whether the site set it, rather than the pack.
    pub set: bool,
    /// Its unit: `ms`.
    pub unit: String,
    /// What it is, in a sentence.
    pub what: String,
}

/// Index of an endpoint in its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EndpointId(pub usize);

/// A path a connection can be opened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name: `payment`.
    pub name: String,
    /// Its paths, the usual one first: `/tsi/v1/payment`. Compared without regard to case.
    pub paths: Vec<String>,
    /// The values that belong to it and nowhere else.
    pub types: Vec<String>,
}

/// Index of a kind in its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindId(pub usize);

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet([u64; 4]);

impl KindSet {
    /// Kinds a pack may have, those it builds on included.
    pub const MOST: usize = 256;

    /// Whether `kind` is in it.
    #[inline]
    pub const fn contains(self, kind: KindId) -> bool {
        self.0[kind.0 / 64] & 1 << (kind.0 % 64) != 0
    }

    /// Whether a kind is in both.
    #[inline]
    pub const fn meets(self, other: Self) -> bool {
        let Self([a, b, c, d]) = self;
        a & other.0[0] | b & other.0[1] | c & other.0[2] | d & other.0[3] != 0
    }

    /// Whether nothing is in it.
    #[inline]
    pub const fn is_empty(self) -> bool {
        let Self([a, b, c, d]) = self;
        a | b | c | d == 0
    }

    /// This set and `kind`.
    #[must_use]
    pub const fn with(mut self, kind: KindId) -> Self {
        self.0[kind.0 / 64] |= 1 << (kind.0 % 64);
        self
    }
}

impl FromIterator<KindId> for KindSet {
    fn from_iter<I: IntoIterator<Item = KindId>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::default(), Self::with)
    }
}

/// A kind of message. Kinds form trees: an `event-final` is an `event` is a `json` is a `message`.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its name: `event-final`.
    pub name: String,
    /// What people call it: "final event".
    pub what: String,
    /// The kind it is a special case of.
    pub parent: Option<KindId>,
    /// It, and the kinds it is a special case of.
    pub lineage: KindSet,
    /// Its own special cases, in the order they are tried.
    pub children: Vec<KindId>,
    /// What can carry it.
    pub carriers: CarrierSet,
    /// Who sends it.
    pub from: Option<Party>,
    /// On which endpoints.
    pub endpoints: Vec<EndpointId>,
    /// What a message has to pass to be of this kind.
    pub tests: Vec<Test>,
    /// What it is in a flow.
    pub role: Role,
    /// Whether a message of it, and of no special case, may have been meant as any of them.
    pub unclear: bool,
    /// Whether it is a mistake that rules report, and no sign that the protocol is spoken.
    pub mistake: bool,
    /// Where its keys are.
    pub keys: Vec<KeyAt>,
    /// What all of it is like, where a schema says so.
    pub body: Option<Schema>,
}

/// What kind of event carries a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// A text message that is JSON.
    Json,
    /// A text message that is not JSON.
    Text,
    /// A binary message.
    Binary,
    /// A message too large to be kept.
    Omitted,
    /// A close frame.
    Close,
    /// A ping frame.
    Ping,
    /// A pong frame.
    Pong,
    /// Bytes that break RFC 6455.
    Undecodable,
    /// A connection opens.
    Open,
    /// The link ends without a close frame.
    Drop,
    /// A connection ends, and a flow that was opened on it has not: once for each such flow.
    Abandoned,
}

/// A set of carriers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarrierSet(u16);

impl CarrierSet {
    /// Whether `carrier` is in it.
    pub const fn contains(self, carrier: Carrier) -> bool {
        self.0 & 1 << carrier as u8 != 0
    }
}

impl FromIterator<Carrier> for CarrierSet {
    fn from_iter<I: IntoIterator<Item = Carrier>>(carriers: I) -> Self {
        Self(carriers.into_iter().fold(0, |set, carrier| set | 1 << carrier as u8))
    }
}

impl Carrier {
    /// Every carrier and its word in a pack.
    pub const WORDS: [(&str, Self); 11] = [
        ("json", Self::Json),
        ("text", Self::Text),
        ("binary", Self::Binary),
        ("omitted", Self::Omitted),
        ("close", Self::Close),
        ("ping", Self::Ping),
        ("pong", Self::Pong),
        ("undecodable", Self::Undecodable),
        ("open", Self::Open),
        ("drop", Self::Drop),
        ("abandoned", Self::Abandoned),
    ];

    /// Whether it is content that could have been any message of the protocol, but cannot be read.
    pub const fn is_unreadable(self) -> bool {
        match self {
            Self::Text | Self::Binary | Self::Omitted | Self::Undecodable => true,
            Self::Json
            | Self::Close
            | Self::Ping
            | Self::Pong
            | Self::Open
            | Self::Drop
            | Self::Abandoned => false,
        }
    }
}

/// What a message is in a flow, independent of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Opens a flow.
    Opens,
    /// Answers what opened it.
    Answer,
    /// Says how far it is.
    Progress,
    /// Ends it.
    Final,
    /// Says that a message has come.
    Acknowledgement,
    /// Asks the peer something.
    Question,
    /// Keeps the link alive, or opens and closes it.
    Control,
}

impl Role {
    /// Every role and its word in a pack.
    pub const WORDS: [(&str, Self); 7] = [
        ("opens", Self::Opens),
        ("answer", Self::Answer),
        ("progress", Self::Progress),
        ("final", Self::Final),
        ("acknowledgement", Self::Acknowledgement),
        ("question", Self::Question),
        ("control", Self::Control),
    ];
}

/// Index of a grouping in its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupingId(pub usize);

/// What messages are grouped by: a key of the protocol, or just where they were seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// Its name: `flow`.
    pub name: String,
    /// What tells groups apart besides the key.
    pub scope: GroupScope,
    /// Whether messages carry a key for it; without, everything in the scope is one group.
    pub keyed: bool,
    /// Whether its groups are flows, which messages open and finish by their roles.
    pub flows: bool,
}

impl Grouping {
    /// How many a pack may have, those every pack has included.
    pub const MOST: usize = 12;

    /// How many every pack has.
    pub const BUILT_IN: usize = 5;

    /// Whether its groups reach over connections without being flows: what is known of one rests on
    /// whatever was said anywhere.
    pub const fn is_wide(&self) -> bool {
        match self.scope {
            GroupScope::Connection | GroupScope::Sender => false,
            GroupScope::Endpoint | GroupScope::Recording | GroupScope::Installation => !self.flows,
        }
    }
}

/// What tells groups apart besides their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupScope {
    /// The connection.
    Connection,
    /// The connection, and who has sent the message on it.
    Sender,
    /// The endpoint: all connections to it, in one recording.
    Endpoint,
    /// The recording.
    Recording,
    /// Nothing: all recordings of one run.
    Installation,
}

/// Where the messages of a kind carry a key.
#[derive(Clone, Debug)]
pub struct KeyAt {
    /// Which.
    pub grouping: GroupingId,
    /// The values that make it up.
    pub slots: Vec<Slot>,
    /// The key itself, as a JSON string, where every message of the kind has the same.
    pub fixed: Option<String>,
    /// Whose number it is, where each party numbers its own.
    pub of: Option<KeyOwner>,
}

/// Whose number a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The sender of this message gave it.
    Sender,
    /// The other party gave it.
    Receiver,
}

/// How a flow ended, in the words of the pack.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// `approved`, `declined`, …
    pub name: String,
    /// The kinds it shows on.
    pub kinds: Vec<KindId>,
    /// What such a message has to pass.
    pub tests: Vec<Test>,
}

impl Pack {
    /// The rule of that code.
    pub fn rule(&self, code: &RuleCode) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.info.code == *code)
    }

    /// Whether anything is remembered from one recording of a run to the next, so that their order counts.
    pub fn outlives_a_recording(&self) -> bool {
        let lasts = |grouping: GroupingId| self.groupings[grouping.0].scope == GroupScope::Installation;
        let by_rule = |rule: &Rule| {
            let by_scope = match &rule.pattern {
                Pattern::Unique(unique) => unique.scope == Scope::Installation,
                Pattern::Limit(limit) => limit.scope == Scope::Installation,
                _ => false,
            };
            let of_span = rule.span.as_ref().map(|span| span.grouping);
            by_scope || rule.pattern.groupings().chain(of_span).any(lasts)
        };
        let by_key = |key: &Grouping| key.keyed && key.scope == GroupScope::Installation;
        self.rules.iter().any(by_rule) || self.groupings.iter().any(by_key)
    }

    /// The endpoint a request target leads to. A prefix a proxy adds does not matter.
    pub fn endpoint_of(&self, target: &str) -> Option<EndpointId> {
        self.endpoints.iter().position(|endpoint| endpoint.is_at(target)).map(EndpointId)
    }

    /// The site parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&SiteParameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The most special kind of a message that `carrier` brought from `from`.
    ///
    /// `from` is `None` for what nobody sends, such as the loss of a link.
    pub fn classify(&self, carrier: Carrier, from: Option<Party>, view: &View<'_>) -> Option<KindId> {
        let roots = self.kinds.iter().enumerate();
        let mut at = roots
            .filter(|(_, kind)| kind.parent.is_none())
            .find_map(|(index, _)| self.descend(KindId(index), carrier, from, view))?;
        while let Some(child) =
            self.kinds[at.0].children.iter().find_map(|&child| self.descend(child, carrier, from, view))
        {
            at = child;
        }
        Some(at)
    }

    fn descend(&self, id: KindId, carrier: Carrier, from: Option<Party>, view: &View<'_>) -> Option<KindId> {
        let kind = &self.kinds[id.0];
        let fits = kind.accepts(carrier)
            && kind.from.is_none_or(|party| Some(party) == from)
            && (kind.endpoints.is_empty()
                || view.endpoint.is_some_and(|endpoint| kind.endpoints.contains(&endpoint)))
            && view.holds(&kind.tests);
        fits.then_some(id)
    }

    /// A kind and the kinds it is a special case of, the most special first.
    pub fn lineage(&self, kind: KindId) -> impl Iterator<Item = KindId> {
        std::iter::successors(Some(kind), |&id| self.kinds[id.0].parent)
    }

    /// Whether a message is of this kind because of what stands in it, and is no mere mistake: a sign that this
    /// protocol is spoken.
    pub fn is_telling(&self, kind: KindId) -> bool {
        let Kind { mistake, carriers, .. } = self.kinds[kind.0];
        let mut lineage = self.lineage(kind).map(|id| &self.kinds[id.0]);
        !mistake && carriers.contains(Carrier::Json) && lineage.any(|kind| !kind.tests.is_empty())
    }

    /// What people call the messages of `selector`: "response", "request or event".
    pub fn noun(&self, selector: &Selector) -> String {
        let kinds = || selector.kinds.iter().map(|&kind| self.kinds[kind.0].what.as_str());
        selector.what.clone().unwrap_or_else(|| kinds().collect::<Vec<_>>().join(" or "))
    }

    /// Whether `kind` is `ancestor` or a special case of it.
    pub fn is_a(&self, kind: KindId, ancestor: KindId) -> bool {
        self.kinds[kind.0].lineage.contains(ancestor)
    }
}

impl Kind {
    fn accepts(&self, carrier: Carrier) -> bool {
        self.carriers.contains(carrier)
    }
}

impl Endpoint {
    /// Whether a request target (path and query) leads here; case and a prefix do not matter.
    pub fn is_at(&self, target: &str) -> bool {
        let path = target.split(['?', '#']).next().unwrap_or(target).trim_end_matches('/').as_bytes();
        self.paths.iter().any(|own| {
            let own = own.trim_end_matches('/').as_bytes();
            // What ends with nothing is everything: the root is no prefix.
            let is_root = own.is_empty();
            path.len() >= own.len()
                && (!is_root || path.is_empty())
                && path[path.len() - own.len()..].eq_ignore_ascii_case(own)
        })
    }

    /// Its usual path.
    pub fn path(&self) -> &str {
        self.paths.first().map_or("", String::as_str)
    }

    /// Whether `value` belongs to it.
    pub fn owns(&self, value: &str) -> bool {
        self.types.iter().any(|own| own == value)
    }
}
