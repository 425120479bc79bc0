//! The walk over a text's tokens that gathers what each statement does.
//!
//! It is a parser by recursive descent that builds no tree: what it meets it puts down as an effect at once. It knows the grammar of both
//! servers where that is the same or can be told apart; what it does not know is a syntax error or an unknown effect, never passed over.
//! It accepts more than the servers do (they refuse the rest themselves), and it never takes a text for something else than they do.
//! Names are kept as written: there is no catalog here, so an unqualified column is taken to belong to every relation that could have it.
//! Spec: MySQL "SQL Statements", MariaDB "SQL Statements".

mod account;
mod admin;
mod budget;
mod call;
mod cursor;
mod ddl;
mod expression;
mod load;
mod names;
mod prepare;
mod primary;
mod query;
mod scope;
mod session;
mod show;
mod statement;
mod tables;
mod transaction;
mod write;

use std::collections::HashSet;

use super::mode::Syntax;
use super::prescan::Tokens;
use super::{functions, secrets};
use crate::error::NotAnalysed;
use crate::session::SessionChange;
use crate::statement::{Action, Barrier, Effect, Kind, Name, Statement, Target};
pub(super) use budget::Budget;
pub(super) use names::{folded, lowered, unquoted};
use scope::Block;

/// A part of the grammar that was read, or why it could not be.
type Parsed<T = ()> = Result<T, NotAnalysed>;

/// LIMIT: levels of the walk; the scan before it keeps honest text far below, and the stack bears it.
const DEPTH: u32 = 2_000;

/// The walk over one text.
pub(super) struct Walk<'t> {
    text: &'t str,
    syntax: Syntax,
    budget: &'t Budget<'t>,
    tokens: &'t Tokens,
    at: usize,
    out: Statement,
    /// Names of WITH queries in scope, innermost last.
    ctes: Vec<Box<str>>,
    /// How many WITH the statement has.
    withs: usize,
    /// Some query is VALUES.
    has_values: bool,
    /// Queries in scope, innermost last.
    blocks: Vec<Block>,
    /// Every name that is known to be no relation of the server: of WITH queries, aliases and targets.
    said: Vec<Box<str>>,
    /// A user variable is read where a constant could stand.
    reads_variable: bool,
    depth: u32,
}

impl<'t> Walk<'t> {
    pub(super) fn new(text: &'t str, syntax: Syntax, budget: &'t Budget<'t>, tokens: &'t Tokens) -> Self {
        Self {
            text,
            syntax,
            budget,
            tokens,
            at: 0,
            out: Statement::new(Kind("UNKNOWN"), 0..0),
            ctes: Vec::new(),
            withs: 0,
            has_values: false,
            blocks: Vec::new(),
            said: Vec::new(),
            reads_variable: false,
            depth: 0,
        }
    }

    /// The next statement of the text, and the tokens that it is made of; `None` at the end.
    pub(super) fn next_statement(&mut self) -> Parsed<Option<(Statement, std::ops::Range<usize>)>> {
        while self.accept_mark(";") {}
        let first = self.at;
        let Some(token) = self.token(0) else { return Ok(None) };
        let start = token.start;
        self.out = Statement::new(Kind("UNKNOWN"), start..start);
        self.ctes.clear();
        (self.withs, self.has_values) = (0, false);
        self.blocks.clear();
        self.said.clear();
        self.reads_variable = false;
        if self.tokens.sets_by_hint {
            self.effect(Action::Set, Target::Session);
        }
        self.statement()?;
        if !self.at_end() {
            return Err(self.syntax_error());
        }
        let end = self.at.checked_sub(1).and_then(|last| self.tokens.list.get(last)).map_or(start, |token| token.end);
        self.out.span = start..end;
        Ok(Some((self.finish(), first..self.at)))
    }

    /// Names that stand for no relation of the server in the last statement.
    pub(super) fn said(&self) -> &[Box<str>] {
        &self.said
    }

    fn finish(&mut self) -> Statement {
        let mut out = std::mem::replace(&mut self.out, Statement::new(Kind("UNKNOWN"), 0..0));
        if out.functions.iter().any(|name| functions::may_do_anything(name, &self.syntax)) {
            out.barrier |= Barrier::UNKNOWN;
        }
        // EVASION: `id = @a AND (@a := @a + 1)` goes through all rows (test `selectivity_is_not_feigned`).
        let assigns = out.session.iter().any(|change| matches!(change, SessionChange::Set { .. }));
        if self.reads_variable && (assigns || out.barrier.contains(Barrier::UNKNOWN)) {
            out.effects.iter_mut().for_each(|effect| effect.where_equals.clear());
        }
        out.secrets.extend(secrets::within(self.text, &out.span, &self.syntax));
        out.secrets.sort_by_key(|range| (range.start, range.end));
        out.secrets.dedup();
        if !self.doubts_ctes() {
            out.effects.retain(|effect| !effect.if_exists);
        }
        forget_unread_targets(&mut out);
        out.tidy();
        out
    }

    fn kind(&mut self, kind: &'static str) {
        if self.out.kind == Kind("UNKNOWN") {
            self.out.kind = Kind(kind);
        }
    }

    fn effect(&mut self, action: Action, target: Target) {
        self.out.effects.push(Effect::new(action, target));
    }

    fn admin(&mut self) {
        self.effect(Action::Admin, Target::Session);
    }

    fn unknown(&mut self) {
        self.effect(Action::Unknown, Target::Session);
        self.out.barrier |= Barrier::UNKNOWN;
    }

    fn function(&mut self, name: Name) {
        self.out.functions.push(name);
    }

    /// Goes one level down, unless that is too deep.
    fn enter<T>(&mut self, inside: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH {
            return Err(NotAnalysed::TooDeep);
        }
        self.depth = self.depth.saturating_add(1);
        let read = inside(self);
        self.depth = self.depth.saturating_sub(1);
        self.budget.bears(&self.out)?;
        read
    }
}

/// A target of a write of which no column is read is written only.
fn forget_unread_targets(out: &mut Statement) {
    let writes = |action: Action| matches!(action, Action::Insert | Action::Update | Action::Delete);
    let written: HashSet<Target> =
        out.effects.iter().filter(|effect| writes(effect.action)).map(|effect| effect.target.clone()).collect();
    out.effects.retain(|effect| {
        effect.action != Action::Select
            || effect.columns != crate::statement::Columns::none()
            || !written.contains(&effect.target)
    });
}
