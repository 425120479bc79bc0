//! EmptyQueryResponse: stands for CommandComplete where the text held no statement.
//!
//! A comment alone is an empty query.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// Stands for CommandComplete where the text held no statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptyQueryResponse;

impl EmptyQueryResponse {
    /// Reads the body, which is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'I', |_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused() {
        assert_eq!(EmptyQueryResponse::decode(b""), Ok(EmptyQueryResponse));
        assert_eq!(EmptyQueryResponse::decode(b"\0"), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn it_is_a_tag_and_a_length() {
        let mut out = BytesMut::new();
        EmptyQueryResponse.encode(&mut out);
        assert_eq!(&out[..], b"I\0\0\0\x04");
    }
}
