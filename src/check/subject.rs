//! Who was recorded: the devices and programs a recording is about, as its header names them.

use std::collections::BTreeMap;

use crate::conversation::Party;

/// The facts a header states, by party: `name`, `version`, `model`, `firmware`, …
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject(pub BTreeMap<Party, BTreeMap<String, String>>);

impl Subject {
    /// One fact about a party.
    pub fn fact(&self, party: Party, fact: &str) -> Option<&str> {
        Some(self.0.get(&party)?.get(fact)?.as_str())
    }

    /// What is known of a party, in words: "Lane3600, firmware 23.4".
    pub fn words(&self, party: Party) -> Option<String> {
        // These speak for themselves.
        const BARE: [&str; 3] = ["name", "model", "vendor"];
        let facts = self.0.get(&party)?;
        let bare = BARE.iter().filter_map(|key| facts.get(*key).cloned());
        let rest = facts.iter().filter(|(key, _)| !BARE.contains(&key.as_str()));
        let words: Vec<String> = bare.chain(rest.map(|(key, value)| format!("{key} {value}"))).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}
