//! OK: a command succeeded; with another first byte, the rows of a result set ended.
//!
//! Since DEPRECATE_EOF the same message ends rows, with the first byte of EOF. Its human-readable text and, where agreed,
//! the session's new state follow. Texts can hold values of the database, so `Debug` shows neither. Spec: "OK_Packet".

use std::fmt;

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use super::session_state::SessionState;
use super::status::Status;
use crate::{Capabilities, lenenc};

/// Which first byte an OK has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OkHeader {
    /// A command succeeded.
    Ok,
    /// Rows ended.
    Eof,
}

/// A command succeeded, or rows ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OkPacket<'f> {
    /// Which of the two.
    pub header: OkHeader,
    /// How many rows were changed.
    pub affected_rows: u64,
    /// The last id that was generated.
    pub last_insert_id: u64,
    /// The session's state.
    pub status: Status,
    /// How many warnings SHOW WARNINGS has.
    pub warnings: u16,
    /// What follows.
    pub tail: OkTail<'f>,
}

/// What follows the warnings of an OK.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OkTail<'f> {
    /// Without session tracking: text to the end, in MariaDB and MySQL alike with a length before it.
    Untracked(&'f [u8]),
    /// With session tracking: nothing.
    Nothing,
    /// With session tracking: text.
    Info(&'f [u8]),
    /// With session tracking and [`Status::SESSION_STATE_CHANGED`]: text, and changes.
    State(&'f [u8], SessionState<'f>),
}

impl<'f> OkPacket<'f> {
    /// An OK of our own, with nothing to say.
    pub fn new(agreed: Capabilities, status: Status) -> Self {
        let tracked = agreed.has(Capabilities::SESSION_TRACK);
        let tail = if tracked { OkTail::Nothing } else { OkTail::Untracked(&[]) };
        let status = status.without(Status::SESSION_STATE_CHANGED);
        Self { header: OkHeader::Ok, affected_rows: 0, last_insert_id: 0, status, warnings: 0, tail }
    }

    /// Reads a payload, by what was agreed.
    ///
    /// # Errors
    /// Another first byte, changes that are not understood, leftovers.
    pub fn decode(body: &'f [u8], agreed: Capabilities) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let header = match r.u8("header")? {
            0x00 => OkHeader::Ok,
            0xfe => OkHeader::Eof,
            _ => return Err(Malformed::Invalid("header")),
        };
        let affected_rows = lenenc::int(&mut r, "affected rows")?;
        let last_insert_id = lenenc::int(&mut r, "last insert id")?;
        let status = Status::from_bits(r.u16_le("status")?);
        let warnings = r.u16_le("warnings")?;
        let tail = if agreed.has(Capabilities::SESSION_TRACK) {
            OkTail::decode(&mut r, status)?
        } else {
            OkTail::Untracked(r.rest())
        };
        r.finish()?;
        Ok(Self { header, affected_rows, last_insert_id, status, warnings, tail })
    }

    /// The session's new state, where it changed.
    pub fn state(&self) -> SessionState<'f> {
        match self.tail {
            OkTail::State(_, state) => state,
            _ => SessionState::default(),
        }
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(match self.header {
            OkHeader::Ok => 0x00,
            OkHeader::Eof => 0xfe,
        });
        lenenc::put_int(out, self.affected_rows);
        lenenc::put_int(out, self.last_insert_id);
        out.put_u16_le(self.status.bits());
        out.put_u16_le(self.warnings);
        match self.tail {
            OkTail::Nothing => {}
            OkTail::Untracked(text) => out.put_slice(text),
            OkTail::Info(text) => lenenc::put_bytes(out, text),
            OkTail::State(text, state) => {
                lenenc::put_bytes(out, text);
                state.encode(out);
            }
        }
    }
}

impl<'f> OkTail<'f> {
    fn decode(r: &mut Reader<'f>, status: Status) -> Result<Self, Malformed> {
        let changed = status.has(Status::SESSION_STATE_CHANGED);
        if r.remaining() == 0 && !changed {
            return Ok(Self::Nothing);
        }
        let info = lenenc::bytes(r, "info")?;
        if !changed {
            return Ok(Self::Info(info));
        }
        let state = SessionState::decode(lenenc::bytes(r, "session state")?)?;
        Ok(Self::State(info, state))
    }
}

impl fmt::Debug for OkPacket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OkPacket")
            .field("header", &self.header)
            .field("affected_rows", &self.affected_rows)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::StateChange;

    const TRACKED: Capabilities = Capabilities::SESSION_TRACK;

    fn again(body: &[u8], agreed: Capabilities) -> OkPacket<'_> {
        let ok = OkPacket::decode(body, agreed).unwrap();
        let mut out = BytesMut::new();
        ok.encode(&mut out);
        assert_eq!(&out[..], body);
        ok
    }

    #[test]
    fn fields_are_the_specifications() {
        let ok = again(b"\x00\x01\xfc\x2c\x01\x02\x00\x03\x00", TRACKED);
        assert_eq!((ok.affected_rows, ok.last_insert_id, ok.warnings), (1, 300, 3));
        assert!(ok.status.has(Status::AUTOCOMMIT));
        assert_eq!(ok.header, OkHeader::Ok);
    }

    #[test]
    fn the_end_of_rows_has_the_first_byte_of_eof() {
        assert_eq!(again(b"\xfe\x00\x00\x02\x00\x00\x00", TRACKED).header, OkHeader::Eof);
    }

    #[test]
    fn state_comes_with_its_flag() {
        let ok = again(b"\x00\x00\x00\x02\x40\x00\x00\x00\x07\x01\x05\x04test", TRACKED);
        assert_eq!(ok.state().changes().collect::<Vec<_>>(), [StateChange::Schema(b"test")]);
        let missing = OkPacket::decode(b"\x00\x00\x00\x02\x40\x00\x00", TRACKED);
        assert_eq!(missing, Err(Malformed::Truncated("info")));
        let leftover = OkPacket::decode(b"\x00\x00\x00\x02\x00\x00\x00\x00\x07\x01\x05\x04test", TRACKED);
        assert_eq!(leftover, Err(Malformed::Trailing(8)));
    }

    #[test]
    fn text_without_tracking_is_all_that_is_left() {
        let ok = again(b"\x00\x00\x00\x02\x00\x00\x00\x04Rows", Capabilities::default());
        assert!(ok.tail == OkTail::Untracked(b"\x04Rows"));
        assert!(again(b"\x00\x00\x00\x02\x00\x00\x00\x04Rows", TRACKED).tail == OkTail::Info(b"Rows"));
    }

    #[test]
    fn an_ok_of_our_own_reads_as_a_servers() {
        for agreed in [TRACKED, Capabilities::default()] {
            let mut out = BytesMut::new();
            OkPacket::new(agreed, Status::AUTOCOMMIT).encode(&mut out);
            assert_eq!(&out[..], b"\x00\x00\x00\x02\x00\x00\x00");
        }
    }

    #[test]
    fn debug_shows_no_text() {
        let ok = again(b"\x00\x00\x00\x02\x00\x00\x00\x0b078-05-1120", TRACKED);
        assert!(!format!("{ok:?}").contains("48"));
    }
}
