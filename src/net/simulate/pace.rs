//! How fast the simulated world runs: every wait says what it is, the pace says how long that takes.
//!
//! People and hosts are slow and can be compressed; a protocol timer is what is under test and never
//! is. Nothing here sleeps.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How many times faster than life people and hosts act.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many times faster than life; 1 is real time.
    Times(f64),
    /// People and hosts take no time at all.
    Instant,
}

impl Pace {
    /// Real time.
    pub const REAL: Self = Self::Times(1.0);
    /// Forty times faster than life: a sale takes a fifth of a second.
    pub const FAST: Self = Self::Times(40.0);

    /// How long a wait takes at this pace.
    pub fn length(self, wait: Wait) -> Duration {
        match (self, wait) {
            (_, Wait::Timer(real)) | (Self::Times(_), Wait::Device(real)) => real,
            (Self::Times(factor), Wait::World(real)) => real.div_f64(factor),
            (Self::Instant, Wait::World(_) | Wait::Device(_)) => Duration::ZERO,
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(1.0) => f.write_str("real"),
            Self::Times(factor) => write!(f, "{factor}x"),
            Self::Instant => f.write_str("instant"),
        }
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "real" => Ok(Self::REAL),
            "fast" => Ok(Self::FAST),
            "instant" => Ok(Self::Instant),
            factor => match factor.strip_suffix('x').unwrap_or(factor).parse::<f64>() {
                Ok(factor) if (MIN_FACTOR..=MAX_FACTOR).contains(&factor) => Ok(Self::Times(factor)),
                Ok(_) | Err(_) => Err(PaceError),
            },
        }
    }
}

/// The text names no pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `real`, `fast` (40x), `instant` or a factor from 0.01x to 10000x such as `5x`")]
pub struct PaceError;

/// A wait and what it is spent on; the durations are those of real life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// People and hosts: the cardholder, the cashier, the authorisation. Divided by the pace.
    World(Duration),
    /// A device computing, a few milliseconds: kept, but for the pace `instant`.
    Device(Duration),
    /// A time-out of the protocol: kept at every pace.
    Timer(Duration),
}

impl Wait {
    /// No wait.
    pub const NONE: Self = Self::Device(Duration::ZERO);

    /// So long in real life.
    pub const fn in_life(self) -> Duration {
        match self {
            Self::World(real) | Self::Device(real) | Self::Timer(real) => real,
        }
    }
}

const MIN_FACTOR: f64 = 0.01;
const MAX_FACTOR: f64 = 10_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_people_and_hosts_are_compressed() {
        let second = Duration::from_secs(1);
        assert_eq!(Pace::Times(4.0).length(Wait::World(second)), Duration::from_millis(250));
        assert_eq!(Pace::Times(4.0).length(Wait::Device(second)), second);
        assert_eq!(Pace::Instant.length(Wait::World(second)), Duration::ZERO);
        assert_eq!(Pace::Instant.length(Wait::Device(second)), Duration::ZERO);
        assert_eq!(Pace::Instant.length(Wait::Timer(second)), second);
    }

    #[test]
    fn a_pace_is_a_word_or_a_factor() {
        assert_eq!("real".parse(), Ok(Pace::REAL));
        assert_eq!("fast".parse(), Ok(Pace::FAST));
        assert_eq!("instant".parse(), Ok(Pace::Instant));
        assert_eq!("2.5x".parse(), Ok(Pace::Times(2.5)));
        assert_eq!("8".parse(), Ok(Pace::Times(8.0)));
        for wrong in ["", "x", "0", "-1", "nan", "inf", "quick", "1e9"] {
            assert_eq!(wrong.parse::<Pace>(), Err(PaceError), "{wrong}");
        }
    }
}
