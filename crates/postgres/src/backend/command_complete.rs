//! CommandComplete: one statement ended; its tag says which kind and how many rows.
//!
//! Spec: "Message Formats", CommandComplete.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// The end of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandComplete<'f> {
    /// Such as `SELECT 3` or `INSERT 0 1`.
    pub command: &'f [u8],
}

impl<'f> CommandComplete<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let command = r.cstr("command tag")?;
        r.finish()?;
        Ok(Self { command })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'C', |out| put::cstr(out, self.command));
    }

    /// The rows that the tag counts, where it counts any.
    pub fn rows(&self) -> Option<u64> {
        let last = self.command.rsplit(|&b| b == b' ').next()?;
        std::str::from_utf8(last).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_last_word() {
        assert_eq!(CommandComplete::decode(b"INSERT 0 12\0").unwrap().rows(), Some(12));
        assert_eq!(CommandComplete { command: b"CREATE TABLE" }.rows(), None);
        assert_eq!(CommandComplete::decode(b"SELECT 1\0\0"), Err(Malformed::Trailing(1)));
    }
}
