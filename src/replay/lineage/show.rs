//! The identities of a cassette for people: where each kind is born, where it reappears, why it counts, and
//! what flows without being one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use super::name::{self, Says};
use super::{Form, IdentityId, Place, Why};
use crate::conversation::{EventNumber, Party};
use crate::mask::Masker;
use crate::replay::leaf;
use crate::replay::path::field_name;
use crate::replay::script::{Script, Step, StepId};
use crate::text::json::Kind;

/// Values of a kind of id that are shown, and messages of one.
const VALUES: usize = 12;
const MESSAGES: usize = 8;

/// Flows without identity that are shown.
const OTHERS: usize = 40;

/// One line of where a kind of id stands: the party, the kind of message, the pointer, how.
type Spot = (Party, String, String, &'static str);

impl Script {
    /// What `show --lineage` prints.
    pub fn lineage_in_words(&self, masker: &Masker) -> String {
        let mut out = String::new();
        let lineage = &self.lineage;
        let mut kinds: Vec<u32> = Vec::new();
        for identity in &lineage.identities {
            if !kinds.contains(&identity.space.names) {
                kinds.push(identity.space.names);
            }
        }
        if kinds.is_empty() {
            out.push_str("no identities: every value must come as it stands in the cassette\n");
        }
        for names in kinds {
            self.kind_of_id(names, masker, &mut out);
        }
        self.others(masker, &mut out);
        out
    }

    fn kind_of_id(&self, names: u32, masker: &Masker, out: &mut String) {
        let lineage = &self.lineage;
        let all = (0..lineage.identities.len() as u32).map(IdentityId);
        let own: Vec<IdentityId> = all.filter(|&id| lineage.identity(id).space.names == names).collect();
        let Some(first) = own.first().map(|&id| lineage.identity(id)) else { return };
        let mut givers: Vec<&str> = own.iter().map(|&id| article(lineage.identity(id).by)).collect();
        givers.sort_unstable();
        givers.dedup();
        let count = own.len();
        let plural = if count == 1 { "value" } else { "values" };
        let _ = writeln!(out, "{}  {count} {plural}, given by {}", first.name, givers.join(" and "));
        let _ = writeln!(
            out,
            "  counts     {}",
            why(first.why, own.iter().any(|&id| lineage.identity(id).renewed))
        );
        let mut uses: HashMap<IdentityId, Vec<EventNumber>> = HashMap::new();
        let mut spots: BTreeMap<(bool, usize), Vec<Spot>> = BTreeMap::new();
        for id in self.ids() {
            let step = self.step(id);
            for place in
                lineage.places(id).iter().filter(|p| lineage.identity(p.identity).space.names == names)
            {
                let numbers = uses.entry(place.identity).or_default();
                if numbers.last() != Some(&step.n()) {
                    numbers.push(step.n());
                }
                let spot = self.spot(step, place);
                let known = spots.values().flatten().any(|known| *known == spot);
                if !known {
                    let order = spots.len();
                    spots.entry((!place.given, order)).or_default().push(spot);
                }
            }
        }
        let width = spots.values().flatten().map(|(_, kind, _, _)| kind.chars().count()).max().unwrap_or(0);
        for ((reappears, _), spots) in &spots {
            for (party, kind, pointer, form) in spots {
                let verb = if *reappears { "reappears" } else { "born" };
                let _ = writeln!(out, "  {verb:9}  {party:8}  {kind:width$}  {pointer}{form}");
            }
        }
        for id in own.iter().take(VALUES) {
            let value = masker.text(&lineage.identity(*id).value).map(|masked| masked.text);
            let value = value.unwrap_or_else(|| lineage.identity(*id).value.to_string());
            let numbers = uses.get(id).map(Vec::as_slice).unwrap_or_default();
            let shown: Vec<String> = numbers.iter().take(MESSAGES).map(ToString::to_string).collect();
            let more = if numbers.len() > MESSAGES { " …" } else { "" };
            let _ = writeln!(out, "  value      {value:?}  {}{more}", shown.join(" "));
        }
        if count > VALUES {
            let _ = writeln!(out, "  value      and {} more", count - VALUES);
        }
        out.push('\n');
    }

    fn spot(&self, step: &Step, place: &Place) -> Spot {
        let pointer = match place.form {
            Form::Raw => "its text".to_owned(),
            Form::String | Form::Number | Form::Inside => {
                self.paths.text(self.paths.general(place.path)).to_owned()
            }
        };
        let form = match place.form {
            Form::String | Form::Raw => "",
            Form::Number => "  as a number",
            Form::Inside => "  inside a longer text",
        };
        (step.by.unwrap_or(Party::Pos), self.what(step), pointer, form)
    }

    /// Values that the other party repeats within a flow although they name nothing.
    fn others(&self, masker: &Masker, out: &mut String) {
        let mut found: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
        let mut leaves = Vec::new();
        for flow in &self.flows {
            let mut first: HashMap<String, (StepId, String)> = HashMap::new();
            for &id in &flow.steps {
                let step = self.step(id);
                let Some(text) = step.text().filter(|_| step.json) else { continue };
                if leaf::read(text, &self.paths, &mut leaves).is_err() {
                    continue;
                }
                let ids: HashSet<u32> =
                    self.lineage.places(id).iter().map(|place| place.range.start).collect();
                for leaf in &leaves {
                    let is_value = matches!(leaf.kind, Kind::String | Kind::Number);
                    let value = leaf.value(text);
                    if !is_value || value.len() < 2 || ids.contains(&(leaf.range().start as u32)) {
                        continue;
                    }
                    let pointer = self.paths.text(self.paths.general(leaf.path)).to_owned();
                    match first.get(value.as_ref()) {
                        Some((from, origin)) if self.step(*from).by != step.by => {
                            let shown = masker.text(&value).map_or(value.into_owned(), |masked| masked.text);
                            found.entry((origin.clone(), pointer)).or_insert((0, shown)).0 += 1;
                        }
                        Some(_) => {}
                        None => drop(first.insert(value.into_owned(), (id, pointer))),
                    }
                }
            }
        }
        if found.is_empty() {
            return;
        }
        out.push_str("flows, but is no identity: it must come as it stands in the cassette\n");
        for ((from, to), (count, value)) in found.iter().take(OTHERS) {
            let reason = match name::says(field_name(from)) {
                Says::Content => "named like what a scenario is about",
                Says::Time => "named like a time",
                Says::Id if self.pack.is_some() => "named like an id, which the pack does not call one",
                Says::Id => "named like an id, but the flow does not hold everywhere",
                Says::Nothing => "not named like an id",
            };
            let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
            let _ = writeln!(out, "  {from} → {to}  {times}, such as {value:?}; {reason}");
        }
        if found.len() > OTHERS {
            let _ = writeln!(out, "  and {} more", found.len() - OTHERS);
        }
    }
}

fn why(why: Why, renewed: bool) -> &'static str {
    match (why, renewed) {
        (Why::Key, _) => "the pack calls it the key of a flow; the POS makes another one in every run",
        (Why::Reference, _) => {
            "the pack calls it a key, or volatile, and it flows: whoever gives it may give another one, whoever repeats it must keep to that"
        }
        (Why::Learned, true) => {
            "it flows and is named or looks like an id; whoever gives it makes another one in every run"
        }
        (Why::Learned, false) => "it flows and is named like an id; the POS keeps the one of the cassette",
    }
}

const fn article(party: Party) -> &'static str {
    match party {
        Party::Pos => "the POS",
        Party::Terminal => "the terminal",
        Party::Gateway => "the gateway",
    }
}
