//! Flush: asks the server to send what it has answered so far.
//!
//! It ends nothing: the transaction and the batch go on.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// Asks the server to send what it has answered so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flush;

impl Flush {
    /// Reads the body, which is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'H', |_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused() {
        assert_eq!(Flush::decode(b""), Ok(Flush));
        assert_eq!(Flush::decode(b"\0"), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn it_is_a_tag_and_a_length() {
        let mut out = BytesMut::new();
        Flush.encode(&mut out);
        assert_eq!(&out[..], b"H\0\0\0\x04");
    }
}
