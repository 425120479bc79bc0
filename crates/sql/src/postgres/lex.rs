//! PostgreSQL's tokens, without the grammar: fast, total, and exact or silent.
//!
//! The shape of a statement and the limits before parsing rest on token borders, so a lexer that differs from the server in one rule loses.
//! It follows scan.l of PostgreSQL 18; what that refuses is one [`Kind::Odd`] token to the end of the text. Agreement with
//! `pg_query::scan` is a law under test. Spec: PostgreSQL "Lexical Structure". No text is decoded here: escapes stay as they are.

use super::analyse::SqlMode;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An unquoted identifier or keyword.
    Word,
    /// `"…"` or `U&"…"`.
    Quoted,
    /// A decimal whole number without separators.
    Integer,
    /// Any other number.
    Number,
    /// A plain `'…'` in one piece.
    Text,
    /// Any other literal: `E'…'`, `U&'…'`, `B'…'`, `X'…'`, `$$…$$`, and `'…'` in several pieces.
    OtherText,
    /// `$1`.
    Parameter,
    /// An operator of one or more characters, `::`, `:=`, `=>`, `..` included.
    Operator,
    /// One of `, ( ) [ ] . ; :` or a stray `$`… alone.
    Punctuation,
    /// `-- …` or `/* … */`.
    Comment,
    /// From here on the server's lexer would refuse.
    Odd,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// What a quote may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// The quote itself, doubled.
    Doubled,
    /// That, and anything after a backslash.
    Escapes,
    /// Neither: the first quote ends it.
    Bits,
}

/// Reads tokens off a text.
#[derive(Debug, Clone)]
pub struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    standard: bool,
}

/// LIMIT: operator characters in a row; operators are shorter than 64 bytes, ruled comments a few hundred.
const LONGEST_RUN: usize = 1_024;
/// LIMIT: block comments within each other; people write one or two.
const COMMENT_DEPTH: usize = 64;

const SPACE: u8 = 1;
const WORD: u8 = 2;
const DIGIT: u8 = 4;
const OPERATOR: u8 = 8;
/// Operator characters that are also tokens by themselves in SQL; an operator of others may end in + or -.
const SPECIAL: u8 = 16;
const ALONE: u8 = 32;

const CLASS: [u8; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a constant of 256"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => SPACE,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80..=0xff => WORD,
            b'0'..=b'9' => DIGIT,
            b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'%' => OPERATOR | SPECIAL,
            b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' => OPERATOR,
            b',' | b'(' | b')' | b'[' | b']' | b'.' | b';' | b':' => ALONE,
            _ => 0,
        };
        byte += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "256 classes, a byte has no other value")]
#[inline(always)]
fn class(byte: u8) -> u8 {
    CLASS[byte as usize]
}

impl<'t> Lexer<'t> {
    /// A lexer at the start of a text.
    pub fn new(text: &'t [u8], mode: &SqlMode) -> Self {
        Self { text, at: 0, standard: mode.standard_conforming_strings }
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        // NUL is no part of any token, so it stands for the end as well.
        self.text.get(at).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn next_byte(&self, at: usize) -> u8 {
        self.byte(at.wrapping_add(1))
    }

    #[inline(always)]
    fn run_end(&self, mut at: usize, classes: u8) -> usize {
        while at < self.text.len() && class(self.byte(at)) & classes != 0 {
            at = at.wrapping_add(1);
        }
        at
    }

    #[inline(always)]
    fn token(&mut self, kind: Kind, end: usize) -> Token {
        let token = Token { kind, start: self.at, end };
        self.at = end;
        token
    }

    fn odd(&mut self) -> Token {
        self.token(Kind::Odd, self.text.len())
    }

    fn ends_in(&mut self, kind: Kind, end: Option<usize>) -> Token {
        match end {
            Some(end) => self.token(kind, end),
            None => self.odd(),
        }
    }

    fn word(&mut self) -> Token {
        let first = self.byte(self.at) | 0x20;
        let quote = self.next_byte(self.at);
        match (first, quote) {
            (b'e', b'\'') => return self.text_literal(self.at.wrapping_add(1), Inside::Escapes),
            (b'b' | b'x', b'\'') => return self.text_literal(self.at.wrapping_add(1), Inside::Bits),
            (b'n', b'\'') => return self.token(Kind::Word, self.at.wrapping_add(1)),
            (b'u', b'&') => match self.byte(self.at.wrapping_add(2)) {
                b'\'' if self.standard => return self.text_literal(self.at.wrapping_add(2), Inside::Doubled),
                b'\'' => return self.odd(),
                b'"' => {
                    let end = self.quoted(self.at.wrapping_add(3));
                    return self.ends_in(Kind::Quoted, end);
                }
                _ => {}
            },
            _ => {}
        }
        let mut end = self.run_end(self.at, WORD | DIGIT);
        while self.byte(end) == b'$' {
            end = self.run_end(end.wrapping_add(1), WORD | DIGIT);
        }
        self.token(Kind::Word, end)
    }

    /// The end of a quoted identifier whose inside starts here; an empty one is refused by the server.
    fn quoted(&self, inside: usize) -> Option<usize> {
        let end = self.closing(inside, b'"', Inside::Doubled)?;
        (end > inside.wrapping_add(1)).then_some(end)
    }

    /// After the quote that ends what starts here; doubled quotes are inside.
    fn closing(&self, mut at: usize, quote: u8, rule: Inside) -> Option<usize> {
        loop {
            let byte = *self.text.get(at)?;
            at = at.wrapping_add(1);
            if byte == quote {
                if rule == Inside::Bits || self.byte(at) != quote {
                    return Some(at);
                }
                at = at.wrapping_add(1);
            } else if byte == b'\\' && rule == Inside::Escapes {
                self.text.get(at)?;
                at = at.wrapping_add(1);
            }
        }
    }

    /// A literal with a prefix; its pieces go on after white space that has a line end.
    fn text_literal(&mut self, quote: usize, rule: Inside) -> Token {
        let end = self.pieces(quote, rule);
        self.ends_in(Kind::OtherText, end.map(|(end, _)| end))
    }

    fn plain_literal(&mut self) -> Token {
        let rule = if self.standard { Inside::Doubled } else { Inside::Escapes };
        match self.pieces(self.at, rule) {
            Some((end, 1)) if self.standard || !self.has_backslash(self.at, end) => self.token(Kind::Text, end),
            Some((end, _)) => self.token(Kind::OtherText, end),
            None => self.odd(),
        }
    }

    fn has_backslash(&self, start: usize, end: usize) -> bool {
        self.text.get(start..end).is_some_and(|inside| inside.contains(&b'\\'))
    }

    /// The end of a literal and how many pieces it has.
    #[inline]
    fn pieces(&self, quote: usize, rule: Inside) -> Option<(usize, usize)> {
        let mut end = self.closing(quote.wrapping_add(1), b'\'', rule)?;
        let mut pieces: usize = 1;
        while let Some(next) = self.continued(end) {
            end = self.closing(next.wrapping_add(1), b'\'', rule)?;
            pieces = pieces.saturating_add(1);
        }
        Some((end, pieces))
    }

    /// The quote of a literal's next piece: after white space and line comments with at least one line end.
    #[inline]
    fn continued(&self, end: usize) -> Option<usize> {
        let mut at = end;
        let mut line_end = false;
        loop {
            match self.byte(at) {
                b'\n' | b'\r' => line_end = true,
                b' ' | b'\t' | 0x0b | 0x0c => {}
                b'-' if self.next_byte(at) == b'-' => {
                    at = self.line(at);
                    // The comment's own line end is required.
                    if at >= self.text.len() {
                        return None;
                    }
                    continue;
                }
                b'\'' if line_end => return Some(at),
                _ => return None,
            }
            at = at.wrapping_add(1);
        }
    }

    /// The end of the line, which is not part of a comment.
    fn line(&self, mut at: usize) -> usize {
        while at < self.text.len() && !matches!(self.byte(at), b'\n' | b'\r') {
            at = at.wrapping_add(1);
        }
        at
    }

    /// A block comment; they nest.
    fn block(&self) -> Option<usize> {
        let mut at = self.at.wrapping_add(2);
        let mut depth: usize = 1;
        if self.is_long_run(self.at) {
            return None;
        }
        while depth > 0 {
            match (*self.text.get(at)?, self.next_byte(at)) {
                (b'*', b'/') => {
                    depth = depth.saturating_sub(1);
                    at = at.wrapping_add(2);
                }
                (b'/', b'*') => {
                    if depth >= COMMENT_DEPTH || self.is_long_run(at) {
                        return None;
                    }
                    depth = depth.saturating_add(1);
                    at = at.wrapping_add(2);
                }
                _ => at = at.wrapping_add(1),
            }
        }
        Some(at)
    }

    /// EVASION: the server's lexer reads a run of operator characters to its end at every comment or operator that begins in it, so
    /// 200 KB of `/*` cost it a minute (test `hostile_shapes_are_refused_quickly`).
    fn is_long_run(&self, at: usize) -> bool {
        let run = self.text.get(at..at.wrapping_add(LONGEST_RUN));
        run.is_some_and(|run| run.iter().all(|byte| class(*byte) & OPERATOR != 0))
    }

    /// A number, by the rules of PostgreSQL 16 and later; junk right after one is refused.
    fn number(&mut self) -> Token {
        let plain = self.run_end(self.at, DIGIT);
        let after = self.byte(plain);
        if class(after) & WORD == 0 && after != b'.' && after != b'$' {
            return self.token(Kind::Integer, plain);
        }
        let (end, kind) = self.long_number();
        if class(self.byte(end)) & WORD != 0 || self.junk(end) { self.odd() } else { self.token(kind, end) }
    }

    /// `1$` is not junk by the server's rules, `1$a` neither: only letters and digits glued to a number are.
    fn junk(&self, end: usize) -> bool {
        class(self.byte(end)) & DIGIT != 0
    }

    fn long_number(&self) -> (usize, Kind) {
        let radix = match (self.byte(self.at), self.next_byte(self.at) | 0x20) {
            (b'0', b'x') => Some(u8::is_ascii_hexdigit as fn(&u8) -> bool),
            (b'0', b'o') => Some((|byte| matches!(byte, b'0'..=b'7')) as fn(&u8) -> bool),
            (b'0', b'b') => Some((|byte| matches!(byte, b'0' | b'1')) as fn(&u8) -> bool),
            _ => None,
        };
        if let Some(is_digit) = radix {
            return (self.separated(self.at.wrapping_add(2), is_digit, true), Kind::Number);
        }
        let mut end = self.decimals(self.at);
        let plain = end == self.run_end(self.at, DIGIT);
        let mut kind = if plain { Kind::Integer } else { Kind::Number };
        if self.byte(end) == b'.' && self.next_byte(end) != b'.' {
            end = self.decimals(end.wrapping_add(1));
            kind = Kind::Number;
        }
        match self.exponent(end) {
            Some(end) => (end, Kind::Number),
            None => (end, kind),
        }
    }

    fn exponent(&self, end: usize) -> Option<usize> {
        if self.byte(end) | 0x20 != b'e' {
            return None;
        }
        let mut digits = end.wrapping_add(1);
        if matches!(self.byte(digits), b'+' | b'-') {
            digits = digits.wrapping_add(1);
        }
        self.byte(digits).is_ascii_digit().then(|| self.decimals(digits))
    }

    fn decimals(&self, at: usize) -> usize {
        self.separated(at, u8::is_ascii_digit, false)
    }

    /// Digits with single underscores between them, or also before the first.
    fn separated(&self, mut at: usize, is_digit: fn(&u8) -> bool, leading: bool) -> usize {
        let mut may_separate = leading;
        loop {
            let byte = self.byte(at);
            if is_digit(&byte) {
                at = at.wrapping_add(1);
                may_separate = true;
            } else if byte == b'_' && may_separate && is_digit(&self.next_byte(at)) {
                at = at.wrapping_add(2);
            } else {
                return at;
            }
        }
    }

    /// `$1`, `$tag$…$tag$`, or a stray dollar.
    fn dollar(&mut self) -> Token {
        let next = self.next_byte(self.at);
        if next.is_ascii_digit() {
            let end = self.run_end(self.at.wrapping_add(1), DIGIT);
            return self.token(Kind::Parameter, end);
        }
        let tag = if class(next) & WORD != 0 {
            self.run_end(self.at.wrapping_add(1), WORD | DIGIT)
        } else {
            self.at.wrapping_add(1)
        };
        if self.byte(tag) != b'$' {
            return self.token(Kind::Punctuation, self.at.wrapping_add(1));
        }
        let opening = tag.wrapping_add(1);
        let end = self.text.get(self.at..opening).and_then(|delimiter| self.dollar_end(opening, delimiter));
        self.ends_in(Kind::OtherText, end)
    }

    fn dollar_end(&self, mut at: usize, delimiter: &[u8]) -> Option<usize> {
        loop {
            let rest = self.text.get(at..)?;
            if rest.starts_with(delimiter) {
                return Some(at.wrapping_add(delimiter.len()));
            }
            let next = rest.iter().skip(1).position(|byte| *byte == b'$')?;
            at = at.wrapping_add(next).wrapping_add(1);
        }
    }

    /// Operators: the longest run, cut before a comment, without a + or - at its end unless it has a special character.
    fn operator(&mut self) -> Token {
        if self.is_long_run(self.at) {
            return self.odd();
        }
        let mut end = self.at;
        let mut special = false;
        while end < self.text.len() {
            let byte = self.byte(end);
            let comment = matches!((byte, self.next_byte(end)), (b'-', b'-') | (b'/', b'*'));
            if class(byte) & OPERATOR == 0 || comment {
                break;
            }
            special |= class(byte) & SPECIAL != 0;
            end = end.wrapping_add(1);
        }
        while !special && end.wrapping_sub(self.at) > 1 && matches!(self.byte(end.wrapping_sub(1)), b'+' | b'-') {
            end = end.wrapping_sub(1);
        }
        // LIMIT: the server refuses operators of 64 bytes.
        if end.wrapping_sub(self.at) >= 64 { self.odd() } else { self.token(Kind::Operator, end) }
    }

    fn alone(&mut self, byte: u8) -> Token {
        let next = self.next_byte(self.at);
        match (byte, next) {
            (b'.', b'0'..=b'9') => self.number(),
            (b':', b':' | b'=') | (b'.', b'.') => self.token(Kind::Operator, self.at.wrapping_add(2)),
            _ => self.token(Kind::Punctuation, self.at.wrapping_add(1)),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        self.at = self.run_end(self.at, SPACE);
        let byte = *self.text.get(self.at)?;
        Some(match class(byte) {
            WORD => self.word(),
            DIGIT => self.number(),
            ALONE => self.alone(byte),
            0 => match byte {
                b'\'' => self.plain_literal(),
                b'"' => {
                    let end = self.quoted(self.at.wrapping_add(1));
                    self.ends_in(Kind::Quoted, end)
                }
                b'$' => self.dollar(),
                0 => self.odd(),
                // The server's lexer hands these on one by one; no grammar takes them.
                _ => self.token(Kind::Punctuation, self.at.wrapping_add(1)),
            },
            _ => match (byte, self.next_byte(self.at)) {
                (b'-', b'-') => {
                    let end = self.line(self.at);
                    self.token(Kind::Comment, end)
                }
                (b'/', b'*') => {
                    let end = self.block();
                    self.ends_in(Kind::Comment, end)
                }
                _ => self.operator(),
            },
        })
    }
}
