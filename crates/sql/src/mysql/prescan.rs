//! The linear scan that bounds a text before any parser sees it, and gathers its tokens.
//!
//! EVASION: a few hundred bare JOINs, 20,000 UNIONs or 100,000 parentheses overflow the stack of parsers and abort the process (test
//! `hostile_shapes_are_refused_quickly`). Everything that can nest is counted: parentheses, CASE, and chains of operators.

use super::lex::{Kind, Lexer, Token};
use super::mode::Syntax;
use crate::error::NotAnalysed;
use crate::limits::Limits;

/// The tokens of a text that are no comments.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) list: Vec<Token>,
    /// For each opening parenthesis the index of its closing one; 0 for what has none.
    pub(super) closes: Vec<u32>,
    /// The comments among which tags are looked for.
    pub(super) comments: Vec<Token>,
    /// Some optimizer hint sets a variable.
    pub(super) sets_by_hint: bool,
}

/// The tokens of a text that will not nest too deeply or grow too large.
pub(super) fn scan(text: &str, syntax: &Syntax, limits: &Limits) -> Result<Tokens, NotAnalysed> {
    let mut scan = Scan {
        limits,
        text: text.as_bytes(),
        found: Tokens::default(),
        chains: vec![Level::default()],
        joins: 0,
        set_operations: 0,
        statements: 1,
    };
    Lexer::new(text.as_bytes(), syntax).try_for_each(|token| scan.token(token))?;
    Ok(scan.found)
}

/// What is open at one level.
#[derive(Default)]
struct Level {
    /// Operators since the last separator.
    operators: u16,
    /// The token that opened it.
    opened: usize,
    /// It is a CASE, which END closes.
    case: bool,
}

struct Scan<'t> {
    limits: &'t Limits,
    text: &'t [u8],
    found: Tokens,
    chains: Vec<Level>,
    joins: u16,
    set_operations: u16,
    statements: u16,
}

impl Scan<'_> {
    fn token(&mut self, token: Token) -> Result<(), NotAnalysed> {
        match token.kind {
            Kind::Comment => {
                self.found.comments.push(token);
                return Ok(());
            }
            Kind::Hint => {
                let hint = self.text.get(token.start..token.end).unwrap_or_default();
                self.found.sets_by_hint |= hint.windows(7).any(|part| part.eq_ignore_ascii_case(b"set_var"));
                return Ok(());
            }
            // The server's lexer would refuse it too.
            Kind::Odd => {
                return Err(NotAnalysed::Syntax { message: "malformed token".into(), position: Some(token.start) });
            }
            _ => {}
        }
        let index = self.found.list.len();
        self.found.list.push(token);
        self.found.closes.push(0);
        match token.kind {
            Kind::Operator => self.operator(),
            Kind::Punctuation => self.punctuation(self.text.get(token.start).copied().unwrap_or(0), index),
            Kind::Word => self.word(self.text.get(token.start..token.end).unwrap_or_default(), index),
            _ => Ok(()),
        }
    }

    fn punctuation(&mut self, byte: u8, index: usize) -> Result<(), NotAnalysed> {
        match byte {
            b'(' | b'{' => self.open(index, false),
            b')' | b'}' => {
                self.close(index);
                Ok(())
            }
            b',' => {
                self.separate();
                Ok(())
            }
            b';' => {
                self.separate();
                count(&mut self.statements, self.limits.statements, "statements")
            }
            _ => Ok(()),
        }
    }

    fn word(&mut self, word: &[u8], index: usize) -> Result<(), NotAnalysed> {
        // Words of other lengths are not counted.
        if !(2..=13).contains(&word.len()) {
            return Ok(());
        }
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword.as_bytes());
        match word.first().map(u8::to_ascii_lowercase) {
            Some(b'a') if is("and") => self.separate(),
            Some(b'o') if is("or") => self.separate(),
            Some(b'c') if is("case") => return self.open(index, true),
            Some(b'e') if is("end") => self.end(),
            Some(b'j') if is("join") => return count(&mut self.joins, self.limits.joins, "joins"),
            Some(b's') if is("straight_join") => return count(&mut self.joins, self.limits.joins, "joins"),
            Some(b'u') if is("union") => return self.set_operation(),
            Some(b'i') if is("intersect") => return self.set_operation(),
            Some(b'e') if is("except") => return self.set_operation(),
            Some(b'n') if is("not") => return self.operator(),
            Some(b'i') if is("is") || is("in") || is("interval") => return self.operator(),
            Some(b'l') if is("like") => return self.operator(),
            Some(b'r') if is("rlike") || is("regexp") => return self.operator(),
            Some(b'b') if is("between") || is("binary") => return self.operator(),
            Some(b's') if is("sounds") => return self.operator(),
            Some(b'c') if is("collate") => return self.operator(),
            Some(b'd') if is("div") => return self.operator(),
            Some(b'm') if is("mod") || is("member") => return self.operator(),
            Some(b'x') if is("xor") => return self.operator(),
            _ => {}
        }
        Ok(())
    }

    fn set_operation(&mut self) -> Result<(), NotAnalysed> {
        self.separate();
        count(&mut self.set_operations, self.limits.set_operations, "set operations")
    }

    fn operator(&mut self) -> Result<(), NotAnalysed> {
        match self.chains.last_mut() {
            Some(level) => count(&mut level.operators, self.limits.operators, "operators"),
            None => Ok(()),
        }
    }

    fn open(&mut self, index: usize, case: bool) -> Result<(), NotAnalysed> {
        self.chains.push(Level { operators: 0, opened: index, case });
        if self.chains.len() > usize::from(self.limits.depth).saturating_add(1) {
            Err(NotAnalysed::TooDeep)
        } else {
            Ok(())
        }
    }

    /// The outermost level stays: a stray `)` closes nothing. What is open inside of it closes too.
    fn close(&mut self, index: usize) {
        let Some(at) = self.chains.iter().skip(1).rposition(|level| !level.case) else { return };
        let at = at.saturating_add(1);
        let opened = self.chains.get(at).map_or(0, |level| level.opened);
        self.chains.truncate(at);
        if let Some(close) = self.found.closes.get_mut(opened) {
            *close = u32::try_from(index).unwrap_or(0);
        }
    }

    fn end(&mut self) {
        if self.chains.last().is_some_and(|level| level.case) {
            self.chains.pop();
        }
    }

    fn separate(&mut self) {
        if let Some(level) = self.chains.last_mut() {
            level.operators = 0;
        }
    }
}

fn count(counter: &mut u16, limit: u16, what: &'static str) -> Result<(), NotAnalysed> {
    if *counter >= limit {
        return Err(NotAnalysed::TooComplex(what));
    }
    *counter = counter.saturating_add(1);
    Ok(())
}
