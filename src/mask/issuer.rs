//! What makes digits a card number: an issuer's range, a length issued under it, and the checksum.
//!
//! Ranges follow ISO/IEC 7812-1 and what the schemes publish about their issuer identification numbers.
//! They are as wide as cards in use need, and as narrow as timestamps, article numbers and host
//! references ask for.

/// The fewest digits a card number has.
pub(crate) const MIN_DIGITS: usize = 12;
/// The most digits a card number has.
pub(crate) const MAX_DIGITS: usize = 19;

/// How sure a hit is, apart from the checksum, which one in ten random numbers passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// A range and length a scheme reserves, but rarely issues; identifiers fall into it by chance.
    Possible,
    /// A range and length cards of a scheme commonly have.
    Likely,
}

/// Whether `digits` (ASCII) are a card number: length, issuer range and checksum.
pub(crate) fn certainty(digits: &[u8]) -> Option<Certainty> {
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) {
        return None;
    }
    let prefix = digits[..6].iter().fold(0_u32, |prefix, digit| prefix * 10 + u32::from(digit - b'0'));
    let length = 1_u32 << digits.len();
    let range = issued_under(digits[0])
        .iter()
        .find(|range| range.from <= prefix && prefix <= range.to && range.lengths & length != 0)?;
    luhn(digits).then_some(range.certainty)
}

/// Whether `digits` (ASCII) pass the checksum of ISO/IEC 7812-1, annex B.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') << (place & 1);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Issuer identification numbers, as their first six digits, with the lengths issued under them.
struct Issuers {
    from: u32,
    to: u32,
    /// Bit n: n digits.
    lengths: u32,
    certainty: Certainty,
}

const fn issuers(from: u32, to: u32, lengths: u32, certainty: Certainty) -> Issuers {
    Issuers { from, to, lengths, certainty }
}

const fn lengths(from: u32, to: u32) -> u32 {
    (2 << to) - (1 << from)
}

const SIXTEEN: u32 = lengths(16, 16);
const LONG: u32 = lengths(16, 19);
const ANY: u32 = lengths(12, 19);

/// The ranges that start with a digit, the major industry identifier; the first that fits counts.
fn issued_under(first: u8) -> &'static [Issuers] {
    use Certainty::{Likely, Possible};
    match first {
        b'1' => {
            const {
                &[
                    // JCB, old.
                    issuers(180_000, 180_099, lengths(15, 15), Possible),
                ]
            }
        }
        b'2' => {
            const {
                &[
                    // Mastercard, Mir, and old JCB.
                    issuers(222_100, 272_099, SIXTEEN, Likely),
                    issuers(220_000, 220_499, LONG, Possible),
                    issuers(213_100, 213_199, lengths(15, 15), Possible),
                ]
            }
        }
        b'3' => {
            const {
                &[
                    // American Express.
                    issuers(340_000, 349_999, lengths(15, 15), Likely),
                    issuers(370_000, 379_999, lengths(15, 15), Likely),
                    // Diners Club, which may also have more than 14 digits.
                    issuers(300_000, 305_999, lengths(14, 14), Likely),
                    issuers(309_500, 309_599, lengths(14, 14), Likely),
                    issuers(360_000, 369_999, lengths(14, 14), Likely),
                    issuers(380_000, 399_999, lengths(14, 14), Likely),
                    issuers(300_000, 305_999, LONG, Possible),
                    issuers(309_500, 309_599, LONG, Possible),
                    issuers(360_000, 369_999, lengths(15, 19), Possible),
                    issuers(380_000, 399_999, LONG, Possible),
                    // JCB.
                    issuers(352_800, 358_999, SIXTEEN, Likely),
                    issuers(352_800, 358_999, lengths(17, 19), Possible),
                ]
            }
        }
        b'4' => {
            const {
                &[
                    // Visa; 13 digits are old, 18 were Switch, 19 are rare.
                    issuers(400_000, 499_999, SIXTEEN, Likely),
                    issuers(400_000, 499_999, lengths(13, 13) | lengths(18, 19), Possible),
                ]
            }
        }
        b'5' => {
            const {
                &[
                    // Mastercard.
                    issuers(510_000, 559_999, SIXTEEN, Likely),
                    // Maestro where it was issued in every length, and the rest of its range; see below.
                    issuers(501_800, 501_899, ANY, Likely),
                    issuers(502_000, 502_099, ANY, Likely),
                    issuers(503_300, 503_399, ANY, Likely),
                    issuers(503_800, 503_899, ANY, Likely),
                    issuers(560_000, 589_999, ANY, Likely),
                    issuers(500_000, 500_099, lengths(12, 12), Possible),
                    issuers(500_000, 509_999, lengths(14, 19), Possible),
                ]
            }
        }
        b'6' => {
            const {
                &[
                    // Discover.
                    issuers(601_100, 601_199, LONG, Likely),
                    issuers(644_000, 659_999, LONG, Likely),
                    // UnionPay.
                    issuers(620_000, 629_999, LONG, Likely),
                    // Maestro, Switch, Solo and Laser where they were issued in every length …
                    issuers(630_400, 630_499, ANY, Likely),
                    issuers(633_300, 633_499, ANY, Likely),
                    issuers(639_000, 639_099, ANY, Likely),
                    issuers(670_000, 679_999, ANY, Likely),
                    // … and the rest of the range, shared with domestic schemes. At 12 digits only what no
                    // retrieval reference number starts with: the last digit of a year and the day in it, 001
                    // to 366. At 13 digits not at all: article numbers of whole countries look like that.
                    issuers(636_700, 643_999, lengths(12, 12), Possible),
                    issuers(660_000, 699_999, lengths(12, 12), Possible),
                    issuers(600_000, 699_999, lengths(14, 19), Possible),
                ]
            }
        }
        b'8' => {
            const {
                &[
                    // UnionPay and RuPay, second ranges.
                    issuers(810_000, 829_999, LONG, Possible),
                ]
            }
        }
        b'9' => {
            const {
                &[
                    // Troy.
                    issuers(979_200, 979_299, SIXTEEN, Possible),
                ]
            }
        }
        _ => &[],
    }
}

/// Whether an issuer range starts with the digits at `start`: most identifiers and times fail here.
#[inline]
pub(crate) fn may_lead(bytes: &[u8], start: usize) -> bool {
    /// For each first digit, the second digits that may follow, as bits.
    const SECOND: [u16; 10] = [
        0,
        1 << 8,
        0b00_1111_1110,
        0b11_1111_0001,
        0b11_1111_1111,
        0b01_1111_1111,
        0b11_1111_1111,
        0,
        0b00_0000_0110,
        1 << 7,
    ];
    let seconds = SECOND[usize::from(bytes[start] - b'0')];
    match bytes.get(start + 1) {
        Some(second @ b'0'..=b'9') => seconds >> (second - b'0') & 1 == 1,
        _ => seconds != 0,
    }
}
