//! Length-encoded integers and strings: the protocol's only variable-length number, and what is counted by it.
//!
//! The first byte is the value up to 250, or says that two, three or eight bytes follow (0xFC, 0xFD, 0xFE). Two first
//! bytes are no number: 0xFB stands for NULL in a text row, 0xFF begins an error. Servers accept a number that is longer
//! than it needs to be, and so does this reader; it is written in the shortest form. Spec: "Basic Types".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

/// NULL, where a cell of a text row begins.
pub const NULL: u8 = 0xfb;

/// Reads a number.
///
/// # Errors
/// A first byte that is no number.
pub fn int(r: &mut Reader<'_>, field: &'static str) -> Result<u64, Malformed> {
    match r.u8(field)? {
        small @ 0..=0xfa => Ok(u64::from(small)),
        0xfc => r.u16_le(field).map(u64::from),
        0xfd => r.array::<3>(field).map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
        0xfe => r.u64_le(field),
        NULL | 0xff => Err(Malformed::Invalid(field)),
    }
}

/// Reads a string.
///
/// # Errors
/// A length that reaches outside the payload.
// EVASION: MySQL reads only the low four of the eight bytes of a parameter's length, so 2^32+1 is 1 to it. A length above
// the payload's is refused here, and no payload is that long (`a_length_of_2_to_the_64_is_refused`).
pub fn bytes<'f>(r: &mut Reader<'f>, field: &'static str) -> Result<&'f [u8], Malformed> {
    let length = int(r, field)?;
    r.bytes(usize::try_from(length).map_err(|_| Malformed::Truncated(field))?, field)
}

/// Reads a cell of a text row; `None` is NULL.
///
/// # Errors
/// As for [`bytes`].
pub fn cell<'f>(r: &mut Reader<'f>, field: &'static str) -> Result<Option<&'f [u8]>, Malformed> {
    let mut ahead = r.clone();
    if ahead.u8(field)? == NULL {
        *r = ahead;
        return Ok(None);
    }
    bytes(r, field).map(Some)
}

/// Writes a number in its shortest form.
pub fn put_int(out: &mut BytesMut, value: u64) {
    let [a, b, c, ..] = value.to_le_bytes();
    match value {
        0..=0xfa => out.put_u8(a),
        0xfb..=0xffff => out.put_slice(&[0xfc, a, b]),
        0x1_0000..=0xff_ffff => out.put_slice(&[0xfd, a, b, c]),
        _ => {
            out.put_u8(0xfe);
            out.put_u64_le(value);
        }
    }
}

/// Writes a string.
pub fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    put_int(out, bytes.len() as u64);
    out.put_slice(bytes);
}

/// Writes a cell of a text row.
pub fn put_cell(out: &mut BytesMut, cell: Option<&[u8]>) {
    match cell {
        None => out.put_u8(NULL),
        Some(bytes) => put_bytes(out, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<u64, Malformed> {
        let mut r = Reader::new(bytes);
        let value = int(&mut r, "n")?;
        r.finish().map(|()| value)
    }

    #[test]
    fn numbers_are_the_specifications() {
        for (bytes, value) in [
            (&b"\x00"[..], 0),
            (b"\xfa", 250),
            (b"\xfc\xfb\x00", 251),
            (b"\xfc\xff\xff", 0xffff),
            (b"\xfd\x00\x00\x01", 0x1_0000),
            (b"\xfd\xff\xff\xff", 0xff_ffff),
            (b"\xfe\x00\x00\x00\x01\x00\x00\x00\x00", 0x100_0000),
            (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff", u64::MAX),
        ] {
            assert_eq!(read(bytes), Ok(value));
            let mut out = BytesMut::new();
            put_int(&mut out, value);
            assert_eq!(&out[..], bytes);
        }
    }

    #[test]
    fn a_longer_form_than_needed_is_read_as_servers_read_it() {
        assert_eq!(read(b"\xfc\x05\x00"), Ok(5));
        assert_eq!(read(b"\xfd\x05\x00\x00"), Ok(5));
        assert_eq!(read(b"\xfe\x05\x00\x00\x00\x00\x00\x00\x00"), Ok(5));
    }

    #[test]
    fn null_and_error_are_no_numbers() {
        assert_eq!(read(b"\xfb"), Err(Malformed::Invalid("n")));
        assert_eq!(read(b"\xff"), Err(Malformed::Invalid("n")));
        assert_eq!(read(b""), Err(Malformed::Truncated("n")));
        assert_eq!(read(b"\xfc\x01"), Err(Malformed::Truncated("n")));
    }

    #[test]
    fn null_is_not_an_empty_cell() {
        assert_eq!(cell(&mut Reader::new(b"\xfb"), "c"), Ok(None));
        assert_eq!(cell(&mut Reader::new(b"\x00"), "c"), Ok(Some(&b""[..])));
        assert_eq!(cell(&mut Reader::new(b"\xff"), "c"), Err(Malformed::Invalid("c")));
        let mut out = BytesMut::new();
        put_cell(&mut out, None);
        put_cell(&mut out, Some(b"a"));
        assert_eq!(&out[..], b"\xfb\x01a");
    }

    #[test]
    fn a_length_of_2_to_the_64_is_refused() {
        for high in 0..8 {
            let mut length = [0xfe, 1, 0, 0, 0, 0, 0, 0, 0, b'a'];
            length[1 + high] |= 0x80;
            assert_eq!(bytes(&mut Reader::new(&length), "s"), Err(Malformed::Truncated("s")));
        }
        assert_eq!(bytes(&mut Reader::new(b"\xfe\x01\0\0\0\0\0\0\0a"), "s"), Ok(&b"a"[..]));
    }
}
