//! Results on their way to the client: counted, and searched for secrets by content.
//!
//! Detectors overwrite in place and keep every length, so nothing is copied and frames stay what they were. A class that
//! the principal may `reveal` has its detectors turned off. Budgets count what an identity read in the last hour, over
//! all of its sessions.

use std::sync::Mutex;

use portcullis_mask::{Detectors, Rows, ValueKind};
use portcullis_wire::event::{CellKind, Column};
use portcullis_wire::{Malformed, Protocol};

const MINUTES: usize = 60;

/// Rows and bytes that one identity read, by minute.
#[derive(Debug)]
pub struct Budget(Mutex<[Minute; MINUTES]>);

#[derive(Debug, Clone, Copy, Default)]
struct Minute {
    /// Minutes since 1970.
    at: u64,
    rows: u64,
    bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new([Minute::default(); MINUTES]))
    }
}

impl Budget {
    /// Adds what was read at `now`, in microseconds since 1970.
    pub fn add(&self, rows: u64, bytes: u64, now: u64) {
        let at = now / 60_000_000;
        let Ok(mut minutes) = self.0.lock() else { return };
        let slot = usize::try_from(at.checked_rem(MINUTES as u64).unwrap_or(0)).unwrap_or(0);
        if let Some(minute) = minutes.get_mut(slot) {
            if minute.at != at {
                *minute = Minute { at, ..Minute::default() };
            }
            minute.rows = minute.rows.saturating_add(rows);
            minute.bytes = minute.bytes.saturating_add(bytes);
        }
    }

    /// Rows and bytes of the last hour.
    pub fn last_hour(&self, now: u64) -> (i64, i64) {
        let at = now / 60_000_000;
        let Ok(minutes) = self.0.lock() else { return (i64::MAX, i64::MAX) };
        let (mut rows, mut bytes) = (0u64, 0u64);
        for minute in minutes.iter().filter(|minute| minute.at.saturating_add(MINUTES as u64) > at) {
            rows = rows.saturating_add(minute.rows);
            bytes = bytes.saturating_add(minute.bytes);
        }
        (i64::try_from(rows).unwrap_or(i64::MAX), i64::try_from(bytes).unwrap_or(i64::MAX))
    }
}

/// What a session did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Statements that were allowed.
    pub allowed: u64,
    /// Statements that were refused.
    pub refused: u64,
    /// Rows that reached the client.
    pub rows: u64,
    /// Bytes that reached the client.
    pub bytes: u64,
    /// Values in which detectors overwrote something.
    pub masked: u64,
}

/// The detectors of one session, and where they stand in the result that is passing.
#[derive(Debug)]
pub(crate) struct Masking {
    detectors: Option<Detectors>,
    rows: Rows,
    /// A long value has begun and not ended.
    broken: bool,
    /// Reused: where the cells of a buffer stand.
    cells: Vec<(std::ops::Range<usize>, ValueKind)>,
}

impl Masking {
    pub(crate) fn new(detectors: Option<Detectors>) -> Self {
        Self { detectors, rows: Rows::new(), broken: false, cells: Vec::new() }
    }

    /// Another result begins.
    pub(crate) fn begin(&mut self) {
        // A key that is open, or a value that broke off, must not reach into the next result.
        if std::mem::take(&mut self.broken) || self.rows.is_open() {
            self.rows = Rows::new();
        }
    }

    /// Whether free text of the server has to be searched.
    pub(crate) fn is_on(&self) -> bool {
        self.detectors.is_some()
    }

    /// Searches a run of whole rows. Returns the hits.
    ///
    /// # Errors
    /// What may hold a secret could not be taken apart. It must not leave.
    pub(crate) fn rows<P: Protocol>(
        &mut self,
        codec: &P,
        buffer: &mut [u8],
        columns: Option<&[Column]>,
    ) -> Result<u64, Malformed> {
        let Some(detectors) = &self.detectors else { return Ok(0) };
        let closed = cover(codec, buffer, columns)?;
        if !self.rows.look(detectors, buffer) {
            return Ok(closed);
        }
        let (rows, cells) = (&self.rows, &mut self.cells);
        let (mut numbers, mut cursor, mut row) = (Vec::new(), 0, 0);
        let mut worth = |place: std::ops::Range<usize>| rows.wants_row(detectors, &place, &mut row);
        codec.cells(buffer, &mut worth, &mut |column, place| match value_kind(columns, column) {
            Reading::Value(kind, skip) => {
                let place = place.start.saturating_add(skip).min(place.end)..place.end;
                if rows.wants(detectors, &place, kind, &mut cursor) {
                    cells.push((place, kind));
                }
            }
            Reading::Binary(kind) => numbers.push((place, kind)),
            Reading::Closed | Reading::Nothing => {}
        })?;
        self.rows.overwrite(detectors, buffer, cells.drain(..));
        let mut hits = closed.saturating_add(self.rows.hits().take().total());
        if detectors.numbers() {
            for (place, kind) in numbers {
                hits = hits.saturating_add(binary_number(detectors, buffer.get_mut(place), kind));
            }
        }
        Ok(hits)
    }

    /// Searches COPY data.
    pub(crate) fn data<P: Protocol>(&mut self, codec: &P, buffer: &mut [u8]) -> Result<u64, Malformed> {
        let Some(detectors) = &self.detectors else { return Ok(0) };
        if !self.rows.look(detectors, buffer) {
            return Ok(0);
        }
        let (rows, cells) = (&self.rows, &mut self.cells);
        let mut cursor = 0;
        codec.cells(buffer, &mut |_| true, &mut |_, place| {
            if rows.wants(detectors, &place, ValueKind::CopyText, &mut cursor) {
                cells.push((place, ValueKind::CopyText));
            }
        })?;
        self.rows.overwrite(detectors, buffer, cells.drain(..));
        Ok(self.rows.hits().take().total())
    }

    /// Searches a piece of a long value. Returns how much of it is final, and the hits.
    pub(crate) fn piece(
        &mut self,
        piece: &mut [u8],
        column: usize,
        columns: Option<&[Column]>,
        copy: bool,
        last: bool,
    ) -> (usize, u64) {
        let Some(detectors) = &self.detectors else { return (piece.len(), 0) };
        let kind = match value_kind(columns, column) {
            Reading::Value(kind, _) => kind,
            Reading::Closed => {
                piece.fill(COVER);
                return (piece.len(), u64::from(last));
            }
            Reading::Binary(_) | Reading::Nothing => return (piece.len(), 0),
        };
        // What was not described may be COPY data too, which hides more than plain text does.
        let kind = if copy || columns.is_none() { ValueKind::CopyText } else { kind };
        self.broken = !last;
        let done = self.rows.feed(detectors, kind, piece, last);
        (done.min(piece.len()), self.rows.hits().take().total())
    }

    /// Searches the free text of an error, a notice or a notification.
    pub(crate) fn remark<P: Protocol>(&mut self, codec: &P, message: &mut [u8]) -> u64 {
        let Some(detectors) = &self.detectors else { return 0 };
        let mut places = Vec::new();
        codec.remarks(message, &mut |place| places.push(place));
        let mut closed = Vec::new();
        codec.undecoded(message, &mut |place| closed.push(place));
        let mut hits = closed.len() as u64;
        closed.into_iter().for_each(|place| cover_one(message, place));
        for place in places {
            if let Some(text) = message.get_mut(place) {
                hits = hits.saturating_add(detectors.mask_value(text, ValueKind::Text).total());
            }
        }
        hits
    }
}

enum Reading {
    /// As text of this kind, from this many bytes on.
    Value(ValueKind, usize),
    Binary(CellKind),
    /// It may hold anything, and cannot be searched.
    Closed,
    Nothing,
}

/// What stands in the place of a value that cannot be searched.
const COVER: u8 = b'*';

/// Overwrites values that cannot be searched, whatever they are. Returns how many there were.
///
/// EVASION: an address in UTF-16 is none to any detector (test `what_is_stored_in_a_wide_character_set_is_overwritten`).
fn cover<P: Protocol>(codec: &P, buffer: &mut [u8], columns: Option<&[Column]>) -> Result<u64, Malformed> {
    let columns = columns.unwrap_or_default();
    let is_closed = |column: &Column| column.kind == CellKind::Undecoded;
    if !columns.iter().any(is_closed) {
        return Ok(0);
    }
    let mut places = Vec::new();
    codec.cells(buffer, &mut |_| true, &mut |column, place| {
        if columns.get(column).is_some_and(is_closed) {
            places.push(place);
        }
    })?;
    let values = places.iter().filter(|place| !place.is_empty()).count() as u64;
    places.into_iter().for_each(|place| cover_one(buffer, place));
    Ok(values)
}

fn cover_one(buffer: &mut [u8], place: std::ops::Range<usize>) {
    if let Some(value) = buffer.get_mut(place) {
        value.fill(COVER);
    }
}

/// How a cell is read. Where the server did not say what a column is, it is read as text: that can only find more.
fn value_kind(columns: Option<&[Column]>, index: usize) -> Reading {
    match columns.and_then(|columns| columns.get(index)).map_or(CellKind::Text, |column| column.kind) {
        CellKind::Opaque => Reading::Nothing,
        CellKind::Text => Reading::Value(ValueKind::Text, 0),
        CellKind::Undecoded => Reading::Closed,
        CellKind::Json => Reading::Value(ValueKind::Json, 0),
        CellKind::VersionedJson => Reading::Value(ValueKind::Json, 1),
        CellKind::Number => Reading::Value(ValueKind::Number, 0),
        kind @ (CellKind::Int8 | CellKind::BinaryNumber | CellKind::LittleEndian) => Reading::Binary(kind),
    }
}

fn binary_number(detectors: &Detectors, value: Option<&mut [u8]>, kind: CellKind) -> u64 {
    let Some(value) = value else { return 0 };
    match (kind, value.len()) {
        (CellKind::Int8, 8) => value.try_into().map_or(0, |value| detectors.mask_int8(value).total()),
        (CellKind::BinaryNumber, 2) => 0,
        (CellKind::BinaryNumber, 4) => value.try_into().map_or(0, |value| detectors.mask_int4(value).total()),
        (CellKind::LittleEndian, _) => {
            // Detectors read numbers as Postgres writes them.
            value.reverse();
            let hits = match value.len() {
                8 => value.try_into().map_or(0, |value| detectors.mask_int8(value).total()),
                4 => value.try_into().map_or(0, |value| detectors.mask_int4(value).total()),
                _ => 0,
            };
            value.reverse();
            hits
        }
        (CellKind::BinaryNumber, _) => detectors.mask_numeric(value).total(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_forgets_after_an_hour() {
        let budget = Budget::default();
        let minute = 60_000_000;
        budget.add(3, 100, 5 * minute);
        budget.add(2, 10, 30 * minute);
        assert_eq!(budget.last_hour(30 * minute), (5, 110));
        assert_eq!(budget.last_hour(65 * minute), (2, 10));
        assert_eq!(budget.last_hour(200 * minute), (0, 0));
    }
}
