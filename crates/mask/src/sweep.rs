//! The prefilter for shapes made of digits, letters, `+` and `@`: a pass over bit masks that names the few positions
//! where a hit could start.
//!
//! It accepts a superset of what the detectors accept and reads at most 64 bytes ahead, so what it says about a position
//! never depends on where the buffer was cut. No number starts behind a digit; but over many cells at once the byte
//! before a cell is framing, and a length of 48 looks like the digit `0`. So candidates behind a digit are not named one
//! by one, which would be every digit of a long number, but told as *hidden*: they count where a cell starts there.
//! Deliberately absent: the checks themselves.

use std::ops::ControlFlow;

use crate::block::Block;
use crate::phone;
use crate::text::Text;

/// The shape seen at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Four digits that start a run of 13 or more digits, among separators.
    Card,
    /// 3-2-4 digits with separators.
    Ssn,
    /// Nine bare digits.
    Ssn9,
    /// `+` and at least eight digits.
    Phone,
    /// Two letters and two digits that start 15 letters, digits and spaces.
    Iban,
    /// An `@`.
    Email,
}

/// Which shapes are wanted: all ones or zero, so that the pass has no branches on it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub card: u64,
    pub ssn: u64,
    pub ssn9: u64,
    pub phone: u64,
    pub iban: u64,
    pub email: u64,
}

impl Wanted {
    pub(crate) fn nothing(&self) -> bool {
        self.card | self.ssn | self.ssn9 | self.phone | self.iban | self.email == 0
    }
}

/// Shapes that are nothing behind a digit, unless a value starts there.
pub(crate) const NUMBERS: [Shape; 3] = [Shape::Card, Shape::Ssn, Shape::Ssn9];

/// Calls `found` for each candidate with `from <= position < to`, until it breaks; and `hidden`, for each 64 bytes that
/// hold any, with their place and one bit for each number that a digit stands before.
#[inline]
pub(crate) fn sweep(
    text: &[u8],
    (from, to): (usize, usize),
    wanted: &Wanted,
    mut hidden: impl FnMut(usize, u64) -> ControlFlow<()>,
    mut found: impl FnMut(usize, Shape) -> ControlFlow<()>,
) -> ControlFlow<()> {
    if wanted.nothing() {
        return ControlFlow::Continue(());
    }
    let behind = u64::from(Text(text).before(from, 1).is_ascii_digit());
    let mut pair = Pair { behind, here: Block::read(text, from), next: Block::default() };
    let mut at = from;
    while at < to {
        let following = at.saturating_add(64);
        pair.next = Block::read(text, following);
        let inside = u64::MAX.wrapping_shr(64u32.saturating_sub(small(to.saturating_sub(at).min(64))));
        pair.shapes(
            wanted,
            inside,
            |mask| hidden(at, mask),
            |offset, shape| {
                let place = at.saturating_add(offset);
                if shape == Shape::Phone && !phone::dials(Text(text), place) { PROCEED } else { found(place, shape) }
            },
        )?;
        pair.behind = pair.here.digit.wrapping_shr(63);
        pair.here = pair.next;
        at = following;
    }
    ControlFlow::Continue(())
}

/// A block to judge and the one after it, to look ahead into.
struct Pair {
    /// 1 if the byte before the block is a digit.
    behind: u64,
    here: Block,
    next: Block,
}

impl Pair {
    #[inline]
    fn shapes(
        &self,
        wanted: &Wanted,
        inside: u64,
        mut hidden: impl FnMut(u64) -> ControlFlow<()>,
        mut found: impl FnMut(usize, Shape) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let digit = join(self.here.digit, self.next.digit);
        let space = join(self.here.space, self.next.space);
        let letter = join(self.here.letter, self.next.letter);
        let separator = space | join(self.here.dash, self.next.dash);

        let two = digit & (digit >> 1);
        let four = two & (two >> 2);
        let run = digit | separator;
        let card = low(four & places13(run)) & inside & wanted.card;
        let dashed = two & (digit >> 2) & (separator >> 3) & (two >> 4) & (separator >> 6) & (four >> 7);
        let ssn = low(dashed) & inside & wanted.ssn;
        let ssn9 = low(four & (four >> 4) & (digit >> 8)) & inside & wanted.ssn9;
        let phone = self.here.plus & low(digit >> 1) & inside & wanted.phone;
        let word = places15(digit | letter | space);
        let iban = low(letter & (letter >> 1) & (two >> 2) & word) & inside & wanted.iban;
        let email = self.here.at & inside & wanted.email;
        if card | ssn | ssn9 | phone | iban | email == 0 {
            return PROCEED;
        }

        let behind = self.here.digit.wrapping_shl(1) | self.behind;
        let numbers = (card | ssn | ssn9) & behind;
        if numbers != 0 {
            hidden(numbers)?;
        }
        let (card, ssn, ssn9) = (card & !behind, ssn & !behind, ssn9 & !behind);
        each(card, |bit| if thirteen_digits(digit, run, bit) { found(index(bit), Shape::Card) } else { PROCEED })?;
        each(ssn, |bit| found(index(bit), Shape::Ssn))?;
        each(ssn9, |bit| found(index(bit), Shape::Ssn9))?;
        each(phone, |bit| found(index(bit), Shape::Phone))?;
        each(iban, |bit| found(index(bit), Shape::Iban))?;
        each(email, |bit| found(index(bit), Shape::Email))
    }
}

/// Places from which 13 in a row are set.
#[inline]
fn places13(mask: u128) -> u128 {
    let two = mask & (mask >> 1);
    let four = two & (two >> 2);
    let eight = four & (four >> 4);
    eight & (eight >> 5)
}

/// Places from which 15 in a row are set.
#[inline]
fn places15(mask: u128) -> u128 {
    let two = mask & (mask >> 1);
    let four = two & (two >> 2);
    let eight = four & (four >> 4);
    eight & (eight >> 7)
}

const PROCEED: ControlFlow<()> = ControlFlow::Continue(());

/// A date and an hour are 13 places too; only places that hold 13 digits are candidates.
#[inline]
fn thirteen_digits(digit: u128, run: u128, bit: u32) -> bool {
    let length = run.wrapping_shr(bit).trailing_ones();
    let inside = u128::MAX.wrapping_shr(128u32.saturating_sub(length.max(1)));
    (digit.wrapping_shr(bit) & inside).count_ones() >= 13
}

#[inline]
fn each(mut mask: u64, mut found: impl FnMut(u32) -> ControlFlow<()>) -> ControlFlow<()> {
    while mask != 0 {
        found(mask.trailing_zeros())?;
        mask &= mask.wrapping_sub(1);
    }
    PROCEED
}

#[inline]
fn join(here: u64, next: u64) -> u128 {
    u128::from(here) | (u128::from(next) << 64)
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
fn low(mask: u128) -> u64 {
    mask as u64
}

fn index(bit: u32) -> usize {
    usize::try_from(bit).unwrap_or(0)
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Wanted = Wanted { card: !0, ssn: !0, ssn9: !0, phone: !0, iban: !0, email: !0 };

    /// Candidates and the places of hidden ones.
    fn swept(text: &str, range: (usize, usize)) -> (Vec<(usize, Shape)>, Vec<usize>) {
        let (mut all, mut hidden) = (Vec::new(), Vec::new());
        let hide = |at, mask| {
            each(mask, |bit| {
                hidden.push(at + index(bit));
                PROCEED
            })
        };
        let _ = sweep(text.as_bytes(), range, &ALL, hide, |at, shape| {
            all.push((at, shape));
            PROCEED
        });
        all.sort_by_key(|(at, shape)| (*at, *shape as u8));
        (all, hidden)
    }

    fn shapes(text: &str) -> Vec<(usize, Shape)> {
        swept(text, (0, text.len())).0
    }

    #[test]
    fn everyday_cells_are_no_candidates() {
        for text in [
            "2024-03-01 12:34:56.123456+00",
            "0b9ce9a4-3f0e-4a57-9d0a-6a1c2f7a4a55",
            "1234567",
            "the quick brown fox - jumps over",
            "--------------------------------",
            "                                ",
            "12.50",
        ] {
            assert_eq!(swept(text, (0, text.len())), (vec![], vec![]), "{text}");
        }
    }

    #[test]
    fn each_shape_is_seen_at_any_offset_even_across_blocks() {
        for pad in 0..150 {
            let see = |text: &str, back: usize, shape| {
                let padded = format!("{}{text} ", "_".repeat(pad));
                assert!(shapes(&padded).contains(&(pad + back, shape)), "{text} at {pad}");
            };
            see("4111111111111111", 0, Shape::Card);
            see("4111 1111-1111 1111", 0, Shape::Card);
            see("123-45-6789", 0, Shape::Ssn);
            see("123456789", 0, Shape::Ssn9);
            see("+1 (415) 555-2671", 0, Shape::Phone);
            see("DE89 3704 0044 0532", 0, Shape::Iban);
            see("bob@example.com", 3, Shape::Email);
        }
    }

    #[test]
    fn of_a_long_number_only_the_start_is_a_candidate() {
        for pad in 0..130 {
            let text = format!("{}4111111111111111111", "_".repeat(pad));
            let (found, hidden) = swept(&text, (0, text.len()));
            assert_eq!(found, [(pad, Shape::Card), (pad, Shape::Ssn9)], "at {pad}");
            assert_eq!(hidden, (pad + 1..=pad + 10).collect::<Vec<_>>(), "at {pad}");
        }
    }

    #[test]
    fn a_range_names_the_same_candidates_as_the_whole() {
        let text = "x 4111111111111111 123-45-6789 +14155552671 DE89370400440532013000 a@b.c ".repeat(4);
        let whole = swept(&text, (0, text.len()));
        assert!(!whole.1.is_empty());
        for cut in 0..text.len() {
            let (mut halves, rest) = (swept(&text, (0, cut)), swept(&text, (cut, text.len())));
            halves.0.extend(rest.0);
            halves.1.extend(rest.1);
            assert_eq!(halves, whole, "cut at {cut}");
        }
    }
}
