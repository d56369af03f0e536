//! Why a run ended red: the message the cassette has, the one that came, where they differ, and what would
//! settle it if the difference is meant.
//!
//! Every text in it is masked: it may be shown and written.

use super::difference::{Difference, Differs};
use crate::conversation::{EventNumber, Party};

/// Something came that the cassette does not have, or not like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// In a sentence: "the POS sent another request than the cassette has".
    pub what: String,
    /// The step that was expected, or the one that is nearest to what came.
    pub expected: Option<Expected>,
    /// What came.
    pub got: Got,
    /// Where the two differ; at most [`Mismatch::SHOWN`].
    pub differences: Vec<Difference>,
    /// What to add to the command line if the difference is meant.
    pub settle: Option<String>,
    /// The same for good, as a line of `pack.toml`.
    pub settle_in_pack: Option<String>,
}

/// A step of the cassette, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its number in the cassette.
    pub n: EventNumber,
    /// Who does it.
    pub party: Option<Party>,
    /// What it is: `final event`, `close 1000`.
    pub what: String,
    /// The flow it belongs to.
    pub flow: Option<String>,
    /// What it is for: "acknowledges #4 (final event)".
    pub purpose: Option<String>,
    /// The connection of the cassette.
    pub connection: Option<u64>,
    /// Its text as it would be in this run, where it has one.
    pub text: Option<String>,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// Who sent it.
    pub party: Party,
    /// What it is: `request`, `close 1001`, `text that is no JSON`.
    pub what: String,
    /// The connection of this run, counted from 1.
    pub connection: Option<u64>,
    /// Its text, where it has one.
    pub text: Option<String>,
}

impl Mismatch {
    /// How many differences are shown.
    pub const SHOWN: usize = 12;

    /// The options that settle `differences`, and the line of a pack.
    pub(crate) fn settling(differences: &[Difference]) -> (Option<String>, Option<String>) {
        let general = |difference: &Difference| {
            let tokens = difference.at.split('/').map(|token| {
                let is_index = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
                if is_index { "*" } else { token }
            });
            tokens.collect::<Vec<_>>().join("/")
        };
        let mut places: Vec<String> = differences.iter().map(general).filter(|at| !at.is_empty()).collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() || differences.len() > Self::SHOWN / 2 {
            return (None, None);
        }
        let options = places.iter().map(|at| format!("--ignore {}", quoted_for_a_shell(at)));
        let only_values = differences.iter().all(|difference| difference.what == Differs::Value);
        let in_pack = only_values.then(|| {
            let quoted: Vec<String> = places.iter().map(|at| format!("\"{at}\"")).collect();
            format!("volatile = [{}]", quoted.join(", "))
        });
        (Some(options.collect::<Vec<_>>().join(" ")), in_pack)
    }
}

fn quoted_for_a_shell(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
