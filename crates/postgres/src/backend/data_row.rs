//! DataRow: one row of a result. The hot path of the whole gateway.
//!
//! Cells are given as ranges into the frame, so that a mask can overwrite them where they lie, and are checked as they
//! are walked: one pass, no allocation. The walk ends in an error when the row is not exactly as long as its cells. Spec:
//! "Message Formats", DataRow.

use std::ops::Range;

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::frame::HEADER;
use crate::list;
use crate::put;

/// Where the first cell's length stands in a frame: after the header and the 16-bit count.
const CELLS: u32 = 7;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataRow<'f> {
    count: u16,
    raw: &'f [u8],
}

impl<'f> DataRow<'f> {
    /// Reads the body, every cell of it.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let cells = Self::walk(body)?;
        let (count, raw) = (cells.left, cells.rest.clone().rest());
        for cell in cells {
            cell?;
        }
        Ok(Self { count, raw })
    }

    /// Reads the count only, and gives the cells to be checked as they are walked.
    #[inline]
    pub fn walk(body: &'f [u8]) -> Result<Cells<'f>, Malformed> {
        let mut rest = Reader::new(body);
        let left = rest.u16("cell count")?;
        Ok(Cells { rest, left, offset: CELLS, ended: false })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'D', |out| {
            out.put_u16(self.count);
            out.put_slice(self.raw);
        });
    }

    /// Writes a row of `values`.
    pub fn put(out: &mut BytesMut, values: &[Option<&[u8]>]) {
        put::message(out, b'D', |out| list::put_values(out, values));
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The cells in order, as ranges into the frame (header included); `None` is NULL.
    pub fn cells(&self) -> impl Iterator<Item = Option<Range<u32>>> + use<'f> {
        // INVARIANT: `decode` has walked these very cells, so none fails.
        Cells { rest: Reader::new(self.raw), left: self.count, offset: CELLS, ended: false }.map_while(Result::ok)
    }

    /// The values in order; `None` is NULL.
    pub fn values(&self) -> impl Iterator<Item = Option<&'f [u8]>> + use<'f> {
        let mut r = Reader::new(self.raw);
        (0..self.count).map_while(move |_| r.value("cell").ok())
    }
}

/// The cells of a row that is being checked. After an error, and after the last cell, it ends.
#[derive(Debug, Clone)]
pub struct Cells<'f> {
    rest: Reader<'f>,
    left: u16,
    offset: u32,
    ended: bool,
}

impl Cells<'_> {
    #[inline]
    fn cell(&mut self) -> Result<Option<Range<u32>>, Malformed> {
        let length = self.rest.value("cell")?.map(<[u8]>::len);
        let start = self.offset.saturating_add(4);
        let Some(length) = length else {
            self.offset = start;
            return Ok(None);
        };
        // INVARIANT: a value's length came from an i32 and lies within a frame of at most 2^31 bytes.
        let end = u32::try_from(length).ok().and_then(|length| start.checked_add(length));
        self.offset = end.ok_or(Malformed::Invalid("cell"))?;
        Ok(Some(start..self.offset))
    }
}

impl Iterator for Cells<'_> {
    type Item = Result<Option<Range<u32>>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.ended = true;
            return self.rest.clone().finish().err().map(Err);
        };
        self.left = left;
        let cell = self.cell();
        self.ended = cell.is_err();
        Some(cell)
    }
}

// The offset of the first cell is the header's size and the count's.
const _: () = assert!(CELLS as usize == HEADER + 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_ranges_into_the_frame() {
        let mut frame = BytesMut::new();
        DataRow::put(&mut frame, &[Some(b"ann"), None, Some(b"")]);
        let row = DataRow::decode(&frame[5..]).unwrap();
        let cells: Vec<_> = row.cells().collect();
        assert_eq!(cells, [Some(11..14), None, Some(22..22)]);
        assert_eq!(&frame[11..14], b"ann");
        assert_eq!(row.values().collect::<Vec<_>>(), [Some(&b"ann"[..]), None, Some(b"")]);
    }

    #[test]
    fn a_row_longer_or_shorter_than_its_cells_is_refused() {
        assert_eq!(DataRow::decode(b"\0\x01\0\0\0\x01ab"), Err(Malformed::Trailing(1)));
        assert_eq!(DataRow::decode(b"\0\x01\0\0\0\x02a"), Err(Malformed::Truncated("cell")));
        assert_eq!(DataRow::decode(b"\0\x02\0\0\0\x01a"), Err(Malformed::Truncated("cell")));
        assert_eq!(DataRow::decode(b"\0\x01\x80\0\0\0"), Err(Malformed::Invalid("cell")));
    }

    #[test]
    fn a_walk_reports_leftovers_once_and_ends() {
        let mut cells = DataRow::walk(b"\0\x01\0\0\0\x01ab").unwrap();
        assert_eq!(cells.next(), Some(Ok(Some(11..12))));
        assert_eq!(cells.next(), Some(Err(Malformed::Trailing(1))));
        assert_eq!(cells.next(), None);
    }
}
