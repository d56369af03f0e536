//! What stands in place of a sensitive value: as long, keyed, and never taken for one again.
//!
//! Card numbers become digits, so that a number stays a number and a rule about digits still says the
//! same: they start with a 9 no issuer has, keep the last four, fail the checksum, and hold no card
//! number within. All else becomes asterisks and, where it was long enough, letters that tell equal
//! values from different ones.

use sha2::{Digest, Sha256};

use super::Sensitive;
use super::issuer::{self, MAX_DIGITS, MIN_DIGITS};

/// How a value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A card number, perhaps in groups: digits for digits, the last four kept.
    Digits,
    /// Track data whose card number has this many bytes.
    Track(usize),
    /// Asterisks and letters.
    Opaque,
    /// A JSON number: nines.
    Figure,
}

/// Makes replacements; equal values get equal ones.
#[derive(Clone, Debug)]
pub(crate) struct Replacer {
    key: Sensitive<[u8; 32]>,
}

impl Replacer {
    /// A replacer whose replacements nobody can reproduce without `key`.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key: Sensitive::new(key) }
    }

    /// The replacement of `value`.
    pub(crate) fn replace(&self, value: &[u8], form: Form) -> String {
        match form {
            Form::Digits => self.digits(value),
            Form::Track(card) => {
                let (card, data) = value.split_at(card);
                let (separator, data) = data.split_at(1.min(data.len()));
                let separator = separator.iter().map(|&byte| char::from(byte));
                self.digits(card)
                    .chars()
                    .chain(separator)
                    .chain(self.opaque(value, data.len()).chars())
                    .collect()
            }
            Form::Opaque => self.opaque(value, String::from_utf8_lossy(value).chars().count()),
            Form::Figure => figure(value),
        }
    }

    fn digits(&self, value: &[u8]) -> String {
        let clear: Vec<u8> = value.iter().copied().filter(u8::is_ascii_digit).collect();
        let mut digits = self.other_digits(&clear).into_iter();
        let replaced = |byte: &u8| match byte {
            b'0'..=b'9' => digits.next().unwrap_or(b'9'),
            separator => *separator,
        };
        value.iter().map(replaced).map(char::from).collect()
    }

    /// As many digits, the last four of them the same, that are no card number and hold none.
    fn other_digits(&self, clear: &[u8]) -> Vec<u8> {
        let kept = clear.len() - 4.min(clear.len());
        let mut other = clear.to_vec();
        for attempt in 0..=u8::MAX {
            let stream = self.stream(b"digits", attempt, clear);
            for (digit, random) in other[..kept].iter_mut().zip(stream) {
                *digit = b'0' + random % 10;
            }
            other[0] = b'9';
            if other.get(1) == Some(&b'7') {
                other[1] = b'8';
            }
            if !issuer::luhn(&other) && !holds_card(&other) {
                return other;
            }
        }
        // Nine in ten attempts succeed, so this is never reached; nines are safe all the same.
        other.fill(b'9');
        other
    }

    fn opaque(&self, value: &[u8], length: usize) -> String {
        /// Below this, asterisks only: a card verification value must not be guessed from its letters.
        const FEWEST: usize = 5;
        const LETTERS: &[u8; 16] = b"abcdefghjkmnpqrs";
        let letters = if length < FEWEST { 0 } else { 8.min(length - 4) };
        let asterisks = std::iter::repeat_n('*', length - letters);
        let stream = self.stream(b"opaque", 0, value).into_iter().take(letters);
        asterisks.chain(stream.map(|random| char::from(LETTERS[usize::from(random % 16)]))).collect()
    }

    fn stream(&self, purpose: &[u8; 6], attempt: u8, value: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key.expose());
        hash.update(purpose);
        hash.update([attempt]);
        hash.update(value);
        hash.finalize().into()
    }
}

/// Whether some part of `digits` would be taken for a card number.
fn holds_card(digits: &[u8]) -> bool {
    (0..digits.len()).any(|start| {
        (MIN_DIGITS..=MAX_DIGITS)
            .filter_map(|length| digits.get(start..start + length))
            .any(|part| issuer::certainty(part).is_some())
    })
}

/// Nines for the digits of a JSON number; its exponent stays, so that readers can still represent it.
fn figure(value: &[u8]) -> String {
    let mantissa = value.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(value.len());
    let nine = |(at, &byte): (usize, &u8)| match byte {
        b'0'..=b'9' if at < mantissa => '9',
        other => char::from(other),
    };
    value.iter().enumerate().map(nine).collect()
}

/// Whether `digits` may be a replacement of ours: no issuer outside 9792 starts with a 9.
pub(crate) fn is_replaced_number(digits: &[u8]) -> bool {
    digits.starts_with(b"9") && !digits.starts_with(b"97")
}

/// Whether whoever sent `value` has masked it, or we have: few characters of it can be read.
pub(crate) fn is_masked(value: &str) -> bool {
    /// A card number may show its first six and last four; ours show eight letters.
    const MOST_SHOWN: usize = 12;
    let (mut shown, mut run, mut longest, mut all_hidden) = (0, 0, 0, true);
    for character in value.chars() {
        match character {
            '*' | '#' | '•' => run += 1,
            // Letters hide something only where there are several; a lone one is an initial.
            'x' | 'X' => {
                run += 1;
                all_hidden = false;
            }
            ' ' | '-' => {}
            _ => {
                run = 0;
                shown += 1;
            }
        }
        longest = longest.max(run);
    }
    shown == 0 && all_hidden && longest > 0 || longest >= 4 && shown <= MOST_SHOWN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_card_number_keeps_length_last_four_and_separators() {
        let replacer = Replacer::new([7; 32]);
        let plain = replacer.replace(b"4111111111111111", Form::Digits);
        let grouped = replacer.replace(b"4111 1111-1111 1111", Form::Digits);
        assert_eq!(plain.len(), 16);
        assert!(plain.ends_with("1111") && plain.starts_with('9'));
        assert_eq!(grouped.replace([' ', '-'], ""), plain);
        assert_eq!(grouped.as_bytes()[4], b' ');
        assert_eq!(grouped.as_bytes()[9], b'-');
    }

    #[test]
    fn what_is_replaced_reads_as_masked() {
        let replacer = Replacer::new([7; 32]);
        for length in 1..40 {
            let value = "s".repeat(length);
            let replaced = replacer.replace(value.as_bytes(), Form::Opaque);
            assert_eq!(replaced.len(), length);
            assert!(is_masked(&replaced), "{replaced}");
        }
        for sent in ["************1117", "476173******0119", "XXXX XXXX XXXX 1117", "***", "411111xxxxxx1111"]
        {
            assert!(is_masked(sent), "{sent}");
        }
        for clear in ["4111111111111111", "123", "hunter2", "", "*4111111111111", "****4111111111111111", "X"]
        {
            assert!(!is_masked(clear), "{clear}");
        }
    }

    #[test]
    fn a_figure_stays_a_number() {
        assert_eq!(Replacer::new([0; 32]).replace(b"-120.5e10", Form::Figure), "-999.9e10");
    }
}
