//! The one place where lengths, strings and values are written.
//!
//! A length prefix is patched after its content, so it can never disagree with it, and a string ends at its first NUL, so
//! no text handed to an encoder can start a field of its own. What was decoded from a frame holds no such NUL and comes
//! out as it went in.

use bytes::{BufMut, BytesMut};

/// Writes a tagged message.
pub(crate) fn message(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    out.put_u8(tag);
    packet(out, body);
}

/// Writes a packet without a tag: a length that counts itself, then the body.
pub(crate) fn packet(out: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32(0);
    body(out);
    // INVARIANT: bodies are bounded by `limits`, far below 2 GiB; a longer one would claim what no peer accepts.
    let length = u32::try_from(out.len().saturating_sub(start)).unwrap_or(u32::MAX);
    if let Some(prefix) = out.get_mut(start..start.saturating_add(4)) {
        prefix.copy_from_slice(&length.to_be_bytes());
    }
}

/// Writes text up to its first NUL, and a NUL.
pub(crate) fn cstr(out: &mut BytesMut, text: &[u8]) {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    out.put_slice(text.get(..end).unwrap_or(text));
    out.put_u8(0);
}

/// Writes a value with its 32-bit length, -1 for NULL.
pub(crate) fn value(out: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        None => out.put_i32(-1),
        Some(bytes) => {
            out.put_i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
            out.put_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_counts_itself_and_its_body() {
        let mut out = BytesMut::from(&b"before"[..]);
        message(&mut out, b'Q', |out| cstr(out, b"x"));
        assert_eq!(&out[..], b"beforeQ\0\0\0\x06x\0");
    }

    #[test]
    fn a_string_cannot_start_the_next_field() {
        let mut out = BytesMut::new();
        cstr(&mut out, b"ab\0M evil");
        assert_eq!(&out[..], b"ab\0");
    }

    #[test]
    fn null_is_not_an_empty_value() {
        let mut out = BytesMut::new();
        value(&mut out, None);
        value(&mut out, Some(b""));
        assert_eq!(&out[..], b"\xff\xff\xff\xff\0\0\0\0");
    }
}
