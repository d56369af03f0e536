//! The formats that are checked; every other `format` is an annotation, as JSON Schema 2020-12 has it.

/// A format of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `2026-03-02`
    Date,
    /// `10:15:44Z`, `10:15:44.5+01:00`
    Time,
    /// `2026-03-02T10:15:44Z` (RFC 3339)
    DateTime,
    /// `123e4567-e89b-12d3-a456-426614174000`
    Uuid,
}

impl Format {
    /// Every format that is checked, and its word.
    pub(super) const WORDS: [(&str, Self); 4] =
        [("date", Self::Date), ("time", Self::Time), ("date-time", Self::DateTime), ("uuid", Self::Uuid)];

    /// What it asks for, for people.
    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::Date => "a date such as `2026-03-02`",
            Self::Time => "a time with its offset, such as `10:15:44Z`",
            Self::DateTime => "a date and time with its offset, such as `2026-03-02T10:15:44Z`",
            Self::Uuid => "a UUID such as `123e4567-e89b-12d3-a456-426614174000`",
        }
    }

    /// Whether `text` is of it.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::Time => is_time(text),
            Self::DateTime => {
                let mut parts = text.splitn(2, ['T', 't']);
                parts.next().is_some_and(is_date) && parts.next().is_some_and(is_time)
            }
            Self::Uuid => {
                let bytes = text.as_bytes();
                let hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
                bytes.len() == 36
                    && bytes.iter().enumerate().all(|(at, byte)| match hyphen(at) {
                        true => *byte == b'-',
                        false => byte.is_ascii_hexdigit(),
                    })
            }
        }
    }
}

fn number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().all(u8::is_ascii_digit) && !text.is_empty();
    digits.then(|| text.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) =
        (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..]))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 9 || bytes[2] != b':' || bytes[5] != b':' {
        return false;
    }
    let (Some(hour), Some(minute), Some(second)) =
        (number(&bytes[..2]), number(&bytes[3..5]), number(&bytes[6..8]))
    else {
        return false;
    };
    let mut rest = &bytes[8..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    let offset = match rest {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2]), number(&[*m1, *m2]));
            let (Some(hours @ 0..24), Some(minutes @ 0..60)) = (hours, minutes) else { return false };
            let minutes = (hours * 60 + minutes) as i32;
            Some(if *sign == b'+' { minutes } else { -minutes })
        }
        _ => None,
    };
    let Some(offset) = offset else { return false };
    // A leap second is one only at the end of a day in UTC.
    let utc = (hour as i32 * 60 + minute as i32 - offset).rem_euclid(24 * 60);
    hour < 24 && minute < 60 && (second < 60 || second == 60 && utc == 24 * 60 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_take_what_their_standards_take() {
        for (format, good, bad) in [
            (
                Format::Date,
                &["2026-03-02", "2024-02-29", "2000-02-29"][..],
                &[
                    "2026-02-29",
                    "1900-02-29",
                    "2026-3-2",
                    "26-03-02",
                    "2026-13-01",
                    "2026-00-01",
                    "2026-01-00",
                ][..],
            ),
            (
                Format::Time,
                &["10:15:44Z", "10:15:44.123+01:00", "23:59:60Z", "00:59:60+01:00", "10:15:44z"],
                &[
                    "10:15:44",
                    "24:00:00Z",
                    "10:60:00Z",
                    "10:15:44.Z",
                    "10:15:60Z",
                    "10:15:44+1:00",
                    "10:15:44+24:00",
                ],
            ),
            (
                Format::DateTime,
                &["2026-03-02T10:15:44.120Z", "2026-03-02t10:15:44-05:00"],
                &["2026-03-02 10:15:44Z", "2026-03-02T10:15:44+0000", "2026-03-02", "T10:15:44Z"],
            ),
            (
                Format::Uuid,
                &["123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"],
                &["123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g", ""],
            ),
        ] {
            assert!(good.iter().all(|text| format.fits(text)), "{format:?}");
            assert_eq!(bad.iter().find(|text| format.fits(text)), None, "{format:?}");
        }
    }
}
