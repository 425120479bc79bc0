//! NoData: answers Describe of a statement that returns no rows.
//!
//! RowDescription stands in its place where rows will come.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// Answers Describe of a statement that returns no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoData;

impl NoData {
    /// Reads the body, which is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'n', |_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused() {
        assert_eq!(NoData::decode(b""), Ok(NoData));
        assert_eq!(NoData::decode(b"\0"), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn it_is_a_tag_and_a_length() {
        let mut out = BytesMut::new();
        NoData.encode(&mut out);
        assert_eq!(&out[..], b"n\0\0\0\x04");
    }
}
