//! AuthSwitchRequest and AuthMoreData: what a server asks for beyond the first proof.
//!
//! A switch of one byte asks for a password as before 4.1, which anybody who listens can undo: refused. So is a second
//! factor, which was never agreed. Spec: "Protocol::AuthSwitchRequest", "Protocol::AuthMoreData".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Fault, Malformed, Reader, Unsupported};

use crate::{Credential, put};

/// Asks for a proof by another plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthSwitchRequest<'f> {
    /// The plugin.
    pub plugin: &'f [u8],
    /// What the plugin begins with: mostly a nonce and a NUL.
    pub data: &'f [u8],
}

/// A plugin's own message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthMoreData<'f>(pub Credential<'f>);

impl<'f> AuthSwitchRequest<'f> {
    /// Reads a payload.
    ///
    /// # Errors
    /// A switch to passwords of old, wrong bytes.
    pub fn decode(body: &'f [u8]) -> Result<Self, Fault> {
        let mut r = Reader::new(body);
        if r.u8("header")? != 0xfe {
            return Err(Malformed::Invalid("header").into());
        }
        if r.remaining() == 0 {
            return Err(Unsupported("mysql_old_password").into());
        }
        Ok(Self { plugin: r.cstr("plugin")?, data: r.rest() })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(0xfe);
        put::cstr(out, self.plugin);
        out.put_slice(self.data);
    }

    /// The nonce, without the NUL that ends it.
    pub fn nonce(&self) -> &'f [u8] {
        self.data.strip_suffix(&[0]).unwrap_or(self.data)
    }
}

impl<'f> AuthMoreData<'f> {
    /// Reads a payload.
    ///
    /// # Errors
    /// Another first byte.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        match r.u8("header")? {
            1 => Ok(Self(Credential(r.rest()))),
            _ => Err(Malformed::Invalid("header")),
        }
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        let Self(Credential(data)) = self;
        out.put_u8(1);
        out.put_slice(data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_names_a_plugin() {
        let body = b"\xfemysql_native_password\0\x7a\x51\x67\x34\x69\x6f\x4e\x79\x3d\x72\x48\x4e\x2f\x3e\x2d\x62\x29\x41\x59\x41\0";
        let switch = AuthSwitchRequest::decode(body).unwrap();
        assert_eq!((switch.plugin, switch.nonce().len()), (&b"mysql_native_password"[..], 20));
        let mut out = BytesMut::new();
        switch.encode(&mut out);
        assert_eq!(&out[..], body);
    }

    #[test]
    fn a_switch_to_passwords_of_old_is_refused() {
        assert_eq!(AuthSwitchRequest::decode(b"\xfe"), Err(Unsupported("mysql_old_password").into()));
        assert_eq!(AuthSwitchRequest::decode(b"\xfex"), Err(Malformed::Truncated("plugin").into()));
        assert_eq!(AuthSwitchRequest::decode(b"\x00x\0"), Err(Malformed::Invalid("header").into()));
    }

    #[test]
    fn more_data_is_not_shown() {
        let more = AuthMoreData::decode(b"\x01\x04").unwrap();
        assert_eq!(more.0.0, b"\x04");
        assert_eq!(format!("{more:?}"), "AuthMoreData(Credential)");
        assert_eq!(AuthMoreData::decode(b"\x02\x04"), Err(Malformed::Invalid("header")));
    }
}
