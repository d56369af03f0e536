//! Decimal numbers, exact: amounts of money are compared and added here, and never become floats.

/// A decimal number in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

/// Places behind the point that are kept; more are no number to us.
const PLACES: usize = 6;

/// So many digits, in millionths, fit into 64 bits.
const SHORT: usize = 12;

/// What a number of so many places behind the point is multiplied by.
const SCALES: [u64; PLACES + 1] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// Digits before the point: as many as add up safely.
const MOST_DIGITS: usize = 24;

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The number `text` spells with digits, one sign and one point at most: `5.05`, `-12`.
    ///
    /// `None` for anything else, such as an exponent, or a seventh digit behind the point.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        // Most are a few digits.
        if let 1..=SHORT = bytes.len() {
            let mut value = 0_u64;
            let mut digits = true;
            for &byte in bytes {
                let digit = byte.wrapping_sub(b'0');
                digits &= digit < 10;
                value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            }
            if digits {
                return Some(Self(i128::from(value * SCALES[0])));
            }
        }
        let (negative, digits) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, bytes),
        };
        // Most values that are asked are no numbers, and long.
        if digits.len() > MOST_DIGITS + 1 + PLACES || !digits.first().is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let point = digits.iter().position(|&byte| byte == b'.').unwrap_or(digits.len());
        let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or(b"0"));
        if whole.len() > MOST_DIGITS || !(1..=PLACES).contains(&fraction.len()) {
            return None;
        }
        let value =
            number(whole)? * i128::from(SCALES[0]) + number(fraction)? * i128::from(SCALES[fraction.len()]);
        Some(Self(if negative { -value } else { value }))
    }

    /// The sum; stands still where it would leave the range, far beyond any money.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// The number that digits and nothing else spell.
fn number(digits: &[u8]) -> Option<i128> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
    digits.iter().try_fold(0, |sum: i128, &byte| Some(sum * 10 + i128::from(digit(byte)?)))
}

impl std::iter::Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::ZERO, Self::plus)
    }
}

impl std::fmt::Display for Decimal {
    /// As people write it: `2650`, `15.5`, `-0.05`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const ONE: u128 = 10_u128.pow(PLACES as u32);
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.unsigned_abs() / ONE, self.0.unsigned_abs() % ONE);
        let fraction = format!("{fraction:0PLACES$}");
        match fraction.trim_end_matches('0') {
            "" => f.pad(&format!("{sign}{whole}")),
            fraction => f.pad(&format!("{sign}{whole}.{fraction}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn decimals_are_exact_however_spelled() {
        assert_eq!(Decimal::parse("5.05"), Decimal::parse("5.050"));
        assert_ne!(Decimal::parse("5.05"), Decimal::parse("5.5"));
        assert!(Decimal::parse("-0.5") < Decimal::parse("0"));
        for text in ["", ".5", "5.", "1e3", "1.0000001", "1,5", "+1", "--1", &"9".repeat(25)] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn decimals_add_up_and_print_as_people_write_them() {
        let [a, b] = ["10", "5.5"].map(|text| Decimal::parse(text).unwrap());
        assert_eq!(a.plus(b).to_string(), "15.5");
        assert_eq!(b.minus(a).to_string(), "-4.5");
        assert_eq!(a.minus(a), Decimal::ZERO);
        assert_eq!(Decimal::parse("-0.05").unwrap().to_string(), "-0.05");
    }
}
