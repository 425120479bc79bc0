//! COM_QUERY: statements as text, with attributes before it where that was agreed.
//!
//! The text has no end but the payload's. Attributes that were agreed on must be there, even if none: a text read as
//! attributes, or attributes read as text, would be two statements in two places. Spec: "COM_QUERY".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use super::parameters::{Parameter, Parameters};
use super::tag::Tag;
use crate::Capabilities;

/// Statements as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'f> {
    /// Attributes; present exactly where [`Capabilities::QUERY_ATTRIBUTES`] was agreed.
    pub attributes: Option<Parameters<'f>>,
    /// The text.
    pub text: &'f [u8],
}

impl<'f> Query<'f> {
    pub(super) fn decode(mut r: Reader<'f>, agreed: Capabilities) -> Result<Self, Malformed> {
        let attributes = if agreed.has(Capabilities::QUERY_ATTRIBUTES) {
            let attributes = Parameters::before_text(&mut r)?;
            // MUST be 1: "Malformed packet error if not 1".
            if !attributes.is_empty() && !attributes.names_types() {
                return Err(Malformed::Invalid("new parameters flag"));
            }
            Some(attributes)
        } else {
            None
        };
        Ok(Self { attributes, text: r.rest() })
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(Tag::Query.byte());
        if let Some(attributes) = &self.attributes {
            attributes.encode(out);
        }
        out.put_slice(self.text);
    }

    /// Writes the payload of a statement of our own, in the form that was agreed.
    pub fn put(out: &mut BytesMut, agreed: Capabilities, attributes: &[Parameter<'_>], text: &[u8]) {
        out.put_u8(Tag::Query.byte());
        if agreed.has(Capabilities::QUERY_ATTRIBUTES) {
            Parameters::put_before_text(out, attributes);
        }
        out.put_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ColumnType, ValueType};
    use crate::value::Value;

    const ATTRIBUTES: Capabilities = Capabilities::QUERY_ATTRIBUTES;

    fn decode(body: &[u8], agreed: Capabilities) -> Result<Query<'_>, Malformed> {
        Query::decode(Reader::new(body), agreed)
    }

    #[test]
    fn text_is_all_there_is() {
        let query = decode(b"select 1", Capabilities::default()).unwrap();
        assert_eq!((query.text, query.attributes), (&b"select 1"[..], None));
    }

    #[test]
    fn the_specifications_example_is_read() {
        let body = b"\x01\x01\x00\x01\xfe\x00\x01a\x011select @@version_comment limit 1";
        let query = decode(body, ATTRIBUTES).unwrap();
        assert_eq!(query.text, b"select @@version_comment limit 1");
        let of = ValueType::signed(ColumnType::String);
        let attribute = Parameter { name: b"a", of, value: Value::Bytes(b"1") };
        assert_eq!(query.attributes.unwrap().iter().collect::<Vec<_>>(), [attribute]);
        let mut out = BytesMut::new();
        Query::put(&mut out, ATTRIBUTES, &[attribute], query.text);
        assert_eq!(out[1..], body[..]);
    }

    #[test]
    fn no_attributes_are_two_bytes() {
        let query = decode(b"\x00\x01select 1", ATTRIBUTES).unwrap();
        assert!(query.attributes.unwrap().is_empty());
        assert_eq!(query.text, b"select 1");
    }

    #[test]
    fn a_set_count_other_than_one_and_missing_types_are_refused() {
        assert_eq!(decode(b"\x00\x02select 1", ATTRIBUTES), Err(Malformed::Invalid("parameter set count")));
        assert!(decode(b"\x01\x01\x01\x00select 1", ATTRIBUTES).is_err());
        assert_eq!(decode(b"\x00", ATTRIBUTES), Err(Malformed::Truncated("parameter set count")));
    }
}
