//! ErrorResponse and NoticeResponse: fields of text, each with a letter, ended by a zero byte.
//!
//! [`Report`] reads what a server says; [`Notice`] writes what we say ourselves, with the two severities that clients
//! since 9.6 expect. Texts hold values of the database (`Key (ssn)=(…)`), so `Debug` shows only the SQLSTATE. Spec: "Error
//! and Notice Message Fields".

use std::fmt;

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// The letters of the fields that are read or written here.
pub mod field {
    /// Severity in the session's language.
    pub const SEVERITY: u8 = b'S';
    /// Severity, never translated.
    pub const SEVERITY_PLAIN: u8 = b'V';
    /// SQLSTATE.
    pub const CODE: u8 = b'C';
    /// The message.
    pub const MESSAGE: u8 = b'M';
    /// Detail.
    pub const DETAIL: u8 = b'D';
    /// Hint.
    pub const HINT: u8 = b'H';
    /// Position in the statement's text.
    pub const POSITION: u8 = b'P';
}

/// An error's or notice's fields, as the server sent them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Report<'f>(&'f [u8]);

impl<'f> Report<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        while r.u8("field type")? != 0 {
            r.cstr("field value")?;
        }
        r.finish()?;
        Ok(Self(body))
    }

    /// The fields in order.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &'f [u8])> + use<'f> {
        let mut r = Reader::new(self.0);
        std::iter::from_fn(move || {
            let letter = r.u8("field type").ok().filter(|&letter| letter != 0)?;
            Some((letter, r.cstr("field value").ok()?))
        })
    }

    /// The first field of that letter.
    pub fn field(&self, letter: u8) -> Option<&'f [u8]> {
        self.fields().find(|&(each, _)| each == letter).map(|(_, value)| value)
    }

    /// The SQLSTATE.
    pub fn code(&self) -> Option<&'f [u8]> {
        self.field(field::CODE)
    }

    /// Writes it as an ErrorResponse.
    pub fn encode_error(&self, out: &mut BytesMut) {
        put::message(out, b'E', |out| out.put_slice(self.0));
    }

    /// Writes it as a NoticeResponse.
    pub fn encode_notice(&self, out: &mut BytesMut) {
        put::message(out, b'N', |out| out.put_slice(self.0));
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Report({})", self.code().unwrap_or_default().escape_ascii())
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
    /// Nothing failed; the client should still look.
    Warning,
    /// For information.
    Notice,
}

impl Severity {
    fn text(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
        }
    }
}

/// An error or notice of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice<'a> {
    /// How bad it is.
    pub severity: Severity,
    /// The SQLSTATE, such as `42501`.
    pub code: &'a str,
    /// One line.
    pub message: &'a str,
    /// More about it.
    pub detail: Option<&'a str>,
    /// What to do about it.
    pub hint: Option<&'a str>,
    /// Where in the statement's text, in characters from 1.
    pub position: Option<u32>,
}

impl<'a> Notice<'a> {
    /// An error that ends the statement.
    pub fn error(code: &'a str, message: &'a str) -> Self {
        Self { severity: Severity::Error, code, message, detail: None, hint: None, position: None }
    }

    /// An error that ends the session.
    pub fn fatal(code: &'a str, message: &'a str) -> Self {
        Self { severity: Severity::Fatal, ..Self::error(code, message) }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with_detail(self, detail: &'a str) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Writes it: an ErrorResponse for errors, a NoticeResponse for the rest.
    pub fn encode(&self, out: &mut BytesMut) {
        let tag = match self.severity {
            Severity::Error | Severity::Fatal => b'E',
            Severity::Warning | Severity::Notice => b'N',
        };
        put::message(out, tag, |out| {
            put_field(out, field::SEVERITY, Some(self.severity.text()));
            put_field(out, field::SEVERITY_PLAIN, Some(self.severity.text()));
            put_field(out, field::CODE, Some(self.code));
            put_field(out, field::MESSAGE, Some(self.message));
            put_field(out, field::DETAIL, self.detail);
            put_field(out, field::HINT, self.hint);
            let position = self.position.map(|position| position.to_string());
            put_field(out, field::POSITION, position.as_deref());
            out.put_u8(0);
        });
    }
}

fn put_field(out: &mut BytesMut, letter: u8, text: Option<&str>) {
    if let Some(text) = text {
        out.put_u8(letter);
        put::cstr(out, text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_refusal_reads_as_a_servers_error() {
        let mut out = BytesMut::new();
        Notice::error("42501", "refused").with_detail("rule `x`").with_hint("ask").encode(&mut out);
        assert_eq!(&out[..1], b"E");
        let report = Report::decode(&out[5..]).unwrap();
        let letters: Vec<u8> = report.fields().map(|(letter, _)| letter).collect();
        assert_eq!(letters, *b"SVCMDH");
        assert_eq!(report.field(b'V'), Some(&b"ERROR"[..]));
        assert_eq!(report.code(), Some(&b"42501"[..]));
    }

    #[test]
    fn a_text_cannot_add_a_field() {
        let mut out = BytesMut::new();
        Notice::error("42501", "a\0Hfake").encode(&mut out);
        assert_eq!(Report::decode(&out[5..]).unwrap().field(b'H'), None);
    }

    #[test]
    fn a_missing_end_and_leftovers_are_refused() {
        assert_eq!(Report::decode(b"SERROR\0"), Err(Malformed::Truncated("field type")));
        assert_eq!(Report::decode(b"SERROR"), Err(Malformed::Truncated("field value")));
        assert_eq!(Report::decode(b"SERROR\0\0x"), Err(Malformed::Trailing(1)));
        assert_eq!(Report::decode(b"\0").unwrap().fields().count(), 0);
    }

    #[test]
    fn debug_shows_no_values() {
        let report = Report::decode(b"C23505\0MKey (ssn)=(078-05-1120)\0\0").unwrap();
        assert_eq!(format!("{report:?}"), "Report(23505)");
    }
}
