//! The one place where strings that end at a NUL are written.
//!
//! A string ends at its first NUL, so no text handed to an encoder can start a field of its own. What was decoded from a
//! payload holds no such NUL and comes out as it went in.

use bytes::{BufMut, BytesMut};

/// Writes text up to its first NUL, and a NUL.
pub(crate) fn cstr(out: &mut BytesMut, text: &[u8]) {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    out.put_slice(text.get(..end).unwrap_or(text));
    out.put_u8(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_cannot_start_the_next_field() {
        let mut out = BytesMut::new();
        cstr(&mut out, b"ab\0evil");
        assert_eq!(&out[..], b"ab\0");
    }
}
