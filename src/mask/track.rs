//! Recognises magnetic-stripe data around a card number: ISO/IEC 7813, tracks 1 and 2.
//!
//! A card number followed by a separator and an expiry date is a track, whatever stands around it;
//! EMV's track 2 equivalent data, with `D` as separator, is one too.

use std::ops::Range;

/// The track data that the card number `card` belongs to, from the number to the end of the data.
pub(crate) fn around(bytes: &[u8], card: &Range<usize>) -> Option<Range<usize>> {
    let rest = &bytes[card.end..];
    let length = match rest.first()? {
        b'^' => track_one(rest)?,
        b'=' => track_two(rest, DATE)?,
        b'D' | b'd' => track_two(rest, DATE + SERVICE_CODE)?,
        _ => return None,
    };
    Some(card.start..card.end + length)
}

const DATE: usize = 4;
const SERVICE_CODE: usize = 3;

/// `^NAME^YYMM…`: how many bytes.
fn track_one(rest: &[u8]) -> Option<usize> {
    const LONGEST_NAME: usize = 60;
    const LONGEST_END: usize = 80;
    let name = rest[1..].iter().take(LONGEST_NAME).position(|&byte| byte == b'^')?;
    let start = 1 + name + 1;
    let data = &rest[start..];
    if !is_date(data) {
        return None;
    }
    let closed = data
        .iter()
        .take(LONGEST_END)
        .take_while(|&&byte| byte >= b' ' && byte != b'"' && byte != b'\\')
        .position(|&byte| byte == b'?');
    let open = || data.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    Some(start + closed.unwrap_or_else(open))
}

/// `=YYMM…` or `DYYMM…`: how many bytes.
fn track_two(rest: &[u8], fewest: usize) -> Option<usize> {
    let data = &rest[1..];
    let digits = data.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits >= fewest && is_date(data)).then_some(1 + digits)
}

/// `YYMM`.
fn is_date(data: &[u8]) -> bool {
    matches!(
        data,
        [b'0'..=b'9', b'0'..=b'9', b'0', b'1'..=b'9', ..] | [b'0'..=b'9', b'0'..=b'9', b'1', b'0'..=b'2', ..]
    )
}

#[cfg(test)]
mod tests {
    use super::around;
    use crate::mask::card::Cards;

    #[test]
    fn tracks_are_recognised_with_all_they_hold() {
        for (text, track) in [
            ("%B4111111111111111^DOE/JOHN^25121010000000000?", "4111111111111111^DOE/JOHN^25121010000000000"),
            (";4111111111111111=25121010000012345678?", "4111111111111111=25121010000012345678"),
            ("4111111111111111D25122010000012345678F", "4111111111111111D25122010000012345678"),
            ("B378282246310005^A/B^2512101", "378282246310005^A/B^2512101"),
        ] {
            let card = Cards::new(text.as_bytes()).next().expect("a card number");
            assert_eq!(around(text.as_bytes(), &card.range).map(|range| &text[range]), Some(track));
        }
    }

    #[test]
    fn a_card_number_alone_is_no_track() {
        for text in ["4111111111111111", "4111111111111111=9999", "4111111111111111^x"] {
            let card = Cards::new(text.as_bytes()).next().expect("a card number");
            assert_eq!(around(text.as_bytes(), &card.range), None);
        }
    }
}
