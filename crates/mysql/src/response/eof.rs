//! EOF: column definitions or rows ended, where DEPRECATE_EOF was not agreed. Spec: "EOF_Packet".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use super::status::Status;

/// Column definitions or rows ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EofPacket {
    /// How many warnings SHOW WARNINGS has.
    pub warnings: u16,
    /// The session's state.
    pub status: Status,
}

impl EofPacket {
    /// Reads a payload.
    ///
    /// # Errors
    /// Another first byte, leftovers.
    pub fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        if r.u8("header")? != 0xfe {
            return Err(Malformed::Invalid("header"));
        }
        let warnings = r.u16_le("warnings")?;
        let status = Status::from_bits(r.u16_le("status")?);
        r.finish()?;
        Ok(Self { warnings, status })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(0xfe);
        out.put_u16_le(self.warnings);
        out.put_u16_le(self.status.bits());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_is_read() {
        let eof = EofPacket::decode(b"\xfe\x00\x00\x02\x00").unwrap();
        assert_eq!(eof, EofPacket { warnings: 0, status: Status::AUTOCOMMIT });
        let mut out = BytesMut::new();
        eof.encode(&mut out);
        assert_eq!(&out[..], b"\xfe\x00\x00\x02\x00");
        assert_eq!(EofPacket::decode(b"\xfe\x00\x00\x02\x00\x00"), Err(Malformed::Trailing(1)));
        assert_eq!(EofPacket::decode(b"\xfe\x00\x00\x02"), Err(Malformed::Truncated("status")));
    }
}
