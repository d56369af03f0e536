//! Questions to messages: `{ has = "/request" }` and the like, compiled.

use toml::Spanned;

use super::{File, Resolver};
use crate::mask::MaskedKind;
use crate::pack::format::{TestDef, Text};
use crate::pack::model::{GroupingId, Kind};
use crate::pack::test::Test;
use crate::pack::value::{Format, Literal, ValueTest};
use crate::pack::{Picture, Relation, Slot};

impl Resolver {
    pub(super) fn tests(&mut self, file: &File<'_>, defs: &[Spanned<TestDef>]) -> Vec<Test> {
        defs.iter().filter_map(|def| self.test(file, def)).collect()
    }

    pub(super) fn test(&mut self, file: &File<'_>, def: &Spanned<TestDef>) -> Option<Test> {
        let TestDef {
            has,
            absent,
            exactly_one_of,
            at,
            key,
            optional,
            at_most,
            at_least,
            any,
            all,
            not,
            masked,
            close_code,
            duplicate_keys,
            clear_card_data,
            owned_by_endpoint,
            fits_body,
            from,
            endpoint,
            path,
            why,
            bytes_at_most,
            each,
            when,
            require,
            ..
        } = def.get_ref();
        let mut found = Vec::new();
        if let Some(pointer) = has {
            found.push(Test::Has(self.slot(file, pointer)?));
        }
        if let Some(pointer) = absent {
            found.push(Test::Absent(self.slot(file, pointer)?));
        }
        if let Some(pointers) = exactly_one_of {
            found.push(Test::ExactlyOne(pointers.iter().filter_map(|p| self.slot(file, p)).collect()));
        }
        for pointer in at.iter().flat_map(|at| &at.0) {
            let slot = self.slot(file, pointer)?;
            for (with, relation) in [(at_most, Relation::AtMost), (at_least, Relation::AtLeast)] {
                if let Some(with) = with {
                    found.push(Test::Compare(slot, relation, self.slot(file, with)?));
                }
            }
            if at_most.is_some() || at_least.is_some() {
                continue;
            }
            let test = if *optional { Test::Optional } else { Test::Value };
            let wanted = self.value_tests(file, def);
            let wanted = wanted.into_iter().map(|wanted| wanted.checked_at(slot, &mut self.trie));
            found.extend(wanted.map(|wanted| test(slot, wanted)));
        }
        if let Some(name) = key {
            let grouping = self.grouping(file, Some(name))?;
            let keys = self.keys_of(grouping);
            let wanted = self.value_tests(file, def);
            found.extend(wanted.into_iter().map(|wanted| Test::Key(keys.clone(), wanted)));
        }
        found.extend(any.as_ref().map(|defs| Test::Any(self.tests(file, defs))));
        found.extend(all.as_ref().map(|defs| Test::All(self.tests(file, defs))));
        if let Some(def) = not {
            found.push(Test::Not(Box::new(self.test(file, def)?)));
        }
        if let Some(words) = masked {
            let known = MaskedKind::ALL.map(|kind| (kind.as_str(), kind));
            found.push(Test::Masked(words.iter().filter_map(|word| self.word(file, word, &known)).collect()));
        }
        if let Some(word) = close_code {
            self.word(file, word, &[("sendable", ())])?;
            found.push(Test::CloseCodeSendable);
        }
        if *duplicate_keys == Some(false) {
            found.push(Test::NoDuplicateKeys);
        }
        if *clear_card_data == Some(true) {
            found.push(Test::ClearCardData);
        }
        if let Some(pointer) = owned_by_endpoint {
            found.push(Test::OwnedByEndpoint {
                at: self.slot(file, pointer)?,
                named_at: self.endpoint_at.clone(),
                endpoints: self.endpoints.clone(),
            });
        }
        if *fits_body == Some(true) {
            found.push(Test::FitsBody(self.bodies()));
        }
        if let Some(word) = from {
            found.push(Test::From(self.party(file, word)?));
        }
        if let Some(names) = endpoint {
            let ids = names.0.iter().filter_map(|name| self.endpoint_id(file, name));
            found.push(Test::AtEndpoint(ids.collect()));
        }
        for pictures in [path, why].into_iter().flatten() {
            let pictures = pictures.0.iter().filter_map(|text| self.picture(file, text));
            found.push(Test::Says(pictures.collect()));
        }
        if let Some(most) = bytes_at_most {
            found.push(Test::SizeAtMost(self.number(file, most, "a number of bytes")?));
        }
        if let Some(pointer) = each {
            let when = self.tests(file, when.as_deref().unwrap_or_default());
            let require = self.tests(file, require.as_deref().unwrap_or_default());
            found.push(Test::Each(self.slot(file, pointer)?, when, require));
        }
        if found.len() > 1 {
            return Some(Test::All(found));
        }
        if found.is_empty() {
            self.errors.push(file.error(def.span(), "expected a question such as `has` or `at`"));
        }
        found.pop()
    }

    /// The questions a test asks about a value.
    pub(super) fn value_tests(&mut self, file: &File<'_>, def: &Spanned<TestDef>) -> Vec<ValueTest> {
        let TestDef { equals, any_of, is, not_empty, format, like, schema, .. } = def.get_ref();
        let mut wanted = Vec::new();
        wanted.extend(equals.as_ref().map(|value| ValueTest::OneOf(vec![literal(value)])));
        wanted.extend(any_of.as_ref().map(|all| ValueTest::OneOf(all.iter().map(literal).collect())));
        if let Some(words) = is {
            let types = words.0.iter().filter_map(|word| self.json_type(file, word)).collect();
            wanted.push(ValueTest::Is(types));
        }
        if *not_empty == Some(true) {
            wanted.push(ValueTest::NotEmpty);
        }
        if let Some(word) = format {
            wanted.extend(self.word(file, word, &Format::WORDS).map(ValueTest::Format));
        }
        if let Some(texts) = like {
            let pictures = texts.0.iter().filter_map(|text| self.picture(file, text)).collect();
            wanted.push(ValueTest::Like(pictures));
        }
        if let Some(reference) = schema {
            wanted.extend(self.schema(file, reference).map(|schema| ValueTest::Fits(schema, None)));
        } else if wanted.is_empty() {
            let message = "expected a question about the value: `equals`, `any-of`, `is`, `not-empty`, \
                           `format`, `like`, `schema`";
            self.errors.push(file.error(def.span(), message));
        }
        wanted
    }

    fn picture(&mut self, file: &File<'_>, text: &Text) -> Option<Picture> {
        let picture = text.get_ref().parse().ok();
        if picture.is_none() {
            self.wrong(file, text, "a picture such as `9+.99`");
        }
        picture
    }

    /// By kind: where its messages carry the first part of a key.
    fn keys_of(&self, grouping: GroupingId) -> Vec<Option<Slot>> {
        let key = |kind: &Kind| {
            let key = kind.keys.iter().find(|key| key.grouping == grouping)?;
            key.slots.first().copied()
        };
        self.kinds.iter().map(key).collect()
    }
}

fn literal(value: &toml::Value) -> Literal {
    match value {
        toml::Value::String(text) => Literal::string(text),
        other => Literal(other.to_string()),
    }
}
