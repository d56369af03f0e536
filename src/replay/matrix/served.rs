//! A flow of the cassette that the terminal of a cell serves: for the first time, or again.

use crate::conversation::Party;
use crate::pack::MoneyReading;
use crate::replay::binding::Bind;
use crate::replay::player::LinkId;
use crate::replay::script::{FlowIndex, Script, StepId};

/// A flow that is served on a link.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) flow: FlowIndex,
    /// How often the flow was served before.
    pub(super) times: u32,
    pub(super) link: LinkId,
    /// The ids of this run.
    pub(super) binds: Vec<Bind>,
    /// The key its messages share in this run.
    pub(super) key: Option<String>,
    /// The next of its steps.
    pub(super) next: usize,
}

impl Served {
    /// Its next step, if that is one of `party`.
    pub(super) fn next_of(&self, script: &Script, party: Party) -> Option<StepId> {
        let &id = script.flow(self.flow).steps.get(self.next)?;
        (script.step(id).by == Some(party)).then_some(id)
    }

    /// Whether a message of the POS is what it waits for.
    pub(super) fn awaits(&self, script: &Script, link: LinkId, reading: &MoneyReading) -> Option<StepId> {
        let id = self.next_of(script, Party::Pos)?;
        let same_kind = script.step(id).kind == reading.kind && reading.kind.is_some();
        let same_key = self.key.is_none() || self.key == reading.key;
        (self.link == link && same_kind && same_key).then_some(id)
    }
}
