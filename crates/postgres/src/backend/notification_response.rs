//! NotificationResponse: some session's NOTIFY. It comes at any moment, unasked.
//!
//! Spec: "Asynchronous Operations".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::put;

/// A notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationResponse<'f> {
    /// The process that sent it.
    pub process: u32,
    /// The channel.
    pub channel: &'f [u8],
    /// What it carries.
    pub payload: &'f [u8],
}

impl<'f> NotificationResponse<'f> {
    /// Reads the body.
    pub fn decode(body: &'f [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let process = r.u32("process")?;
        let channel = r.cstr("channel")?;
        let payload = r.cstr("payload")?;
        r.finish()?;
        Ok(Self { process, channel, payload })
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        put::message(out, b'A', |out| {
            out.put_u32(self.process);
            put::cstr(out, self.channel);
            put::cstr(out, self.payload);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_specifications() {
        let message = NotificationResponse::decode(b"\0\0\0\x2ajobs\0done\0").unwrap();
        assert_eq!((message.process, message.channel, message.payload), (42, &b"jobs"[..], &b"done"[..]));
        assert_eq!(NotificationResponse::decode(b"\0\0\0\x2aa\0b\0c"), Err(Malformed::Trailing(1)));
    }
}
