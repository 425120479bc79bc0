//! Decoding of escaped text for matching, with the way back to the raw bytes.
//!
//! Detectors see decoded bytes, so `\u0040` is an `@`; a hit is mapped back and overwrites the whole escape. Bytes that
//! hold the value together (quotes, braces, commas, literals, tabs between fields) are seen as separators and are never
//! overwritten. RFC 8259 section 7; PostgreSQL, COPY, "Text Format". This is not a parser: broken JSON is decoded as it
//! comes and stays as broken as it was.

use std::ops::Range;

/// What a decoded byte is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text to match and to overwrite.
    Text,
    /// A number token: to match, and to overwrite with 9s.
    Number,
    /// What holds the value together.
    Structure,
    /// The same, inside a string: the quote that ends it, or the backslash of an escape that is none.
    Inner,
}

/// A window of raw text, decoded. Its buffers are reused.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    bytes: Vec<u8>,
    /// Raw offset and part of each decoded byte, and of the end.
    places: Vec<(u32, Part)>,
}

/// One decoded element: its raw length, and what it stands for.
enum Element {
    /// The window ends inside the element.
    Cut,
    One(usize, u8, Part),
    Char(usize, char),
}

impl Decoded {
    /// Decodes JSON that starts inside a string or not.
    pub(crate) fn json(&mut self, raw: &[u8], in_string: bool, numbers: bool, end: bool) {
        let mut inside = in_string;
        self.fill(raw, end, |rest| {
            let (element, now) = json_element(rest, inside, numbers);
            if !matches!(element, Element::Cut) {
                inside = now;
            }
            element
        });
        if let Some((_, part)) = self.places.last_mut() {
            *part = if inside { Part::Text } else { Part::Structure };
        }
    }

    /// Decodes COPY text.
    pub(crate) fn copy(&mut self, raw: &[u8], end: bool) {
        self.fill(raw, end, copy_element);
    }

    fn fill(&mut self, raw: &[u8], end: bool, mut element: impl FnMut(&[u8]) -> Element) {
        self.bytes.clear();
        self.places.clear();
        let mut at = 0usize;
        while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
            let length = match element(rest) {
                Element::One(length, byte, part) => self.push(at, length, byte, part),
                Element::Char(length, c) => self.push_char(at, length, c),
                Element::Cut if end => self.push(at, 1, rest.first().copied().unwrap_or(0), Part::Structure),
                Element::Cut => break,
            };
            at = at.saturating_add(length);
        }
        self.places.push((place(at), Part::Text));
    }

    fn push(&mut self, at: usize, length: usize, byte: u8, part: Part) -> usize {
        self.bytes.push(byte);
        self.places.push((place(at), part));
        length
    }

    /// All bytes of an escaped character start where its escape does.
    fn push_char(&mut self, at: usize, length: usize, c: char) -> usize {
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            self.push(at, length, byte, Part::Text);
        }
        length
    }

    /// LIMIT: an idle session keeps no buffers of a large value.
    pub(crate) fn release(&mut self) {
        if self.bytes.capacity() > 1024 {
            *self = Self::default();
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    pub(crate) fn part(&self, at: usize) -> Part {
        self.places.get(at).map_or(Part::Structure, |(_, part)| *part)
    }

    fn start(&self, at: usize) -> Option<usize> {
        self.places.get(at).and_then(|(start, _)| usize::try_from(*start).ok())
    }

    /// The raw bytes that a decoded byte came from; for a character of several bytes, the last one has them all.
    pub(crate) fn raw(&self, at: usize) -> Option<Range<usize>> {
        Some(self.start(at)?..self.start(at.saturating_add(1))?)
    }

    /// The nearest decoded offset, not after the given one, where no escape is cut; its raw offset; inside a string?
    pub(crate) fn boundary(&self, at: usize) -> (usize, usize, bool) {
        let mut at = at.min(self.bytes.len());
        while at > 0 && self.start(at.saturating_sub(1)) == self.start(at) {
            at = at.saturating_sub(1);
        }
        (at, self.start(at).unwrap_or(0), matches!(self.part(at), Part::Text | Part::Inner))
    }
}

/// Windows are far below 4 GiB, see [`crate::stream`].
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The next element of JSON, and whether a string is open after it.
fn json_element(rest: &[u8], inside: bool, numbers: bool) -> (Element, bool) {
    match (inside, rest.first().copied().unwrap_or(0)) {
        (true, b'"') => (Element::One(1, 0, Part::Inner), false),
        (true, b'\\') => (json_escape(rest), true),
        (true, byte) => (Element::One(1, byte, Part::Text), true),
        (false, b'"') => (Element::One(1, 0, Part::Structure), true),
        (false, byte @ (b'0'..=b'9' | b'-' | b'.')) if numbers => (Element::One(1, byte, Part::Number), false),
        (false, _) => (Element::One(1, 0, Part::Structure), false),
    }
}

fn json_escape(rest: &[u8]) -> Element {
    let byte = match rest.get(1) {
        None => return Element::Cut,
        Some(b'u') => return json_unicode(rest),
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(other) => *other,
    };
    if byte.is_ascii() { Element::One(2, byte, Part::Text) } else { Element::One(1, b'\\', Part::Inner) }
}

/// `\uXXXX`, or two of them for one character beyond the first plane. Half a pair stands for itself.
fn json_unicode(rest: &[u8]) -> Element {
    let Some(first) = hex4(rest) else {
        return if rest.len() < 6 { Element::Cut } else { Element::One(1, b'\\', Part::Inner) };
    };
    if let Some(c) = char::from_u32(first) {
        return Element::Char(6, c);
    }
    let tail = rest.get(6..).unwrap_or_default();
    if first < 0xDC00 && tail.len() < 6 && b"\\u".starts_with(tail.get(..tail.len().min(2)).unwrap_or_default()) {
        return Element::Cut;
    }
    let units = u16::try_from(first).ok().zip(hex4(tail).and_then(|low| u16::try_from(low).ok()));
    let pair = units.and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok());
    pair.map_or(Element::One(6, b'?', Part::Text), |c| Element::Char(12, c))
}

fn hex4(rest: &[u8]) -> Option<u32> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0u32, |n, b| Some(n.wrapping_mul(16).wrapping_add(char::from(*b).to_digit(16)?)))
}

fn copy_element(rest: &[u8]) -> Element {
    match rest.first().copied().unwrap_or(0) {
        b'\\' => copy_escape(rest),
        byte @ (b'\t' | b'\n' | b'\r') => Element::One(1, byte, Part::Structure),
        byte => Element::One(1, byte, Part::Text),
    }
}

fn copy_escape(rest: &[u8]) -> Element {
    let byte = match rest.get(1).copied() {
        None => return Element::Cut,
        Some(b'N') => return Element::One(2, 0, Part::Structure),
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'v') => 11,
        Some(b'x') => return copy_code(rest, 2, 2, 16),
        Some(b'0'..=b'7') => return copy_code(rest, 1, 3, 8),
        Some(other) => other,
    };
    if byte.is_ascii() { Element::One(2, byte, Part::Text) } else { Element::One(1, b'\\', Part::Structure) }
}

/// A byte in octal or hexadecimal digits, `most` of them from `first` on. Digits may follow, so the window must show
/// one byte more than there are, or all that are allowed.
fn copy_code(rest: &[u8], first: usize, most: usize, radix: u32) -> Element {
    let digits = rest.get(first..).unwrap_or_default().iter().take(most);
    let values: Vec<u32> = digits.map_while(|b| char::from(*b).to_digit(radix)).collect();
    let length = first.saturating_add(values.len());
    if values.len() < most && length >= rest.len() {
        return Element::Cut;
    }
    let code = values.iter().fold(0u32, |n, v| n.wrapping_mul(radix).wrapping_add(*v));
    let byte = if values.is_empty() { b'x' } else { u8::try_from(code & 0xFF).unwrap_or(0) };
    Element::One(length, byte, Part::Text)
}
