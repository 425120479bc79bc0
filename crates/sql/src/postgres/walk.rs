//! The walk over a statement's tree that gathers what it does.
//!
//! Every field of every node is visited (see [`super::children`]); what is not understood becomes an unknown effect, never silence. Names
//! are kept as written: the walk has no catalog, so an unqualified column is taken to belong to every relation in scope that could have it.

mod ddl;
mod expression;
mod names;
mod query;
mod scope;
mod session;
mod utility;
mod write;

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::SelectStmt;

use super::analyse::SqlMode;
use super::children::{self, Part};
use super::{builtins, secrets};
use crate::error::NotAnalysed;
use crate::statement::{Action, Barrier, Effect, Kind, Name, Statement, Target};
use scope::Scope;

/// LIMIT: levels of the tree; the scan before the parser keeps honest text far below, and the stack bears it.
const DEPTH: u32 = 20_000;

/// One statement's walk.
pub(super) struct Walk<'t> {
    text: &'t str,
    mode: SqlMode,
    out: Statement,
    /// Names of WITH queries in scope, innermost last.
    ctes: Vec<&'t str>,
    /// Queries in scope, innermost last.
    scopes: Vec<Scope<'t>>,
    /// What a relation that is merely mentioned suffers: DDL mentions relations in many clauses.
    mentioned: Action,
    depth: u32,
    too_deep: bool,
    /// The expression walked is evaluated exactly once: a term of a SELECT without any other clause.
    runs_once: bool,
}

impl<'t> Walk<'t> {
    pub(super) fn new(text: &'t str, span: Range<usize>, mode: SqlMode) -> Self {
        Self {
            text,
            mode,
            out: Statement::new(Kind("UNKNOWN"), span),
            ctes: Vec::new(),
            scopes: Vec::new(),
            mentioned: Action::Unknown,
            depth: 0,
            too_deep: false,
            runs_once: false,
        }
    }

    /// A top-level statement.
    pub(super) fn statement(&mut self, node: Option<&'t NodeEnum>) {
        match node {
            Some(node) => {
                self.runs_once = is_plain_call(node);
                if !self.known_statement(node) {
                    self.unknown();
                }
            }
            None => self.unknown(),
        }
    }

    /// What was gathered.
    pub(super) fn finish(mut self) -> Result<Statement, NotAnalysed> {
        if self.too_deep {
            return Err(NotAnalysed::TooDeep);
        }
        if self.out.functions.iter().any(|name| !is_own(name) || !builtins::is_pure(&name.name)) {
            self.out.barrier |= Barrier::UNKNOWN;
        }
        self.out.secrets.extend(secrets::within(self.text, &self.out.span, &self.mode));
        self.out.secrets.sort_by_key(|range| range.start);
        self.out.secrets.dedup();
        self.out.tidy();
        Ok(self.out)
    }

    fn known_statement(&mut self, node: &'t NodeEnum) -> bool {
        self.query_or_write(node) || self.utility(node) || self.definition(node)
    }

    /// Marks the literal after a word of the grammar.
    fn secret_after_word(&mut self, word: &str) {
        self.out.secrets.extend(secrets::after_word(self.text, &self.out.span, word, &self.mode));
    }

    fn kind(&mut self, kind: &'static str) {
        if self.out.kind == Kind("UNKNOWN") {
            self.out.kind = Kind(kind);
        }
    }

    fn effect(&mut self, action: Action, target: Target) {
        self.out.effects.push(Effect::new(action, target));
    }

    fn unknown(&mut self) {
        self.effect(Action::Unknown, Target::Session);
        self.out.barrier |= Barrier::UNKNOWN;
    }

    /// Walks every part of a node with the general rules.
    fn parts(&mut self, node: &'t NodeEnum) {
        self.enter(|walk| {
            if !children::children(node, &mut |part| walk.part(part)) {
                walk.unknown();
            }
        });
    }

    fn part(&mut self, part: Part<'t>) {
        match part {
            Part::Node(node) => self.node(node),
            Part::Select(select) => self.select(select),
            Part::Range(range) => self.effect(self.mentioned, Target::Relation(names::of_range(range))),
            Part::With(with) => self.with(with),
            Part::Type(name) => self.type_name(name),
            Part::Into(into) => self.into(into),
        }
    }

    /// Goes one level down, unless that is too deep.
    fn enter(&mut self, inside: impl FnOnce(&mut Self)) {
        if self.depth >= DEPTH {
            self.too_deep = true;
            return;
        }
        self.depth = self.depth.saturating_add(1);
        inside(self);
        self.depth = self.depth.saturating_sub(1);
    }
}

/// Whether a statement is `SELECT f('…', …), …` with nothing around the calls: each is evaluated once and none decides about another.
fn is_plain_call(node: &NodeEnum) -> bool {
    let NodeEnum::SelectStmt(select) = node else { return false };
    let SelectStmt {
        distinct_clause,
        into_clause,
        target_list,
        from_clause,
        where_clause,
        group_clause,
        group_distinct: _,
        having_clause,
        window_clause,
        values_lists,
        sort_clause,
        limit_offset,
        limit_count,
        limit_option: _,
        locking_clause,
        with_clause,
        op: _,
        all: _,
        larg,
        rarg,
    } = &**select;
    let lists = [distinct_clause, from_clause, group_clause, window_clause, values_lists, sort_clause, locking_clause];
    let clauses = [where_clause, having_clause, limit_offset, limit_count];
    lists.iter().all(|list| list.is_empty())
        && clauses.iter().all(|clause| clause.is_none())
        && into_clause.is_none()
        && with_clause.is_none()
        && larg.is_none()
        && rarg.is_none()
        && names::nodes(target_list).all(is_call_of_constants)
}

fn is_call_of_constants(target: &NodeEnum) -> bool {
    let NodeEnum::ResTarget(target) = target else { return false };
    match names::inner(&target.val) {
        Some(NodeEnum::FuncCall(call)) => {
            names::nodes(&call.args).all(|argument| matches!(argument, NodeEnum::AConst(_)))
        }
        _ => false,
    }
}

fn is_own(name: &Name) -> bool {
    name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog")
}
