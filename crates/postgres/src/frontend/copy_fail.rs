//! CopyFail: the client gives up its COPY stream, with a reason that the server puts into its error.
//!
//! Spec: "COPY Operations".

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// A COPY stream given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyFail<'f> {
    /// Why.
    pub reason: &'f [u8],
}

impl<'f> CopyFail<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let reason = r.cstr("reason")?;
        r.finish()?;
        Ok(Self { reason })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'f', |out| put::cstr(out, self.reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_one_string() {
        assert_eq!(CopyFail::decode(b"no\0"), Ok(CopyFail { reason: b"no" }));
        assert_eq!(CopyFail::decode(b"no\0no\0"), Err(Malformed::Trailing(3)));
    }
}
