//! MySQL's and MariaDB's tokens, without the grammar: exact, or silent.
//!
//! Everything that is decided about a text rests on where its tokens end, so a lexer that differs from the server in one rule loses. It
//! follows `sql_lex.cc` of MySQL 8 and 9 and of MariaDB 10 and 11; what those refuse, and what they disagree on, is one [`Kind::Odd`] token
//! to the end of the text. Executable comments are resolved as the very server would: their borders are comments, their inside is code.
//! Spec: MySQL "Language Structure", MariaDB "Comment Syntax". No text is decoded here.

mod comments;

use super::mode::Syntax;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An unquoted identifier or keyword.
    Word,
    /// An unquoted identifier that is no keyword, whatever it says: beside a dot, or begun by a digit.
    Name,
    /// `` `…` ``, or `"…"` under ANSI_QUOTES.
    Quoted,
    /// A whole number.
    Integer,
    /// Any other number.
    Number,
    /// `x'…'`, `0x…`, `b'…'`, `0b…`.
    Bits,
    /// `'…'`, or `"…"` without ANSI_QUOTES.
    Text,
    /// `N'…'`.
    National,
    /// `@name`, also quoted.
    Variable,
    /// `@@`, before the name of a system variable.
    System,
    /// `?`
    Parameter,
    /// An operator of one or more characters.
    Operator,
    /// One of `, ( ) . ; { } :` alone.
    Punctuation,
    /// A comment, or the border of an executable comment.
    Comment,
    /// `/*+ … */`
    Hint,
    /// From here on the server would refuse, or servers disagree.
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

/// Reads tokens off a text.
#[derive(Debug, Clone)]
pub struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    syntax: Syntax,
    /// Inside a comment whose content is code.
    executable: bool,
    /// What comes next is a name, being right after a dot or `@@`.
    named: bool,
    /// The last token was an unquoted name.
    after_name: bool,
}

const SPACE: u8 = 1;
const LETTER: u8 = 2;
const DIGIT: u8 = 4;
/// Part of an identifier.
const IDENT: u8 = LETTER | DIGIT;

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
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80..=0xff => LETTER,
            b'0'..=b'9' => DIGIT,
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
    pub fn new(text: &'t [u8], syntax: &Syntax) -> Self {
        Self { text, at: 0, syntax: *syntax, executable: false, named: false, after_name: false }
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> u8 {
        // NUL is no part of any token, so it stands for the end as well.
        self.text.get(at).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn peek(&self, ahead: usize) -> u8 {
        self.byte(self.at.wrapping_add(ahead))
    }

    #[inline(always)]
    fn run_end(&self, mut at: usize, classes: u8) -> usize {
        while class(self.byte(at)) & classes != 0 {
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

    #[inline(always)]
    fn short(&mut self, kind: Kind, length: usize) -> Token {
        self.token(kind, self.at.wrapping_add(length))
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

    /// After the quote that ends what starts here; doubled quotes are inside.
    fn closing(&self, mut at: usize, quote: u8, escapes: bool) -> Option<usize> {
        loop {
            let byte = *self.text.get(at)?;
            at = at.wrapping_add(1);
            if byte == quote {
                if self.byte(at) != quote {
                    return Some(at);
                }
                at = at.wrapping_add(1);
            } else if byte == b'\\' && escapes {
                self.text.get(at)?;
                at = at.wrapping_add(1);
            }
        }
    }

    fn quoted(&mut self, ahead: usize, kind: Kind) -> Token {
        let inside = self.at.wrapping_add(ahead);
        let quote = self.byte(inside.wrapping_sub(1));
        let text = matches!(kind, Kind::Text | Kind::National);
        let end = self.closing(inside, quote, text && !self.syntax.no_backslash_escapes);
        // An empty name is refused by the server.
        let empty = !text && end.is_some_and(|end| end <= inside.wrapping_add(1));
        if empty { self.odd() } else { self.ends_in(kind, end) }
    }

    /// `x'…'` and `b'…'`: digits only.
    fn bits(&mut self, is_digit: fn(&u8) -> bool) -> Token {
        let mut end = self.at.wrapping_add(2);
        while is_digit(&self.byte(end)) {
            end = end.wrapping_add(1);
        }
        if self.byte(end) == b'\'' { self.token(Kind::Bits, end.wrapping_add(1)) } else { self.odd() }
    }

    fn word(&mut self) -> Token {
        if self.byte(self.at.wrapping_add(1)) == b'\'' {
            match self.byte(self.at) | 0x20 {
                b'x' => return self.bits(u8::is_ascii_hexdigit),
                b'b' => return self.bits(|byte| matches!(byte, b'0' | b'1')),
                b'n' => return self.quoted(2, Kind::National),
                _ => {}
            }
        }
        // MySQL 9 begins quoted program text so.
        if self.byte(self.at) == b'$' {
            return self.odd();
        }
        let end = self.run_end(self.at, IDENT);
        let dotted = self.byte(end) == b'.' && class(self.byte(end.wrapping_add(1))) & IDENT != 0;
        self.name(if dotted { Kind::Name } else { Kind::Word }, end)
    }

    /// An unquoted name. What the client's character set may read otherwise is odd.
    fn name(&mut self, kind: Kind, end: usize) -> Token {
        let bytes = self.text.get(self.at..end).unwrap_or_default();
        // EVASION: in latin1 the second byte of `à` is a blank; names have no characters of four bytes
        // (test `letters_that_another_character_set_reads_otherwise_are_odd`).
        if !bytes.is_ascii() && (self.syntax.single_byte || bytes.iter().any(|byte| *byte >= 0xf0)) {
            return self.odd();
        }
        self.after_name = true;
        self.token(kind, end)
    }

    fn number(&mut self) -> Token {
        if self.byte(self.at) == b'0'
            && let Some(token) = self.prefixed()
        {
            return token;
        }
        let end = self.run_end(self.at, DIGIT);
        let next = self.byte(end);
        if class(next) & IDENT != 0 {
            if let Some(end) = self.exponent(end) {
                return self.token(Kind::Number, end);
            }
            let end = self.run_end(end, IDENT);
            return self.name(Kind::Name, end);
        }
        if next != b'.' {
            return self.token(Kind::Integer, end);
        }
        self.fraction(end)
    }

    /// From the point of a number on.
    fn fraction(&mut self, point: usize) -> Token {
        let end = self.run_end(point.wrapping_add(1), DIGIT);
        if self.byte(end) | 0x20 != b'e' {
            return self.token(Kind::Number, end);
        }
        // EVASION: old servers drop `1.e` from the text (test `a_broken_exponent_is_odd`).
        let end = self.exponent(end);
        self.ends_in(Kind::Number, end)
    }

    /// The end of an exponent that begins here.
    fn exponent(&self, at: usize) -> Option<usize> {
        if self.byte(at) | 0x20 != b'e' {
            return None;
        }
        let mut digits = at.wrapping_add(1);
        if matches!(self.byte(digits), b'+' | b'-') {
            digits = digits.wrapping_add(1);
        }
        self.byte(digits).is_ascii_digit().then(|| self.run_end(digits, DIGIT))
    }

    /// `0x…` and `0b…`, with a small letter only; otherwise a name that begins with a digit, or a number.
    fn prefixed(&mut self) -> Option<Token> {
        let is_digit: fn(&u8) -> bool = match self.peek(1) {
            b'x' => u8::is_ascii_hexdigit,
            b'b' => |byte| matches!(byte, b'0' | b'1'),
            _ => return None,
        };
        let mut end = self.at.wrapping_add(2);
        while is_digit(&self.byte(end)) {
            end = end.wrapping_add(1);
        }
        if end.wrapping_sub(self.at) >= 3 && class(self.byte(end)) & IDENT == 0 {
            return Some(self.token(Kind::Bits, end));
        }
        let end = self.run_end(end, IDENT);
        Some(self.name(Kind::Name, end))
    }

    /// `@name`, `@'name'`, `@@`.
    fn at_sign(&mut self) -> Token {
        match self.peek(1) {
            b'@' => {
                let next = self.peek(2);
                if class(next) & IDENT == 0 && next != b'`' {
                    return self.odd();
                }
                self.named = true;
                self.short(Kind::System, 2)
            }
            b'\'' | b'"' => {
                let quote = self.peek(1);
                let end = self.closing(self.at.wrapping_add(2), quote, !self.syntax.no_backslash_escapes);
                // Under ANSI_QUOTES no backslash escapes there; where that could matter it is refused.
                let inside = end.and_then(|end| self.text.get(self.at..end));
                let end = end.filter(|_| inside.is_some_and(|inside| !inside.contains(&b'\\')));
                self.ends_in(Kind::Variable, end)
            }
            b'`' => {
                let end = self.closing(self.at.wrapping_add(2), b'`', false);
                self.ends_in(Kind::Variable, end)
            }
            _ => self.plain_variable(),
        }
    }

    fn plain_variable(&mut self) -> Token {
        let mut end = self.at.wrapping_add(1);
        while matches!(self.byte(end), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' | b'.') {
            end = end.wrapping_add(1);
        }
        let empty = end == self.at.wrapping_add(1);
        if empty || self.byte(end) >= 0x80 { self.odd() } else { self.token(Kind::Variable, end) }
    }

    fn minus(&mut self) -> Token {
        let after = self.peek(2);
        match self.peek(1) {
            b'-' if class(after) & SPACE != 0 || after < 0x20 || after == 0x7f => self.line_comment(),
            b'>' if self.syntax.is_maria() => self.short(Kind::Operator, 1),
            b'>' if after == b'>' => self.short(Kind::Operator, 3),
            b'>' => self.short(Kind::Operator, 2),
            _ => self.short(Kind::Operator, 1),
        }
    }

    /// `< > = !` in a row: only those that are operators.
    fn comparison(&mut self) -> Token {
        let mut length: usize = 1;
        while length < 4 && matches!(self.peek(length), b'<' | b'>' | b'=' | b'!') {
            length = length.wrapping_add(1);
        }
        let run = self.text.get(self.at..self.at.wrapping_add(length)).unwrap_or_default();
        match run {
            b"<" | b">" | b"=" | b"!" | b"<=" | b">=" | b"<>" | b"!=" | b"<=>" | b"<<" | b">>" => {
                self.token(Kind::Operator, self.at.wrapping_add(length))
            }
            // `!!a`: two of them.
            [b'!', b'!', ..] => self.short(Kind::Operator, 1),
            [b'=', b'!', ..] if self.syntax.is_maria() => self.short(Kind::Operator, 1),
            _ => self.odd(),
        }
    }

    fn dot(&mut self) -> Token {
        let next = self.peek(1);
        if next.is_ascii_digit() && !self.after_name {
            return self.fraction(self.at);
        }
        self.named = class(next) & IDENT != 0;
        self.short(Kind::Punctuation, 1)
    }

    fn semicolon(&mut self) -> Token {
        // The next statement would not know that it is inside a comment.
        if self.executable { self.odd() } else { self.short(Kind::Punctuation, 1) }
    }

    fn star(&mut self) -> Token {
        if self.executable && self.peek(1) == b'/' {
            self.executable = false;
            return self.short(Kind::Comment, 2);
        }
        self.short(Kind::Operator, 1)
    }

    fn symbol(&mut self, byte: u8, after_name: bool) -> Token {
        let doubled = self.peek(1) == byte;
        match byte {
            b'\'' => self.quoted(1, Kind::Text),
            b'"' if self.syntax.ansi_quotes => self.quoted(1, Kind::Quoted),
            b'"' => self.quoted(1, Kind::Text),
            b'`' => self.quoted(1, Kind::Quoted),
            b'@' => self.at_sign(),
            b'#' => self.line_comment(),
            b'/' if self.peek(1) == b'*' => self.block_comment(),
            b'-' => self.minus(),
            b'*' => self.star(),
            b'<' | b'>' | b'=' | b'!' => self.comparison(),
            b'&' | b'|' if doubled => self.short(Kind::Operator, 2),
            b':' if self.peek(1) == b'=' => self.short(Kind::Operator, 2),
            b'+' | b'/' | b'%' | b'&' | b'|' | b'^' | b'~' => self.short(Kind::Operator, 1),
            b'.' => {
                self.after_name = after_name;
                let token = self.dot();
                self.after_name = false;
                token
            }
            b';' => self.semicolon(),
            b',' | b'(' | b')' | b'{' | b'}' | b':' => self.short(Kind::Punctuation, 1),
            b'?' if class(self.peek(1)) & IDENT == 0 => self.short(Kind::Parameter, 1),
            b'\\' if self.peek(1) == b'N' && self.syntax.is_maria() => self.short(Kind::Bits, 2),
            _ => self.odd(),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        let named = std::mem::take(&mut self.named);
        let start = self.at;
        self.at = self.run_end(self.at, SPACE);
        let after_name = std::mem::take(&mut self.after_name) && start == self.at;
        let Some(byte) = self.text.get(self.at).copied() else {
            // EVASION: a comment that is never closed (test `an_open_comment_is_odd`).
            let open = std::mem::take(&mut self.executable);
            return open.then(|| self.odd());
        };
        Some(match class(byte) {
            LETTER | DIGIT if named => {
                let end = self.run_end(self.at, IDENT);
                self.name(Kind::Name, end)
            }
            LETTER => self.word(),
            DIGIT => self.number(),
            _ => self.symbol(byte, after_name),
        })
    }
}
