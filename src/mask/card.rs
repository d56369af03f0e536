//! Recognises primary account numbers (PAN): issuer range, length and checksum, all three.
//!
//! A flat pass over bytes, whatever they are: it probes every twelfth byte and looks closer only where a
//! digit or separator stands, so ordinary text costs a fraction of a nanosecond a byte. Groups may be
//! joined by single spaces or dashes. Digits inside a longer run of digits, a hexadecimal token, a UUID
//! or behind a decimal point are not card numbers.

use std::ops::Range;

use super::issuer::{Certainty, MAX_DIGITS, MIN_DIGITS, certainty, may_lead};
use super::{emv, token};

/// A card number found in some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Card {
    /// Where, separators between its groups included.
    pub(crate) range: Range<usize>,
    /// How sure.
    pub(crate) certainty: Certainty,
}

/// The card numbers of `bytes`, from left to right, none overlapping another.
pub(crate) struct Cards<'a> {
    bytes: &'a [u8],
    at: usize,
    run: Range<usize>,
}

impl<'a> Cards<'a> {
    /// Looks at `bytes`.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, run: 0..0 }
    }
}

impl Iterator for Cards<'_> {
    type Item = Card;

    #[inline]
    fn next(&mut self) -> Option<Card> {
        loop {
            if self.run.len() >= MIN_DIGITS {
                if let Some(card) = in_run(self.bytes, self.run.clone()) {
                    self.run.start = card.range.end;
                    return Some(card);
                }
                self.run = 0..0;
            }
            self.run = next_run(self.bytes, self.at)?;
            self.at = self.run.end;
        }
    }
}

/// The next run of at least twelve digits and single separators that starts at or after `from`.
#[inline]
fn next_run(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let mut floor = from;
    let mut probe = from + MIN_DIGITS - 1;
    while let Some(&byte) = bytes.get(probe) {
        if !is_run_byte(byte) {
            floor = probe + 1;
            probe += MIN_DIGITS;
            continue;
        }
        let mut start = probe;
        while start > floor && is_run_byte(bytes[start - 1]) {
            start -= 1;
        }
        let mut end = probe + 1;
        while end < bytes.len() && is_run_byte(bytes[end]) {
            end += 1;
        }
        if end - start >= MIN_DIGITS {
            return Some(start..end);
        }
        floor = end;
        probe = end + MIN_DIGITS - 1;
    }
    None
}

#[inline]
fn is_run_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || is_separator(byte)
}

#[inline]
fn is_separator(byte: u8) -> bool {
    byte == b' ' || byte == b'-'
}

/// The first card number in a run of digits and separators.
fn in_run(bytes: &[u8], run: Range<usize>) -> Option<Card> {
    let mut start = run.start;
    while start < run.end {
        if !bytes[start].is_ascii_digit() {
            start += 1;
            continue;
        }
        if let Some(card) = from_group(bytes, run.clone(), start) {
            return Some(card);
        }
        let end = (start..run.end).find(|&at| !bytes[at].is_ascii_digit()).unwrap_or(run.end);
        if end - start >= MIN_DIGITS
            && let Some(card) = behind_escape(bytes, start..end).or_else(|| emv::card_in(bytes, start..end))
        {
            return Some(card);
        }
        start = end;
    }
    None
}

/// The longest card number whose first group starts at `start`.
fn from_group(bytes: &[u8], run: Range<usize>, start: usize) -> Option<Card> {
    if !may_lead(bytes, start) {
        return None;
    }
    let mut layout = Layout::default();
    let mut at = start;
    let mut best = None;
    while at < run.end && layout.push(bytes[at]) {
        at += 1;
        let group_ends = at == run.end || !bytes[at].is_ascii_digit();
        if group_ends && layout.count >= MIN_DIGITS {
            let alone = !chained_before(bytes, start) && !chained_after(bytes, at);
            if (alone || layout.is_usual())
                && let Some(certainty) = certainty(layout.digits())
                && token::allows_card(bytes, &(start..at))
            {
                best = Some(Card { range: start..at, certainty });
            }
        }
    }
    best
}

/// A card number behind the digits of a percent escape such as `%20`.
fn behind_escape(bytes: &[u8], group: Range<usize>) -> Option<Card> {
    let skip = match bytes[..group.start] {
        [.., b'%'] => 2,
        [.., b'%', high] if high.is_ascii_hexdigit() => 1,
        _ => return None,
    };
    let range = group.start + skip..group.end;
    let certainty = certainty(&bytes[range.clone()])?;
    token::allows_card(bytes, &range).then_some(Card { range, certainty })
}

/// Whether a group before `start` is joined to it by one separator.
fn chained_before(bytes: &[u8], start: usize) -> bool {
    matches!(bytes[..start], [.., digit, separator] if is_separator(separator) && digit.is_ascii_digit())
}

/// Whether a group after `end` is joined to it by one separator.
fn chained_after(bytes: &[u8], end: usize) -> bool {
    matches!(bytes[end..], [separator, digit, ..] if is_separator(separator) && digit.is_ascii_digit())
}

/// The digits read so far, and how they were grouped.
#[derive(Default)]
struct Layout {
    digits: [u8; MAX_DIGITS],
    count: usize,
    /// Length of each group; the last one is being read.
    groups: [u8; MAX_DIGITS],
    separators: usize,
    separator: u8,
    mixed: bool,
    open: bool,
}

impl Layout {
    /// Takes the next byte of a run; false where no card number can go on with it.
    fn push(&mut self, byte: u8) -> bool {
        if byte.is_ascii_digit() {
            if self.count == MAX_DIGITS {
                return false;
            }
            self.digits[self.count] = byte;
            self.count += 1;
            self.groups[self.separators] += 1;
            self.open = true;
            return true;
        }
        let first = self.separators == 0;
        if !self.open || self.count == MAX_DIGITS {
            return false;
        }
        self.mixed |= !first && byte != self.separator;
        self.separator = byte;
        self.separators += 1;
        self.open = false;
        true
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..self.count]
    }

    /// Whether people write card numbers in these groups: 4-4-4-4, 4-6-5, 4-6-4, 6-13 and the like.
    ///
    /// Other groups count only where they stand alone, so that columns of figures are not read as cards.
    fn is_usual(&self) -> bool {
        if self.mixed {
            return false;
        }
        match self.groups[..=self.separators] {
            [_] => true,
            [4, 6, 4 | 5] | [6, 6..=13] | [8, 4..=11] => true,
            [ref fours @ .., last] => fours.iter().all(|&group| group == 4) && (1..=4).contains(&last),
            [] => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        Cards::new(text.as_bytes()).map(|card| &text[card.range]).collect()
    }

    #[test]
    fn published_test_cards_of_every_brand_and_length_are_found() {
        for card in [
            "4111111111111111",
            "4012888888881881",
            "4222222222222",
            "4917300800000000",
            "5555555555554444",
            "5105105105105100",
            "2223003122003222",
            "2720999999999996",
            "378282246310005",
            "371449635398431",
            "340000000000009",
            "30569309025904",
            "38520000023237",
            "36700102000000",
            "6011111111111117",
            "6011000990139424",
            "6500000000000002",
            "6445644564456445",
            "3530111333300000",
            "3566002020360505",
            "6200000000000005",
            "6205500000000000004",
            "6250941006528599",
            "6304000000000000",
            "6759649826438453",
            "6799990100000000019",
            "50339619890917",
            "586824160825533338",
            "6759560045005727054",
            "5018000000000009",
            "676000000007",
            "501800000009",
            "630400000000",
            "500000000611",
            "9792030394440796",
            "2200000000000053",
            "8171999900000000021",
            "6062826786276634",
        ] {
            assert_eq!(found(card), [card]);
            assert_eq!(found(&format!("<{card}>")), [card]);
        }
    }

    #[test]
    fn single_separators_join_groups() {
        for text in [
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "3782 822463 10005",
            "3056 930902 5904",
            "6205 5000 0000 0000 004",
            "620550 0000000000004",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "411111-1111 111111",
        ] {
            assert_eq!(found(text), [text]);
            assert_eq!(found(&format!("card {text}.")), [text]);
        }
        assert_eq!(found("seq 12 4111111111111111 7"), ["4111111111111111"]);
        assert_eq!(found("on 2026-03-02 4111 1111 1111 1111 07"), ["4111 1111 1111 1111"]);
        assert_eq!(found("4111  1111 1111 1111"), [""; 0]);
        assert_eq!(found("5555555555554444 4111111111111111"), ["5555555555554444", "4111111111111111"]);
    }

    #[test]
    fn digits_that_belong_to_something_else_are_no_card() {
        for text in [
            "04111111111111111",
            "41111111111111110000",
            "a4111111111111111",
            "4111111111111111e",
            "550e8400-e29b-4111-1111-676000000007",
            "67600000-0000-4111-1111-111111111111",
            "0.4111111111111111",
            "4111111111111112",
            "7111111111111111",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn letters_that_make_no_hexadecimal_token_hide_nothing() {
        for text in [
            "PAN4111111111111111",
            "4111111111111111exp",
            "%B4111111111111111^",
            "x%204111111111111111",
            "pan%3D4111111111111111",
            "100%4111111111111111",
            r"\b4111111111111111",
            "4111111111111111F",
        ] {
            assert_eq!(found(text), ["4111111111111111"], "{text}");
        }
        assert_eq!(found("6205500000000000004F"), ["6205500000000000004"]);
    }
}
