//! HandshakeV10: the server's greeting, before anybody knows the client.
//!
//! Read from upstreams and written to clients. A server that lacks what the protocol here stands on (plugins, a nonce of
//! 20 bytes) is refused. The version text says MariaDB or MySQL to clients, so it is the caller's to choose. Spec:
//! "Protocol::HandshakeV10"; MariaDB "Connecting", initial handshake. HandshakeV9 is absent.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Fault, Malformed, Reader, Unsupported};

use crate::capabilities::REQUIRED;
use crate::response::Status;
use crate::{Capabilities, put};

/// The length of a nonce, in bytes.
pub const NONCE: usize = 20;

/// How long servers say that the nonce is: a NUL ends it.
const NONCE_WITH_NUL: u8 = 21;

/// The server's greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting<'f> {
    /// The server's version, which also says whose it is.
    pub version: &'f [u8],
    /// The connection's id, for KILL.
    pub connection: u32,
    /// The random bytes that a proof is made with.
    pub nonce: [u8; NONCE],
    /// What the server can do.
    pub capabilities: Capabilities,
    /// The collation that stands for the server's character set.
    pub collation: u8,
    /// The server's state.
    pub status: Status,
    /// The plugin that the nonce is for.
    pub plugin: &'f [u8],
}

impl<'f> Greeting<'f> {
    /// Reads a payload.
    ///
    /// # Errors
    /// Another version of the protocol, a server that lacks what is needed, wrong bytes.
    pub fn decode(body: &'f [u8]) -> Result<Self, Fault> {
        let mut r = Reader::new(body);
        if r.u8("protocol version")? != 10 {
            return Err(Unsupported("a protocol version other than 10").into());
        }
        let version = r.cstr("server version")?;
        let connection = r.u32_le("connection")?;
        let first = r.array::<8>("nonce")?;
        zero(r.array::<1>("filler")?, "filler")?;
        let low = r.array::<2>("capabilities")?;
        let collation = r.u8("collation")?;
        let status = Status::from_bits(r.u16_le("status")?);
        let high = r.array::<2>("capabilities")?;
        let length = r.u8("nonce length")?;
        zero(r.array::<6>("reserved")?, "reserved")?;
        let extended = r.u32_le("extended capabilities")?;
        let capabilities = Capabilities::from_parts(u32::from(u16::from_le_bytes(low)) | high_bits(high), extended);
        if !capabilities.has(REQUIRED) {
            return Err(Unsupported("a server without the capabilities of 4.1 and plugins").into());
        }
        if length != NONCE_WITH_NUL || extended != capabilities.extended() {
            return Err(Malformed::Invalid("nonce length or reserved bytes").into());
        }
        let second = r.array::<12>("nonce")?;
        zero(r.array::<1>("nonce")?, "nonce")?;
        let plugin = r.cstr("plugin")?;
        r.finish()?;
        Ok(Self { version, connection, nonce: join(first, second), capabilities, collation, status, plugin })
    }

    /// Writes the whole payload. The nonce should hold no NUL: clients of old end it there.
    pub fn encode(&self, out: &mut BytesMut) {
        let (first, second) = self.nonce.split_at_checked(8).unwrap_or((&self.nonce, &[]));
        let [a, b, c, d] = self.capabilities.lower().to_le_bytes();
        out.put_u8(10);
        put::cstr(out, self.version);
        out.put_u32_le(self.connection);
        out.put_slice(first);
        out.put_slice(&[0, a, b, self.collation]);
        out.put_u16_le(self.status.bits());
        out.put_slice(&[c, d, NONCE_WITH_NUL, 0, 0, 0, 0, 0, 0]);
        out.put_u32_le(self.capabilities.extended());
        out.put_slice(second);
        out.put_u8(0);
        put::cstr(out, self.plugin);
    }
}

fn high_bits([c, d]: [u8; 2]) -> u32 {
    u32::from_le_bytes([0, 0, c, d])
}

fn join(first: [u8; 8], second: [u8; 12]) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    for (to, from) in nonce.iter_mut().zip(first.iter().chain(&second)) {
        *to = *from;
    }
    nonce
}

/// Refuses bytes that must be zero and are not: they would say something that is not understood.
pub(super) fn zero<const N: usize>(bytes: [u8; N], field: &'static str) -> Result<(), Malformed> {
    if bytes == [0; N] { Ok(()) } else { Err(Malformed::Invalid(field)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification, of a MySQL 5.6, its length of 21 included.
    const BODY: &[u8] =
        b"\x0a5.6.4-m7-log\0\x56\x0a\0\0\x52\x42\x33\x76\x7a\x26\x47\x72\0\xff\xff\x08\x02\0\x0f\xc0\x15\
        \0\0\0\0\0\0\0\0\0\0\x2b\x79\x44\x26\x2f\x5a\x5a\x33\x30\x35\x5a\x47\0mysql_native_password\0";

    #[test]
    fn the_specifications_example_is_read() {
        // Bit 19, PLUGIN_AUTH, is in 0xc00f.
        let greeting = Greeting::decode(BODY).unwrap();
        assert_eq!((greeting.version, greeting.connection), (&b"5.6.4-m7-log"[..], 2_646));
        assert_eq!(&greeting.nonce, b"RB3vz&Gr+yD&/ZZ305ZG");
        assert_eq!((greeting.collation, greeting.plugin), (8, &b"mysql_native_password"[..]));
        assert_eq!(greeting.capabilities.lower(), 0xc00f_ffff);
        assert!(greeting.status.has(Status::AUTOCOMMIT));
        let mut out = BytesMut::new();
        greeting.encode(&mut out);
        assert_eq!(&out[..], BODY);
    }

    #[test]
    fn every_cut_and_leftover_is_refused() {
        for end in 0..BODY.len() {
            assert!(Greeting::decode(&BODY[..end]).is_err(), "cut at {end}");
        }
        assert_eq!(Greeting::decode(&[BODY, b"x"].concat()), Err(Malformed::Trailing(1).into()));
    }

    #[test]
    fn mariadb_says_more_in_the_reserved_bytes() {
        let lower = Greeting::decode(BODY).unwrap().capabilities.lower() & !1;
        let greeting =
            Greeting { capabilities: Capabilities::from_parts(lower, 0x1d), ..Greeting::decode(BODY).unwrap() };
        let mut out = BytesMut::new();
        greeting.encode(&mut out);
        assert_eq!(Greeting::decode(&out), Ok(greeting));
        // The same bytes from a server that calls itself MySQL are not understood.
        out[27] |= 1;
        assert!(Greeting::decode(&out).is_err());
    }

    #[test]
    fn a_server_without_plugins_is_refused() {
        let mut body = BODY.to_vec();
        body[32] = 0;
        assert!(matches!(Greeting::decode(&body), Err(Fault::Unsupported(_))));
        body[0] = 9;
        assert!(matches!(Greeting::decode(&body), Err(Fault::Unsupported(_))));
    }
}
