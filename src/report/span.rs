//! Time spans for people: three digits at most, the unit that fits, the same everywhere.

use std::time::Duration;

/// A time span as people say it: `850 µs`, `2.4 ms`, `120 ms`, `9.1 s`, `27 s`, `2 min 5 s`, `3 h 20 min`.
///
/// Rounded to what is shown, so never finer than one part in a hundred of it.
pub fn human(span: Duration) -> String {
    let micros = span.as_micros();
    match micros {
        0 => "0 ms".into(),
        1..1_000 => format!("{micros} µs"),
        1_000..999_500 => in_unit(micros, 1_000, "ms"),
        999_500..59_500_000 => in_unit(micros, 1_000_000, "s"),
        59_500_000..3_599_500_000 => {
            let seconds = (micros + 500_000) / 1_000_000;
            in_two(seconds / 60, "min", seconds % 60, "s")
        }
        _ => {
            let minutes = (micros + 30_000_000) / 60_000_000;
            in_two(minutes / 60, "h", minutes % 60, "min")
        }
    }
}

fn in_unit(micros: u128, unit: u128, name: &str) -> String {
    let tenths = (micros * 10 + unit / 2) / unit;
    match (tenths < 100, tenths % 10) {
        (true, 1..) => format!("{}.{} {name}", tenths / 10, tenths % 10),
        (true, _) => format!("{} {name}", tenths / 10),
        (false, _) => format!("{} {name}", (micros + unit / 2) / unit),
    }
}

fn in_two(large: u128, large_name: &str, small: u128, small_name: &str) -> String {
    match small {
        0 => format!("{large} {large_name}"),
        _ => format!("{large} {large_name} {small} {small_name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        let cases = [
            (0, "0 ms"),
            (850, "850 µs"),
            (1_000, "1 ms"),
            (2_440, "2.4 ms"),
            (9_960, "10 ms"),
            (119_700, "120 ms"),
            (999_499, "999 ms"),
            (999_500, "1 s"),
            (1_000_000, "1 s"),
            (9_120_044, "9.1 s"),
            (27_000_000, "27 s"),
            (59_499_999, "59 s"),
            (59_500_000, "1 min"),
            (125_000_000, "2 min 5 s"),
            (3_599_499_999, "59 min 59 s"),
            (3_599_500_000, "1 h"),
            (12_000_000_000, "3 h 20 min"),
        ];
        for (micros, expected) in cases {
            assert_eq!(human(Duration::from_micros(micros)), expected, "{micros} µs");
        }
    }
}
