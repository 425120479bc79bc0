//! The place in the tokens, and the small steps from there.

use super::{Parsed, Walk};
use crate::error::NotAnalysed;
use crate::mysql::lex::{Kind, Token};

impl<'t> Walk<'t> {
    /// The token that many places on.
    pub(super) fn token(&self, ahead: usize) -> Option<Token> {
        self.tokens.list.get(self.at.saturating_add(ahead)).copied()
    }

    /// The kind of the token that many places on.
    pub(super) fn kind_at(&self, ahead: usize) -> Option<Kind> {
        self.token(ahead).map(|token| token.kind)
    }

    /// What a token says; nothing past the end.
    pub(super) fn written(&self, ahead: usize) -> &'t str {
        self.token(ahead).and_then(|token| self.text.get(token.start..token.end)).unwrap_or("")
    }

    /// Goes past one token.
    pub(super) fn skip(&mut self) {
        if self.at < self.tokens.list.len() {
            self.at = self.at.saturating_add(1);
        }
    }

    /// Whether a token is this keyword.
    pub(super) fn is_word(&self, ahead: usize, word: &str) -> bool {
        self.kind_at(ahead) == Some(Kind::Word) && self.written(ahead).eq_ignore_ascii_case(word)
    }

    /// Whether a token is one of these keywords.
    pub(super) fn is_any(&self, ahead: usize, words: &[&str]) -> bool {
        self.kind_at(ahead) == Some(Kind::Word)
            && words.iter().any(|word| self.written(ahead).eq_ignore_ascii_case(word))
    }

    /// Whether the next tokens are these keywords.
    pub(super) fn is_at(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.is_word(ahead, word))
    }

    /// Takes this keyword, if it is next.
    pub(super) fn accept(&mut self, word: &str) -> bool {
        self.accept_all(&[word])
    }

    /// Takes these keywords, if all of them are next.
    pub(super) fn accept_all(&mut self, words: &[&str]) -> bool {
        let all = self.is_at(words);
        if all {
            self.at = self.at.saturating_add(words.len());
        }
        all
    }

    /// Takes one of these keywords, if it is next.
    pub(super) fn accept_any(&mut self, words: &[&str]) -> bool {
        let any = self.is_any(0, words);
        if any {
            self.skip();
        }
        any
    }

    /// Takes this keyword, which must be next.
    pub(super) fn expect(&mut self, word: &str) -> Parsed {
        if self.accept(word) { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// Whether a token is this operator or punctuation.
    pub(super) fn is_mark(&self, ahead: usize, mark: &str) -> bool {
        matches!(self.kind_at(ahead), Some(Kind::Operator | Kind::Punctuation)) && self.written(ahead) == mark
    }

    /// Whether a token is one of these operators or punctuation.
    pub(super) fn is_any_mark(&self, ahead: usize, marks: &[&str]) -> bool {
        marks.iter().any(|mark| self.is_mark(ahead, mark))
    }

    /// Takes this operator or punctuation, if it is next.
    pub(super) fn accept_mark(&mut self, mark: &str) -> bool {
        let is = self.is_mark(0, mark);
        if is {
            self.skip();
        }
        is
    }

    /// Takes this operator or punctuation, which must be next.
    pub(super) fn expect_mark(&mut self, mark: &str) -> Parsed {
        if self.accept_mark(mark) { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// Takes a token of this kind, if it is next.
    pub(super) fn accept_kind(&mut self, kind: Kind) -> Option<&'t str> {
        if self.kind_at(0) != Some(kind) {
            return None;
        }
        let written = self.written(0);
        self.skip();
        Some(written)
    }

    /// Whether the statement ends here.
    pub(super) fn at_end(&self) -> bool {
        self.token(0).is_none() || self.is_mark(0, ";")
    }

    /// Goes to the end of the text: what is a body, or unknown, may hold any number of semicolons.
    pub(super) fn skip_text(&mut self) {
        self.at = self.tokens.list.len();
    }

    /// Goes to the end of the statement.
    pub(super) fn skip_statement(&mut self) {
        while !self.at_end() {
            self.skip();
        }
    }

    /// Things parted by commas.
    pub(super) fn list(&mut self, mut one: impl FnMut(&mut Self) -> Parsed) -> Parsed {
        one(self)?;
        while self.accept_mark(",") {
            one(self)?;
            self.budget.bears(&self.out)?;
        }
        Ok(())
    }

    /// Things parted by commas, in parentheses.
    pub(super) fn parenthesised(&mut self, one: impl FnMut(&mut Self) -> Parsed) -> Parsed {
        self.expect_mark("(")?;
        self.list(one)?;
        self.expect_mark(")")
    }

    /// That this place cannot be understood.
    pub(super) fn syntax_error(&self) -> NotAnalysed {
        let (message, position) = match self.token(0) {
            Some(token) => (format!("syntax error near \"{:.40}\"", self.written(0)), token.start),
            None => ("syntax error at the end".to_owned(), self.text.len()),
        };
        NotAnalysed::Syntax { message: message.into(), position: Some(position) }
    }
}
