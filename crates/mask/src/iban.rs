//! International bank account numbers: ISO 13616 structure and the mod-97 check of ISO 7064.
//!
//! The check and the country's length together leave about one false hit in 97 look-alikes, so words may be grouped by
//! single spaces and written in any case.

use crate::text::{Text, alnum};

/// The end of the IBAN that starts at two letters and two digits.
pub(crate) fn iban(text: Text<'_>, start: usize) -> Option<usize> {
    if alnum(text.before(start, 1)) {
        return None;
    }
    let country = [text.at(start).to_ascii_uppercase(), text.at(start.saturating_add(1)).to_ascii_uppercase()];
    let length = length_of(country)?;
    let mut compact = [0u8; 34];
    let (mut at, mut count) = (start, 0usize);
    while count < length {
        let byte = text.at(at);
        if alnum(byte) {
            *compact.get_mut(count)? = byte.to_ascii_uppercase();
            count = count.saturating_add(1);
        } else if byte != b' ' || !alnum(text.at(at.saturating_add(1))) {
            return None;
        }
        at = at.saturating_add(1);
    }
    (!alnum(text.at(at)) && mod97(compact.get(..length)?) == 1).then_some(at)
}

/// The remainder of the number with its first four characters moved to the end and letters read as 10–35.
fn mod97(compact: &[u8]) -> u32 {
    let (head, tail) = compact.split_at_checked(4).unwrap_or_default();
    tail.iter().chain(head).fold(0, |rest, byte| match byte {
        b'0'..=b'9' => rest.wrapping_mul(10).wrapping_add(u32::from(byte.wrapping_sub(b'0'))) % 97,
        _ => rest.wrapping_mul(100).wrapping_add(u32::from(byte.wrapping_sub(b'A')).wrapping_add(10)) % 97,
    })
}

/// The SWIFT registry of lengths. A flat table.
fn length_of(country: [u8; 2]) -> Option<usize> {
    Some(match &country {
        b"NO" => 15,
        b"BE" => 16,
        b"DK" | b"FI" | b"FK" | b"FO" | b"GL" | b"NL" | b"SD" => 18,
        b"MK" | b"SI" => 19,
        b"AT" | b"BA" | b"EE" | b"KZ" | b"LT" | b"LU" | b"MN" | b"XK" => 20,
        b"CH" | b"CR" | b"HR" | b"LI" | b"LV" => 21,
        b"BG" | b"BH" | b"DE" | b"GB" | b"GE" | b"IE" | b"ME" | b"RS" | b"VA" => 22,
        b"AE" | b"GI" | b"IL" | b"IQ" | b"OM" | b"SO" | b"TL" => 23,
        b"AD" | b"CZ" | b"ES" | b"MD" | b"PK" | b"RO" | b"SA" | b"SE" | b"SK" | b"TN" | b"VG" => 24,
        b"LY" | b"PT" | b"ST" => 25,
        b"IS" | b"TR" => 26,
        b"BI" | b"DJ" | b"FR" | b"GR" | b"IT" | b"MC" | b"MR" | b"SM" => 27,
        b"AL" | b"AZ" | b"BY" | b"CY" | b"DO" | b"GT" | b"HN" | b"HU" | b"LB" | b"NI" | b"PL" | b"SV" => 28,
        b"BR" | b"EG" | b"PS" | b"QA" | b"UA" => 29,
        b"JO" | b"KW" | b"MU" | b"YE" => 30,
        b"MT" | b"SC" => 31,
        b"LC" => 32,
        b"RU" => 33,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: &str) -> bool {
        iban(Text(text.as_bytes()), 0) == Some(text.len())
    }

    #[test]
    fn registry_examples_are_found() {
        for number in [
            "DE89370400440532013000",
            "DE89 3704 0044 0532 0130 00",
            "GB82 WEST 1234 5698 7654 32",
            "NO9386011117947",
            "FR1420041010050500013M02606",
            "MT84MALT011000012345MTLCAST001S",
            "de89370400440532013000",
        ] {
            assert!(is(number), "{number}");
        }
    }

    #[test]
    fn wrong_check_digits_countries_and_lengths_are_not() {
        for number in
            ["DE88370400440532013000", "ZZ89370400440532013000", "DE893704004405320130", "DE89370400440532013000X"]
        {
            assert!(!is(number), "{number}");
        }
    }
}
