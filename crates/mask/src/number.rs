//! Numbers that hold identifiers: overwritten with 9s, so that they stay numbers of the same width.
//!
//! Only the integer part is looked at, as its decimal digits. Binary forms: `int4`, `int8` and `numeric` as PostgreSQL
//! sends them (`numeric_send`: digit count, weight, sign, scale, digits to the base 10,000). Floats are deliberately
//! absent: they do not hold 16 digits exactly.

use crate::engine::Engine;
use crate::overwrite::nines;
use crate::{Detectors, Hits};

/// Longest integer part that is looked at.
const MOST: usize = 40;

impl Detectors {
    /// Overwrites an `int4` that is a hit.
    pub fn mask_int4(&self, value: &mut [u8; 4]) -> Hits {
        let mut hits = Hits::default();
        if let Some(masked) = self.integer(i64::from(i32::from_be_bytes(*value)), &mut hits) {
            *value = i32::try_from(masked).unwrap_or(i32::MAX).to_be_bytes();
        }
        hits
    }

    /// Overwrites an `int8` that is a hit.
    pub fn mask_int8(&self, value: &mut [u8; 8]) -> Hits {
        let mut hits = Hits::default();
        if let Some(masked) = self.integer(i64::from_be_bytes(*value), &mut hits) {
            *value = masked.to_be_bytes();
        }
        hits
    }

    /// Overwrites a `numeric` in binary form that is a hit; what is no such form is left alone.
    pub fn mask_numeric(&self, value: &mut [u8]) -> Hits {
        let mut hits = Hits::default();
        if self.numbers() && integer_part(value).is_some_and(|digits| is_hit(self, digits.trimmed(), &mut hits)) {
            all_nines(value);
        }
        hits
    }

    fn integer(&self, value: i64, hits: &mut Hits) -> Option<i64> {
        let mut digits = Digits::default();
        digits.push_number(value.unsigned_abs(), 20);
        if !self.numbers() || !is_hit(self, digits.trimmed(), hits) {
            return None;
        }
        let masked: i64 = std::str::from_utf8(fitting(digits.trimmed_mut())).ok()?.parse().ok()?;
        Some(if value < 0 { masked.saturating_neg() } else { masked })
    }
}

/// Overwrites a number in text form that is a hit.
pub(crate) fn mask_text(detectors: &Detectors, value: &mut [u8], hits: &mut Hits) {
    let sign = value.iter().take_while(|b| matches!(b, b'-' | b'+')).count();
    let Some((_, number)) = value.split_at_mut_checked(sign) else { return };
    let integer = number.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = number.get(integer).is_none_or(|b| *b == b'.');
    if !whole || !number.get(..integer).is_some_and(|digits| is_hit(detectors, digits, hits)) {
        return;
    }
    if integer == number.len() {
        fitting(number);
    } else {
        nines(number);
    }
}

fn is_hit(detectors: &Detectors, digits: &[u8], hits: &mut Hits) -> bool {
    let mut engine = Engine::default();
    engine.begin();
    engine.step(detectors, digits, true);
    hits.merge(&engine.hits);
    !engine.spans.is_empty()
}

/// All 9s, but no more than an integer type of this width holds: 10 digits may be an `int4`, 19 an `int8`.
fn fitting(digits: &mut [u8]) -> &[u8] {
    nines(digits);
    let first = match digits.len() {
        10 => b'1',
        19 => b'8',
        _ => b'9',
    };
    if let Some(digit) = digits.first_mut() {
        *digit = first;
    }
    digits
}

/// Decimal digits on the stack.
#[derive(Debug)]
struct Digits {
    bytes: [u8; MOST],
    length: usize,
}

impl Default for Digits {
    fn default() -> Self {
        Self { bytes: [b'0'; MOST], length: 0 }
    }
}

impl Digits {
    /// Appends a number with so many digits.
    fn push_number(&mut self, number: u64, width: usize) {
        let mut rest = number;
        let end = self.length.saturating_add(width);
        for slot in self.bytes.get_mut(self.length..end).unwrap_or_default().iter_mut().rev() {
            *slot = b'0'.wrapping_add(u8::try_from(rest % 10).unwrap_or(0));
            rest /= 10;
        }
        self.length = end.min(MOST);
    }

    fn zeros(&self) -> usize {
        self.bytes.iter().take(self.length).take_while(|b| **b == b'0').count()
    }

    /// Without leading zeros.
    fn trimmed(&self) -> &[u8] {
        self.bytes.get(self.zeros()..self.length).unwrap_or_default()
    }

    fn trimmed_mut(&mut self) -> &mut [u8] {
        let zeros = self.zeros();
        self.bytes.get_mut(zeros..self.length).unwrap_or_default()
    }
}

/// Header words of a binary `numeric`: how many digits to the base 10,000, and the weight of the first.
fn header(value: &[u8]) -> Option<(usize, usize, &[u8])> {
    let (head, groups) = value.split_at_checked(8)?;
    let &[c0, c1, w0, w1, s0, ..] = head else { return None };
    let count = usize::from(u16::from_be_bytes([c0, c1]));
    let weight = usize::try_from(i16::from_be_bytes([w0, w1])).ok()?;
    let finite = s0 & 0x80 == 0; // NaN and the infinities have 0xC000, 0xD000, 0xF000
    (finite && count.checked_mul(2)? == groups.len()).then_some((count, weight, groups))
}

fn integer_part(value: &[u8]) -> Option<Digits> {
    let (_, weight, groups) = header(value)?;
    let width = weight.checked_add(1).filter(|groups| *groups <= MOST / 4)?;
    let mut digits = Digits::default();
    let (pairs, _) = groups.as_chunks::<2>();
    // Trailing zero groups are not sent.
    for pair in pairs.iter().chain(std::iter::repeat(&[0, 0])).take(width) {
        digits.push_number(u64::from(u16::from_be_bytes(*pair)), 4);
    }
    Some(digits)
}

/// The first group keeps its width, the other groups of the integer part become 9999; a fraction stays.
fn all_nines(value: &mut [u8]) {
    let Some((count, weight, _)) = header(value) else { return };
    let integer = weight.saturating_add(1).min(count);
    let (groups, _) = value.get_mut(8..).unwrap_or_default().as_chunks_mut::<2>();
    for (place, group) in groups.iter_mut().take(integer).enumerate() {
        let nines: u16 = match u16::from_be_bytes(*group) {
            0..=9 if place == 0 => 9,
            10..=99 if place == 0 => 99,
            100..=999 if place == 0 => 999,
            _ => 9999,
        };
        *group = nines.to_be_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pattern, ValueKind};

    fn detectors() -> Detectors {
        let built =
            Detectors::builder().pattern(Pattern::CreditCard, "c").pattern(Pattern::UsSsnBare, "c").numbers(true);
        built.build().unwrap()
    }

    #[test]
    fn integers_become_nines_of_the_same_width() {
        let mut card = 4_111_111_111_111_111i64.to_be_bytes();
        assert_eq!(detectors().mask_int8(&mut card).total(), 1);
        assert_eq!(i64::from_be_bytes(card), 9_999_999_999_999_999);
        let mut ssn = (-123_456_789i32).to_be_bytes();
        detectors().mask_int4(&mut ssn);
        assert_eq!(i32::from_be_bytes(ssn), -999_999_999);
        let mut other = 42i64.to_be_bytes();
        assert!(detectors().mask_int8(&mut other).is_empty());
        assert_eq!(i64::from_be_bytes(other), 42);
    }

    #[test]
    fn nineteen_digits_still_fit_an_int8() {
        let mut number = *b"4000000000000000006";
        fitting(&mut number);
        assert!(std::str::from_utf8(&number).unwrap().parse::<i64>().is_ok());
    }

    #[test]
    fn binary_numeric_keeps_its_form() {
        let mut value = vec![0, 4, 0, 3, 0, 0, 0, 0];
        value.extend([4111u16, 1111, 1111, 1111].iter().flat_map(|g| g.to_be_bytes()));
        detectors().mask_numeric(&mut value);
        assert_eq!(value[8..], [0x27, 0x0F, 0x27, 0x0F, 0x27, 0x0F, 0x27, 0x0F]);
        assert!(detectors().mask_numeric(&mut [0, 9, 0, 3]).is_empty());
    }

    #[test]
    fn text_numbers_keep_sign_and_point() {
        let mask = |text: &str| {
            let mut value = text.as_bytes().to_vec();
            detectors().mask_value(&mut value, ValueKind::Number);
            String::from_utf8(value).unwrap()
        };
        assert_eq!(mask("-4111111111111111.00"), "-9999999999999999.99");
        assert_eq!(mask("4111111111111112"), "4111111111111112");
        assert_eq!(mask("4e16"), "4e16");
    }
}
