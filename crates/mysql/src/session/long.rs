//! A row too long to be held: handed on in pieces while its values are still being read.
//!
//! A single value may be a gigabyte, and a row of more than 2^24-1 bytes goes on in further packets, whose headers lie
//! inside its values. Only the structure is understood here; each piece of a value is offered with its column, and with the
//! header that lies in it as a gap, so that detectors can follow the value in constant memory. A row whose values do not add
//! up to its packets is a fault: the bytes after it could no longer be trusted.

use std::sync::Arc;

use portcullis_wire::error::{Fault, Malformed};
use portcullis_wire::event::Ticket;
use portcullis_wire::protocol::{Front, Piece};

use super::columns::Columns;
use super::exchange::RowForm;
use crate::lenenc;
use crate::packet::{HEADER, MAX, header};
use crate::types::Shape;

/// Where the reading of a long row stands.
#[derive(Debug)]
pub(super) struct Long {
    ticket: Option<Ticket>,
    columns: Arc<Columns>,
    /// The sequence id of the next packet of the row.
    sequence: u8,
    /// Bytes of the packet at hand that have not left yet.
    left: usize,
    /// The packet at hand is as long as can be: another follows.
    continues: bool,
    /// The NULL bits of a binary row.
    nulls: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The header of the row's first packet.
    Begin,
    /// The first byte and the NULL bits of a binary row, so many of which have not left.
    Nulls(usize),
    /// The length before the value of this column; the bytes of it that have left.
    Length { column: usize, seen: Seen },
    /// Inside a value.
    Value { column: usize, left: u64 },
}

/// The first bytes of a length, which may be cut by a packet's header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    bytes: [u8; 9],
    count: usize,
}

/// What a length says once it is whole.
enum Length {
    /// More bytes are needed.
    Open,
    Null,
    Bytes(u64),
}

impl Long {
    pub(super) fn new(sequence: u8, columns: Arc<Columns>, ticket: Option<Ticket>) -> Self {
        Self { ticket, columns, sequence, left: 0, continues: true, nulls: Vec::new(), state: State::Begin }
    }

    /// The sequence id of what follows the row.
    pub(super) fn sequence(&self) -> u8 {
        self.sequence
    }

    pub(super) fn is_done(&self) -> bool {
        self.left == 0 && !self.continues
    }

    /// The next piece at the front of `buffer`.
    pub(super) fn front(&self, buffer: &[u8]) -> Result<Front, Fault> {
        if self.left == 0 {
            return self.structure(buffer, HEADER);
        }
        match self.state {
            State::Value { column, left } => Ok(self.value(buffer, column, left)),
            State::Nulls(left) => self.structure(buffer, left.min(self.left)),
            State::Length { .. } => self.structure(buffer, 1),
            State::Begin => self.structure(buffer, HEADER),
        }
    }

    fn structure(&self, buffer: &[u8], length: usize) -> Result<Front, Fault> {
        if buffer.len() < length {
            return Ok(Front::Short(length.saturating_sub(buffer.len())));
        }
        Ok(Front::Piece(Piece { length, column: None, last: false, gap: None, ticket: self.ticket }))
    }

    /// As much of a value as is there, over at most one border between packets.
    fn value(&self, buffer: &[u8], column: usize, left: u64) -> Front {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX);
        let here = buffer.len().min(wanted).min(self.left);
        if here == 0 {
            return Front::Short(1);
        }
        let piece =
            |length, last, gap| Front::Piece(Piece { length, column: Some(column), last, gap, ticket: self.ticket });
        if here == wanted {
            return piece(here, true, None);
        }
        let border = here..here.saturating_add(HEADER);
        let next = buffer.get(border.clone()).and_then(header);
        match next {
            Some(next) if here == self.left => {
                let more = buffer.len().saturating_sub(border.end).min(next.len).min(wanted.saturating_sub(here));
                let last = here.saturating_add(more) == wanted;
                piece(border.end.saturating_add(more), last, Some(border))
            }
            _ => piece(here, false, None),
        }
    }

    /// Notes that `bytes`, the front of the last piece, leave.
    pub(super) fn consume(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.step(rest)?;
        }
        self.check()
    }

    /// Takes what belongs together off the front of `bytes`.
    fn step<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Fault> {
        if self.left == 0 {
            return self.packet(bytes);
        }
        let taken = match &mut self.state {
            State::Begin => return Err(Malformed::Invalid("row").into()),
            State::Nulls(left) => {
                let taken = bytes.len().min(*left).min(self.left);
                self.nulls.extend_from_slice(bytes.get(..taken).unwrap_or_default());
                *left = left.saturating_sub(taken);
                if *left == 0 {
                    self.begin_values()?;
                }
                taken
            }
            State::Length { column, seen } => {
                let (column, seen) = (*column, seen.with(bytes.first().copied().unwrap_or_default()));
                self.state = match self.length(column, &seen)? {
                    Length::Open => State::Length { column, seen },
                    Length::Bytes(left) if left > 0 => State::Value { column, left },
                    Length::Null | Length::Bytes(_) => self.column(column.saturating_add(1)),
                };
                1
            }
            State::Value { column, left } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let taken = bytes.len().min(most).min(self.left);
                *left = left.saturating_sub(taken as u64);
                if *left == 0 {
                    let next = column.saturating_add(1);
                    self.state = self.column(next);
                }
                taken
            }
        };
        self.left = self.left.saturating_sub(taken);
        Ok(bytes.get(taken..).unwrap_or_default())
    }

    /// A packet of the row begins.
    fn packet<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Fault> {
        let next = header(bytes).filter(|_| self.continues).ok_or(Malformed::Trailing(bytes.len()))?;
        if next.sequence != self.sequence {
            return Err(Malformed::Invalid("sequence id").into());
        }
        (self.left, self.continues) = (next.len, next.len == MAX);
        self.sequence = self.sequence.wrapping_add(1);
        if self.state == State::Begin {
            self.state = match self.columns.form {
                RowForm::Text => self.column(0),
                RowForm::Binary => {
                    State::Nulls(self.columns.types.len().saturating_add(2).div_ceil(8).saturating_add(1))
                }
            };
        }
        Ok(bytes.get(HEADER..).unwrap_or_default())
    }

    fn begin_values(&mut self) -> Result<(), Fault> {
        if self.nulls.first() != Some(&0) {
            return Err(Malformed::Invalid("header").into());
        }
        self.state = self.column(0);
        Ok(())
    }

    /// What stands where the value of this column begins. Columns that take no byte are passed over.
    fn column(&self, from: usize) -> State {
        let mut column = from;
        if self.columns.form == RowForm::Binary {
            while column < self.columns.types.len() && self.is_null(column) {
                column = column.saturating_add(1);
            }
            if let Some(Shape::Fixed(length)) = self.columns.types.get(column).map(|kind| kind.shape()) {
                return State::Value { column, left: length as u64 };
            }
        }
        State::Length { column, seen: Seen::default() }
    }

    fn is_null(&self, column: usize) -> bool {
        let bit = column.saturating_add(2);
        // The first byte is the row's own.
        self.nulls.get((bit / 8).saturating_add(1)).is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
    }

    fn length(&self, column: usize, seen: &Seen) -> Result<Length, Fault> {
        let Some(kind) = self.columns.types.get(column) else { return Err(Malformed::Trailing(1).into()) };
        let bytes = seen.bytes.get(..seen.count).unwrap_or_default();
        let text = self.columns.form == RowForm::Text;
        match (text, kind.shape()) {
            (true, _) if bytes == [lenenc::NULL] => Ok(Length::Null),
            (true, _) | (false, Shape::Counted) => {
                let mut r = portcullis_wire::Reader::new(bytes);
                match lenenc::int(&mut r, "cell") {
                    Ok(length) => Ok(Length::Bytes(length)),
                    Err(Malformed::Truncated(_)) => Ok(Length::Open),
                    Err(error) => Err(error.into()),
                }
            }
            (false, Shape::Date | Shape::Time) => {
                Ok(Length::Bytes(u64::from(bytes.first().copied().unwrap_or_default())))
            }
            (false, Shape::Fixed(_) | Shape::Nothing) => Err(Malformed::Invalid("cell").into()),
        }
    }

    /// A row ends exactly where its values end.
    fn check(&self) -> Result<(), Fault> {
        let all = State::Length { column: self.columns.types.len(), seen: Seen::default() };
        match (self.state == all, self.is_done()) {
            (true, false) if self.left > 0 => Err(Malformed::Trailing(self.left).into()),
            (false, true) => Err(Malformed::Truncated("row").into()),
            _ => Ok(()),
        }
    }
}

impl Seen {
    fn with(mut self, byte: u8) -> Self {
        if let Some(place) = self.bytes.get_mut(self.count) {
            *place = byte;
            self.count = self.count.saturating_add(1);
        }
        self
    }
}
