//! The column count that begins a result set, and whether column definitions follow.
//!
//! MySQL (OPTIONAL_RESULTSET_METADATA) and MariaDB (CACHE_METADATA) may leave definitions out, and both say so in a byte
//! after the count. Without them, rows must be read by definitions that came earlier. Spec: "Text Resultset"; MySQL
//! `start_result_metadata`; MariaDB "Result Set Packets".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::{Capabilities, lenenc};

/// Whether column definitions follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// They do; that they might not was not agreed.
    Always,
    /// They do.
    Follows,
    /// They do not.
    Absent,
}

/// How many columns the rows have: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnCount {
    /// The count.
    pub columns: u16,
    /// Whether their definitions follow.
    pub metadata: Metadata,
}

impl ColumnCount {
    /// Reads a payload, by what was agreed.
    ///
    /// # Errors
    /// No columns, or more than any server has.
    pub fn decode(body: &[u8], agreed: Capabilities) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let columns = u16::try_from(lenenc::int(&mut r, "column count")?);
        let columns = columns.ok().filter(|&columns| columns > 0).ok_or(Malformed::Invalid("column count"))?;
        let optional = Capabilities::OPTIONAL_RESULTSET_METADATA | Capabilities::CACHE_METADATA;
        let metadata = if agreed.has_any(optional) { Metadata::decode(&mut r)? } else { Metadata::Always };
        r.finish()?;
        Ok(Self { columns, metadata })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        lenenc::put_int(out, u64::from(self.columns));
        self.metadata.encode(out);
    }
}

impl Metadata {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        match r.u8("metadata follows")? {
            0 => Ok(Self::Absent),
            1 => Ok(Self::Follows),
            _ => Err(Malformed::Invalid("metadata follows")),
        }
    }

    pub(super) fn encode(self, out: &mut BytesMut) {
        match self {
            Self::Always => {}
            Self::Follows => out.put_u8(1),
            Self::Absent => out.put_u8(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_says_whether_definitions_follow() {
        for agreed in [Capabilities::OPTIONAL_RESULTSET_METADATA, Capabilities::CACHE_METADATA] {
            for (body, metadata) in [(b"\x03\x01", Metadata::Follows), (b"\x03\x00", Metadata::Absent)] {
                let count = ColumnCount::decode(body, agreed).unwrap();
                assert_eq!(count, ColumnCount { columns: 3, metadata });
                let mut out = BytesMut::new();
                count.encode(&mut out);
                assert_eq!(&out[..], body);
            }
            assert_eq!(ColumnCount::decode(b"\x03", agreed), Err(Malformed::Truncated("metadata follows")));
            assert_eq!(ColumnCount::decode(b"\x03\x02", agreed), Err(Malformed::Invalid("metadata follows")));
        }
        let always = ColumnCount { columns: 4_096, metadata: Metadata::Always };
        assert_eq!(ColumnCount::decode(b"\xfc\x00\x10", Capabilities::default()), Ok(always));
    }

    #[test]
    fn no_columns_and_too_many_are_refused() {
        for body in [&b"\x00"[..], b"\xfd\x00\x00\x01", b"\xfe\0\0\0\0\0\0\0\x01"] {
            let refused = ColumnCount::decode(body, Capabilities::default());
            assert_eq!(refused, Err(Malformed::Invalid("column count")));
        }
    }
}
