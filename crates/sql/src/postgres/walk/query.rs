//! Queries: WITH, FROM, set operations, row locks, SELECT INTO.

use std::mem;

use pg_query::NodeEnum;
use pg_query::protobuf::{
    CommonTableExpr, IntoClause, JoinExpr, LockingClause, OnCommitAction, RangeFunction, RangeTableSample, RangeVar,
    SelectStmt, WithClause,
};

use super::scope::{Item, Scope};
use super::{Walk, names};
use crate::session::SessionChange;
use crate::statement::{Action, Barrier, Effect, Name, Target};

impl<'t> Walk<'t> {
    /// A query, or a write, at any level; false when it is neither.
    pub(super) fn query_or_write(&mut self, node: &'t NodeEnum) -> bool {
        match node {
            NodeEnum::SelectStmt(select) => {
                self.kind(if select.values_lists.is_empty() { "SELECT" } else { "VALUES" });
                self.select(select);
            }
            NodeEnum::InsertStmt(insert) => {
                self.kind("INSERT");
                self.enter(|walk| walk.insert(insert));
            }
            NodeEnum::UpdateStmt(update) => {
                self.kind("UPDATE");
                self.enter(|walk| walk.update(update));
            }
            NodeEnum::DeleteStmt(delete) => {
                self.kind("DELETE");
                self.enter(|walk| walk.delete(delete));
            }
            NodeEnum::MergeStmt(merge) => {
                self.kind("MERGE");
                self.enter(|walk| walk.merge(merge));
            }
            _ => return false,
        }
        true
    }

    pub(super) fn select(&mut self, select: &'t SelectStmt) {
        self.enter(|walk| walk.select_inside(select));
    }

    /// Long because it takes the statement apart field by field, so that a new field does not compile until it is walked.
    fn select_inside(&mut self, select: &'t SelectStmt) {
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
        } = select;
        let outer = self.ctes.len();
        if let Some(with) = with_clause {
            self.with(with);
        }
        let first = self.out.effects.len();
        for side in [larg, rarg].into_iter().flatten() {
            self.select(side);
        }
        self.scopes.push(Scope::default());
        self.sources(from_clause);
        if let Some(into) = into_clause {
            self.into(into);
        }
        self.filter(where_clause);
        for list in [distinct_clause, target_list, group_clause, window_clause, values_lists, sort_clause] {
            self.list(list);
        }
        for one in [having_clause, limit_offset, limit_count] {
            self.optional(one);
        }
        for node in names::nodes(locking_clause) {
            match node {
                NodeEnum::LockingClause(lock) => self.lock_rows(lock, first),
                _ => self.unknown(),
            }
        }
        self.scopes.pop();
        self.ctes.truncate(outer);
    }

    /// WITH: each query sees the ones before it, in RECURSIVE all of them and itself. The caller takes the names away again.
    pub(super) fn with(&mut self, with: &'t WithClause) {
        let queries = || names::nodes(&with.ctes);
        if with.recursive {
            self.ctes.extend(queries().filter_map(|node| cte(node).map(|cte| cte.ctename.as_str())));
        }
        for node in queries() {
            let Some(cte) = cte(node) else {
                self.unknown();
                continue;
            };
            self.parts(node);
            if !with.recursive {
                self.ctes.push(&cte.ctename);
            }
        }
    }

    /// The items of FROM, USING and the like.
    pub(super) fn sources(&mut self, items: &'t [pg_query::Node]) {
        for item in names::nodes(items) {
            self.source_item(item);
        }
    }

    pub(super) fn source_item(&mut self, node: &'t NodeEnum) {
        self.enter(|walk| match node {
            NodeEnum::RangeVar(range) => walk.source_relation(range),
            NodeEnum::RangeSubselect(sub) => {
                walk.optional(&sub.subquery);
                walk.bring(Item::derived(alias_name(&sub.alias)));
            }
            NodeEnum::RangeFunction(function) => walk.source_function(node, function),
            NodeEnum::RangeTableFunc(table) => {
                walk.function(&["xmltable"]);
                walk.parts(node);
                walk.bring(Item::derived(alias_name(&table.alias)));
            }
            NodeEnum::JsonTable(table) => {
                walk.function(&["json_table"]);
                walk.parts(node);
                walk.bring(Item::derived(alias_name(&table.alias)));
            }
            NodeEnum::RangeTableSample(sample) => walk.source_sample(sample),
            NodeEnum::JoinExpr(join) => walk.source_join(join),
            _ => walk.unknown(),
        });
    }

    fn source_relation(&mut self, range: &'t RangeVar) {
        let bare = range.schemaname.is_empty() && range.catalogname.is_empty();
        if bare && self.ctes.contains(&range.relname.as_str()) {
            let alias = range.alias.as_ref().map_or(range.relname.as_str(), |alias| &alias.aliasname);
            return self.bring(Item::derived(alias));
        }
        let read = self.read(range);
        self.bring(Item::relation(range, read));
    }

    /// Functions in FROM, ROWS FROM included; without an alias the function's name stands for one.
    fn source_function(&mut self, node: &'t NodeEnum, function: &'t RangeFunction) {
        self.parts(node);
        self.bring(Item::derived(alias_name(&function.alias)));
    }

    fn source_sample(&mut self, sample: &'t RangeTableSample) {
        if let Some(relation) = names::inner(&sample.relation) {
            self.source_item(relation);
        }
        self.function(&names::words(&sample.method));
        self.list(&sample.args);
        self.optional(&sample.repeatable);
    }

    fn source_join(&mut self, join: &'t JoinExpr) {
        let first = self.item_count();
        for side in [&join.larg, &join.rarg] {
            if let Some(item) = names::inner(side) {
                self.source_item(item);
            }
        }
        if join.is_natural {
            self.all_columns(first);
        }
        for column in names::words(&join.using_clause) {
            self.unqualified(column);
        }
        self.optional(&join.quals);
        self.join_alias(&join.alias, first);
        self.join_alias(&join.join_using_alias, first);
    }

    /// `(a JOIN b) AS j`: its name stands for all that is inside.
    fn join_alias(&mut self, alias: &'t Option<pg_query::protobuf::Alias>, first: usize) {
        let Some(alias) = alias else { return };
        let items = self.scopes.last().into_iter().flat_map(|scope| scope.items.iter().skip(first));
        let reads: Vec<usize> = items.flat_map(|item| item.reads.iter().copied()).collect();
        let renamed = !alias.colnames.is_empty();
        self.bring(Item { alias: &alias.aliasname, schema: "", reads, writes: None, renamed });
    }

    /// FOR UPDATE and the like: the named items; all relations read since `first` where one of them is not a relation, or none is named.
    fn lock_rows(&mut self, lock: &'t LockingClause, first: usize) {
        let wanted: Vec<&str> = names::nodes(&lock.locked_rels)
            .filter_map(|node| match node {
                NodeEnum::RangeVar(range) => Some(range.relname.as_str()),
                _ => None,
            })
            .collect();
        let items = self.scopes.last().into_iter().flat_map(|scope| &scope.items);
        let found: Vec<&Item<'_>> = items.filter(|item| wanted.contains(&item.alias)).collect();
        let exact =
            !wanted.is_empty() && found.len() == wanted.len() && found.iter().all(|item| !item.reads.is_empty());
        let locked: Vec<usize> = if exact {
            found.iter().flat_map(|item| item.reads.iter().copied()).collect()
        } else {
            (first..self.out.effects.len()).collect()
        };
        for index in locked {
            self.lock_read(index);
        }
    }

    fn lock_read(&mut self, read: usize) {
        let Some(effect) = self.out.effects.get(read).filter(|effect| effect.action == Action::Select) else { return };
        let lock = Effect { action: Action::Lock, ..effect.clone() };
        self.out.effects.push(lock);
    }

    /// The new relation of SELECT INTO and CREATE TABLE AS.
    pub(super) fn into(&mut self, into: &'t IntoClause) {
        if let Some(range) = &into.rel {
            self.creates(range);
            self.drops_at_commit(range, into.on_commit);
        }
        self.list(&into.options);
        if into.view_query.is_some() {
            self.unknown();
        }
    }

    /// A relation that is made.
    pub(super) fn creates(&mut self, range: &RangeVar) {
        let name = names::of_range(range);
        if is_temporary(range) {
            self.out.session.push(SessionChange::CreateTemp(Name::bare(&name.name)));
            self.out.barrier |= Barrier::TEMPORARY;
        }
        self.effect(Action::Ddl, Target::Relation(name));
        self.out.barrier |= Barrier::CATALOG;
    }

    pub(super) fn drops_at_commit(&mut self, range: &RangeVar, action: i32) {
        if action == OnCommitAction::OncommitDrop as i32 {
            self.out.session.push(SessionChange::DropAtCommit(Name::bare(&range.relname)));
        }
    }

    /// Walks an expression that queries may be inside of, apart from the columns around it.
    pub(super) fn isolated(&mut self, inside: impl FnOnce(&mut Self)) {
        let scopes = mem::take(&mut self.scopes);
        let ctes = mem::take(&mut self.ctes);
        inside(self);
        self.scopes = scopes;
        self.ctes = ctes;
    }
}

pub(super) fn is_temporary(range: &RangeVar) -> bool {
    range.relpersistence == "t" || range.schemaname == "pg_temp" || range.schemaname.starts_with("pg_temp_")
}

fn cte(node: &NodeEnum) -> Option<&CommonTableExpr> {
    match node {
        NodeEnum::CommonTableExpr(cte) => Some(cte),
        _ => None,
    }
}

pub(super) fn alias_name(alias: &Option<pg_query::protobuf::Alias>) -> &str {
    alias.as_ref().map_or("", |alias| &alias.aliasname)
}
