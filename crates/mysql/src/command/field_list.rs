//! COM_FIELD_LIST: the columns of a table, and their defaults.
//!
//! Deprecated, but asked for by command-line clients that complete names. Spec: "COM_FIELD_LIST".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use super::tag::Tag;
use crate::put;

/// Asks for the columns of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldList<'f> {
    /// The table, in the default database.
    pub table: &'f [u8],
    /// Which columns, as a LIKE pattern; empty for all.
    pub wildcard: &'f [u8],
}

impl<'f> FieldList<'f> {
    pub(super) fn decode(mut r: Reader<'f>) -> Result<Self, Malformed> {
        Ok(Self { table: r.cstr("table")?, wildcard: r.rest() })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(Tag::FieldList.byte());
        put::cstr(out, self.table);
        out.put_slice(self.wildcard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_specifications() {
        let list = FieldList::decode(Reader::new(b"people\0%n")).unwrap();
        assert_eq!((list.table, list.wildcard), (&b"people"[..], &b"%n"[..]));
        assert_eq!(FieldList::decode(Reader::new(b"people")), Err(Malformed::Truncated("table")));
    }
}
