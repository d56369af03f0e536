//! The live values of a run: which value each identity of the cassette has this time.

use std::borrow::Cow;
use std::collections::HashMap;

use super::lineage::{Form, IdentityId, Lineage, Place, Space, Why};
use super::script::{Script, StepId};
use crate::conversation::Party;

/// Which ids a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Our own are those of the cassette.
    Recorded,
    /// Our own are fresh ones, which depend on this seed.
    Fresh(u64),
}

/// The live values so far.
#[derive(Clone, Debug)]
pub(crate) struct Bindings {
    live: Vec<Option<Box<str>>>,
    taken: HashMap<(Space, Box<str>), IdentityId>,
}

/// Why a value cannot be the live one of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Clash {
    /// It has another one already.
    Other(Box<str>),
    /// Another identity has it.
    Taken(IdentityId),
}

/// A value that would be bound.
pub(crate) type Bind = (IdentityId, String);

impl Bindings {
    /// The values that `party` gives itself.
    pub(crate) fn new(lineage: &Lineage, party: Party, ids: Ids) -> Self {
        let count = lineage.identities.len();
        let mut bindings = Self { live: vec![None; count], taken: HashMap::new() };
        let own = (0..count as u32).map(IdentityId).filter(|&id| lineage.identity(id).by == party);
        for id in own {
            bindings.bind(lineage, id, &lineage.identity(id).value);
        }
        if let Ids::Fresh(seed) = ids {
            for (id, value) in lineage.fresh(party, seed) {
                bindings.bind(lineage, id, &value);
            }
        }
        bindings
    }

    /// Whether `value` can stand at `place`; what would be bound then. `pending` is what the same message
    /// would bind besides.
    pub(crate) fn judge(
        &self,
        lineage: &Lineage,
        place: &Place,
        value: &str,
        pending: &[Bind],
    ) -> Result<Option<Bind>, Clash> {
        let id = place.identity;
        let identity = lineage.identity(id);
        let bind = Some((id, value.to_owned()));
        let pending = pending.iter().find(|(bound, _)| *bound == id).map(|(_, value)| value.as_str());
        match pending.or(self.live(id)) {
            Some(bound) if bound == value => Ok(None),
            // Whoever gives such a value may give another one.
            Some(_) if identity.why == Why::Reference && place.given => Ok(bind),
            Some(bound) => Err(Clash::Other(bound.into())),
            None if identity.why == Why::Reference => Ok(bind),
            None => match self.taken.get(&(identity.space, value.into())) {
                Some(&other) if other != id => Err(Clash::Taken(other)),
                Some(_) | None => Ok(bind),
            },
        }
    }

    /// From now on, `id` has this value.
    pub(crate) fn bind(&mut self, lineage: &Lineage, id: IdentityId, value: &str) {
        let identity = lineage.identity(id);
        if let Some(before) = self.live[id.0 as usize].replace(value.into()) {
            self.taken.remove(&(identity.space, before));
        }
        if identity.why != Why::Reference {
            self.taken.insert((identity.space, value.into()), id);
        }
    }

    /// The live value of an identity, where it has one.
    pub(crate) fn live(&self, id: IdentityId) -> Option<&str> {
        self.live[id.0 as usize].as_deref()
    }

    /// Which identity of the space has this live value.
    pub(crate) fn holder(&self, space: Space, value: &str) -> Option<IdentityId> {
        self.taken.get(&(space, value.into())).copied()
    }

    /// The text of a step with its live values.
    pub(crate) fn compose<'s>(&self, script: &'s Script, step: StepId) -> Option<Cow<'s, str>> {
        let text = script.step(step).text()?;
        let places = script.lineage.places(step);
        let changed = |place: &&Place| {
            self.live(place.identity)
                .is_some_and(|live| *live != *script.lineage.identity(place.identity).value)
        };
        if places.iter().all(|place| !changed(&place)) {
            return Some(Cow::Borrowed(text));
        }
        Some(Cow::Owned(self.substitute(script, text, 0, places, &[])))
    }

    /// `text`, which stands at `offset` of a step's text, with the live values at `places`; those of
    /// `pending` go before those bound.
    pub(crate) fn substitute(
        &self,
        script: &Script,
        text: &str,
        offset: usize,
        places: &[Place],
        pending: &[Bind],
    ) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        let mut copied = 0;
        for place in places {
            let recorded = &*script.lineage.identity(place.identity).value;
            let pending =
                pending.iter().find(|(id, _)| *id == place.identity).map(|(_, value)| value.as_str());
            let live = pending.or(self.live(place.identity));
            let Some(live) = live.filter(|live| *live != recorded) else { continue };
            let (start, end) = (place.range.start as usize - offset, place.range.end as usize - offset);
            out.push_str(&text[copied..start]);
            let quoted = serde_json::to_string(live).unwrap_or_default();
            match place.form {
                Form::String => out.push_str(&quoted),
                Form::Number if is_number(live) => out.push_str(live),
                Form::Number => out.push_str(&quoted),
                Form::Inside => out.push_str(&quoted[1..quoted.len() - 1]),
                Form::Raw => out.push_str(live),
            }
            copied = end;
        }
        out.push_str(&text[copied..]);
        out
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}
