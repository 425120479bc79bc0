//! Times as people write and read them: UTC, `2026-01-31T08:00:00Z`, or how long ago (`2h`).
//!
//! Local time is deliberately absent: a recording is read in other places than it was made in.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970, as `2026-01-31T08:00:00Z`.
pub(crate) fn show(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads a time into microseconds since 1970.
pub(crate) fn read(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time such as `2026-01-31T08:00:00Z`, `2026-01-31` or `2h` (ago)");
    match ago(text) {
        Some(seconds) => Ok(now().saturating_sub(seconds.saturating_mul(1_000_000))),
        None => instant(text).and_then(|seconds| seconds.checked_mul(1_000_000)).ok_or_else(wrong),
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn ago(text: &str) -> Option<u64> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let (_, seconds) = units.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    text[..text.len() - 1].parse::<u32>().ok().map(|count| u64::from(count) * seconds)
}

fn instant(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time.strip_suffix('Z')?, ':')?;
    let days = days(year, month, day)?;
    (hour < 24 && minute < 60 && second < 60).then_some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.split(between).map(|part| {
        let plain = !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    });
    let all = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(all)
}

/// Days since 1970 of a date that exists.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let whole: u64 = (1970..year).map(days_in).sum();
    let before: u64 = (1..month).map(|month| days_of(year, month)).sum();
    let exists = year >= 1970 && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    exists.then_some(whole + before + day - 1)
}

fn civil(mut days: u64) -> (u64, u64, u64) {
    let (mut year, mut month) = (1970, 1);
    while days >= days_in(year) {
        days -= days_in(year);
        year += 1;
    }
    while days >= days_of(year, month) {
        days -= days_of(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

fn days_in(year: u64) -> u64 {
    (1..=12).map(|month| days_of(year, month)).sum()
}

fn days_of(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-11-23T08:00:00Z", 1_795_420_800),
        ] {
            assert_eq!(read(text), Ok(seconds * 1_000_000), "{text}");
            assert_eq!(show(seconds * 1_000_000), text);
        }
        assert_eq!(read("2026-11-23"), read("2026-11-23T00:00:00Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "x",
            "h",
            "2026-02-29",
            "2026-13-01",
            "1969-12-31",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "-2h",
            "+2026-01-01",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_while_ago_is_before_now() {
        let hour = now() - read("1h").unwrap();
        assert!((3_590_000_000..3_610_000_000).contains(&hour), "{hour}");
    }
}
