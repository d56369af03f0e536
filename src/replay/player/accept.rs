//! A message of the peer is a step of the cassette, or is none: what follows from either.

use super::receive::in_words;
use super::{FlowState, LinkId, Outgoing, Player, Received, Unknown};
use crate::conversation::Offset;
use crate::replay::compare::{Live, compare};
use crate::replay::describe::{a, spoken};
use crate::replay::difference::{Difference, Differs};
use crate::replay::mismatch::{Expected, Got, Mismatch};
use crate::replay::outcome::Outcome;
use crate::replay::script::{Act, StepId};
use crate::text::json;

/// Steps that a message nobody expects is held against, to find the nearest.
const MOST_NEAR: usize = 16;

impl Player {
    /// What came is that step.
    pub(super) fn accept(&mut self, id: StepId, link: LinkId, now: Offset) {
        let step = self.script.step(id);
        let (act, flow, connection) = (step.act(), step.flow, step.connection);
        let opens = flow.is_some() && step.place_in_flow == 0;
        if act == Act::Message {
            self.tally.matched += 1;
        }
        let own = self.links[link.0 as usize].connection;
        if let Some(flow) = flow.filter(|_| opens) {
            let in_sequence = own == connection && self.next_on(link) == Some(id);
            let state = self.flow_state(flow);
            state.overtook = !in_sequence;
            if own != connection {
                state.link = Some(link);
                let path = self.links[link.0 as usize].target.clone();
                self.remarks.add(format!(
                    "{} used a connection to {path} for what the cassette has on another one",
                    spoken(self.peer())
                ));
            }
        }
        if self.swallowed(id, now) {
            return;
        }
        self.done(id, now);
        self.harm_after(id, link, now);
    }

    /// A step of the peer for people.
    pub(super) fn describe(&self, id: StepId) -> Expected {
        self.script.expected(id, &self.bindings, &self.settings.masker)
    }

    /// Ends the run.
    pub(super) fn fail(&mut self, mismatch: Mismatch) {
        if self.outcome.is_none() {
            self.outcome = Some(Outcome::Mismatch(Box::new(mismatch)));
        }
    }

    /// A message came before what it follows.
    pub(super) fn too_early(&mut self, id: StepId, link: LinkId, live: &Live) {
        let step = self.script.step(id);
        let missing = step.flow.and_then(|flow| {
            let FlowState { done, .. } = self.flows[flow.0 as usize];
            self.script.flow(flow).steps.get(done as usize).copied()
        });
        let peer = spoken(self.peer());
        let kind = self.script.what(step);
        let before = missing.map_or_else(String::new, |missing| {
            let other = self.script.step(missing);
            let whose = other.by.map_or("", spoken);
            format!(" before {} ({}) of {whose}", other.n(), self.script.what(other))
        });
        let text = Some(live.text.as_str()).filter(|text| !text.is_empty());
        let got = self.got(link, kind.clone(), text);
        self.fail(Mismatch {
            what: format!("{peer} sent its {kind} too early:{before}"),
            expected: Some(self.describe(id)),
            got,
            differences: Vec::new(),
            settle: None,
            settle_in_pack: None,
        });
    }

    /// A message begins something in the middle of something else.
    pub(super) fn out_of_turn(&mut self, came: StepId, owed: StepId, link: LinkId, live: &Live) {
        let peer = spoken(self.peer());
        let (other, step) = (self.script.step(came), self.script.step(owed));
        let (kind, missing) = (self.script.what(other), self.script.what(step));
        let what = format!("{peer} sent its {kind} ({}) before its {missing} ({})", other.n(), step.n());
        let got = self.got(link, kind, Some(&live.text));
        let expected = Some(self.describe(owed));
        let (settle, settle_in_pack) = (None, None);
        self.fail(Mismatch { what, expected, got, differences: Vec::new(), settle, settle_in_pack });
    }

    /// A text message that is no step of the cassette.
    pub(super) fn nobody_expects(&mut self, link: LinkId, live: &Live, now: Offset) {
        let reading = self.reading(link, live);
        if self.is_excused_repeat(link, live) {
            self.remarks.add(format!("{} repeated itself after a fault", spoken(self.peer())));
            self.progressed = now;
            return;
        }
        let kind = match reading.kind {
            Some(kind) => self.script.kind_in_words(kind),
            None if live.json => "message".to_owned(),
            None => "text that is no JSON".to_owned(),
        };
        if self.forwards() && !self.belongs(link, live) {
            self.remarks.add(format!(
                "went to the live device: {} of {} that the cassette does not have",
                a(&kind),
                spoken(self.peer())
            ));
            return self.forward(link, Outgoing::Text(live.text.clone()), now);
        }
        // What is shown is masked first, and compared as it is shown.
        let masked = self.settings.masker.inspect(&live.text).masked;
        let mut shown = Live::default();
        shown.read(masked.as_ref().map_or(&live.text, |masked| &masked.text), &self.script);
        let near = self.nearest(link, live, &shown, reading.kind.is_some().then_some(reading.kind).flatten());
        let got = self.got(link, kind.clone(), Some(&live.text));
        let Some((id, differences)) = near else {
            let what = format!("{} sent {} that the cassette does not have", spoken(self.peer()), a(&kind));
            self.tally.unexpected += 1;
            if !self.answer_as_busy(link, &reading, live) {
                self.unexpected(what, None, got);
            }
            return;
        };
        let what = self.difference_in_words(id, &kind, &differences);
        self.tally.unexpected += 1;
        if self.answer_as_busy(link, &reading, live) {
            return;
        }
        if matches!(self.settings.unknown, Unknown::Ignore | Unknown::AnswerAsBusy) {
            return self.unexpected(what, None, got);
        }
        let (settle, settle_in_pack) = Mismatch::settling(&differences);
        let mut differences = differences;
        differences.truncate(Mismatch::SHOWN);
        if let Err(error) = json::validate(&live.text)
            && self.script.step(id).json
        {
            differences = vec![Difference {
                at: String::new(),
                expected: Some("JSON".to_owned()),
                got: Some(format!("none: no {} at byte {}", error.expected, error.at)),
                what: Differs::Type,
            }];
        }
        let expected = Some(self.describe(id));
        self.fail(Mismatch { what, expected, got, differences, settle, settle_in_pack });
    }

    /// Something other than text that is no step of the cassette.
    pub(super) fn unexpected_message(&mut self, got: Got, next: Option<StepId>) {
        let what =
            format!("{} sent {}, which the cassette does not have there", spoken(self.peer()), a(&got.what));
        self.tally.unexpected += 1;
        self.unexpected(what, next, got);
    }

    /// Something that nobody expects: the policy says what follows.
    pub(super) fn unexpected(&mut self, what: String, expected: Option<StepId>, got: Got) {
        match self.settings.unknown {
            Unknown::Fail | Unknown::Forward(_) => {
                let expected = expected.or_else(|| self.awaited().first().copied());
                let expected = expected.map(|id| self.describe(id));
                let settle = Some("--unknown ignore".to_owned());
                let settle_in_pack = None;
                self.fail(Mismatch { what, expected, got, differences: Vec::new(), settle, settle_in_pack });
            }
            Unknown::Ignore | Unknown::AnswerAsBusy => self.remarks.add(format!("ignored: {what}")),
        }
    }

    /// The step that is nearest to a message, and where they differ.
    fn nearest(
        &mut self,
        link: LinkId,
        live: &Live,
        shown: &Live,
        kind: Option<crate::pack::KindId>,
    ) -> Option<(StepId, Vec<Difference>)> {
        let next = self.next_on(link);
        let mut near: Vec<StepId> = next.into_iter().collect();
        near.extend(self.next_in_flow(link, live));
        let openers = self.awaited_openers(link);
        near.extend(openers.into_iter().take(MOST_NEAR));
        let mut seen = Vec::new();
        near.retain(|id| {
            let fresh = !seen.contains(id);
            seen.push(*id);
            fresh
        });
        // Of another kind, only the next one is worth showing: that is what should have come.
        let alike = |id: StepId| {
            let own = self.script.step(id).kind;
            kind.is_none() || own == kind || self.same_root(own, kind)
        };
        let best = near
            .iter()
            .copied()
            .filter(|&id| alike(id) && self.script.step(id).text().is_some())
            .map(|id| {
                let mut found =
                    compare(&self.script, &self.leniency, &self.bindings, id, shown, usize::MAX).differences;
                if found.is_empty() {
                    // What differs was masked: it is known to, and not shown.
                    found = compare(&self.script, &self.leniency, &self.bindings, id, live, usize::MAX)
                        .differences;
                    for difference in &mut found {
                        difference.got = Some("another value, masked".to_owned());
                        difference.expected = Some("the value of the cassette".to_owned());
                    }
                }
                (id, found)
            })
            // What should have come next is what was meant, unless another is nearer by far.
            .min_by_key(|(id, differences)| (differences.len() * if Some(*id) == next { 1 } else { 2 }, *id));
        best.or_else(|| next.map(|id| (id, Vec::new())))
    }

    /// Whether two kinds are special cases of one that is itself one of JSON.
    fn same_root(&self, a: Option<crate::pack::KindId>, b: Option<crate::pack::KindId>) -> bool {
        let (Some(pack), Some(a), Some(b)) = (self.script.pack(), a, b) else { return false };
        if pack.is_a(a, b) || pack.is_a(b, a) {
            return true;
        }
        let below_json = |kind| {
            let line: Vec<_> = pack.lineage(kind).collect();
            line.iter().rev().nth(2).copied()
        };
        below_json(a).is_some() && below_json(a) == below_json(b)
    }

    fn difference_in_words(&self, id: StepId, kind: &str, differences: &[Difference]) -> String {
        let peer = spoken(self.peer());
        let step = self.script.step(id);
        let expected = self.script.what(step);
        if differences.is_empty() {
            return format!("{peer} sent {} where its {expected} was expected", a(kind));
        }
        if let [Difference { what: Differs::Taken(_) | Differs::Id, .. }] = differences {
            return format!("{peer} sent its {kind} with another id than this run has");
        }
        if kind == expected {
            format!("{peer} sent another {kind} than the cassette has")
        } else {
            format!("{peer} sent {} where the cassette has {}", a(kind), a(&expected))
        }
    }

    /// After a doubled message the peer may double its own.
    fn is_excused_repeat(&self, _link: LinkId, live: &Live) -> bool {
        let repeats = |flow: &(usize, &FlowState)| flow.1.repeats;
        self.flows.iter().enumerate().filter(repeats).any(|(index, _)| {
            let steps = self.script.flows[index].steps.iter().copied();
            steps.filter(|&id| !self.is_ours(id) && !self.is_open(id)).any(|id| {
                self.script.step(id).text().is_some()
                    && compare(&self.script, &self.leniency, &self.bindings, id, live, 1)
                        .differences
                        .is_empty()
            })
        })
    }

    /// Something came that is no message: in words, for a mismatch.
    pub(super) fn got_end(&self, link: LinkId, what: &Received<'_>) -> Got {
        let (what, text) = in_words(what);
        self.got(link, what, text)
    }
}
