//! Distances in time as people write them: `2ms`, `9.1s`, `250us`, `1.5m`.

use std::time::Duration;

/// The exact spelling: the largest unit that keeps it short, no digit lost below a microsecond.
pub(super) fn exact(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros == 0 {
        "0ms".into()
    } else if micros < 1_000 {
        format!("{micros}us")
    } else if micros < 1_000_000 {
        decimal(micros, 1_000, 3, "ms")
    } else {
        decimal(micros, 1_000_000, 6, "s")
    }
}

/// The spelling for people: whole milliseconds, from one second on tenths of a second.
pub(super) fn rounded(duration: Duration) -> String {
    let millis = (duration.as_micros() + 500) / 1_000;
    if millis < 1_000 { format!("{millis}ms") } else { decimal((millis + 50) / 100, 10, 1, "s") }
}

/// Reads `2ms`, `9.1s`, …; `None` where it is no distance, or finer than a microsecond.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (micros, places) = match unit {
        "us" => (1, 0),
        "ms" => (1_000, 3),
        "s" => (1_000_000, 6),
        "m" => (60_000_000, 6),
        "h" => (3_600_000_000, 6),
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > places.max(1) {
        return None;
    }
    let scale = 10_u64.pow(fraction.len().try_into().ok()?);
    let fraction = fraction.parse::<u64>().ok()?.checked_mul(micros)?;
    if fraction % scale != 0 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(micros)?;
    Some(Duration::from_micros(whole.checked_add(fraction / scale)?))
}

fn decimal(value: u128, scale: u128, places: usize, unit: &str) -> String {
    let text = format!("{}.{:0places$}", value / scale, value % scale);
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (micros, exactly, for_people) in [
            (0, "0ms", "0ms"),
            (203, "203us", "0ms"),
            (1_203, "1.203ms", "1ms"),
            (2_000, "2ms", "2ms"),
            (999_700, "999.7ms", "1s"),
            (9_117_233, "9.117233s", "9.1s"),
            (60_000_000, "60s", "60s"),
        ] {
            let duration = Duration::from_micros(micros);
            assert_eq!(exact(duration), exactly);
            assert_eq!(rounded(duration), for_people);
            assert_eq!(parse(exactly), Some(duration));
        }
        assert_eq!(parse("1.5m"), Some(Duration::from_secs(90)));
        for wrong in ["", "5", "ms", "1.ms", "1.2345ms", "-1s", "1d", "99999999999999999999s", "0.1us"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
