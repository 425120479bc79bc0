//! The linear scan that bounds a text before the parser sees it.
//!
//! EVASION: 2.8 KB of bare JOINs, 20,000 UNIONs or 100,000 parentheses overflow the stack of parsers and abort the process (test
//! `hostile_shapes_are_refused_quickly`). Everything that can nest in the tree is counted: by parentheses, CASE, and chains of operators.

use super::analyse::SqlMode;
use super::lex::{Kind, Lexer, Token};
use crate::error::NotAnalysed;
use crate::limits::Limits;

/// Refuses a text that would nest too deeply or grow too large as a tree.
pub(super) fn check(text: &str, mode: &SqlMode, limits: &Limits) -> Result<(), NotAnalysed> {
    let mut scan = Scan { limits, text: text.as_bytes(), chains: vec![0], joins: 0, set_operations: 0, statements: 1 };
    Lexer::new(text.as_bytes(), mode).try_for_each(|token| scan.token(token))
}

struct Scan<'t> {
    limits: &'t Limits,
    text: &'t [u8],
    /// Operators since the last separator, for each open parenthesis.
    chains: Vec<u16>,
    joins: u16,
    set_operations: u16,
    statements: u16,
}

impl Scan<'_> {
    fn token(&mut self, token: Token) -> Result<(), NotAnalysed> {
        match token.kind {
            Kind::Operator => self.operator(),
            Kind::Punctuation => self.punctuation(self.text.get(token.start).copied().unwrap_or(0)),
            Kind::Word => self.word(self.text.get(token.start..token.end).unwrap_or_default()),
            // The server's lexer would refuse it too, after a time that the text can choose.
            Kind::Odd => Err(NotAnalysed::Syntax { message: "malformed token".into(), position: Some(token.start) }),
            _ => Ok(()),
        }
    }

    fn punctuation(&mut self, byte: u8) -> Result<(), NotAnalysed> {
        match byte {
            b'(' | b'[' => self.open(),
            b')' | b']' => {
                self.close();
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

    fn word(&mut self, word: &[u8]) -> Result<(), NotAnalysed> {
        // Words of other lengths are not counted.
        if !(2..=9).contains(&word.len()) {
            return Ok(());
        }
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword.as_bytes());
        match word.first().map(u8::to_ascii_lowercase) {
            Some(b'a') if is("and") => self.separate(),
            Some(b'o') if is("or") => self.separate(),
            Some(b'c') if is("case") => return self.open(),
            Some(b'e') if is("end") => self.close(),
            Some(b'j') if is("join") => return count(&mut self.joins, self.limits.joins, "joins"),
            Some(b'u') if is("union") => return self.set_operation(),
            Some(b'i') if is("intersect") => return self.set_operation(),
            Some(b'e') if is("except") => return self.set_operation(),
            Some(b'n') if is("not") || is("notnull") => return self.operator(),
            Some(b'i') if is("is") || is("in") || is("isnull") || is("ilike") => return self.operator(),
            Some(b'l') if is("like") => return self.operator(),
            Some(b'b') if is("between") => return self.operator(),
            Some(b's') if is("similar") => return self.operator(),
            Some(b'c') if is("collate") => return self.operator(),
            Some(b'a') if is("at") => return self.operator(),
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
            Some(chain) => count(chain, self.limits.operators, "operators"),
            None => Ok(()),
        }
    }

    fn open(&mut self) -> Result<(), NotAnalysed> {
        self.chains.push(0);
        if self.chains.len() > usize::from(self.limits.depth).saturating_add(1) {
            Err(NotAnalysed::TooDeep)
        } else {
            Ok(())
        }
    }

    /// The outermost level stays: a stray END or `)` closes nothing.
    fn close(&mut self) {
        if self.chains.len() > 1 {
            self.chains.pop();
        }
    }

    fn separate(&mut self) {
        if let Some(chain) = self.chains.last_mut() {
            *chain = 0;
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
