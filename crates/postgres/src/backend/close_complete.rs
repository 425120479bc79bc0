//! CloseComplete: answers Close.
//!
//! Also sent when there was nothing of that name.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// Answers Close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseComplete;

impl CloseComplete {
    /// Reads the body, which is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'3', |_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused() {
        assert_eq!(CloseComplete::decode(b""), Ok(CloseComplete));
        assert_eq!(CloseComplete::decode(b"\0"), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn it_is_a_tag_and_a_length() {
        let mut out = BytesMut::new();
        CloseComplete.encode(&mut out);
        assert_eq!(&out[..], b"3\0\0\0\x04");
    }
}
