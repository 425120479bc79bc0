//! CopyDone: ends a COPY stream.
//!
//! Client and server send the same bytes for it.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// Ends a COPY stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyDone;

impl CopyDone {
    /// Reads the body, which is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'c', |_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused() {
        assert_eq!(CopyDone::decode(b""), Ok(CopyDone));
        assert_eq!(CopyDone::decode(b"\0"), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn it_is_a_tag_and_a_length() {
        let mut out = BytesMut::new();
        CopyDone.encode(&mut out);
        assert_eq!(&out[..], b"c\0\0\0\x04");
    }
}
