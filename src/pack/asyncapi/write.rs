//! The messages of a pack as an AsyncAPI 3.0 document: channels are its endpoints, operations say who sends what.
//!
//! AsyncAPI does not know roles, special cases or how a message is recognised; that stands in `x-tilltape`, in
//! the words of `pack.toml`, so that a pack read from the document has the same kinds. What tells a message from
//! others is said a second time as part of its payload, for everybody else.

use super::lift::Components;
use super::words;
use crate::conversation::Party;
use crate::pack::PackErrors;
use crate::pack::document::quoted;
use crate::pack::model::{Carrier, CarrierSet, GroupingId, KeyOwner, Kind, KindId, Pack, Role};
use crate::text::Pointer;

/// The pack's messages, seen from `application`, as indented JSON.
pub fn asyncapi(pack: &Pack, application: Party) -> Result<String, PackErrors> {
    let kinds: Vec<KindId> = (0..pack.kinds.len()).map(KindId).filter(|&id| is_described(pack, id)).collect();
    let mut components = Components::of(pack);
    let messages: Vec<(String, String)> =
        kinds.iter().map(|&id| (name(pack, id), message(pack, id, &mut components))).collect();
    let channels = channels(pack, &kinds);
    let mut operations = Vec::new();
    for (channel, _, on) in &channels {
        for (action, sent) in [("receive", false), ("send", true)] {
            let listed: Vec<String> = on
                .iter()
                .filter(|id| pack.kinds[id.0].from.is_none_or(|from| (from == application) == sent))
                .map(|&id| reference(&["channels", channel, "messages", &name(pack, id)]))
                .collect();
            if !listed.is_empty() {
                let operation = object(&[
                    ("action", quoted(action)),
                    ("channel", reference(&["channels", channel])),
                    ("messages", format!("[{}]", listed.join(","))),
                ]);
                operations.push((format!("{channel}.{action}"), operation));
            }
        }
    }
    let channels: Vec<(String, String)> = channels
        .iter()
        .map(|(channel, address, on)| {
            let listed = on.iter().map(|&id| {
                let name = name(pack, id);
                let target = reference(&["components", "messages", &name]);
                (name, target)
            });
            let address = address.as_ref().map_or_else(|| "null".to_owned(), |address| quoted(address));
            let listed: Vec<_> = listed.collect();
            (channel.clone(), object(&[("address", address), ("messages", by_name(&listed))]))
        })
        .collect();
    let schemas = components.finish().map_err(PackErrors)?;
    let about = format!(
        "Written by `tilltape pack export` from pack `{}`, seen from the {application}: it sends what it \
         sends, and receives what the others do.",
        pack.name
    );
    let document = object(&[
        ("asyncapi", quoted("3.0.0")),
        (
            "info",
            object(&[
                ("title", quoted(&pack.title)),
                ("version", quoted(&pack.version)),
                ("description", quoted(&about)),
            ]),
        ),
        ("defaultContentType", quoted("application/json")),
        ("channels", by_name(&channels)),
        ("operations", by_name(&operations)),
        ("components", object(&[("messages", by_name(&messages)), ("schemas", by_name(&schemas))])),
    ]);
    Ok(indented(&document))
}

/// Whether a kind says anything of JSON messages.
fn is_described(pack: &Pack, id: KindId) -> bool {
    let kind = &pack.kinds[id.0];
    let json = kind.carriers == CarrierSet::from_iter([Carrier::Json]);
    json && (kind.from.is_some() || kind.body.is_some() || !kind.tests.is_empty())
}

/// A kind's name, of the characters AsyncAPI allows.
fn name(pack: &Pack, id: KindId) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    pack.kinds[id.0].name.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// Every channel with its address and the kinds that are sent on it.
fn channels(pack: &Pack, kinds: &[KindId]) -> Vec<(String, Option<String>, Vec<KindId>)> {
    if pack.endpoints.is_empty() {
        return vec![("link".to_owned(), None, kinds.to_vec())];
    }
    let on = |index: usize| {
        let here = |id: &&KindId| {
            let endpoints = &pack.kinds[id.0].endpoints;
            endpoints.is_empty() || endpoints.iter().any(|endpoint| endpoint.0 == index)
        };
        kinds.iter().filter(here).copied().collect()
    };
    let endpoints = pack.endpoints.iter().enumerate();
    endpoints
        .map(|(index, endpoint)| (endpoint.name.clone(), Some(endpoint.path().to_owned()), on(index)))
        .collect()
}

fn message(pack: &Pack, id: KindId, components: &mut Components) -> String {
    let kind = &pack.kinds[id.0];
    let body = kind.body.as_ref().map(|body| components.body(body));
    let lineage: Vec<KindId> = pack.lineage(id).collect();
    let tests = lineage.iter().rev().flat_map(|id| &pack.kinds[id.0].tests);
    let mut parts: Vec<String> = body.into_iter().collect();
    parts.extend(tests.filter_map(|test| words::as_schema(test, &pack.trie)));
    let payload = match parts.as_slice() {
        [] => object(&[("type", quoted("object"))]),
        [only] => only.clone(),
        all => object(&[("allOf", format!("[{}]", all.join(",")))]),
    };
    let mut members = vec![("name", quoted(&kind.name)), ("title", quoted(&kind.what))];
    if let Some(at) = correlation(pack, kind) {
        let location = format!("$message.payload#{at}");
        members.push(("correlationId", object(&[("location", quoted(&location))])));
    }
    members.push(("payload", payload));
    members.push(("x-tilltape", ours(pack, kind)));
    object(&members)
}

/// The place of the key of the kind's flow, where it is one value.
fn correlation(pack: &Pack, kind: &Kind) -> Option<Pointer> {
    let key = kind.keys.iter().find(|key| pack.groupings[key.grouping.0].flows)?;
    match key.slots.as_slice() {
        [only] => Some(pack.trie.pointer(*only).clone()),
        _ => None,
    }
}

/// What AsyncAPI cannot say of a kind, in the words of `pack.toml`.
fn ours(pack: &Pack, kind: &Kind) -> String {
    let mut members = vec![("kind", quoted(&kind.name)), ("what", quoted(&kind.what))];
    if let Some(parent) = kind.parent {
        members.push(("is", quoted(&pack.kinds[parent.0].name)));
    }
    let endpoints = kind.endpoints.iter().map(|id| quoted(&pack.endpoints[id.0].name));
    members.push(("endpoint", format!("[{}]", endpoints.collect::<Vec<_>>().join(","))));
    let role = Role::WORDS.iter().find(|(_, role)| *role == kind.role);
    members.extend(role.map(|(word, _)| ("role", quoted(word))));
    if kind.unclear {
        members.push(("unclear", "true".to_owned()));
    }
    if kind.mistake {
        members.push(("mistake", "true".to_owned()));
    }
    let when = kind.tests.iter().filter_map(|test| words::as_words(test, &pack.trie));
    members.push(("when", format!("[{}]", when.collect::<Vec<_>>().join(","))));
    members.push(("keys", by_name(&keys(pack, kind))));
    if kind.body.is_none() {
        members.push(("body", "false".to_owned()));
    }
    object(&members)
}

fn keys(pack: &Pack, kind: &Kind) -> Vec<(String, String)> {
    let key = |key: &crate::pack::KeyAt| {
        let GroupingId(grouping) = key.grouping;
        let at: Vec<String> =
            key.slots.iter().map(|&slot| quoted(&pack.trie.pointer(slot).to_string())).collect();
        let mut members = Vec::new();
        match &key.fixed {
            Some(fixed) => members.push(("is", fixed.clone())),
            None => members.push(("at", format!("[{}]", at.join(",")))),
        }
        members.extend(key.of.map(|owner| {
            let word = match owner {
                KeyOwner::Sender => "sender",
                KeyOwner::Receiver => "receiver",
            };
            ("of", quoted(word))
        }));
        (pack.groupings[grouping].name.clone(), object(&members))
    };
    kind.keys.iter().map(key).collect()
}

/// `{"$ref":"#/components/messages/x"}`
pub(super) fn reference(tokens: &[&str]) -> String {
    let pointer = tokens.iter().fold(Pointer::default(), |pointer, token| pointer.child(*token));
    object(&[("$ref", quoted(&format!("#{pointer}")))])
}

/// An object of members whose values are JSON.
pub(super) fn object(members: &[(&str, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
    format!("{{{}}}", members.join(","))
}

fn by_name(members: &[(String, String)]) -> String {
    let members: Vec<(&str, String)> =
        members.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    object(&members)
}

/// Compact JSON, laid out: two spaces a level, short arrays and single members on one line.
fn indented(json: &str) -> String {
    const SHORT: usize = 100;
    let mut out = String::new();
    let mut depth = 0;
    let mut at = 0;
    while let Some(byte) = json.as_bytes().get(at) {
        let break_line = |out: &mut String, depth: usize| {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        };
        match byte {
            b'"' => {
                let end =
                    crate::text::scan::string(json.as_bytes(), at + 1).map_or(json.len(), |end| end.at + 1);
                out.push_str(&json[at..end]);
                at = end;
                continue;
            }
            b'[' | b'{' => {
                let end = crate::text::scan::value(json, at, 0).unwrap_or(json.len());
                let inner = &json[at + 1..end - 1];
                let plain = inner.len() <= SHORT && !inner.contains(['{', '[']);
                if inner.is_empty() || *byte == b'[' && plain {
                    out.push_str(&json[at..end].replace("\",\"", "\", \""));
                    at = end;
                    continue;
                }
                if plain && !inner.contains(',') && !inner.contains("\\\"") {
                    out.push_str(&format!("{{ {} }}", inner.replacen("\":", "\": ", 1)));
                    at = end;
                    continue;
                }
                depth += 1;
                out.push(char::from(*byte));
                break_line(&mut out, depth);
            }
            b']' | b'}' => {
                depth -= 1;
                break_line(&mut out, depth);
                out.push(char::from(*byte));
            }
            b',' => {
                out.push(',');
                break_line(&mut out, depth);
            }
            b':' => out.push_str(": "),
            byte => out.push(char::from(*byte)),
        }
        at += 1;
    }
    out.push('\n');
    out
}
