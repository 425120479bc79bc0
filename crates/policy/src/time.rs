//! Milliseconds since 1970, to the form that Cedar's `datetime` reads, and from the form that test files have.
//!
//! Days become a date by Howard Hinnant's `civil_from_days`, and back by his
//! `days_from_civil`. Cedar knows the years 0000 to 9999; a moment outside them
//! is written in a form that Cedar refuses, and a refused request is a denial.

const DAY_MS: i64 = 86_400_000;

/// `2026-11-23T07:45:00.123Z`.
pub(crate) fn iso8601(ms: i64) -> String {
    let (days, of_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = civil(days);
    let (seconds, millis) = (of_day / 1000, of_day % 1000);
    let (minutes, second) = (seconds / 60, seconds % 60);
    let (hour, minute) = (minutes / 60, minutes % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The milliseconds of a moment with its zone, such as `2026-01-31T08:00:00Z` or `2026-01-31T09:00:00+01:00`.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let moment: toml::value::Datetime = text.parse().ok()?;
    let (date, time) = (moment.date?, moment.time?);
    let minutes_ahead = match moment.offset? {
        toml::value::Offset::Z => 0,
        toml::value::Offset::Custom { minutes } => i64::from(minutes),
    };
    let days = days(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let second = i64::from(time.second.unwrap_or(0));
    let of_day = [i64::from(time.hour).checked_mul(3600)?, i64::from(time.minute).checked_mul(60)?, second];
    let seconds = days.checked_mul(86_400)?.checked_add(of_day.iter().sum())?;
    let millis = i64::from(time.nanosecond.unwrap_or(0) / 1_000_000);
    seconds.checked_sub(minutes_ahead.checked_mul(60)?)?.checked_mul(1000)?.checked_add(millis)
}

#[expect(clippy::arithmetic_side_effects, reason = "a year has at most five digits; nothing here overflows")]
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[expect(
    clippy::arithmetic_side_effects,
    reason = "days of any i64 milliseconds are below 2^37; nothing here overflows"
)]
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::{iso8601, parse};
    use proptest::prelude::*;

    #[test]
    fn known_moments_are_written_as_dates() {
        assert_eq!(iso8601(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso8601(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(iso8601(951_826_149_007), "2000-02-29T12:09:09.007Z");
        assert_eq!(iso8601(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn no_moment_overflows() {
        for ms in [i64::MIN, i64::MAX] {
            assert!(!iso8601(ms).is_empty());
        }
    }

    #[test]
    fn zones_are_heeded_and_must_be_there() {
        assert_eq!(parse("2026-01-31T09:00:00+01:00"), parse("2026-01-31T08:00:00Z"));
        assert_eq!(parse("2026-01-31T09:00:00"), None);
        assert_eq!(parse("soon"), None);
    }

    proptest! {
        #[test]
        fn every_moment_of_the_years_with_four_digits_comes_back(ms in -62_135_596_800_000i64..253_402_300_800_000) {
            prop_assert_eq!(parse(&iso8601(ms)), Some(ms));
        }
    }
}
