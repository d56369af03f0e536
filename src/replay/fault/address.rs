//! Which message a fault is about: `event#2`, `ack`, `message#*`.

use super::Problem;
use crate::pack::{Role, suggestion};
use crate::replay::script::{Script, Step, StepId};

/// A name, and which of the messages of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    name: String,
    which: Which,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Nth(usize),
    Every,
}

/// Names that mean a role, whatever the pack calls its kinds.
const ROLES: [(&str, &[Role]); 5] = [
    ("request", &[Role::Opens, Role::Question]),
    ("response", &[Role::Answer]),
    ("progress", &[Role::Progress]),
    ("final", &[Role::Final]),
    ("ack", &[Role::Acknowledgement]),
];

/// The name that means every message.
const ANY: &str = "message";

impl Address {
    /// The messages it means, counted over both parties.
    pub(super) fn find(&self, script: &Script) -> Result<Vec<StepId>, Problem> {
        let all: Vec<StepId> =
            script.message_steps().filter(|&id| self.is(script, script.step(id))).collect();
        if all.is_empty() {
            let known = known(script);
            let near = suggestion(&self.name, known.iter().map(String::as_str));
            return Err(Problem::Unknown { name: self.name.clone(), near, known });
        }
        match self.which {
            Which::Every => Ok(all),
            Which::Nth(nth) => match all.get(nth - 1) {
                Some(&id) => Ok(vec![id]),
                None => Err(Problem::TooFew { name: self.name.clone(), count: all.len() }),
            },
        }
    }

    fn is(&self, script: &Script, step: &Step) -> bool {
        let pack = script.pack();
        if pack.is_some_and(|pack| pack.kinds.iter().any(|kind| kind.name == self.name)) {
            let line =
                step.kind.into_iter().flat_map(|kind| pack.into_iter().flat_map(move |p| p.lineage(kind)));
            return line
                .into_iter()
                .any(|kind| pack.is_some_and(|pack| pack.kinds[kind.0].name == self.name));
        }
        if self.name == ANY {
            return true;
        }
        let role = ROLES.iter().find(|(name, _)| *name == self.name);
        role.is_some_and(|(_, roles)| step.role.is_some_and(|role| roles.contains(&role)))
    }
}

impl Address {
    /// Reads `event#2`.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let (name, which) = match text.split_once('#') {
            None => (text, Which::Nth(1)),
            Some((name, "*")) => (name, Which::Every),
            Some((name, number)) => {
                let nth = number.parse().ok().filter(|nth| *nth > 0).ok_or(Problem::Number)?;
                (name, Which::Nth(nth))
            }
        };
        if name.is_empty() {
            return Err(Problem::NoAddress);
        }
        Ok(Self { name: name.to_owned(), which })
    }
}

/// The names that mean some message of the cassette.
fn known(script: &Script) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for id in script.message_steps() {
        let step = script.step(id);
        if let (Some(pack), Some(kind)) = (script.pack(), step.kind) {
            let names = pack.lineage(kind).map(|kind| pack.kinds[kind.0].name.clone());
            known.extend(names.filter(|name| !matches!(name.as_str(), "json" | "message")));
        }
        let roles = ROLES.iter().filter(|(_, roles)| step.role.is_some_and(|role| roles.contains(&role)));
        known.extend(roles.map(|(name, _)| (*name).to_owned()));
    }
    known.push(ANY.to_owned());
    known.sort_unstable();
    known.dedup();
    known
}
