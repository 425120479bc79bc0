//! MySQL packets: however the bytes arrive, the same payloads come out, they are the bytes that went in, and what decodes
//! encodes to the very same bytes (STYLE, section 9).
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use portcullis_mysql::Capabilities;
use portcullis_mysql::command::Command;
use portcullis_mysql::packet::{CommandLimits, HEADER, cut_command};
use portcullis_mysql::response::{Answer, ColumnDefinition, PrepareOk};
use portcullis_wire::Frame;

fuzz_target!(|data: (u8, u64, &[u8])| {
    let (step, agreed, bytes) = data;
    let whole = cut(bytes, bytes.len().max(1));
    let stepwise = cut(bytes, usize::from(step).max(1));
    assert_eq!(whole, stepwise, "the way of arrival changes what comes out");
    let joined: Vec<u8> = whole.0.iter().flat_map(|frame| frame.bytes().to_vec()).collect();
    assert!(bytes.starts_with(&joined), "frames are not the bytes that came");
    let agreed = Capabilities::from_bits(agreed);
    for frame in &whole.0 {
        round(frame.content().get(HEADER..).unwrap_or_default(), agreed);
    }
});

/// All commands, and whether it ended in an error.
fn cut(bytes: &[u8], step: usize) -> (Vec<Frame>, bool) {
    let limits = CommandLimits::new(1 << 16);
    let (mut buf, mut frames) = (BytesMut::new(), Vec::new());
    for chunk in bytes.chunks(step) {
        buf.extend_from_slice(chunk);
        loop {
            match cut_command(&mut buf, &limits) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

/// A payload as a command and as every answer: whatever it is taken for, it is written as it was read.
fn round(body: &[u8], agreed: Capabilities) {
    let mut out = BytesMut::new();
    if let Ok(command) = Command::decode(body, agreed) {
        command.encode(&mut out);
        // A length (of a sign-in's attributes) may be written in a longer form than it needs.
        let same = out == body || out.len() < body.len() && Command::decode(&out, agreed).ok() == Some(command);
        assert!(same, "a command changed: {}", out.escape_ascii());
    }
    out.clear();
    if let Ok(answer) = Answer::decode(body, agreed) {
        answer.encode(&mut out);
        // A length may be written in a longer form than it needs, and is then read and passed on as it came.
        assert!(out.len() <= body.len(), "an answer grew");
        assert_eq!(Answer::decode(&out, agreed).ok(), Some(answer), "an answer changed");
    }
    out.clear();
    if let Ok(column) = ColumnDefinition::decode(body, agreed) {
        column.encode(&mut out);
        assert_eq!(ColumnDefinition::decode(&out, agreed).ok(), Some(column), "a column changed");
    }
    out.clear();
    if let Ok(prepared) = PrepareOk::decode(body, agreed) {
        prepared.encode(&mut out);
        assert_eq!(&out[..], body, "the answer to a prepare changed");
    }
}
