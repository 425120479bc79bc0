//! Expressions: operators and predicates.
//!
//! Operators of one strength are read in one loop, and arithmetic of any strength too: what is reached does not depend on how they bind.
//! Where it matters (which comparison is a term of AND), the strengths are the server's, in every mode that can be read. Spec: MySQL
//! "Operator Precedence".

use super::scope::Reference;
use super::{Parsed, Walk};
use crate::mysql::lex::Kind;

/// What an expression is, as far as a filter's selectivity goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    /// The same for every row.
    Constant(Given),
    /// A column by itself.
    Column(Reference),
    /// True only where these columns equal constants.
    Equal(Vec<Compared>),
    /// Anything else.
    Other,
}

/// What a constant can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// Text.
    Text,
    /// A number.
    Number,
    /// Text or NULL. A parameter counts as such: drivers give values of the column's type.
    TextOrNull,
    /// Anything.
    Any,
}

impl Given {
    fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::TextOrNull)
    }

    fn is_null(self) -> bool {
        matches!(self, Self::TextOrNull | Self::Any)
    }
}

/// A column that equals a constant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Compared {
    pub(super) column: Reference,
    /// The constant is text.
    pub(super) with_text: bool,
}

impl Term {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Equal(mut ours), Self::Equal(theirs)) => {
                ours.extend(theirs);
                Self::Equal(ours)
            }
            (Self::Equal(columns), _) | (_, Self::Equal(columns)) => Self::Equal(columns),
            _ => Self::Other,
        }
    }

    fn equals(self, other: Self) -> Self {
        match (self, other) {
            (Self::Column(column), Self::Constant(given)) | (Self::Constant(given), Self::Column(column)) => {
                Self::Equal(vec![Compared { column, with_text: given.is_text() }])
            }
            _ => Self::Other,
        }
    }

    fn with(self, other: Self) -> Self {
        if other.is_constant() { self.computed() } else { Self::Other }
    }

    /// What becomes of it that may have another type.
    pub(super) fn computed(self) -> Self {
        if self.is_constant() { Self::Constant(Given::Any) } else { Self::Other }
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }

    /// EVASION: `a <=> NULL` holds for every row without `a`, whatever key there is on it (test `selectivity_is_not_feigned`).
    fn may_be_null(&self) -> bool {
        matches!(self, Self::Constant(given) if given.is_null())
    }
}

impl Walk<'_> {
    /// A WHERE, if there is one.
    pub(super) fn filter(&mut self) -> Parsed {
        if self.accept("WHERE") {
            let compared = match self.expression()? {
                Term::Equal(columns) => columns,
                _ => Vec::new(),
            };
            self.filtered(compared);
        }
        Ok(())
    }

    /// Any expression.
    pub(super) fn expression(&mut self) -> Parsed<Term> {
        self.enter(Self::disjunction)
    }

    /// Expressions parted by commas.
    pub(super) fn expressions(&mut self) -> Parsed {
        self.list(|walk| walk.expression().map(drop))
    }

    fn disjunction(&mut self) -> Parsed<Term> {
        let mut term = self.conjunction()?;
        // Under PIPES_AS_CONCAT `||` binds more strongly; then too the whole is no comparison of a column alone.
        while self.accept_any(&["OR", "XOR"]) || self.accept_mark("||") {
            self.conjunction()?;
            term = Term::Other;
        }
        Ok(term)
    }

    fn conjunction(&mut self) -> Parsed<Term> {
        let mut term = self.negation()?;
        while self.accept("AND") || self.accept_mark("&&") {
            term = term.and(self.negation()?);
        }
        Ok(term)
    }

    fn negation(&mut self) -> Parsed<Term> {
        let negated = self.is_word(0, "NOT");
        while self.accept("NOT") {}
        let term = self.predicate()?;
        Ok(if negated { Term::Other } else { term })
    }

    fn predicate(&mut self) -> Parsed<Term> {
        let mut term = self.arithmetic()?;
        while let Some(next) = self.predicate_on(term.clone())? {
            term = next;
        }
        Ok(term)
    }

    /// One comparison or test of what was read; `None` where there is none.
    fn predicate_on(&mut self, left: Term) -> Parsed<Option<Term>> {
        for operator in ["=", "<=>", "<", ">", "<=", ">=", "<>", "!="] {
            if self.accept_mark(operator) {
                return self.comparison(left, operator).map(Some);
            }
        }
        if self.accept("IS") {
            self.accept("NOT");
            return if self.accept_any(&["NULL", "TRUE", "FALSE", "UNKNOWN", "JSON"]) {
                self.accept_any(&["VALUE", "OBJECT", "ARRAY", "SCALAR"]);
                Ok(Some(Term::Other))
            } else {
                Err(self.syntax_error())
            };
        }
        if self.accept_all(&["SOUNDS", "LIKE"]) {
            self.arithmetic()?;
            return Ok(Some(Term::Other));
        }
        if self.accept_all(&["MEMBER", "OF"]) || (self.is_mark(1, "(") && self.accept("MEMBER")) {
            self.parenthesised(|walk| walk.expression().map(drop))?;
            return Ok(Some(Term::Other));
        }
        let negated = self.is_word(0, "NOT") && self.is_any(1, &["LIKE", "REGEXP", "RLIKE", "BETWEEN", "IN"]);
        if negated {
            self.skip();
        }
        let term = self.pattern(left)?;
        Ok(if negated { term.map(|_| Term::Other) } else { term })
    }

    fn comparison(&mut self, left: Term, operator: &str) -> Parsed<Term> {
        if self.is_any(0, &["ANY", "SOME", "ALL"]) && self.is_mark(1, "(") {
            self.skip();
            self.skip();
            self.query(false)?;
            self.expect_mark(")")?;
            return Ok(Term::Other);
        }
        // Under HIGH_NOT_PRECEDENCE NOT may stand here.
        let negated = self.is_word(0, "NOT");
        while self.accept("NOT") {}
        let right = self.arithmetic()?;
        let equal = match operator {
            "=" => !negated,
            "<=>" => !negated && !left.may_be_null() && !right.may_be_null(),
            _ => false,
        };
        Ok(if equal { left.equals(right) } else { Term::Other })
    }

    fn pattern(&mut self, left: Term) -> Parsed<Option<Term>> {
        if self.accept("LIKE") {
            self.arithmetic()?;
            if self.accept("ESCAPE") {
                self.arithmetic()?;
            }
        } else if self.accept_any(&["REGEXP", "RLIKE"]) {
            self.arithmetic()?;
        } else if self.accept("BETWEEN") {
            self.arithmetic()?;
            self.expect("AND")?;
            self.arithmetic()?;
        } else if self.accept("IN") {
            return self.membership(left).map(Some);
        } else {
            return Ok(None);
        }
        Ok(Some(Term::Other))
    }

    /// `IN (…)`: a list of constants compares a column as `=` does.
    fn membership(&mut self, left: Term) -> Parsed<Term> {
        if self.begins_query(1) {
            self.expect_mark("(")?;
            self.query(false)?;
            self.expect_mark(")")?;
            return Ok(Term::Other);
        }
        let (mut constants, mut texts) = (true, true);
        self.parenthesised(|walk| {
            let term = walk.expression()?;
            constants &= term.is_constant();
            texts &= matches!(term, Term::Constant(given) if given.is_text());
            Ok(())
        })?;
        let given = if texts { Given::TextOrNull } else { Given::Any };
        Ok(if constants { left.equals(Term::Constant(given)) } else { Term::Other })
    }

    /// Everything that binds more strongly than comparison.
    pub(super) fn arithmetic(&mut self) -> Parsed<Term> {
        let mut term = self.prefixed()?;
        while self.accept_arithmetic() {
            term = term.with(self.prefixed()?);
        }
        Ok(term)
    }

    fn accept_arithmetic(&mut self) -> bool {
        let operator = self.kind_at(0) == Some(Kind::Operator)
            && matches!(self.written(0), "+" | "-" | "*" | "/" | "%" | "|" | "&" | "^" | "<<" | ">>");
        if operator {
            self.skip();
        }
        operator || self.accept_any(&["DIV", "MOD"])
    }

    fn prefixed(&mut self) -> Parsed<Term> {
        let mut plain = true;
        loop {
            let sign = self.accept_mark("-") || self.accept_mark("+") || self.accept_mark("~");
            if !sign && !self.accept_mark("!") && !self.accept("BINARY") {
                break;
            }
            plain = false;
        }
        let term = self.enter(Self::primary)?;
        let term = self.postfixed(term)?;
        Ok(if plain { term } else { term.computed() })
    }

    /// COLLATE, and the arrows into JSON.
    fn postfixed(&mut self, mut term: Term) -> Parsed<Term> {
        loop {
            if self.accept("COLLATE") {
                if self.accept_text().is_none() && !self.accept("BINARY") {
                    self.name()?;
                }
                // A comparison by another collation finds more than one key.
                term = Term::Other;
            } else if self.accept_mark("->") || self.accept_mark("->>") {
                self.accept_text().ok_or_else(|| self.syntax_error())?;
                term = Term::Other;
            } else {
                return Ok(term);
            }
        }
    }
}
