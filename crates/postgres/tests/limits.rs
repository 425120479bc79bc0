//! Bounds that a client can meet, as LIMITATIONS.md states them.

use bytes::{BufMut, BytesMut};
use portcullis_postgres::frame::{FrameLimits, split_frontend};
use portcullis_wire::Fault;

/// What becomes of a frame of `length` bytes and its tag, once its length is read.
fn claimed(tag: u8, length: usize) -> Result<(), Fault> {
    let mut buffer = BytesMut::new();
    buffer.put_u8(tag);
    buffer.put_u32(u32::try_from(length).unwrap());
    split_frontend(&mut buffer, &FrameLimits::default()).map(|_| ())
}

#[test]
fn a_message_with_parameters_has_at_most_64_mib() {
    for tag in [b'B', b'F', b'd'] {
        assert!(claimed(tag, (64 << 20) - 1).is_ok());
        assert!(matches!(claimed(tag, 64 << 20), Err(Fault::OverLimit { .. })));
    }
}

#[test]
fn a_statement_has_at_most_4_mib_unless_configured() {
    for tag in [b'Q', b'P'] {
        assert!(claimed(tag, 4 << 20).is_ok());
        assert!(matches!(claimed(tag, 8 << 20), Err(Fault::OverLimit { .. })));
    }
}
