//! A snapshot of the server's catalog, and how names in a statement resolve in it.
//!
//! The text says `orders`; which table that is depends on the search path, the temporary tables of the session and what exists now.
//! Resolution follows PostgreSQL's: temporary relations first, then `pg_catalog`, each unless the path lists it, then the path;
//! or the path alone.
//! Spec: PostgreSQL "The Schema Search Path". A snapshot is immutable and has an epoch; reading it from a server is done elsewhere.

mod build;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

pub use build::{CatalogBuilder, FunctionRow, RelationRow};
pub use resolve::{Resolution, SearchPath};

use crate::statement::{Columns, Effect};

/// An object's number.
pub type Oid = u32;

/// What lives under a relation's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelationKind {
    /// An ordinary table.
    Table,
    /// A partitioned table.
    Partitioned,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A foreign table.
    Foreign,
    /// A sequence.
    Sequence,
    /// An index.
    Index,
    /// A composite type.
    Composite,
    /// Anything else (TOAST).
    Other,
}

impl RelationKind {
    /// From `pg_class.relkind`.
    pub fn from_relkind(kind: char) -> Self {
        match kind {
            'r' => Self::Table,
            'p' => Self::Partitioned,
            'v' => Self::View,
            'm' => Self::MaterializedView,
            'f' => Self::Foreign,
            'S' => Self::Sequence,
            'i' | 'I' => Self::Index,
            'c' => Self::Composite,
            _ => Self::Other,
        }
    }
}

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its number, stable while it exists.
    pub attnum: i16,
    /// Its name.
    pub name: Box<str>,
    /// Its type.
    pub type_oid: Oid,
    /// A number equals whichever of its values read as that number.
    pub is_text: bool,
}

/// A table, view or the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its number.
    pub oid: Oid,
    /// Its schema.
    pub schema: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// What it is.
    pub kind: RelationKind,
    /// Its columns that exist, by number.
    pub columns: Vec<Column>,
    /// Columns of each primary key and unique constraint or index.
    pub keys: Vec<Vec<i16>>,
    /// For a view: every relation it reads, through other views too.
    pub depends_on: BTreeSet<Oid>,
    /// What it inherits from or is a partition of, directly.
    pub parents: Vec<Oid>,
    /// What inherits from it, directly.
    pub children: Vec<Oid>,
}

/// The columns that an effect reaches in a relation that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach<'c> {
    /// Any, and the row as a whole.
    All,
    /// These; columns of the system (ctid, …) are not listed.
    Columns(Vec<&'c Column>),
}

impl Relation {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| &*column.name == name)
    }

    /// The columns that an effect reaches; `attributes` are the statement's.
    ///
    /// EVASION: `t.row_to_json` is `row_to_json(t)` where `t` has no such column (test `a_dotted_name_that_is_no_column_reaches_the_row`).
    pub fn reached(&self, columns: &Columns, attributes: &[Box<str>]) -> Reach<'_> {
        let Columns::Named(names) = columns else { return Reach::All };
        let calls = |name: &str| names.contains(name) && !is_system_column(name) && self.column(name).is_none();
        if attributes.iter().any(|name| calls(name)) {
            return Reach::All;
        }
        let mut found: Vec<&Column> = self.columns.iter().filter(|column| names.contains(&column.name)).collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Reach::Columns(found)
    }
}

fn is_system_column(name: &str) -> bool {
    matches!(name, "tableoid" | "ctid" | "xmin" | "xmax" | "cmin" | "cmax")
}

/// Whether a function's result may differ between calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Volatility {
    /// Depends on its arguments only.
    Immutable,
    /// The same within one statement.
    Stable,
    /// Anything, side effects included.
    Volatile,
}

/// A function, procedure or aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its number.
    pub oid: Oid,
    /// Its schema.
    pub schema: Box<str>,
    /// Its name; others may share it.
    pub name: Box<str>,
    /// How far its result can be relied upon.
    pub volatility: Volatility,
    /// Came with the server.
    pub is_builtin: bool,
    /// What its body is written in.
    pub language: Box<str>,
}

/// A snapshot of what exists in one database.
#[derive(Debug, Default)]
pub struct Catalog {
    epoch: u64,
    database: Option<Box<str>>,
    /// Names are looked up in the path alone: the server adds no schemas of its own.
    plain_path: bool,
    /// By name; false where the role may not use it, for then the server passes it over.
    schemas: HashMap<Box<str>, bool>,
    relations: HashMap<Oid, Relation>,
    relation_names: HashMap<Box<str>, HashMap<Box<str>, Oid>>,
    /// By name, then by schema.
    functions: HashMap<Box<str>, Vec<Function>>,
    /// The schemas with user-defined operators of a name.
    operators: HashMap<Box<str>, BTreeSet<Box<str>>>,
    /// The schemas with user-defined types of a name.
    types: HashMap<Box<str>, BTreeSet<Box<str>>>,
}

impl Catalog {
    /// Rises with every snapshot that differs.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The relation of this number.
    pub fn relation(&self, oid: Oid) -> Option<&Relation> {
        self.relations.get(&oid)
    }

    /// The relation of this name in this schema, without a search path.
    pub fn relation_in(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.relation_names.get(schema)?.get(name).and_then(|oid| self.relations.get(oid))
    }

    /// All relations, in no order.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// Whether this schema exists.
    pub fn has_schema(&self, name: &str) -> bool {
        self.schemas.contains_key(name)
    }

    /// All functions of this name, in any schema.
    pub fn functions(&self, name: &str) -> &[Function] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether the WHERE of an effect names rows by a key: some primary key or unique index has a column that it compares.
    ///
    /// EVASION: to MySQL 0 equals every text that is no number (test `a_number_names_no_row_by_a_text`).
    pub fn is_selective(&self, relation: &Relation, effect: &Effect) -> bool {
        let keys: BTreeSet<i16> = relation.keys.iter().flatten().copied().collect();
        let numbers: BTreeSet<&str> = effect.where_numbers.iter().map(|name| &**name).collect();
        let keys = relation.columns.iter().filter(|column| keys.contains(&column.attnum));
        let keys = keys.filter(|column| !column.is_text || !numbers.contains(&*column.name));
        let keys: BTreeSet<&str> = keys.map(|column| &*column.name).collect();
        effect.where_equals.iter().any(|name| keys.contains(&**name))
    }
}
