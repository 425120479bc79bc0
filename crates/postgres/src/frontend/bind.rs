//! Bind: values for a prepared statement, which make it a portal.
//!
//! Everything is checked when it is decoded and read again without allocating. Binding can already execute functions
//! (the planner folds immutable ones), so a statement is judged before its Bind is forwarded. The number of formats may
//! disagree with the number of values: that the server answers, without harm to the framing. Spec: "Extended Query".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::list::{self, Formats, Values};
use crate::put;

/// Values for a prepared statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'f> {
    /// The portal it makes.
    pub portal: &'f [u8],
    /// The statement it is made from.
    pub statement: &'f [u8],
    /// How the values are written.
    pub formats: Formats<'f>,
    /// The values.
    pub parameters: Values<'f>,
    /// How the result's columns are to be written.
    pub result_formats: Formats<'f>,
}

impl<'f> Bind<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let portal = r.cstr("portal")?;
        let statement = r.cstr("statement")?;
        let formats = Formats::decode(&mut r, "parameter format")?;
        let parameters = Values::decode(&mut r, "parameter")?;
        let result_formats = Formats::decode(&mut r, "result format")?;
        r.finish()?;
        Ok(Self { portal, statement, formats, parameters, result_formats })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'B', |out| {
            put::cstr(out, self.portal);
            put::cstr(out, self.statement);
            self.formats.encode(out);
            self.parameters.encode(out);
            self.result_formats.encode(out);
        });
    }

    /// Writes a Bind of text values, for statements of the gateway's own.
    pub fn put_text(out: &mut BytesMut, portal: &[u8], statement: &[u8], values: &[Option<&[u8]>]) {
        put::message(out, b'B', |out| {
            put::cstr(out, portal);
            put::cstr(out, statement);
            out.put_u16(0);
            list::put_values(out, values);
            out.put_u16(0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\x01\0\0";

    #[test]
    fn fields_are_the_specifications() {
        let bind = Bind::decode(BODY).unwrap();
        assert_eq!((bind.portal, bind.statement), (&b"p"[..], &b"s"[..]));
        assert_eq!(bind.formats.of(1), 1);
        assert_eq!(bind.parameters.iter().collect::<Vec<_>>(), [Some(&b"a"[..]), None]);
        assert_eq!(bind.result_formats.len(), 1);
    }

    #[test]
    fn every_cut_of_a_bind_is_refused() {
        for end in 0..BODY.len() {
            assert!(Bind::decode(&BODY[..end]).is_err(), "cut at {end}");
        }
        assert_eq!(Bind::decode(&[BODY, b"x"].concat()), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn a_negative_length_other_than_null_is_refused() {
        assert_eq!(Bind::decode(b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"), Err(Malformed::Invalid("parameter")));
    }

    #[test]
    fn text_values_are_written_as_they_are_read() {
        let mut out = BytesMut::new();
        Bind::put_text(&mut out, b"", b"s", &[Some(b"1"), None]);
        let bind = Bind::decode(&out[5..]).unwrap();
        assert_eq!(bind.parameters.iter().collect::<Vec<_>>(), [Some(&b"1"[..]), None]);
    }
}
