//! Overwriting hits: stars in text, nines in numbers, and nothing that holds the value together.

use crate::engine::{Span, Style};
use crate::escape::{Decoded, Part};
use crate::text::base64;

/// Overwrites hits in plain text, up to a bound.
pub(crate) fn plain(text: &mut [u8], spans: &[Span], bound: usize) {
    for span in spans {
        for byte in text.get_mut(span.start..span.end.min(bound)).unwrap_or_default() {
            if covers(span.style, *byte) {
                *byte = b'*';
            }
        }
    }
}

/// Overwrites hits in escaped text, given in offsets of the decoded text, up to a bound of those.
pub(crate) fn escaped(raw: &mut [u8], decoded: &Decoded, spans: &[Span], bound: usize) {
    for span in spans {
        for at in span.start..span.end.min(bound) {
            if let Some(range) = decoded.raw(at).filter(|_| covers(span.style, decoded.byte(at))) {
                let bytes = raw.get_mut(range).unwrap_or_default();
                match decoded.part(at) {
                    Part::Text => bytes.fill(b'*'),
                    Part::Number => nines(bytes),
                    Part::Structure | Part::Inner => {}
                }
            }
        }
    }
}

fn covers(style: Style, byte: u8) -> bool {
    style == Style::Whole || base64(byte) || byte == b'-'
}

/// Digits become 9s; signs and points stay.
pub(crate) fn nines(number: &mut [u8]) {
    number.iter_mut().filter(|b| b.is_ascii_digit()).for_each(|b| *b = b'9');
}
