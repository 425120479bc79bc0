//! Names with values, both length-encoded: connection attributes, and system variables that a session tracker reports.
//!
//! Checked once when decoded and then read without allocating. Spec: "Protocol::HandshakeResponse41", client attributes.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::lenenc;

/// A list of names with values, to the end of its bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pairs<'f>(&'f [u8]);

impl<'f> Pairs<'f> {
    /// Reads all of `raw`.
    ///
    /// # Errors
    /// A name without a value, or a length that reaches outside.
    pub fn decode(raw: &'f [u8], field: &'static str) -> Result<Self, Malformed> {
        let mut r = Reader::new(raw);
        while r.remaining() > 0 {
            lenenc::bytes(&mut r, field)?;
            lenenc::bytes(&mut r, field)?;
        }
        Ok(Self(raw))
    }

    /// Reads a list with its length in bytes before it.
    pub(crate) fn counted(r: &mut Reader<'f>, field: &'static str) -> Result<Self, Malformed> {
        Self::decode(lenenc::bytes(r, field)?, field)
    }

    /// Writes the list with its length in bytes before it.
    pub(crate) fn encode_counted(&self, out: &mut BytesMut) {
        lenenc::put_bytes(out, self.0);
    }

    /// Writes pairs that [`Pairs::decode`] reads.
    pub fn put<'a>(out: &mut BytesMut, pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) {
        for (name, value) in pairs {
            lenenc::put_bytes(out, name);
            lenenc::put_bytes(out, value);
        }
    }

    /// The bytes of the list, without a length before it.
    pub fn raw(&self) -> &'f [u8] {
        self.0
    }

    /// Writes the list as it was read.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_slice(self.0);
    }

    /// Each in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'f [u8], &'f [u8])> + use<'f> {
        let mut r = Reader::new(self.0);
        // INVARIANT: `decode` has walked these very bytes.
        std::iter::from_fn(move || Some((lenenc::bytes(&mut r, "name").ok()?, lenenc::bytes(&mut r, "value").ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_out_in_order() {
        let mut out = BytesMut::new();
        Pairs::put(&mut out, [(&b"_os"[..], &b"Linux"[..]), (b"x", b"")]);
        assert_eq!(&out[..], b"\x03_os\x05Linux\x01x\x00");
        let pairs = Pairs::decode(&out, "attribute").unwrap();
        assert_eq!(pairs.iter().collect::<Vec<_>>(), [(&b"_os"[..], &b"Linux"[..]), (b"x", b"")]);
    }

    #[test]
    fn a_name_without_a_value_is_refused() {
        assert_eq!(Pairs::decode(b"\x01x", "attribute"), Err(Malformed::Truncated("attribute")));
        assert_eq!(Pairs::decode(b"\x01x\xfb", "attribute"), Err(Malformed::Invalid("attribute")));
        assert_eq!(Pairs::decode(b"\x01x\x02a", "attribute"), Err(Malformed::Truncated("attribute")));
    }
}
