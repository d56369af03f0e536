//! An answer did not come: how that ended, whether it is certain, and what is said of it.

use std::time::Duration;

use super::deadline::CLOCK_GUARD;
use super::exemption::Sights;
use super::ledger::Ledger;
use super::obligation::Obligation;
use super::respond::RespondRule;
use super::standing::Standing;
use super::tally::Example;
use super::words::{a, of_flow, spoken, the};
use super::{Finding, Reason, Witness};
use crate::conversation::{Offset, Party};
use crate::pack::Judges;

/// How an open obligation ended without an answer.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// Not yet: its time is over.
    Due,
    /// A message came after which it is owed no more.
    Void(Offset),
    /// The recording ended.
    Horizon(Offset),
    /// A party sent a close frame.
    Closed {
        /// Which.
        by: Party,
        /// When.
        at: Offset,
        /// The close frame.
        witness: Option<Witness>,
    },
    /// The link ended without a close frame.
    Dropped {
        /// When.
        at: Offset,
        /// The loss, where it was seen.
        witness: Option<Witness>,
    },
}

impl RespondRule {
    /// Whether it can be held against the obligor that no answer came.
    pub(super) fn missing_standing(&self, open: &Obligation, ledger: &Ledger) -> Standing {
        let group = ledger.groups[open.grouping.0].get(open.group);
        if open.excused || group.taint.is_some_and(|taint| taint.by != open.obligor) {
            return Standing::Void;
        }
        if ledger.last_gap.is_some_and(|gap| gap > ledger.witnesses.n(open.trigger)) {
            return Standing::Undecided(Reason::Gap);
        }
        if open.unreadable {
            return Standing::Undecided(Reason::Undecodable);
        }
        Standing::Stands(open.follows.or(group.taint.map(|taint| taint.rule)))
    }

    /// The finding that no answer came, and what its messages look like.
    pub(super) fn missing(&self, open: &Obligation, ended: &Ended, ledger: &Ledger) -> (Finding, Sights) {
        let noun = ledger.pack.noun(&self.respond.with);
        let to = ledger.pack.noun(&self.respond.to);
        let flow = ledger.flow(open.grouping, Some(open.group));
        let limit = open.deadline.map(|deadline| spoken(deadline.since(open.since)));
        let ground = open.ground.as_deref().into_iter().chain(open.learned.as_deref());
        let mut witnesses: Vec<_> = ground.cloned().collect();
        witnesses.push(ledger.witnesses.witness(&ledger.pack, open.trigger, "trigger"));
        witnesses.extend(closing(ended));
        let sights = Sights {
            messages: ledger.witnesses.lenses(open.trigger),
            opener: ledger.groups[open.grouping.0].get(open.group).opener,
        };
        let finding = Finding {
            accused: open.obligor,
            what: match self.respond.judges {
                Judges::Promptness => format!(
                    "{} did not answer the {to}{} in time",
                    the(open.obligor),
                    of_flow(flow.as_deref())
                ),
                Judges::Both | Judges::Existence => {
                    format!("{} sent no {noun} to the {to}{}", the(open.obligor), of_flow(flow.as_deref()))
                }
            },
            expected: match (&limit, self.respond.judges) {
                (Some(limit), Judges::Both | Judges::Promptness) => format!("{} within {limit}", a(&noun)),
                (Some(_), Judges::Existence) | (None, _) => a(&noun),
            },
            got: match ended {
                Ended::Due => format!("none in {}", limit.as_deref().unwrap_or_default()),
                Ended::Void(at) => {
                    format!("none in the {} until it was owed no more", spoken(at.since(open.since)))
                }
                Ended::Horizon(at) => {
                    format!("none in the {} until the recording ended", spoken(at.since(open.since)))
                }
                Ended::Closed { by, at, .. } if *by == open.obligor => format!(
                    "{} closed the connection {} later, still owing it",
                    the(*by),
                    spoken(at.since(open.since))
                ),
                Ended::Closed { by, at, .. } => {
                    let waited = spoken(at.since(open.since));
                    format!("none in the {waited} until {} closed the connection", the(*by))
                }
                Ended::Dropped { at, .. } => {
                    format!("none in the {} until the link was lost", spoken(at.since(open.since)))
                }
            },
            flow,
            witnesses,
            follows_from: None,
            waived_by: None,
        };
        (finding, sights)
    }

    pub(super) fn undecided(
        &self,
        open: &Obligation,
        reason: Reason,
        lacking: Option<Duration>,
        then: Vec<Witness>,
        ledger: &mut Ledger,
    ) {
        let flow = ledger.flow(open.grouping, Some(open.group));
        let trigger = ledger.witnesses.witness(&ledger.pack, open.trigger, "trigger");
        ledger.tallies[self.rule.index()].undecided(reason, || Example {
            reason,
            flow,
            witnesses: std::iter::once(trigger).chain(then).collect(),
            lacking,
            to_do: None,
        });
    }
}

/// What the end of an obligation without an answer makes certain.
pub(super) enum Certainty {
    Violated,
    Open(Reason, Option<Duration>),
}

pub(super) fn certainty(open: &Obligation, ended: &Ended, crossing: Duration) -> Certainty {
    let (at, otherwise) = match ended {
        Ended::Closed { by, at, .. } if *by == open.obligor => {
            // Who closed so soon after the trigger may not have seen it.
            return if at.since(open.since) < crossing {
                Certainty::Open(Reason::Crossing, None)
            } else {
                Certainty::Violated
            };
        }
        Ended::Closed { at, .. } | Ended::Dropped { at, .. } => (*at, Reason::Channel),
        Ended::Horizon(at) => (*at, Reason::Horizon),
        Ended::Due | Ended::Void(_) => return Certainty::Violated,
    };
    let Some(deadline) = open.deadline else { return Certainty::Open(otherwise, None) };
    if at > deadline {
        return if at.since(deadline) <= CLOCK_GUARD {
            Certainty::Open(Reason::Clock, None)
        } else {
            Certainty::Violated
        };
    }
    let lacking = (otherwise == Reason::Horizon).then(|| deadline.since(at) + 2 * CLOCK_GUARD);
    Certainty::Open(otherwise, lacking)
}

pub(super) fn closing(ended: &Ended) -> Vec<Witness> {
    match ended {
        Ended::Closed { witness, .. } | Ended::Dropped { witness, .. } => witness.iter().cloned().collect(),
        Ended::Due | Ended::Void(_) | Ended::Horizon(_) => Vec::new(),
    }
}
