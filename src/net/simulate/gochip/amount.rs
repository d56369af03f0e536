//! Money as goChip writes it: decimal major units, `"12.50"` as text or `12.5` as number.
//!
//! Inside it is whole minor units; no float is ever made of it.

use std::fmt;

/// An amount, kept in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Major(pub u64);

impl Major {
    /// Reads `12`, `12.5` or `12.50`; nothing else is an amount.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !fraction.is_none_or(digits) {
            return None;
        }
        let cents = match fraction.unwrap_or("0") {
            one if one.len() == 1 => one.parse::<u64>().ok()? * 10,
            two if two.len() == 2 => two.parse().ok()?,
            _ => return None,
        };
        whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(cents).map(Self)
    }

    /// As a JSON number: `12.5`, `8`.
    pub fn number(self) -> String {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => whole.to_string(),
            (whole, cents) if cents.is_multiple_of(10) => format!("{whole}.{}", cents / 10),
            (whole, cents) => format!("{whole}.{cents:02}"),
        }
    }

    /// As a POS writes it that puts "dollars.cents" together without padding: 5.05 becomes `5.5`.
    pub fn zero_stripped(self) -> String {
        format!("{}.{}", self.0 / 100, self.0 % 100)
    }
}

impl fmt::Display for Major {
    /// As text: `12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::Major;

    #[test]
    fn text_and_number_are_read_back_and_nothing_else_is_an_amount() {
        for cents in [0, 5, 50, 505, 550, 800, 1234, 9_999_999] {
            assert_eq!(Major::parse(&Major(cents).to_string()), Some(Major(cents)));
            assert_eq!(Major::parse(&Major(cents).number()), Some(Major(cents)));
        }
        for wrong in ["", ".", "5.", ".5", "-1", "+1", "1.234", "1e2", "1,50", "99999999999999999999"] {
            assert_eq!(Major::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_stripped_zero_makes_another_amount() {
        assert_eq!(Major(505).zero_stripped(), "5.5");
        assert_eq!(Major::parse("5.5"), Some(Major(550)));
        assert_eq!((Major(550).number(), Major(505).number()), ("5.5".into(), "5.05".into()));
    }
}
