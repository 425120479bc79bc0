//! BackendKeyData: the process id and the secret that a CancelRequest must name.
//!
//! The secret is four bytes in protocol 3.0 and up to 256 in 3.2. `Debug` shows only the process id. Spec: "Canceling
//! Requests in Progress".

use std::fmt;

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::put;
use crate::startup::secret;

/// The key for cancelling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BackendKeyData<'f> {
    /// The server's process.
    pub process: u32,
    /// What proves that the canceller knows the session: 4 to 256 bytes.
    pub secret: &'f [u8],
}

impl<'f> BackendKeyData<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let process = r.u32("process")?;
        Ok(Self { process, secret: secret(r)? })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'K', |out| {
            out.put_u32(self.process);
            out.put_slice(self.secret);
        });
    }
}

impl fmt::Debug for BackendKeyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackendKeyData({})", self.process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_secrets_are_read() {
        let body = [&b"\0\0\0\x07"[..], &[9; 256]].concat();
        assert_eq!(BackendKeyData::decode(&body[..8]).unwrap().secret, [9; 4]);
        assert_eq!(BackendKeyData::decode(&body).unwrap().secret, [9; 256]);
    }

    #[test]
    fn a_secret_outside_4_to_256_bytes_is_refused() {
        assert!(BackendKeyData::decode(&[0; 7]).is_err());
        assert!(BackendKeyData::decode(&[0; 261]).is_err());
    }
}
