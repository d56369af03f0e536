//! Numbers as JSON spells them, compared and divided exactly: no floats, no size limit, no copies.

use std::cmp::Ordering;

/// A number of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    spelling: Box<str>,
}

/// The parts of a number's spelling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal<'a> {
    negative: bool,
    /// Digits before and behind the point, together without zeros at either end.
    whole: &'a [u8],
    fraction: &'a [u8],
    /// The power of ten of the first digit; 0.1 ≤ digits as a fraction < 1.
    magnitude: i64,
}

impl Number {
    /// A number as spelled in a schema.
    pub(super) fn new(spelling: &str) -> Self {
        Self { spelling: spelling.into() }
    }

    pub(super) fn decimal(&self) -> Decimal<'_> {
        Decimal::new(&self.spelling)
    }

    pub(super) fn spelling(&self) -> &str {
        &self.spelling
    }
}

impl<'a> Decimal<'a> {
    /// The number of a valid JSON number token.
    pub(super) fn new(token: &'a str) -> Self {
        let bytes = token.as_bytes();
        let negative = bytes.first() == Some(&b'-');
        let bytes = &bytes[usize::from(negative)..];
        let (digits, exponent) = match bytes.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (&bytes[..at], exponent(&bytes[at + 1..])),
            None => (bytes, 0),
        };
        let (mut whole, mut fraction) = match digits.iter().position(|&byte| byte == b'.') {
            Some(at) => (&digits[..at], &digits[at + 1..]),
            None => (digits, &digits[..0]),
        };
        let mut magnitude = exponent.saturating_add(whole.len() as i64);
        while let [b'0', rest @ ..] = whole {
            whole = rest;
            magnitude = magnitude.saturating_sub(1);
        }
        if whole.is_empty() {
            while let [b'0', rest @ ..] = fraction {
                fraction = rest;
                magnitude = magnitude.saturating_sub(1);
            }
        }
        while let [rest @ .., b'0'] = fraction {
            fraction = rest;
        }
        if fraction.is_empty() {
            while let [rest @ .., b'0'] = whole {
                whole = rest;
            }
        }
        let zero = whole.is_empty() && fraction.is_empty();
        Self { negative: negative && !zero, whole, fraction, magnitude: if zero { 0 } else { magnitude } }
    }

    fn is_zero(self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn count(self) -> usize {
        self.whole.len() + self.fraction.len()
    }

    fn digits(self) -> impl Iterator<Item = u8> + 'a {
        self.whole.iter().chain(self.fraction).map(|byte| byte - b'0')
    }

    /// Whether it has no fraction; `1.0` and `12e-1` do and do not.
    pub(super) fn is_whole(self) -> bool {
        self.is_zero() || self.magnitude >= self.count() as i64
    }

    /// How it compares to another.
    pub(super) fn compare(self, other: Self) -> Ordering {
        let sign = |number: Self| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_sign = sign(self).cmp(&sign(other));
        if by_sign != Ordering::Equal || self.is_zero() {
            return by_sign;
        }
        let by_size = self.magnitude.cmp(&other.magnitude).then_with(|| self.digits().cmp(other.digits()));
        if self.negative { by_size.reverse() } else { by_size }
    }

    /// Whether it is a whole multiple of `divisor`, which is more than zero and has at most 18 digits.
    pub(super) fn is_multiple_of(self, divisor: Self) -> bool {
        if self.is_zero() {
            return true;
        }
        let modulus = divisor.digits().fold(0_u128, |sum, digit| sum * 10 + u128::from(digit));
        // The value is digits x 10^lowest, so is the divisor; neither's digits end in zero.
        let lowest = |number: Self| number.magnitude.saturating_sub(number.count() as i64);
        let Ok(shift) = u64::try_from(lowest(self).saturating_sub(lowest(divisor))) else { return false };
        let digits = self.digits().fold(0, |sum, digit| (sum * 10 + u128::from(digit)) % modulus.max(1));
        (digits * power_of_ten(shift, modulus)).is_multiple_of(modulus.max(1))
    }

    /// A number that is the same for the same value, and seldom for another.
    pub(super) fn hash(self) -> u64 {
        let start = self.magnitude as u64 ^ u64::from(self.negative) << 63;
        self.digits().fold(start, |hash, digit| {
            (hash ^ u64::from(digit)).wrapping_mul(0x0100_0000_01b3).rotate_left(5)
        })
    }
}

/// 10^exponent modulo `modulus`.
fn power_of_ten(mut exponent: u64, modulus: u128) -> u128 {
    let modulus = modulus.max(1);
    let (mut power, mut base) = (1 % modulus, 10 % modulus);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    power
}

fn exponent(bytes: &[u8]) -> i64 {
    let negative = bytes.first() == Some(&b'-');
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit());
    // Far beyond what any text can be long, so that sums with lengths stay exact.
    let size = digits.fold(0_i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(1 << 56));
    if negative { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_not_by_spelling() {
        let ascending = [
            "-1e400", "-10", "-9.99", "-0.5", "0", "1e-400", "0.1", "0.5", "1", "9.99", "10.01", "2e3",
            "1e400",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(Decimal::new(a).compare(Decimal::new(b)), i.cmp(&j), "{a} {b}");
            }
        }
        for (a, b) in
            [("0", "-0.00e7"), ("1", "1.000"), ("100", "1e2"), ("0.05", "5E-2"), ("12.50", "1250e-2")]
        {
            assert_eq!(Decimal::new(a).compare(Decimal::new(b)), Ordering::Equal, "{a} {b}");
            assert_eq!(Decimal::new(a).hash(), Decimal::new(b).hash());
        }
    }

    #[test]
    fn whole_numbers_and_multiples_are_exact() {
        for (number, whole) in [
            ("1.0", true),
            ("12e-1", false),
            ("120e-1", true),
            ("0.0", true),
            ("1e-400", false),
            ("1e400", true),
        ] {
            assert_eq!(Decimal::new(number).is_whole(), whole, "{number}");
        }
        for (number, divisor, yes) in [
            ("0.3", "0.1", true),
            ("19.99", "0.01", true),
            ("19.999", "0.01", false),
            ("1e400", "3", false),
            ("3e400", "3", true),
            ("4.50", "1.5", true),
            ("-6", "4", false),
            ("0", "7", true),
            ("10", "20", false),
            ("9007199254740993", "2", false),
            ("1e9999999999999999999999", "0.5", true),
        ] {
            assert_eq!(Decimal::new(number).is_multiple_of(Decimal::new(divisor)), yes, "{number} {divisor}");
        }
    }
}
