//! Names of members that are looked for, found by length and first bytes before they are compared.
//!
//! A scan meets every name of every message, so this is what most of its time could go to.

use std::ops::Range;

use crate::text::json::characters;
use crate::text::scan::{StringEnd, string};

/// Names, each known by its index.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    entries: Vec<Name>,
    /// Indexes into `entries`, by hash; empty where there are few.
    table: Vec<u16>,
}

/// A name, its first eight bytes and its last eight; with most names that is all of it.
#[derive(Clone, Debug)]
struct Name {
    first: u64,
    /// The bytes of `first` that count.
    mask: u64,
    last: u64,
    name: Box<str>,
}

/// So few are looked through one by one.
const FEW: usize = 8;

/// As many as a table can tell apart; further ones are found one by one.
const MOST: usize = 1 << 15;

const EMPTY: u16 = u16::MAX;

impl Names {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &*entry.name)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The index of the name that a text value says, quotes included, where it is spelled without escapes.
    #[inline]
    pub(super) fn of_token(&self, text: &str, token: Range<usize>) -> Option<usize> {
        self.find(text, token.start + 1, StringEnd { at: token.end - 1, escaped: false })
    }

    /// The index of a name that stands by itself.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.iter().position(|known| known == name)
    }

    /// Adds a name, which gets the next index.
    pub(super) fn push(&mut self, name: &str) {
        self.entries.push(Name::new(name));
        self.table.clear();
        if !(FEW + 1..MOST).contains(&self.entries.len()) {
            return;
        }
        self.table.resize((self.entries.len() * 2).next_power_of_two(), EMPTY);
        for (index, entry) in self.entries.iter().enumerate() {
            let mut at = place(entry.first, entry.name.len(), self.table.len());
            while self.table[at] != EMPTY {
                at = (at + 1) & (self.table.len() - 1);
            }
            self.table[at] = index as u16;
        }
    }

    /// Where the name at `start` ends, if it is the one that is expected: most objects are written in one order,
    /// and such a name need not be read.
    #[inline(always)]
    pub(super) fn expected(&self, bytes: &[u8], start: usize, next: u32) -> Option<usize> {
        let entry = self.entries.get(next as usize)?;
        let end = start + entry.name.len();
        let is = bytes.get(end) == Some(&b'"')
            && word(bytes, start) & entry.mask == entry.first
            && (entry.name.len() <= 8 || entry.rest_is(bytes, start));
        is.then_some(end)
    }

    /// The index of the name whose content stands in `text` from `start` to `end`.
    #[inline(never)]
    pub(super) fn find(&self, text: &str, start: usize, end: StringEnd) -> Option<usize> {
        if end.escaped {
            return self.escaped(&text[start..end.at]);
        }
        let bytes = text.as_bytes();
        let length = end.at - start;
        let first = first_word(bytes, start, length);
        let is = |entry: &Name| {
            entry.first == first && entry.name.len() == length && (length <= 8 || entry.rest_is(bytes, start))
        };
        if self.table.is_empty() {
            return self.entries.iter().position(is);
        }
        let mut at = place(first, length, self.table.len());
        loop {
            // The table is at most half full, so a search ends.
            let index = usize::from(self.table[at]);
            if is(self.entries.get(index)?) {
                return Some(index);
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }

    #[cold]
    fn escaped(&self, raw: &str) -> Option<usize> {
        self.iter().position(|name| characters(raw).map(|(c, _)| c).eq(name.chars()))
    }
}

/// A number for the name that stands in `text` from `start` to `end`; other spellings of it have the same.
#[inline]
pub(super) fn print(text: &str, start: usize, end: usize) -> u64 {
    let length = end - start;
    let bytes = text.as_bytes();
    if bytes[start..end].contains(&b'\\') {
        let name: String = characters(&text[start..end]).map(|(c, _)| c).collect();
        return print(&name, 0, name.len());
    }
    let last = if length > 8 { first_word(bytes, end - 8, 8) } else { 0 };
    first_word(bytes, start, length) ^ last.rotate_left(29) ^ (length as u64) << 56
}

/// Whether the names that start here and there say the same.
pub(super) fn same(text: &str, here: usize, there: usize) -> bool {
    let name = |start| {
        let end = string(text.as_bytes(), start).map_or(start, |end| end.at);
        characters(&text[start..end]).map(|(c, _)| c)
    };
    name(here).eq(name(there))
}

/// Where a search starts in a table of `size` places, a power of two.
#[inline]
fn place(first: u64, length: usize, size: usize) -> usize {
    let mixed = (first ^ (length as u64) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize & (size - 1)
}

impl Name {
    fn new(name: &str) -> Self {
        let bytes = name.as_bytes();
        let first = first_word(bytes, 0, bytes.len());
        let last = if bytes.len() > 8 { word(bytes, bytes.len() - 8) } else { 0 };
        let plain = !bytes.iter().any(|&byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        let mask = match bytes.len() {
            // In a message such a name is escaped: no text is expected to be it.
            _ if !plain => 0,
            length @ 0..8 => (1 << (8 * length)) - 1,
            _ => u64::MAX,
        };
        let first = if plain { first } else { u64::MAX };
        Self { first, mask, last, name: name.into() }
    }

    /// Whether what follows the first eight bytes is the same, the text at `start` being as long.
    #[inline(always)]
    fn rest_is(&self, bytes: &[u8], start: usize) -> bool {
        let length = self.name.len();
        self.last == word(bytes, start + length - 8)
            && (length <= 16 || self.name.as_bytes()[8..length - 8] == bytes[start + 8..start + length - 8])
    }
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk::<8>().map_or(0, |word| u64::from_le_bytes(*word))
}

/// The first eight of the `length` bytes at `start`, as one number; shorter ones are filled up with zeros.
#[inline(always)]
fn first_word(bytes: &[u8], start: usize, length: usize) -> u64 {
    match bytes[start..].first_chunk::<8>() {
        Some(word) if length >= 8 => u64::from_le_bytes(*word),
        Some(word) => u64::from_le_bytes(*word) & ((1 << (8 * length)) - 1),
        None => {
            let mut word = [0; 8];
            let length = length.min(8);
            word[..length].copy_from_slice(&bytes[start..start + length]);
            u64::from_le_bytes(word)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_under_its_index_and_no_other_one() {
        for count in [1, 8, 9, 40, 300] {
            let mut names = Names::default();
            let all: Vec<String> = (0..count).map(|index| format!("{index}_transaction_{index}")).collect();
            let short = ["", "a", "transact", "transaction_date", "transaction_time", "a\"b", "a\\u0041"];
            let all: Vec<&str> = all.iter().map(String::as_str).chain(short).collect();
            all.iter().for_each(|name| names.push(name));
            for (index, name) in all.iter().enumerate() {
                let text = format!("{{{}:1,\"padding\":1}}", serde_json::Value::from(*name));
                let length = text.find("\":1").unwrap() - 2;
                let end = StringEnd { at: 2 + length, escaped: text.contains('\\') };
                assert_eq!(names.find(&text, 2, end), Some(index), "{name}");
                for next in 0..all.len() {
                    let expected = (next == index && !end.escaped).then_some(end.at);
                    assert_eq!(names.expected(text.as_bytes(), 2, next as u32), expected, "{name}");
                }
                let other = StringEnd { at: 2 + length.saturating_sub(1), escaped: false };
                assert!(length == 0 || names.find(&text, 2, other) != Some(index));
            }
        }
    }
}
