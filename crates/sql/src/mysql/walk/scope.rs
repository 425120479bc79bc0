//! Which relations a column's name may mean.
//!
//! Without a catalog an unqualified name may belong to any relation of the query, or of a query around it; it is put down for all. The list
//! of columns comes before FROM, so names are kept until their query ends, and then handed on to the query around it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Walk;
use super::expression::Compared;
use crate::statement::{Action, Columns, Effect, Name, Target};

/// What one query can name, and has named.
#[derive(Default)]
pub(super) struct Block {
    pub(super) items: Vec<Item>,
    /// What was named here and in queries inside, and whether some item of that alias was found.
    named: BTreeMap<Reference, bool>,
    /// What was named in derived tables: it belongs to them, or to queries around this one.
    derived: BTreeMap<Reference, bool>,
    /// Columns that the filter compares with constants, each once in each way, as they come.
    compared: Vec<Compared>,
    filtered: bool,
}

/// One item of FROM, or the target of a write.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The name that qualifies its columns, folded.
    pub(super) alias: Box<str>,
    /// The database that may stand before it, when it has no alias; folded.
    pub(super) schema: Option<Box<str>>,
    /// The relation, unless it is derived.
    pub(super) relation: Option<Name>,
    /// The effect that reads it: none for a derived table.
    pub(super) read: Option<usize>,
    /// The effects that write it.
    pub(super) writes: Vec<usize>,
    /// Its columns have other names here.
    pub(super) renamed: bool,
    /// It is a WITH query, or the relation if the server looks past that.
    pub(super) if_exists: bool,
}

impl Item {
    /// An item whose columns are computed.
    pub(super) fn derived(alias: &str) -> Self {
        let alias = alias.into();
        let (schema, relation, read) = (None, None, None);
        Self { alias, schema, relation, read, writes: Vec::new(), renamed: false, if_exists: false }
    }

    /// Whether a qualifier means this item and can mean no other of the same alias.
    ///
    /// EVASION: `a.t, b.t WHERE b.t.id = 1` says nothing of `a.t` (test `selectivity_is_not_feigned`).
    fn is_surely(&self, reference: &Reference) -> bool {
        let alias = reference.table.as_deref().is_none_or(|table| *table == *self.alias);
        let schema = reference.schema.is_none() || reference.schema == self.schema;
        alias && schema && !self.renamed
    }

    /// Whether a qualifier may mean this item.
    pub(super) fn answers(&self, schema: Option<&str>, table: &str) -> bool {
        *self.alias == *table && (schema.is_none() || self.schema.is_none() || self.schema.as_deref() == schema)
    }
}

/// A column's name, or `*` where `column` is none; all parts folded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    pub(super) schema: Option<Box<str>>,
    pub(super) table: Option<Box<str>>,
    pub(super) column: Option<Box<str>>,
}

impl Walk<'_> {
    pub(super) fn open_block(&mut self) {
        self.blocks.push(Block::default());
    }

    /// Puts an item into the innermost query.
    pub(super) fn bring(&mut self, item: Item) {
        self.said.push(item.alias.clone());
        if let Some(block) = self.blocks.last_mut() {
            block.items.push(item);
        }
    }

    /// A relation that is read: its columns come as they are named.
    pub(super) fn read(&mut self, name: Name) -> usize {
        let mut effect = Effect::new(Action::Select, Target::Relation(name));
        effect.columns = Columns::none();
        let index = self.out.effects.len();
        self.out.effects.push(effect);
        index
    }

    /// Something is named.
    pub(super) fn refers(&mut self, reference: Reference) {
        if let Some(block) = self.blocks.last_mut() {
            block.named.entry(reference).or_insert(false);
        }
    }

    /// A column without a qualifier is named.
    pub(super) fn refers_to_column(&mut self, column: &str) {
        self.refers(Reference { schema: None, table: None, column: Some(column.into()) });
    }

    /// The innermost query has a WHERE, which compares these columns with constants.
    pub(super) fn filtered(&mut self, compared: Vec<Compared>) {
        if let Some(block) = self.blocks.last_mut() {
            block.filtered = true;
            let mut seen: BTreeSet<Compared> = block.compared.iter().cloned().collect();
            block.compared.extend(compared.into_iter().filter(|compared| seen.insert(compared.clone())));
        }
    }

    /// All columns of the innermost query's items from `first` on: NATURAL.
    pub(super) fn all_columns(&mut self, first: usize) {
        let reads: Vec<usize> = match self.blocks.last() {
            Some(block) => block.items.iter().skip(first).filter_map(|item| item.read).collect(),
            None => Vec::new(),
        };
        self.reads_all(reads);
    }

    /// What the innermost query named, by whatever alias, may be of the relations that these effects read.
    pub(super) fn may_name(&mut self, effects: Range<usize>) {
        let Some(block) = self.blocks.last() else { return };
        let names: Vec<&Reference> = block.named.keys().chain(block.derived.keys()).collect();
        let too_many = !self.budget.affords(names.len(), effects.len());
        let reads = self.out.effects.get_mut(effects).unwrap_or_default().iter_mut();
        for effect in reads.filter(|effect| effect.action == Action::Select && !names.is_empty()) {
            if too_many {
                effect.columns = Columns::All;
            }
            for reference in &names {
                match &reference.column {
                    Some(column) => effect.columns.add(column),
                    None => effect.columns = Columns::All,
                }
                if effect.columns == Columns::All {
                    break;
                }
            }
        }
    }

    fn reads_all(&mut self, reads: impl IntoIterator<Item = usize>) {
        for index in reads {
            if let Some(effect) = self.out.effects.get_mut(index) {
                effect.columns = Columns::All;
            }
        }
    }

    /// How many items the innermost query has.
    pub(super) fn item_count(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.items.len())
    }

    /// The innermost query ends: what it named is looked for in its items. `derived`: it stands in FROM.
    pub(super) fn close_block(&mut self, derived: bool) {
        let Some(mut block) = self.blocks.pop() else { return };
        self.apply_filter(&block);
        self.apply_names(&mut block);
        // `*` means the items of its own query only.
        block.named.retain(|reference, _| reference.table.is_some() || reference.column.is_some());
        match self.blocks.last_mut() {
            Some(around) => {
                let to = if derived { &mut around.derived } else { &mut around.named };
                merge(to, block.named);
                merge(&mut around.named, block.derived);
            }
            None => self.apply_unanswered(block),
        }
    }

    fn apply_filter(&mut self, block: &Block) {
        if !block.filtered {
            return;
        }
        let affected = block.items.iter().map(|item| item.writes.len().saturating_add(1)).sum();
        let compared = match self.budget.affords(block.compared.len(), affected) {
            true => &block.compared[..],
            false => &[],
        };
        for item in &block.items {
            for index in item.read.iter().chain(&item.writes) {
                let Some(effect) = self.out.effects.get_mut(*index) else { continue };
                effect.has_where = true;
                let equals: BTreeSet<Box<str>> = effect.where_equals.iter().cloned().collect();
                let numbers: BTreeSet<Box<str>> = effect.where_numbers.iter().cloned().collect();
                let mut equals: BTreeSet<&str> = equals.iter().map(|column| &**column).collect();
                let mut numbers: BTreeSet<&str> = numbers.iter().map(|column| &**column).collect();
                for Compared { column: reference, with_text } in compared {
                    let Some(column) = reference.column.as_ref().filter(|_| item.is_surely(reference)) else {
                        continue;
                    };
                    if !with_text && numbers.insert(column) {
                        effect.where_numbers.push(column.clone());
                    }
                    if equals.insert(column) {
                        effect.where_equals.push(column.clone());
                    }
                }
            }
        }
    }

    fn apply_names(&mut self, block: &mut Block) {
        if !self.budget.affords(block.named.len(), block.items.len()) {
            block.named.values_mut().for_each(|answered| *answered = true);
            return self.reads_all(block.items.iter().filter_map(|item| item.read));
        }
        for (reference, answered) in &mut block.named {
            for item in &block.items {
                if let Some(table) = &reference.table {
                    if !item.answers(reference.schema.as_deref(), table) {
                        continue;
                    }
                    *answered = true;
                }
                let Some(effect) = item.read.and_then(|index| self.out.effects.get_mut(index)) else { continue };
                match &reference.column {
                    Some(column) if !item.renamed => effect.columns.add(column),
                    _ => effect.columns = Columns::All,
                }
            }
        }
    }

    /// A qualifier that no query has: any relation might be meant.
    fn apply_unanswered(&mut self, block: Block) {
        let mut names = block.named;
        merge(&mut names, block.derived);
        if names.iter().any(|(reference, answered)| reference.table.is_some() && !answered) {
            for effect in self.out.effects.iter_mut().filter(|effect| effect.action == Action::Select) {
                effect.columns = Columns::All;
            }
        }
    }
}

fn merge(to: &mut BTreeMap<Reference, bool>, mut from: BTreeMap<Reference, bool>) {
    // The fewer go to the more: names climb through every level that they are nested in.
    if to.len() < from.len() {
        std::mem::swap(to, &mut from);
    }
    for (reference, answered) in from {
        *to.entry(reference).or_insert(false) |= answered;
    }
}
