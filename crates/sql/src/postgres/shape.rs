//! A statement's shape: the key under which its analysis and decision are kept.
//!
//! The shape is the text itself, byte for byte, except that plain numbers and plain '…' strings where they name nothing are holes. Equal
//! shapes have equal analyses up to the positions of those literals; that is a law under test. Anything unusual (comments, utility
//! statements, typed literals, arguments of functions that are not PostgreSQL's own harmless ones) stays exact. See DESIGN.md 4,
//! "The decision cache". A statement fingerprint is not a shape: it takes two settings or two DO bodies for one.

mod words;

use super::analyse::SqlMode;
use super::builtins;
use super::lex::{Kind, Lexer, Token};

/// A key for the decision cache, in a buffer that is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShapeKey<'b> {
    bytes: &'b [u8],
    holes: u16,
}

impl<'b> ShapeKey<'b> {
    /// The key, to be compared in full.
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// How many literals are left out; 0 means that the key stands for this very text only.
    pub fn holes(&self) -> u16 {
        self.holes
    }
}

/// Makes shapes, using one buffer again and again.
#[derive(Debug, Default)]
pub struct Shaper {
    buffer: Vec<u8>,
}

/// NUL cannot be in a statement, so these cannot be taken for its text.
const INTEGER_HOLE: [u8; 2] = [0, b'i'];
const NUMBER_HOLE: [u8; 2] = [0, b'n'];
const TEXT_HOLE: [u8; 2] = [0, b't'];
/// First byte of a key: with holes, or the exact text.
const WITH_HOLES: u8 = b'h';
const EXACT: u8 = b'=';

impl Shaper {
    /// A shaper without a buffer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A shaper that uses this buffer.
    pub fn reusing(buffer: Vec<u8>) -> Self {
        Self { buffer }
    }

    /// Gives the buffer back, with the last shape in it.
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// The shape of a text.
    pub fn shape<'b>(&'b mut self, text: &[u8], mode: &SqlMode) -> ShapeKey<'b> {
        self.buffer.clear();
        self.buffer.push(WITH_HOLES);
        let mut scan = Scan { text, out: &mut self.buffer, copied: 0, depth: 0, named_from: 0, holes: 0 };
        let holes = scan.run(mode);
        match holes {
            Some(holes) if holes > 0 => ShapeKey { bytes: &self.buffer, holes },
            _ => {
                self.buffer.clear();
                self.buffer.push(EXACT);
                self.buffer.extend_from_slice(text);
                ShapeKey { bytes: &self.buffer, holes: 0 }
            }
        }
    }
}

struct Scan<'t, 'b> {
    text: &'t [u8],
    out: &'b mut Vec<u8>,
    copied: usize,
    depth: u32,
    /// The depth from which on literals name something; 0 for none.
    named_from: u32,
    holes: u16,
}

/// What stood before a token, as far as it decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Start,
    Word(usize, usize),
    /// A name that is quoted, or comes after a dot.
    Quoted,
    Dot,
    Other,
}

impl Scan<'_, '_> {
    /// How many holes there are; `None` where the text must stay exact.
    fn run(&mut self, mode: &SqlMode) -> Option<u16> {
        let mut before = Before::Start;
        for token in Lexer::new(self.text, mode) {
            before = self.token(token, before)?;
        }
        let rest = self.text.get(self.copied..)?;
        self.out.extend_from_slice(rest);
        Some(self.holes)
    }

    #[inline(always)]
    fn token(&mut self, token: Token, before: Before) -> Option<Before> {
        match token.kind {
            Kind::Word => {
                if before == Before::Start && !words::begins_a_query(self.bytes(token.start, token.end)) {
                    return None;
                }
                if words::names_an_object(self.bytes(token.start, token.end)) {
                    return None;
                }
                // EVASION: `evil.lower('…')` is not PostgreSQL's own (test `a_qualified_call_keeps_its_arguments`).
                return Some(if before == Before::Dot { Before::Quoted } else { Before::Word(token.start, token.end) });
            }
            Kind::Operator | Kind::Parameter => {}
            Kind::Punctuation => return self.punctuation(token, before),
            Kind::Integer | Kind::Number => self.number(token, before)?,
            Kind::Text => self.literal(token, before)?,
            Kind::Quoted => return (before != Before::Start).then_some(Before::Quoted),
            Kind::OtherText if before != Before::Start => {}
            Kind::OtherText | Kind::Comment | Kind::Odd => return None,
        }
        (before != Before::Start).then_some(Before::Other)
    }

    #[inline(always)]
    fn bytes(&self, start: usize, end: usize) -> &[u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    fn punctuation(&mut self, token: Token, before: Before) -> Option<Before> {
        match self.bytes(token.start, token.end) {
            b"(" => {
                self.depth = self.depth.saturating_add(1);
                let named = match before {
                    Before::Start => return Some(Before::Start),
                    Before::Word(start, end) => !is_harmless(self.bytes(start, end)),
                    Before::Quoted => true,
                    Before::Other | Before::Dot => false,
                };
                if named && self.named_from == 0 {
                    self.named_from = self.depth;
                }
            }
            b")" => {
                if self.named_from == self.depth {
                    self.named_from = 0;
                }
                self.depth = self.depth.checked_sub(1)?;
            }
            b";" => {
                self.depth = 0;
                self.named_from = 0;
                return Some(Before::Start);
            }
            _ if before == Before::Start => return None,
            b"." => return Some(Before::Dot),
            _ => {}
        }
        Some(Before::Other)
    }

    fn number(&mut self, token: Token, before: Before) -> Option<()> {
        if self.stays(token, before) || self.named_from != 0 {
            return Some(());
        }
        let digits = self.bytes(token.start, token.end);
        // The grammar has two kinds of number: those that fit 32 bits, and the others.
        let small = token.kind == Kind::Integer && digits.len() < 10;
        if !small && digits.iter().any(|digit| matches!(digit, b'_' | b'x' | b'X' | b'o' | b'O' | b'b' | b'B')) {
            return Some(());
        }
        let large = token.kind == Kind::Number || digits.len() > 10;
        match (small, large) {
            (true, _) => self.hole(token, INTEGER_HOLE),
            (_, true) if !digits.starts_with(b"0") || token.kind == Kind::Number => self.hole(token, NUMBER_HOLE),
            // Ten digits, or leading zeros: on either side of the border.
            _ => Some(()),
        }
    }

    fn literal(&mut self, token: Token, before: Before) -> Option<()> {
        if self.named_from != 0 || self.stays(token, before) {
            return Some(());
        }
        match before {
            Before::Word(start, end) if !words::precedes_a_value(self.bytes(start, end)) => Some(()),
            Before::Quoted => Some(()),
            _ => self.hole(token, TEXT_HOLE),
        }
    }

    /// A literal that is cast, by `::` or by what stands before it.
    fn stays(&self, token: Token, before: Before) -> bool {
        let rest = self.text.get(token.end..).unwrap_or_default();
        let next = rest.iter().position(|byte| !byte.is_ascii_whitespace()).and_then(|at| rest.get(at..));
        before == Before::Start
            || next.is_some_and(|next| next.starts_with(b"::") || next.starts_with(b"--") || next.starts_with(b"/*"))
    }

    fn hole(&mut self, token: Token, mark: [u8; 2]) -> Option<()> {
        let kept = self.text.get(self.copied..token.start)?;
        self.out.extend_from_slice(kept);
        self.out.extend_from_slice(&mark);
        self.copied = token.end;
        self.holes = self.holes.checked_add(1)?;
        Some(())
    }
}

/// Whether what stands in parentheses after this word names nothing: the word is part of the grammar, or a harmless function.
fn is_harmless(word: &[u8]) -> bool {
    let mut lower = [0; 63];
    let Some(folded) = lower.get_mut(..word.len()) else { return false };
    for (to, from) in folded.iter_mut().zip(word) {
        *to = from.to_ascii_lowercase();
    }
    words::opens_a_list(folded) || std::str::from_utf8(folded).is_ok_and(builtins::is_pure)
}
