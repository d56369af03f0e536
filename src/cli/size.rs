//! Sizes on the command line: `64`, `16KiB`, `8MiB`; and durations: `250ms`, `10s`, `off`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("expected a size such as `65536`, `64KiB` or `8MiB`, got `{text}`");
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            _ => return Err(wrong()),
        };
        let number: usize = digits.trim_end().parse().map_err(|_| wrong())?;
        number.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units.iter().find(|(shift, _)| self.0 > 0 && self.0.is_multiple_of(1 << shift)) {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A duration that may be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<Duration>);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self(None));
        }
        duration(text).map(|limit| Self(Some(limit))).map_err(|error| format!("{error}; `off` for none"))
    }
}

/// A duration above zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(format!("expected a duration such as `250ms`, `10s` or `2m`, got `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, size, shown) in
            [("0", 0, "0"), ("1500", 1500, "1500"), ("16KiB", 16384, "16KiB"), ("8m", 8 << 20, "8MiB")]
        {
            assert_eq!(text.parse(), Ok(Size(size)));
            assert_eq!(Size(size).to_string(), shown);
        }
        for text in ["", "KiB", "-1", "1.5MiB", "9 apples", "99999999999GiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_limit_may_be_off_but_not_zero() {
        assert_eq!("off".parse(), Ok(Limit(None)));
        assert_eq!("2m".parse(), Ok(Limit(Some(Duration::from_secs(120)))));
        assert!("0s".parse::<Limit>().is_err());
        assert!("soon".parse::<Limit>().is_err());
    }
}
