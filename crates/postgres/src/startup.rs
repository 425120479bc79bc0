//! The first packet of a connection, which has no tag: a startup message, a request for encryption, or a cancel.
//!
//! It is the only thing that anybody at all can make us read, so it is short (PostgreSQL's own bound), complete before it
//! is looked at, and strict: a name that stands twice is refused, because the server would take the last and a reader
//! the first. TLS that starts at once (`sslnegotiation=direct`) is not a packet; see [`is_tls`]. Spec: "Start-up" and
//! "Message Formats", StartupMessage.

use bytes::{BufMut, Bytes, BytesMut};
use portcullis_wire::{Fault, Malformed, Reader, Unsupported, limits};
use std::fmt;

use crate::frame;
use crate::put;

const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

// LIMIT: drivers send a dozen parameters; the search for duplicates is quadratic in this.
const PARAMETERS: usize = 128;

/// The first packet of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstPacket<'f> {
    /// A session is wanted.
    Startup(Startup<'f>),
    /// TLS is wanted; one byte is the answer, and another first packet follows.
    SslRequest,
    /// GSSAPI encryption is wanted; one byte is the answer, and another first packet follows.
    GssEncRequest,
    /// Another session's statement is to be cancelled; nothing is answered.
    Cancel(Cancel<'f>),
}

/// A session is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Startup<'f> {
    /// The minor version of protocol 3 that the client speaks.
    pub protocol_minor: u16,
    raw: &'f [u8],
}

/// Another session's statement is to be cancelled. `Debug` shows only the process id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cancel<'f> {
    /// The process of that session.
    pub process: u32,
    /// The secret of that session, 4 to 256 bytes. Compare it in constant time.
    pub secret: &'f [u8],
}

/// Whether a connection that starts with `first` starts with TLS: a handshake record's type is 22, the length of a packet
/// never begins so.
pub fn is_tls(first: u8) -> bool {
    first == 22
}

/// Cuts the first packet off `buf`, or leaves `buf` untouched while it is not all there.
///
/// # Errors
/// An impossible length, or one over [`limits::STARTUP`].
pub fn split(buf: &mut BytesMut) -> Result<Option<Bytes>, Fault> {
    let Some((length, _)) = buf.split_first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Malformed::Invalid("packet length"))?;
    if length < 8 {
        return Err(Malformed::Invalid("packet length").into());
    }
    frame::within(length, limits::STARTUP)?;
    if buf.len() < length {
        return Ok(None);
    }
    Ok(Some(buf.split_to(length).freeze()))
}

impl<'f> FirstPacket<'f> {
    /// Reads a packet that [`split`] cut.
    ///
    /// # Errors
    /// Malformed bytes, or a protocol that is not version 3.
    pub fn decode(packet: &'f [u8]) -> Result<Self, Fault> {
        let mut r = Reader::new(packet);
        if usize::try_from(r.u32("packet length")?) != Ok(packet.len()) {
            return Err(Malformed::Invalid("packet length").into());
        }
        let code = r.u32("protocol version")?;
        let first = match code {
            SSL_REQUEST => Self::SslRequest,
            GSSENC_REQUEST => Self::GssEncRequest,
            CANCEL_REQUEST => {
                let process = r.u32("process")?;
                return Ok(Self::Cancel(Cancel { process, secret: secret(r)? }));
            }
            _ => return Startup::decode(code, r).map(Self::Startup),
        };
        r.finish()?;
        Ok(first)
    }

    /// Writes the whole packet.
    pub fn encode(&self, out: &mut BytesMut) {
        put::packet(out, |out| match self {
            Self::SslRequest => out.put_u32(SSL_REQUEST),
            Self::GssEncRequest => out.put_u32(GSSENC_REQUEST),
            Self::Cancel(cancel) => {
                out.put_u32(CANCEL_REQUEST);
                out.put_u32(cancel.process);
                out.put_slice(cancel.secret);
            }
            Self::Startup(startup) => {
                put_version(out, startup.protocol_minor);
                out.put_slice(startup.raw);
                out.put_u8(0);
            }
        });
    }
}

impl<'f> Startup<'f> {
    fn decode(code: u32, mut r: Reader<'f>) -> Result<Self, Fault> {
        let [_, major, high, low] = code.to_be_bytes();
        if code >> 16 != 3 || major != 3 {
            return Err(Unsupported("protocol version other than 3").into());
        }
        let start = r.clone().rest();
        let mut count: usize = 0;
        while !r.cstr("parameter name")?.is_empty() {
            r.cstr("parameter value")?;
            count = count.saturating_add(1);
        }
        r.finish()?;
        if count > PARAMETERS {
            return Err(Malformed::Invalid("parameter count").into());
        }
        let raw = start.split_last().map(|(_, pairs)| pairs).unwrap_or_default();
        let startup = Self { protocol_minor: u16::from_be_bytes([high, low]), raw };
        startup.refuse_duplicates()?;
        Ok(startup)
    }

    // EVASION: `user` twice is two users, one for whoever judges and one for the server.
    fn refuse_duplicates(&self) -> Result<(), Malformed> {
        for (index, (name, _)) in self.parameters().enumerate() {
            if self.parameters().take(index).any(|(earlier, _)| earlier == name) {
                return Err(Malformed::Invalid("duplicate parameter name"));
            }
        }
        Ok(())
    }

    /// Writes a startup message of `parameters`.
    pub fn put<'a>(out: &mut BytesMut, minor: u16, parameters: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) {
        put::packet(out, |out| {
            put_version(out, minor);
            for (name, value) in parameters {
                put::cstr(out, name);
                put::cstr(out, value);
            }
            out.put_u8(0);
        });
    }

    /// Name and value of each parameter, in order, `_pq_.` options among them.
    pub fn parameters(&self) -> impl Iterator<Item = (&'f [u8], &'f [u8])> + use<'f> {
        let mut r = Reader::new(self.raw);
        std::iter::from_fn(move || Some((r.cstr("parameter name").ok()?, r.cstr("parameter value").ok()?)))
    }

    /// The value of one parameter.
    pub fn parameter(&self, name: &[u8]) -> Option<&'f [u8]> {
        self.parameters().find(|&(each, _)| each == name).map(|(_, value)| value)
    }

    /// The user's name; an empty one is none, as for the server.
    pub fn user(&self) -> Option<&'f [u8]> {
        self.parameter(b"user").filter(|user| !user.is_empty())
    }

    /// The database's name, which by default is the user's.
    pub fn database(&self) -> Option<&'f [u8]> {
        self.parameter(b"database").filter(|name| !name.is_empty()).or_else(|| self.user())
    }

    /// The protocol options asked for, `_pq_.` included in the name.
    pub fn protocol_options(&self) -> impl Iterator<Item = (&'f [u8], &'f [u8])> + use<'f> {
        self.parameters().filter(|(name, _)| name.starts_with(b"_pq_."))
    }

    /// Whether the session would be one for replication, in which another language than SQL is spoken. Anything but a
    /// plain no counts as yes.
    pub fn replication(&self) -> bool {
        let no: [&[u8]; 4] = [b"false", b"off", b"no", b"0"];
        self.parameter(b"replication").is_some_and(|value| !no.contains(&value))
    }
}

impl fmt::Debug for Cancel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cancel({})", self.process)
    }
}

/// Reads a cancel secret, which ends its message.
pub(crate) fn secret<'f>(mut r: Reader<'f>) -> Result<&'f [u8], Malformed> {
    let secret = r.rest();
    match secret.len() {
        4..=256 => Ok(secret),
        _ => Err(Malformed::Invalid("cancel secret")),
    }
}

fn put_version(out: &mut BytesMut, minor: u16) {
    out.put_u16(3);
    out.put_u16(minor);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pairs: &[(&str, &str)]) -> BytesMut {
        let mut out = BytesMut::new();
        Startup::put(&mut out, 2, pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())));
        out
    }

    fn startup(packet: &[u8]) -> Startup<'_> {
        match FirstPacket::decode(packet) {
            Ok(FirstPacket::Startup(startup)) => startup,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parameters_are_read_in_order() {
        let packet = packet(&[("user", "ana"), ("database", "shop"), ("_pq_.x", "1")]);
        let startup = startup(&packet);
        assert_eq!((startup.protocol_minor, startup.user()), (2, Some(&b"ana"[..])));
        assert_eq!(startup.database(), Some(&b"shop"[..]));
        assert_eq!(startup.protocol_options().collect::<Vec<_>>(), [(&b"_pq_.x"[..], &b"1"[..])]);
        assert_eq!(startup.parameters().count(), 3);
    }

    #[test]
    fn the_database_is_the_users_by_default() {
        assert_eq!(startup(&packet(&[("user", "ana")])).database(), Some(&b"ana"[..]));
        assert_eq!(startup(&packet(&[("user", "")])).user(), None);
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let packet = packet(&[("user", "ana"), ("x", "1"), ("user", "root")]);
        assert!(FirstPacket::decode(&packet).is_err());
    }

    #[test]
    fn more_parameters_than_any_driver_sends_are_refused() {
        let names: Vec<String> = (0..129).map(|n| format!("p{n}")).collect();
        let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(FirstPacket::decode(&packet(&pairs)).is_err());
        assert!(FirstPacket::decode(&packet(&pairs[..128])).is_ok());
    }

    #[test]
    fn replication_is_anything_but_a_plain_no() {
        for (value, expected) in [("true", true), ("database", true), ("ON", true), ("tru", true), ("off", false)] {
            assert_eq!(startup(&packet(&[("replication", value)])).replication(), expected, "{value}");
        }
        assert!(!startup(&packet(&[])).replication());
    }

    #[test]
    fn a_missing_or_early_end_is_refused() {
        let mut early = BytesMut::new();
        put::packet(&mut early, |out| out.put_slice(b"\0\x03\0\0user\0ana\0\0options\0x\0\0"));
        assert!(FirstPacket::decode(&early).is_err());
        let mut missing = BytesMut::new();
        put::packet(&mut missing, |out| out.put_slice(b"\0\x03\0\0user\0ana\0"));
        assert!(FirstPacket::decode(&missing).is_err());
    }

    #[test]
    fn other_major_versions_are_not_spoken() {
        assert!(matches!(FirstPacket::decode(b"\0\0\0\x09\0\x02\0\0\0"), Err(Fault::Unsupported(_))));
        assert!(matches!(FirstPacket::decode(b"\0\0\0\x09\x03\x03\0\0\0"), Err(Fault::Unsupported(_))));
    }

    #[test]
    fn a_cancel_names_process_and_secret() {
        let mut out = BytesMut::new();
        FirstPacket::Cancel(Cancel { process: 7, secret: &[1; 32] }).encode(&mut out);
        assert_eq!(FirstPacket::decode(&out), Ok(FirstPacket::Cancel(Cancel { process: 7, secret: &[1; 32] })));
        assert!(FirstPacket::decode(b"\0\0\0\x0f\x04\xd2\x16\x2e\0\0\0\x07abc").is_err());
    }

    #[test]
    fn a_request_for_encryption_carries_nothing_else() {
        assert_eq!(FirstPacket::decode(b"\0\0\0\x08\x04\xd2\x16\x2f"), Ok(FirstPacket::SslRequest));
        assert_eq!(FirstPacket::decode(b"\0\0\0\x08\x04\xd2\x16\x30"), Ok(FirstPacket::GssEncRequest));
        assert!(FirstPacket::decode(b"\0\0\0\x09\x04\xd2\x16\x2fx").is_err());
    }

    #[test]
    fn length_is_bounded_before_anything_is_waited_for() {
        assert!(split(&mut BytesMut::from(&b"\0\0\0\x07"[..])).is_err());
        assert!(split(&mut BytesMut::from(&b"\0\0\x27\x11"[..])).is_err());
        assert_eq!(split(&mut BytesMut::from(&b"\0\0\x27\x10"[..])), Ok(None));
        assert!(is_tls(0x16) && !is_tls(0));
    }
}
