//! One waiver as reports know it, and what became of it in a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Date;
use crate::check::Subject;
use crate::conversation::Party;
use crate::pack::RuleCode;
use crate::rule::Exemption;

/// A waiver somebody has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The file it stands in.
    pub file: String,
    /// Where in it, counted from 1.
    pub line: usize,
    /// The pack that states the rule.
    pub pack: String,
    /// The rule.
    pub code: RuleCode,
    /// The version of the rule it was granted for.
    pub version: u32,
    /// Which products it is for.
    pub devices: Devices,
    /// Whom the findings accuse that it means.
    pub accused: Party,
    /// What kinds of messages they are about, as the pack calls them.
    pub messages: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who sees to it that it ends.
    pub owner: String,
    /// Who has signed.
    pub approver: String,
    /// When.
    pub granted: Date,
    /// The last day it holds.
    pub expires: Date,
}

/// The products a waiver is for: what the headers of their recordings say, for each fact one of several values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices(pub BTreeMap<Party, BTreeMap<String, Vec<String>>>);

impl Devices {
    /// Whether a recording is of one of them.
    pub fn are(&self, subject: &Subject) -> bool {
        self.0.iter().all(|(party, facts)| {
            facts.iter().all(|(fact, values)| {
                subject.fact(*party, fact).is_some_and(|value| values.iter().any(|one| one == value))
            })
        })
    }

    /// In words: "pos name `Kasse`, version `7.2` or `7.3`".
    pub fn words(&self) -> String {
        let of_party = |(party, facts): (&Party, &BTreeMap<String, Vec<String>>)| {
            let facts = facts.iter().map(|(fact, values)| {
                let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
                format!("{fact} {}", values.join(" or "))
            });
            format!("{party} {}", facts.collect::<Vec<_>>().join(", "))
        };
        self.0.iter().map(of_party).collect::<Vec<_>>().join("; ")
    }
}

/// What became of a waiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverUse {
    /// The waiver.
    pub waiver: Arc<Waiver>,
    /// How many findings fell under it.
    pub matched: u64,
}

/// A waiver that holds for a run, and the findings it means.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) waiver: Arc<Waiver>,
    pub(crate) exemption: Exemption,
}
