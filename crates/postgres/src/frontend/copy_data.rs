//! CopyData: a piece of a COPY stream.
//!
//! A piece need not be a row: clients cut where they like, servers send a row each. Client and server send the same bytes
//! for it. Spec: "COPY Operations".

use bytes::{BufMut, BytesMut};
use portcullis_wire::Malformed;

use crate::put;

/// A piece of a COPY stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyData<'f> {
    /// The bytes.
    pub data: &'f [u8],
}

impl<'f> CopyData<'f> {
    /// Reads the body, which is data to its end.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        Ok(Self { data: body })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'd', |out| out.put_slice(self.data));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_the_whole_body() {
        let mut out = BytesMut::new();
        CopyData::decode(b"1\t\0\n").unwrap().encode(&mut out);
        assert_eq!(&out[..], b"d\0\0\0\x081\t\0\n");
    }
}
