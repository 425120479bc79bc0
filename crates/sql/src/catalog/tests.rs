//! Names against a small catalog with a look-alike schema: resolution as the server does it, views, keys and rows.

use std::collections::BTreeSet;

use super::*;
use crate::dialect::Dialect;
use crate::postgres::Postgres;
use crate::statement::{Action, Effect, Name, Target};

/// orders(id primary key, email unique, total), a view over it and a view over that; the same names in `evil`.
fn catalog() -> Catalog {
    let mut build = CatalogBuilder::new(7);
    build.database("shop").schema("public").schema("evil").schema("pg_catalog").hidden_schema("secret");
    let relation =
        |oid, schema: &str, name: &str, kind| RelationRow { oid, schema: schema.into(), name: name.into(), kind };
    build
        .depends(31, 30)
        .depends(30, 20)
        .relation(relation(20, "public", "orders", RelationKind::Table))
        .relation(relation(21, "evil", "orders", RelationKind::Table))
        .relation(relation(22, "secret", "orders", RelationKind::Table))
        .relation(relation(23, "public", "pg_class", RelationKind::Table))
        .relation(relation(24, "pg_catalog", "pg_class", RelationKind::Table))
        .relation(relation(25, "public", "part", RelationKind::Table))
        .relation(relation(26, "ana", "orders", RelationKind::Table))
        .relation(relation(30, "public", "v", RelationKind::View))
        .relation(relation(31, "public", "w", RelationKind::View))
        .inherits(25, 20)
        .column(20, 3, "total", 1700)
        .column(20, 1, "id", 23)
        .column(20, 2, "email", 25)
        .key(20, &[1])
        .key(20, &[2, 3]);
    let function = |oid, schema: &str, name: &str| FunctionRow {
        oid,
        schema: schema.into(),
        name: name.into(),
        volatility: Volatility::Volatile,
        language: "sql".into(),
    };
    build.function(function(870, "pg_catalog", "lower")).function(function(16_500, "evil", "lower"));
    build.function(function(16_501, "public", "f")).operator("evil", "=").user_type("evil", "text");
    build.build()
}

fn path(schemas: &str) -> SearchPath {
    SearchPath::new(schemas.split(','), "ana")
}

fn resolve(name: &Name, schemas: &str, temps: &[&str]) -> Option<u32> {
    let temps: BTreeSet<Box<str>> = temps.iter().map(|name| (*name).into()).collect();
    match catalog().resolve(name, &path(schemas), &temps) {
        Resolution::Relation(relation) => Some(relation.oid),
        Resolution::Temporary => Some(0),
        Resolution::Unknown => None,
    }
}

#[test]
fn names_resolve_as_the_server_resolves_them() {
    let orders = Name::bare("orders");
    assert_eq!(resolve(&orders, "public,evil", &[]), Some(20));
    assert_eq!(resolve(&orders, "evil,public", &[]), Some(21));
    assert_eq!(resolve(&orders, "nowhere,public", &[]), Some(20));
    assert_eq!(resolve(&orders, "nowhere", &[]), None);
    assert_eq!(resolve(&Name::qualified("evil", "orders"), "public", &[]), Some(21));
    assert_eq!(
        resolve(&Name { catalog: Some("shop".into()), ..Name::qualified("evil", "orders") }, "public", &[]),
        Some(21)
    );
    assert_eq!(
        resolve(&Name { catalog: Some("other".into()), ..Name::qualified("evil", "orders") }, "public", &[]),
        None
    );
}

#[test]
fn a_schema_that_may_not_be_used_or_does_not_exist_is_passed_over() {
    let orders = Name::bare("orders");
    assert_eq!(resolve(&orders, "secret,public", &[]), Some(20));
    // The schema `ana` is not known to exist, so `$user` is passed over.
    assert_eq!(resolve(&orders, "$user,public", &[]), Some(20));
}

#[test]
fn temporary_relations_come_first_unless_listed() {
    let orders = Name::bare("orders");
    assert_eq!(resolve(&orders, "public", &["orders"]), Some(0));
    assert_eq!(resolve(&orders, "public,pg_temp", &["orders"]), Some(20));
    assert_eq!(resolve(&Name::qualified("pg_temp", "orders"), "public", &["orders"]), Some(0));
    assert_eq!(resolve(&Name::qualified("pg_temp", "orders"), "public", &[]), None);
    assert_eq!(resolve(&Name::qualified("public", "orders"), "public", &["orders"]), Some(20));
}

#[test]
fn pg_catalog_comes_first_unless_listed() {
    let class = Name::bare("pg_class");
    assert_eq!(resolve(&class, "public", &[]), Some(24));
    assert_eq!(resolve(&class, "public,pg_catalog", &[]), Some(23));
    assert!(path("public").pg_catalog_first() && path("pg_temp,pg_catalog,public").pg_catalog_first());
    assert!(!path("public,pg_catalog").pg_catalog_first());
}

#[test]
fn a_function_is_harmless_only_where_no_other_is_in_reach() {
    let catalog = catalog();
    let lower = Name::bare("lower");
    let harmless =
        |name: &Name, words: &str| Postgres.is_pure_builtin(name) && !catalog.has_user_function(name, &path(words));
    assert!(harmless(&lower, "public"));
    assert!(!harmless(&lower, "public,evil"));
    assert!(harmless(&Name::qualified("pg_catalog", "lower"), "public,evil"));
    assert!(!harmless(&Name::qualified("evil", "lower"), "public"));
    assert!(!harmless(&Name::bare("f"), "public"));
    assert!(!harmless(&Name::bare("query_to_xml"), "public"));
    assert!(catalog.has_user_operator("=", &path("evil")) && !catalog.has_user_operator("=", &path("public")));
    assert!(catalog.has_user_type("text", &path("evil")) && !catalog.has_user_type("text", &path("public")));
}

#[test]
fn views_depend_on_what_their_views_read() {
    let catalog = catalog();
    let depends = |oid| catalog.relation(oid).unwrap().depends_on.iter().copied().collect::<Vec<_>>();
    assert_eq!(depends(31), [20, 30]);
    assert!(depends(20).is_empty());
    assert_eq!(catalog.relation(20).unwrap().children, [25]);
    assert_eq!(catalog.relation(25).unwrap().parents, [20]);
}

#[test]
fn a_column_of_any_key_makes_a_where_selective() {
    let catalog = catalog();
    let orders = catalog.relation(20).unwrap();
    let selective = |columns: &[&str]| catalog.is_selective(orders, &compares(columns, &[]));
    assert!(selective(&["id"]) && selective(&["email"]) && selective(&["x", "total"]));
    assert!(!selective(&[]) && !selective(&["x"]));
    assert!(!catalog.is_selective(catalog.relation(21).unwrap(), &compares(&["id"], &[])));
}

#[test]
fn a_number_names_no_row_by_a_text() {
    let mut builder = CatalogBuilder::new(1);
    builder.relation(RelationRow { oid: 1, schema: "s".into(), name: "t".into(), kind: RelationKind::Table });
    builder.column(1, 1, "id", 0).text_column(1, 2, "mail").key(1, &[1]).key(1, &[2]);
    let catalog = builder.build();
    let relation = catalog.relation(1).unwrap();
    let selective = |columns: &[&str], numbers: &[&str]| catalog.is_selective(relation, &compares(columns, numbers));
    assert!(selective(&["mail"], &[]) && selective(&["id"], &["id"]) && selective(&["id", "mail"], &["id", "mail"]));
    assert!(!selective(&["mail"], &["mail"]));
}

/// An effect whose WHERE compares `columns`, of which `numbers` with what may be a number.
fn compares(columns: &[&str], numbers: &[&str]) -> Effect {
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    let effect = Effect::new(Action::Delete, Target::Session);
    Effect { where_equals: names(columns), where_numbers: names(numbers), has_where: true, ..effect }
}

#[test]
fn a_dotted_name_that_is_no_column_reaches_the_row() {
    let catalog = catalog();
    let orders = catalog.relation(20).unwrap();
    let named = |names: &[&str]| Columns::Named(names.iter().map(|name| (*name).into()).collect());
    let attributes: Vec<Box<str>> = vec!["row_to_json".into(), "ctid".into()];
    assert_eq!(orders.reached(&named(&["row_to_json"]), &attributes), Reach::All);
    assert_eq!(orders.reached(&Columns::All, &[]), Reach::All);
    let Reach::Columns(found) = orders.reached(&named(&["id", "ctid", "of_another"]), &attributes) else { panic!() };
    assert_eq!(found.iter().map(|column| column.attnum).collect::<Vec<_>>(), [1]);
    assert_eq!(orders.columns.iter().map(|column| column.attnum).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_plain_path_has_no_schemas_of_the_servers_own() {
    let mut build = CatalogBuilder::new(7);
    build.plain_path().schema("shop").schema("pg_catalog").schema("pg_temp");
    for (oid, schema) in [(20, "shop"), (21, "pg_catalog"), (22, "pg_temp")] {
        let (schema, name) = (schema.into(), "orders".into());
        build.relation(RelationRow { oid, schema, name, kind: RelationKind::Table });
    }
    let (schema, name, language) = ("pg_catalog".into(), "f".into(), "sql".into());
    build.function(FunctionRow { oid: 16_500, schema, name, volatility: Volatility::Volatile, language });
    let catalog = build.build();
    let found = |name: &Name| match catalog.resolve(name, &path("shop"), &BTreeSet::default()) {
        Resolution::Relation(relation) => Some(relation.oid),
        _ => None,
    };
    assert_eq!(found(&Name::bare("orders")), Some(20));
    for (oid, schema) in [(21, "pg_catalog"), (22, "pg_temp")] {
        assert_eq!(found(&Name { schema: Some(schema.into()), ..Name::bare("orders") }), Some(oid));
    }
    assert!(!catalog.has_user_function(&Name::bare("f"), &path("shop")));
}
