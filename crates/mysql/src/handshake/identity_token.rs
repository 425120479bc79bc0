//! What a client of MySQL 9 sends for `authentication_openid_connect_client`: its identity token.
//!
//! A byte of capabilities, of which only 1 is known, and the token with its length. The client sends it over TLS or a
//! Unix socket only, and reads nothing from the server before it. Spec: MySQL's
//! `authentication_openid_connect_client_plugin.cc`.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::{Credential, lenenc};

/// The one capability there is.
const CAPABILITY: u8 = 1;

/// An identity token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityToken<'f>(pub Credential<'f>);

impl<'f> IdentityToken<'f> {
    /// Reads a payload, or the proof of a sign-in.
    ///
    /// # Errors
    /// Other capabilities, a length that reaches outside, leftovers.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        if r.u8("capability")? != CAPABILITY {
            return Err(Malformed::Invalid("capability"));
        }
        let token = lenenc::bytes(&mut r, "identity token")?;
        r.finish()?;
        Ok(Self(Credential(token)))
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        let Self(Credential(token)) = self;
        out.put_u8(CAPABILITY);
        lenenc::put_bytes(out, token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_clients() {
        let body = [&b"\x01\xfc\x2c\x01"[..], &[b'x'; 300]].concat();
        let token = IdentityToken::decode(&body).unwrap();
        assert_eq!(token.0.0, [b'x'; 300]);
        let mut out = BytesMut::new();
        token.encode(&mut out);
        assert_eq!(&out[..], body);
        for end in 0..body.len() {
            assert!(IdentityToken::decode(&body[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn leftovers_and_other_capabilities_are_refused() {
        assert_eq!(IdentityToken::decode(b"\x01\x01ab"), Err(Malformed::Trailing(1)));
        assert_eq!(IdentityToken::decode(b"\x02\x01a"), Err(Malformed::Invalid("capability")));
        assert_eq!(format!("{:?}", IdentityToken::decode(b"\x01\x01a")), "Ok(IdentityToken(Credential))");
    }
}
