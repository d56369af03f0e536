//! Date and time as a terminal prints them, and where a simulated terminal gets them from.
//!
//! UTC, proleptic Gregorian. Reads no clock: the caller says what time it is.

use std::time::Duration;

use super::chance::Chance;

/// A wall-clock time: whole seconds since 1970-01-01 00:00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime(u64);

impl WallTime {
    /// So many seconds after 1970 began.
    pub const fn from_unix(seconds: u64) -> Self {
        Self(seconds)
    }

    /// `YY/MM/DD`, as in `transaction_date`.
    pub fn date(self) -> String {
        let (year, month, day) = self.civil();
        format!("{:02}/{month:02}/{day:02}", year % 100)
    }

    /// `HH:MM:SS`, as in `transaction_time`.
    pub fn time(self) -> String {
        let second = self.0 % DAY;
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }

    /// `YYYY-MM-DD HH:MM:SS`, as in `error_info.time`.
    pub fn stamp(self) -> String {
        let (year, month, day) = self.civil();
        format!("{year:04}-{month:02}-{day:02} {}", self.time())
    }

    /// `YYMMDD` and `HHMMSS`, as `set_date_time` wants them.
    pub fn compact(self) -> (String, String) {
        (self.date().replace('/', ""), self.time().replace(':', ""))
    }

    fn civil(self) -> (u64, u64, u64) {
        // Howard Hinnant's `civil_from_days`: years that start in March put the leap day last.
        let days = self.0 / DAY + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        (year_of_era + era * 400 + u64::from(month <= 2), month, day)
    }
}

/// What time a scripted shop day has reached: moves on by a few minutes at every transaction.
#[derive(Clone, Debug)]
pub struct ShopDay {
    now: WallTime,
    chance: Chance,
}

impl ShopDay {
    /// The day all scripted recordings play on, a Monday morning: 2026-03-02 10:11:12.
    pub const OPENING: WallTime = WallTime(1_772_446_272);

    /// A day that starts at `opening` and goes as `seed` wills.
    pub const fn new(opening: WallTime, seed: u64) -> Self {
        Self { now: opening, chance: Chance::new(seed) }
    }

    /// The time of the next transaction.
    pub(crate) fn next_time(&mut self) -> WallTime {
        self.now = WallTime(self.now.0 + self.chance.around(Duration::from_secs(240)).as_secs());
        self.now
    }
}

const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, stamp) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_164_799, "2024-02-28 23:59:59"),
            (1_772_446_272, "2026-03-02 10:11:12"),
            (4_102_444_799, "2099-12-31 23:59:59"),
        ] {
            assert_eq!(WallTime::from_unix(seconds).stamp(), stamp);
        }
        assert_eq!(ShopDay::OPENING.compact(), ("260302".to_owned(), "101112".to_owned()));
        assert_eq!(ShopDay::OPENING.date(), "26/03/02");
    }
}
