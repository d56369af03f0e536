//! Numbers compared by their exact decimal value: `1.50` is `1.5` and `15e-1`, and no float ever rounds.

use std::borrow::Cow;

/// Whether two JSON number tokens have the same value.
pub(crate) fn equal(a: &str, b: &str) -> bool {
    a == b || canonical(a) == canonical(b)
}

/// Sign, digits without zeros at either end, and the exponent of the last one.
type Canonical<'a> = (bool, Cow<'a, str>, i64);

/// The one form every spelling of a value shares. An exponent beyond 64 bits is as good as equal spelling.
fn canonical(token: &str) -> Canonical<'_> {
    let (negative, magnitude) = match token.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let (mantissa, exponent) = match magnitude.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (magnitude, Some(0)),
    };
    let Some(mut exponent) = exponent else { return (negative, Cow::Borrowed(magnitude), i64::MIN) };
    let mut digits = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            exponent = exponent.saturating_sub(fraction.len() as i64);
            Cow::Owned(format!("{whole}{fraction}"))
        }
        None => Cow::Borrowed(mantissa),
    };
    let kept = digits.trim_end_matches('0').len();
    exponent = exponent.saturating_add((digits.len() - kept) as i64);
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    digits = match digits {
        _ if zeros >= kept => return (false, Cow::Borrowed(""), 0),
        Cow::Borrowed(text) => Cow::Borrowed(&text[zeros..kept]),
        Cow::Owned(text) => Cow::Owned(text[zeros..kept].to_owned()),
    };
    (negative, digits, exponent)
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn values_count_and_spellings_do_not() {
        for (a, b) in [
            ("1", "1.0"),
            ("1.50", "15e-1"),
            ("0", "-0.000"),
            ("100", "1E2"),
            ("12e+0", "12"),
            ("0.1", "0.10000000000000000000000"),
            ("123456789012345678901234567890", "123456789012345678901234567890.0"),
        ] {
            assert!(equal(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("1", "10"),
            ("0.1", "0.10000000000000000000001"),
            ("9007199254740993", "9007199254740992"),
            ("1e99999999999999999999", "2e99999999999999999999"),
        ] {
            assert!(!equal(a, b), "{a} {b}");
        }
    }
}
