//! Which pack judges which recording: the one asked for, the one its header names, or the one it is of.
//!
//! What a header says, and what a command line says, is held against the messages. A recording that is of
//! another protocol is never judged by the rules of this one; one that could be of two is not judged at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::CliError;
use super::inputs::{Cassette, Input, Inputs};
use crate::check::{Basis, Likeness, Recognised, Recogniser, Recognition, can_tell};
use crate::pack::{self, Pack, Sources};
use crate::report::Unreadable;

/// How many messages of a recording are looked at to find out what it is.
const ENOUGH: u64 = 500;

/// How many are looked at to confirm what is said of it.
const FEW: u64 = 32;

/// A pack and the recordings it judges.
#[derive(Debug)]
pub(crate) struct Assigned {
    /// Name of the pack.
    pub(crate) pack: String,
    /// What it judges, in the order given.
    pub(crate) inputs: Vec<Input>,
}

/// Gives every recording of `inputs` to a pack, in the order the packs are first needed. What cannot be
/// opened, or belongs to no pack, becomes unreadable; what is decided otherwise than a header says is told.
pub(crate) fn assign(
    inputs: &mut Inputs,
    sources: &Sources,
    asked: Option<&str>,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Assigned>, CliError> {
    let mut desk = Desk { sources, packs: BTreeMap::new() };
    let mut assigned: Vec<Assigned> = Vec::new();
    for input in std::mem::take(&mut inputs.inputs) {
        let name = match desk.decide(inputs, &input, asked)? {
            Ok(Decision { pack, basis, told }) => {
                inputs.bases.insert(input.clone(), basis);
                if let Some(why) = told {
                    tell(&format!("{}: {why}", input.name()));
                }
                pack
            }
            Err(unreadable) => {
                inputs.unreadable.push(unreadable);
                continue;
            }
        };
        match assigned.iter_mut().find(|one| one.pack == name) {
            Some(one) => one.inputs.push(input),
            None => assigned.push(Assigned { pack: name, inputs: vec![input] }),
        }
    }
    Ok(assigned)
}

/// The packs, loaded as they are needed.
struct Desk<'s> {
    sources: &'s Sources,
    packs: BTreeMap<String, Arc<Pack>>,
}

struct Decision {
    pack: String,
    basis: Basis,
    /// Why, where nobody said so.
    told: Option<String>,
}

impl Desk<'_> {
    fn decide(
        &mut self,
        inputs: &mut Inputs,
        input: &Input,
        asked: Option<&str>,
    ) -> Result<Result<Decision, Unreadable>, CliError> {
        let cassette = match inputs.peek(input) {
            Ok(cassette) => cassette,
            Err(unreadable) => return Ok(Err(unreadable)),
        };
        let named = cassette.header().pack.clone();
        let wanted = asked.map(str::to_owned).or_else(|| named.clone());
        let basis = if asked.is_some() { Basis::Asked } else { Basis::Named };
        if let Some(pack) = wanted.filter(|pack| self.is_known(pack)) {
            let plain = Decision { pack: pack.clone(), basis, told: None };
            let own = self.load(&pack)?;
            if !can_tell(&own) {
                return Ok(Ok(plain));
            }
            let seen = look(Ok(cassette), [own], FEW);
            if seen.likeness(&pack).is_some_and(|own| own.messages * 2 >= seen.messages) {
                return Ok(Ok(plain));
            }
            let seen = look(inputs.peek(input), self.all(), ENOUGH);
            let own = seen.likeness(&pack).map_or(0, |own| own.messages);
            return Ok(match seen.recognised() {
                // A quarter of the messages may be a peer that misbehaves.
                Recognised::Surely(best)
                    if best.pack != pack && best.messages > 0 && own * 4 <= best.messages =>
                {
                    match asked {
                        Some(asked) => Err(refusal(input, &another(asked, own, best, &seen))),
                        None => Ok(recognised(best, &seen, named.as_deref())),
                    }
                }
                _ => Ok(plain),
            });
        }
        let seen = look(Ok(cassette), self.all(), ENOUGH);
        Ok(match seen.recognised() {
            Recognised::Surely(best) => Ok(recognised(best, &seen, named.as_deref())),
            Recognised::Alike(packs) => Err(refusal(input, &alike(&packs, &seen))),
            Recognised::Swapped(best) => Err(refusal(input, &swapped(best, &seen))),
            Recognised::Nothing => Err(refusal(input, &self.unknown(named.as_deref(), &seen))),
        })
    }

    fn is_known(&self, name: &str) -> bool {
        self.sources.packs().any(|pack| pack == name)
    }

    fn load(&mut self, name: &str) -> Result<Arc<Pack>, CliError> {
        if let Some(pack) = self.packs.get(name) {
            return Ok(Arc::clone(pack));
        }
        let pack = Arc::new(pack::load(self.sources, name).map_err(CliError::input)?);
        self.packs.insert(name.to_owned(), Arc::clone(&pack));
        Ok(pack)
    }

    /// Every pack that can be loaded: one that cannot is no reason not to judge by another.
    fn all(&mut self) -> Vec<Arc<Pack>> {
        let names: Vec<String> = self.sources.packs().map(str::to_owned).collect();
        names.iter().filter_map(|name| self.load(name).ok()).collect()
    }

    /// Nothing is like it.
    fn unknown(&self, named: Option<&str>, seen: &Recognition) -> String {
        let known: Vec<&str> = self.sources.packs().collect();
        let what = match named {
            Some(named) => format!("expected the name of a pack in its header, got `{named}`"),
            None => "expected a pack to judge by: its header names none".to_owned(),
        };
        let near = named.and_then(|named| pack::suggestion(named, known.iter().copied()));
        let near = near.map_or_else(String::new, |near| format!("{near} "));
        let nearest = seen.likenesses.first().filter(|nearest| nearest.messages > 0);
        let messages = match (seen.messages, nearest) {
            (0, _) => "it holds no message to go by".to_owned(),
            (all, Some(nearest)) => format!("only {} are of {}", of(nearest.messages, all), nearest.pack),
            (1, None) => "its message is of no known pack".to_owned(),
            (n, None) => format!("none of its {n} messages is of a known pack"),
        };
        format!("{what}, and {messages}; {near}say `--pack NAME`; known packs: {}", known.join(", "))
    }
}

/// Looks at the start of a recording, as far as it can be read: what is wrong with it is said when it is judged.
fn look(
    cassette: Result<Cassette, Unreadable>,
    packs: impl IntoIterator<Item = Arc<Pack>>,
    messages: u64,
) -> Recognition {
    let mut recogniser = Recogniser::new(packs);
    if let Ok(mut cassette) = cassette {
        while recogniser.messages() < messages
            && let Some(Ok(event)) = cassette.next_event()
        {
            recogniser.observe(&event);
        }
    }
    recogniser.finish()
}

fn refusal(input: &Input, message: &str) -> Unreadable {
    Unreadable { name: input.name(), line: None, message: message.to_owned() }
}

/// Nobody said which pack, or the header said one whose messages these are not.
fn recognised(best: &Likeness, seen: &Recognition, named: Option<&str>) -> Decision {
    let pack = &best.pack;
    let of_it = of(best.messages, seen.messages);
    let header = match named {
        Some(named) => format!("its header names `{named}`"),
        None => "its header names no pack".to_owned(),
    };
    let told = match best.messages {
        0 => format!("judged by {pack}, for its paths are of it; {header}"),
        _ => format!("judged by {pack}, for {of_it} are of it; {header}"),
    };
    let basis = Basis::Recognised { messages: best.messages, of: seen.messages };
    Decision { pack: pack.clone(), basis, told: Some(told) }
}

fn another(asked: &str, own: u64, best: &Likeness, seen: &Recognition) -> String {
    let nearest = &best.pack;
    let own = match own {
        0 => "none".to_owned(),
        own => format!("only {own}"),
    };
    format!(
        "this is not {asked}: {own} of its {} is, and {} of {nearest}; say `--pack {nearest}`, or leave `--pack` out",
        counted(seen.messages),
        match best.messages {
            all if all == seen.messages => "all are".to_owned(),
            some => format!("{some} are"),
        }
    )
}

fn alike(packs: &[&Likeness], seen: &Recognition) -> String {
    let names: Vec<String> = packs.iter().map(|one| format!("{} ({})", one.pack, one.messages)).collect();
    match packs.iter().all(|one| one.messages * 2 > seen.messages) {
        true => format!(
            "it may be of several packs: of its {} are of {}; say `--pack NAME`",
            counted(seen.messages),
            names.join(", ")
        ),
        false => format!(
            "it holds more than one protocol: of its {} are of {}; record them apart, or say `--pack NAME`",
            counted(seen.messages),
            names.join(", ")
        ),
    }
}

fn swapped(best: &Likeness, seen: &Recognition) -> String {
    format!(
        "{} would be of {} if POS and terminal were not taken for each other; record again with `--client terminal`, or without it",
        of(best.swapped, seen.messages),
        best.pack
    )
}

/// `8 of 14 messages`, `all 14 messages`, `its only message`.
fn of(some: u64, all: u64) -> String {
    match (some, all) {
        (1, 1) => "its only message".to_owned(),
        (some, all) if some == all => format!("all {all} messages"),
        (some, all) => format!("{some} of {all} messages"),
    }
}

fn counted(messages: u64) -> String {
    if messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") }
}
