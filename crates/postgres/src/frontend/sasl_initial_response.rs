//! SASLInitialResponse: the mechanism a client chose, with its first message.
//!
//! Spec: "SASL Authentication". `Debug` shows only the mechanism: an OAUTHBEARER response holds the token.

use std::fmt;

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// The start of a SASL exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslInitialResponse<'f> {
    /// The mechanism's name.
    pub mechanism: &'f [u8],
    /// The first message, where the client sends one.
    pub data: Option<&'f [u8]>,
}

impl<'f> SaslInitialResponse<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let mechanism = r.cstr("mechanism")?;
        let data = r.value("initial response")?;
        r.finish()?;
        Ok(Self { mechanism, data })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'p', |out| {
            put::cstr(out, self.mechanism);
            put::value(out, self.data);
        });
    }
}

impl fmt::Debug for SaslInitialResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SaslInitialResponse({})", self.mechanism.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_specifications() {
        let message = SaslInitialResponse::decode(b"OAUTHBEARER\0\0\0\0\x03n,,").unwrap();
        assert_eq!((message.mechanism, message.data), (&b"OAUTHBEARER"[..], Some(&b"n,,"[..])));
        assert_eq!(SaslInitialResponse::decode(b"X\0\xff\xff\xff\xff").unwrap().data, None);
        assert_eq!(SaslInitialResponse::decode(b"X\0\0\0\0\0y"), Err(Malformed::Trailing(1)));
    }
}
