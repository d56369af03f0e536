//! The hot path: may this text hold something to mask? A flat pass that allocates nothing.
//!
//! It errs on one side only: whatever `find` would find in a JSON text is suspected here. It knows
//! nothing of structure; a suspicion costs a second, careful look. Validating and suspecting in one
//! pass saved a tenth on messages of 300 bytes, not enough to keep a second way of doing it.

use super::Policy;
use super::card::Cards;
use super::names::{Meaning, Names};

impl Policy {
    /// Whether a JSON text may hold something sensitive; false is final.
    #[inline]
    pub fn suspects(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        Cards::new(bytes).next().is_some() || self.suspects_a_field(bytes)
    }

    /// Whether a sensitive field name stands before a colon, or an escape may hide anything.
    fn suspects_a_field(&self, bytes: &[u8]) -> bool {
        marks(bytes, |at| match bytes[at] {
            b':' => self.names().before_colon(bytes, at),
            b'\\' => bytes.get(at + 1) == Some(&b'u'),
            b'%' => matches!(bytes.get(at + 1), Some(b'2' | b'3')),
            _ => false,
        })
    }
}

/// Whether `suspect` is true of the place of some colon, backslash or percent sign in `bytes`; it is asked about
/// a few other places too.
#[inline]
fn marks(bytes: &[u8], suspect: impl Fn(usize) -> bool) -> bool {
    if bytes.len() < LONG {
        return marks_from(bytes, 0, &suspect);
    }
    // What is long is mostly one long value, without a mark: compilers vectorise the look at a block.
    let (blocks, rest) = bytes.as_chunks::<64>();
    let in_blocks = blocks.iter().enumerate().any(|(index, block)| {
        block.iter().fold(false, |any, &byte| any | is_mark(byte)) && marks_from(block, 64 * index, &suspect)
    });
    in_blocks || marks_from(rest, 64 * blocks.len(), &suspect)
}

/// As [`marks`], of `bytes` that stand at `at`.
#[inline]
fn marks_from(bytes: &[u8], mut at: usize, suspect: &impl Fn(usize) -> bool) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mut marks = mark_bits(u64::from_le_bytes(*word));
        while marks != 0 {
            if suspect(at + marks.trailing_zeros() as usize / 8) {
                return true;
            }
            marks &= marks - 1;
        }
        at += 8;
    }
    rest.iter().enumerate().any(|(place, &byte)| is_mark(byte) && suspect(at + place))
}

#[inline]
fn is_mark(byte: u8) -> bool {
    byte == b':' || byte == b'\\' || byte == b'%'
}

/// From this size on, a text is looked at in blocks.
const LONG: usize = 2048;

/// The high bit of each byte that is a mark, and, by a borrow, of a few that stand behind one.
#[inline]
fn mark_bits(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let found = |mark: u8| {
        let difference = word ^ (ONES * u64::from(mark));
        difference.wrapping_sub(ONES) & !difference
    };
    (found(b':') | found(b'\\') | found(b'%')) & HIGH
}

impl Names {
    /// Whether the key before the colon at `colon` may be sensitive; its quotes may be escaped.
    #[inline]
    fn before_colon(&self, bytes: &[u8], colon: usize) -> bool {
        // Nearly every key is letters, a quote and the colon, and none of the names.
        if let [.., a, b, c, b'"'] = bytes[..colon]
            && !matches!(c, b'_' | b'-' | b' ' | b'\\')
            && !self.may_end_in([a, b, c])
        {
            return false;
        }
        self.before_any_colon(bytes, colon)
    }

    /// As [`Names::before_colon`], of a colon that needs a closer look.
    #[inline(never)]
    fn before_any_colon(&self, bytes: &[u8], colon: usize) -> bool {
        let mut end = colon;
        loop {
            match bytes[..end] {
                [.., b' ' | b'\t' | b'\n' | b'\r'] => end -= 1,
                // White space of JSON within a string.
                [.., b'\\', b'n' | b't' | b'r'] => end = before_slashes(bytes, end - 1),
                _ => break,
            }
        }
        if !bytes[..end].ends_with(b"\"") {
            return false;
        }
        let end = before_slashes(bytes, end - 1);
        self.ending_at(bytes, end).is_some_and(|meaning| meaning != Meaning::Identifier)
    }
}

/// Where the backslashes that reach up to `end` begin.
fn before_slashes(bytes: &[u8], mut end: usize) -> usize {
    while end > 0 && bytes[end - 1] == b'\\' {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mask::find::{self, Purpose};

    /// A key or a piece of text, in a spelling that may hide what it says.
    fn any_words() -> impl Strategy<Value = String> {
        let words = prop::sample::select(vec![
            "cvv",
            "CVV_2",
            "pin-block",
            "Card Number",
            "track_1",
            "password",
            "pan",
            "holder",
            "flow_id",
            "é",
            "4111111111111111",
            "3782 822463 10005",
            "4111 1111-",
            "12",
            "-",
            " ",
            "=2512101",
            "D25122010000",
            "%34111111111111111",
            "4111%201111%201111%201111",
            "x",
            "*",
            ":",
            "%7B%22cvv%22:%221%22%7D",
            "\\",
            "/",
        ]);
        prop::collection::vec(words, 0..3).prop_map(|words| words.concat())
    }

    /// JSON, JSON within its strings, and escapes where none are needed.
    fn any_json() -> impl Strategy<Value = String> {
        let string = (any_words(), any::<u8>()).prop_map(|(text, escapes)| {
            let token = serde_json::to_string(&text).expect("a string");
            let escape = |(at, character): (usize, char)| {
                if escapes & 1 == 1
                    && character.is_ascii_alphanumeric()
                    && at % 3 == 0
                    && !token.contains('\\')
                {
                    format!("\\u{:04X}", u32::from(character))
                } else {
                    character.to_string()
                }
            };
            token.chars().enumerate().map(escape).collect::<String>()
        });
        let string = string.boxed();
        let number =
            prop::sample::select(vec!["4111111111111111", "123", "-1.5", "378282246310005.0", "1e3"]);
        let leaf = prop_oneof![string.clone(), number.prop_map(str::to_owned)];
        leaf.prop_recursive(4, 20, 4, move |inner| {
            let space = prop::sample::select(vec!["", " ", "\n\t"]);
            let member = (string.clone(), space, inner.clone())
                .prop_map(|(key, space, value)| format!("{key}{space}:{space}{value}"));
            prop_oneof![
                prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|values| format!("[{}]", values.join(","))),
                inner.prop_map(|json| serde_json::to_string(&json).expect("a string")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn whatever_is_found_was_suspected(json in any_json()) {
            let place = "/holder".parse().expect("a pointer");
            let policy = Policy::standard().with_pointer(place, crate::mask::MaskedKind::Sensitive);
            let found = find::in_json(&policy, &json, Purpose::Mask).expect("JSON");
            prop_assert!(found.is_empty() || policy.suspects(&json), "{}", json);
            // The same behind a long value, at any place of a block.
            let long = format!(r#"["{}",{json}]"#, "a".repeat(LONG + json.len() % 64));
            prop_assert!(found.is_empty() || policy.suspects(&long), "{}", json);
        }
    }
}
