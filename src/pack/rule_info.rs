//! What a rule is, apart from how it is checked: its code, its weight, its source, its page.
//!
//! Reports, waivers and `explain` need no more of a rule than this; the pattern stays with the pack.

use std::fmt;

use super::RuleCode;
use crate::conversation::Party;

/// One rule as reports know it.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleInfo {
    /// Name of the pack that states it.
    pub pack: String,
    /// Its code, never reused: `ACK-1`.
    pub code: RuleCode,
    /// Version of the rule, counted from 1; it grows when the meaning changes.
    pub version: u32,
    /// What it says, in a short sentence: "the POS acknowledges every event".
    pub title: String,
    /// What the document says: MUST, SHOULD or MAY.
    pub level: Level,
    /// Who says so.
    pub authority: Authority,
    /// What a breach can cost.
    pub impact: Impact,
    /// Who has to keep it; `None` where it binds whoever sends the message.
    pub obligor: Option<Party>,
    /// Documents and sections it is taken from.
    pub source: Vec<String>,
    /// Whether somebody can sign for a breach of it; never so where card data stands in clear.
    pub waivable: bool,
    /// Path of its page inside the specifications: `bluechip-tsi/rules/ACK-1.md`.
    pub page: String,
}

impl RuleInfo {
    /// Whether a breach makes a run non-conformant: only documented MUSTs do.
    pub const fn blocks(&self) -> bool {
        matches!((self.level, self.authority), (Level::Must, Authority::Documented))
    }
}

/// How strongly the document asks for it. Not the same as what a breach costs, which is [`Impact`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Required.
    Must,
    /// Recommended.
    Should,
    /// Allowed.
    May,
}

impl Level {
    /// Every level, the strongest first.
    pub const ALL: [Self; 3] = [Self::Must, Self::Should, Self::May];

    /// The word in formats: `must`, `should`, `may`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
        }
    }

    /// The level of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who says that the rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Authority {
    /// The document of the protocol's owner.
    Documented,
    /// It follows from documented statements.
    Derived,
    /// It was seen in the field; nobody has promised it.
    Observed,
}

impl Authority {
    /// Every authority, the strongest first.
    pub const ALL: [Self; 3] = [Self::Documented, Self::Derived, Self::Observed];

    /// The word in formats: `documented`, `derived`, `observed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Derived => "derived",
            Self::Observed => "observed",
        }
    }

    /// The authority of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|authority| authority.as_str() == word)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a breach can cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Impact {
    /// Somebody pays twice, or not at all.
    Money,
    /// Card data or secrets get out, or records are wrong.
    Data,
    /// Till or terminal hangs or refuses to work.
    Availability,
    /// Faults become harder to find.
    Diagnosis,
}

impl Impact {
    /// Every impact, the gravest first.
    pub const ALL: [Self; 4] = [Self::Money, Self::Data, Self::Availability, Self::Diagnosis];

    /// The word in formats: `money`, `data`, `availability`, `diagnosis`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Data => "data",
            Self::Availability => "availability",
            Self::Diagnosis => "diagnosis",
        }
    }

    /// The impact of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|impact| impact.as_str() == word)
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
