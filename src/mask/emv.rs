//! Card numbers inside EMV data written as hexadecimal TLV: tag 5A (PAN) and tag 57 (track 2 equivalent).
//!
//! There the digits of tag and length run into those of the number, so the boundaries of digits say
//! nothing; tag, length, issuer range and checksum together do. EMV Book 3, annex A.

use std::ops::Range;

use super::card::Card;
use super::issuer::{self, MAX_DIGITS, MIN_DIGITS};

/// The card number within the digits `group` that stands behind a tag and its length.
pub(crate) fn card_in(bytes: &[u8], group: Range<usize>) -> Option<Card> {
    (group.start..=group.end - MIN_DIGITS).find_map(|start| {
        let end = match *bytes[..start].last_chunk::<4>()? {
            [b'5', b'A' | b'a', high, low] => account_number(bytes, start, length(high, low)?)?,
            [b'5', b'7', high, low] => track_two(bytes, start, length(high, low)?)?,
            _ => return None,
        };
        let certainty = issuer::certainty(bytes.get(start..end)?)?;
        Some(Card { range: start..end, certainty })
    })
}

/// The end of a number that fills the value of tag 5A but for one `F`.
fn account_number(bytes: &[u8], start: usize, length: usize) -> Option<usize> {
    let value = bytes.get(start..start + 2 * length)?;
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let filled = digits == value.len() || (digits + 1 == value.len() && matches!(value[digits], b'F' | b'f'));
    filled.then_some(start + digits)
}

/// The end of a number that the separator `D` follows within the value of tag 57, at most 19 bytes.
fn track_two(bytes: &[u8], start: usize, length: usize) -> Option<usize> {
    const LONGEST: usize = 19;
    if length > LONGEST {
        return None;
    }
    let value = &bytes[start..bytes.len().min(start + 2 * length)];
    let digits = value.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    matches!(value.get(digits), Some(b'D' | b'd')).then_some(start + digits)
}

/// One length byte, in two hexadecimal digits.
fn length(high: u8, low: u8) -> Option<usize> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    usize::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use crate::mask::card::Cards;

    #[test]
    fn a_card_number_is_found_inside_a_tlv_string() {
        for (text, card) in [
            ("9F3303E0F8C85A0841111111111111115F24033012319F1A020840", "4111111111111111"),
            ("5A0A6205500000000000004F5F3401019F02060000000", "6205500000000000004"),
            ("5F2A02084057134111111111111111D25122010000012345678F9F360200A1", "4111111111111111"),
            ("5F2A020840571137828224631000 5", ""),
        ] {
            let found: Vec<_> = Cards::new(text.as_bytes()).map(|card| &text[card.range]).collect();
            assert_eq!(found.concat(), card);
        }
    }

    #[test]
    fn a_cryptogram_is_no_card_number() {
        let text = "9F26084111111111111111A59F1012011060400322000000000000000000FF9F370441111111";
        assert_eq!(Cards::new(text.as_bytes()).count(), 0);
    }
}
