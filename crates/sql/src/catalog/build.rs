//! Making a snapshot from plain rows, in any order.
//!
//! A row that names something unknown is dropped: the relation it would complete is then missing, and what is missing is not permitted.

use std::collections::{BTreeSet, HashMap};

use super::{Catalog, Column, Function, Oid, Relation, RelationKind, Volatility};

/// A relation as `pg_class` has it.
#[derive(Debug, Clone)]
pub struct RelationRow {
    /// Its number.
    pub oid: Oid,
    /// Its schema's name.
    pub schema: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// What it is.
    pub kind: RelationKind,
}

/// A function as `pg_proc` has it.
#[derive(Debug, Clone)]
pub struct FunctionRow {
    /// Its number.
    pub oid: Oid,
    /// Its schema's name.
    pub schema: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// How far its result can be relied upon.
    pub volatility: Volatility,
    /// What its body is written in.
    pub language: Box<str>,
}

/// LIMIT: objects below this number came with the server (`FirstNormalObjectId`).
const FIRST_USER_OID: Oid = 16_384;

/// Gathers rows and makes the snapshot.
#[derive(Debug, Default)]
pub struct CatalogBuilder {
    catalog: Catalog,
    columns: Vec<(Oid, Column)>,
    keys: Vec<(Oid, Vec<i16>)>,
    depends: HashMap<Oid, BTreeSet<Oid>>,
    inherits: Vec<(Oid, Oid)>,
}

impl CatalogBuilder {
    /// An empty snapshot of this epoch.
    pub fn new(epoch: u64) -> Self {
        Self { catalog: Catalog { epoch, ..Catalog::default() }, ..Self::default() }
    }

    /// The database that it is of; a name qualified with another does not resolve.
    pub fn database(&mut self, name: &str) -> &mut Self {
        self.catalog.database = Some(name.into());
        self
    }

    /// Names are looked up in the path alone: the server adds no schemas of its own, whatever theirs are called.
    pub fn plain_path(&mut self) -> &mut Self {
        self.catalog.plain_path = true;
        self
    }

    /// A schema that the role may use.
    pub fn schema(&mut self, name: &str) -> &mut Self {
        self.catalog.schemas.insert(name.into(), true);
        self
    }

    /// A schema that the role may not use: the server passes over it in the search path.
    pub fn hidden_schema(&mut self, name: &str) -> &mut Self {
        self.catalog.schemas.insert(name.into(), false);
        self
    }

    /// A relation.
    pub fn relation(&mut self, row: RelationRow) -> &mut Self {
        let names = self.catalog.relation_names.entry(row.schema.clone()).or_default();
        names.insert(row.name.clone(), row.oid);
        let relation = Relation {
            oid: row.oid,
            schema: row.schema,
            name: row.name,
            kind: row.kind,
            columns: Vec::new(),
            keys: Vec::new(),
            depends_on: BTreeSet::new(),
            parents: Vec::new(),
            children: Vec::new(),
        };
        self.catalog.relations.insert(row.oid, relation);
        self
    }

    /// A column of a relation; dropped ones are left out.
    pub fn column(&mut self, relation: Oid, attnum: i16, name: &str, type_oid: Oid) -> &mut Self {
        self.columns.push((relation, Column { attnum, name: name.into(), type_oid, is_text: false }));
        self
    }

    /// A column of texts, on a server that compares them with numbers.
    pub fn text_column(&mut self, relation: Oid, attnum: i16, name: &str) -> &mut Self {
        self.columns.push((relation, Column { attnum, name: name.into(), type_oid: 0, is_text: true }));
        self
    }

    /// The columns of a primary key or unique index.
    pub fn key(&mut self, relation: Oid, attnums: &[i16]) -> &mut Self {
        self.keys.push((relation, attnums.to_vec()));
        self
    }

    /// A view reads a relation.
    pub fn depends(&mut self, view: Oid, base: Oid) -> &mut Self {
        self.depends.entry(view).or_default().insert(base);
        self
    }

    /// A table inherits from another, or is a partition of it.
    pub fn inherits(&mut self, child: Oid, parent: Oid) -> &mut Self {
        self.inherits.push((child, parent));
        self
    }

    /// A function, procedure or aggregate.
    pub fn function(&mut self, row: FunctionRow) -> &mut Self {
        let function = Function {
            oid: row.oid,
            is_builtin: row.oid < FIRST_USER_OID && &*row.schema == "pg_catalog",
            schema: row.schema,
            name: row.name,
            volatility: row.volatility,
            language: row.language,
        };
        self.catalog.functions.entry(function.name.clone()).or_default().push(function);
        self
    }

    /// A user-defined operator.
    pub fn operator(&mut self, schema: &str, name: &str) -> &mut Self {
        self.catalog.operators.entry(name.into()).or_default().insert(schema.into());
        self
    }

    /// A user-defined type.
    pub fn user_type(&mut self, schema: &str, name: &str) -> &mut Self {
        self.catalog.types.entry(name.into()).or_default().insert(schema.into());
        self
    }

    /// The snapshot.
    pub fn build(mut self) -> Catalog {
        self.columns.sort_by_key(|(relation, column)| (*relation, column.attnum));
        for (relation, column) in self.columns {
            if let Some(relation) = self.catalog.relations.get_mut(&relation) {
                relation.columns.push(column);
            }
        }
        for (relation, key) in self.keys {
            if let Some(relation) = self.catalog.relations.get_mut(&relation) {
                relation.keys.push(key);
            }
        }
        for (child, parent) in self.inherits {
            if let Some(relation) = self.catalog.relations.get_mut(&child) {
                relation.parents.push(parent);
            }
            if let Some(relation) = self.catalog.relations.get_mut(&parent) {
                relation.children.push(child);
            }
        }
        for (oid, relation) in &mut self.catalog.relations {
            relation.depends_on = reachable(&self.depends, *oid);
        }
        self.catalog
    }
}

/// Everything that `from` depends on, however indirectly.
fn reachable(depends: &HashMap<Oid, BTreeSet<Oid>>, from: Oid) -> BTreeSet<Oid> {
    let mut found = BTreeSet::new();
    let mut open: Vec<Oid> = vec![from];
    while let Some(oid) = open.pop() {
        for base in depends.get(&oid).into_iter().flatten() {
            if *base != from && found.insert(*base) {
                open.push(*base);
            }
        }
    }
    found
}
