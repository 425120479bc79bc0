//! PasswordMessage: a password in clear, or its md5 form.
//!
//! It shares its letter with [`super::SaslInitialResponse`] and [`super::SaslResponse`]; what was asked decides. `Debug`
//! shows no password. Spec: "Message Formats", PasswordMessage.

use std::fmt;

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// An answer to a request for a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasswordMessage<'f> {
    /// The password or digest.
    pub password: &'f [u8],
}

impl<'f> PasswordMessage<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let password = r.cstr("password")?;
        r.finish()?;
        Ok(Self { password })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'p', |out| put::cstr(out, self.password));
    }
}

impl fmt::Debug for PasswordMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordMessage")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_string_and_never_printed() {
        let message = PasswordMessage::decode(b"hunter2\0").unwrap();
        assert_eq!(message.password, b"hunter2");
        assert_eq!(format!("{message:?}"), "PasswordMessage");
        assert_eq!(PasswordMessage::decode(b"hunter2\0x"), Err(Malformed::Trailing(1)));
    }
}
