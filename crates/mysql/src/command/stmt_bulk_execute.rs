//! COM_STMT_BULK_EXECUTE (MariaDB): runs a prepared statement for many rows of parameters.
//!
//! Rows follow one another to the end of the payload, each value with a byte that says whether it is one. Results of their
//! own for each row (flag 64) were never agreed and are refused. Spec: MariaDB "COM_STMT_BULK_EXECUTE".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Fault, Malformed, Reader, Unsupported};

use super::parameters::{Content, Prepared};
use super::tag::Tag;
use crate::types::{ColumnType, ValueType};
use crate::value::Value;

/// The flag that says that types come before the rows.
const SEND_TYPES: u16 = 128;

/// The flag that asks for a result for each row.
const UNIT_RESULTS: u16 = 64;

/// LIMIT: how many values a payload may hold. A value may have one byte and is walked several times, by threads that many
/// sessions share; what clients send in a payload of 16 MiB has four and more.
pub const BULK_VALUES: usize = 4 << 20;

/// LIMIT: of how many values each is told by itself: as many as one execution can have. Telling one takes many times the
/// bytes that it has on the wire.
pub const BULK_TOLD: usize = 1 << 16;

/// More values than [`BULK_VALUES`].
pub(crate) const TOO_MANY: Malformed = Malformed::Invalid("bulk value count");

/// Runs a prepared statement for many rows of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StmtBulkExecute<'f> {
    /// Which.
    pub statement: u32,
    /// Whether types come before the rows.
    pub flags: u16,
    /// Types and rows, not yet read.
    pub raw: &'f [u8],
}

/// A parameter of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BulkValue<'f> {
    /// A value.
    Value(Value<'f>),
    /// No value.
    Null,
    /// The column's default.
    Default,
    /// The default in an INSERT, nothing in an UPDATE.
    Ignore,
}

/// Rows of parameters, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkRows<'f> {
    prepared: Prepared<'f>,
    types: Option<&'f [u8]>,
    rows: &'f [u8],
    count: usize,
}

/// The values of all rows as they lie in the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkContents<'f> {
    /// The first, each with its type.
    pub told: Vec<(ValueType, Content<'f>)>,
    /// What follows them, in one.
    pub rest: &'f [u8],
}

impl<'f> StmtBulkExecute<'f> {
    pub(super) fn decode(mut r: Reader<'f>) -> Result<Self, Fault> {
        let statement = r.u32_le("statement")?;
        let flags = r.u16_le("flags")?;
        match flags {
            0 | SEND_TYPES => Ok(Self { statement, flags, raw: r.rest() }),
            _ if flags & UNIT_RESULTS != 0 => Err(Unsupported("results of each row of a bulk execution").into()),
            _ => Err(Malformed::Invalid("flags").into()),
        }
    }

    /// Reads the rows.
    ///
    /// # Errors
    /// No placeholders or no rows, a value whose type was never said, a row that is cut, more than [`BULK_VALUES`].
    pub fn rows(&self, prepared: Prepared<'f>) -> Result<BulkRows<'f>, Malformed> {
        // A row without parameters has no bytes: there would be no end to them.
        if prepared.placeholders == 0 || !prepared.long_data.is_empty() {
            return Err(Malformed::Invalid("bulk parameters"));
        }
        let mut r = Reader::new(self.raw);
        let types = match self.flags {
            SEND_TYPES => Some(types(&mut r, prepared.placeholders)?),
            _ => None,
        };
        let mut rows = BulkRows { prepared, types, rows: r.clone().rest(), count: 0 };
        let most = BULK_VALUES.checked_div(usize::from(prepared.placeholders)).unwrap_or_default();
        while r.remaining() > 0 {
            if rows.count >= most {
                return Err(TOO_MANY);
            }
            for index in 0..prepared.placeholders {
                rows.value(index, &mut r)?;
            }
            rows.count = rows.count.saturating_add(1);
        }
        // The server runs a statement for the first row before it looks whether there is one.
        if rows.count == 0 { Err(Malformed::Truncated("bulk parameters")) } else { Ok(rows) }
    }

    /// The first [`BULK_TOLD`] values as they lie in the payload, and what follows them, checked alike. What stands for a
    /// default has no value.
    ///
    /// # Errors
    /// As for [`StmtBulkExecute::rows`].
    pub fn contents(&self, prepared: Prepared<'_>) -> Result<BulkContents<'f>, Malformed> {
        let checked = self.rows(prepared)?;
        let start = self.raw.len().saturating_sub(checked.rows.len());
        let mut r = Reader::new(self.raw.get(start..).unwrap_or_default());
        let indices = (0..checked.count).flat_map(|_| 0..checked.prepared.placeholders);
        let told = indices.zip(checked.values()).take(BULK_TOLD).map(|(index, value)| {
            r.u8("indicator")?;
            let of = checked.of(index).unwrap_or(ValueType::signed(ColumnType::Null));
            match value {
                BulkValue::Value(value) => Ok((of, Content::again(&value, of, &mut r)?)),
                BulkValue::Null | BulkValue::Default | BulkValue::Ignore => Ok((of, Content::Null)),
            }
        });
        let told = told.collect::<Result<_, Malformed>>()?;
        Ok(BulkContents { told, rest: r.rest() })
    }

    /// The types that come with the rows, to be remembered; none where they came earlier.
    ///
    /// # Errors
    /// Types that are cut or that no parameter has.
    pub fn types(&self, placeholders: u16) -> Result<Vec<ValueType>, Malformed> {
        let mut r = Reader::new(self.raw);
        let count = if self.flags == SEND_TYPES { placeholders } else { 0 };
        (0..count).map(|_| ValueType::decode(&mut r)).collect()
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(Tag::StmtBulkExecute.byte());
        out.put_u32_le(self.statement);
        out.put_u16_le(self.flags);
        out.put_slice(self.raw);
    }
}

fn types<'f>(r: &mut Reader<'f>, count: u16) -> Result<&'f [u8], Malformed> {
    let mut check = r.clone();
    for _ in 0..count {
        ValueType::decode(&mut check)?;
    }
    r.bytes(usize::from(count).saturating_mul(2), "parameter type")
}

impl<'f> BulkRows<'f> {
    fn value(&self, index: u16, r: &mut Reader<'f>) -> Result<BulkValue<'f>, Malformed> {
        match r.u8("indicator")? {
            0 => {
                let of = self.of(index).ok_or(Malformed::Invalid("parameter type"))?;
                Value::decode(r, of, "parameter").map(BulkValue::Value)
            }
            1 => Ok(BulkValue::Null),
            2 => Ok(BulkValue::Default),
            3 => Ok(BulkValue::Ignore),
            _ => Err(Malformed::Invalid("indicator")),
        }
    }

    fn of(&self, index: u16) -> Option<ValueType> {
        let index = usize::from(index);
        match self.types {
            None => self.prepared.types.get(index).copied(),
            Some(types) => {
                let (pairs, _) = types.as_chunks::<2>();
                ValueType::decode(&mut Reader::new(pairs.get(index)?)).ok()
            }
        }
    }

    /// How many rows there are: at least one.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The values, row after row, each row as long as the statement has placeholders.
    pub fn values(&self) -> impl Iterator<Item = BulkValue<'f>> + use<'f> {
        let all = *self;
        let mut r = Reader::new(all.rows);
        let indices = (0..all.count).flat_map(move |_| 0..all.prepared.placeholders);
        // INVARIANT: `rows` has walked these very bytes.
        indices.map_while(move |index| all.value(index, &mut r).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Prepared<'_> = Prepared { placeholders: 2, types: &[], long_data: &[] };

    fn decode(body: &[u8]) -> Result<StmtBulkExecute<'_>, Fault> {
        StmtBulkExecute::decode(Reader::new(body))
    }

    #[test]
    fn fields_are_the_specifications() {
        let bulk = decode(b"\x01\0\0\0\x80\0\x03\0\xfd\0\x00\x07\0\0\0\x00\x01a\x02\x03").unwrap();
        let rows = bulk.rows(TWO).unwrap();
        assert_eq!(rows.count(), 2);
        let values: Vec<_> = rows.values().collect();
        let first = [BulkValue::Value(Value::Int(7)), BulkValue::Value(Value::Bytes(b"a"))];
        assert_eq!(values, [first[0], first[1], BulkValue::Default, BulkValue::Ignore]);
        let types: Vec<_> = bulk.types(2).unwrap().into_iter().map(|of| of.kind).collect();
        assert_eq!(types, [ColumnType::Long, ColumnType::VarString]);
    }

    #[test]
    fn types_may_come_from_an_earlier_execution() {
        let bulk = decode(b"\x01\0\0\0\0\0\x00\x07\0\0\0\x01").unwrap();
        assert_eq!(bulk.rows(TWO), Err(Malformed::Invalid("parameter type")));
        let of = ValueType::signed(ColumnType::Long);
        let known = Prepared { types: &[of, of], ..TWO };
        let values: Vec<_> = bulk.rows(known).unwrap().values().collect();
        assert_eq!(values, [BulkValue::Value(Value::Int(7)), BulkValue::Null]);
    }

    #[test]
    fn a_row_that_is_cut_and_no_rows_are_refused() {
        let bulk = decode(b"\x01\0\0\0\x80\0\x03\0\xfd\0\x01").unwrap();
        assert_eq!(bulk.rows(TWO), Err(Malformed::Truncated("indicator")));
        let none = decode(b"\x01\0\0\0\x80\0\x03\0\xfd\0").unwrap();
        assert_eq!(none.rows(TWO), Err(Malformed::Truncated("bulk parameters")));
        assert_eq!(none.rows(Prepared::default()), Err(Malformed::Invalid("bulk parameters")));
    }

    #[test]
    fn results_of_each_row_and_unknown_indicators_are_refused() {
        assert!(matches!(decode(b"\x01\0\0\0\xc0\0"), Err(Fault::Unsupported(_))));
        assert!(matches!(decode(b"\x01\0\0\0\x01\0"), Err(Fault::Malformed(_))));
        let bulk = decode(b"\x01\0\0\0\x80\0\x03\0\xfd\0\x04\x01").unwrap();
        assert_eq!(bulk.rows(TWO), Err(Malformed::Invalid("indicator")));
    }
}
