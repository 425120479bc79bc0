//! ParameterStatus: a run-time parameter's value, at the start and whenever it changes.
//!
//! Spec: "Asynchronous Operations".

use bytes::BytesMut;
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// A run-time parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterStatus<'f> {
    /// Which.
    pub name: &'f [u8],
    /// Its value.
    pub value: &'f [u8],
}

impl<'f> ParameterStatus<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let name = r.cstr("parameter name")?;
        let value = r.cstr("parameter value")?;
        r.finish()?;
        Ok(Self { name, value })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'S', |out| {
            put::cstr(out, self.name);
            put::cstr(out, self.value);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_value_are_two_strings() {
        let message = ParameterStatus { name: b"TimeZone", value: b"UTC" };
        assert_eq!(ParameterStatus::decode(b"TimeZone\0UTC\0"), Ok(message));
        assert_eq!(ParameterStatus::decode(b"TimeZone\0UTC\0\0"), Err(Malformed::Trailing(1)));
        assert!(ParameterStatus::decode(b"TimeZone\0").is_err());
    }
}
