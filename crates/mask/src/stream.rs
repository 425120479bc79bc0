//! One value that arrives in pieces.
//!
//! The caller keeps what is not yet final and presents it again, in place, at the front of the next piece; so the
//! stream keeps no bytes of its own. A piece of any size is worked through in windows, so what is kept beside it is
//! constant too.

use crate::engine::Engine;
use crate::escape::Decoded;
use crate::number;
use crate::overwrite;
use crate::tokens::pem_continues;
use crate::{Detectors, Hits, ValueKind};

/// The most bytes that [`Stream::feed`] holds back: one hit's reach on both sides, each byte written as `\uXXXX`.
pub const HOLD_BACK: usize = 8 << 10;
/// Bytes worked on at once. LIMIT: bounds the decoded copy of escaped text; well above [`HOLD_BACK`], so that every
/// window but the last moves on.
const WINDOW: usize = 32 << 10;
/// Longer numbers are no identifiers and are left alone.
const NUMBER: usize = 64;

/// An open PEM body at the end of a value: how much of it may still come, in bytes and in values that are not part of it.
#[derive(Debug, Clone, Copy)]
struct OpenPem {
    left: usize,
    strangers: u8,
}

impl OpenPem {
    fn after_stranger(self) -> Option<Self> {
        let strangers = self.strangers.checked_sub(1)?;
        Some(Self { strangers, ..self })
    }
}

/// LIMIT: values between two lines of a key that are not part of it: other columns of the rows.
const STRANGERS: u8 = 64;

/// The state of one value, or of a run of consecutive values.
#[derive(Debug)]
pub struct Stream {
    kind: ValueKind,
    pub(crate) engine: Engine,
    decoded: Decoded,
    in_string: bool,
    begun: bool,
    passing: bool,
    continued: bool,
    open: Option<OpenPem>,
}

impl Stream {
    /// A value of this kind from its first byte on.
    pub fn new(kind: ValueKind) -> Self {
        Self {
            kind,
            engine: Engine::default(),
            decoded: Decoded::default(),
            in_string: false,
            begun: false,
            passing: false,
            continued: false,
            open: None,
        }
    }

    /// Counts since they were last taken.
    pub fn hits(&mut self) -> &mut Hits {
        &mut self.engine.hits
    }

    /// Takes the next piece, with what was held back at its front, and overwrites hits in it. Returns how many bytes
    /// from its front are final; the rest, at most [`HOLD_BACK`] bytes, must come again at the front of the next piece.
    /// At the end of the value all are final, and the stream is ready for the next value: a private key that is open
    /// goes on there.
    pub fn feed(&mut self, detectors: &Detectors, piece: &mut [u8], end: bool) -> usize {
        let mut done = 0usize;
        loop {
            let rest = piece.get_mut(done..).unwrap_or_default();
            let size = rest.len().min(WINDOW);
            let last = size == rest.len();
            let n = self.window(detectors, rest.get_mut(..size).unwrap_or_default(), end && last);
            done = done.saturating_add(n);
            if last || n == 0 {
                break;
            }
        }
        if end {
            self.finish();
        }
        done
    }

    /// Makes the stream ready for a value of another kind, when the last one has ended.
    pub fn next_kind(&mut self, kind: ValueKind) {
        self.kind = kind;
    }

    fn window(&mut self, detectors: &Detectors, piece: &mut [u8], end: bool) -> usize {
        if self.passing {
            return piece.len();
        }
        match self.kind {
            ValueKind::Number => self.number(detectors, piece, end),
            ValueKind::Text => self.text(detectors, piece, end),
            ValueKind::Json | ValueKind::CopyText => self.escaped(detectors, piece, end),
        }
    }

    fn number(&mut self, detectors: &Detectors, piece: &mut [u8], end: bool) -> usize {
        if piece.len() > NUMBER || !detectors.numbers() {
            self.passing = true;
            return piece.len();
        }
        if !end {
            return 0;
        }
        number::mask_text(detectors, piece, &mut self.engine.hits);
        piece.len()
    }

    fn text(&mut self, detectors: &Detectors, piece: &mut [u8], end: bool) -> usize {
        if !self.begin(detectors, piece, end) {
            return 0;
        }
        let n = self.engine.step(detectors, piece, end);
        overwrite::plain(piece, &self.engine.spans, n);
        self.engine.shift(n);
        n
    }

    fn escaped(&mut self, detectors: &Detectors, piece: &mut [u8], end: bool) -> usize {
        let mut decoded = std::mem::take(&mut self.decoded);
        match self.kind {
            ValueKind::Json => decoded.json(piece, self.in_string, detectors.numbers(), end),
            _ => decoded.copy(piece, end),
        }
        let mut n = 0;
        if self.begin(detectors, decoded.bytes(), end) {
            let decided = self.engine.step(detectors, decoded.bytes(), end);
            let (bound, raw, in_string) = decoded.boundary(decided);
            overwrite::escaped(piece, &decoded, &self.engine.spans, bound);
            self.engine.shift(bound);
            self.in_string = in_string;
            n = if end { piece.len() } else { raw };
        }
        self.decoded = decoded;
        n
    }

    /// Settles at the first window whether an open key goes on in this value. False until enough of it is at hand.
    fn begin(&mut self, detectors: &Detectors, text: &[u8], end: bool) -> bool {
        if self.begun {
            return true;
        }
        if !end && text.len() < detectors.reach() {
            return false;
        }
        self.begun = true;
        let open = self.open.filter(|_| self.kind != ValueKind::Json && pem_continues(text));
        self.continued = open.is_some();
        match open {
            Some(open) => self.engine.begin_in_pem(open.left),
            None => self.engine.begin(),
        }
        true
    }

    fn finish(&mut self) {
        if self.begun {
            self.close();
        }
        (self.begun, self.in_string, self.passing) = (false, false, false);
        self.decoded.release();
    }

    /// Keeps a key open that this value left open, or that it was no part of.
    fn close(&mut self) {
        let found = self.engine.open_pem().map(|left| OpenPem { left, strangers: STRANGERS });
        let waiting = self.open.filter(|_| !self.continued).and_then(OpenPem::after_stranger);
        self.open = found.or(waiting);
        self.engine.begin();
    }

    /// Whether a key is open, so that the next value must be looked at whatever it holds.
    pub(crate) fn in_key(&self) -> bool {
        self.open.is_some()
    }

    /// One whole value of plain text whose candidates are known already.
    pub(crate) fn value(&mut self, value: &mut [u8], check: impl FnOnce(&mut Engine, &[u8])) {
        self.continued = false;
        self.engine.begin();
        check(&mut self.engine, value);
        self.engine.settle(value, value.len());
        overwrite::plain(value, &self.engine.spans, value.len());
        self.close();
    }
}
