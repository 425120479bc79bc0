//! Terminate: says goodbye.
//!
//! Nothing after it is read, by the server or by us.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// Says goodbye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminate;

impl Terminate {
    /// Reads the body, which is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'X', |_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused() {
        assert_eq!(Terminate::decode(b""), Ok(Terminate));
        assert_eq!(Terminate::decode(b"\0"), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn it_is_a_tag_and_a_length() {
        let mut out = BytesMut::new();
        Terminate.encode(&mut out);
        assert_eq!(&out[..], b"X\0\0\0\x04");
    }
}
