//! SASLResponse: a later message of a SASL exchange.
//!
//! Spec: "SASL Authentication". `Debug` shows none of it.

use std::fmt;

use bytes::{BufMut, BytesMut};
use portcullis_wire::Malformed;

use crate::put;

/// A later message of a SASL exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslResponse<'f> {
    /// What the mechanism says.
    pub data: &'f [u8],
}

impl<'f> SaslResponse<'f> {
    /// Reads the body, which is data to its end.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        Ok(Self { data: body })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'p', |out| out.put_slice(self.data));
    }
}

impl fmt::Debug for SaslResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaslResponse")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_the_whole_body_and_never_printed() {
        let message = SaslResponse::decode(b"c=biws,r=x,p=secret").unwrap();
        assert_eq!(message.data, b"c=biws,r=x,p=secret");
        assert_eq!(format!("{message:?}"), "SaslResponse");
    }
}
