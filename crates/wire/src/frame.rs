//! One client frame: the bytes that leave if it may, and the content that is judged.
//!
//! Most frames are both at once. Where a protocol cuts what is too long for one of its packets, the parts are joined to be
//! read, and the bytes stay as they came, so that what is forwarded is what was sent.

use bytes::Bytes;

/// A client frame, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Bytes,
    joined: Option<Bytes>,
}

impl Frame {
    /// A frame that is read as it came.
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, joined: None }
    }

    /// A frame that came in parts, with their content joined.
    pub fn joined(bytes: Bytes, content: Bytes) -> Self {
        Self { bytes, joined: Some(content) }
    }

    /// The bytes as they came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes as they came, owned.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// What is read.
    pub fn content(&self) -> &[u8] {
        self.joined.as_ref().unwrap_or(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_what_came() {
        let frame = Frame::joined(Bytes::from_static(b"\x01a\x01b"), Bytes::from_static(b"ab"));
        assert_eq!((frame.content(), &frame.bytes()[..]), (&b"ab"[..], &b"\x01a\x01b"[..]));
        let frame = Frame::new(Bytes::from_static(b"ab"));
        assert_eq!(frame.content(), &frame.bytes()[..]);
    }
}
