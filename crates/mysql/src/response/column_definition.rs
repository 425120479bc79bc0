//! ColumnDefinition41: what a column is, and where it came from.
//!
//! `org_table` and `org_name` say independently of any analysis which column's values are in the rows; masks are checked
//! against them. MariaDB may say more about the type (`json`, `inet6`, `uuid`), which is kept as it is. Spec:
//! "Protocol::ColumnDefinition41"; MariaDB "Column Definition Packet". The form from before 4.1 is absent.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::types::ColumnType;
use crate::{Capabilities, lenenc};

/// How many bytes the numbers take.
const NUMBERS: u64 = 12;

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnDefinition<'f> {
    /// Always `def`.
    pub catalog: &'f [u8],
    /// The database of the table.
    pub schema: &'f [u8],
    /// The table's alias.
    pub table: &'f [u8],
    /// The table.
    pub org_table: &'f [u8],
    /// The column's alias.
    pub name: &'f [u8],
    /// The column.
    pub org_name: &'f [u8],
    /// MariaDB: more about the type, exactly where [`Capabilities::EXTENDED_METADATA`] was agreed.
    pub extended: Option<ExtendedType<'f>>,
    /// The collation; 63 for bytes.
    pub collation: u16,
    /// The longest value, in bytes.
    pub length: u32,
    /// The type.
    pub kind: ColumnType,
    /// NOT NULL, UNSIGNED and others.
    pub flags: u16,
    /// Digits after the point.
    pub decimals: u8,
    /// The default, in answers to COM_FIELD_LIST only.
    pub default: Option<ColumnDefault<'f>>,
}

/// The default of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnDefault<'f> {
    /// None, or NULL.
    Null,
    /// As text.
    Text(&'f [u8]),
}

/// MariaDB: more about a type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtendedType<'f>(&'f [u8]);

#[cfg(test)]
impl<'f> ColumnDefinition<'f> {
    /// A column of text of no table.
    pub(crate) fn text(name: &'f [u8]) -> Self {
        Self {
            catalog: b"def",
            schema: b"",
            table: b"",
            org_table: b"",
            name,
            org_name: b"",
            extended: None,
            collation: 45,
            length: 40,
            kind: ColumnType::VarString,
            flags: 0,
            decimals: 0,
            default: None,
        }
    }
}

impl<'f> ColumnDefinition<'f> {
    /// The flag of integers without a sign.
    pub const UNSIGNED: u16 = 32;

    /// Reads a payload of a result set or of a prepared statement.
    ///
    /// # Errors
    /// A type that no server sends, wrong bytes, leftovers.
    pub fn decode(body: &'f [u8], agreed: Capabilities) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let column = Self::fields(&mut r, agreed)?;
        r.finish()?;
        Ok(column)
    }

    /// Reads a payload of an answer to COM_FIELD_LIST.
    ///
    /// # Errors
    /// As for [`ColumnDefinition::decode`].
    pub fn decode_listed(body: &'f [u8], agreed: Capabilities) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let column = Self::fields(&mut r, agreed)?;
        let default = lenenc::cell(&mut r, "default")?.map_or(ColumnDefault::Null, ColumnDefault::Text);
        r.finish()?;
        Ok(Self { default: Some(default), ..column })
    }

    fn fields(r: &mut Reader<'f>, agreed: Capabilities) -> Result<Self, Malformed> {
        let catalog = lenenc::bytes(r, "catalog")?;
        let schema = lenenc::bytes(r, "schema")?;
        let table = lenenc::bytes(r, "table")?;
        let org_table = lenenc::bytes(r, "org_table")?;
        let name = lenenc::bytes(r, "name")?;
        let org_name = lenenc::bytes(r, "org_name")?;
        let extended = if agreed.has(Capabilities::EXTENDED_METADATA) {
            Some(ExtendedType::decode(lenenc::bytes(r, "extended type")?)?)
        } else {
            None
        };
        if lenenc::int(r, "length of numbers")? != NUMBERS {
            return Err(Malformed::Invalid("length of numbers"));
        }
        let (collation, length) = (r.u16_le("collation")?, r.u32_le("length")?);
        let kind = ColumnType::decode(r.u8("column type")?)?;
        let (flags, decimals) = (r.u16_le("flags")?, r.u8("decimals")?);
        if r.array::<2>("filler")? != [0, 0] {
            return Err(Malformed::Invalid("filler"));
        }
        Ok(Self {
            catalog,
            schema,
            table,
            org_table,
            name,
            org_name,
            extended,
            collation,
            length,
            kind,
            flags,
            decimals,
            default: None,
        })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        for text in [self.catalog, self.schema, self.table, self.org_table, self.name, self.org_name] {
            lenenc::put_bytes(out, text);
        }
        if let Some(ExtendedType(raw)) = self.extended {
            lenenc::put_bytes(out, raw);
        }
        lenenc::put_int(out, NUMBERS);
        out.put_u16_le(self.collation);
        out.put_u32_le(self.length);
        out.put_u8(self.kind.byte());
        out.put_u16_le(self.flags);
        out.put_u8(self.decimals);
        out.put_u16_le(0);
        match self.default {
            None => {}
            Some(ColumnDefault::Null) => lenenc::put_cell(out, None),
            Some(ColumnDefault::Text(text)) => lenenc::put_cell(out, Some(text)),
        }
    }
}

impl<'f> ExtendedType<'f> {
    fn decode(raw: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(raw);
        while r.remaining() > 0 {
            Self::entry(&mut r)?;
        }
        Ok(Self(raw))
    }

    fn entry(r: &mut Reader<'f>) -> Result<(u8, &'f [u8]), Malformed> {
        Ok((r.u8("extended type")?, lenenc::bytes(r, "extended type")?))
    }

    fn find(&self, wanted: u8) -> Option<&'f [u8]> {
        let mut r = Reader::new(self.0);
        // INVARIANT: `decode` has walked these very bytes.
        std::iter::from_fn(|| Self::entry(&mut r).ok()).find(|&(kind, _)| kind == wanted).map(|(_, text)| text)
    }

    /// Whether the text of the column is JSON.
    pub fn is_json(&self) -> bool {
        self.name() == Some(b"json") || self.find(1) == Some(b"json")
    }

    /// The type's name, such as `uuid` or `point`.
    pub fn name(&self) -> Option<&'f [u8]> {
        self.find(0)
    }

    /// The values' form, such as `json`.
    pub fn format(&self) -> Option<&'f [u8]> {
        self.find(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        b"\x03def\x04shop\x01p\x06people\x01s\x03ssn\x0c\xff\x00\x2c\x00\x00\x00\xfd\x01\x10\x00\x00\x00";

    fn again(column: &ColumnDefinition<'_>) -> BytesMut {
        let mut out = BytesMut::new();
        column.encode(&mut out);
        out
    }

    #[test]
    fn a_column_says_where_it_came_from() {
        let column = ColumnDefinition::decode(BODY, Capabilities::default()).unwrap();
        assert_eq!((column.schema, column.org_table, column.org_name), (&b"shop"[..], &b"people"[..], &b"ssn"[..]));
        assert_eq!((column.table, column.name), (&b"p"[..], &b"s"[..]));
        assert_eq!((column.collation, column.length, column.kind), (255, 44, ColumnType::VarString));
        assert_eq!((column.flags, column.decimals), (0x1001, 0));
        assert_eq!(&again(&column)[..], BODY);
    }

    #[test]
    fn mariadb_says_more_about_the_type() {
        let (texts, numbers) = BODY.split_at(BODY.len() - 13);
        let body = [texts, b"\x0c\x00\x04uuid\x01\x04json", numbers].concat();
        let column = ColumnDefinition::decode(&body, Capabilities::EXTENDED_METADATA).unwrap();
        let extended = column.extended.unwrap();
        assert_eq!((extended.name(), extended.format()), (Some(&b"uuid"[..]), Some(&b"json"[..])));
        assert_eq!(&again(&column)[..], body);
        assert!(ColumnDefinition::decode(&body, Capabilities::default()).is_err());
        assert!(ColumnDefinition::decode(BODY, Capabilities::EXTENDED_METADATA).is_err());
    }

    #[test]
    fn a_default_may_be_null() {
        let none = [BODY, b"\xfb"].concat();
        let column = ColumnDefinition::decode_listed(&none, Capabilities::default()).unwrap();
        assert_eq!(column.default, Some(ColumnDefault::Null));
        assert_eq!(&again(&column)[..], none);
        let text = [BODY, b"\x01x"].concat();
        let column = ColumnDefinition::decode_listed(&text, Capabilities::default()).unwrap();
        assert_eq!(column.default, Some(ColumnDefault::Text(b"x")));
        assert_eq!(&again(&column)[..], text);
    }

    #[test]
    fn every_cut_and_leftover_is_refused() {
        for end in 0..BODY.len() {
            assert!(ColumnDefinition::decode(&BODY[..end], Capabilities::default()).is_err(), "cut at {end}");
        }
        let longer = [BODY, b"\xfb"].concat();
        let refused = ColumnDefinition::decode(&longer, Capabilities::default());
        assert_eq!(refused, Err(Malformed::Trailing(1)));
    }
}
