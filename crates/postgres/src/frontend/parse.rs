//! Parse: a statement with a name, prepared but not run.
//!
//! The empty name is the unnamed statement, replaced by the next Parse of that name; any other name must be free. Spec:
//! "Extended Query".

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::list::TypeIds;
use crate::put;

/// A statement to prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parse<'f> {
    /// The name it will have.
    pub statement: &'f [u8],
    /// Its text.
    pub query: &'f [u8],
    /// The types of its first parameters, as far as the client says.
    pub types: TypeIds<'f>,
}

impl<'f> Parse<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let statement = r.cstr("statement")?;
        let query = r.cstr("query")?;
        let types = TypeIds::decode(&mut r, "parameter type")?;
        r.finish()?;
        Ok(Self { statement, query, types })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'P', |out| {
            put::cstr(out, self.statement);
            put::cstr(out, self.query);
            self.types.encode(out);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_specifications() {
        let parse = Parse::decode(b"s1\0select $1\0\0\x02\0\0\0\x17\0\0\0\0").unwrap();
        assert_eq!((parse.statement, parse.query), (&b"s1"[..], &b"select $1"[..]));
        assert_eq!(parse.types.iter().collect::<Vec<_>>(), [23, 0]);
    }

    #[test]
    fn missing_types_and_leftovers_are_refused() {
        assert_eq!(Parse::decode(b"\0x\0\0\x01\0\0\0"), Err(Malformed::Truncated("parameter type")));
        assert_eq!(Parse::decode(b"\0x\0\0\0!"), Err(Malformed::Trailing(1)));
        assert_eq!(Parse::decode(b"\0x\0"), Err(Malformed::Truncated("parameter type")));
    }
}
