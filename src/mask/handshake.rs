//! Secrets of the opening handshake: credential headers, tokens in the query, cookies.
//!
//! The names of headers, cookies and parameters stay, as does the scheme of `Authorization`, so that a
//! certifier still sees *that* a credential was sent.

use std::ops::Range;

use super::find::{self, Hit, Purpose, form_of, in_order, in_part, in_text};
use super::layer::Layer;
use super::{MaskedKind, Policy};

/// The sensitive values in the value of a header.
pub(crate) fn in_header(policy: &Policy, name: &str, value: &[u8], purpose: Purpose) -> Vec<Hit> {
    let secrets = if policy.is_secret_header(name) {
        credentials(name, value)
    } else if name.eq_ignore_ascii_case("sec-websocket-protocol") {
        pieces(value, 0..value.len(), b',').filter(|piece| is_opaque(&value[piece.clone()])).collect()
    } else {
        Vec::new()
    };
    let mut hits = as_hits(value, secrets, MaskedKind::Secret, purpose);
    hits.extend(user_info(value, purpose));
    if memchr::memchr(b'?', value).is_some() {
        hits.extend(in_target(policy, value, purpose));
    }
    hits.extend(in_text(policy, value, purpose));
    // A credential holds others: the whole of it goes.
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.range.len()));
    let mut apart: Vec<Hit> = Vec::new();
    for hit in hits {
        if apart.iter().all(|other| hit.range.end <= other.range.start || other.range.end <= hit.range.start)
        {
            apart.push(hit);
        }
    }
    in_order(apart)
}

/// The sensitive values in a request target, or in a URL.
pub(crate) fn in_target(policy: &Policy, target: &[u8], purpose: Purpose) -> Vec<Hit> {
    let path_end = memchr::memchr2(b'?', b'#', target).unwrap_or(target.len());
    let mut hits = in_part(policy, &Layer::percent(&target[..path_end]), purpose);
    let is_end = |byte: &u8| matches!(byte, b'&' | b';' | b'#' | b'?');
    let mut start = path_end;
    while start < target.len() {
        start += 1;
        let end = target[start..].iter().position(is_end).map_or(target.len(), |length| start + length);
        let part = &target[start..end];
        let value = part.iter().position(|&byte| byte == b'=').map_or(start, |at| start + at + 1);
        hits.extend(in_parameter(policy, target, start..value, value..end, purpose));
        start = end;
    }
    hits
}

fn in_parameter(
    policy: &Policy,
    target: &[u8],
    name: Range<usize>,
    value: Range<usize>,
    purpose: Purpose,
) -> Vec<Hit> {
    let decoded = Layer::form(&target[name.start..name.end.max(name.start + 1) - 1]);
    let kind = std::str::from_utf8(&decoded.bytes).ok().and_then(|name| policy.parameter(name));
    let layer = Layer::form(&target[value.clone()]);
    if let Some(kind) = kind
        && let Some(form) = form_of(kind, &layer.bytes, purpose)
    {
        let said = layer.bytes.into_owned();
        return vec![Hit { range: value, value: said, kind, form, number: false }];
    }
    let mut hits = in_part(policy, &layer, purpose);
    let names = in_part(policy, &decoded, purpose);
    hits = hits.into_iter().map(|hit| hit.shifted(value.start)).collect();
    hits.extend(names.into_iter().map(|hit| hit.shifted(name.start)));
    in_order(hits)
}

/// Where the credentials stand in the value of a secret header.
fn credentials(name: &str, value: &[u8]) -> Vec<Range<usize>> {
    let whole = 0..value.len();
    if name.eq_ignore_ascii_case("set-cookie") {
        return pieces(value, whole, b';').take(1).map(|pair| after_name(value, pair)).collect();
    }
    if name.eq_ignore_ascii_case("cookie") {
        return pieces(value, whole, b';').map(|pair| after_name(value, pair)).collect();
    }
    // `Bearer …`, `Basic …`: one word, then the credential.
    let word = value.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count();
    let is_scheme = word > 0 && value.get(word) == Some(&b' ') && word + 1 < value.len();
    vec![if is_scheme { word + 1..value.len() } else { whole }]
}

/// The value of `name=value`, or all of it.
fn after_name(value: &[u8], pair: Range<usize>) -> Range<usize> {
    match value[pair.clone()].iter().position(|&byte| byte == b'=') {
        Some(at) => pair.start + at + 1..pair.end,
        None => pair,
    }
}

/// The parts of a list, without the spaces around them.
fn pieces(value: &[u8], within: Range<usize>, separator: u8) -> impl Iterator<Item = Range<usize>> {
    let mut start = within.start;
    value[within].split(move |&byte| byte == separator).map(move |piece| {
        let from = start + (piece.len() - piece.trim_ascii_start().len());
        start += piece.len() + 1;
        from..from + piece.trim_ascii().len()
    })
}

/// A subprotocol that is no name but a token someone passes that way.
fn is_opaque(piece: &[u8]) -> bool {
    const FEWEST: usize = 24;
    let has = |class: fn(&u8) -> bool| piece.iter().any(class);
    piece.len() >= FEWEST
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
}

/// `//user:password@host`: the password.
fn user_info(value: &[u8], purpose: Purpose) -> Vec<Hit> {
    let Some(start) = memchr::memmem::find(value, b"//").map(|at| at + 2) else { return Vec::new() };
    let host = &value[start..];
    let end = host.iter().position(|byte| b"/?# ".contains(byte)).unwrap_or(host.len());
    let Some(at) = memchr::memrchr(b'@', &host[..end]) else { return Vec::new() };
    let Some(colon) = memchr::memchr(b':', &host[..at]) else { return Vec::new() };
    as_hits(value, Some(start + colon + 1..start + at), MaskedKind::Secret, purpose)
}

fn as_hits(
    value: &[u8],
    ranges: impl IntoIterator<Item = Range<usize>>,
    kind: MaskedKind,
    purpose: Purpose,
) -> Vec<Hit> {
    let hit = |range: Range<usize>| {
        let value = value[range.clone()].to_vec();
        let form = find::form_of(kind, &value, purpose)?;
        Some(Hit { range, value, kind, form, number: false })
    };
    ranges.into_iter().filter_map(hit).collect()
}
