//! FunctionCall: runs a function by its OID, without SQL.
//!
//! It is obsolete and still works in every server, which makes it a way round anything that reads only SQL: it is
//! decoded in full so that it can be judged as the call it is. Spec: "Function Call".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::list::{Formats, Values};
use crate::put;

/// A call of a function by OID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionCall<'f> {
    /// The function.
    pub function: u32,
    /// How the arguments are written.
    pub formats: Formats<'f>,
    /// The arguments.
    pub arguments: Values<'f>,
    /// How the result is to be written.
    pub result_format: i16,
}

impl<'f> FunctionCall<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let function = r.u32("function")?;
        let formats = Formats::decode(&mut r, "argument format")?;
        let arguments = Values::decode(&mut r, "argument")?;
        let result_format = r.i16("result format")?;
        r.finish()?;
        Ok(Self { function, formats, arguments, result_format })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'F', |out| {
            out.put_u32(self.function);
            self.formats.encode(out);
            self.arguments.encode(out);
            out.put_i16(self.result_format);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_specifications() {
        let call = FunctionCall::decode(b"\0\0\x07\x08\0\0\0\x01\0\0\0\x02ab\0\x01").unwrap();
        assert_eq!((call.function, call.result_format), (1800, 1));
        assert_eq!(call.arguments.iter().collect::<Vec<_>>(), [Some(&b"ab"[..])]);
    }

    #[test]
    fn leftovers_are_refused() {
        assert_eq!(FunctionCall::decode(b"\0\0\0\x01\0\0\0\0\0\0\0"), Err(Malformed::Trailing(1)));
    }
}
