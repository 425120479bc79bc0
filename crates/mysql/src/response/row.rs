//! Rows: text cells one after another, or a bitmap of NULLs and values by type. The hot path of the whole gateway.
//!
//! Cells are given as ranges into the payload, so that a mask can overwrite them where they lie, and are checked as they
//! are walked: one pass, no allocation. The walk ends in an error when the row is not exactly as long as its cells. In
//! a binary row the range of a value leaves out the length before it. Spec: "Text Resultset Row", "Binary Protocol
//! Resultset Row".

use std::ops::Range;

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::lenenc;
use crate::types::{ColumnType, Shape, ValueType};
use crate::value::Value;

/// A cell: where its bytes lie in the payload; `None` is NULL.
pub type Cell = Option<Range<u32>>;

/// Walks the cells of a text row of `columns` columns.
#[inline]
pub fn text_cells(body: &[u8], columns: u16) -> TextCells<'_> {
    TextCells { cursor: Cursor { body, at: 0 }, left: columns }
}

/// Writes a text row.
pub fn put_text(out: &mut BytesMut, values: &[Option<&[u8]>]) {
    for value in values {
        lenenc::put_cell(out, *value);
    }
}

/// The cells of a text row that is being checked. After an error, and after the last cell, it ends.
#[derive(Debug, Clone)]
pub struct TextCells<'f> {
    cursor: Cursor<'f>,
    left: u16,
}

impl Iterator for TextCells<'_> {
    type Item = Result<Cell, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Some(left) = self.left.checked_sub(1) else { return self.cursor.end().map(Err) };
        self.left = left;
        let cell = self.cursor.cell();
        if cell.is_err() {
            self.left = 0;
            self.cursor.stop();
        }
        Some(cell)
    }
}

/// Walks the cells of a binary row whose columns have these types.
///
/// # Errors
/// Another first byte, a bitmap that is cut.
#[inline]
pub fn binary_cells<'f>(body: &'f [u8], types: &'f [ColumnType]) -> Result<BinaryCells<'f>, Malformed> {
    let (header, rest) = body.split_first().ok_or(Malformed::Truncated("header"))?;
    if *header != 0 {
        return Err(Malformed::Invalid("header"));
    }
    // Two bits before the first column's, where other messages have something else.
    let bitmap = types.len().saturating_add(2).div_ceil(8);
    let nulls = rest.get(..bitmap).ok_or(Malformed::Truncated("NULL bitmap"))?;
    let at = u32::try_from(bitmap.saturating_add(1)).map_err(|_| Malformed::Invalid("NULL bitmap"))?;
    Ok(BinaryCells { cursor: Cursor { body, at }, nulls, types, bit: 2 })
}

/// Writes a binary row. NULL takes no byte but its bit.
pub fn put_binary(out: &mut BytesMut, values: &[(ValueType, Value<'_>)]) {
    out.put_u8(0);
    let start = out.len();
    out.put_bytes(0, values.len().saturating_add(2).div_ceil(8));
    for (index, (of, value)) in values.iter().enumerate() {
        let bit = index.saturating_add(2);
        if matches!(value, Value::Null)
            && let Some(byte) = out.get_mut(start.saturating_add(bit / 8))
        {
            *byte |= 1 << (bit % 8);
        }
        value.encode(out, of.kind);
    }
}

/// The cells of a binary row that is being checked. After an error, and after the last cell, it ends.
#[derive(Debug, Clone)]
pub struct BinaryCells<'f> {
    cursor: Cursor<'f>,
    nulls: &'f [u8],
    types: &'f [ColumnType],
    bit: usize,
}

impl Iterator for BinaryCells<'_> {
    type Item = Result<Cell, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let Some((kind, types)) = self.types.split_first() else { return self.cursor.end().map(Err) };
        let null = self.nulls.get(self.bit / 8).is_some_and(|byte| byte & (1 << (self.bit % 8)) != 0);
        self.types = types;
        self.bit = self.bit.wrapping_add(1);
        if null {
            return Some(Ok(None));
        }
        let value = self.cursor.value(*kind);
        if value.is_err() {
            self.types = &[];
            self.cursor.stop();
        }
        Some(value.map(Some))
    }
}

/// Where a walk stands. It counts in `u32`, as cells are given, and does not use [`portcullis_wire::Reader`], which costs
/// several times what the walk does: `benches/frames.rs`.
#[derive(Debug, Clone)]
struct Cursor<'f> {
    body: &'f [u8],
    at: u32,
}

impl Cursor<'_> {
    const TRUNCATED: Malformed = Malformed::Truncated("cell");

    #[inline]
    fn first(&self) -> Result<u8, Malformed> {
        self.body.get(self.at as usize).copied().ok_or(Self::TRUNCATED)
    }

    /// Passes `head` bytes and gives the `length` that follow.
    #[inline]
    fn take(&mut self, head: u32, length: u32) -> Result<Range<u32>, Malformed> {
        let start = self.at.saturating_add(head);
        let end = start.saturating_add(length);
        // A sum that saturated is past the end of every payload: none is as long as 2^32-1 bytes.
        if end as usize > self.body.len() || end == u32::MAX {
            return Err(Self::TRUNCATED);
        }
        self.at = end;
        Ok(start..end)
    }

    /// A cell of a text row.
    #[inline]
    fn cell(&mut self) -> Result<Cell, Malformed> {
        match self.first()? {
            short @ 0..=0xfa => self.take(1, u32::from(short)).map(Some),
            lenenc::NULL => self.take(1, 0).map(|_| None),
            _ => self.long().map(Some),
        }
    }

    /// A value of a binary row.
    #[inline]
    fn value(&mut self, kind: ColumnType) -> Result<Range<u32>, Malformed> {
        match kind.shape() {
            Shape::Counted => match self.first()? {
                short @ 0..=0xfa => self.take(1, u32::from(short)),
                _ => self.long(),
            },
            Shape::Fixed(length) => self.take(0, u32::from(length)),
            Shape::Date | Shape::Time | Shape::Nothing => self.rare(kind),
        }
    }

    /// A string whose length does not fit one byte.
    #[cold]
    fn long(&mut self) -> Result<Range<u32>, Malformed> {
        let mut rest = Reader::new(self.body.get(self.at as usize..).unwrap_or_default());
        let before = rest.remaining();
        let length = lenenc::int(&mut rest, "cell")?;
        let head = before.saturating_sub(rest.remaining());
        let narrow = |number| u32::try_from(number).map_err(|_| Self::TRUNCATED);
        self.take(narrow(head as u64)?, narrow(length)?)
    }

    /// A date or a time, or the type that has no values.
    fn rare(&mut self, kind: ColumnType) -> Result<Range<u32>, Malformed> {
        let mut rest = Reader::new(self.body.get(self.at as usize..).unwrap_or_default());
        let length = u32::try_from(kind.content(&mut rest, "cell")?.len());
        self.take(1, length.map_err(|_| Self::TRUNCATED)?)
    }

    /// Reports what is left, once.
    fn end(&mut self) -> Option<Malformed> {
        let left = self.body.len().saturating_sub(self.at as usize);
        self.stop();
        (left > 0).then_some(Malformed::Trailing(left))
    }

    fn stop(&mut self) {
        (self.body, self.at) = (&[], 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &[u8], columns: u16) -> Result<Vec<Cell>, Malformed> {
        text_cells(body, columns).collect()
    }

    fn binary(body: &[u8], types: &[ColumnType]) -> Result<Vec<Cell>, Malformed> {
        binary_cells(body, types)?.collect()
    }

    #[test]
    fn text_cells_are_ranges_into_the_payload() {
        let mut body = BytesMut::new();
        put_text(&mut body, &[Some(b"ann"), None, Some(b"")]);
        assert_eq!(&body[..], b"\x03ann\xfb\x00");
        assert_eq!(text(&body, 3), Ok(vec![Some(1..4), None, Some(6..6)]));
    }

    #[test]
    fn a_row_longer_or_shorter_than_its_cells_is_refused() {
        assert_eq!(text(b"\x01ab", 1), Err(Malformed::Trailing(1)));
        assert_eq!(text(b"\x02a", 1), Err(Malformed::Truncated("cell")));
        assert_eq!(text(b"\x01a", 2), Err(Malformed::Truncated("cell")));
        assert_eq!(text(b"\xff", 1), Err(Malformed::Invalid("cell")));
    }

    #[test]
    fn a_walk_reports_leftovers_once_and_ends() {
        let mut cells = text_cells(b"\x01ab", 1);
        assert_eq!(cells.next(), Some(Ok(Some(1..2))));
        assert_eq!(cells.next(), Some(Err(Malformed::Trailing(1))));
        assert_eq!(cells.next(), None);
    }

    #[test]
    fn the_specifications_binary_row_is_read() {
        assert_eq!(binary(b"\x00\x00\x06foobar", &[ColumnType::VarString]), Ok(vec![Some(3..9)]));
    }

    #[test]
    fn binary_cells_are_ranges_without_their_length() {
        let types = [ColumnType::Long, ColumnType::VarString, ColumnType::DateTime, ColumnType::Time, ColumnType::Null];
        let values = [
            (ValueType::signed(ColumnType::Long), Value::Int(-1)),
            (ValueType::signed(ColumnType::VarString), Value::Null),
            (
                ValueType::signed(ColumnType::DateTime),
                Value::of(ValueType::signed(ColumnType::DateTime), &[1; 4]).unwrap(),
            ),
            (ValueType::signed(ColumnType::Time), Value::of(ValueType::signed(ColumnType::Time), &[]).unwrap()),
            (ValueType::signed(ColumnType::Null), Value::Null),
        ];
        let mut body = BytesMut::new();
        put_binary(&mut body, &values);
        assert_eq!(&body[..], b"\x00\x48\xff\xff\xff\xff\x04\x01\x01\x01\x01\x00");
        assert_eq!(binary(&body, &types), Ok(vec![Some(2..6), None, Some(7..11), Some(12..12), None]));
    }

    #[test]
    fn the_seventh_column_has_its_bit_in_the_second_byte() {
        let types = [ColumnType::Tiny; 7];
        let row = b"\x00\x00\x01\x01\x02\x03\x04\x05\x06";
        let cells = binary(row, &types).unwrap();
        assert_eq!((cells[5].clone(), cells[6].clone()), (Some(8..9), None));
    }

    #[test]
    fn a_binary_row_longer_or_shorter_than_its_cells_is_refused() {
        assert_eq!(binary(b"\x00\x00\x01\x02", &[ColumnType::Tiny]), Err(Malformed::Trailing(1)));
        assert_eq!(binary(b"\x00\x00\x01", &[ColumnType::Short]), Err(Malformed::Truncated("cell")));
        assert_eq!(binary(b"\x01\x00\x01", &[ColumnType::Tiny]), Err(Malformed::Invalid("header")));
        assert_eq!(binary(b"\x00", &[ColumnType::Tiny]), Err(Malformed::Truncated("NULL bitmap")));
        assert_eq!(binary(b"\x00\x00", &[ColumnType::Null]), Err(Malformed::Invalid("cell")));
    }
}
