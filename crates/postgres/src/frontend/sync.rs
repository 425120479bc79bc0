//! Sync: ends a batch of the extended query protocol.
//!
//! The server commits an implicit transaction here, and after an error skips everything up to it.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// Ends a batch of the extended query protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sync;

impl Sync {
    /// Reads the body, which is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'S', |_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused() {
        assert_eq!(Sync::decode(b""), Ok(Sync));
        assert_eq!(Sync::decode(b"\0"), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn it_is_a_tag_and_a_length() {
        let mut out = BytesMut::new();
        Sync.encode(&mut out);
        assert_eq!(&out[..], b"S\0\0\0\x04");
    }
}
