//! How long our own steps take: gaps of the cassette kept, shortened or left out, but for time-outs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How fast a cassette is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Every gap as recorded.
    Recorded,
    /// So many times faster.
    Scaled(f64),
    /// No gaps at all.
    Instant,
}

/// A pause of the cassette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Its length as recorded.
    pub(crate) length: Duration,
    /// Whether a window of the pack ran out in it while somebody owed an answer.
    pub(crate) time_out: bool,
}

impl Pace {
    /// The fastest and the slowest factor.
    const FACTORS: std::ops::RangeInclusive<f64> = 0.01..=1_000_000.0;

    /// How long a gap takes at this pace. A time-out always takes its time: it is what is tested.
    pub(crate) fn length(self, gap: Gap) -> Duration {
        match self {
            _ if gap.time_out => gap.length,
            Self::Recorded => gap.length,
            Self::Scaled(factor) => gap.length.div_f64(factor),
            Self::Instant => Duration::ZERO,
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded => f.write_str("recorded"),
            Self::Scaled(factor) => write!(f, "{factor}x"),
            Self::Instant => f.write_str("instant"),
        }
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "recorded" => Ok(Self::Recorded),
            "instant" => Ok(Self::Instant),
            factor => match factor.strip_suffix('x').unwrap_or(factor).parse::<f64>() {
                Ok(factor) if Self::FACTORS.contains(&factor) => Ok(Self::Scaled(factor)),
                Ok(_) | Err(_) => Err(PaceError),
            },
        }
    }
}

/// The text names no pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `recorded`, `instant`, or a factor from 0.01x to 1000000x such as `40x`")]
pub struct PaceError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_outs_keep_their_length_at_every_pace() {
        let gap = |time_out| Gap { length: Duration::from_secs(8), time_out };
        assert_eq!(Pace::Recorded.length(gap(false)), Duration::from_secs(8));
        assert_eq!(Pace::Scaled(4.0).length(gap(false)), Duration::from_secs(2));
        assert_eq!(Pace::Instant.length(gap(false)), Duration::ZERO);
        for pace in [Pace::Recorded, Pace::Scaled(4.0), Pace::Instant] {
            assert_eq!(pace.length(gap(true)), Duration::from_secs(8));
        }
    }

    #[test]
    fn a_pace_is_a_word_or_a_factor_and_reads_as_it_prints() {
        for text in ["recorded", "instant", "40x", "2.5x"] {
            assert_eq!(text.parse::<Pace>().unwrap().to_string(), text);
        }
        assert_eq!("8".parse(), Ok(Pace::Scaled(8.0)));
        for wrong in ["", "fast", "0", "-1x", "nan"] {
            assert_eq!(wrong.parse::<Pace>(), Err(PaceError), "{wrong}");
        }
    }
}
