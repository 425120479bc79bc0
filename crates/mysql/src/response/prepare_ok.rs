//! The OK of COM_STMT_PREPARE: the statement's id, and how many parameters and columns it has.
//!
//! Their definitions follow, parameters first. Spec: "COM_STMT_PREPARE Response".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use super::column_count::Metadata;
use crate::Capabilities;

/// A statement was prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareOk {
    /// Its id.
    pub statement: u32,
    /// How many columns its rows have.
    pub columns: u16,
    /// How many placeholders it has.
    pub placeholders: u16,
    /// How many warnings SHOW WARNINGS has.
    pub warnings: u16,
    /// Whether definitions follow.
    pub metadata: Metadata,
}

impl PrepareOk {
    /// Reads a payload, by what was agreed.
    ///
    /// # Errors
    /// Another first byte, leftovers.
    pub fn decode(body: &[u8], agreed: Capabilities) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        if r.u8("header")? != 0 {
            return Err(Malformed::Invalid("header"));
        }
        let statement = r.u32_le("statement")?;
        let columns = r.u16_le("column count")?;
        let placeholders = r.u16_le("parameter count")?;
        if r.u8("filler")? != 0 {
            return Err(Malformed::Invalid("filler"));
        }
        let warnings = r.u16_le("warnings")?;
        let metadata = if agreed.has(Capabilities::OPTIONAL_RESULTSET_METADATA) {
            Metadata::decode(&mut r)?
        } else {
            Metadata::Always
        };
        r.finish()?;
        Ok(Self { statement, columns, placeholders, warnings, metadata })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(0);
        out.put_u32_le(self.statement);
        out.put_u16_le(self.columns);
        out.put_u16_le(self.placeholders);
        out.put_u8(0);
        out.put_u16_le(self.warnings);
        self.metadata.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_is_read() {
        let body = b"\x00\x01\x00\x00\x00\x01\x00\x02\x00\x00\x00\x00";
        let ok = PrepareOk::decode(body, Capabilities::default()).unwrap();
        assert_eq!((ok.statement, ok.columns, ok.placeholders, ok.metadata), (1, 1, 2, Metadata::Always));
        let mut out = BytesMut::new();
        ok.encode(&mut out);
        assert_eq!(&out[..], body);
    }

    #[test]
    fn a_byte_says_whether_definitions_follow_where_it_was_agreed() {
        let body = b"\x00\x01\x00\x00\x00\x01\x00\x02\x00\x00\x00\x00\x00";
        let ok = PrepareOk::decode(body, Capabilities::OPTIONAL_RESULTSET_METADATA).unwrap();
        assert_eq!(ok.metadata, Metadata::Absent);
        assert_eq!(PrepareOk::decode(body, Capabilities::default()), Err(Malformed::Trailing(1)));
        assert!(PrepareOk::decode(&body[..12], Capabilities::OPTIONAL_RESULTSET_METADATA).is_err());
    }
}
