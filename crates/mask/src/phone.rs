//! Telephone numbers in international form: `+`, a country code, 8 to 15 digits (ITU-T E.164).
//!
//! National forms without `+` are deliberately absent: nothing tells them from other numbers.

use crate::text::Text;

/// Longest text of a number: 15 digits, each with a separator and some brackets.
const MOST: usize = 36;

/// The end of the number that starts at a `+`.
pub(crate) fn phone(text: Text<'_>, start: usize) -> Option<usize> {
    let first = start.checked_add(1).filter(|_| !text.before(start, 1).is_ascii_alphanumeric())?;
    let mut digits = [0u8; 16];
    let (mut count, mut end) = (0usize, first);
    for (offset, byte) in text.from(first).iter().take(MOST).enumerate() {
        let at = first.saturating_add(offset);
        if byte.is_ascii_digit() {
            if let Some(slot) = digits.get_mut(count) {
                *slot = byte.wrapping_sub(b'0');
            }
            count = count.saturating_add(1);
            end = at.saturating_add(1);
        } else if !separator(*byte) || at.saturating_sub(end) >= 2 || complete(&digits, count) {
            break;
        }
        if count > 15 {
            return None;
        }
    }
    (plausible(&digits, count) && !text.at(end).is_ascii_alphanumeric()).then_some(end)
}

/// Eight digits follow a `+`. A time zone is a `+` and digits too, and stands in every row.
pub(crate) fn dials(text: Text<'_>, start: usize) -> bool {
    let after = text.from(start.saturating_add(1)).iter().take(MOST);
    let digits = after.take_while(|b| b.is_ascii_digit() || separator(**b)).filter(|b| b.is_ascii_digit());
    digits.take(8).count() == 8
}

fn separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/')
}

/// North American numbers have exactly eleven digits; what follows is something else.
fn complete(digits: &[u8; 16], count: usize) -> bool {
    digits.first() == Some(&1) && count >= 11
}

fn plausible(digits: &[u8; 16], count: usize) -> bool {
    let [a, b, _, _, c, ..] = *digits;
    match (a, b) {
        (0, _) | (2 | 8, 8) | (8, 3 | 9) => false, // not assigned
        (1, _) => count == 11 && b >= 2 && c >= 2, // area and exchange codes start with 2–9
        (7, _) => count == 11,
        _ => (8..=15).contains(&count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: &str) -> bool {
        phone(Text(text.as_bytes()), 0) == Some(text.len())
    }

    #[test]
    fn international_numbers_in_their_usual_dress_are_found() {
        for number in [
            "+14155552671",
            "+1 415-555-2671",
            "+1 (415) 555-2671",
            "+44 20 7946 0958",
            "+49 30 901820",
            "+33 1 23 45 67 89",
            "+8613812345678",
            "+7 495 123-45-67",
            "+371 6722 3344",
        ] {
            assert!(is(number), "{number}");
        }
    }

    #[test]
    fn other_numbers_with_a_plus_are_not() {
        for number in ["+00", "+05:30", "+12345678", "+10115552671", "+1234567890123456", "+100000000", "+0800123456"] {
            assert!(!is(number), "{number}");
        }
    }

    #[test]
    fn a_number_ends_where_the_next_one_starts() {
        assert_eq!(phone(Text(b"+14155552671 2024"), 0), Some(12));
    }
}
