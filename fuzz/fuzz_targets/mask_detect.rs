//! Detectors: however a value is cut, the same bytes come out, as many as went in, and no more than the promised bytes
//! are held back (STYLE, section 9).
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis_mask::{Detectors, Pattern, Stream, ValueKind};

const HOLD_BACK: usize = 8 << 10;

static DETECTORS: LazyLock<Detectors> = LazyLock::new(|| {
    let all =
        Pattern::ALL.into_iter().fold(Detectors::builder(), |builder, pattern| builder.pattern(pattern, "secret"));
    let own = all.dictionary("names", ["codename-one", "Überfall"], "code").regex("ticket", "TCK-[0-9]{4,8}", "code");
    own.build().expect("the detectors are right")
});

fuzz_target!(|input: (u8, Vec<u8>, Vec<u8>)| {
    let (kind, cuts, value) = input;
    let kind = [ValueKind::Text, ValueKind::Json, ValueKind::CopyText][usize::from(kind % 3)];
    let mut whole = value.clone();
    DETECTORS.mask_value(&mut whole, kind);
    assert_eq!(whole.len(), value.len(), "masking changes the length");
    assert_eq!(in_pieces(kind, &cuts, &value), whole, "the cutting changes what is masked");
});

/// Feeds the value in pieces of these sizes, as a relay does: what is held back comes again.
fn in_pieces(kind: ValueKind, cuts: &[u8], value: &[u8]) -> Vec<u8> {
    let mut stream = Stream::new(kind);
    let (mut out, mut buffer, mut rest) = (Vec::new(), Vec::new(), value);
    let mut sizes = cuts.iter().map(|size| usize::from(*size) + 1);
    loop {
        let size = sizes.next().unwrap_or(rest.len()).min(rest.len());
        buffer.extend_from_slice(&rest[..size]);
        rest = &rest[size..];
        let end = rest.is_empty();
        let done = stream.feed(&DETECTORS, &mut buffer, end);
        out.extend(buffer.drain(..done));
        assert!(buffer.len() <= HOLD_BACK, "more is held back than promised");
        if end {
            assert!(buffer.is_empty(), "bytes are held back at the end");
            return out;
        }
    }
}
