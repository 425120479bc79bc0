//! A cursor that cannot see beyond one frame.
//!
//! Every field of every message is read through it, so that a length on the wire can never reach outside the frame it
//! stands in. Integers are big-endian unless the name ends in `_le`. It never allocates.

use crate::error::Malformed;

/// Reads fields from one frame's body, in order.
#[derive(Debug, Clone)]
pub struct Reader<'f> {
    rest: &'f [u8],
}

macro_rules! integers {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $from:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&mut self, field: &'static str) -> Result<$type, Malformed> {
                self.array(field).map(<$type>::$from)
            }
        )*
    };
}

impl<'f> Reader<'f> {
    /// Starts at the first byte of `body`.
    pub fn new(body: &'f [u8]) -> Self {
        Self { rest: body }
    }

    integers! {
        /// One byte.
        u8: u8, from_be_bytes;
        /// Two bytes, big-endian.
        u16: u16, from_be_bytes;
        /// Two bytes, big-endian, signed.
        i16: i16, from_be_bytes;
        /// Four bytes, big-endian.
        u32: u32, from_be_bytes;
        /// Four bytes, big-endian, signed.
        i32: i32, from_be_bytes;
        /// Eight bytes, big-endian.
        u64: u64, from_be_bytes;
        /// Two bytes, little-endian.
        u16_le: u16, from_le_bytes;
        /// Four bytes, little-endian.
        u32_le: u32, from_le_bytes;
        /// Eight bytes, little-endian.
        u64_le: u64, from_le_bytes;
    }

    /// Exactly `N` bytes.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed::Truncated(field))?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next `count` bytes, borrowed.
    pub fn bytes(&mut self, count: usize, field: &'static str) -> Result<&'f [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(Malformed::Truncated(field))?;
        self.rest = rest;
        Ok(head)
    }

    /// Bytes up to a NUL, which is consumed and not returned.
    pub fn cstr(&mut self, field: &'static str) -> Result<&'f [u8], Malformed> {
        let end = self.rest.iter().position(|&b| b == 0).ok_or(Malformed::Truncated(field))?;
        let head = self.bytes(end, field)?;
        self.u8(field)?;
        Ok(head)
    }

    /// A value with a signed 32-bit length before it, where -1 is NULL.
    pub fn value(&mut self, field: &'static str) -> Result<Option<&'f [u8]>, Malformed> {
        match self.i32(field)? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| Malformed::Invalid(field))?;
                self.bytes(length, field).map(Some)
            }
        }
    }

    /// All that remains; the reader is then at its end.
    pub fn rest(&mut self) -> &'f [u8] {
        std::mem::take(&mut self.rest)
    }

    /// How many bytes remain.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Ends the message: leftovers are refused, never ignored.
    pub fn finish(self) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(Malformed::Trailing(left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_order() {
        let mut r = Reader::new(b"\x01\x00\x02ab\0\xff\xff\xff\xff\x00\x00\x00\x01z");
        assert_eq!(r.u8("a"), Ok(1));
        assert_eq!(r.u16("b"), Ok(2));
        assert_eq!(r.cstr("c"), Ok(&b"ab"[..]));
        assert_eq!(r.value("d"), Ok(None));
        assert_eq!(r.value("e"), Ok(Some(&b"z"[..])));
        assert_eq!(r.finish(), Ok(()));
    }

    #[test]
    fn a_field_never_leaves_its_frame() {
        assert_eq!(Reader::new(b"\x00").u16("a"), Err(Malformed::Truncated("a")));
        assert_eq!(Reader::new(b"abc").cstr("a"), Err(Malformed::Truncated("a")));
        assert_eq!(Reader::new(b"\x00\x00\x00\x09a").value("a"), Err(Malformed::Truncated("a")));
        assert_eq!(Reader::new(b"\xff\xff\xff\xfea").value("a"), Err(Malformed::Invalid("a")));
    }

    #[test]
    fn leftovers_are_refused() {
        assert_eq!(Reader::new(b"xy").finish(), Err(Malformed::Trailing(2)));
    }
}
