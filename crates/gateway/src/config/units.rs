//! Durations (`8h`, `1h30m`, `15s`, `250ms`) and sizes (`64 KiB`, `4MiB`, `10 KB`) as people write them.
//!
//! A bare number is refused: `30` may mean seconds to one reader and milliseconds to another.

use std::time::Duration;

const DURATIONS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// A duration, or nothing if the text is not one.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut millis = 0u64;
    while !rest.is_empty() {
        let (number, unit, tail) = term(rest)?;
        millis = millis.checked_add(number.checked_mul(factor(&DURATIONS, unit)?)?)?;
        rest = tail;
    }
    (!text.trim().is_empty()).then_some(Duration::from_millis(millis))
}

/// A size in bytes, or nothing if the text is not one.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, unit, tail) = term(text.trim())?;
    tail.is_empty().then_some(())?;
    number.checked_mul(factor(&SIZES, unit)?)
}

/// Writes a duration the way it is read.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    show(&DURATIONS, millis, "")
}

/// Writes a size the way it is read.
pub(super) fn show_size(bytes: u64) -> String {
    show(&SIZES[..4], bytes, " ")
}

fn show(units: &[(&str, u64)], value: u64, gap: &str) -> String {
    let best = units.iter().rev().find(|(_, factor)| value >= *factor && value.is_multiple_of(*factor));
    let (unit, factor) = best.copied().unwrap_or(units[0]);
    format!("{}{gap}{unit}", value / factor)
}

fn factor(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

/// Splits `30m15s` into `30`, `m` and `15s`.
fn term(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..digits].parse().ok()?;
    let rest = text[digits..].trim_start();
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    Some((number, &rest[..letters], rest[letters..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        assert_eq!(duration("8h"), Some(Duration::from_secs(8 * 3600)));
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        for wrong in ["", "30", "8 hours", "-1s", "1.5h", "h", "99999999999999999999s", "9223372036854775807d"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_as_written() {
        assert_eq!(size("64 KiB"), Some(65_536));
        assert_eq!(size("4MiB"), Some(4 << 20));
        assert_eq!(size("10 KB"), Some(10_000));
        for wrong in ["", "64", "64 K", "64 kib", "1 KiB 2 B", "18446744073709551615 KiB"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read() {
        assert_eq!(size(&show_size(65_536)), Some(65_536));
        assert_eq!(duration(&show_duration(Duration::from_secs(90))), Some(Duration::from_secs(90)));
        assert_eq!(show_duration(Duration::from_secs(28_800)), "8h");
    }
}
