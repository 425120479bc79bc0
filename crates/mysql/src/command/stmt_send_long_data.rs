//! COM_STMT_SEND_LONG_DATA: a piece of a parameter's value, sent before the execution.
//!
//! Pieces of one parameter follow one another; there is no answer, not even an error. Spec: "COM_STMT_SEND_LONG_DATA".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use super::tag::Tag;

/// A piece of a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StmtSendLongData<'f> {
    /// Of which statement.
    pub statement: u32,
    /// Of which parameter, from 0.
    pub parameter: u16,
    /// The piece.
    pub data: &'f [u8],
}

impl<'f> StmtSendLongData<'f> {
    pub(super) fn decode(mut r: Reader<'f>) -> Result<Self, Malformed> {
        Ok(Self { statement: r.u32_le("statement")?, parameter: r.u16_le("parameter")?, data: r.rest() })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(Tag::StmtSendLongData.byte());
        out.put_u32_le(self.statement);
        out.put_u16_le(self.parameter);
        out.put_slice(self.data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_specifications() {
        let piece = StmtSendLongData::decode(Reader::new(b"\x02\0\0\0\x01\0abc")).unwrap();
        assert_eq!(piece, StmtSendLongData { statement: 2, parameter: 1, data: b"abc" });
        assert!(StmtSendLongData::decode(Reader::new(b"\x02\0\0\0\x01")).is_err());
    }
}
