//! What a server answers: one file per message, and what the first byte of an answer or of a row's packet says.
//!
//! Answers carry no tag: what a payload is depends on what was asked and how far the answer is. [`Answer`] is the first
//! payload of an answer to COM_QUERY, COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE, [`RowPacket`] says whether a packet among
//! rows is one. Spec: "Generic Response Packets", "COM_QUERY Response".

mod column_count;
mod column_definition;
mod eof;
mod err;
mod local_infile;
mod ok;
mod prepare_ok;
mod row;
mod session_state;
mod status;

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

pub use column_count::{ColumnCount, Metadata};
pub use column_definition::{ColumnDefault, ColumnDefinition, ExtendedType};
pub use eof::EofPacket;
pub use err::{ErrPacket, ProgressReport};
pub use local_infile::LocalInfile;
pub use ok::{OkHeader, OkPacket, OkTail};
pub use prepare_ok::PrepareOk;
pub use row::{BinaryCells, Cell, TextCells, binary_cells, put_binary, put_text, text_cells};
pub use session_state::{SessionState, StateChange};
pub use status::Status;

use crate::Capabilities;
use crate::packet::MAX;

/// The first payload of an answer that may be a result set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'f> {
    /// No rows.
    Ok(OkPacket<'f>),
    /// The command failed.
    Err(ErrPacket<'f>),
    /// MariaDB: not an answer yet.
    Progress(ProgressReport<'f>),
    /// The server wants a file of the client.
    LocalInfile(LocalInfile<'f>),
    /// A result set begins.
    Columns(ColumnCount),
}

impl<'f> Answer<'f> {
    /// Reads a payload, by what was agreed.
    ///
    /// # Errors
    /// A progress report or a request for a file that was never agreed, wrong bytes.
    pub fn decode(body: &'f [u8], agreed: Capabilities) -> Result<Self, Malformed> {
        match Reader::new(body).u8("header")? {
            0x00 => OkPacket::decode(body, agreed).map(Self::Ok),
            0xff if ProgressReport::is_one(body) && agreed.has(Capabilities::PROGRESS) => {
                ProgressReport::decode(body).map(Self::Progress)
            }
            0xff => ErrPacket::decode(body).map(Self::Err),
            // EVASION: a server that asks for files of clients which never agreed to (`what_was_not_agreed_is_refused`).
            0xfb if agreed.has(Capabilities::LOCAL_FILES) => LocalInfile::decode(body).map(Self::LocalInfile),
            0xfb => Err(Malformed::Invalid("header")),
            _ => ColumnCount::decode(body, agreed).map(Self::Columns),
        }
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Ok(message) => message.encode(out),
            Self::Err(message) => message.encode(out),
            Self::Progress(message) => message.encode(out),
            Self::LocalInfile(message) => message.encode(out),
            Self::Columns(message) => message.encode(out),
        }
    }
}

/// What a packet is where rows are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowPacket {
    /// A row, or the first part of one.
    Row,
    /// The end: an [`OkPacket`] where DEPRECATE_EOF was agreed, else an [`EofPacket`].
    End,
    /// An error that ends the rows; with MariaDB's progress agreed it may be a report, which does not.
    Err,
}

impl RowPacket {
    /// Says what the first packet of a payload is, from its first byte and how long its body is.
    ///
    /// A text row begins with 0xFE when its first cell is 16 MiB or longer; its packet is then as long as a packet can be,
    /// which no OK is, and no EOF is longer than eight bytes.
    #[inline]
    pub fn of(first: u8, length: usize, agreed: Capabilities) -> Self {
        let longest_end = if agreed.has(Capabilities::DEPRECATE_EOF) { MAX } else { 9 };
        match first {
            0xff => Self::Err,
            0xfe if length < longest_end => Self::End,
            _ => Self::Row,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Capabilities = crate::capabilities::HONOURED;

    #[test]
    fn the_first_byte_says_what_it_is() {
        let tracked = Capabilities::LOCAL_FILES | Capabilities::PROGRESS;
        let decode = |body| Answer::decode(body, tracked);
        assert!(matches!(decode(b"\0\0\0\x02\0\0\0"), Ok(Answer::Ok(_))));
        assert!(matches!(decode(b"\xff\x48\x04#HY000x"), Ok(Answer::Err(_))));
        assert!(matches!(decode(b"\xff\xff\xff\x01\x01\x01\0\0\0\0"), Ok(Answer::Progress(_))));
        assert!(matches!(decode(b"\xfb/tmp/x"), Ok(Answer::LocalInfile(_))));
        assert!(matches!(decode(b"\x03"), Ok(Answer::Columns(_))));
        assert_eq!(decode(b""), Err(Malformed::Truncated("header")));
    }

    #[test]
    fn what_was_not_agreed_is_refused() {
        let none = Capabilities::default();
        assert_eq!(Answer::decode(b"\xfb/etc/passwd", none), Err(Malformed::Invalid("header")));
        let report = b"\xff\xff\xff\x01\x01\x01\0\0\0\0";
        assert_eq!(Answer::decode(report, none), Err(Malformed::Invalid("error code")));
    }

    #[test]
    fn a_long_row_is_no_end() {
        assert_eq!(RowPacket::of(0xfe, MAX, ALL), RowPacket::Row);
        assert_eq!(RowPacket::of(0xfe, 7, ALL), RowPacket::End);
        assert_eq!(RowPacket::of(0xfe, 300, ALL), RowPacket::End);
        let old = Capabilities::default();
        assert_eq!(RowPacket::of(0xfe, 5, old), RowPacket::End);
        assert_eq!(RowPacket::of(0xfe, 9, old), RowPacket::Row);
        assert_eq!(RowPacket::of(0x00, 5, ALL), RowPacket::Row);
        assert_eq!(RowPacket::of(0xfb, 5, old), RowPacket::Row);
        assert_eq!(RowPacket::of(0xff, 20, old), RowPacket::Err);
    }
}
