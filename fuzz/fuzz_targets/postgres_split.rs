//! Framing: however the bytes arrive, the same frames come out, they are the bytes that went in, and what decodes
//! encodes to the very same bytes (STYLE, section 9).
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use portcullis_postgres::frame::{split_backend, split_frontend};
use portcullis_postgres::{BackendTag, Frame, FrameLimits, FrontendTag, backend, frontend};

const LIMIT: usize = 1 << 20;

fuzz_target!(|data: (u8, &[u8])| {
    let (step, bytes) = data;
    let limits = FrameLimits::default();
    laws(bytes, step, |buf| split_frontend(buf, &limits).map_err(drop), frontend_round_trip);
    laws(bytes, step, |buf| split_backend(buf, LIMIT).map_err(drop), backend_round_trip);
});

/// Cuts the whole at once and in steps, and compares.
fn laws<T>(
    bytes: &[u8],
    step: u8,
    split: impl Fn(&mut BytesMut) -> Result<Option<Frame<T>>, ()>,
    round: fn(&Frame<T>),
) {
    let whole = cut(bytes, bytes.len().max(1), &split);
    let stepwise = cut(bytes, usize::from(step).max(1), &split);
    assert_eq!(texts(&whole.0), texts(&stepwise.0), "the way of arrival changes the frames");
    assert_eq!(whole.1, stepwise.1, "the way of arrival changes the error");
    assert!(bytes.starts_with(&texts(&whole.0).concat()), "frames are not the bytes that came");
    whole.0.iter().for_each(round);
}

/// All frames, and whether it ended in an error.
fn cut<T>(
    bytes: &[u8],
    step: usize,
    split: &impl Fn(&mut BytesMut) -> Result<Option<Frame<T>>, ()>,
) -> (Vec<Frame<T>>, bool) {
    let (mut buf, mut frames) = (BytesMut::new(), Vec::new());
    for chunk in bytes.chunks(step) {
        buf.extend_from_slice(chunk);
        loop {
            match split(&mut buf) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(()) => return (frames, true),
            }
        }
    }
    (frames, false)
}

fn texts<T>(frames: &[Frame<T>]) -> Vec<Bytes> {
    frames.iter().map(|frame| frame.bytes.clone()).collect()
}

fn frontend_round_trip(frame: &Frame<FrontendTag>) {
    if let Ok(message) = frontend::Message::decode(frame.tag, frame.body()) {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        assert_eq!(out, frame.bytes, "decode then encode changes the bytes");
    }
}

fn backend_round_trip(frame: &Frame<BackendTag>) {
    if let Ok(message) = backend::Message::decode(frame.tag, frame.body()) {
        let mut out = BytesMut::new();
        message.encode(&mut out);
        assert_eq!(out, frame.bytes, "decode then encode changes the bytes");
    }
}
