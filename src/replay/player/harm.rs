//! Faults at work: what becomes of a step that something is to go wrong with, and of what follows it.

use std::cmp::Reverse;

use super::{Action, Deed, LinkId, Outgoing, Player, Status};
use crate::conversation::{Offset, Party};
use crate::replay::fault::{AWAY, Harm, Verb};
use crate::replay::script::{Act, ConnectionIndex, StepId};

impl Player {
    /// How many faults have struck.
    pub(super) fn tally_of_faults(&self) -> u64 {
        self.struck.len() as u64
    }

    /// The faults that have struck, as written, each with the step it struck.
    pub fn struck(&self) -> impl Iterator<Item = (&str, u64)> {
        self.struck.iter().map(|(text, n)| (text.as_str(), *n))
    }

    /// A delay of a step of ours begins; `false` where there is none, or it is over.
    pub(super) fn delayed(&mut self, id: StepId, now: Offset) -> bool {
        let Some(harms) = self.harm.get_mut(&id) else { return false };
        let at = harms.iter().position(|harm| matches!(harm.verb, Verb::Delay(_)));
        let Some(Harm { verb: Verb::Delay(time), text, .. }) = at.map(|at| harms.remove(at)) else {
            return false;
        };
        self.strike(id, text);
        self.excuse_rest(id);
        self.due.push(Reverse((now.after(time), id)));
        true
    }

    /// Does a step of ours, with whatever is to go wrong.
    pub(super) fn harmed(&mut self, id: StepId, link: LinkId, deed: Deed, now: Offset) {
        let harms = self.harm.remove(&id).unwrap_or_default();
        let mut deeds = vec![deed];
        for harm in &harms {
            match harm.verb {
                Verb::CutBefore => {
                    self.strike(id, harm.text.clone());
                    self.tally.sent -= u64::from(self.script.step(id).act() == Act::Message);
                    return self.cut_link(link, now);
                }
                Verb::Drop => {
                    self.strike(id, harm.text.clone());
                    self.tally.sent -= 1;
                    deeds.clear();
                    self.excuse_rest(id);
                }
                Verb::Duplicate => {
                    self.strike(id, harm.text.clone());
                    deeds.extend(deeds.first().cloned());
                    if let Some(flow) = self.script.step(id).flow {
                        self.flow_state(flow).repeats = true;
                    }
                }
                Verb::Corrupt => {
                    self.strike(id, harm.text.clone());
                    deeds.iter_mut().for_each(corrupt);
                    self.excuse_rest(id);
                }
                Verb::Delay(_)
                | Verb::CutAfter
                | Verb::HalfOpenAfter
                | Verb::RestartAfter
                | Verb::Swallow => {}
            }
        }
        self.ready.extend(deeds.into_iter().map(|deed| Action { step: Some(id), deed }));
        self.done(id, now);
        self.after(id, link, harms, now);
    }

    /// What goes wrong after a message of the peer.
    pub(super) fn harm_after(&mut self, id: StepId, link: LinkId, now: Offset) {
        let harms = self.harm.remove(&id).unwrap_or_default();
        self.after(id, link, harms, now);
    }

    fn after(&mut self, id: StepId, link: LinkId, harms: Vec<Harm>, now: Offset) {
        for harm in harms {
            match harm.verb {
                Verb::CutAfter => {
                    self.strike(id, harm.text);
                    self.cut_link(link, now);
                }
                Verb::HalfOpenAfter => {
                    self.strike(id, harm.text);
                    self.links[link.0 as usize].silent = true;
                    self.ready.push_back(Action { step: None, deed: Deed::FallSilent { link } });
                    self.excuse_begun(link, now);
                }
                Verb::RestartAfter => {
                    self.strike(id, harm.text);
                    self.ready.push_back(Action { step: None, deed: Deed::Restart { away: AWAY } });
                    for link in (0..self.links.len() as u32).map(LinkId) {
                        if self.links[link.0 as usize].open {
                            self.excuse_begun(link, now);
                            self.leave(link);
                        }
                    }
                    self.go_on(now);
                }
                Verb::Drop
                | Verb::Delay(_)
                | Verb::Duplicate
                | Verb::Corrupt
                | Verb::CutBefore
                | Verb::Swallow => {}
            }
        }
    }

    /// A message of the peer that is to be treated as if it had not come.
    pub(super) fn swallowed(&mut self, id: StepId, now: Offset) -> bool {
        let Some(harms) = self.harm.get(&id) else { return false };
        let Some(harm) = harms.iter().find(|harm| harm.verb == Verb::Swallow).cloned() else { return false };
        self.strike(id, harm.text);
        self.harm.remove(&id);
        self.excuse(id);
        self.excuse_rest(id);
        self.progressed = now;
        self.go_on(now);
        true
    }

    /// The link is cut in place of a step of the peer that may come now.
    pub(super) fn cut(&mut self, id: StepId, now: Offset) {
        let harms = self.harm.remove(&id).unwrap_or_default();
        if let Some(harm) = harms.into_iter().find(|harm| harm.verb == Verb::CutBefore)
            && let Some(link) = self.link_of(id)
        {
            self.strike(id, harm.text);
            self.cut_link(link, now);
        }
    }

    fn cut_link(&mut self, link: LinkId, now: Offset) {
        self.ready.push_back(Action { step: None, deed: Deed::Drop { link, reset: false } });
        self.excuse_begun(link, now);
        self.leave(link);
        self.go_on(now);
    }

    /// What follows a step in its flow may come, and need not.
    fn excuse_rest(&mut self, id: StepId) {
        let step = self.script.step(id);
        let rest: Vec<StepId> = match (step.flow, step.connection) {
            (Some(flow), _) => self.script.flow(flow).steps[step.place_in_flow as usize + 1..].to_vec(),
            (None, Some(connection)) => {
                self.script.connection(connection).steps[step.place as usize + 1..].to_vec()
            }
            (None, None) => Vec::new(),
        };
        rest.into_iter().for_each(|id| self.excuse(id));
    }

    /// What had begun on a link need not end, nor the link as in the cassette.
    fn excuse_begun(&mut self, link: LinkId, now: Offset) {
        let Some(connection) = self.links[link.0 as usize].connection else { return };
        let we_dial = self.script.connection(connection).client == self.settings.role;
        let guests = (0..self.flows.len()).filter(|&flow| self.flows[flow].link == Some(link));
        let mut all: Vec<StepId> =
            guests.flat_map(|flow| self.script.flows[flow].steps.iter().copied()).collect();
        all.extend(self.steps_begun(connection, we_dial));
        all.into_iter().for_each(|id| self.excuse(id));
        self.progressed = now;
    }

    /// The steps of a connection that belong to nothing that could begin anew on another link.
    fn steps_begun(&self, connection: ConnectionIndex, we_dial: bool) -> Vec<StepId> {
        let steps = self.script.connection(connection).steps.iter().copied();
        let begun = |id: &StepId| {
            let step = self.script.step(*id);
            let flow = step.flow.map(|flow| self.flows[flow.0 as usize].done > 0);
            we_dial || flow.unwrap_or(true)
        };
        let open = |id: &StepId| matches!(self.status(*id), Status::Ahead | Status::Queued);
        steps.filter(open).filter(begun).collect()
    }

    /// Steps that waited for something excused may go out now.
    pub(super) fn go_on(&mut self, now: Offset) {
        for index in (self.finished as u32..self.script.connections.len() as u32).map(ConnectionIndex) {
            self.pass_on(index, now);
        }
        self.pass_over(now);
        self.consider_end(now);
    }

    fn strike(&mut self, id: StepId, text: String) {
        self.struck.push((text, self.script.step(id).n().0));
    }

    /// Whether we are the terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.settings.role != Party::Pos
    }
}

/// Makes one byte of the JSON syntax of a message another one: its first colon, or its first byte.
fn corrupt(deed: &mut Deed) {
    if let Deed::Send { message: Outgoing::Text(text), .. } = deed {
        let at = text.find(':').or_else(|| text.char_indices().next().map(|(at, _)| at));
        if let Some(at) = at
            && let Some(character) = text[at..].chars().next()
        {
            text.replace_range(at..at + character.len_utf8(), ";");
        }
    }
}
