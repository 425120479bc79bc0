//! COM_STMT_EXECUTE: runs a prepared statement.
//!
//! The head is read at once; the parameters can only be read by who knows the statement (see
//! [`Parameters`]). Spec: "COM_STMT_EXECUTE".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use super::parameters::{Content, Naming, Parameters, Prepared, contents};
use super::tag::Tag;
use crate::Capabilities;
use crate::types::ValueType;

/// MariaDB: instead of an id, the statement prepared last.
pub const LAST_PREPARED: u32 = u32::MAX;

/// The flag that says that the parameters carry their own count.
const COUNT_AVAILABLE: u8 = 8;

/// Runs a prepared statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StmtExecute<'f> {
    /// Which.
    pub statement: u32,
    /// Which cursor to open, and whether the parameters carry their own count.
    pub flags: u8,
    /// Always 1; servers do not read it.
    pub iterations: u32,
    /// The parameters, not yet read.
    pub raw: &'f [u8],
}

impl<'f> StmtExecute<'f> {
    pub(super) fn decode(mut r: Reader<'f>) -> Result<Self, Malformed> {
        let statement = r.u32_le("statement")?;
        let flags = r.u8("flags")?;
        let iterations = r.u32_le("iteration count")?;
        if flags > 0xf {
            return Err(Malformed::Invalid("flags"));
        }
        Ok(Self { statement, flags, iterations, raw: r.rest() })
    }

    /// Whether rows stay at the server until COM_STMT_FETCH asks for them.
    pub fn opens_cursor(&self) -> bool {
        self.flags & !COUNT_AVAILABLE != 0
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// As for [`Parameters::decode`].
    pub fn parameters(&self, agreed: Capabilities, prepared: Prepared<'f>) -> Result<Parameters<'f>, Malformed> {
        Parameters::decode(self.raw, self.naming(agreed, prepared.placeholders), prepared)
    }

    /// The values of all placeholders and attributes as they lie in the payload.
    ///
    /// # Errors
    /// As for [`StmtExecute::parameters`].
    pub fn contents(
        &self,
        agreed: Capabilities,
        prepared: Prepared<'_>,
    ) -> Result<Vec<(ValueType, Content<'f>)>, Malformed> {
        contents(self.raw, self.naming(agreed, prepared.placeholders), prepared)
    }

    // EVASION: where attributes were agreed, MySQL reads a count before the parameters of every statement that has any,
    // whether or not the flag says so, which the specification leaves open; without placeholders the flag decides
    // (`a_count_is_there_where_attributes_were_agreed`, as MySQL 9.7 answers these very bytes).
    fn naming(&self, agreed: Capabilities, placeholders: u16) -> Naming {
        let counted = self.flags & COUNT_AVAILABLE != 0 || placeholders > 0;
        match (agreed.has(Capabilities::QUERY_ATTRIBUTES), counted) {
            (true, true) => Naming::Named,
            _ => Naming::Positional,
        }
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(Tag::StmtExecute.byte());
        out.put_u32_le(self.statement);
        out.put_u8(self.flags);
        out.put_u32_le(self.iterations);
        out.put_slice(self.raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    const ATTRIBUTES: Capabilities = Capabilities::QUERY_ATTRIBUTES;
    const ONE: Prepared<'_> = Prepared { placeholders: 1, types: &[], long_data: &[] };

    #[test]
    fn the_specifications_example_is_read() {
        let body = b"\x01\0\0\0\x00\x01\0\0\0\x00\x01\x0f\x00\x03foo";
        let execute = StmtExecute::decode(Reader::new(body)).unwrap();
        assert_eq!((execute.statement, execute.flags, execute.iterations), (1, 0, 1));
        assert!(!execute.opens_cursor());
        let parameters = execute.parameters(Capabilities::default(), ONE).unwrap();
        assert_eq!(parameters.iter().next().unwrap().value, Value::Bytes(b"foo"));
    }

    #[test]
    fn a_count_is_there_where_attributes_were_agreed() {
        let with_count = b"\x02\x00\x01\x08\x00\x00\xfe\x00\x00\x05\0\0\0\0\0\0\0\x01x";
        let without = b"\x00\x01\x08\x00\xfe\x00\x05\0\0\0\0\0\0\0\x01x";
        let two = Prepared { placeholders: 2, ..Prepared::default() };
        for flags in [0, 8] {
            let execute = |raw| StmtExecute { statement: 1, flags, iterations: 1, raw };
            for (agreed, right, wrong) in
                [(ATTRIBUTES, &with_count[..], &without[..]), (Capabilities::default(), without, with_count)]
            {
                let read = execute(right).parameters(agreed, two).unwrap();
                let values: Vec<_> = read.iter().map(|each| each.value).collect();
                assert_eq!(values, [Value::Int(5), Value::Bytes(b"x")]);
                assert!(execute(wrong).parameters(agreed, two).is_err());
            }
        }
    }

    #[test]
    fn without_placeholders_the_flag_says_whether_there_is_a_count() {
        let none = StmtExecute { statement: 1, flags: 0, iterations: 1, raw: b"" };
        assert!(none.parameters(ATTRIBUTES, Prepared::default()).unwrap().is_empty());
        let attribute = StmtExecute { flags: 8, raw: b"\x01\x00\x01\xfe\x00\x01n\x01v", ..none };
        assert_eq!(attribute.parameters(ATTRIBUTES, Prepared::default()).unwrap().attributes().count(), 1);
        let unsaid = StmtExecute { flags: 0, ..attribute };
        assert!(unsaid.parameters(ATTRIBUTES, Prepared::default()).is_err());
        assert!(attribute.parameters(Capabilities::default(), Prepared::default()).is_err());
    }

    #[test]
    fn a_cursor_is_a_flag() {
        let body = b"\xff\xff\xff\xff\x09\x01\0\0\0";
        let execute = StmtExecute::decode(Reader::new(body)).unwrap();
        assert!(execute.opens_cursor());
        assert_eq!(execute.statement, LAST_PREPARED);
        assert_eq!(StmtExecute::decode(Reader::new(b"\0\0\0\0\x10\x01\0\0\0")), Err(Malformed::Invalid("flags")));
        assert_eq!(StmtExecute::decode(Reader::new(&body[..8])), Err(Malformed::Truncated("iteration count")));
    }
}
