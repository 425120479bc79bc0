//! Calls of functions, with the words that some of them have between their arguments.
//!
//! Which names are the server's own and harmless is in [`crate::mysql::functions`]; every other call is listed. A stored function may have
//! the name of a built-in one: it is called with the database before it, or where that name needs its parenthesis right behind it, by
//! leaving a space. Spec: MySQL "Function Name Parsing and Resolution".

use super::expression::{Given, Term};
use super::names::folded;
use super::{Parsed, Walk};
use crate::mysql::lex::Kind;
use crate::mysql::{functions, words};
use crate::statement::{Action, Name, Target};

/// Functions that give text, whatever their arguments, and that keys are compared with.
const TEXTS: &[&str] = &[
    "bin_to_uuid",
    "concat",
    "from_base64",
    "hex",
    "inet6_aton",
    "lower",
    "md5",
    "sha1",
    "sha2",
    "to_base64",
    "trim",
    "unhex",
    "upper",
    "uuid_to_bin",
];

impl Walk<'_> {
    /// `db.f(…)`: always a stored function.
    pub(super) fn qualified_call(&mut self) -> Parsed<Term> {
        let name = self.routine_name()?;
        self.function(name);
        self.arguments()?;
        Ok(Term::Other)
    }

    /// `f(…)`.
    pub(super) fn call(&mut self) -> Parsed<Term> {
        let word = self.kind_at(0) == Some(Kind::Word);
        if word && words::is_reserved(self.written(0)) && !words::is_reserved_function(self.written(0)) {
            return Err(self.syntax_error());
        }
        let adjacent = self.token(0).zip(self.token(1)).is_some_and(|(name, open)| name.end == open.start);
        let written = self.written(0);
        let name = folded(&self.any_name());
        // EVASION: `count (a)` calls a stored function of that name (test `a_space_calls_another_function`).
        let spaced = !adjacent && !self.syntax.ignore_space && functions::needs_adjacency(&name, &self.syntax);
        // Some built-in functions are words of the grammar; a quoted name is none. Letters outside ASCII are those of others' functions.
        if spaced || !word || !written.is_ascii() {
            self.function(Name::bare(&name));
            self.arguments()?;
            return Ok(Term::Other);
        }
        let constant = self.known_call(&name)?;
        self.over()?;
        let given = if TEXTS.contains(&&*name) { Given::TextOrNull } else { Given::Any };
        Ok(if constant { Term::Constant(given) } else { Term::Other })
    }

    /// A call by a name without a database; whether it is the same for every row. Long because it is a flat table.
    fn known_call(&mut self, name: &str) -> Parsed<bool> {
        match name {
            "cast" | "convert" | "weight_string" => self.conversion()?,
            "extract" | "timestampadd" | "timestampdiff" | "get_format" => self.with_unit()?,
            "position" => self.position()?,
            "trim" => self.trimming()?,
            "values" | "default" => self.parenthesised(|walk| walk.expression().map(drop))?,
            "value" if self.syntax.is_maria() => self.parenthesised(|walk| walk.expression().map(drop))?,
            "nextval" | "setval" | "lastval" if self.syntax.is_maria() => self.sequence_call(name)?,
            "last_insert_id" => {
                if !self.is_mark(1, ")") {
                    self.function(Name::bare(name));
                }
                self.arguments()?;
            }
            _ => {
                let pure = functions::is_pure(name, &self.syntax);
                if !pure {
                    self.function(Name::bare(name));
                }
                return Ok(self.arguments()? && pure && functions::is_stable(name));
            }
        }
        Ok(false)
    }

    /// Arguments of any function; whether all of them are constant.
    pub(super) fn arguments(&mut self) -> Parsed<bool> {
        self.expect_mark("(")?;
        let mut constant = true;
        if self.accept_mark(")") {
            return Ok(constant);
        }
        self.accept_any(&["DISTINCT", "ALL"]);
        self.list(|walk| {
            constant &= walk.argument()?;
            Ok(())
        })?;
        self.argument_words()?;
        self.expect_mark(")")?;
        Ok(constant)
    }

    /// One argument, and what may follow it instead of a comma.
    fn argument(&mut self) -> Parsed<bool> {
        if self.accept_mark("*") {
            return Ok(false);
        }
        let mut constant = self.expression()?.is_constant();
        while self.accept_any(&["FROM", "FOR"]) {
            constant &= self.expression()?.is_constant();
        }
        if self.accept("AS") {
            // Loadable functions see the names of their arguments.
            self.name()?;
        }
        Ok(constant)
    }

    /// What may stand after the last argument.
    fn argument_words(&mut self) -> Parsed {
        if self.accept("USING") && !self.accept("BINARY") {
            self.name()?;
        }
        if self.accept("RETURNING") {
            self.type_name()?;
        }
        self.order()?;
        if self.accept("SEPARATOR") && self.accept_text().is_none() && self.accept_kind(Kind::Bits).is_none() {
            return Err(self.syntax_error());
        }
        self.limit()?;
        self.handlers()
    }

    /// `DEFAULT x ON EMPTY`, `NULL ON ERROR`.
    pub(super) fn handlers(&mut self) -> Parsed {
        while self.is_any(0, &["NULL", "ERROR", "DEFAULT"]) {
            if self.accept("DEFAULT") {
                self.arithmetic()?;
            } else {
                self.skip();
            }
            self.expect("ON")?;
            if !self.accept_any(&["EMPTY", "ERROR"]) {
                return Err(self.syntax_error());
            }
        }
        Ok(())
    }

    /// `CAST(x AS …)`, `CONVERT(x, …)`, `CONVERT(x USING …)`, `WEIGHT_STRING(x AS CHAR(3))`.
    fn conversion(&mut self) -> Parsed {
        self.expect_mark("(")?;
        self.expression()?;
        if self.accept_all(&["AT", "TIME", "ZONE"]) {
            self.accept("INTERVAL");
            self.accept_text().ok_or_else(|| self.syntax_error())?;
        }
        if self.accept("USING") {
            if !self.accept("BINARY") {
                self.name()?;
            }
        } else if self.accept("AS") || self.accept_mark(",") {
            self.type_name()?;
            if self.accept("LEVEL") {
                self.list(|walk| walk.arithmetic().map(drop))?;
            }
        }
        self.expect_mark(")")
    }

    /// Functions whose first argument may be a unit of time.
    fn with_unit(&mut self) -> Parsed {
        self.expect_mark("(")?;
        let unit = self.is_any(0, words::UNITS) || self.is_any(0, &["DATE", "TIME", "DATETIME", "TIMESTAMP"]);
        if unit && (self.is_word(1, "FROM") || self.is_mark(1, ",")) {
            self.skip();
            self.skip();
        }
        self.list(|walk| walk.argument().map(drop))?;
        self.expect_mark(")")
    }

    /// `POSITION(a IN b)`.
    fn position(&mut self) -> Parsed {
        self.expect_mark("(")?;
        self.arithmetic()?;
        if self.accept("IN") || self.accept_mark(",") {
            self.expression()?;
        }
        self.expect_mark(")")
    }

    /// `TRIM(BOTH a FROM b)`.
    fn trimming(&mut self) -> Parsed {
        self.expect_mark("(")?;
        self.accept_any(&["LEADING", "TRAILING", "BOTH"]);
        if !self.accept("FROM") {
            self.argument()?;
        } else {
            self.expression()?;
        }
        self.expect_mark(")")
    }

    /// `NEXTVAL(s)`, `SETVAL(s, 1)`, `LASTVAL(s)`.
    fn sequence_call(&mut self, name: &str) -> Parsed {
        self.expect_mark("(")?;
        let relation = self.relation_name()?;
        let action = if name == "lastval" { Action::Select } else { Action::Update };
        self.effect(action, Target::Relation(relation));
        if self.accept_mark(",") {
            self.expressions()?;
        }
        self.expect_mark(")")
    }

    /// OVER, and what may stand before it.
    fn over(&mut self) -> Parsed {
        if self.accept_all(&["WITHIN", "GROUP"]) {
            self.expect_mark("(")?;
            self.order()?;
            self.expect_mark(")")?;
        }
        let _ = self.accept_all(&["FROM", "FIRST"]) || self.accept_all(&["FROM", "LAST"]);
        let _ = self.accept_all(&["RESPECT", "NULLS"]) || self.accept_all(&["IGNORE", "NULLS"]);
        if !self.accept("OVER") {
            return Ok(());
        }
        if self.is_mark(0, "(") { self.window() } else { self.name().map(drop) }
    }

    /// `(w PARTITION BY … ORDER BY … ROWS …)`.
    pub(super) fn window(&mut self) -> Parsed {
        self.expect_mark("(")?;
        if self.is_name(0) && !self.is_any(0, &["ROWS", "RANGE", "GROUPS"]) {
            self.skip();
        }
        if self.accept_all(&["PARTITION", "BY"]) {
            self.expressions()?;
        }
        self.order()?;
        if self.accept_any(&["ROWS", "RANGE", "GROUPS"]) {
            let between = self.accept("BETWEEN");
            self.frame_bound()?;
            if between {
                self.expect("AND")?;
                self.frame_bound()?;
            }
        }
        if self.accept("EXCLUDE") && !self.accept_all(&["NO", "OTHERS"]) && !self.accept_all(&["CURRENT", "ROW"]) {
            self.accept_any(&["GROUP", "TIES"]);
        }
        self.expect_mark(")")
    }

    fn frame_bound(&mut self) -> Parsed {
        if self.accept_all(&["CURRENT", "ROW"]) {
            return Ok(());
        }
        if !self.accept("UNBOUNDED") {
            self.arithmetic()?;
        }
        if self.accept_any(&["PRECEDING", "FOLLOWING"]) { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// A type: words, and figures or literals in parentheses. No name of any object can stand in it.
    pub(super) fn type_name(&mut self) -> Parsed {
        if !words::begins_type(self.written(0)) {
            return Err(self.syntax_error());
        }
        self.skip();
        loop {
            if self.is_mark(0, "(") {
                self.parenthesised(|walk| walk.type_argument())?;
            } else if self.accept_all(&["CHARACTER", "SET"]) || self.accept_any(&["CHARSET", "COLLATE"]) {
                if !self.accept("BINARY") && self.accept_text().is_none() {
                    self.name()?;
                }
            } else if !self.accept_any(words::TYPE_WORDS) {
                return Ok(());
            }
        }
    }

    fn type_argument(&mut self) -> Parsed {
        let literal = self.accept_text().is_some() || self.accept_kind(Kind::Integer).is_some();
        if literal || self.accept_kind(Kind::Bits).is_some() { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// A procedure or function is called by name as a statement.
    pub(super) fn called(&mut self, name: Name) {
        self.effect(Action::Call, Target::Function(name.clone()));
        self.function(name);
    }
}
