//! Queries: WITH, SELECT, VALUES, TABLE, set operations, row locks, and where the rows go.

use super::scope::{Item, Reference};
use super::{Parsed, Walk};
use crate::error::NotAnalysed;
use crate::mysql::lex::Kind;
use crate::session::SettingValue;
use crate::statement::{Action, Effect};

/// Words between SELECT and its list.
const MODIFIERS: &[&str] = &[
    "ALL",
    "DISTINCT",
    "DISTINCTROW",
    "HIGH_PRIORITY",
    "STRAIGHT_JOIN",
    "SQL_SMALL_RESULT",
    "SQL_BIG_RESULT",
    "SQL_BUFFER_RESULT",
    "SQL_NO_CACHE",
    "SQL_CALC_FOUND_ROWS",
];

/// LIMIT: queries of WITH in scope; every name of a relation is looked for among them.
const MOST_CTES: usize = 1_000;

impl Walk<'_> {
    /// Whether a query, not an expression, begins that many places on.
    pub(super) fn begins_query(&self, ahead: usize) -> bool {
        if self.is_any(ahead, &["SELECT", "WITH", "TABLE"]) {
            return true;
        }
        if self.is_word(ahead, "VALUES") {
            return self.is_word(ahead.saturating_add(1), "ROW");
        }
        if !self.is_mark(ahead, "(") || !self.begins_query(ahead.saturating_add(1)) {
            return false;
        }
        // `((SELECT 1) + 2)` is an expression, `((SELECT 1) UNION …)` a query.
        let close = self.tokens.closes.get(self.at.saturating_add(ahead)).copied().unwrap_or(0);
        let after = usize::try_from(close).unwrap_or(0).saturating_add(1).saturating_sub(self.at);
        self.is_any(after, &["UNION", "EXCEPT", "INTERSECT", "ORDER", "LIMIT", "INTO", "FOR", "LOCK"])
    }

    /// A whole query. `derived`: it stands in FROM.
    pub(super) fn query(&mut self, derived: bool) -> Parsed {
        self.enter(|walk| {
            let outer = walk.ctes.len();
            if walk.accept("WITH") {
                walk.with()?;
            }
            walk.query_body(derived)?;
            walk.ctes.truncate(outer);
            Ok(())
        })
    }

    /// Whether the server may take the name of a WITH query for a table's.
    ///
    /// EVASION: servers disagree on what several WITH in one statement hide: to MySQL one in parentheses replaces the one before them, and
    /// a query of WITH means what it would mean where it is named; to MariaDB the queries of an inner WITH do not see those of an outer one.
    /// Nor does MySQL look at the WITH before VALUES of an INSERT (test `a_with_query_is_doubted_where_servers_overlook_it`).
    pub(super) fn doubts_ctes(&self) -> bool {
        self.withs > 1 || self.has_values
    }

    /// WITH: each query sees the ones before it, in RECURSIVE itself too. The caller takes the names away again.
    ///
    /// EVASION: what a query calls by the name of a later one is a table (test `a_with_query_hides_only_what_is_in_its_scope`).
    pub(super) fn with(&mut self) -> Parsed {
        self.withs = self.withs.saturating_add(1);
        let recursive = self.accept("RECURSIVE");
        self.list(|walk| {
            if walk.ctes.len() >= MOST_CTES {
                return Err(NotAnalysed::TooComplex("queries of WITH"));
            }
            let name = walk.name()?;
            let name = walk.relation(None, &name).name;
            walk.said.push(super::names::folded(&name));
            if walk.is_mark(0, "(") {
                walk.parenthesised(|walk| walk.name().map(drop))?;
            }
            walk.expect("AS")?;
            if recursive {
                walk.ctes.push(name.clone());
            }
            walk.expect_mark("(")?;
            walk.query(true)?;
            walk.expect_mark(")")?;
            if walk.accept("CYCLE") {
                walk.list(|walk| walk.name().map(drop))?;
                walk.expect("RESTRICT")?;
            }
            if !recursive {
                walk.ctes.push(name);
            }
            Ok(())
        })
    }

    pub(super) fn query_body(&mut self, derived: bool) -> Parsed {
        let first = self.out.effects.len();
        self.query_term(derived, first)?;
        let mut joined = false;
        while self.accept_any(&["UNION", "EXCEPT", "INTERSECT"]) {
            joined = true;
            self.accept_any(&["ALL", "DISTINCT"]);
            self.query_term(derived, first)?;
        }
        let last = self.out.effects.len();
        self.open_block();
        self.tail(first)?;
        if !joined {
            // EVASION: `(SELECT id FROM t) ORDER BY a` is `SELECT id FROM t ORDER BY a`; behind a set operation only its own columns have
            // names (test `an_order_behind_a_query_in_parentheses_names_its_columns`).
            self.may_name(first..last);
        }
        self.close_block(derived);
        Ok(())
    }

    /// One of the queries that set operations join; what locks at its end locks all read since `first`.
    fn query_term(&mut self, derived: bool, first: usize) -> Parsed {
        if self.accept_mark("(") {
            self.query(derived)?;
            return self.expect_mark(")");
        }
        if self.accept("TABLE") {
            let name = self.relation_name()?;
            self.open_block();
            self.reads_relation(name, None);
            self.refers(Reference { schema: None, table: None, column: None });
            self.tail(first)?;
            self.close_block(derived);
            return Ok(());
        }
        if self.accept_any(&["VALUES", "VALUE"]) {
            self.has_values = true;
            self.open_block();
            self.rows()?;
            self.close_block(derived);
            return Ok(());
        }
        self.expect("SELECT")?;
        self.select(derived, first)
    }

    /// The rows of VALUES; a row of INSERT may be empty.
    pub(super) fn rows(&mut self) -> Parsed {
        self.list(|walk| {
            walk.accept("ROW");
            if walk.is_mark(0, "(") && walk.is_mark(1, ")") {
                walk.skip();
                walk.skip();
                return Ok(());
            }
            walk.parenthesised(|walk| walk.expression().map(drop))
        })
    }

    fn select(&mut self, derived: bool, first: usize) -> Parsed {
        self.open_block();
        while self.accept_any(MODIFIERS) || (self.syntax.is_maria() && self.accept("SQL_CACHE")) {}
        self.select_list()?;
        self.into()?;
        if self.accept("FROM") {
            self.table_references()?;
        }
        self.filter()?;
        self.groups()?;
        self.tail(first)?;
        self.close_block(derived);
        Ok(())
    }

    /// The list of SELECT and of RETURNING.
    pub(super) fn select_list(&mut self) -> Parsed {
        self.list(|walk| {
            if walk.accept_mark("*") {
                walk.refers(Reference { schema: None, table: None, column: None });
                return Ok(());
            }
            walk.expression()?;
            walk.column_alias()
        })
    }

    fn column_alias(&mut self) -> Parsed {
        let explicit = self.accept("AS");
        if self.accept_text().is_some() {
            return Ok(());
        }
        if explicit || self.is_name(0) {
            self.name()?;
        }
        Ok(())
    }

    fn groups(&mut self) -> Parsed {
        if self.accept_all(&["GROUP", "BY"]) {
            self.sort_list()?;
        }
        if self.accept("HAVING") {
            self.expression()?;
        }
        if self.accept("WINDOW") {
            self.list(|walk| {
                walk.name()?;
                walk.expect("AS")?;
                walk.window()
            })?;
        }
        if self.accept("QUALIFY") {
            self.expression()?;
        }
        Ok(())
    }

    fn sort_list(&mut self) -> Parsed {
        self.list(|walk| {
            walk.expression()?;
            walk.accept_any(&["ASC", "DESC"]);
            Ok(())
        })?;
        self.accept_all(&["WITH", "ROLLUP"]);
        Ok(())
    }

    /// ORDER BY, if it is there.
    pub(super) fn order(&mut self) -> Parsed {
        if self.accept_all(&["ORDER", "BY"]) { self.sort_list() } else { Ok(()) }
    }

    /// LIMIT and FETCH, if they are there.
    pub(super) fn limit(&mut self) -> Parsed {
        if self.accept("LIMIT") {
            if !self.is_word(0, "ROWS") {
                self.figure()?;
                if self.accept_mark(",") || self.accept("OFFSET") {
                    self.figure()?;
                }
            }
            if self.accept_all(&["ROWS", "EXAMINED"]) {
                self.figure()?;
            }
        }
        if self.accept("OFFSET") {
            self.figure()?;
            self.accept_any(&["ROW", "ROWS"]);
        }
        if self.accept("FETCH") {
            self.accept_any(&["FIRST", "NEXT"]);
            if !self.is_any(0, &["ROW", "ROWS"]) {
                self.figure()?;
            }
            self.accept_any(&["ROW", "ROWS"]);
            if !self.accept("ONLY") && !self.accept_all(&["WITH", "TIES"]) {
                return Err(self.syntax_error());
            }
        }
        Ok(())
    }

    fn figure(&mut self) -> Parsed {
        match self.kind_at(0) {
            Some(Kind::Integer | Kind::Number | Kind::Bits | Kind::Parameter) => self.primary().map(drop),
            _ => Err(self.syntax_error()),
        }
    }

    /// What comes after the rows are named: order, limit, target, locks.
    fn tail(&mut self, first: usize) -> Parsed {
        self.order()?;
        self.limit()?;
        if self.accept("PROCEDURE") {
            let name = self.routine_name()?;
            self.function(name);
            self.arguments()?;
        }
        self.into()?;
        self.locks(first)?;
        self.into()
    }

    /// FOR UPDATE and the like: all relations read since `first`, which is more than OF may name.
    fn locks(&mut self, first: usize) -> Parsed {
        let mut locks = false;
        loop {
            if self.accept_all(&["LOCK", "IN", "SHARE", "MODE"]) {
                self.lock_wait()?;
            } else if self.accept_all(&["FOR", "UPDATE"]) || self.accept_all(&["FOR", "SHARE"]) {
                if self.accept("OF") {
                    self.list(|walk| walk.relation_name().map(drop))?;
                }
                self.lock_wait()?;
            } else {
                break;
            }
            locks = true;
        }
        if locks {
            let reads = self.out.effects.iter().skip(first).filter(|effect| effect.action == Action::Select);
            let lock =
                |read: &Effect| Effect { if_exists: read.if_exists, ..Effect::new(Action::Lock, read.target.clone()) };
            let locks: Vec<Effect> = reads.map(lock).collect();
            self.out.effects.extend(locks);
        }
        Ok(())
    }

    fn lock_wait(&mut self) -> Parsed {
        if self.accept_any(&["NOWAIT"]) || self.accept_all(&["SKIP", "LOCKED"]) || !self.accept("WAIT") {
            return Ok(());
        }
        self.figure()
    }

    /// INTO a file of the server, or variables.
    pub(super) fn into(&mut self) -> Parsed {
        if !self.accept("INTO") {
            return Ok(());
        }
        if self.accept_any(&["OUTFILE", "DUMPFILE"]) {
            self.accept_text().ok_or_else(|| self.syntax_error())?;
            self.admin();
            return self.file_format();
        }
        self.list(|walk| {
            let name = walk.accept_kind(Kind::Variable).ok_or_else(|| walk.syntax_error())?;
            let name = super::names::folded(name);
            walk.assigns_variable(&name, SettingValue::Opaque);
            Ok(())
        })
    }

    /// Puts a relation that is read, or a WITH query of that name, among the items. Whether such a query may be a relation all the same
    /// is known when the statement has been read.
    pub(super) fn reads_relation(&mut self, name: crate::statement::Name, alias: Option<&str>) {
        use super::names::folded;
        let own = folded(alias.unwrap_or(&name.name));
        // To MariaDB they have no case; where letters outside ASCII differ, it is taken for a table.
        let is_same = |cte: &str| match self.syntax.is_maria() {
            true => cte.eq_ignore_ascii_case(&name.name),
            false => *cte == *name.name,
        };
        let if_exists = name.schema.is_none() && self.ctes.iter().any(|cte| is_same(cte));
        let schema = if alias.is_none() { name.schema.as_deref().map(folded) } else { None };
        let read = self.read(name.clone());
        if let Some(effect) = self.out.effects.get_mut(read) {
            effect.if_exists = if_exists;
        }
        self.bring(Item { schema, relation: Some(name), read: Some(read), if_exists, ..Item::derived(&own) });
    }
}
