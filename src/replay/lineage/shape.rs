//! What a value looks like: a UUID, a ULID, a long run of hexadecimal digits; and another of the same looks.

use super::fresh::Dice;

/// Looks that only ids have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `8-4-4-4-12` hexadecimal digits (RFC 9562).
    Uuid,
    /// 26 characters of Crockford's alphabet, with letters and digits among them.
    Ulid,
    /// 20 or more hexadecimal digits, letters and digits among them.
    Hex,
    /// Anything else.
    Plain,
}

/// The looks of a value.
pub(super) fn shape_of(value: &str) -> Shape {
    let bytes = value.as_bytes();
    let hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    let mixed = bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic);
    let uuid = bytes.len() == 36
        && [8, 13, 18, 23].iter().all(|&at| bytes[at] == b'-')
        && value.split('-').all(|part| hex(part.as_bytes()));
    let ulid = bytes.len() == 26
        && mixed
        && bytes[0] <= b'7'
        && bytes.iter().all(|byte| {
            byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !matches!(byte, b'I' | b'L' | b'O' | b'U'))
        });
    match () {
        () if uuid => Shape::Uuid,
        () if ulid => Shape::Ulid,
        () if bytes.len() >= 20 && mixed && hex(bytes) => Shape::Hex,
        () => Shape::Plain,
    }
}

/// Another value of the same looks: digits for digits, letters for letters of their case, and every other
/// character, the version and variant of a UUID among them, as it stands. A number gets no leading zero.
pub(super) fn another(value: &str, dice: &mut Dice) -> String {
    let shape = shape_of(value);
    let hex = matches!(shape, Shape::Uuid | Shape::Hex);
    let time = if shape == Shape::Ulid { 10 } else { 0 };
    let leading = value.find(|c: char| c.is_ascii_digit()).filter(|&at| at == 0);
    let keeps = |at: usize| (shape == Shape::Uuid && matches!(at, 14 | 19)) || at < time;
    value
        .char_indices()
        .map(|(at, character)| match character {
            _ if keeps(at) => character,
            'a'..='f' | '0'..='9' if hex && !value.contains(|c: char| c.is_ascii_uppercase()) => {
                dice.one_of(b"0123456789abcdef")
            }
            'A'..='F' | '0'..='9' if hex => dice.one_of(b"0123456789ABCDEF"),
            '0'..='9' if leading == Some(at) && value.len() > 1 => dice.one_of(b"123456789"),
            '0'..='9' => dice.one_of(b"0123456789"),
            'a'..='z' => dice.one_of(b"abcdefghijkmnopqrstuvwxyz"),
            'A'..='Z' => dice.one_of(b"ABCDEFGHJKMNPQRSTVWXYZ"),
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_look_like_ids() {
        assert_eq!(shape_of("0198f2d4-6f1e-7c3a-9b2d-5a6c7d8e9f00"), Shape::Uuid);
        assert_eq!(shape_of("01HZX3K9V7Q2M4N6P8R0S2T4W6"), Shape::Ulid);
        assert_eq!(shape_of("9f86d081884c7d659a2f"), Shape::Hex);
        for plain in ["804213", "12345678901234567890", "completed", "A-1009", "", "deadbeefdeadbeefdeadbeef"]
        {
            assert_eq!(shape_of(plain), Shape::Plain, "{plain}");
        }
    }

    #[test]
    fn another_one_has_the_same_looks() {
        let mut dice = Dice::new(1, 2);
        for value in
            ["804213", "A-1009", "0198f2d4-6f1e-7c3a-9b2d-5a6c7d8e9f00", "01HZX3K9V7Q2M4N6P8R0S2T4W6", "7"]
        {
            let other = another(value, &mut dice);
            assert_eq!((other.len(), shape_of(&other)), (value.len(), shape_of(value)), "{value} {other}");
            assert!(!other.starts_with('0') || value.starts_with('0') || value.len() == 1, "{other}");
        }
        let uuid = another("0198f2d4-6f1e-7c3a-9b2d-5a6c7d8e9f00", &mut dice);
        assert_eq!((&uuid[14..15], &uuid[19..20]), ("7", "9"));
    }
}
