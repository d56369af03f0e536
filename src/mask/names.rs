//! The table of sensitive field names: recognised in every spelling, rejected in a few instructions.

use super::MaskedKind;

/// Longest name looked up, separators included; longer ones are never sensitive.
const LONGEST: usize = 48;

/// Field names, spelled without regard to case, `_`, `-` and spaces.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// Sorted by name.
    entries: Vec<(Box<[u8]>, Meaning)>,
    /// Bit set: some name ends in these three letters, five bits each.
    tails: Box<[u64; 512]>,
    /// By first and last letter: bit n, some such name can be spelled in n bytes.
    lengths: Box<[u64; 1024]>,
}

/// What a field name says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The value is sensitive.
    Kind(MaskedKind),
    /// The value is an identifier: only a likely card number is masked in it.
    Identifier,
    /// The value is sensitive in some places; see `Policy::with_pointer`.
    Place,
}

impl Names {
    /// A table without names.
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), tails: Box::new([0; 512]), lengths: Box::new([0; 1024]) }
    }

    /// Adds a name. A name that is there keeps its meaning, except that a place yields to a kind.
    pub(crate) fn insert(&mut self, name: &str, meaning: Meaning) {
        let mut buffer = [0; LONGEST];
        let Some(name) = normalise(name.as_bytes(), &mut buffer) else { return };
        match self.entries.binary_search_by(|(entry, _)| (**entry).cmp(name)) {
            Ok(at) if self.entries[at].1 == Meaning::Place => self.entries[at].1 = meaning,
            Ok(_) => {}
            Err(at) => self.entries.insert(at, (name.into(), meaning)),
        }
        if meaning == Meaning::Identifier {
            return;
        }
        let [.., a, b, c] = *name else { return };
        for length in name.len()..=name.len() + MOST_SEPARATORS {
            self.lengths[ends(name[0], c)] |= 1 << length;
        }
        for tail in
            [[a, b, c], [b, b'_', c], [b, b'-', c], [b, b' ', c], [b'_', b, c], [b'-', b, c], [b' ', b, c]]
        {
            let (word, bit) = slot(tail);
            self.tails[word] |= bit;
        }
    }

    /// What the field called `name` means.
    pub(crate) fn get(&self, name: &str) -> Option<Meaning> {
        self.lookup(name.as_bytes())
    }

    /// What the field whose name ends right before the quote at `quote` means, if that may be sensitive.
    #[inline]
    pub(crate) fn ending_at(&self, bytes: &[u8], quote: usize) -> Option<Meaning> {
        let mut quote = quote;
        while quote > 0 && is_separator(bytes[quote - 1]) {
            quote -= 1;
        }
        if !self.may_end_in(*bytes[..quote].last_chunk::<3>()?) {
            return None;
        }
        let from = quote.saturating_sub(LONGEST);
        let start = bytes[from..quote].iter().rposition(|&byte| byte == b'"')?;
        let name = trimmed(&bytes[from + start + 1..quote]);
        if self.may_be(name) { self.lookup(name) } else { None }
    }

    /// Whether one of the names may end in these bytes, of which the last is no separator: false is final.
    #[inline]
    pub(crate) fn may_end_in(&self, tail: [u8; 3]) -> bool {
        let (word, bit) = slot(tail);
        self.tails[word] & bit != 0
    }

    /// Whether a key may be one of the names: false is final.
    #[inline]
    fn may_be(&self, key: &[u8]) -> bool {
        match *key {
            [first, .., last] => key.len() < 64 && self.lengths[ends(first, last)] >> key.len() & 1 == 1,
            _ => false,
        }
    }

    fn lookup(&self, name: &[u8]) -> Option<Meaning> {
        let mut buffer = [0; LONGEST];
        let name = normalise(name, &mut buffer)?;
        let at = self.entries.binary_search_by(|(entry, _)| (**entry).cmp(name)).ok()?;
        Some(self.entries[at].1)
    }
}

#[inline]
fn ends(first: u8, last: u8) -> usize {
    usize::from(first & 31) << 5 | usize::from(last & 31)
}

#[inline]
fn slot(tail: [u8; 3]) -> (usize, u64) {
    let [a, b, c] = tail.map(|byte| usize::from(byte & 31));
    let index = a << 10 | b << 5 | c;
    (index >> 6, 1 << (index & 63))
}

#[inline]
fn is_separator(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b' ')
}

/// The name without separators around it.
fn trimmed(name: &[u8]) -> &[u8] {
    let start = name.iter().position(|&byte| !is_separator(byte)).unwrap_or(name.len());
    let end = name.iter().rposition(|&byte| !is_separator(byte)).map_or(start, |last| last + 1);
    &name[start..end]
}

/// The name in lower case, without separators: of those, three may stand within, none beside another.
fn normalise<'b>(name: &[u8], buffer: &'b mut [u8; LONGEST]) -> Option<&'b [u8]> {
    let name = trimmed(name);
    if name.len() > LONGEST {
        return None;
    }
    let mut length = 0;
    let mut after_separator = false;
    for &byte in name {
        if !is_separator(byte) {
            buffer[length] = byte.to_ascii_lowercase();
            length += 1;
        } else if after_separator {
            return None;
        }
        after_separator = is_separator(byte);
    }
    (name.len() <= length + MOST_SEPARATORS).then_some(&buffer[..length])
}

const MOST_SEPARATORS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_every_spelling() {
        let mut names = Names::new();
        names.insert("pin_block", Meaning::Kind(MaskedKind::PinBlock));
        names.insert("track2", Meaning::Kind(MaskedKind::TrackData));
        for text in
            ["pin_block", "pinBlock", "PINBLOCK", "Pin-Block", "pin block", "track2", "TRACK_2", "track-2"]
        {
            let json = format!("{{\"{text}\":1}}");
            assert!(names.get(text).is_some(), "{text}");
            assert!(names.ending_at(json.as_bytes(), text.len() + 2).is_some(), "{text}");
        }
        for text in ["pin_blocks", "block", "pin", "", "track3", "cv__v", "p_i_n_b_lock"] {
            assert_eq!(names.get(text), None, "{text}");
        }
    }
}
