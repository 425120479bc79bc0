//! ParameterDescription: the types of a prepared statement's parameters, as the server inferred them.
//!
//! Spec: "Message Formats", ParameterDescription.

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::list::TypeIds;
use crate::put;

/// The types of a statement's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterDescription<'f> {
    /// One for each parameter.
    pub types: TypeIds<'f>,
}

impl<'f> ParameterDescription<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let types = TypeIds::decode(&mut r, "parameter type")?;
        r.finish()?;
        Ok(Self { types })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b't', |out| self.types.encode(out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_in_order() {
        let message = ParameterDescription::decode(b"\0\x02\0\0\0\x17\0\0\0\x19").unwrap();
        assert_eq!(message.types.iter().collect::<Vec<_>>(), [23, 25]);
        assert_eq!(ParameterDescription::decode(b"\0\0\0"), Err(Malformed::Trailing(1)));
    }
}
