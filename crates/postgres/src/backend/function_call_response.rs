//! FunctionCallResponse: the result of a FunctionCall.
//!
//! Spec: "Function Call".

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// The result of a function called by OID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionCallResponse<'f> {
    /// The value; `None` is NULL.
    pub value: Option<&'f [u8]>,
}

impl<'f> FunctionCallResponse<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let value = r.value("function result")?;
        r.finish()?;
        Ok(Self { value })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'V', |out| put::value(out, self.value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_not_empty() {
        assert_eq!(FunctionCallResponse::decode(b"\xff\xff\xff\xff").unwrap().value, None);
        assert_eq!(FunctionCallResponse::decode(b"\0\0\0\0").unwrap().value, Some(&b""[..]));
        assert_eq!(FunctionCallResponse::decode(b"\0\0\0\0x"), Err(Malformed::Trailing(1)));
    }
}
