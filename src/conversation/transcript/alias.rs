//! Aliases: volatile values become `[flow-1]`, `[time-2]`, so that two runs of one scenario read the same.
//!
//! The same value always gets the same alias, in the order of first appearance. An alias takes the place of
//! a string, a number, `true`, `false` or `null`, as a JSON string, so that the text around it stays JSON.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::text::Pointer;
use crate::text::json::{self, Cursor, JsonError, Kind};

/// Which values an alias stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volatile {
    /// The word in the alias: `flow` for `[flow-1]`.
    pub name: String,
    /// Where the values stand.
    pub place: Place,
}

/// Where volatile values stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Every member of that name, however deep.
    Field(String),
    /// The value a pointer names; a token `*` stands for any one key or index.
    At(Pointer),
}

impl Volatile {
    /// Fields whose values differ from run to run in most protocols.
    const USUAL: [&str; 5] =
        ["flow_id", "reference_no", "authorization_no", "transaction_date", "transaction_time"];

    /// What differs from run to run: the places that a pack names, and the usual ones.
    pub fn places<'p>(of_pack: impl IntoIterator<Item = &'p str>) -> Vec<Self> {
        of_pack.into_iter().chain(Self::USUAL).map(Self::of).collect()
    }

    /// Names the alias after the field: `flow` for `flow_id`, `time` for `/event/transaction_time`.
    pub fn of(place: &str) -> Self {
        let field = place.rsplit('/').find(|token| *token != "*").unwrap_or(place);
        let name = ["_id", "_no", "_number"].iter().find_map(|end| field.strip_suffix(end)).unwrap_or(field);
        let name = name.strip_prefix("transaction_").unwrap_or(name);
        Self::new(name.replace('_', "-"), place)
    }

    /// Reads a pack's spelling of a place: a JSON Pointer, or the name of a field.
    pub fn new(name: impl Into<String>, place: &str) -> Self {
        let place = match place.parse() {
            Ok(pointer) if place.starts_with('/') => Place::At(pointer),
            Ok(_) | Err(_) => Place::Field(place.to_owned()),
        };
        Self { name: name.into(), place }
    }
}

/// The aliases given so far.
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    volatile: Vec<Volatile>,
    given: HashMap<(usize, String), usize>,
    counts: HashMap<String, usize>,
}

impl Aliases {
    /// Aliases for the values at those places; the first place that fits gives the name.
    pub fn new(volatile: Vec<Volatile>) -> Self {
        Self { volatile, ..Self::default() }
    }

    /// `json` with its volatile values replaced. A text that is not JSON comes back as it is.
    pub fn apply<'a>(&mut self, json: &'a str) -> Cow<'a, str> {
        if self.volatile.is_empty() {
            return Cow::Borrowed(json);
        }
        let mut hits = Vec::new();
        if find(&mut Cursor::new(json), &self.volatile, &mut Vec::new(), &mut hits).is_err()
            || hits.is_empty()
        {
            return Cow::Borrowed(json);
        }
        let mut out = String::with_capacity(json.len());
        let mut copied = 0;
        for hit in hits {
            out.push_str(&json[copied..hit.start]);
            out.push_str(&self.alias(hit.volatile, &json[hit.start..hit.end]));
            copied = hit.end;
        }
        out.push_str(&json[copied..]);
        Cow::Owned(out)
    }

    fn alias(&mut self, volatile: usize, token: &str) -> String {
        let name = &self.volatile[volatile].name;
        // Places that share a name share their aliases: an id is the same id wherever it stands.
        let first = self.volatile.iter().position(|other| other.name == *name).unwrap_or(volatile);
        let value = json::string(token).map_or_else(|| token.to_owned(), Cow::into_owned);
        let counts = &mut self.counts;
        let number = *self.given.entry((first, value)).or_insert_with(|| {
            let count = counts.entry(name.clone()).or_default();
            *count += 1;
            *count
        });
        let alias = format!("[{name}-{number}]");
        serde_json::to_string(&alias).unwrap_or(alias)
    }
}

struct Hit {
    volatile: usize,
    start: usize,
    end: usize,
}

fn find(
    cursor: &mut Cursor<'_>,
    volatile: &[Volatile],
    path: &mut Vec<String>,
    hits: &mut Vec<Hit>,
) -> Result<(), JsonError> {
    match cursor.kind()? {
        Kind::Object => cursor.object(|key, cursor| {
            path.push(key.decode().into_owned());
            let found = find(cursor, volatile, path, hits);
            path.pop();
            found
        }),
        Kind::Array => cursor.array(|index, cursor| {
            path.push(index.to_string());
            let found = find(cursor, volatile, path, hits);
            path.pop();
            found
        }),
        Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null => {
            let start = cursor.position();
            cursor.skip()?;
            if let Some(index) = volatile.iter().position(|volatile| volatile.place.is_at(path)) {
                hits.push(Hit { volatile: index, start, end: cursor.position() });
            }
            Ok(())
        }
    }
}

impl Place {
    fn is_at(&self, path: &[String]) -> bool {
        match self {
            Self::Field(name) => path.last() == Some(name),
            Self::At(pointer) => {
                let tokens = pointer.tokens();
                tokens.len() == path.len()
                    && tokens.iter().zip(path).all(|(token, step)| token == "*" || token == step)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_the_same_alias_and_the_rest_stays_as_it_was() {
        let mut aliases = Aliases::new(vec![
            Volatile::new("flow", "flow_id"),
            Volatile::new("ref", "/event/results/*/no"),
            Volatile::new("flow", "/other"),
        ]);
        assert_eq!(aliases.apply(r#"{"flow_id": "80","n":1.50}"#), r#"{"flow_id": "[flow-1]","n":1.50}"#);
        assert_eq!(
            aliases.apply(r#"{"event":{"flow_id":"81","results":[{"no":7},{"no":"8"},{"no":7}]}}"#),
            r#"{"event":{"flow_id":"[flow-2]","results":[{"no":"[ref-1]"},{"no":"[ref-2]"},{"no":"[ref-1]"}]}}"#
        );
        assert_eq!(aliases.apply(r#"{"other":"80"}"#), r#"{"other":"[flow-1]"}"#);
        assert_eq!(aliases.apply(r#"{"flow_id":{"a":1}}"#), r#"{"flow_id":{"a":1}}"#);
        assert_eq!(aliases.apply("no JSON"), "no JSON");
    }

    #[test]
    fn an_alias_is_named_after_its_field() {
        let name = |place| Volatile::of(place).name;
        assert_eq!(name("flow_id"), "flow");
        assert_eq!(name("/event/resource/results/*/transaction_time"), "time");
        assert_eq!(name("/event/batch_numbers/*"), "batch-numbers");
    }
}
