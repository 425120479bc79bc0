//! ERR: a command failed. And MariaDB's progress report, which begins like one.
//!
//! Texts hold values of the database (`Duplicate entry '…'`), so `Debug` shows only the code and the SQLSTATE. Before the
//! sign-in a server may leave the SQLSTATE out. Spec: "ERR_Packet"; MariaDB "ERR_Packet" and `net_send_progress_packet`,
//! which writes one byte more than its documentation says.

use std::fmt;

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::lenenc;

/// The code that makes an ERR a progress report.
const PROGRESS: u16 = 0xffff;

/// A command failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrPacket<'f> {
    /// The server's code.
    pub code: u16,
    /// The SQLSTATE; absent only before the sign-in.
    pub state: Option<[u8; 5]>,
    /// What went wrong, for people.
    pub message: &'f [u8],
}

impl<'f> ErrPacket<'f> {
    /// An error of our own.
    pub fn new(code: u16, state: [u8; 5], message: &'f str) -> Self {
        Self { code, state: Some(state), message: message.as_bytes() }
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// Another first byte, a progress report, a SQLSTATE that is cut.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let code = code(&mut r)?;
        if code == PROGRESS {
            return Err(Malformed::Invalid("error code"));
        }
        let mut ahead = r.clone();
        let state = if ahead.u8("SQLSTATE marker") == Ok(b'#') {
            r = ahead;
            Some(r.array::<5>("SQLSTATE")?)
        } else {
            None
        };
        Ok(Self { code, state, message: r.rest() })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(0xff);
        out.put_u16_le(self.code);
        if let Some(state) = &self.state {
            out.put_u8(b'#');
            out.put_slice(state);
        }
        out.put_slice(self.message);
    }
}

impl fmt::Debug for ErrPacket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrPacket({} {})", self.code, self.state.unwrap_or_default().escape_ascii())
    }
}

/// MariaDB: how far a statement is. Any number of them may come before its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressReport<'f> {
    /// How many texts follow the numbers: 1.
    pub strings: u8,
    /// Which stage, from 1.
    pub stage: u8,
    /// How many stages there are.
    pub max_stage: u8,
    /// How much of the stage is done, in thousandths of a percent. Three bytes on the wire.
    pub progress: u32,
    /// What the stage is.
    pub info: &'f [u8],
}

impl<'f> ProgressReport<'f> {
    /// Whether a payload that begins like an error is a report.
    pub fn is_one(body: &[u8]) -> bool {
        body.starts_with(&[0xff, 0xff, 0xff])
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// Another first byte or code, leftovers.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        if code(&mut r)? != PROGRESS {
            return Err(Malformed::Invalid("error code"));
        }
        let [strings, stage, max_stage, a, b, c] = r.array::<6>("progress")?;
        let info = lenenc::bytes(&mut r, "progress info")?;
        r.finish()?;
        Ok(Self { strings, stage, max_stage, progress: u32::from_le_bytes([a, b, c, 0]), info })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        let [a, b, c, _] = self.progress.to_le_bytes();
        out.put_u8(0xff);
        out.put_u16_le(PROGRESS);
        out.put_slice(&[self.strings, self.stage, self.max_stage, a, b, c]);
        lenenc::put_bytes(out, self.info);
    }
}

fn code(r: &mut Reader<'_>) -> Result<u16, Malformed> {
    match r.u8("header")? {
        0xff => r.u16_le("error code"),
        _ => Err(Malformed::Invalid("header")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_is_read() {
        let body = b"\xff\x48\x04#HY000No tables used";
        let error = ErrPacket::decode(body).unwrap();
        assert_eq!((error.code, error.state, error.message), (1_096, Some(*b"HY000"), &b"No tables used"[..]));
        let mut out = BytesMut::new();
        error.encode(&mut out);
        assert_eq!(&out[..], body);
    }

    #[test]
    fn before_the_sign_in_there_may_be_no_state() {
        let error = ErrPacket::decode(b"\xff\x10\x04Too many connections").unwrap();
        assert_eq!((error.code, error.state), (1_040, None));
        assert_eq!(ErrPacket::decode(b"\xff\x10\x04").unwrap().message, b"");
    }

    #[test]
    fn our_refusal_reads_as_a_servers_error() {
        let mut out = BytesMut::new();
        ErrPacket::new(1_142, *b"42000", "refused by rule `x`").encode(&mut out);
        assert_eq!(&out[..], b"\xff\x76\x04#42000refused by rule `x`");
    }

    #[test]
    fn what_is_cut_is_refused() {
        assert_eq!(ErrPacket::decode(b"\xff\x10"), Err(Malformed::Truncated("error code")));
        assert_eq!(ErrPacket::decode(b"\xff\x10\x04#42"), Err(Malformed::Truncated("SQLSTATE")));
        assert_eq!(ErrPacket::decode(b"\x00\x10\x04"), Err(Malformed::Invalid("header")));
    }

    #[test]
    fn a_progress_report_is_no_error() {
        let body = b"\xff\xff\xff\x01\x01\x02\x10\x27\x00\x0dcopy to table";
        assert!(ProgressReport::is_one(body) && ErrPacket::decode(body).is_err());
        let report = ProgressReport::decode(body).unwrap();
        assert_eq!((report.stage, report.max_stage, report.progress), (1, 2, 10_000));
        assert_eq!(report.info, b"copy to table");
        let mut out = BytesMut::new();
        report.encode(&mut out);
        assert_eq!(&out[..], body);
        assert_eq!(ProgressReport::decode(&body[..body.len() - 1]), Err(Malformed::Truncated("progress info")));
        assert_eq!(ProgressReport::decode(b"\xff\x10\x04#42000"), Err(Malformed::Invalid("error code")));
    }

    #[test]
    fn debug_shows_no_values() {
        let error = ErrPacket::new(1_062, *b"23000", "Duplicate entry '078-05-1120'");
        assert_eq!(format!("{error:?}"), "ErrPacket(1062 23000)");
    }
}
