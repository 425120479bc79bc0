//! INSERT, UPDATE, DELETE, MERGE.
//!
//! The target is never a WITH query, whatever its name. A write that reads its target (WHERE, RETURNING, the right side of SET, the
//! arbiter of ON CONFLICT) has a select effect on it too, with the columns read: so the server demands rights, and so masks are found.

use pg_query::protobuf::{
    CmdType, DeleteStmt, InsertStmt, MergeStmt, MergeWhenClause, OnConflictClause, RangeVar, ReturningClause,
    UpdateStmt, WithClause,
};
use pg_query::{Node, NodeEnum};

use super::scope::{Item, Scope};
use super::{Walk, names};
use crate::statement::{Action, Columns, Effect, Target};

/// The target of a write while its clauses are walked.
struct Written {
    read: usize,
    outer_ctes: usize,
}

impl<'t> Walk<'t> {
    /// Long because it takes the statement apart field by field.
    pub(super) fn insert(&mut self, insert: &'t InsertStmt) {
        let InsertStmt {
            relation,
            cols,
            select_stmt,
            on_conflict_clause,
            returning_clause,
            with_clause,
            r#override: _,
        } = insert;
        let Some(range) = relation else { return self.unknown() };
        let outer_ctes = self.ctes.len();
        if let Some(with) = with_clause {
            self.with(with);
        }
        let columns = if cols.is_empty() { Columns::All } else { self.assigned(cols) };
        self.write(Action::Insert, range, columns);
        self.optional(select_stmt);
        let written = self.open(range, None, outer_ctes);
        self.list(cols);
        if let Some(conflict) = on_conflict_clause {
            self.bring(Item::derived("excluded"));
            self.on_conflict(conflict, range, written.read);
        }
        self.returning(returning_clause, written.read);
        self.close(&written);
    }

    /// The arbiter's columns are read; DO UPDATE changes only the row that has the key of the new one.
    fn on_conflict(&mut self, conflict: &'t OnConflictClause, range: &'t RangeVar, read: usize) {
        let mut key = Vec::new();
        if let Some(infer) = &conflict.infer {
            self.list(&infer.index_elems);
            self.optional(&infer.where_clause);
            if !infer.conname.is_empty() {
                self.reads_all(read);
            }
            key.extend(names::nodes(&infer.index_elems).filter_map(|node| match node {
                NodeEnum::IndexElem(element) if !element.name.is_empty() => Some(Box::from(element.name.as_str())),
                _ => None,
            }));
        }
        for name in &key {
            self.unqualified(name);
        }
        if conflict.target_list.is_empty() {
            return self.optional(&conflict.where_clause);
        }
        let columns = self.assigned(&conflict.target_list);
        let index = self.write(Action::Update, range, columns);
        if let Some(effect) = self.out.effects.get_mut(index) {
            effect.has_where = true;
            effect.where_equals = key;
        }
        self.list(&conflict.target_list);
        self.optional(&conflict.where_clause);
    }

    pub(super) fn update(&mut self, update: &'t UpdateStmt) {
        let UpdateStmt { relation, target_list, where_clause, from_clause, returning_clause, with_clause } = update;
        let Some(range) = relation else { return self.unknown() };
        let columns = self.assigned(target_list);
        let written = self.begin(with_clause, range, Some((Action::Update, columns)));
        self.sources(from_clause);
        self.filter(where_clause);
        self.list(target_list);
        self.returning(returning_clause, written.read);
        self.close(&written);
    }

    pub(super) fn delete(&mut self, delete: &'t DeleteStmt) {
        let DeleteStmt { relation, using_clause, where_clause, returning_clause, with_clause } = delete;
        let Some(range) = relation else { return self.unknown() };
        let written = self.begin(with_clause, range, Some((Action::Delete, Columns::All)));
        self.sources(using_clause);
        self.filter(where_clause);
        self.returning(returning_clause, written.read);
        self.close(&written);
    }

    pub(super) fn merge(&mut self, merge: &'t MergeStmt) {
        let MergeStmt { relation, source_relation, join_condition, merge_when_clauses, returning_clause, with_clause } =
            merge;
        let Some(range) = relation else { return self.unknown() };
        let written = self.begin(with_clause, range, None);
        if let Some(source) = names::inner(source_relation) {
            self.source_item(source);
        }
        let first = self.out.effects.len();
        for node in names::nodes(merge_when_clauses) {
            match node {
                NodeEnum::MergeWhenClause(when) => self.merge_when(node, when, range),
                _ => self.unknown(),
            }
        }
        self.mark_writes(first);
        self.filter(join_condition);
        self.returning(returning_clause, written.read);
        self.close(&written);
    }

    fn merge_when(&mut self, node: &'t NodeEnum, when: &'t MergeWhenClause, range: &'t RangeVar) {
        let assigned = |walk: &mut Self| {
            if when.target_list.is_empty() { Columns::All } else { walk.assigned(&when.target_list) }
        };
        match CmdType::try_from(when.command_type) {
            Ok(CmdType::CmdInsert) => {
                let columns = assigned(self);
                self.write(Action::Insert, range, columns);
            }
            Ok(CmdType::CmdUpdate) => {
                let columns = assigned(self);
                self.write(Action::Update, range, columns);
            }
            Ok(CmdType::CmdDelete) => {
                self.write(Action::Delete, range, Columns::All);
            }
            Ok(CmdType::CmdNothing) => {}
            _ => self.unknown(),
        }
        self.parts(node);
    }

    /// The writes of MERGE are limited by its condition, as by a WHERE.
    fn mark_writes(&mut self, first: usize) {
        for effect in self.out.effects.iter_mut().skip(first) {
            effect.has_where |= matches!(effect.action, Action::Update | Action::Delete);
        }
    }

    /// WITH, then the target as an item whose columns can be named.
    fn begin(
        &mut self,
        with: &'t Option<WithClause>,
        range: &'t RangeVar,
        write: Option<(Action, Columns)>,
    ) -> Written {
        let outer_ctes = self.ctes.len();
        if let Some(with) = with {
            self.with(with);
        }
        let writes = write.map(|(action, columns)| self.write(action, range, columns));
        self.open(range, writes, outer_ctes)
    }

    fn open(&mut self, range: &'t RangeVar, writes: Option<usize>, outer_ctes: usize) -> Written {
        let read = self.read(range);
        let item = Item { writes, ..Item::relation(range, read) };
        self.scopes.push(Scope { items: vec![item] });
        Written { read, outer_ctes }
    }

    /// Forgets the target's names; what was never read is no effect.
    fn close(&mut self, written: &Written) {
        self.scopes.pop();
        self.ctes.truncate(written.outer_ctes);
        if let Some(effect) = self.out.effects.get_mut(written.read)
            && effect.columns == Columns::none()
        {
            // Joined with the write by `tidy`; removing it here would move the others.
            let target = effect.target.clone();
            if let Some(write) =
                self.out.effects.iter().find(|e| e.target == target && e.action != Action::Select).cloned()
            {
                self.replace(written.read, write);
            }
        }
    }

    fn replace(&mut self, index: usize, by: Effect) {
        if let Some(effect) = self.out.effects.get_mut(index) {
            *effect = by;
        }
    }

    fn write(&mut self, action: Action, range: &RangeVar, columns: Columns) -> usize {
        let index = self.out.effects.len();
        let effect = Effect::new(action, Target::Relation(names::of_range(range)));
        self.out.effects.push(Effect { columns, ..effect });
        index
    }

    fn assigned(&mut self, targets: &'t [Node]) -> Columns {
        let mut columns = Columns::none();
        for node in names::nodes(targets) {
            match node {
                NodeEnum::ResTarget(target) => columns.add(&target.name),
                _ => columns = Columns::All,
            }
        }
        columns
    }

    fn reads_all(&mut self, read: usize) {
        if let Some(effect) = self.out.effects.get_mut(read) {
            effect.columns = Columns::All;
        }
    }

    /// RETURNING, with the names that the row before and after go by (PostgreSQL 18).
    fn returning(&mut self, clause: &'t Option<ReturningClause>, read: usize) {
        let Some(ReturningClause { options, exprs }) = clause else { return };
        let mut aliases = vec!["old", "new"];
        for node in names::nodes(options) {
            match node {
                NodeEnum::ReturningOption(option) => aliases.push(&option.value),
                _ => self.unknown(),
            }
        }
        for alias in aliases {
            self.bring(Item { reads: vec![read], ..Item::derived(alias) });
        }
        self.list(exprs);
    }
}
