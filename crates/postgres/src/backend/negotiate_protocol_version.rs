//! NegotiateProtocolVersion: the server speaks an older minor version, or does not know some `_pq_.` options.
//!
//! The specification calls the first field a minor version; every server that sends it sends the whole version number
//! (196,608 for 3.0). Both are read. Spec: "Message Formats", NegotiateProtocolVersion.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// What the server speaks instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NegotiateProtocolVersion<'f> {
    /// The newest version it speaks, as it wrote it.
    pub version: u32,
    count: u32,
    raw: &'f [u8],
}

impl<'f> NegotiateProtocolVersion<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let version = r.u32("protocol version")?;
        if !matches!(version >> 16, 0 | 3) {
            return Err(Malformed::Invalid("protocol version"));
        }
        let count = r.u32("option count")?;
        let raw = r.clone().rest();
        // Each option takes at least a byte, so a count beyond the body ends at the first that is missing.
        for _ in 0..count {
            r.cstr("option")?;
        }
        r.finish()?;
        Ok(Self { version, count, raw })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'v', |out| {
            out.put_u32(self.version);
            out.put_u32(self.count);
            out.put_slice(self.raw);
        });
    }

    /// Writes our own: we speak 3.`minor`, and do not know `options`.
    pub fn put(out: &mut BytesMut, minor: u16, options: &[&[u8]]) {
        put::message(out, b'v', |out| {
            out.put_u16(3);
            out.put_u16(minor);
            out.put_u32(u32::try_from(options.len()).unwrap_or(u32::MAX));
            for option in options {
                put::cstr(out, option);
            }
        });
    }

    /// The minor version.
    pub fn minor(&self) -> u16 {
        let [_, _, high, low] = self.version.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// The options it does not know.
    pub fn options(&self) -> impl Iterator<Item = &'f [u8]> + use<'f> {
        let mut r = Reader::new(self.raw);
        std::iter::from_fn(move || r.cstr("option").ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_version_are_read() {
        assert_eq!(NegotiateProtocolVersion::decode(b"\0\x03\0\x02\0\0\0\0").unwrap().minor(), 2);
        assert_eq!(NegotiateProtocolVersion::decode(b"\0\0\0\0\0\0\0\0").unwrap().minor(), 0);
        assert!(NegotiateProtocolVersion::decode(b"\0\x02\0\0\0\0\0\0").is_err());
    }

    #[test]
    fn what_is_put_is_read() {
        let mut out = BytesMut::new();
        NegotiateProtocolVersion::put(&mut out, 2, &[b"_pq_.x"]);
        let message = NegotiateProtocolVersion::decode(&out[5..]).unwrap();
        assert_eq!((message.minor(), message.options().collect::<Vec<_>>()), (2, vec![&b"_pq_.x"[..]]));
    }

    #[test]
    fn a_count_beyond_the_body_is_refused_at_once() {
        let body = b"\0\x03\0\0\xff\xff\xff\xff";
        assert_eq!(NegotiateProtocolVersion::decode(body), Err(Malformed::Truncated("option")));
    }
}
