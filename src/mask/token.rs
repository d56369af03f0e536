//! Decides from what stands around digits whether they can be a card number at all.
//!
//! Identifiers, cryptograms and digests are full of digits; a run of them that only continues a
//! hexadecimal token, a UUID or a decimal fraction is not a card number by chance.

use std::ops::Range;

use super::track;

/// Whether the bytes around `digits` leave it possible that they are a card number.
pub(crate) fn allows_card(bytes: &[u8], digits: &Range<usize>) -> bool {
    let own = !is_fraction(bytes, digits.start)
        && !is_in_hex_token(bytes, digits)
        && !is_in_uuid(bytes, digits.start);
    own || is_track(bytes, digits)
}

/// Track data says itself what it is; `D` is a hexadecimal digit too, so there the number must come first.
fn is_track(bytes: &[u8], digits: &Range<usize>) -> bool {
    let leads = bytes.get(digits.end).is_some_and(|byte| matches!(byte, b'=' | b'^'))
        || token_start(bytes, digits.start) == digits.start;
    leads && track::around(bytes, digits).is_some()
}

/// `12.4111…`: digits behind a decimal point.
fn is_fraction(bytes: &[u8], start: usize) -> bool {
    matches!(bytes[..start], [.., digit, b'.'] if digit.is_ascii_digit())
}

/// Letters touch the digits, and with them they are nothing but hexadecimal digits.
///
/// One closing `F` is the filler of an odd number of digits (EMV tags 5A and 57), not a token.
fn is_in_hex_token(bytes: &[u8], digits: &Range<usize>) -> bool {
    let start = token_start(bytes, digits.start);
    let after = bytes[digits.end..].iter().take(FAR).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let (before, after) = (&bytes[start..digits.start], &bytes[digits.end..digits.end + after]);
    if before.is_empty() && matches!(after, [] | [b'F' | b'f']) {
        return false;
    }
    // The format code of track 1, which may have lost its other fields.
    if matches!(before, b"B") && bytes.get(digits.end) == Some(&b'^') {
        return false;
    }
    before.iter().chain(after).all(u8::is_ascii_hexdigit)
}

/// Where the token that reaches up to `start` begins; an escape (`\b`, `%3D`) ends before it.
fn token_start(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at > start.saturating_sub(FAR) && bytes[at - 1].is_ascii_alphanumeric() {
        match bytes[..at] {
            [.., b'\\', b'b' | b'f' | b'n' | b'r' | b't'] => return at,
            [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => return at,
            _ => at -= 1,
        }
    }
    at
}

/// How far to either side a token is looked at: a digest of 512 bits is half hidden, never taken apart.
const FAR: usize = 64;

/// The group that starts at `start` is one of a UUID's.
fn is_in_uuid(bytes: &[u8], start: usize) -> bool {
    const LENGTH: usize = 36;
    const GROUPS: [usize; 5] = [0, 9, 14, 19, 24];
    GROUPS.into_iter().filter_map(|group| start.checked_sub(group)).any(|first| {
        bytes.get(first..first + LENGTH).is_some_and(|token| {
            token.iter().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
        })
    })
}
