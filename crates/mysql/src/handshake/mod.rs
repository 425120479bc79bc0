//! The connection phase: a greeting, the client's answer, and what a plugin asks for until OK or ERR.
//!
//! An answer to AuthSwitchRequest or AuthMoreData has no form of its own: it is a payload that only the plugin reads.
//! Spec: "Connection Phase".

mod auth;
mod greeting;
mod identity_token;
mod response;

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Fault, Reader, Unsupported};

pub use auth::{AuthMoreData, AuthSwitchRequest};
pub use greeting::{Greeting, NONCE};
pub use identity_token::IdentityToken;
pub use response::{FirstReply, HandshakeResponse, SslRequest};

use crate::response::{ErrPacket, OkPacket};
use crate::{Capabilities, Credential};

/// What a server may say between the client's answer and the first command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'f> {
    /// The client is in.
    Ok(OkPacket<'f>),
    /// The client is not.
    Err(ErrPacket<'f>),
    /// See [`AuthSwitchRequest`].
    Switch(AuthSwitchRequest<'f>),
    /// See [`AuthMoreData`].
    More(AuthMoreData<'f>),
    /// MariaDB: what [`AuthMoreData`] holds, without a byte before it.
    Raw(Credential<'f>),
}

impl<'f> Reply<'f> {
    /// Reads a payload, by what was agreed.
    ///
    /// MySQL writes a byte before a plugin's data, MariaDB only where the data could be mistaken for something else.
    ///
    /// # Errors
    /// A second factor, passwords of old, wrong bytes.
    pub fn decode(body: &'f [u8], agreed: Capabilities) -> Result<Self, Fault> {
        match Reader::new(body).u8("header")? {
            0x00 => OkPacket::decode(body, agreed).map(Self::Ok).map_err(Fault::from),
            0x01 => AuthMoreData::decode(body).map(Self::More).map_err(Fault::from),
            0x02 => Err(Unsupported("a second factor").into()),
            0xfe => AuthSwitchRequest::decode(body).map(Self::Switch),
            0xff => ErrPacket::decode(body).map(Self::Err).map_err(Fault::from),
            _ => Ok(Self::Raw(Credential(body))),
        }
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Ok(message) => message.encode(out),
            Self::Err(message) => message.encode(out),
            Self::Switch(message) => message.encode(out),
            Self::More(message) => message.encode(out),
            Self::Raw(Credential(data)) => out.put_slice(data),
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_wire::Malformed;

    use super::*;

    fn decode(body: &[u8]) -> Result<Reply<'_>, Fault> {
        Reply::decode(body, Capabilities::default())
    }

    #[test]
    fn the_first_byte_says_what_it_is() {
        assert!(matches!(decode(b"\0\0\0\x02\0\0\0"), Ok(Reply::Ok(_))));
        assert!(matches!(decode(b"\xff\x15\x04#28000Access denied"), Ok(Reply::Err(_))));
        assert!(matches!(decode(b"\xfex\0"), Ok(Reply::Switch(_))));
        assert!(matches!(decode(b"\x01\x03"), Ok(Reply::More(_))));
        assert_eq!(decode(b"P\x01salt"), Ok(Reply::Raw(Credential(b"P\x01salt"))));
    }

    #[test]
    fn second_factors_and_old_passwords_are_refused() {
        assert_eq!(decode(b"\x02x\0"), Err(Unsupported("a second factor").into()));
        assert_eq!(decode(b"\xfe"), Err(Unsupported("mysql_old_password").into()));
        assert_eq!(decode(b""), Err(Malformed::Truncated("header").into()));
    }
}
