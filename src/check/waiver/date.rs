//! A day of the calendar, without a clock: how long a waiver holds is counted in days.

use std::fmt;
use std::str::FromStr;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 1970-01-01.
    days: i64,
}

/// The text is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as `2026-03-02`, got `{text}`")]
pub struct DateError {
    text: String,
}

impl Date {
    /// The day that many days after 1970-01-01.
    pub const fn from_days(days: i64) -> Self {
        Self { days }
    }

    /// That day of that month; `None` where there is none.
    pub fn of(year: u16, month: u8, day: u8) -> Option<Self> {
        let date = Self { days: days_before(i64::from(year), i64::from(month), i64::from(day)) };
        // A day that does not exist comes back as another one.
        (date.parts() == (i64::from(year), i64::from(month), i64::from(day))).then_some(date)
    }

    /// The day so many days later.
    #[must_use]
    pub const fn after(self, days: i64) -> Self {
        Self { days: self.days + days }
    }

    /// Days from this day to `later`; negative where that is earlier.
    pub const fn days_to(self, later: Self) -> i64 {
        later.days - self.days
    }

    /// Year, month, day.
    fn parts(self) -> (i64, i64, i64) {
        // Years that start in March have the leap day at their end, and repeat every 400 years.
        let shifted = self.days + 719_468;
        let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (in_month, month) =
            (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
        (year + 400 * era + i64::from(month <= 2), month, in_month)
    }
}

fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let month = if month > 2 { month - 3 } else { month + 9 };
    era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        f.pad(&format!("{year:04}-{month:02}-{day:02}"))
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let error = || DateError { text: text.to_owned() };
        let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let mut parts = text.split('-');
        let (Some(year), Some(month), Some(day), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(error());
        };
        let parsed = (year.parse(), month.parse(), day.parse());
        let (Ok(year), Ok(month), Ok(day)) = parsed else { return Err(error()) };
        Self::of(year, month, day).filter(|_| plain).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn every_day_of_four_centuries_is_followed_by_the_next() {
        let mut day: Date = "1999-12-31".parse().unwrap();
        let end: Date = "2400-01-01".parse().unwrap();
        let mut leap_days = 0;
        while day < end {
            let text = day.to_string();
            assert_eq!(text.parse(), Ok(day), "{text}");
            leap_days += i32::from(text.ends_with("02-29"));
            assert_eq!(day.days_to(day.after(1)), 1);
            day = day.after(1);
        }
        assert_eq!(leap_days, 97);
        assert_eq!(Date::from_days(0).to_string(), "1970-01-01");
        assert_eq!("2026-03-02".parse::<Date>().unwrap().after(30).to_string(), "2026-04-01");
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "26-01-01",
            "2026-01-01x",
            "-026-01-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!("2028-02-29".parse::<Date>().is_ok());
    }
}
