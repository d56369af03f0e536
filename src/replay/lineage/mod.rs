//! Live identity: which values of a cassette name something rather than say something, where each is born
//! and where it reappears.
//!
//! ```text
//!  request /request/flow_id "804213"  born: the POS gives it
//!     ├─▶ response /response/flow_id  reappears: whoever repeats it must repeat it
//!     ├─▶ event /event/flow_id
//!     └─▶ event_ack /event_ack/flow_id
//! ```
//!
//! In a live run such a value may be another one, but then it is that one everywhere. The pack says what
//! is an identity: keys, and volatile values that are named like ids and flow. Without a pack's word it is
//! learned, from values whose flow holds in every occurrence and that are named or look like ids. Amounts,
//! kinds and statuses never are, however well they flow.

mod field;
mod fresh;
mod learn;
mod name;
mod reappear;
mod shape;
mod show;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::conversation::Party;

use super::path::PathId;
use super::script::{ConnectionIndex, FlowIndex, Step, StepId};
use super::spot::Spot;

/// What whoever plays a cassette says of its values beside the pack.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Values that are no identities, however they look.
    pub fixed: Vec<Spot>,
}

/// The identities of a cassette.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    pub(crate) identities: Vec<Identity>,
    /// By step: where identities stand in its text, in the order of the text.
    places: Vec<Box<[Place]>>,
    /// Every value an identity has in the cassette.
    values: HashSet<Box<str>>,
    /// By pointer: the spaces of the ids of flows that stand there.
    spaces: HashMap<PathId, Vec<SpaceAt>>,
    /// By identity: the flows it keys.
    flows: HashMap<IdentityId, Vec<FlowIndex>>,
}

/// A space, but for the connection it may be confined to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SpaceAt {
    names: u32,
    local: bool,
    owner: Option<Party>,
}

/// Which identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct IdentityId(pub(crate) u32);

/// A value that names something.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Its value in the cassette: a string without quotes, a number as spelled.
    pub(crate) value: Box<str>,
    /// Values of one space are told apart; values of different ones have nothing to do with each other.
    pub(crate) space: Space,
    /// The message it first stands in, and who sent that.
    pub(crate) born: StepId,
    pub(crate) by: Party,
    pub(crate) why: Why,
    /// Whether it tells one flow from another.
    pub(crate) keys_flows: bool,
    /// Whether its giver takes another value in every run.
    pub(crate) renewed: bool,
    /// The name of the field it is born in.
    pub(crate) name: Box<str>,
}

/// What values are told apart in: a kind of id, and where it is counted anew, the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Space {
    pub(crate) names: u32,
    pub(crate) connection: Option<ConnectionIndex>,
    pub(crate) owner: Option<Party>,
}

/// Why a value counts as an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is the key of a flow, by the pack. Two flows never share theirs unless they did in the cassette.
    Key,
    /// It is another key of the pack, or volatile and repeated elsewhere: whoever gives it may give
    /// another one, whoever repeats it may not.
    Reference,
    /// No pack says so, but it flows and is named like an id.
    Learned,
}

/// An identity in the text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) identity: IdentityId,
    /// The pointer of the value; unknown in a text that is no JSON.
    pub(crate) path: PathId,
    /// What is replaced: a whole token, or what of the text is the id.
    pub(crate) range: Range<u32>,
    pub(crate) form: Form,
    /// Whether the sender of this message gives the value here, rather than repeat it.
    pub(crate) given: bool,
}

/// How an identity stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As a JSON string.
    String,
    /// As a JSON number.
    Number,
    /// Inside a longer JSON string.
    Inside,
    /// In a text that is no JSON.
    Raw,
}

impl Lineage {
    /// Where identities stand in the text of a step, in the order of the text.
    pub(crate) fn places(&self, step: StepId) -> &[Place] {
        self.places.get(step.0 as usize).map_or(&[], |places| places)
    }

    pub(crate) fn identity(&self, id: IdentityId) -> &Identity {
        &self.identities[id.0 as usize]
    }

    /// The spaces of ids of flows that may stand at a pointer, on a connection.
    pub(crate) fn spaces_at(
        &self,
        path: PathId,
        connection: Option<ConnectionIndex>,
    ) -> impl Iterator<Item = Space> {
        self.spaces.get(&path).into_iter().flatten().map(move |at| Space {
            names: at.names,
            connection: connection.filter(|_| at.local),
            owner: at.owner,
        })
    }

    /// The flows that an identity keys.
    pub(crate) fn flows_of(&self, identity: IdentityId) -> &[FlowIndex] {
        self.flows.get(&identity).map_or(&[], Vec::as_slice)
    }

    /// Prepares for finding the flow of a message by its ids.
    fn index(&mut self, steps: &[Step]) {
        for (index, step) in steps.iter().enumerate() {
            for place in self.places.get(index).into_iter().flat_map(|places| places.iter()) {
                let identity = &self.identities[place.identity.0 as usize];
                if !identity.keys_flows || !matches!(place.form, Form::String | Form::Number) {
                    continue;
                }
                let Space { names, connection, owner } = identity.space;
                let at = SpaceAt { names, local: connection.is_some(), owner };
                let spaces = self.spaces.entry(place.path).or_default();
                if !spaces.contains(&at) {
                    spaces.push(at);
                }
                if let Some(flow) = step.flow {
                    let flows = self.flows.entry(place.identity).or_default();
                    if !flows.contains(&flow) {
                        flows.push(flow);
                    }
                }
            }
        }
    }

    /// A value of its own for every identity that `giver` renews, in the order of the identities.
    pub(crate) fn fresh(&self, giver: Party, seed: u64) -> Vec<(IdentityId, String)> {
        let mut used = self.values.clone();
        let ids = (0..self.identities.len() as u32).map(IdentityId);
        let own = ids.filter(|&id| self.identity(id).by == giver && self.identity(id).renewed);
        own.map(|id| (id, fresh::fresh(&self.identity(id).value, seed, u64::from(id.0), &mut used))).collect()
    }
}
