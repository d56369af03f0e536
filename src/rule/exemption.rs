//! Findings that somebody has signed for: they are found as before, and marked.
//!
//! What a waiver is, and whether it may be, is `check`'s to say; here a finding is held against what is left of
//! it: the rule, the accused, and which messages it is about.

use super::Finding;
use super::sighting::RuleIndex;
use crate::conversation::Party;
use crate::pack::{LensId, LensSet};
use crate::text::Pointer;

/// The findings that one waiver means.
#[derive(Clone, Debug)]
pub(crate) struct Exemption {
    /// Of which rule.
    pub(crate) rule: RuleIndex,
    /// Against whom.
    pub(crate) accused: Party,
    /// With such a message among their witnesses.
    pub(crate) message: LensId,
    /// In a flow that such a message opened.
    pub(crate) flow: Option<LensId>,
    /// Pointing at the value there; `*` stands for every element of an array.
    pub(crate) at: Option<Pointer>,
}

/// Through which lenses the messages of a finding were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sights {
    /// Its witnesses.
    pub(crate) messages: LensSet,
    /// The message that opened its flow.
    pub(crate) opener: LensSet,
}

/// The exemptions of a run, those in force for the recording at hand, and how much each has exempted.
#[derive(Debug, Default)]
pub(crate) struct Exemptions {
    all: Vec<Exemption>,
    in_force: Vec<bool>,
    pub(crate) used: Vec<u64>,
}

impl Exemptions {
    pub(crate) fn new(all: Vec<Exemption>) -> Self {
        Self { in_force: vec![false; all.len()], used: vec![0; all.len()], all }
    }

    /// A recording starts for which these are in force.
    pub(crate) fn begin(&mut self, in_force: Vec<bool>) {
        self.in_force = in_force;
    }

    /// The first exemption a finding falls under. Each it falls under has been of use.
    pub(crate) fn of(&mut self, rule: RuleIndex, finding: &Finding, sights: Sights) -> Option<usize> {
        let mut first = None;
        for (index, exemption) in self.all.iter().enumerate() {
            let in_force = self.in_force.get(index).is_some_and(|&in_force| in_force);
            if in_force && exemption.rule == rule && exemption.means(finding, sights) {
                self.used[index] += 1;
                first.get_or_insert(index);
            }
        }
        first
    }
}

impl Exemption {
    fn means(&self, finding: &Finding, sights: Sights) -> bool {
        self.accused == finding.accused
            && sights.messages.has(self.message)
            && self.flow.is_none_or(|flow| sights.opener.has(flow))
            && self.at.as_ref().is_none_or(|at| {
                let mut pointed = finding.witnesses.iter().filter_map(|witness| witness.pointer.as_ref());
                pointed.any(|place| leads_to(at, place))
            })
    }
}

/// Whether `pattern`, in which `*` stands for every index, leads to `place`.
fn leads_to(pattern: &Pointer, place: &Pointer) -> bool {
    let (pattern, place) = (pattern.tokens(), place.tokens());
    let fits = |(wanted, token): (&String, &String)| {
        wanted == token || wanted == "*" && token.bytes().all(|byte| byte.is_ascii_digit())
    };
    pattern.len() == place.len() && pattern.iter().zip(place).all(fits)
}

#[cfg(test)]
mod tests {
    use super::leads_to;

    #[test]
    fn a_star_stands_for_every_index_and_nothing_else() {
        let cases = [
            ("/a/b", "/a/b", true),
            ("/a/*/b", "/a/12/b", true),
            ("/a/*/b", "/a/x/b", false),
            ("/a/*", "/a/1/b", false),
            ("/a", "/b", false),
            ("/a/1", "/a/2", false),
        ];
        for (pattern, place, expected) in cases {
            assert_eq!(leads_to(&pattern.parse().unwrap(), &place.parse().unwrap()), expected, "{pattern}");
        }
    }
}
