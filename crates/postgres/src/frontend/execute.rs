//! Execute: runs a portal, to its end or for so many rows.
//!
//! Spec: "Extended Query".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// A request to run a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execute<'f> {
    /// The portal.
    pub portal: &'f [u8],
    /// The most rows to return; zero and below mean all, as the server reads it.
    pub max_rows: i32,
}

impl<'f> Execute<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let portal = r.cstr("portal")?;
        let max_rows = r.i32("row limit")?;
        r.finish()?;
        Ok(Self { portal, max_rows })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'E', |out| {
            put::cstr(out, self.portal);
            out.put_i32(self.max_rows);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_specifications() {
        assert_eq!(Execute::decode(b"p\0\0\0\0\x05"), Ok(Execute { portal: b"p", max_rows: 5 }));
        assert_eq!(Execute::decode(b"p\0\0\0\0"), Err(Malformed::Truncated("row limit")));
        assert_eq!(Execute::decode(b"p\0\0\0\0\x05\x05"), Err(Malformed::Trailing(1)));
    }
}
