//! Kinds of messages: each as the packs of the chain have it, the first declaring it, later ones saying what
//! differs.

use super::super::chain::{Link, Taken};
use super::super::error::suggestion;
use super::super::format::{KeyAtDef, MessageDef, Text};
use super::super::model::{
    Carrier, CarrierSet, GroupingId, KeyAt, KeyOwner, Kind, KindId, KindSet, Outcome, Role,
};
use super::super::pattern::Selector;
use super::super::schema::Schema;
use super::super::test::Test;
use super::super::value::Literal;
use super::{File, Resolver};

/// A kind in one pack.
struct Layer<'d> {
    file: File<'d>,
    message: &'d MessageDef,
    taken: Taken,
}

/// What a document says of a kind.
struct Told {
    tests: Vec<Test>,
    body: Option<Schema>,
}

impl Resolver {
    /// Resolves the kinds of messages, the outcomes and what moves money of all packs of the chain.
    pub(crate) fn messages(&mut self, chain: &[Link<'_>]) {
        for (depth, link) in chain.iter().enumerate() {
            if let Some(crossing) = &link.definition.crossing {
                self.crossing = self.span_of_time(&link.file, crossing).unwrap_or_default();
            }
            for described in &link.definition.described {
                self.described(&link.file, described);
            }
            for (index, message) in link.definition.messages.iter().enumerate() {
                let name = message.kind.get_ref();
                let is_same = |other: &&MessageDef| other.kind.get_ref() == name;
                if link.definition.messages[..index].iter().any(|other| is_same(&other)) {
                    let error =
                        link.file.error(message.kind.span(), format!("kind `{name}` is declared twice"));
                    self.errors.push(error);
                    continue;
                }
                let declares = |link: &&Link<'_>| link.definition.messages.iter().any(|m| is_same(&m));
                if chain[..depth].iter().any(|before| declares(&before)) {
                    self.only_differs(&link.file, message);
                    continue;
                }
                let layers = chain[depth..].iter().filter_map(|link| {
                    let message = link.definition.messages.iter().find(is_same)?;
                    Some(Layer { file: link.file, message, taken: link.taken })
                });
                self.kind(&layers.collect::<Vec<_>>(), None);
            }
        }
        // Outcomes have pointers of their own, so that a check does not look for what no rule asks for.
        std::mem::swap(&mut self.trie, &mut self.outcome_trie);
        for link in chain.iter().filter(|link| link.taken == Taken::Wholly) {
            for outcome in &link.definition.outcomes {
                let Selector { kinds, tests, .. } = self.lone_selector(&link.file, &outcome.on);
                self.outcomes.push(Outcome { name: outcome.name.clone(), kinds, tests });
            }
        }
        std::mem::swap(&mut self.trie, &mut self.outcome_trie);
        for link in chain.iter().filter(|link| link.taken == Taken::Wholly) {
            if let Some(money) = &link.definition.money {
                self.money(&link.file, money);
            }
            for recovery in &link.definition.recoveries {
                self.recovery(&link.file, recovery);
            }
        }
    }

    /// A kind that another pack declares may differ in much, not in what it is a special case of.
    fn only_differs(&mut self, file: &File<'_>, message: &MessageDef) {
        if let Some(parent) = &message.is {
            let name = message.kind.get_ref();
            let what = format!("expected no `is`: kind `{name}` is one of a pack this one builds on");
            let help = "say only what differs, or choose another name for a kind of your own";
            self.errors.push(file.error(parent.span(), what).help(help));
        }
    }

    /// A kind whose tests are resolved already, and of which a schema may say what all of it is like.
    pub(super) fn told_kind(
        &mut self,
        file: &File<'_>,
        message: &MessageDef,
        tests: Vec<Test>,
        body: Option<Schema>,
    ) {
        let layer = Layer { file: *file, message, taken: Taken::Wholly };
        self.kind(&[layer], Some(Told { tests, body }));
    }

    fn kind(&mut self, layers: &[Layer<'_>], told: Option<Told>) {
        let [Layer { file, message, .. }, ..] = layers else { return };
        let name = message.kind.get_ref().clone();
        if self.kinds.iter().any(|kind| kind.name == name) {
            let error = file.error(message.kind.span(), format!("kind `{name}` is declared twice"));
            self.errors.push(error);
            return;
        }
        let parent = message.is.as_ref().and_then(|parent| self.kind_id(file, parent));
        let carriers = match last(layers, |message| message.event.as_ref()) {
            Some((file, words)) => {
                words.0.iter().filter_map(|word| self.word(file, word, &Carrier::WORDS)).collect()
            }
            None => parent.map_or_else(CarrierSet::default, |parent| self.kinds[parent.0].carriers),
        };
        if message.event.is_none() && parent.is_none() {
            let error =
                file.error(message.kind.span(), format!("expected `is` or `event` for kind `{name}`"));
            self.errors.push(error.help("most kinds are a special case of `json`: write `is = \"json\"`"));
        }
        let from = last(layers, |message| message.from.as_ref());
        let from = from.and_then(|(file, party)| self.party(file, party));
        let from = from.or_else(|| parent.and_then(|p| self.kinds[p.0].from));
        let role = last(layers, |message| message.role.as_ref());
        let role = role.and_then(|(file, word)| self.word(file, word, &Role::WORDS));
        let role = role.or_else(|| parent.map(|p| self.kinds[p.0].role)).unwrap_or(Role::Control);
        let (told_tests, told_body) = told.map_or((None, None), |told| (Some(told.tests), told.body));
        let tests = match (told_tests, last(layers, |message| message.when.as_ref())) {
            (Some(tests), _) => tests,
            (None, Some((file, when))) => self.tests(file, when),
            (None, None) => Vec::new(),
        };
        let endpoints = match last(layers, |message| message.endpoint.as_ref()) {
            Some((file, names)) => names.iter().filter_map(|name| self.endpoint_id(file, name)).collect(),
            None => Vec::new(),
        };
        let mut keys = parent.map_or_else(Vec::new, |p| self.kinds[p.0].keys.clone());
        for Layer { file, message, .. } in layers {
            for (grouping, at) in &message.keys {
                if let Some(key) = self.key_at(file, &message.kind, grouping, at) {
                    keys.retain(|known| known.grouping != key.grouping);
                    keys.push(key);
                }
            }
        }
        // A dialect has bodies of its own.
        let own = |layer: &&Layer<'_>| layer.taken == Taken::Wholly && layer.message.body.is_some();
        let body =
            layers.iter().rfind(own).and_then(|layer| Some((layer.file, layer.message.body.as_ref()?)));
        let body = body.and_then(|(file, body)| self.body(&file, body, carriers));
        let body = told_body.or(body).or_else(|| parent.and_then(|p| self.kinds[p.0].body.clone()));
        // A flow goes by the first key.
        keys.sort_by_key(|key| !self.groupings[key.grouping.0].flows);
        if self.kinds.len() == KindSet::MOST {
            let text =
                format!("expected at most {} kinds, those of the packs it extends included", KindSet::MOST);
            self.errors.push(file.error(message.kind.span(), text));
            return;
        }
        let id = KindId(self.kinds.len());
        if let Some(parent) = parent {
            self.kinds[parent.0].children.push(id);
        }
        let what = last(layers, |message| message.what.as_ref());
        let what = what.map_or_else(|| name.replace('-', " "), |(_, what)| what.clone());
        let children = Vec::new();
        let unclear = last(layers, |message| message.unclear.as_ref()).is_some_and(|(_, &unclear)| unclear);
        let mistake = last(layers, |message| message.mistake.as_ref()).is_some_and(|(_, &mistake)| mistake);
        self.kinds.push(Kind {
            name,
            what,
            parent,
            lineage: parent.map_or_else(KindSet::default, |parent| self.kinds[parent.0].lineage).with(id),
            children,
            carriers,
            from,
            endpoints,
            tests,
            role,
            unclear,
            mistake,
            keys,
            body,
        });
    }

    fn key_at(&mut self, file: &File<'_>, kind: &Text, name: &str, def: &KeyAtDef) -> Option<KeyAt> {
        let Some(grouping) = self.groupings.iter().position(|known| known.name == name && known.keyed) else {
            let known = self.groupings.iter().filter(|g| g.keyed).map(|g| g.name.as_str());
            let help = suggestion(name, known).unwrap_or_else(|| format!("declare it as `[keys.{name}]`"));
            let message = format!("expected a key of the pack, got `{name}`");
            self.errors.push(file.error(kind.span(), message).help(help));
            return None;
        };
        let slots = def.at.iter().filter_map(|pointer| self.slot(file, pointer)).collect();
        let of = def.of.as_ref().and_then(|word| {
            self.word(file, word, &[("sender", KeyOwner::Sender), ("receiver", KeyOwner::Receiver)])
        });
        let fixed = def.is.as_ref().map(|key| Literal::string(key).0);
        Some(KeyAt { grouping: GroupingId(grouping), slots, fixed, of })
    }
}

/// What the last pack that says it says, and where.
fn last<'l, 'd, T>(
    layers: &'l [Layer<'d>],
    said: impl Fn(&'d MessageDef) -> Option<&'d T>,
) -> Option<(&'l File<'d>, &'d T)> {
    layers.iter().rev().find_map(|layer| Some((&layer.file, said(layer.message)?)))
}
