//! LOCAL INFILE: the server asks the client for a file.
//!
//! A server can ask for any file at any time, so whether the statement asked for it is checked by who forwards it. Spec:
//! "LOCAL INFILE Request".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

/// Asks the client for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalInfile<'f> {
    /// Its name, as in the statement.
    pub file: &'f [u8],
}

impl<'f> LocalInfile<'f> {
    /// Reads a payload.
    ///
    /// # Errors
    /// Another first byte.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        match r.u8("header")? {
            0xfb => Ok(Self { file: r.rest() }),
            _ => Err(Malformed::Invalid("header")),
        }
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u8(0xfb);
        out.put_slice(self.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_is_read() {
        let request = LocalInfile::decode(b"\xfb/etc/passwd").unwrap();
        assert_eq!(request.file, b"/etc/passwd");
        assert_eq!(LocalInfile::decode(b"\x00"), Err(Malformed::Invalid("header")));
    }
}
