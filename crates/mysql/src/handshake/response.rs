//! SSLRequest and HandshakeResponse41: the client's answer to the greeting.
//!
//! The first 32 bytes of both are the same, and a client that wants TLS sends nothing more. A server looks only at the
//! capability `SSL` to tell them apart, so on a plain connection a longer packet with it is refused here: the rest would
//! be data in clear before TLS. Spec: "Protocol::SSLRequest", "Protocol::HandshakeResponse41"; MariaDB "Connecting". The
//! answer from before 4.1 is refused.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Fault, Malformed, Reader, Unsupported};

use super::greeting::zero;
use crate::capabilities::REQUIRED;
use crate::{Capabilities, Credential, Pairs, lenenc, put};

/// What every answer begins with, and all that an SSLRequest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SslRequest {
    /// What the client wants, of what the server offered.
    pub capabilities: Capabilities,
    /// The longest packet that the client takes, in bytes.
    pub max_packet: u32,
    /// The collation that stands for the client's character set.
    pub collation: u8,
}

/// The client's sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeResponse<'f> {
    /// The first 32 bytes.
    pub head: SslRequest,
    /// Who.
    pub user: &'f [u8],
    /// The proof, for the plugin named below.
    pub proof: Credential<'f>,
    /// The default database, exactly where [`Capabilities::CONNECT_WITH_DB`] is set.
    pub database: Option<&'f [u8]>,
    /// The plugin that made the proof.
    pub plugin: &'f [u8],
    /// Connection attributes, exactly where [`Capabilities::CONNECT_ATTRS`] is set.
    pub attributes: Option<Pairs<'f>>,
}

/// The first packet of a client on a connection without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstReply<'f> {
    /// TLS is to follow.
    SslRequest(SslRequest),
    /// The sign-in, in clear.
    HandshakeResponse(HandshakeResponse<'f>),
}

impl<'f> FirstReply<'f> {
    /// Reads the first payload of a client that does not speak TLS yet.
    ///
    /// # Errors
    /// As for the two, and bytes after an SSLRequest.
    // EVASION: what a client sends before TLS is never used after it (`bytes_after_an_ssl_request_are_refused`).
    pub fn decode(body: &'f [u8]) -> Result<Self, Fault> {
        let mut r = Reader::new(body);
        let head = SslRequest::head(&mut r)?;
        if head.capabilities.has(Capabilities::SSL) {
            r.finish()?;
            return Ok(Self::SslRequest(head));
        }
        HandshakeResponse::after_head(head, r).map(Self::HandshakeResponse)
    }
}

impl SslRequest {
    fn head(r: &mut Reader<'_>) -> Result<Self, Fault> {
        let lower = r.u32_le("capabilities")?;
        let max_packet = r.u32_le("longest packet")?;
        let collation = r.u8("collation")?;
        zero(r.array::<19>("reserved")?, "reserved")?;
        let extended = r.u32_le("extended capabilities")?;
        let capabilities = Capabilities::from_parts(lower, extended);
        if !capabilities.has(REQUIRED) {
            return Err(Unsupported("a client without the capabilities of 4.1 and plugins").into());
        }
        // Never offered. A client that sets it all the same would compress what follows.
        if capabilities.has_any(Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION_ALGORITHM) {
            return Err(Unsupported("compression").into());
        }
        if extended != capabilities.extended() {
            return Err(Malformed::Invalid("reserved").into());
        }
        Ok(Self { capabilities, max_packet, collation })
    }

    /// Writes the whole payload. The capability `SSL` is the caller's to set.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u32_le(self.capabilities.lower());
        out.put_u32_le(self.max_packet);
        out.put_u8(self.collation);
        out.put_bytes(0, 19);
        out.put_u32_le(self.capabilities.extended());
    }
}

impl<'f> HandshakeResponse<'f> {
    /// Reads a payload that came over TLS, where the capability `SSL` says nothing any more.
    ///
    /// # Errors
    /// A client from before 4.1, compression, wrong bytes.
    pub fn decode(body: &'f [u8]) -> Result<Self, Fault> {
        let mut r = Reader::new(body);
        let head = SslRequest::head(&mut r)?;
        Self::after_head(head, r)
    }

    fn after_head(head: SslRequest, mut r: Reader<'f>) -> Result<Self, Fault> {
        let has = |capability| head.capabilities.has(capability);
        let user = r.cstr("user")?;
        let proof = if has(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            lenenc::bytes(&mut r, "proof")?
        } else {
            let length = r.u8("proof")?;
            r.bytes(usize::from(length), "proof")?
        };
        let database = if has(Capabilities::CONNECT_WITH_DB) { Some(r.cstr("database")?) } else { None };
        let plugin = r.cstr("plugin")?;
        let attributes =
            if has(Capabilities::CONNECT_ATTRS) { Some(Pairs::counted(&mut r, "attribute")?) } else { None };
        r.finish()?;
        Ok(Self { head, user, proof: Credential(proof), database, plugin, attributes })
    }

    /// Writes the whole payload, in the form that the capabilities in its head say.
    pub fn encode(&self, out: &mut BytesMut) {
        let has = |capability| self.head.capabilities.has(capability);
        let Credential(proof) = self.proof;
        self.head.encode(out);
        put::cstr(out, self.user);
        if has(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            lenenc::put_bytes(out, proof);
        } else {
            let proof = proof.get(..usize::from(u8::MAX)).unwrap_or(proof);
            out.put_u8(u8::try_from(proof.len()).unwrap_or(u8::MAX));
            out.put_slice(proof);
        }
        if has(Capabilities::CONNECT_WITH_DB) {
            put::cstr(out, self.database.unwrap_or_default());
        }
        put::cstr(out, self.plugin);
        if has(Capabilities::CONNECT_ATTRS) {
            self.attributes.unwrap_or_default().encode_counted(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification: a MySQL 5.5 client, `pam` over the plugin of native passwords, and a database.
    fn body() -> Vec<u8> {
        let mut body = b"\x8d\xa6\x0f\0\0\0\0\x01\x08".to_vec();
        body.resize(32, 0);
        body.extend(b"pam\0\x14\xab\x09\xee\xf6\xbc\xb1\x32\x3e\x61\x14\x38\x65\xc0\x99\x1d\x95\x7d\x75\xd4\x47");
        body.extend(b"test\0mysql_native_password\0");
        body
    }

    #[test]
    fn the_specifications_example_is_read() {
        let body = body();
        let FirstReply::HandshakeResponse(reply) = FirstReply::decode(&body).unwrap() else { panic!("a sign-in") };
        assert_eq!((reply.user, reply.database), (&b"pam"[..], Some(&b"test"[..])));
        assert_eq!((reply.head.collation, reply.head.max_packet), (8, 0x0100_0000));
        assert_eq!((reply.proof.0.len(), reply.plugin), (20, &b"mysql_native_password"[..]));
        assert_eq!(reply.attributes, None);
        let mut out = BytesMut::new();
        reply.encode(&mut out);
        assert_eq!(&out[..], body);
    }

    #[test]
    fn attributes_and_long_proofs_have_a_length() {
        let lower = Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA | Capabilities::CONNECT_ATTRS | REQUIRED;
        let mut pairs = BytesMut::new();
        Pairs::put(&mut pairs, [(&b"_os"[..], &b"Linux"[..])]);
        let reply = HandshakeResponse {
            head: SslRequest { capabilities: lower | Capabilities::PROGRESS, max_packet: 1 << 24, collation: 255 },
            user: b"ann",
            proof: Credential(&[b't'; 300]),
            database: None,
            plugin: b"mysql_clear_password",
            attributes: Some(Pairs::decode(&pairs, "attribute").unwrap()),
        };
        let mut out = BytesMut::new();
        reply.encode(&mut out);
        assert_eq!(HandshakeResponse::decode(&out), Ok(reply));
        assert_eq!(&out[28..39], b"\x01\0\0\0ann\0\xfc\x2c\x01");
    }

    #[test]
    fn bytes_after_an_ssl_request_are_refused() {
        let mut body = body();
        body[1] |= 0x08;
        assert_eq!(FirstReply::decode(&body), Err(Malformed::Trailing(body.len() - 32).into()));
        assert!(HandshakeResponse::decode(&body).is_ok());
        let FirstReply::SslRequest(request) = FirstReply::decode(&body[..32]).unwrap() else { panic!("TLS") };
        let mut out = BytesMut::new();
        request.encode(&mut out);
        assert_eq!(&out[..], &body[..32]);
    }

    #[test]
    fn compression_and_old_clients_are_refused() {
        let mut compressed = body();
        compressed[0] |= 0x20;
        assert_eq!(FirstReply::decode(&compressed), Err(Unsupported("compression").into()));
        let mut zstd = body();
        zstd[3] |= 0x04;
        assert_eq!(FirstReply::decode(&zstd), Err(Unsupported("compression").into()));
        let mut old = body();
        old[1] &= !0x02;
        assert!(matches!(FirstReply::decode(&old), Err(Fault::Unsupported(_))));
    }

    #[test]
    fn a_database_ends_at_its_nul() {
        let body = body();
        let name = body.windows(5).position(|window| window == b"test\0").unwrap();
        let body = [&body[..name], b"te\0st\0", &body[name + 5..]].concat();
        let refused = FirstReply::decode(&body);
        assert!(matches!(refused, Err(Fault::Malformed(Malformed::Trailing(_)))), "{refused:?}");
    }

    #[test]
    fn every_cut_is_refused() {
        let body = body();
        for end in 0..body.len() {
            assert!(FirstReply::decode(&body[..end]).is_err(), "cut at {end}");
        }
        assert_eq!(FirstReply::decode(&[&body[..], b"x"].concat()), Err(Malformed::Trailing(1).into()));
    }

    #[test]
    fn what_stands_in_reserved_bytes_is_refused() {
        for at in 9..32 {
            let mut body = body();
            body[at] = 1;
            assert!(FirstReply::decode(&body).is_err(), "byte {at}");
        }
    }
}
