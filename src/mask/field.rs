//! Sensitive values in text without structure: `cvv=123`, `"pin": "1234` in broken JSON, bearer tokens.
//!
//! Log lines, close reasons and truncated messages have names too, but no grammar; a name, a colon or an
//! equals sign, and what follows up to the next delimiter is all there is to go by.

use std::ops::Range;

use super::find::{Hit, Purpose, form_of};
use super::replace::{Form, is_masked};
use super::{MaskedKind, Policy};

/// The values that stand behind a sensitive name.
pub(crate) fn named(policy: &Policy, text: &[u8], purpose: Purpose) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    for sign in memchr::memchr2_iter(b':', b'=', text) {
        if hits.last().is_some_and(|hit| sign < hit.range.end) {
            continue;
        }
        let Ok(name) = std::str::from_utf8(name_before(text, sign)) else { continue };
        // `key: 5` is how people write; `key=5` is how parameters are written.
        let kind = if text[sign] == b'=' { policy.parameter(name) } else { policy.field(name) };
        let Some(kind) = kind else { continue };
        let range = value_after(text, sign + 1);
        let value = &text[range.clone()];
        if let Some(form) = form(kind, value, purpose) {
            hits.push(Hit { value: value.to_vec(), range, kind, form, number: false });
        }
    }
    hits
}

/// As `form_of`, but what is long is believed to be sensitive whatever it says: no name within it is
/// looked at again, which keeps the search linear.
fn form(kind: MaskedKind, value: &[u8], purpose: Purpose) -> Option<Form> {
    const LONG: usize = 64;
    if value.len() <= LONG {
        return form_of(kind, value, purpose);
    }
    let masked = std::str::from_utf8(value).is_ok_and(is_masked);
    (!masked).then_some(Form::Opaque)
}

/// JSON Web Tokens (RFC 7519), wherever they stand: base64url parts, the first of which starts an object.
pub(crate) fn tokens(text: &[u8]) -> Vec<Hit> {
    const FEWEST: usize = 30;
    let mut hits = Vec::new();
    let mut end = 0;
    for start in memchr::memmem::find_iter(text, b"eyJ") {
        if start < end {
            continue;
        }
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.".contains(*byte);
        end = start + text[start..].iter().take_while(is_part).count();
        let value = &text[start..end];
        if value.len() >= FEWEST && value.iter().filter(|&&byte| byte == b'.').count() >= 2 {
            let (kind, form) = (MaskedKind::Secret, Form::Opaque);
            hits.push(Hit { range: start..end, value: value.to_vec(), kind, form, number: false });
        }
    }
    hits
}

fn name_before(text: &[u8], sign: usize) -> &[u8] {
    let end = text[..sign].iter().rposition(|byte| !is_wrapping(*byte)).map_or(0, |at| at + 1);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let start = text[..end].iter().rposition(|byte| !is_name(byte)).map_or(0, |at| at + 1);
    &text[start..end]
}

fn value_after(text: &[u8], from: usize) -> Range<usize> {
    let start = text[from..].iter().position(|byte| !is_wrapping(*byte)).map_or(text.len(), |at| from + at);
    let quote = text[from..start].iter().copied().find(|byte| matches!(byte, b'"' | b'\''));
    let length_from = |start: usize| {
        let ends = |byte: &u8| match quote {
            Some(quote) => *byte == quote || *byte == b'\\',
            None => b" \t\r\n,;&|)}]\"'<".contains(byte),
        };
        text[start..].iter().position(ends).unwrap_or(text.len() - start)
    };
    let end = start + length_from(start);
    let scheme = [&b"Bearer"[..], b"Basic", b"Token", b"Digest"];
    if quote.is_none() && text.get(end) == Some(&b' ') && scheme.contains(&&text[start..end]) {
        return end + 1..end + 1 + length_from(end + 1);
    }
    start..end
}

/// Spaces, quotes and backslashes between a name, its sign and its value.
fn is_wrapping(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let hits = named(Policy::shared(), text.as_bytes(), Purpose::Mask);
        hits.into_iter().map(|hit| &text[hit.range]).collect()
    }

    #[test]
    fn values_behind_names_are_found_without_a_grammar() {
        assert_eq!(found("declined, cvv=123, retry"), ["123"]);
        assert_eq!(
            found(r#"{"a":1,"cvv2": "987","pin_block":"1A2B3C4D5E6F7788"#),
            ["987", "1A2B3C4D5E6F7788"]
        );
        assert_eq!(found("Authorization: Bearer abc.def"), ["abc.def"]);
        assert_eq!(found(r#"payload={\"password\":\"a b\"}"#), ["a b"]);
        assert_eq!(found("cvv: not given; cvv_result=M; pin=***"), [""; 0]);
    }
}
