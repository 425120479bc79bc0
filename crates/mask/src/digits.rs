//! Payment card numbers and US social security numbers.
//!
//! Each check starts at one position, looks two bytes behind and at most 40 ahead. A hit must end where its digits end.
//! Sources: ISO/IEC 7812 (structure, Luhn), the issuers' published ranges, SSA's structure of numbers (area, group,
//! serial). Deliberately absent: ranges that are no longer or not yet in use.

use crate::text::Text;

const MOST: usize = 19;

/// The end of the card number that starts at a digit.
pub(crate) fn card(text: Text<'_>, start: usize) -> Option<usize> {
    // Most numbers are nobody's: their first digits say so before the rest is looked at.
    let prefix = *text.from(start).first_chunk::<4>()?;
    let lengths = issued(prefix);
    if lengths == 0 || !may_start(text, start) {
        return None;
    }
    let mut digits = [0u8; MOST];
    let (mut count, mut group, mut separator) = (0usize, 0usize, 0u8);
    let (mut at, mut best) = (start, None);
    loop {
        let byte = text.at(at);
        if byte.is_ascii_digit() {
            let Some(slot) = digits.get_mut(count) else { break };
            *slot = byte.wrapping_sub(b'0');
            (count, group, at) = (count.saturating_add(1), group.saturating_add(1), at.saturating_add(1));
            continue;
        }
        let used = small(count).is_some_and(|count| lengths.wrapping_shr(count) & 1 == 1);
        if used && may_end(text, at) && digits.get(..count).is_some_and(luhn) {
            best = Some(at);
        }
        if !continues(text, at, group, separator) {
            break;
        }
        (separator, group, at) = (byte, 0, at.saturating_add(1));
    }
    best
}

/// Groups are joined by one kind of separator. The first has four digits or more and the others three: this is what
/// keeps lists of dates and telephone numbers out.
fn continues(text: Text<'_>, at: usize, group: usize, separator: u8) -> bool {
    let byte = text.at(at);
    let joined = byte == separator || (separator == 0 && matches!(byte, b' ' | b'-'));
    let least = if separator == 0 { 4 } else { 3 };
    joined && group >= least && text.at(at.saturating_add(1)).is_ascii_digit()
}

/// Not the fraction of a decimal, a telephone number, or the middle of a hexadecimal word. A comma makes no fraction here:
/// in CSV and in composite values it stands between two columns.
fn may_start(text: Text<'_>, start: usize) -> bool {
    let (one, two) = (text.before(start, 1), text.before(start, 2));
    let decimal = one == b'.' && two.is_ascii_digit();
    let hex = one.is_ascii_hexdigit() && two.is_ascii_hexdigit();
    !one.is_ascii_digit() && one != b'+' && !decimal && !hex
}

fn may_end(text: Text<'_>, end: usize) -> bool {
    let (one, two) = (text.at(end), text.at(end.saturating_add(1)));
    let decimal = one == b'.' && two.is_ascii_digit();
    let hex = one.is_ascii_hexdigit() && two.is_ascii_hexdigit();
    !one.is_ascii_digit() && !decimal && !hex
}

/// The lengths that an issuer uses with this prefix: bit 16 for 16 digits. None for what is not four digits.
fn issued(prefix: [u8; 4]) -> u32 {
    if !prefix.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    let prefix = prefix.iter().fold(0u32, |n, d| n.wrapping_mul(10).wrapping_add(u32::from(d.wrapping_sub(b'0'))));
    match prefix {
        4000..=4999 => lengths(13, 13) | lengths(16, 16) | lengths(19, 19), // Visa
        5100..=5599 | 2221..=2720 => lengths(16, 16),                       // Mastercard
        3400..=3499 | 3700..=3799 => lengths(15, 15),                       // American Express
        6011 | 6440..=6599 => lengths(16, 19),                              // Discover
        3528..=3589 => lengths(16, 19),                                     // JCB
        3000..=3059 | 3095 | 3800..=3999 => lengths(14, 16),                // Diners Club
        3600..=3699 => lengths(14, 19),                                     // Diners Club International
        6200..=6299 => lengths(16, 19),                                     // UnionPay
        2200..=2204 => lengths(16, 19),                                     // Mir
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => lengths(13, 19), // Maestro
        5080..=5089 | 6000..=6099 | 8100..=8299 => lengths(16, 16),         // RuPay
        _ => 0,
    }
}

const fn lengths(least: u32, most: u32) -> u32 {
    u32::MAX.wrapping_shl(least) & u32::MAX.wrapping_shr(31u32.wrapping_sub(most))
}

fn small(count: usize) -> Option<u32> {
    u32::try_from(count).ok()
}

/// ISO/IEC 7812-1 annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().fold(0u32, |sum, (place, digit)| {
        let doubled = digit.wrapping_mul(2);
        let value = match (place & 1 == 1, doubled > 9) {
            (false, _) => *digit,
            (true, false) => doubled,
            (true, true) => doubled.wrapping_sub(9),
        };
        sum.wrapping_add(u32::from(value))
    });
    sum.is_multiple_of(10)
}

/// The end of a social security number with separators, `AAA-GG-SSSS`.
pub(crate) fn ssn(text: Text<'_>, start: usize) -> Option<usize> {
    let end = start.checked_add(11)?;
    let window = text.0.get(start..end)?;
    let &[a, b, c, first, d, e, second, f, g, h, i] = window.first_chunk::<11>()?;
    let longer = text.before(start, 1).is_ascii_digit()
        || continues_number(text.before(start, 1), text.before(start, 2), first)
        || continues_number(text.at(end), text.at(end.saturating_add(1)), first)
        || text.at(end).is_ascii_digit();
    (first == second && matches!(first, b'-' | b' ') && !longer && is_ssn([a, b, c, d, e, f, g, h, i])).then_some(end)
}

/// The end of a social security number without separators.
pub(crate) fn ssn_bare(text: Text<'_>, start: usize) -> Option<usize> {
    let end = start.checked_add(9)?;
    let digits = *text.0.get(start..end)?.first_chunk::<9>()?;
    (may_start(text, start) && may_end(text, end) && is_ssn(digits)).then_some(end)
}

/// The same separator and more of the word beyond it: part of a longer number, such as an ISBN.
fn continues_number(one: u8, two: u8, separator: u8) -> bool {
    one == separator && if separator == b'-' { two.is_ascii_alphanumeric() } else { two.is_ascii_digit() }
}

/// Area not 000, 666 or 900–999; group not 00; serial not 0000.
fn is_ssn(digits: [u8; 9]) -> bool {
    let [a, b, c, d, e, serial @ ..] = digits;
    digits.iter().all(u8::is_ascii_digit)
        && a != b'9'
        && [a, b, c] != *b"000"
        && [a, b, c] != *b"666"
        && [d, e] != *b"00"
        && serial != *b"0000"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card_in(text: &str, start: usize) -> Option<usize> {
        card(Text(text.as_bytes()), start)
    }

    #[test]
    fn test_numbers_of_the_issuers_are_cards() {
        for number in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4222222222222",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "3530111333300000",
            "30569309025904",
            "3056 930902 5904",
            "6200000000000005",
            "6759649826438453",
            "2200000000000004",
        ] {
            assert_eq!(card_in(number, 0), Some(number.len()), "{number}");
        }
    }

    #[test]
    fn numbers_that_only_look_like_cards_are_not() {
        for number in [
            "4111111111111112",
            "1234567812345670",
            "0.4111111111111111",
            "4111111111111111.5",
            "41111111111111111111",
            "ab4111111111111111",
            "+4111111111111111",
            "41 11 11 11 11 11 11 11",
        ] {
            let start = number.find("41").unwrap_or(0);
            assert_eq!(card_in(number, start), None, "{number}");
        }
    }

    #[test]
    fn a_card_beside_other_numbers_is_found() {
        assert_eq!(card_in("4111 1111 1111 1111 2027", 0), Some(19));
        assert_eq!(card_in("12 4111111111111111", 3), Some(19));
        assert_eq!(card_in("card4111111111111111", 4), Some(20));
        assert_eq!(card_in("(7,4111111111111111,8)", 3), Some(19));
    }

    #[test]
    fn social_security_numbers_follow_their_structure() {
        let is = |text: &str, start| ssn(Text(text.as_bytes()), start).is_some();
        assert!(is("123-45-6789", 0) && is("123 45 6789", 0) && is("ssn:123-45-6789.", 4));
        for wrong in ["000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000", "123-45 6789"] {
            assert!(!is(wrong, 0), "{wrong}");
        }
        assert!(!is("123-45-6789-0", 0) && !is("978-123-45-6789", 4) && !is("123-45-67890", 0));
        assert!(ssn_bare(Text(b"123456789"), 0).is_some() && ssn_bare(Text(b"000456789"), 0).is_none());
    }
}
