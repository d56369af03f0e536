//! Learns identities from a cassette: one pass over its messages collects the values of fields that may hold
//! ids, then the flow of each kind of id through the cassette says whether it is one.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::field::{FieldId, Fields, Word};
use super::reappear::reappearances;
use super::shape::{Shape, shape_of};
use super::{Form, Identity, IdentityId, Lineage, Place, Space, Why, Wishes, name};
use crate::conversation::Party;
use crate::pack::{GroupScope, Pack};
use crate::replay::leaf::{self, Leaf};
use crate::replay::path::{PathId, Paths};
use crate::replay::script::{ConnectionIndex, Reading, Step, StepId};
use crate::text::json::Kind;

/// What has been learned before flows are known.
pub(crate) struct Learning {
    pub(super) identities: Vec<Identity>,
    pub(super) places: Vec<Vec<Place>>,
}

/// A value that may be an identity.
struct Seen {
    step: StepId,
    field: FieldId,
    path: PathId,
    range: Range<u32>,
    form: Form,
    value: Box<str>,
    owner: Option<Party>,
    connection: Option<ConnectionIndex>,
}

/// What became of the values of one kind of id.
#[derive(Default)]
struct Course {
    /// Whether some value was repeated in another field than it was given in.
    flows: bool,
    /// Fields that repeated what was given elsewhere, and fields that gave values.
    repeats: HashSet<u32>,
    gives: HashSet<u32>,
    identities: u32,
}

impl Lineage {
    /// Looks at every message of `steps`.
    pub(crate) fn learn(
        steps: &[Step],
        readings: &[Reading],
        pack: Option<&Pack>,
        wishes: &Wishes,
        paths: &mut Paths,
    ) -> Learning {
        let mut fields = Fields::new(pack, &wishes.fixed);
        let seen = collect(steps, readings, &mut fields, paths);
        join_by_value(&seen, &mut fields);
        Learning::of(steps, &seen, &fields)
    }
}

/// Every value of every field that may hold ids, in the order of the cassette.
fn collect(steps: &[Step], readings: &[Reading], fields: &mut Fields<'_>, paths: &mut Paths) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut leaves: Vec<Leaf> = Vec::new();
    for (index, (step, reading)) in steps.iter().zip(readings).enumerate() {
        let (Some(text), Some(party)) = (step.text(), step.by) else { continue };
        // Of a text that is no JSON, what comes before its error has its pointers all the same.
        let is_json = leaf::read(text, &mut *paths, &mut leaves).is_ok();
        if !is_json {
            continue;
        }
        leaves.sort_by_key(|leaf| leaf.range().start);
        for leaf in &leaves {
            let form = match leaf.kind {
                Kind::String => Form::String,
                Kind::Number => Form::Number,
                Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => continue,
            };
            let key = reading.keys.iter().find(|key| key.ids.contains(&leaf.range()));
            let general = paths.general(leaf.path);
            let field =
                fields.of(party, step.kind, general, paths.text(general), key.map(|key| key.grouping));
            let value = leaf.value(text);
            let is_whole = form == Form::String || value.bytes().all(|byte| byte.is_ascii_digit());
            if is_whole && fields.admits(field, &value) {
                let range = leaf.range();
                seen.push(Seen {
                    step: StepId(index as u32),
                    field,
                    path: leaf.path,
                    range: range.start as u32..range.end as u32,
                    form,
                    value: value.into(),
                    owner: key.and_then(|key| key.owner),
                    connection: step.connection,
                });
            }
        }
    }
    // A field that counts by the looks of its values counts only where all of them have those looks.
    seen.retain(|seen| {
        let field = fields.get(seen.field);
        field.word != Word::Looks || field.always_shaped
    });
    seen
}

/// Finds fields of another name that always repeat what an earlier message gave: they hold the same kind of id.
fn join_by_value(seen: &[Seen], fields: &mut Fields<'_>) {
    /// A value of so many characters is not the same by chance.
    const TELLING: usize = 6;
    #[derive(Default)]
    struct Evidence {
        all: usize,
        repeated: HashMap<u32, usize>,
        values: HashSet<Box<str>>,
        telling: bool,
    }
    let mut earlier: HashMap<&str, Vec<(u32, StepId)>> = HashMap::new();
    let mut evidence: HashMap<FieldId, Evidence> = HashMap::new();
    for one in seen {
        let own = fields.names_of(one.field);
        let known = earlier.entry(&one.value).or_default();
        let field = evidence.entry(one.field).or_default();
        field.all += 1;
        field.telling |= one.value.len() >= TELLING;
        if field.values.len() < 2 {
            field.values.insert(one.value.clone());
        }
        for &(names, step) in known.iter() {
            if names != own && step < one.step {
                *field.repeated.entry(names).or_default() += 1;
            }
        }
        if !known.iter().any(|&(names, _)| names == own) {
            known.push((own, one.step));
        }
    }
    let mut joined: Vec<(FieldId, u32)> = evidence
        .iter()
        .filter(|(_, field)| field.telling || field.values.len() > 1)
        .flat_map(|(&id, field)| {
            let always = field.repeated.iter().filter(|&(_, &count)| count == field.all);
            always.map(move |(&names, _)| (id, names))
        })
        .collect();
    joined.sort_unstable_by_key(|&(field, names)| (field.0, names));
    for (field, names) in joined {
        let own = fields.names_of(field);
        fields.join(own, names);
    }
}

impl Learning {
    fn of(steps: &[Step], seen: &[Seen], fields: &Fields<'_>) -> Self {
        let local = counted_anew(seen, fields);
        let mut identities: Vec<Identity> = Vec::new();
        let mut given_in: Vec<FieldId> = Vec::new();
        let mut courses: HashMap<u32, Course> = HashMap::new();
        let mut known: HashMap<(Space, &str), IdentityId> = HashMap::new();
        let mut found: Vec<(IdentityId, bool)> = Vec::with_capacity(seen.len());
        for one in seen {
            let field = fields.get(one.field);
            let names = fields.names_of(one.field);
            let is_local = match field.word {
                Word::Key { scope, .. } => scope == GroupScope::Connection,
                Word::Volatile => false,
                Word::Named | Word::Looks | Word::Content => local.contains(&names),
            };
            let connection = one.connection.filter(|_| is_local);
            let space = Space { names, connection, owner: one.owner };
            let next = IdentityId(identities.len() as u32);
            let id = *known.entry((space, &one.value)).or_insert(next);
            let course = courses.entry(names).or_default();
            if id == next {
                identities.push(born(one, space, field, steps));
                given_in.push(one.field);
                course.gives.insert(one.field.0);
                course.identities += 1;
            } else if given_in[id.0 as usize] == one.field {
                course.gives.insert(one.field.0);
            } else {
                course.flows = true;
                course.repeats.insert(one.field.0);
            }
            found.push((id, given_in[id.0 as usize] == one.field));
        }
        // What a pack calls a key is one whatever becomes of it.
        let counts = |one: &Seen| {
            let course = &courses[&fields.names_of(one.field)];
            match fields.get(one.field).word {
                Word::Key { .. } => true,
                Word::Volatile => course.flows,
                Word::Named | Word::Looks | Word::Content => {
                    course.flows && course.repeats.is_disjoint(&course.gives)
                }
            }
        };
        let mut places = vec![Vec::new(); steps.len()];
        let mut used = vec![false; identities.len()];
        for (one, &(identity, given)) in seen.iter().zip(&found) {
            if counts(one) {
                used[identity.0 as usize] = true;
                let (path, range, form) = (one.path, one.range.clone(), one.form);
                places[one.step.0 as usize].push(Place { identity, path, range, form, given });
            }
        }
        let mut learning = Self { identities, places };
        learning.keep_only(&used);
        learning.find_renewed(steps);
        learning
    }

    /// Takes out the identities that turned out to be none.
    fn keep_only(&mut self, used: &[bool]) {
        let mut kept = 0;
        let numbers: Vec<u32> = used
            .iter()
            .map(|&used| {
                kept += u32::from(used);
                kept.wrapping_sub(1)
            })
            .collect();
        let mut used = used.iter();
        self.identities.retain(|_| used.next().copied().unwrap_or(false));
        for place in self.places.iter_mut().flatten() {
            place.identity = IdentityId(numbers[place.identity.0 as usize]);
        }
    }

    /// Decides which learned ids their givers renew in every run: those that tell exchanges apart. What is
    /// the same throughout the cassette may be a setting of the site, and is kept.
    fn find_renewed(&mut self, steps: &[Step]) {
        /// In so many messages of both parties, an id holds a flow together.
        const HOLDS: usize = 3;
        let mut carried: Vec<(usize, HashSet<Party>)> = vec![Default::default(); self.identities.len()];
        for (places, step) in self.places.iter().zip(steps) {
            let here: HashSet<IdentityId> = places.iter().map(|place| place.identity).collect();
            for id in here {
                let (count, parties) = &mut carried[id.0 as usize];
                *count += 1;
                parties.extend(step.by);
            }
        }
        let mut siblings: HashMap<(Space, Party, Box<str>), usize> = HashMap::new();
        let family = |identity: &Identity| (identity.space, identity.by, identity.name.clone());
        for identity in &self.identities {
            *siblings.entry(family(identity)).or_default() += 1;
        }
        for (identity, (count, parties)) in self.identities.iter_mut().zip(&carried) {
            if identity.why == Why::Learned && !name::is_secret(&identity.name) {
                let tells_apart = siblings.get(&family(identity)).is_some_and(|&count| count > 1);
                let holds = *count >= HOLDS && parties.len() > 1;
                identity.renewed = tells_apart || holds || shape_of(&identity.value) != Shape::Plain;
            }
        }
    }

    /// Which identity keys the flow of each message; `None` where no kind of id stands in at least half of
    /// them, on both sides.
    pub(crate) fn keys_of_flows(&mut self, steps: &[Step]) -> Option<Vec<Option<(u32, String)>>> {
        let mut cover: HashMap<u32, (usize, HashSet<Party>, HashSet<IdentityId>)> = HashMap::new();
        for (places, step) in self.places.iter().zip(steps) {
            let mut here: Vec<u32> = places.iter().map(|place| self.names(place)).collect();
            here.sort_unstable();
            here.dedup();
            for names in here {
                let (count, parties, ids) = cover.entry(names).or_default();
                *count += 1;
                parties.extend(step.by);
                ids.extend(places.iter().filter(|p| self.names(p) == names).map(|place| place.identity));
            }
        }
        let messages = steps.iter().filter(|step| step.json).count();
        let (&best, _) = cover
            .iter()
            .filter(|(_, (count, parties, _))| count * 2 >= messages && parties.len() > 1)
            .max_by_key(|(names, (count, _, ids))| (*count, ids.len(), std::cmp::Reverse(**names)))?;
        for identity in self.identities.iter_mut().filter(|identity| identity.space.names == best) {
            identity.keys_flows = true;
        }
        let key = |places: &Vec<Place>| {
            let place = places.iter().find(|place| self.names(place) == best)?;
            Some((place.identity.0, self.identities[place.identity.0 as usize].value.to_string()))
        };
        Some(self.places.iter().map(key).collect())
    }

    fn names(&self, place: &Place) -> u32 {
        self.identities[place.identity.0 as usize].space.names
    }

    /// Finds the identities again inside other values, now that flows are known.
    pub(crate) fn finish(mut self, steps: &[Step], paths: &Paths) -> Lineage {
        reappearances(&mut self, steps, paths);
        for places in &mut self.places {
            places.sort_by_key(|place| place.range.start);
        }
        let values = self.identities.iter().map(|identity| identity.value.clone()).collect();
        let places = self.places.into_iter().map(Into::into).collect();
        let identities = self.identities;
        let mut lineage = Lineage { identities, places, values, ..Lineage::default() };
        lineage.index(steps);
        lineage
    }
}

/// Kinds of learned ids that are counted anew on every connection: a field gives a value again that it gave
/// on another one.
fn counted_anew(seen: &[Seen], fields: &Fields<'_>) -> HashSet<u32> {
    let mut first: HashMap<(u32, &str), (FieldId, Option<ConnectionIndex>)> = HashMap::new();
    let mut local = HashSet::new();
    for one in seen {
        let names = fields.names_of(one.field);
        let &mut (field, connection) =
            first.entry((names, &one.value)).or_insert((one.field, one.connection));
        if field == one.field && connection != one.connection {
            local.insert(names);
        }
    }
    local
}

fn born(one: &Seen, space: Space, field: &super::field::Field, steps: &[Step]) -> Identity {
    let why = match field.word {
        Word::Key { flows: true, .. } => Why::Key,
        Word::Key { flows: false, .. } | Word::Volatile => Why::Reference,
        Word::Named | Word::Looks | Word::Content => Why::Learned,
    };
    Identity {
        value: one.value.clone(),
        space,
        born: one.step,
        by: steps[one.step.0 as usize].by.unwrap_or(Party::Pos),
        why,
        keys_flows: why == Why::Key,
        renewed: why == Why::Key,
        name: field.name.clone(),
    }
}
