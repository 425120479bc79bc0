//! PortalSuspended: says that Execute reached its row limit.
//!
//! The portal keeps the rest; another Execute continues it.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// Says that Execute reached its row limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortalSuspended;

impl PortalSuspended {
    /// Reads the body, which is empty.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        Reader::new(body).finish()?;
        Ok(Self)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b's', |_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_refused() {
        assert_eq!(PortalSuspended::decode(b""), Ok(PortalSuspended));
        assert_eq!(PortalSuspended::decode(b"\0"), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn it_is_a_tag_and_a_length() {
        let mut out = BytesMut::new();
        PortalSuspended.encode(&mut out);
        assert_eq!(&out[..], b"s\0\0\0\x04");
    }
}
