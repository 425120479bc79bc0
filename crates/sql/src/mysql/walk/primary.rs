//! The smallest parts of expressions: literals, variables, columns, parentheses, and the words that begin a form of their own.

use super::expression::{Given, Term};
use super::names::folded;
use super::scope::Reference;
use super::{Parsed, Walk};
use crate::mysql::lex::Kind;
use crate::mysql::words;
use crate::session::{SessionChange, SettingValue};
use crate::statement::{Action, Barrier, Target};

impl Walk<'_> {
    pub(super) fn primary(&mut self) -> Parsed<Term> {
        match self.kind_at(0) {
            Some(Kind::Integer | Kind::Number) => {
                self.skip();
                Ok(Term::Constant(Given::Number))
            }
            Some(Kind::Bits) => {
                self.skip();
                Ok(Term::Constant(Given::Text))
            }
            Some(Kind::Text | Kind::National) => {
                self.accept_kind(Kind::National);
                self.accept_text();
                Ok(Term::Constant(Given::Text))
            }
            Some(Kind::Parameter) => {
                self.skip();
                self.out.parameters = self.out.parameters.saturating_add(1);
                Ok(Term::Constant(Given::TextOrNull))
            }
            Some(Kind::Variable) => self.variable(),
            Some(Kind::System) => self.system_variable(),
            Some(Kind::Punctuation) => self.bracketed(),
            Some(Kind::Word) => self.word(),
            Some(Kind::Name | Kind::Quoted) => self.column_or_call(),
            _ => Err(self.syntax_error()),
        }
    }

    /// `@a` and `@a := …`.
    fn variable(&mut self) -> Parsed<Term> {
        let name = folded(self.written(0));
        self.skip();
        if self.accept_mark(":=") {
            self.expression()?;
            self.assigns_variable(&name, SettingValue::Opaque);
            return Ok(Term::Other);
        }
        self.reads_variable = true;
        Ok(Term::Constant(Given::Any))
    }

    /// A user variable gets a value.
    pub(super) fn assigns_variable(&mut self, name: &str, value: SettingValue) {
        self.effect(Action::Set, Target::Setting(name.into()));
        self.out.session.push(SessionChange::Set { name: name.into(), value, local: false });
        self.out.barrier |= Barrier::SETTINGS;
    }

    /// `@@a`, `@@global.a`, `@@a.b`: nothing of any relation.
    fn system_variable(&mut self) -> Parsed<Term> {
        self.skip();
        self.any_name();
        while self.accept_mark(".") {
            self.any_name();
        }
        Ok(Term::Constant(Given::Any))
    }

    /// `(…)` and `{d …}`.
    fn bracketed(&mut self) -> Parsed<Term> {
        if self.accept_mark("{") {
            self.name()?;
            let term = self.expression()?;
            self.expect_mark("}")?;
            return Ok(term.computed());
        }
        if self.is_mark(0, ".") {
            return self.column_or_call();
        }
        if !self.is_mark(0, "(") {
            return Err(self.syntax_error());
        }
        if self.begins_query(1) {
            self.skip();
            self.query(false)?;
            self.expect_mark(")")?;
            return Ok(Term::Other);
        }
        self.skip();
        let term = self.expression()?;
        if self.accept_mark(",") {
            self.expressions()?;
            self.expect_mark(")")?;
            return Ok(Term::Other);
        }
        self.expect_mark(")")?;
        Ok(term)
    }

    /// A word that is part of the grammar, or a name. Long because it is a flat table.
    fn word(&mut self) -> Parsed<Term> {
        let literal = matches!(self.kind_at(1), Some(Kind::Text | Kind::Bits | Kind::National));
        let called = self.is_mark(1, "(");
        if literal && self.is_any(0, &["DATE", "TIME", "TIMESTAMP"]) {
            self.skip();
            return self.primary().map(Term::computed);
        }
        if literal && self.written(0).starts_with('_') {
            self.skip();
            return self.primary();
        }
        if self.accept_any(&["NULL", "TRUE", "FALSE"]) {
            return Ok(Term::Constant(Given::Any));
        }
        if self.accept("CASE") {
            return self.case();
        }
        if called && self.accept("EXISTS") {
            self.expect_mark("(")?;
            self.query(false)?;
            self.expect_mark(")")?;
            return Ok(Term::Other);
        }
        if self.accept("INTERVAL") {
            return self.interval();
        }
        if self.accept("MATCH") {
            return self.full_text();
        }
        if called && self.accept("ROW") {
            self.parenthesised(|walk| walk.expression().map(drop))?;
            return Ok(Term::Other);
        }
        if self.is_word(0, "DEFAULT") && !called {
            self.skip();
            return Ok(Term::Other);
        }
        // To MySQL this is the name of a column.
        let role = self.syntax.is_maria() && self.is_word(0, "CURRENT_ROLE");
        if !called && (role || self.is_any(0, words::BARE_CALLS)) {
            self.skip();
            return Ok(Term::Constant(Given::Any));
        }
        if self.syntax.is_maria() && self.is_any(0, &["NEXT", "PREVIOUS"]) && self.is_word(1, "VALUE") {
            return self.sequence();
        }
        self.column_or_call()
    }

    /// NEXT VALUE FOR and PREVIOUS VALUE FOR a sequence.
    fn sequence(&mut self) -> Parsed<Term> {
        let action = if self.accept("NEXT") { Action::Update } else { Action::Select };
        self.accept_any(&["PREVIOUS"]);
        self.expect("VALUE")?;
        self.expect("FOR")?;
        let name = self.relation_name()?;
        self.effect(action, Target::Relation(name));
        Ok(Term::Other)
    }

    fn case(&mut self) -> Parsed<Term> {
        if !self.is_word(0, "WHEN") {
            self.expression()?;
        }
        while self.accept("WHEN") {
            self.expression()?;
            self.expect("THEN")?;
            self.expression()?;
        }
        if self.accept("ELSE") {
            self.expression()?;
        }
        self.expect("END")?;
        Ok(Term::Other)
    }

    /// `INTERVAL 1 DAY`; the function `INTERVAL(a, b, …)` is a list without a unit behind it.
    fn interval(&mut self) -> Parsed<Term> {
        let term = self.expression()?;
        let unit = self.accept_any(words::UNITS);
        Ok(if unit && term.is_constant() { Term::Constant(Given::Any) } else { Term::Other })
    }

    /// `MATCH (a, b) AGAINST (… IN BOOLEAN MODE)`.
    fn full_text(&mut self) -> Parsed<Term> {
        let brackets = self.accept_mark("(");
        self.expressions()?;
        if brackets {
            self.expect_mark(")")?;
        }
        self.expect("AGAINST")?;
        self.expect_mark("(")?;
        self.arithmetic()?;
        let _ = self.accept_all(&["IN", "NATURAL", "LANGUAGE", "MODE"]) || self.accept_all(&["IN", "BOOLEAN", "MODE"]);
        self.accept_all(&["WITH", "QUERY", "EXPANSION"]);
        self.expect_mark(")")?;
        Ok(Term::Other)
    }

    /// A name: of a function where a parenthesis follows, otherwise of a column.
    fn column_or_call(&mut self) -> Parsed<Term> {
        if self.is_mark(1, "(") {
            return self.call();
        }
        if self.is_mark(1, ".") && self.is_name(2) && self.is_mark(3, "(") {
            return self.qualified_call();
        }
        let reference = self.reference()?;
        let term = match &reference.column {
            Some(_) => Term::Column(reference.clone()),
            None => Term::Other,
        };
        self.refers(reference);
        Ok(term)
    }

    /// `a`, `t.a`, `db.t.a`, `.t.a`, and each with `*` at its end.
    pub(super) fn reference(&mut self) -> Parsed<Reference> {
        let dotted = self.accept_mark(".");
        let mut parts = vec![self.folded_name()?];
        while parts.len() < 3 && self.accept_mark(".") {
            if self.accept_mark("*") {
                let table = parts.pop();
                return Ok(Reference { schema: parts.pop(), table, column: None });
            }
            parts.push(self.folded_name()?);
        }
        if dotted && parts.len() != 2 {
            return Err(self.syntax_error());
        }
        let column = parts.pop();
        let table = parts.pop();
        Ok(Reference { schema: parts.pop(), table, column })
    }
}
