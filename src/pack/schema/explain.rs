//! A breach in words: where in the message, what the schema asks for there, what stands there instead.

use std::ops::Range;

use super::program::{Also, Node, NodeId, Schema, Types};
use super::walk::{Breach, Broken};
use crate::pack::error::suggestion;
use crate::pack::trie;
use crate::pack::value::{list, shortened};
use crate::text::Pointer;
use crate::text::json::{Cursor, Kind};

/// Alternatives named in a sentence.
const NAMED: usize = 8;

impl Schema {
    /// What was asked for, as a phrase: "`/request/resource/amount` a number or a string".
    pub fn wanted(&self, breach: &Breach, text: &str) -> String {
        let breach = self.innermost(*breach, text);
        let node = &self.nodes[breach.node.0 as usize];
        let at = pointer(text, breach.at);
        let place = if at.is_root() { "the message".to_owned() } else { format!("`{at}`") };
        let number = |number: &Option<super::decimal::Number>| {
            number.as_ref().map_or_else(String::new, |number| format!("`{}`", number.spelling()))
        };
        let of = |most: &str, count: Option<usize>, unit: &str| {
            let count = count.unwrap_or_default();
            format!("of at {most} {count} {unit}{}", if count == 1 { "" } else { "s" })
        };
        let string = node.string.as_deref();
        let rules = node.number.as_deref();
        let array = node.array.as_deref();
        let object = node.object.as_deref();
        let wanted = match breach.keyword {
            Broken::Type => {
                if node.types == Types::NONE {
                    return format!("no `{at}`");
                }
                types(node.types)
            }
            Broken::Values => values(node),
            Broken::MinLength => of("least", string.and_then(|s| s.min), "character"),
            Broken::MaxLength => of("most", string.and_then(|s| s.max), "character"),
            Broken::Pattern => {
                let pattern = string.and_then(|rules| rules.pattern.as_ref());
                format!("that matches `{}`", pattern.map_or("", |pattern| pattern.as_str()))
            }
            Broken::Format => {
                string.and_then(|s| s.format).map_or_else(String::new, |f| f.wanted().to_owned())
            }
            Broken::Minimum => format!("at least {}", rules.map_or_else(String::new, |r| number(&r.min))),
            Broken::Maximum => format!("at most {}", rules.map_or_else(String::new, |r| number(&r.max))),
            Broken::Above => format!("above {}", rules.map_or_else(String::new, |r| number(&r.above))),
            Broken::Below => format!("below {}", rules.map_or_else(String::new, |r| number(&r.below))),
            Broken::MultipleOf => {
                let divisor = rules.map_or_else(String::new, |rules| number(&rules.multiple_of));
                format!("a whole multiple of {divisor}")
            }
            Broken::MinItems => of("least", array.and_then(|a| a.min), "element"),
            Broken::MaxItems => of("most", array.and_then(|a| a.max), "element"),
            Broken::Unique => "that no element before it says".to_owned(),
            Broken::Contains => {
                let contains = array.and_then(|array| array.contains);
                let wanted = contains.map_or_else(String::new, |c| self.describe(c.schema));
                match contains.and_then(|contains| contains.max) {
                    Some(max) => {
                        let min = contains.map_or(0, |contains| contains.min);
                        format!("with {min} to {max} elements that are {wanted}")
                    }
                    None => {
                        let min = contains.map_or(1, |contains| contains.min);
                        format!("with at least {min} of its elements {wanted}")
                    }
                }
            }
            Broken::MinProperties => of("least", object.and_then(|o| o.min), "member"),
            Broken::MaxProperties => of("most", object.and_then(|o| o.max), "member"),
            Broken::Required(_) => {
                let missing = self.missing(&breach);
                let places = missing.iter().map(|name| format!("`{}`", at.child(*name)));
                return format!("a value at {}", list(places, "and"));
            }
            Broken::Additional => {
                let help = object.and_then(|object| {
                    let known = object.names.iter().zip(&object.members);
                    let known = known.filter(|(_, member)| member.declared).map(|(name, _)| name);
                    suggestion(at.tokens().last()?, known)
                });
                return match help {
                    Some(help) => format!("no `{at}` ({help})"),
                    None => format!("no `{at}`"),
                };
            }
            Broken::Name => "under another name".to_owned(),
            Broken::Any | Broken::One(0) => self.alternatives(node),
            Broken::One(_) => format!("exactly one of: {}", self.alternatives(node)),
            Broken::Not => format!("other than {}", self.refused(node)),
            Broken::Malformed => "JSON".to_owned(),
            Broken::Overrun => "a schema that can be evaluated".to_owned(),
        };
        format!("{place} {wanted}")
    }

    /// What stands there instead, as a phrase: "`/request/resource/amount` is `true`".
    pub fn seen(&self, breach: &Breach, text: &str) -> String {
        let breach = self.innermost(*breach, text);
        let at = pointer(text, breach.at);
        if let Broken::Required(_) = breach.keyword {
            let missing = self.missing(&breach);
            return format!(
                "no {}",
                list(missing.iter().map(|name| format!("`{}`", at.child(*name))), "and no")
            );
        }
        let place = if at.is_root() { "it".to_owned() } else { format!("`{at}`") };
        let value = shortened(&text[value_range(text, breach.at)]);
        match breach.keyword {
            Broken::One(fitting @ 2..) => format!("{place} is {fitting} of them: `{value}`"),
            _ => format!("{place} is `{value}`"),
        }
    }

    /// What is wrong, as the end of a sentence about the message: "whose `/request/resource/amount` is missing".
    pub fn complaint(&self, breach: &Breach, text: &str) -> String {
        let breach = self.innermost(*breach, text);
        let at = pointer(text, breach.at);
        let is_forbidden = breach.keyword == Broken::Additional
            || breach.keyword == Broken::Type && self.nodes[breach.node.0 as usize].types == Types::NONE;
        if let Broken::Required(_) = breach.keyword {
            let missing = self.missing(&breach);
            let verb = if missing.len() == 1 { "is" } else { "are" };
            let places = list(missing.iter().map(|name| format!("`{}`", at.child(*name))), "and");
            format!("whose {places} {verb} missing")
        } else if is_forbidden {
            format!("with a `{at}` that does not belong there")
        } else if at.is_root() {
            "that does not fit its schema".to_owned()
        } else {
            format!("whose `{at}` does not fit its schema")
        }
    }

    /// The bytes of the message it is about.
    pub fn range(&self, breach: &Breach, text: &str) -> Range<usize> {
        value_range(text, self.innermost(*breach, text).at)
    }

    /// Of alternatives none of which fits: what is wrong with the one that fits best, if one does.
    fn innermost(&self, breach: Breach, text: &str) -> Breach {
        let mut breach = breach;
        while let Broken::Any | Broken::One(0) = breach.keyword {
            let node = &self.nodes[breach.node.0 as usize];
            let broken = alternatives_of(node).filter_map(|&id| self.fits_node(id, text, breach.at).err());
            // One that fails at the value itself is of another kind altogether.
            let mut inside: Vec<Breach> = broken
                .filter(|own| own.at > breach.at || matches!(own.keyword, Broken::Required(_)))
                .collect();
            inside.sort_by_key(|own| own.at);
            match inside.as_slice() {
                [only] => breach = *only,
                [.., before, last] if last.at > before.at => breach = *last,
                _ => return breach,
            }
        }
        breach
    }

    fn missing(&self, breach: &Breach) -> Vec<&str> {
        let Broken::Required(bits) = breach.keyword else { return Vec::new() };
        let object = self.nodes[breach.node.0 as usize].object.as_deref();
        object.into_iter().flat_map(|object| object.names_of(bits)).collect()
    }

    fn alternatives(&self, node: &Node) -> String {
        let mut said: Vec<String> = Vec::new();
        for &id in alternatives_of(node) {
            let description = self.describe(id);
            if !said.contains(&description) {
                said.push(description);
            }
        }
        let rest = said.len().saturating_sub(NAMED);
        said.truncate(NAMED);
        if rest > 0 {
            said.push(format!("one of {rest} others"));
        }
        list(said, "or")
    }

    fn refused(&self, node: &Node) -> String {
        let refused = node.also.iter().find_map(|also| match also {
            Also::Not(schema) => Some(self.describe(*schema)),
            Also::All(_) | Also::Any(_) | Also::One(_) | Also::If { .. } => None,
        });
        refused.unwrap_or_default()
    }

    /// What a schema asks for, in a few words.
    fn describe(&self, id: NodeId) -> String {
        let node = &self.nodes[id.0 as usize];
        if let Some(title) = &node.title {
            return format!("\u{201c}{title}\u{201d}");
        }
        if node.values.is_some() {
            return values(node);
        }
        let required = node
            .object
            .as_deref()
            .filter(|object| object.required != 0)
            .map(|object| list(object.names_of(object.required).map(|name| format!("`{name}`")), "and"));
        let string = node.string.as_deref();
        let detail =
            string.and_then(|s| s.pattern.as_ref()).map(|p| format!("that matches `{}`", p.as_str()));
        let detail = detail.or_else(|| string.and_then(|s| s.format).map(|f| f.wanted().to_owned()));
        let base = match (node.types == Types::ANY, &required) {
            (true, Some(_)) => "an object".to_owned(),
            (true, None) if node.is_anything() => "anything".to_owned(),
            (true, None) => "a value of its own form".to_owned(),
            (false, _) => types(node.types),
        };
        match (required, detail) {
            (Some(names), _) => format!("{base} with {names}"),
            (None, Some(detail)) => format!("{base} {detail}"),
            (None, None) => base,
        }
    }
}

fn alternatives_of(node: &Node) -> impl Iterator<Item = &NodeId> {
    node.also.iter().flat_map(|also| match also {
        Also::Any(schemas) | Also::One(schemas) => schemas.iter(),
        Also::All(_) | Also::Not(_) | Also::If { .. } => [].iter(),
    })
}

fn types(types: Types) -> String {
    let mut covered = Types::NONE;
    let mut words = Vec::new();
    for (_, noun, own) in Types::WORDS {
        if types.includes(own) && !covered.includes(own) {
            covered = covered.with(own);
            words.push(noun.to_owned());
        }
    }
    list(words, "or")
}

fn values(node: &Node) -> String {
    let values = node.values.as_deref().unwrap_or_default();
    let mut words: Vec<String> = values.iter().take(NAMED).map(|value| format!("`{}`", value.text)).collect();
    if values.len() > NAMED {
        words.push(format!("one of {} others", values.len() - NAMED));
    }
    list(words, "or")
}

fn pointer(text: &str, at: usize) -> Pointer {
    Pointer::at(text, at).unwrap_or_default()
}

fn value_range(text: &str, at: usize) -> Range<usize> {
    let end = match trie::kind(text.as_bytes(), at) {
        Ok(
            Kind::Object | Kind::Array | Kind::String | Kind::Number | Kind::True | Kind::False | Kind::Null,
        ) => Cursor::new(&text[at..]).value().map_or(at, |value| at + value.len()),
        Err(_) => at,
    };
    at..end
}
