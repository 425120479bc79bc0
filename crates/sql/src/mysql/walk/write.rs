//! INSERT, REPLACE, UPDATE, DELETE.
//!
//! A write that reads its target (WHERE, RETURNING, the right side of SET) has a select effect on it too, with the columns read. REPLACE
//! removes what has the key of its new rows, ON DUPLICATE KEY UPDATE changes it: both are limited by the key that the new row gives.

use std::collections::BTreeMap;

use super::names::folded;
use super::scope::{Item, Reference};
use super::{Parsed, Walk};
use crate::error::NotAnalysed;
use crate::statement::{Action, Columns, Effect, Name, Target};

impl Walk<'_> {
    /// After INSERT or REPLACE.
    pub(super) fn insert(&mut self, replaces: bool) -> Parsed {
        while self.accept_any(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"]) {}
        self.accept("INTO");
        let name = self.relation_name()?;
        self.partitions()?;
        self.open_block();
        let columns = self.insert_columns()?;
        let first = self.out.effects.len();
        let (columns, derived) = self.insert_source(columns)?;
        self.brings_source(first);
        if replaces {
            self.write_by_key(Action::Delete, &name, Columns::All, &columns);
        }
        let target = Target::Relation(name.clone());
        self.out.effects.push(Effect { columns: columns.clone(), ..Effect::new(Action::Insert, target) });
        self.reads_relation_of(name.clone(), None);
        for alias in derived {
            self.bring(Item::derived(&alias));
        }
        if self.accept_all(&["ON", "DUPLICATE", "KEY", "UPDATE"]) {
            let changed = self.assignments()?;
            let mut set = Columns::none();
            changed.iter().for_each(|reference| set.add(reference.column.as_deref().unwrap_or("")));
            self.write_by_key(Action::Update, &name, set, &columns);
        }
        self.returning()?;
        self.close_block(false);
        Ok(())
    }

    /// The target as an item, whatever WITH query has its name.
    fn reads_relation_of(&mut self, name: Name, alias: Option<&str>) -> usize {
        let own = folded(alias.unwrap_or(&name.name));
        let schema = if alias.is_none() { name.schema.as_deref().map(folded) } else { None };
        let read = self.read(name.clone());
        self.bring(Item { schema, relation: Some(name), read: Some(read), ..Item::derived(&own) });
        read
    }

    /// ON DUPLICATE KEY UPDATE may name columns of the tables that the rows come from.
    fn brings_source(&mut self, first: usize) {
        let reads = self.out.effects.iter().enumerate().skip(first);
        let items: Vec<Item> = reads
            .filter_map(|(index, effect)| match (&effect.action, &effect.target) {
                (Action::Select, Target::Relation(name)) => {
                    Some(Item { read: Some(index), ..Item::derived(&folded(&name.name)) })
                }
                _ => None,
            })
            .collect();
        items.into_iter().for_each(|item| self.bring(item));
    }

    fn write_by_key(&mut self, action: Action, name: &Name, columns: Columns, given: &Columns) {
        let where_equals = match given {
            Columns::Named(names) => names.iter().cloned().collect(),
            Columns::All => Vec::new(),
        };
        let effect = Effect::new(action, Target::Relation(name.clone()));
        self.out.effects.push(Effect { columns, where_equals, has_where: true, ..effect });
    }

    /// The list of columns, if there is one.
    fn insert_columns(&mut self) -> Parsed<Columns> {
        if !self.is_mark(0, "(") || self.begins_query(1) || self.is_mark(1, "(") || self.is_any(1, &["VALUES"]) {
            return Ok(Columns::All);
        }
        self.skip();
        let mut columns = Columns::none();
        if self.accept_mark(")") {
            return Ok(Columns::All);
        }
        self.list(|walk| {
            let reference = walk.reference()?;
            columns.add(reference.column.as_deref().ok_or_else(|| walk.syntax_error())?);
            Ok(())
        })?;
        self.expect_mark(")")?;
        Ok(columns)
    }

    /// Where the rows come from; the columns, and names that stand for the new rows.
    fn insert_source(&mut self, columns: Columns) -> Parsed<(Columns, Vec<Box<str>>)> {
        let mut columns = columns;
        if self.accept("SET") {
            columns = Columns::none();
            for reference in self.assignments()? {
                columns.add(reference.column.as_deref().unwrap_or(""));
            }
        } else if self.is_any(0, &["VALUES", "VALUE"]) {
            self.skip();
            self.rows()?;
        } else {
            self.query(true)?;
        }
        let mut derived = Vec::new();
        if self.accept("AS") {
            derived.push(self.folded_name()?);
            if self.is_mark(0, "(") {
                self.parenthesised(|walk| walk.name().map(drop))?;
            }
        }
        Ok((columns, derived))
    }

    /// `a = 1, t.b = a + 1`: what is set.
    fn assignments(&mut self) -> Parsed<Vec<Reference>> {
        let mut set = Vec::new();
        self.list(|walk| {
            let reference = walk.reference()?;
            if reference.column.is_none() || !(walk.accept_mark("=") || walk.accept_mark(":=")) {
                return Err(walk.syntax_error());
            }
            set.push(reference);
            walk.expression().map(drop)
        })?;
        Ok(set)
    }

    /// After UPDATE, or the UPDATE after WITH.
    pub(super) fn update(&mut self) -> Parsed {
        while self.accept_any(&["LOW_PRIORITY", "IGNORE"]) {}
        self.open_block();
        self.table_references()?;
        self.expect("SET")?;
        let set = self.assignments()?;
        self.updates(&set);
        self.filter()?;
        self.order()?;
        self.limit()?;
        self.returning()?;
        self.close_block(false);
        Ok(())
    }

    /// Which items the assignments change: those that the qualifier names, all where there is none.
    fn updates(&mut self, set: &[Reference]) {
        let Some(mut block) = self.blocks.pop() else { return };
        let mut changed = false;
        let mut named: BTreeMap<Option<&str>, Columns> = BTreeMap::new();
        for reference in set {
            let columns = named.entry(reference.table.as_deref()).or_insert_with(Columns::none);
            columns.add(reference.column.as_deref().unwrap_or(""));
        }
        let all = !self.budget.affords(set.len(), block.items.len());
        for item in &mut block.items {
            let mut columns = Columns::none();
            for ours in [named.get(&None), named.get(&Some(&*item.alias))].into_iter().flatten() {
                columns.merge(if all { &Columns::All } else { ours });
            }
            // Through a derived table or a name of WITH nothing can be changed; if it is one.
            if let (true, Some(name)) = (columns != Columns::none(), &item.relation) {
                item.writes.push(self.out.effects.len());
                let effect = Effect::new(Action::Update, Target::Relation(name.clone()));
                self.out.effects.push(Effect { columns, if_exists: item.if_exists, ..effect });
                changed |= !item.if_exists;
            }
        }
        self.blocks.push(block);
        if !changed {
            self.unknown();
        }
    }

    /// After DELETE, or the DELETE after WITH.
    pub(super) fn delete(&mut self) -> Parsed {
        while self.accept_any(&["LOW_PRIORITY", "QUICK", "IGNORE"]) {}
        self.accept("HISTORY");
        self.open_block();
        if self.accept("FROM") {
            let multiple = self.names_targets();
            if multiple { self.delete_using()? } else { self.delete_single()? }
        } else {
            let targets = self.delete_targets()?;
            self.expect("FROM")?;
            self.table_references()?;
            self.deletes(&targets)?;
        }
        self.filter()?;
        self.order()?;
        self.limit()?;
        self.returning()?;
        self.close_block(false);
        Ok(())
    }

    /// Whether targets and then USING follow.
    fn names_targets(&self) -> bool {
        let mut ahead: usize = 0;
        while self.is_name(ahead) || self.is_mark(ahead, ".") || self.is_mark(ahead, "*") || self.is_mark(ahead, ",") {
            ahead = ahead.saturating_add(1);
        }
        self.is_word(ahead, "USING")
    }

    fn delete_using(&mut self) -> Parsed {
        let targets = self.delete_targets()?;
        self.expect("USING")?;
        self.table_references()?;
        self.deletes(&targets)
    }

    fn delete_single(&mut self) -> Parsed {
        let name = self.relation_name()?;
        self.partitions()?;
        let alias = self.table_alias()?;
        self.partitions()?;
        self.versions()?;
        if self.accept_all(&["BEFORE", "SYSTEM_TIME"]) {
            self.accept("TIMESTAMP");
            self.arithmetic()?;
        }
        self.reads_relation_of(name, alias.as_deref());
        self.deletes_item(0);
        Ok(())
    }

    /// `t`, `db.t`, each with `.*` or without.
    fn delete_targets(&mut self) -> Parsed<Vec<Name>> {
        let mut targets = Vec::new();
        self.list(|walk| {
            let dotted = walk.accept_mark(".");
            let mut parts = vec![walk.name()?];
            while walk.accept_mark(".") {
                if walk.accept_mark("*") {
                    break;
                }
                parts.push(walk.name()?);
            }
            let name = parts.pop().ok_or_else(|| walk.syntax_error())?;
            let schema = parts.pop();
            if !parts.is_empty() || (dotted && schema.is_some()) {
                return Err(walk.syntax_error());
            }
            walk.said.push(folded(&name));
            targets.push(walk.relation(schema.as_deref(), &name));
            Ok(())
        })?;
        Ok(targets)
    }

    /// The items that are deleted from; a target that is no item is taken for a relation.
    fn deletes(&mut self, targets: &[Name]) -> Parsed {
        if !self.budget.affords(targets.len(), self.item_count()) {
            return Err(NotAnalysed::TooComplex("targets"));
        }
        for target in targets {
            let alias = folded(&target.name);
            let items = self.blocks.last().map_or(&[][..], |block| &block.items);
            let schema = target.schema.as_deref().map(folded);
            let wanted = |item: &Item| item.relation.is_some() && item.answers(schema.as_deref(), &alias);
            let found: Vec<usize> =
                items.iter().enumerate().filter(|(_, item)| wanted(item)).map(|(at, _)| at).collect();
            if found.is_empty() {
                self.effect(Action::Delete, Target::Relation(target.clone()));
            }
            for at in found {
                self.deletes_item(at);
            }
        }
        Ok(())
    }

    fn deletes_item(&mut self, at: usize) {
        let index = self.out.effects.len();
        let item = self.blocks.last_mut().and_then(|block| block.items.get_mut(at));
        let item = item.filter(|item| item.writes.is_empty());
        let Some((item, name)) = item.and_then(|item| item.relation.clone().map(|name| (item, name))) else { return };
        item.writes.push(index);
        self.effect(Action::Delete, Target::Relation(name));
    }

    /// MariaDB's RETURNING.
    fn returning(&mut self) -> Parsed {
        if self.accept("RETURNING") { self.select_list() } else { Ok(()) }
    }
}
