//! BindComplete: answers Bind.
//!
//! The portal exists from here on.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// Answers Bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindComplete;

impl BindComplete {
    /// Reads the body, which is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'2', |_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused() {
        assert_eq!(BindComplete::decode(b""), Ok(BindComplete));
        assert_eq!(BindComplete::decode(b"\0"), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn it_is_a_tag_and_a_length() {
        let mut out = BytesMut::new();
        BindComplete.encode(&mut out);
        assert_eq!(&out[..], b"2\0\0\0\x04");
    }
}
