//! 64 bytes at once: which are digits, letters, separators.
//!
//! Digits are everywhere in rows (ids, timestamps), so no search for one rare byte can rule a row out. Instead every
//! byte is classified, 16 a step, into bit masks, and shapes are found by shifting masks (see [`crate::sweep`]).
//! Measured: about twice as fast as what the compiler vectorises by itself from a byte loop.

use wide::u8x16;

/// One bit per byte and class; bit 0 is the first byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub digit: u64,
    pub letter: u64,
    pub space: u64,
    pub dash: u64,
    pub plus: u64,
    pub at: u64,
}

impl Block {
    /// Classifies the 64 bytes from an offset; bytes past the end have no class.
    pub(crate) fn read(text: &[u8], offset: usize) -> Self {
        let rest = text.get(offset..).unwrap_or_default();
        if let Some(chunk) = rest.first_chunk::<64>() {
            return Self::classify(chunk);
        }
        let mut padded = [0; 64];
        for (to, from) in padded.iter_mut().zip(rest) {
            *to = *from;
        }
        Self::classify(&padded)
    }

    #[inline]
    fn classify(bytes: &[u8; 64]) -> Self {
        let mut block = Self::default();
        let (chunks, _) = bytes.as_chunks::<16>();
        for (shift, chunk) in [0u32, 16, 32, 48].into_iter().zip(chunks) {
            let v = u8x16::new(*chunk);
            block.digit |= within(v, b'0', 9).wrapping_shl(shift);
            block.letter |= within(v | u8x16::splat(0x20), b'a', 25).wrapping_shl(shift);
            block.space |= equal(v, b' ').wrapping_shl(shift);
            block.dash |= equal(v, b'-').wrapping_shl(shift);
            block.plus |= equal(v, b'+').wrapping_shl(shift);
            block.at |= equal(v, b'@').wrapping_shl(shift);
        }
        block
    }
}

#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "lanes wrap, which the range test relies on")]
fn within(v: u8x16, first: u8, span: u8) -> u64 {
    let moved = v - u8x16::splat(first);
    u64::from(moved.min(u8x16::splat(span)).simd_eq(moved).to_bitmask())
}

#[inline]
fn equal(v: u8x16, byte: u8) -> u64 {
    u64::from(v.simd_eq(u8x16::splat(byte)).to_bitmask())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_value_is_classed_as_the_byte_tests_say() {
        for byte in 0..=255u8 {
            let mut text = [0u8; 64];
            text[37] = byte;
            let block = Block::read(&text, 0);
            let bit = |on: bool| u64::from(on) << 37;
            assert_eq!(block.digit, bit(byte.is_ascii_digit()));
            assert_eq!(block.letter, bit(byte.is_ascii_alphabetic()));
            assert_eq!(block.space, bit(byte == b' '));
            assert_eq!(block.dash, bit(byte == b'-'));
            assert_eq!(block.plus, bit(byte == b'+'));
            assert_eq!(block.at, bit(byte == b'@'));
        }
    }

    #[test]
    fn bytes_past_the_end_have_no_class() {
        assert_eq!(Block::read(b"12", 0).digit, 0b11);
        assert_eq!(Block::read(b"12", 9), Block::default());
    }
}
