//! Which relations a column's name may mean.
//!
//! Without a catalog an unqualified name may belong to any relation of the query, or of a query around it; it is put down for all. A
//! qualified name is put down for every item of that alias, in all queries around, since which of them LATERAL lets through is not followed.

use pg_query::protobuf::RangeVar;

use super::{Walk, names};
use crate::statement::{Action, Columns, Effect, Target};

/// What one query can name.
#[derive(Default)]
pub(super) struct Scope<'t> {
    pub(super) items: Vec<Item<'t>>,
}

/// One item of FROM, or the target of a write.
pub(super) struct Item<'t> {
    /// The name that qualifies its columns.
    pub(super) alias: &'t str,
    /// The schema that may stand before it, when it has no alias.
    pub(super) schema: &'t str,
    /// The effects that read it: none for a derived table, several for an aliased join.
    pub(super) reads: Vec<usize>,
    /// The effect that writes it.
    pub(super) writes: Option<usize>,
    /// Its columns have other names here.
    pub(super) renamed: bool,
}

impl<'t> Item<'t> {
    /// An item whose columns are computed.
    pub(super) fn derived(alias: &'t str) -> Self {
        Self { alias, schema: "", reads: Vec::new(), writes: None, renamed: false }
    }

    /// An item that is the relation itself, read by this effect.
    pub(super) fn relation(range: &'t RangeVar, read: usize) -> Self {
        let reads = vec![read];
        match &range.alias {
            Some(alias) => {
                let renamed = !alias.colnames.is_empty();
                Self { alias: &alias.aliasname, schema: "", reads, writes: None, renamed }
            }
            None => Self { alias: &range.relname, schema: &range.schemaname, reads, writes: None, renamed: false },
        }
    }

    fn answers(&self, schema: &str, alias: &str) -> bool {
        self.alias == alias && (schema.is_empty() || self.schema.is_empty() || self.schema == schema)
    }
}

impl<'t> Walk<'t> {
    /// A relation that is read: its columns come as they are named.
    pub(super) fn read(&mut self, range: &'t RangeVar) -> usize {
        let mut effect = Effect::new(Action::Select, Target::Relation(names::of_range(range)));
        effect.columns = Columns::none();
        let index = self.out.effects.len();
        self.out.effects.push(effect);
        index
    }

    /// Puts an item into the innermost query.
    pub(super) fn bring(&mut self, item: Item<'t>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.items.push(item);
        }
    }

    /// A column's name: any relation in reach may have it; the name of an item itself is its whole row.
    pub(super) fn unqualified(&mut self, column: &str) {
        let effects = &mut self.out.effects;
        for item in self.scopes.iter().flat_map(|scope| &scope.items) {
            let whole = item.renamed || item.alias == column;
            for index in &item.reads {
                let Some(effect) = effects.get_mut(*index) else { continue };
                if whole {
                    effect.columns = Columns::All;
                } else {
                    effect.columns.add(column);
                }
            }
        }
    }

    /// A column of an item, or all of them; where no item answers, any of them might.
    pub(super) fn qualified(&mut self, schema: &str, alias: &str, column: Option<&str>) {
        let known = self.scopes.iter().flat_map(|scope| &scope.items).any(|item| item.answers(schema, alias));
        let effects = &mut self.out.effects;
        for item in self.scopes.iter().flat_map(|scope| &scope.items) {
            if known && !item.answers(schema, alias) {
                continue;
            }
            for index in &item.reads {
                let Some(effect) = effects.get_mut(*index) else { continue };
                match column {
                    Some(column) if !item.renamed => effect.columns.add(column),
                    _ => effect.columns = Columns::All,
                }
            }
        }
    }

    /// `*`: all columns of the innermost query.
    pub(super) fn star(&mut self) {
        self.all_columns(0);
    }

    /// Everything of the innermost query's items from `first` on: `*`, NATURAL.
    pub(super) fn all_columns(&mut self, first: usize) {
        let effects = &mut self.out.effects;
        for item in self.scopes.last().into_iter().flat_map(|scope| scope.items.iter().skip(first)) {
            for index in &item.reads {
                let Some(effect) = effects.get_mut(*index) else { continue };
                effect.columns = Columns::All;
            }
        }
    }

    /// How many items the innermost query has.
    pub(super) fn item_count(&self) -> usize {
        self.scopes.last().map_or(0, |scope| scope.items.len())
    }
}
