//! The packs that laws are asked of, and what a check says of a trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use tilltape::check::{Check, CheckResult, Completeness, Options, RuleResult, SourceInfo};
use tilltape::conversation::{Content, OwnedEvent, transcript};
use tilltape::pack::{self, Extract, GroupScope, Pack, Sources};
use tilltape::rule::{Finding, Verdict};

use super::invented;

/// Every pack, and an invented one that uses all there is.
pub(crate) const PACKS: [&str; 4] = ["bluechip-tsi", "gochip", "castle", "fair-talk"];

/// A pack, and what traces of it are made of: the exchanges of its pages.
pub(crate) struct Ground {
    pub(crate) pack: Arc<Pack>,
    pub(crate) exchanges: Vec<Material>,
}

/// An exchange, and the keys in it that reach over connections.
pub(crate) struct Material {
    pub(crate) events: Vec<OwnedEvent>,
    pub(crate) names: Vec<String>,
}

/// What a check says of one rule, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) verdict: Verdict,
    pub(crate) met: u64,
    pub(crate) violated: u64,
    pub(crate) undecided: u64,
    /// Each finding: party, trigger, and what it follows from.
    pub(crate) findings: Vec<String>,
}

impl Ground {
    pub(crate) fn of(name: &str) -> Self {
        let mut sources = Sources::embedded();
        for (path, text) in invented::pages() {
            sources.insert(path, text);
        }
        Self::from(pack::load(&sources, name).unwrap_or_else(|errors| panic!("{errors}")))
    }

    pub(crate) fn from(pack: Pack) -> Self {
        let mut exchanges = Vec::new();
        for exchange in pack.rules.iter().flat_map(|rule| &rule.page.exchanges) {
            let events = transcript::parse(&exchange.transcript).unwrap();
            let events: Vec<_> = events.iter().map(OwnedEvent::of).collect();
            let names = names(&pack, &events);
            exchanges.push(Material { events, names });
        }
        Self { pack: Arc::new(pack), exchanges }
    }

    /// What a check says of one recording.
    pub(crate) fn judged(&self, events: &[OwnedEvent]) -> CheckResult {
        judged(&self.pack, events, Completeness::Finished)
    }
}

/// What a check by `pack` says of one recording.
pub(crate) fn judged(pack: &Arc<Pack>, events: &[OwnedEvent], completeness: Completeness) -> CheckResult {
    let mut check = Check::new(Arc::clone(pack), Options::default());
    check.begin(SourceInfo::default());
    events.iter().for_each(|event| check.observe(&event.view()).unwrap());
    check.end(completeness);
    check.finish()
}

/// The values of keys that reach over connections, where they are texts that name something.
fn names(pack: &Pack, events: &[OwnedEvent]) -> Vec<String> {
    let mut names = keys(pack, events);
    names.retain(|name| name.starts_with('"') && name.len() > 2);
    names
}

/// The values of keys that reach over connections, as they are spelled.
pub(crate) fn keys(pack: &Pack, events: &[OwnedEvent]) -> Vec<String> {
    let mut names = Vec::new();
    let mut extract = Extract::default();
    let slots = pack.kinds.iter().flat_map(|kind| &kind.keys).filter(|key| {
        !matches!(pack.groupings[key.grouping.0].scope, GroupScope::Connection | GroupScope::Sender)
    });
    let slots: Vec<_> = slots.flat_map(|key| key.slots.iter().copied()).collect();
    for event in events {
        let Content::Json(message) = &event.content else { continue };
        pack.trie.scan(&message.text, &mut extract).unwrap();
        let found = slots.iter().flat_map(|&slot| extract.all(slot));
        names.extend(found.map(|found| found.token(&message.text).to_owned()));
    }
    names.sort();
    names.dedup();
    names
}

/// Which finding it is, whatever its words: accused, flow, trigger.
pub(crate) fn identity(finding: &Finding) -> String {
    let trigger = &finding.witnesses[0];
    format!("{} {:?} {}#{}", finding.accused, finding.flow, trigger.source, trigger.n.0)
}

/// What a check says of each rule, by pack and code.
pub(crate) fn said(result: &CheckResult) -> BTreeMap<String, Said> {
    result.rules.iter().map(|rule| (name(rule), Said::of(rule))).collect()
}

/// The name of a rule: `core CARD-1`.
pub(crate) fn name(rule: &RuleResult) -> String {
    format!("{} {}", rule.rule.pack, rule.rule.code)
}

impl Said {
    fn of(rule: &RuleResult) -> Self {
        let findings = rule.findings.iter().map(|finding| {
            let follows = finding.follows_from.as_deref().map(|root| format!(" follows {root}"));
            let trigger = &finding.witnesses[0];
            let own = format!("{} {}#{}", finding.accused, trigger.source, trigger.n.0);
            format!("{own}{}", follows.unwrap_or_default())
        });
        let mut findings: Vec<_> = findings.collect();
        findings.sort();
        Self {
            verdict: rule.verdict,
            met: rule.met,
            violated: rule.violated,
            undecided: rule.undecided_total(),
            findings,
        }
    }
}
