//! Names and words: pointers, kinds, endpoints, groupings, parties; each mistake with what would be right.

use super::{File, Resolver};
use crate::conversation::Party;
use crate::pack::Slot;
use crate::pack::error::suggestion;
use crate::pack::format::Text;
use crate::pack::model::{EndpointId, GroupingId, KindId};
use crate::pack::value::JsonType;
use crate::text::Pointer;

impl Resolver {
    pub(super) fn slot(&mut self, file: &File<'_>, pointer: &Text) -> Option<Slot> {
        let Ok(parsed) = pointer.get_ref().parse::<Pointer>() else {
            self.wrong(file, pointer, "a JSON Pointer such as `/event/flow_id`");
            return None;
        };
        if let Some(other) = self.trie.clash(&parsed) {
            let message = format!("expected every element or one, got `{parsed}` beside `{other}`");
            let help = format!("elsewhere this pack asks for `{other}`; ask for the same here");
            self.errors.push(file.error(file.span_of(pointer), message).help(help));
            return None;
        }
        let slot = self.trie.add(&parsed);
        if slot.is_none() {
            self.wrong(file, pointer, "at most 65535 pointers in a pack");
        }
        slot
    }

    pub(super) fn kind_id(&mut self, file: &File<'_>, name: &Text) -> Option<KindId> {
        let found = self.kinds.iter().position(|kind| kind.name == *name.get_ref()).map(KindId);
        if found.is_none() {
            let known: Vec<&str> = self.kinds.iter().map(|kind| kind.name.as_str()).collect();
            let help = suggestion(name.get_ref(), known.iter().copied())
                .unwrap_or_else(|| format!("known kinds: {}", known.join(", ")));
            let message = format!("expected a kind of message, got `{}`", name.get_ref());
            self.errors.push(file.error(file.span_of(name), message).help(help));
        }
        found
    }

    pub(super) fn endpoint_id(&mut self, file: &File<'_>, name: &Text) -> Option<EndpointId> {
        let found = self.endpoints.iter().position(|endpoint| endpoint.name == *name.get_ref());
        if found.is_none() {
            self.wrong(file, name, "an endpoint of the pack");
        }
        found.map(EndpointId)
    }

    /// The grouping of that name; `flow` where nothing is said and the pack has it, else the connection.
    pub(super) fn grouping(&mut self, file: &File<'_>, name: Option<&Text>) -> Option<GroupingId> {
        let wanted = name.map_or("flow", |name| name.get_ref());
        let found = self.groupings.iter().position(|grouping| grouping.name == wanted);
        match (found, name) {
            (Some(found), _) => Some(GroupingId(found)),
            (None, None) => Some(GroupingId(0)),
            (None, Some(name)) => {
                let known: Vec<String> =
                    self.groupings.iter().map(|grouping| grouping.name.clone()).collect();
                self.none_of(file, name, "the keys", &known.iter().map(String::as_str).collect::<Vec<_>>());
                None
            }
        }
    }

    pub(super) fn json_type(&mut self, file: &File<'_>, word: &Text) -> Option<JsonType> {
        let found = JsonType::from_word(word.get_ref());
        if found.is_none() {
            self.wrong(file, word, "`object`, `array`, `string`, `number`, `boolean` or `null`");
        }
        found
    }

    pub(super) fn party(&mut self, file: &File<'_>, word: &Text) -> Option<Party> {
        let found = word.get_ref().parse().ok();
        if found.is_none() {
            self.wrong(file, word, "`pos`, `terminal` or `gateway`");
        }
        found
    }

    /// One of several words; the first where nothing is said.
    pub(super) fn choice<T: Copy>(
        &mut self,
        file: &File<'_>,
        word: Option<&Text>,
        known: &[(&str, T)],
    ) -> Option<T> {
        match word {
            None => known.first().map(|&(_, value)| value),
            Some(word) => self.word(file, word, known),
        }
    }

    pub(super) fn word<T: Copy>(&mut self, file: &File<'_>, word: &Text, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| name == word.get_ref()).map(|&(_, value)| value);
        if found.is_none() {
            let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let message = format!("expected {}, got `{}`", names.join(", "), word.get_ref());
            let error = file.error(file.span_of(word), message);
            let help = suggestion(word.get_ref(), known.iter().map(|&(name, _)| name));
            self.errors.push(match help {
                Some(help) => error.help(help),
                None => error,
            });
        }
        found
    }

    /// A word that is none of those it may be; the nearest is suggested.
    pub(super) fn none_of(&mut self, file: &File<'_>, word: &Text, what: &str, known: &[&str]) {
        let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("expected one of {what}: {}, got `{}`", names.join(", "), word.get_ref());
        let error = file.error(file.span_of(word), message);
        self.errors.push(match suggestion(word.get_ref(), known.iter().copied()) {
            Some(help) => error.help(help),
            None => error,
        });
    }

    pub(super) fn wrong(&mut self, file: &File<'_>, text: &Text, expected: &str) {
        let message = format!("expected {expected}, got `{}`", text.get_ref());
        self.errors.push(file.error(file.span_of(text), message));
    }
}
