//! What came of a statement: rows, time, error, and how sure we are that it ended.
//!
//! A statement entry with the verdict `allow` means: from here on its bytes may be on their way. An outcome closes it. A
//! statement without an outcome when its session is over was perhaps run: the gateway died, and says nothing it does not know.

use super::{put_option, take_option};
use crate::codec::{Malformed, Put, Take};

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutcomeState {
    /// The upstream finished it.
    #[default]
    Completed,
    /// The upstream answered with an error.
    Failed,
    /// Cancelled, or its session ended while it ran.
    Aborted,
    /// Forwarded; the answer was never seen.
    Unknown,
    /// Recorded, then not forwarded after all.
    NotForwarded,
}

/// The outcome of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome<'a> {
    /// How it ended.
    pub state: OutcomeState,
    /// Rows returned or affected.
    pub rows: u64,
    /// Bytes of the response.
    pub bytes: u64,
    /// From forwarding to the last byte of the response, in microseconds.
    pub duration: u64,
    /// Values overwritten by detectors or masks.
    pub masked: u64,
    /// The error's code, in the protocol's own form.
    pub sqlstate: Option<&'a str>,
    /// The server's word for what it did: `INSERT 0 1`.
    pub command_tag: &'a str,
    /// Why, where the state does not say it all: `revoked`, `row limit`.
    pub note: &'a str,
}

impl Outcome<'_> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>, statement: u64, recorded: u64) {
        out.number(statement);
        out.byte(match self.state {
            OutcomeState::Completed => 0,
            OutcomeState::Failed => 1,
            OutcomeState::Aborted => 2,
            OutcomeState::Unknown => 3,
            OutcomeState::NotForwarded => 4,
        });
        for number in [self.rows, self.bytes, self.duration, self.masked, recorded] {
            out.number(number);
        }
        put_option(out, self.sqlstate);
        out.text(self.command_tag);
        out.text(self.note);
    }
}

/// An outcome as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRecord {
    /// The statement.
    pub statement: u64,
    /// How it ended.
    pub state: OutcomeState,
    /// Rows returned or affected.
    pub rows: u64,
    /// Bytes of the response.
    pub bytes: u64,
    /// In microseconds.
    pub duration: u64,
    /// Values overwritten.
    pub masked: u64,
    /// Bytes of the response that the recording holds.
    pub recorded: u64,
    /// The error's code.
    pub sqlstate: Option<String>,
    /// The server's word for what it did.
    pub command_tag: String,
    /// Why, where the state does not say it all.
    pub note: String,
}

impl OutcomeRecord {
    pub(crate) fn decode(take: &mut Take<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            statement: take.number("statement")?,
            state: match take.byte("state")? {
                0 => OutcomeState::Completed,
                1 => OutcomeState::Failed,
                2 => OutcomeState::Aborted,
                3 => OutcomeState::Unknown,
                4 => OutcomeState::NotForwarded,
                _ => return Err(Malformed::Invalid("state")),
            },
            rows: take.number("rows")?,
            bytes: take.number("bytes")?,
            duration: take.number("duration")?,
            masked: take.number("masked")?,
            recorded: take.number("recorded")?,
            sqlstate: take_option(take, "sqlstate")?,
            command_tag: take.text("command tag")?,
            note: take.text("note")?,
        })
    }
}
