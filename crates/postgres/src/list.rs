//! Counted lists inside a message, checked once and then read without allocating.
//!
//! Every count is unsigned: PostgreSQL's `pq_getmsgint(…, 2)` and libpq's `pqGetInt(…, 2)` both read an unsigned 16-bit
//! integer, so a message may hold 65,535 parameters although the documentation says Int16.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::put;

macro_rules! fixed_list {
    ($(#[$doc:meta])* $name:ident, $item:ty, $size:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name<'f>(&'f [u8]);

        impl<'f> $name<'f> {
            pub(crate) fn decode(r: &mut Reader<'f>, field: &'static str) -> Result<Self, Malformed> {
                let count = usize::from(r.u16(field)?);
                r.bytes(count.saturating_mul($size), field).map(Self)
            }

            pub(crate) fn encode(&self, out: &mut BytesMut) {
                // INVARIANT: `decode` is the only source, so the count fits 16 bits.
                out.put_u16(u16::try_from(self.len()).unwrap_or(u16::MAX));
                out.put_slice(self.0);
            }

            /// How many there are.
            pub fn len(&self) -> usize {
                self.0.len() / $size
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Each in order.
            pub fn iter(&self) -> impl ExactSizeIterator<Item = $item> + use<'f> {
                let (items, _) = self.0.as_chunks::<$size>();
                items.iter().map(|bytes| <$item>::from_be_bytes(*bytes))
            }
        }
    };
}

fixed_list! {
    /// Format codes: 0 text, 1 binary. None means all text; one means the same for all.
    Formats, i16, 2
}
fixed_list! {
    /// Type OIDs, 0 where the server is to infer.
    TypeIds, u32, 4
}

impl Formats<'_> {
    /// The format code of value `index`, by the rule "none: text; one: for all; else one each".
    pub fn of(&self, index: usize) -> i16 {
        match self.len() {
            0 => 0,
            1 => self.iter().next().unwrap_or(0),
            _ => self.iter().nth(index).unwrap_or(0),
        }
    }
}

/// Values with 32-bit lengths, NULL among them: parameters, arguments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Values<'f> {
    count: u16,
    raw: &'f [u8],
}

impl<'f> Values<'f> {
    pub(crate) fn decode(r: &mut Reader<'f>, field: &'static str) -> Result<Self, Malformed> {
        let count = r.u16(field)?;
        let start = r.clone().rest();
        for _ in 0..count {
            r.value(field)?;
        }
        let length = start.len().saturating_sub(r.remaining());
        Ok(Self { count, raw: start.get(..length).unwrap_or_default() })
    }

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        out.put_u16(self.count);
        out.put_slice(self.raw);
    }

    /// How many there are, NULLs included.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each in order; `None` is NULL.
    pub fn iter(&self) -> impl Iterator<Item = Option<&'f [u8]>> + use<'f> {
        let mut r = Reader::new(self.raw);
        // INVARIANT: `decode` has walked these very bytes, so the reader cannot fail before the count is reached.
        (0..self.count).map_while(move |_| r.value("value").ok())
    }
}

/// A list of C strings ended by an empty one: SASL mechanisms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Names<'f>(&'f [u8]);

impl<'f> Names<'f> {
    pub(crate) fn decode(r: &mut Reader<'f>, field: &'static str) -> Result<Self, Malformed> {
        let start = r.clone().rest();
        while !r.cstr(field)?.is_empty() {}
        // The empty name that ends the list is one byte.
        let length = start.len().saturating_sub(r.remaining()).saturating_sub(1);
        Ok(Self(start.get(..length).unwrap_or_default()))
    }

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        out.put_slice(self.0);
        out.put_u8(0);
    }

    /// Each in order.
    pub fn iter(&self) -> impl Iterator<Item = &'f [u8]> + use<'f> {
        let mut r = Reader::new(self.0);
        std::iter::from_fn(move || r.cstr("name").ok())
    }
}

/// Writes a list of values, as [`Values`] reads it, from parts.
pub(crate) fn put_values(out: &mut BytesMut, values: &[Option<&[u8]>]) {
    out.put_u16(u16::try_from(values.len()).unwrap_or(u16::MAX));
    for value in values.iter().take(usize::from(u16::MAX)) {
        put::value(out, *value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_above_32767_is_a_count() {
        let mut body = vec![0xff, 0xff];
        body.resize(2 + 65_535 * 2, 1);
        let mut r = Reader::new(&body);
        assert_eq!(Formats::decode(&mut r, "formats").unwrap().len(), 65_535);
        assert_eq!(r.finish(), Ok(()));
    }

    #[test]
    fn a_count_beyond_the_frame_is_refused() {
        assert_eq!(TypeIds::decode(&mut Reader::new(b"\0\x02\0\0\0\x01"), "types"), Err(Malformed::Truncated("types")));
        assert_eq!(Values::decode(&mut Reader::new(b"\0\x01\0\0\0\x02a"), "v"), Err(Malformed::Truncated("v")));
        assert_eq!(Values::decode(&mut Reader::new(b"\0\x01\xff\xff\xff\xfe"), "v"), Err(Malformed::Invalid("v")));
    }

    #[test]
    fn one_format_stands_for_all() {
        let all = Formats::decode(&mut Reader::new(b"\0\x01\0\x01"), "f").unwrap();
        assert_eq!((all.of(0), all.of(9)), (1, 1));
        let each = Formats::decode(&mut Reader::new(b"\0\x02\0\0\0\x01"), "f").unwrap();
        assert_eq!((each.of(0), each.of(1)), (0, 1));
        assert_eq!(Formats::default().of(3), 0);
    }

    #[test]
    fn values_come_out_in_order() {
        let mut out = BytesMut::new();
        put_values(&mut out, &[Some(b"a"), None, Some(b"")]);
        let values = Values::decode(&mut Reader::new(&out), "v").unwrap();
        assert_eq!(values.iter().collect::<Vec<_>>(), [Some(&b"a"[..]), None, Some(b"")]);
    }

    #[test]
    fn names_end_at_the_empty_one() {
        let mut r = Reader::new(b"SCRAM-SHA-256\0X\0\0");
        let names = Names::decode(&mut r, "mechanism").unwrap();
        assert_eq!(names.iter().collect::<Vec<_>>(), [&b"SCRAM-SHA-256"[..], b"X"]);
        assert_eq!(Names::decode(&mut Reader::new(b"X\0"), "mechanism"), Err(Malformed::Truncated("mechanism")));
    }
}
