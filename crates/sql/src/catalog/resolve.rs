//! Which object a name means, under a search path.

use std::collections::BTreeSet;

use super::{Catalog, Relation};
use crate::statement::Name;

/// The schemas that unqualified names are looked up in, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SearchPath {
    schemas: Vec<Box<str>>,
}

impl SearchPath {
    /// From the setting's words and the role whose name `$user` stands for.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>, user: &str) -> Self {
        let schemas = words.into_iter().filter(|word| !word.is_empty());
        Self { schemas: schemas.map(|word| if word == "$user" { user.into() } else { word.into() }).collect() }
    }

    /// The server's own default: `"$user", public`.
    pub fn server_default(user: &str) -> Self {
        Self::new(["$user", "public"], user)
    }

    /// Whether PostgreSQL's own names come before all others (temporary relations excepted).
    pub fn pg_catalog_first(&self) -> bool {
        let first = self.schemas.iter().find(|schema| !is_temporary_schema(schema));
        !self.lists("pg_catalog") || first.is_some_and(|schema| &**schema == "pg_catalog")
    }

    /// The schema that comes first, as the path was set.
    pub fn first(&self) -> Option<&str> {
        self.schemas.first().map(|schema| &**schema)
    }

    fn lists(&self, schema: &str) -> bool {
        self.schemas.iter().any(|listed| &**listed == schema)
    }

    /// The order in which the server looks, with what it adds at the front unless the path is `plain`.
    fn effective(&self, plain: bool) -> impl Iterator<Item = &str> {
        let implicit = ["pg_temp", "pg_catalog"].into_iter().filter(move |schema| !plain && !self.lists(schema));
        implicit.chain(self.schemas.iter().map(|schema| &**schema))
    }
}

fn is_temporary_schema(schema: &str) -> bool {
    schema == "pg_temp" || schema.starts_with("pg_temp_") || schema.starts_with("pg_toast_temp_")
}

/// What a relation's name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution<'c> {
    /// This relation.
    Relation(&'c Relation),
    /// A temporary relation of the session.
    Temporary,
    /// Nothing that this snapshot knows.
    Unknown,
}

impl Catalog {
    /// What `name` means as a relation; `temps` are the names of the session's temporary relations.
    pub fn resolve<'c>(&'c self, name: &Name, path: &SearchPath, temps: &BTreeSet<Box<str>>) -> Resolution<'c> {
        if name.catalog.is_some() && name.catalog != self.database {
            return Resolution::Unknown;
        }
        if let Some(schema) = &name.schema {
            return self.resolve_in(schema, &name.name, temps).unwrap_or(Resolution::Unknown);
        }
        let mut schemas = path.effective(self.plain_path).filter(|schema| self.is_searched(schema));
        schemas.find_map(|schema| self.resolve_in(schema, &name.name, temps)).unwrap_or(Resolution::Unknown)
    }

    fn resolve_in<'c>(&'c self, schema: &str, name: &str, temps: &BTreeSet<Box<str>>) -> Option<Resolution<'c>> {
        if self.is_temporary(schema) {
            return temps.contains(name).then_some(Resolution::Temporary);
        }
        self.relation_in(schema, name).map(Resolution::Relation)
    }

    /// Where an object made without a schema goes: the first schema of the path that exists and may be used.
    pub fn creation_schema<'p>(&self, path: &'p SearchPath) -> Option<&'p str> {
        path.schemas.iter().map(|schema| &**schema).find(|schema| self.is_searched(schema))
    }

    fn is_searched(&self, schema: &str) -> bool {
        self.is_temporary(schema) || self.schemas.get(schema).copied().unwrap_or(false)
    }

    /// EVASION: where every schema is somebody's own, one may be called `pg_catalog` or `pg_temp`
    /// (test `a_plain_path_has_no_schemas_of_the_servers_own`).
    fn is_temporary(&self, schema: &str) -> bool {
        !self.plain_path && is_temporary_schema(schema)
    }

    /// Whether a function that did not come with the server may be meant by `name`: the server would choose between functions of a
    /// name by the types of the arguments, wherever they stand in the path.
    pub fn has_user_function(&self, name: &Name, path: &SearchPath) -> bool {
        self.functions(&name.name).iter().filter(|function| !function.is_builtin).any(|function| match &name.schema {
            Some(schema) => *schema == function.schema,
            None => (!self.plain_path && &*function.schema == "pg_catalog") || path.lists(&function.schema),
        })
    }

    /// Whether an operator of this name that did not come with the server may be meant.
    pub fn has_user_operator(&self, name: &str, path: &SearchPath) -> bool {
        self.operators.get(name).is_some_and(|schemas| reaches(schemas, path))
    }

    /// Whether a type of this name that did not come with the server may be meant.
    pub fn has_user_type(&self, name: &str, path: &SearchPath) -> bool {
        self.types.get(name).is_some_and(|schemas| reaches(schemas, path))
    }
}

fn reaches(schemas: &BTreeSet<Box<str>>, path: &SearchPath) -> bool {
    schemas.iter().any(|schema| &**schema == "pg_catalog" || path.lists(schema))
}
