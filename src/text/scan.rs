//! The inner loop of `json`: reads over one value of a text, strictly by RFC 8259, without a call per value.
//!
//! Nesting is kept in one bit a level, so depth costs no stack. Errors say what the grammar asks for.

use super::json::{JsonError, MAX_DEPTH};

/// Where a string token ends.
#[derive(Clone, Copy)]
pub(crate) struct StringEnd {
    /// Offset of the closing quote.
    pub(crate) at: usize,
    /// Whether an escape stands before it.
    pub(crate) escaped: bool,
}

/// The offset behind the value that starts at or after `at`, white space before it aside.
///
/// `depth` is the number of containers already open around it.
pub(crate) fn value(text: &str, mut at: usize, depth: usize) -> Result<usize, JsonError> {
    let bytes = text.as_bytes();
    let mut open = depth;
    // The lowest bit tells of the innermost container whether it is an object.
    let mut objects = 0_u128;
    loop {
        at = space(bytes, at);
        match bytes.get(at) {
            Some(b'"') => at = string(bytes, at + 1)?.at + 1,
            Some(&bracket @ (b'{' | b'[')) => {
                if open >= MAX_DEPTH {
                    return Err(expected(at, "at most 128 nested containers"));
                }
                let is_object = bracket == b'{';
                at = space(bytes, at + 1);
                // The closing brackets stand two behind the opening ones in ASCII.
                if bytes.get(at) == Some(&(bracket + 2)) {
                    at += 1;
                } else {
                    open += 1;
                    objects = objects << 1 | u128::from(is_object);
                    if is_object {
                        at = key(bytes, at)?;
                    }
                    continue;
                }
            }
            Some(b'-' | b'0'..=b'9') => at = number(bytes, at)?,
            Some(b't') => at = word(bytes, at, "true")?,
            Some(b'f') => at = word(bytes, at, "false")?,
            Some(b'n') => at = word(bytes, at, "null")?,
            _ => return Err(expected(at, "a value")),
        }
        // A value ended: close what ends with it, or go on behind a comma.
        loop {
            if open == depth {
                return Ok(at);
            }
            at = space(bytes, at);
            let is_object = objects & 1 == 1;
            match bytes.get(at) {
                Some(b',') => {
                    at += 1;
                    if is_object {
                        at = key(bytes, space(bytes, at))?;
                    }
                    break;
                }
                Some(b'}') if is_object => {}
                Some(b']') if !is_object => {}
                _ => return Err(expected(at, if is_object { "`,` or `}`" } else { "`,` or `]`" })),
            }
            at += 1;
            open -= 1;
            objects >>= 1;
        }
    }
}

/// The offset behind the white space at `at`.
#[inline]
pub(crate) fn space(bytes: &[u8], mut at: usize) -> usize {
    // What is written for programs has none.
    if bytes.get(at).is_some_and(|&byte| byte > b' ') {
        return at;
    }
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The end of the string whose content starts at `at`.
#[inline(always)]
pub(crate) fn string(bytes: &[u8], at: usize) -> Result<StringEnd, JsonError> {
    let at = plain_end(bytes, at);
    match bytes.get(at) {
        Some(b'"') => Ok(StringEnd { at, escaped: false }),
        _ => string_from(bytes, at),
    }
}

/// The end of the string that goes on at `at`, where something stands that is not plain.
fn string_from(bytes: &[u8], mut at: usize) -> Result<StringEnd, JsonError> {
    let mut escaped = false;
    loop {
        at = plain_end(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(StringEnd { at, escaped }),
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at)?;
            }
            Some(_) => return Err(expected(at, "an escape instead of a control character")),
            None => return Err(expected(at, "the end of the string")),
        }
    }
}

/// The offset behind the number at `at`.
#[inline]
pub(crate) fn number(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    at += usize::from(bytes.get(at) == Some(&b'-'));
    if bytes.get(at) == Some(&b'0') {
        at += 1;
    } else {
        at = digits(bytes, at)?;
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at = digits(bytes, at)?;
    }
    Ok(at)
}

/// The offset behind the key at `at` and its colon.
#[inline]
fn key(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    if bytes.get(at) != Some(&b'"') {
        return Err(expected(at, "`\"`"));
    }
    let at = space(bytes, string(bytes, at + 1)?.at + 1);
    if bytes.get(at) == Some(&b':') { Ok(at + 1) } else { Err(expected(at, "`:`")) }
}

#[inline]
fn digits(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let mut at = start;
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    if at == start { Err(expected(at, "a digit")) } else { Ok(at) }
}

fn word(bytes: &[u8], at: usize, word: &'static str) -> Result<usize, JsonError> {
    if bytes[at..].starts_with(word.as_bytes()) { Ok(at + word.len()) } else { Err(expected(at, word)) }
}

/// The offset behind the escape at `at`.
fn escape(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let plain = |at: &usize| bytes.get(*at).is_some_and(u8::is_ascii_hexdigit);
            match (at + 2..at + 6).find(|at| !plain(at)) {
                Some(at) => Err(expected(at, "four hexadecimal digits")),
                None => Ok(at + 6),
            }
        }
        _ => Err(expected(at + 1, "an escape character")),
    }
}

/// The error that the grammar asks for `expected` at `at`.
#[cold]
pub(crate) fn expected(at: usize, expected: &'static str) -> JsonError {
    JsonError { at, expected }
}

/// The offset of the next quote, backslash or control character at or after `at`, or the end.
#[inline(always)]
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    // Short strings end within a few words; long ones go on in blocks that compilers vectorise.
    for _ in 0..4 {
        let Some(word) = bytes[at..].first_chunk::<8>() else { return at + plain_bytes(&bytes[at..]) };
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    long_plain_end(bytes, at)
}

fn long_plain_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes[at..].first_chunk::<64>() {
        if block.iter().fold(false, |any, &byte| any | is_special(byte)) {
            break;
        }
        at += 64;
    }
    while let Some(word) = bytes[at..].first_chunk::<8>() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + plain_bytes(&bytes[at..])
}

fn plain_bytes(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| is_special(byte)).unwrap_or(bytes.len())
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// The high bit of each byte that ends a plain run; exact up to and including the lowest such byte.
///
/// Above it a borrow may set more; bytes of 0x80 and more never set their own.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    (zero(quote) | zero(slash) | control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::{is_special, plain_end, special_bytes};

    #[test]
    fn the_lowest_special_byte_of_a_word_is_exact() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                for place in 0..7 {
                    let mut word = [b'a'; 8];
                    word[place] = first;
                    word[place + 1] = second;
                    let lowest = special_bytes(u64::from_le_bytes(word)).trailing_zeros() as usize / 8;
                    assert_eq!(
                        lowest,
                        word.iter().position(|&byte| is_special(byte)).unwrap_or(8),
                        "{word:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_plain_run_ends_at_the_same_byte_wherever_it_starts() {
        for length in 0..300 {
            for special in [b'"', b'\\', 0, 0x1f] {
                let mut bytes = vec![0xc3; length];
                bytes.push(special);
                bytes.extend_from_slice(&[b'"'; 9]);
                assert_eq!(plain_end(&bytes, 0), length);
                assert_eq!(plain_end(&bytes[..length], 0), length);
            }
        }
    }
}
