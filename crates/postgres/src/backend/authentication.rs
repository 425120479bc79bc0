//! Authentication: what the server wants before it lets anyone in, and its yes.
//!
//! One tag, many messages, told apart by a number. Kerberos, SCM credentials, GSSAPI and SSPI are refused: their exchange
//! would go on in messages that only those mechanisms can read. Spec: "Message Formats", Authentication….

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Fault, Malformed, Reader, Unsupported};

use crate::list::Names;
use crate::put;

/// Any authentication message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'f> {
    /// The client is in.
    Ok,
    /// The password is wanted in clear.
    CleartextPassword,
    /// The password is wanted as an md5 digest.
    Md5Password {
        /// What to mix into it.
        salt: [u8; 4],
    },
    /// A SASL exchange is wanted.
    Sasl {
        /// The mechanisms to choose from, the server's favourite first.
        mechanisms: Names<'f>,
    },
    /// The server's part of a SASL exchange.
    SaslContinue {
        /// What the mechanism says.
        data: &'f [u8],
    },
    /// The server's last part of a SASL exchange.
    SaslFinal {
        /// What the mechanism says.
        data: &'f [u8],
    },
}

impl<'f> Authentication<'f> {
    /// Reads the body.
    ///
    /// # Errors
    /// Besides malformed bytes, a method that is not spoken.
    pub fn decode(body: &'f [u8]) -> Result<Self, Fault> {
        let mut r = Reader::new(body);
        let message = match r.u32("authentication type")? {
            0 => Self::Ok,
            3 => Self::CleartextPassword,
            5 => Self::Md5Password { salt: r.array("salt")? },
            10 => Self::Sasl { mechanisms: Names::decode(&mut r, "mechanism")? },
            11 => Self::SaslContinue { data: r.rest() },
            12 => Self::SaslFinal { data: r.rest() },
            2 => return Err(Unsupported("Kerberos authentication").into()),
            6 => return Err(Unsupported("SCM credential authentication").into()),
            7..=9 => return Err(Unsupported("GSSAPI or SSPI authentication").into()),
            _ => return Err(Malformed::Invalid("authentication type").into()),
        };
        r.finish()?;
        Ok(message)
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'R', |out| match self {
            Self::Ok => out.put_u32(0),
            Self::CleartextPassword => out.put_u32(3),
            Self::Md5Password { salt } => {
                out.put_u32(5);
                out.put_slice(salt);
            }
            Self::Sasl { mechanisms } => {
                out.put_u32(10);
                mechanisms.encode(out);
            }
            Self::SaslContinue { data } => {
                out.put_u32(11);
                out.put_slice(data);
            }
            Self::SaslFinal { data } => {
                out.put_u32(12);
                out.put_slice(data);
            }
        });
    }

    /// Writes an offer of SASL mechanisms.
    pub fn put_sasl(out: &mut BytesMut, mechanisms: &[&str]) {
        put::message(out, b'R', |out| {
            out.put_u32(10);
            for mechanism in mechanisms {
                put::cstr(out, mechanism.as_bytes());
            }
            out.put_u8(0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_are_listed_in_order() {
        let mut out = BytesMut::new();
        Authentication::put_sasl(&mut out, &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
        let Authentication::Sasl { mechanisms } = Authentication::decode(&out[5..]).unwrap() else { panic!() };
        assert_eq!(mechanisms.iter().collect::<Vec<_>>(), [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"]);
    }

    #[test]
    fn gssapi_is_refused_and_nonsense_is_malformed() {
        for kind in [2, 6, 7, 8, 9] {
            assert!(matches!(Authentication::decode(&[0, 0, 0, kind]), Err(Fault::Unsupported(_))));
        }
        assert!(matches!(Authentication::decode(&[0, 0, 0, 4]), Err(Fault::Malformed(_))));
    }

    #[test]
    fn leftovers_are_refused() {
        assert_eq!(Authentication::decode(b"\0\0\0\0x"), Err(Malformed::Trailing(1).into()));
        assert_eq!(Authentication::decode(b"\0\0\0\x05abcde"), Err(Malformed::Trailing(1).into()));
    }
}
