//! A message too long to be held: handed on in pieces while its values are still being read.
//!
//! A single value may be a gigabyte. Only the structure between values is understood here; each piece of a value is
//! offered with its column so that detectors can follow it in constant memory. A row whose values do not add up to its
//! length is a fault: the bytes after it could no longer be trusted. Spec: Postgres "DataRow", "CopyData".

use portcullis_wire::error::{Fault, Malformed};
use portcullis_wire::event::Ticket;
use portcullis_wire::protocol::{Front, Piece};

/// Where the reading of a long message stands.
#[derive(Debug)]
pub(super) struct Long {
    ticket: Option<Ticket>,
    /// Bytes of the message that have not left yet.
    left: u64,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The tag and length of a message that is one value (CopyData).
    Payload,
    /// The tag and length of a message that holds one value with its length (FunctionCallResponse).
    Header,
    /// The tag, length and column count of a row.
    Row,
    /// The length before the value of this column, of so many.
    Length { column: u16, columns: u16 },
    /// Inside a value.
    Value { column: u16, columns: u16, left: u64 },
}

impl Long {
    pub(super) fn row(length: usize, ticket: Option<Ticket>) -> Self {
        Self { ticket, left: length as u64, state: State::Row }
    }

    pub(super) fn value(length: usize, ticket: Option<Ticket>) -> Self {
        Self { ticket, left: length as u64, state: State::Header }
    }

    pub(super) fn payload(length: usize, ticket: Option<Ticket>) -> Self {
        Self { ticket, left: length as u64, state: State::Payload }
    }

    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// The next piece at the front of `buffer`.
    pub(super) fn front(&self, buffer: &[u8]) -> Result<Front, Fault> {
        let (length, column, last) = match self.state {
            State::Payload | State::Header => (5, None, false),
            State::Row => (7, None, false),
            State::Length { .. } => (4, None, false),
            State::Value { column, left, .. } => {
                let here = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                (here, Some(usize::from(column)), here as u64 == left)
            }
        };
        if length == 0 || buffer.len() < length {
            return Ok(Front::Short(1));
        }
        Ok(Front::Piece(Piece { length, column, last, gap: None, ticket: self.ticket }))
    }

    /// Notes that `bytes`, the front of the last piece, leave.
    pub(super) fn consume(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let count = bytes.len() as u64;
        self.left = self.left.checked_sub(count).ok_or(Malformed::Truncated("row"))?;
        self.state = match self.state {
            State::Payload => State::Value { column: 0, columns: 1, left: self.left },
            State::Header => State::Length { column: 0, columns: 1 },
            State::Row => {
                let columns = bytes.last_chunk::<2>().map_or(0, |count| u16::from_be_bytes(*count));
                State::Length { column: 0, columns }
            }
            State::Length { column, columns } => {
                let length = bytes.last_chunk::<4>().map_or(-1, |length| i32::from_be_bytes(*length));
                match u64::try_from(length) {
                    Ok(left) if left > 0 => State::Value { column, columns, left },
                    Ok(_) => State::Length { column: column.saturating_add(1), columns },
                    Err(_) if length == -1 => State::Length { column: column.saturating_add(1), columns },
                    Err(_) => return Err(Malformed::Invalid("value length").into()),
                }
            }
            State::Value { column, columns, left } => match left.checked_sub(count) {
                Some(0) => State::Length { column: column.saturating_add(1), columns },
                Some(left) => State::Value { column, columns, left },
                None => return Err(Malformed::Truncated("value").into()),
            },
        };
        self.check()
    }

    /// A message ends exactly where its values end.
    fn check(&self) -> Result<(), Fault> {
        match self.state {
            State::Length { column, columns } if column == columns && self.left > 0 => {
                Err(Malformed::Trailing(usize::try_from(self.left).unwrap_or(usize::MAX)).into())
            }
            State::Length { column, columns } if column < columns && self.left < 4 => {
                Err(Malformed::Truncated("value length").into())
            }
            State::Value { left, .. } if left > self.left => Err(Malformed::Truncated("value").into()),
            _ => Ok(()),
        }
    }
}
