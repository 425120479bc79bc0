//! RowDescription: the columns of the rows to come, and where each came from.
//!
//! Table OID and attribute number say independently of any SQL which column a value is; they are 0 for expressions.
//! Spec: "Message Formats", RowDescription.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// The columns of the rows to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowDescription<'f> {
    count: u16,
    raw: &'f [u8],
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'f> {
    /// Its name.
    pub name: &'f [u8],
    /// The table it is a column of, or 0.
    pub table_oid: u32,
    /// Its number there, or 0.
    pub attribute: i16,
    /// Its type.
    pub type_oid: u32,
    /// The type's size; negative where it varies.
    pub type_size: i16,
    /// The type's modifier.
    pub type_modifier: i32,
    /// 0 text, 1 binary; 0 also where it is not yet known (Describe of a statement).
    pub format: i16,
}

impl<'f> RowDescription<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let count = r.u16("column count")?;
        let raw = r.clone().rest();
        for _ in 0..count {
            Field::decode(&mut r)?;
        }
        r.finish()?;
        Ok(Self { count, raw })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'T', |out| {
            out.put_u16(self.count);
            out.put_slice(self.raw);
        });
    }

    /// Writes a RowDescription of `fields`.
    pub fn put(out: &mut BytesMut, fields: &[Field<'_>]) {
        put::message(out, b'T', |out| {
            out.put_u16(u16::try_from(fields.len()).unwrap_or(u16::MAX));
            for field in fields.iter().take(usize::from(u16::MAX)) {
                field.encode(out);
            }
        });
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether rows will have no columns.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The columns in order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'f>> + use<'f> {
        let mut r = Reader::new(self.raw);
        // INVARIANT: `decode` has walked these very bytes.
        (0..self.count).map_while(move |_| Field::decode(&mut r).ok())
    }
}

impl<'f> Field<'f> {
    fn decode(r: &mut Reader<'f>) -> Result<Self, Malformed> {
        Ok(Self {
            name: r.cstr("column name")?,
            table_oid: r.u32("table")?,
            attribute: r.i16("attribute")?,
            type_oid: r.u32("type")?,
            type_size: r.i16("type size")?,
            type_modifier: r.i32("type modifier")?,
            format: r.i16("format")?,
        })
    }

    fn encode(&self, out: &mut BytesMut) {
        put::cstr(out, self.name);
        out.put_u32(self.table_oid);
        out.put_i16(self.attribute);
        out.put_u32(self.type_oid);
        out.put_i16(self.type_size);
        out.put_i32(self.type_modifier);
        out.put_i16(self.format);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSN: Field<'_> = Field {
        name: b"ssn",
        table_oid: 16_400,
        attribute: 3,
        type_oid: 25,
        type_size: -1,
        type_modifier: -1,
        format: 0,
    };

    #[test]
    fn a_column_says_where_it_came_from() {
        let mut out = BytesMut::new();
        RowDescription::put(&mut out, &[SSN, SSN]);
        let columns = RowDescription::decode(&out[5..]).unwrap();
        assert_eq!(columns.fields().collect::<Vec<_>>(), [SSN, SSN]);
    }

    #[test]
    fn every_cut_is_refused() {
        let mut out = BytesMut::new();
        RowDescription::put(&mut out, &[SSN]);
        for end in 5..out.len() {
            assert!(RowDescription::decode(&out[5..end]).is_err());
        }
        out.put_u8(0);
        assert_eq!(RowDescription::decode(&out[5..]), Err(Malformed::Trailing(1)));
    }
}
