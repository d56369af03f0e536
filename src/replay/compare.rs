//! A live message held against a step: equal but for ids, which must be consistent, and for what is not
//! compared.

use std::borrow::Cow;

use super::binding::{Bind, Bindings, Clash};
use super::difference::{Difference, Differs};
use super::leaf::{self, Leaf};
use super::lineage::{Form, Place};
use super::number;
use super::path::PathId;
use super::script::{Script, Step, StepId};
use super::spot::Spot;
use crate::conversation::{Content, Masked};
use crate::text::json::Kind;

/// What is not compared, or not by its value.
#[derive(Clone, Debug)]
pub(crate) struct Leniency {
    ignored: Vec<Spot>,
    volatile: Vec<Spot>,
    by_path: Vec<Treatment>,
    /// Pointers at which some message has an id, or a masked value: what stands there is no help in finding
    /// a message again.
    varying: Vec<bool>,
}

/// How the value at a pointer is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Whole,
    /// It must be there, and of its type.
    TypeOnly,
    NotAtAll,
}

/// A live message taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    pub(crate) text: String,
    pub(crate) leaves: Vec<Leaf>,
    /// Whether it is JSON from its start to its end.
    pub(crate) json: bool,
}

/// What came of a comparison.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compared {
    pub(crate) differences: Vec<Difference>,
    /// Values that are to be bound if the message is taken for that step.
    pub(crate) binds: Vec<Bind>,
}

impl Leniency {
    /// What the pack calls volatile and the user wants ignored.
    pub(crate) fn new(script: &Script, ignored: &[Spot]) -> Self {
        let volatile =
            script.pack().map(|pack| pack.volatile.iter().filter_map(|place| place.parse().ok()).collect());
        let mut leniency = Self {
            ignored: ignored.to_vec(),
            volatile: volatile.unwrap_or_default(),
            by_path: Vec::new(),
            varying: varying(script),
        };
        leniency.by_path = script.paths.all().map(|path| leniency.judge(script.paths.text(path))).collect();
        leniency
    }

    fn of(&self, leaf: &Leaf) -> Treatment {
        match (&leaf.unknown, self.by_path.get(leaf.path.index())) {
            (None, Some(&known)) => known,
            (Some(pointer), _) => self.judge(pointer),
            (None, None) => Treatment::Whole,
        }
    }

    fn judge(&self, pointer: &str) -> Treatment {
        if self.ignored.iter().any(|spot| spot.covers(pointer)) {
            Treatment::NotAtAll
        } else if self.volatile.iter().any(|spot| spot.is_at(pointer)) {
            Treatment::TypeOnly
        } else {
            Treatment::Whole
        }
    }
}

impl Live {
    /// Takes a text message apart, into buffers that are used again.
    pub(crate) fn read(&mut self, text: &str, script: &Script) {
        self.text.clear();
        self.text.push_str(text);
        self.json = leaf::read(text, &script.paths, &mut self.leaves).is_ok();
    }

    /// A hash of what never differs between a live message and its step: pointers, and the values that are
    /// compared whole.
    pub(crate) fn print(text: &str, leaves: &[Leaf], leniency: &Leniency) -> u64 {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hash = DefaultHasher::new();
        for leaf in leaves {
            let treatment = leniency.of(leaf);
            if treatment == Treatment::NotAtAll {
                continue;
            }
            (leaf.path, &leaf.unknown, type_of(leaf.kind)).hash(&mut hash);
            // Numbers are compared by value, and have many spellings.
            let varies = leniency.varying.get(leaf.path.index()).copied().unwrap_or(false);
            if treatment == Treatment::Whole && leaf.kind == Kind::String && !varies {
                leaf.value(text).hash(&mut hash);
            }
        }
        hash.finish()
    }
}

/// Holds `live` against a step that is a text message. Stops after `most` differences.
pub(crate) fn compare(
    script: &Script,
    leniency: &Leniency,
    bindings: &Bindings,
    step: StepId,
    live: &Live,
    most: usize,
) -> Compared {
    let recorded = script.step(step);
    let mut out = Compared::default();
    let Some(text) = recorded.text() else { return out };
    let mut leaves = Vec::new();
    let json = leaf::read(text, &script.paths, &mut leaves).is_ok();
    if json != live.json || (!json && leaves.is_empty()) {
        let places = script.lineage.places(step);
        let expected = bindings.substitute(script, text, 0, places, &[]);
        if expected != live.text {
            let what = if json == live.json { Differs::Value } else { Differs::Type };
            out.differences.push(Difference {
                at: String::new(),
                expected: Some(quoted(&expected, json)),
                got: Some(quoted(&live.text, live.json)),
                what,
            });
        }
        return out;
    }
    let mut pair = Pair { script, leniency, bindings, recorded, step, text, live, whole: json, most, out };
    let later = pair.walk(&leaves);
    for (ours, theirs) in later {
        pair.values(ours, theirs);
    }
    pair.out
}

/// Pointers whose values differ by nature from the ones of the cassette.
fn varying(script: &Script) -> Vec<bool> {
    let mut varying = vec![false; script.paths.len()];
    for id in script.ids() {
        let masked = match &script.step(id).event.content {
            Content::Json(message) => &message.masked[..],
            Content::Other(_) => &[],
        };
        let masked = masked.iter().filter_map(|masked| masked.at.strip_prefix("/json"));
        let places = script.lineage.places(id).iter().map(|place| place.path);
        for path in places.chain(masked.map(|at| script.paths.find(at))) {
            if let Some(varies) = varying.get_mut(path.index()) {
                *varies = true;
            }
        }
    }
    varying
}

struct Pair<'a> {
    script: &'a Script,
    leniency: &'a Leniency,
    bindings: &'a Bindings,
    recorded: &'a Step,
    step: StepId,
    text: &'a str,
    live: &'a Live,
    /// Whether both are JSON; of two broken texts only what both have is compared.
    whole: bool,
    most: usize,
    out: Compared,
}

impl<'a> Pair<'a> {
    /// Holds every leaf against its counterpart. Returns what holds ids inside longer values: they may be
    /// bound in this very message.
    fn walk<'l>(&mut self, expected: &'l [Leaf]) -> Vec<(&'l Leaf, &'a Leaf)> {
        let mut later = Vec::new();
        let live = self.live;
        let mut ours = expected.iter().peekable();
        let mut theirs = live.leaves.iter().peekable();
        let mut common = 0;
        while self.out.differences.len() < self.most {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => (a.path, &a.unknown).cmp(&(b.path, &b.unknown)),
            };
            match order {
                std::cmp::Ordering::Less => {
                    if let Some(leaf) = ours.next() {
                        self.alone(leaf, Differs::Missing);
                    }
                }
                std::cmp::Ordering::Greater => {
                    if let Some(leaf) = theirs.next() {
                        self.alone(leaf, Differs::Unexpected);
                    }
                }
                std::cmp::Ordering::Equal => {
                    if let (Some(a), Some(b)) = (ours.next(), theirs.next()) {
                        common += 1;
                        if self.holds_ids(a) {
                            later.push((a, b));
                        } else {
                            self.both(a, b);
                        }
                    }
                }
            }
        }
        if !self.whole && common * 2 < expected.len() {
            let said = |text: &str| Some(quoted(text, false));
            self.differ(String::new(), said(self.text), said(&self.live.text), Differs::Value);
        }
        later
    }

    fn alone(&mut self, leaf: &Leaf, what: Differs) {
        if self.leniency.of(leaf) == Treatment::NotAtAll || !self.whole {
            return;
        }
        let at = leaf.pointer(&self.script.paths).to_owned();
        match what {
            Differs::Missing => self.differ(at, Some(self.spelled(leaf)), None, what),
            _ => self.differ(at, None, Some(leaf.token(&self.live.text).to_owned()), what),
        }
    }

    fn both(&mut self, ours: &Leaf, theirs: &Leaf) {
        let treatment = self.leniency.of(ours);
        if treatment == Treatment::NotAtAll {
            return;
        }
        let token = theirs.token(&self.live.text);
        let at = || ours.pointer(&self.script.paths).to_owned();
        if type_of(ours.kind) != type_of(theirs.kind) {
            let expected = Some(self.spelled(ours));
            return self.differ(at(), expected, Some(token.to_owned()), Differs::Type);
        }
        if let Some(place) = self.place_of(ours) {
            return self.identity(place.clone(), ours, theirs);
        }
        if treatment == Treatment::Whole && !self.is_masked(ours) {
            self.values(ours, theirs);
        }
    }

    fn values(&mut self, ours: &Leaf, theirs: &Leaf) {
        let token = theirs.token(&self.live.text);
        let at = || ours.pointer(&self.script.paths).to_owned();
        let expected = self.spelled(ours);
        let same = match ours.kind {
            Kind::Number => number::equal(&expected, token),
            Kind::String => expected == token || said(&expected) == said(token),
            Kind::Object | Kind::Array | Kind::True | Kind::False | Kind::Null => ours.kind == theirs.kind,
        };
        if !same {
            self.differ(at(), Some(expected), Some(token.to_owned()), Differs::Value);
        }
    }

    fn identity(&mut self, place: Place, ours: &Leaf, theirs: &Leaf) {
        let value = theirs.value(&self.live.text);
        let lineage = &self.script.lineage;
        match self.bindings.judge(lineage, &place, &value, &self.out.binds) {
            Ok(bind) => {
                self.out.binds.retain(|(id, _)| bind.as_ref().is_none_or(|(bound, _)| bound != id));
                self.out.binds.extend(bind);
            }
            Err(clash) => {
                let at = ours.pointer(&self.script.paths).to_owned();
                let got = Some(theirs.token(&self.live.text).to_owned());
                let (expected, what) = match clash {
                    Clash::Other(bound) => {
                        let quoted = serde_json::to_string(&bound).unwrap_or_default();
                        let bound = if place.form == Form::Number { bound.into() } else { quoted };
                        (Some(bound), Differs::Id)
                    }
                    Clash::Taken(other) => {
                        let other = lineage.identity(other).value.to_string();
                        (Some("another value".to_owned()), Differs::Taken(other))
                    }
                };
                self.differ(at, expected, got, what);
            }
        }
    }

    /// The identity that a value as a whole is.
    fn place_of(&self, leaf: &Leaf) -> Option<&Place> {
        let start = leaf.range().start as u32;
        let places = self.script.lineage.places(self.step).iter();
        places
            .filter(|place| matches!(place.form, Form::String | Form::Number))
            .find(|place| place.range.start == start && place.path != PathId::UNKNOWN)
    }

    /// A value of the step as it is spelled in this run.
    fn spelled(&self, leaf: &Leaf) -> String {
        let range = leaf.range();
        let places = self.script.lineage.places(self.step);
        let from = places.partition_point(|place| (place.range.start as usize) < range.start);
        let to = places.partition_point(|place| (place.range.start as usize) < range.end);
        let text = &self.text[range.clone()];
        self.bindings.substitute(self.script, text, range.start, &places[from..to], &self.out.binds)
    }

    /// Whether ids stand inside the value.
    fn holds_ids(&self, leaf: &Leaf) -> bool {
        let range = leaf.range();
        let within = |place: &Place| range.contains(&(place.range.start as usize));
        self.leniency.of(leaf) == Treatment::Whole
            && self
                .script
                .lineage
                .places(self.step)
                .iter()
                .any(|place| place.form == Form::Inside && within(place))
    }

    /// Whether the recorder masked the value: then nobody knows what it was.
    fn is_masked(&self, leaf: &Leaf) -> bool {
        let masked: &[Masked<'_>] = match &self.recorded.event.content {
            Content::Json(message) => &message.masked,
            Content::Other(_) => &[],
        };
        !masked.is_empty() && {
            let pointer = leaf.pointer(&self.script.paths);
            masked.iter().any(|masked| masked.at.strip_prefix("/json") == Some(pointer))
        }
    }

    fn differ(&mut self, at: String, expected: Option<String>, got: Option<String>, what: Differs) {
        self.out.differences.push(Difference { at, expected, got, what });
    }
}

/// What a string token says.
fn said(token: &str) -> Option<Cow<'_, str>> {
    crate::text::json::string(token)
}

/// The type of a value, in which `true` and `false` are one.
const fn type_of(kind: Kind) -> u8 {
    match kind {
        Kind::Object => 0,
        Kind::Array => 1,
        Kind::String => 2,
        Kind::Number => 3,
        Kind::True | Kind::False => 4,
        Kind::Null => 5,
    }
}

/// A whole text as a difference shows it.
fn quoted(text: &str, json: bool) -> String {
    if json { text.to_owned() } else { serde_json::to_string(text).unwrap_or_default() }
}
