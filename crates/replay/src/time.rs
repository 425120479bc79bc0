//! Times for people: ISO 8601 in UTC, and offsets from the session's start.

const MICROS: u64 = 1_000_000;

/// `2027-01-15T08:00:00.000000Z`.
pub fn iso(micros: u64) -> String {
    let seconds = micros / MICROS;
    let (year, month, day) = civil(seconds / 86_400);
    let second = seconds % 86_400;
    let (hour, minute, second) = (second / 3600, second % 3600 / 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", micros % MICROS)
}

/// `+01:02.345`, with hours where there are some.
pub fn offset(micros: u64) -> String {
    let millis = micros / 1000;
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (seconds, millis) = (millis / 1000 % 60, millis % 1000);
    if hours > 0 {
        format!("+{hours}:{minutes:02}:{seconds:02}.{millis:03}")
    } else {
        format!("+{minutes:02}:{seconds:02}.{millis:03}")
    }
}

/// `850 µs`, `12.3 ms`, `4.56 s`.
pub(crate) fn duration(micros: u64) -> String {
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..MICROS => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        _ => format!("{}.{:02} s", micros / MICROS, micros % MICROS / 10_000),
    }
}

/// Days since 1970 to a date of the Gregorian calendar, by eras of 400 years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(719_468);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = day.saturating_sub(day / 1460).saturating_add(day / 36_524).saturating_sub(day / 146_096) / 365;
    let start = year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100);
    let day = day.saturating_sub(start);
    let month = day.saturating_mul(5).saturating_add(2) / 153;
    let date = day.saturating_sub(month.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let (month, carry) = if month < 10 { (month.saturating_add(3), 0) } else { (month.saturating_sub(9), 1) };
    (era.saturating_mul(400).saturating_add(year).saturating_add(carry), month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(iso(951_782_400 * MICROS), "2000-02-29T00:00:00.000000Z");
        assert_eq!(iso(1_800_000_000 * MICROS + 5), "2027-01-15T08:00:00.000005Z");
        assert!(!iso(u64::MAX).is_empty());
    }

    #[test]
    fn offsets_and_durations_are_short() {
        assert_eq!(offset(62_345_678), "+01:02.345");
        assert_eq!(offset(3_600_000_000), "+1:00:00.000");
        assert_eq!([duration(850), duration(12_345), duration(4_561_000)], ["850 µs", "12.3 ms", "4.56 s"]);
    }
}
