//! Milliseconds since 1970 in the form that Cedar's `datetime` reads.
//!
//! Days become a date by Howard Hinnant's `civil_from_days`. Cedar knows the years 0000 to 9999; a moment outside them
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
    use super::iso8601;

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
}
