//! What entries say: the payload of each kind, written from borrowed parts and read into owned ones.
//!
//! Writing happens on the hot path and takes slices; reading happens in `verify`, `replay` and `export` and owns what it
//! returns. Text that a client sent is bytes here: whether it is UTF-8 is the reader's concern.

mod outcome;
mod session;
mod statement;

pub use outcome::{Outcome, OutcomeRecord, OutcomeState};
pub use session::{Note, Origin, SessionEnd, SessionStart};
pub use statement::{Intention, Object, Parameter, Refusal, Statement, Text, Value, Verdict};

pub(crate) use statement::{Decision, Made};

use crate::codec::{Malformed, Put, Take};
use crate::entry::{Digest, Kind};

/// Result bytes in one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultChunk {
    /// The statement whose result this is.
    pub statement: u64,
    /// Protocol frames as the client received them, after masking. May end inside a frame.
    pub frames: Vec<u8>,
}

/// A content-addressed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// BLAKE3 of the content; readers check it.
    pub digest: Digest,
    /// What it is: `policy`, `catalog`, …
    pub label: String,
    /// The content.
    pub content: Vec<u8>,
}

/// A payload, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// See [`Kind::SessionStart`].
    SessionStart(Box<SessionStart>),
    /// See [`Kind::SessionEnd`].
    SessionEnd(SessionEnd),
    /// See [`Kind::Statement`].
    Statement(Box<Statement>),
    /// See [`Kind::Outcome`].
    Outcome(OutcomeRecord),
    /// See [`Kind::Result`].
    Result(ResultChunk),
    /// See [`Kind::Note`].
    Note(Note),
    /// See [`Kind::Blob`].
    Blob(Blob),
    /// A kind this version does not know.
    Unknown(u8),
    /// Encrypted, and no identity at hand opens it.
    Sealed,
}

impl Body {
    /// Decodes a payload in clear.
    pub fn decode(kind: Kind, payload: &[u8]) -> Result<Self, Malformed> {
        let mut take = Take::new(payload);
        let body = match kind {
            Kind::SessionStart => Self::SessionStart(Box::new(SessionStart::decode(&mut take)?)),
            Kind::SessionEnd => Self::SessionEnd(SessionEnd::decode(&mut take)?),
            Kind::Statement => Self::Statement(Box::new(Statement::decode(&mut take)?)),
            Kind::Outcome => Self::Outcome(OutcomeRecord::decode(&mut take)?),
            Kind::Result => Self::Result(decode_chunk(&mut take)?),
            Kind::Note => Self::Note(Note::decode(&mut take)?),
            Kind::Blob => Self::Blob(decode_blob(&mut take)?),
            Kind::Unknown(code) => return Ok(Self::Unknown(code)),
        };
        take.finish()?;
        Ok(body)
    }
}

fn decode_chunk(take: &mut Take<'_>) -> Result<ResultChunk, Malformed> {
    let statement = take.number("statement")?;
    let frames = take.fixed(take.remaining(), "frames")?.to_vec();
    Ok(ResultChunk { statement, frames })
}

fn decode_blob(take: &mut Take<'_>) -> Result<Blob, Malformed> {
    let digest = take.array("digest")?;
    let label = take.text("label")?;
    let content = take.fixed(take.remaining(), "content")?.to_vec();
    if *blake3::hash(&content).as_bytes() != digest {
        return Err(Malformed::Invalid("digest"));
    }
    Ok(Blob { digest, label, content })
}

pub(crate) fn encode_blob(out: &mut Vec<u8>, digest: &Digest, label: &str, content: &[u8]) {
    out.fixed(digest);
    out.text(label);
    out.fixed(content);
}

pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

pub(crate) fn put_pairs<K: AsRef<str>, V: AsRef<str>>(out: &mut Vec<u8>, pairs: &[(K, V)]) {
    out.list(
        pairs,
        |(key, value)| key.as_ref().len().saturating_add(value.as_ref().len()),
        |out, (key, value)| {
            out.text(key.as_ref());
            out.text(value.as_ref());
        },
    );
}

pub(crate) fn take_pairs(take: &mut Take<'_>, field: &'static str) -> Result<(Vec<(String, String)>, u64), Malformed> {
    take.list(field, |take| Ok((take.text(field)?, take.text(field)?)))
}

pub(crate) fn put_option(out: &mut Vec<u8>, value: Option<&str>) {
    out.byte(u8::from(value.is_some()));
    if let Some(text) = value {
        out.text(text);
    }
}

pub(crate) fn take_option(take: &mut Take<'_>, field: &'static str) -> Result<Option<String>, Malformed> {
    if take.flag(field)? { take.text(field).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hostile_payloads_never_panic(kind in 0u8..9, payload: Vec<u8>) {
            let _ = Body::decode(Kind::from_code(kind), &payload);
        }
    }
}
