//! Close: forgets a statement or portal.
//!
//! Closing a statement closes the portals made from it. Spec: "Extended Query".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::frontend::Target;
use crate::put;

/// A request to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close<'f> {
    /// Which kind of thing the name is of.
    pub target: Target,
    /// Its name.
    pub name: &'f [u8],
}

impl<'f> Close<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let target = Target::try_from(r.u8("target")?)?;
        let name = r.cstr("name")?;
        r.finish()?;
        Ok(Self { target, name })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'C', |out| {
            out.put_u8(self.target.byte());
            put::cstr(out, self.name);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_portals_are_told_apart() {
        assert_eq!(Close::decode(b"Sx\0"), Ok(Close { target: Target::Statement, name: b"x" }));
        assert_eq!(Close::decode(b"P\0"), Ok(Close { target: Target::Portal, name: b"" }));
        assert_eq!(Close::decode(b"s\0"), Err(Malformed::Invalid("target")));
    }

    #[test]
    fn leftovers_are_refused() {
        assert_eq!(Close::decode(b"Sx\0\0"), Err(Malformed::Trailing(1)));
    }
}
