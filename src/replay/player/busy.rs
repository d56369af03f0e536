//! A message that the cassette does not have, answered as a busy terminal answers: with the refusal the
//! cassette has, else with the one of the pack.

use super::{Action, Deed, LinkId, Outgoing, Player, Unknown};
use crate::pack::Role;
use crate::replay::compare::Live;
use crate::replay::describe::spoken;
use crate::replay::lineage::Form;
use crate::replay::script::{Reading, StepId};

/// What stands in the refusal of a pack in place of the key of the message refused, quotes included.
const KEY: &str = "\"{flow}\"";

impl Player {
    /// Answers as busy, where that is wished and possible.
    pub(super) fn answer_as_busy(&mut self, link: LinkId, reading: &Reading, live: &Live) -> bool {
        if self.settings.unknown != Unknown::AnswerAsBusy || !self.is_terminal() {
            return false;
        }
        if !matches!(reading.role, Some(Role::Opens | Role::Question)) {
            return false;
        }
        let Some(key) = reading.keys.first().and_then(|key| key.ids.first()) else { return false };
        let token = &live.text[key.clone()];
        let Some(text) = self.own_refusal(token).or_else(|| self.refusal_of_pack(token)) else {
            return false;
        };
        self.remarks.add(format!(
            "answered as busy: a message of {} that the cassette does not have",
            spoken(self.peer())
        ));
        self.tally.sent += 1;
        let deed = Deed::Send { link, message: Outgoing::Text(text) };
        self.ready.push_back(Action { step: None, deed });
        true
    }

    /// The first refusal of the cassette, with another key.
    fn own_refusal(&self, token: &str) -> Option<String> {
        let refusal = self.script.flows.iter().find_map(|flow| {
            let [opener, answer, ..] = flow.steps.as_slice() else { return None };
            let (opener, step) = (self.script.step(*opener), self.script.step(*answer));
            let refuses = opener.role == Some(Role::Opens)
                && step.role == Some(Role::Final)
                && step.by != opener.by
                && self.is_ours(*answer);
            refuses.then_some(*answer)
        })?;
        Some(self.with_key(refusal, token))
    }

    fn with_key(&self, id: StepId, token: &str) -> String {
        let text = self.script.step(id).text().unwrap_or_default();
        let mut out = String::new();
        let mut copied = 0;
        for place in self.script.lineage.places(id) {
            let is_key = self.script.lineage.identity(place.identity).keys_flows;
            if is_key && matches!(place.form, Form::String | Form::Number) {
                out.push_str(&text[copied..place.range.start as usize]);
                out.push_str(token);
                copied = place.range.end as usize;
            }
        }
        out.push_str(&text[copied..]);
        out
    }

    fn refusal_of_pack(&self, token: &str) -> Option<String> {
        let template = self.script.pack()?.busy.as_ref()?;
        Some(template.replace(KEY, token))
    }
}
