//! COM_CHANGE_USER: a new sign-in on an open connection.
//!
//! What follows the database may be missing, as old clients left it out; what is there is read to its end. Spec:
//! "COM_CHANGE_USER".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use super::tag::Tag;
use crate::{Capabilities, Credential, Pairs, put};

/// A new sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeUser<'f> {
    /// Who.
    pub user: &'f [u8],
    /// The proof, for the plugin named below.
    pub proof: Credential<'f>,
    /// The default database; empty for none.
    pub database: &'f [u8],
    /// The rest, where the client sent it.
    pub tail: Option<Tail<'f>>,
}

/// What a client of our days sends beyond the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail<'f> {
    /// The collation that stands for the client's character set.
    pub collation: u16,
    /// The plugin that made the proof.
    pub plugin: &'f [u8],
    /// Connection attributes, where they were agreed and sent.
    pub attributes: Option<Pairs<'f>>,
}

impl<'f> ChangeUser<'f> {
    pub(super) fn decode(mut r: Reader<'f>, agreed: Capabilities) -> Result<Self, Malformed> {
        let user = r.cstr("user")?;
        let length = r.u8("proof")?;
        let proof = Credential(r.bytes(usize::from(length), "proof")?);
        let database = r.cstr("database")?;
        let tail = if r.remaining() == 0 { None } else { Some(Tail::decode(&mut r, agreed)?) };
        r.finish()?;
        Ok(Self { user, proof, database, tail })
    }

    /// Writes the whole payload. A proof is cut at 255 bytes: longer ones go by an authentication switch.
    pub fn encode(&self, out: &mut BytesMut) {
        let Credential(proof) = self.proof;
        let proof = proof.get(..usize::from(u8::MAX)).unwrap_or(proof);
        out.put_u8(Tag::ChangeUser.byte());
        put::cstr(out, self.user);
        out.put_u8(u8::try_from(proof.len()).unwrap_or(u8::MAX));
        out.put_slice(proof);
        put::cstr(out, self.database);
        if let Some(tail) = &self.tail {
            tail.encode(out);
        }
    }
}

impl<'f> Tail<'f> {
    fn decode(r: &mut Reader<'f>, agreed: Capabilities) -> Result<Self, Malformed> {
        let collation = r.u16_le("collation")?;
        let plugin = r.cstr("plugin")?;
        let attributes = if r.remaining() > 0 && agreed.has(Capabilities::CONNECT_ATTRS) {
            Some(Pairs::counted(r, "attribute")?)
        } else {
            None
        };
        Ok(Self { collation, plugin, attributes })
    }

    fn encode(&self, out: &mut BytesMut) {
        out.put_u16_le(self.collation);
        put::cstr(out, self.plugin);
        if let Some(attributes) = &self.attributes {
            attributes.encode_counted(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"ann\0\x04hashshop\0\xff\0mysql_native_password\0\x06\x03_os\x01x";

    fn decode(body: &[u8]) -> Result<ChangeUser<'_>, Malformed> {
        ChangeUser::decode(Reader::new(body), Capabilities::CONNECT_ATTRS)
    }

    #[test]
    fn fields_are_the_specifications() {
        let change = decode(BODY).unwrap();
        assert_eq!((change.user, change.proof.0, change.database), (&b"ann"[..], &b"hash"[..], &b"shop"[..]));
        let tail = change.tail.unwrap();
        assert_eq!((tail.collation, tail.plugin), (255, &b"mysql_native_password"[..]));
        assert_eq!(tail.attributes.unwrap().iter().collect::<Vec<_>>(), [(&b"_os"[..], &b"x"[..])]);
        let mut out = BytesMut::new();
        change.encode(&mut out);
        assert_eq!(&out[1..], BODY);
    }

    #[test]
    fn an_old_client_stops_after_the_database() {
        assert_eq!(decode(b"ann\0\0shop\0").unwrap().tail, None);
        assert_eq!(decode(b"ann\0\0shop\0\xff"), Err(Malformed::Truncated("collation")));
        assert_eq!(decode(b"ann\0\x09shop\0"), Err(Malformed::Truncated("proof")));
    }

    #[test]
    fn attributes_that_were_not_agreed_are_leftovers() {
        let refused = ChangeUser::decode(Reader::new(BODY), Capabilities::default());
        assert_eq!(refused, Err(Malformed::Trailing(7)));
    }

    #[test]
    fn debug_shows_no_proof() {
        assert!(!format!("{:?}", decode(BODY).unwrap()).contains("104, 97"));
    }
}
