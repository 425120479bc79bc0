//! Query: text that the server parses and runs at once, one statement or several.
//!
//! Several statements in one text share an implicit transaction, so the text is judged whole. The text is bytes here:
//! its encoding is the session's, and is proven by whoever reads it. Spec: "Simple Query".

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// A simple query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'f> {
    /// The text, without its NUL.
    pub query: &'f [u8],
}

impl<'f> Query<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let query = r.cstr("query")?;
        // EVASION: text after an embedded NUL is not what the server runs, so it must not be there at all.
        r.finish()?;
        Ok(Self { query })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'Q', |out| put::cstr(out, self.query));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_its_only_nul() {
        assert_eq!(Query::decode(b"select 1\0"), Ok(Query { query: b"select 1" }));
        assert_eq!(Query::decode(b"select 1"), Err(Malformed::Truncated("query")));
        assert_eq!(Query::decode(b""), Err(Malformed::Truncated("query")));
    }

    #[test]
    fn text_behind_a_nul_is_refused() {
        assert_eq!(Query::decode(b"select 1\0; drop table t\0"), Err(Malformed::Trailing(15)));
    }
}
