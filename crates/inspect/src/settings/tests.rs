//! What sets which meaning, and when it is known again.

use portcullis_sql::mysql::{Flavour, MySql};
use portcullis_sql::postgres::Postgres;

use super::*;

fn settings() -> Settings {
    Settings::new(Some(SearchPath::server_default("app")), "app")
}

fn path(schema: &str, local: bool) -> SessionChange {
    SessionChange::SetSearchPath { schemas: Some(vec![schema.into()]), local }
}

fn apply(settings: &mut Settings, change: &SessionChange) {
    settings.apply(change, false, &Postgres);
}

fn at(settings: &Settings) -> String {
    format!("{:?}", settings.path())
}

#[test]
fn a_path_that_is_set_does_not_end_the_doubt() {
    let dialect = MySql { flavour: Flavour::MariaDb, version: 101_116, lower_case_tables: false };
    let told = "\nutf8mb4\nutf8mb4\nutf8mb4\n73686F70\napp@%";
    let mut s = settings().reported(&[], Some(told), &dialect);
    assert!(!s.is_doubted());
    s.forget_path();
    assert!(s.is_doubted() && s.has_question());
    s.apply(&path("shop", false), false, &dialect);
    s.report("schema", "shop", &dialect);
    s.ready(Transaction::Idle);
    assert!(s.path().is_some() && s.is_doubted() && s.has_question());
    s.learn_path(None);
    s.learn_mode(None);
    assert!(s.is_doubted());
    s.learn_path(dialect.read_path(told));
    s.learn_mode(dialect.read_mode(told));
    assert!(!s.is_doubted() && !s.has_question());
}

#[test]
fn a_path_that_is_reported_ends_the_doubt_where_all_is_reported() {
    let mut s = settings().reported(&[], None, &Postgres);
    s.forget_path();
    assert!(!s.is_doubted() && s.has_question());
    s.report("search_path", "here", &Postgres);
    assert!(!s.has_question());
}

#[test]
fn a_rollback_restores_the_path() {
    let mut s = settings();
    let first = at(&s);
    apply(&mut s, &SessionChange::Begin);
    apply(&mut s, &path("evil", false));
    assert_ne!(at(&s), first);
    apply(&mut s, &SessionChange::Rollback { chain: false });
    s.ready(Transaction::Idle);
    assert_eq!(at(&s), first);
}

#[test]
fn a_commit_that_the_server_turned_into_a_rollback_restores_the_path() {
    let mut s = settings();
    let first = at(&s);
    apply(&mut s, &path("evil", false));
    s.apply(&SessionChange::Commit { chain: false }, true, &Postgres);
    assert_eq!(at(&s), first);
}

#[test]
fn a_local_path_ends_with_its_transaction() {
    let mut s = settings();
    let first = at(&s);
    apply(&mut s, &path("here", true));
    apply(&mut s, &SessionChange::Commit { chain: false });
    s.ready(Transaction::Idle);
    assert_eq!(at(&s), first);
}

#[test]
fn a_savepoint_keeps_what_was() {
    let mut s = settings();
    apply(&mut s, &path("one", false));
    let one = at(&s);
    apply(&mut s, &SessionChange::Savepoint("s".into()));
    apply(&mut s, &path("two", false));
    s.fail();
    apply(&mut s, &SessionChange::RollbackTo("s".into()));
    s.ready(Transaction::Open);
    assert_eq!(at(&s), one);
    apply(&mut s, &SessionChange::Commit { chain: false });
    s.ready(Transaction::Idle);
    assert_eq!(at(&s), one);
}

#[test]
fn a_failure_in_an_implicit_transaction_undoes_its_settings() {
    let mut s = settings();
    let first = at(&s);
    apply(&mut s, &path("evil", false));
    s.fail();
    s.ready(Transaction::Idle);
    assert_eq!(at(&s), first);
}

#[test]
fn what_was_reported_at_sign_in_lasts() {
    let off = [("standard_conforming_strings".into(), "off".into())];
    let mut s = settings().reported(&off, None, &Postgres);
    assert_ne!(s.mode(), Mode::default());
    s.fail();
    s.ready(Transaction::Idle);
    apply(&mut s, &SessionChange::ResetAll);
    assert_ne!(s.mode(), Mode::default());
}

const MARIADB: MySql = MySql { flavour: Flavour::MariaDb, version: 101_119, lower_case_tables: false };

fn mariadb() -> Settings {
    let told = "ANSI_QUOTES\nutf8mb4\nutf8mb4\nutf8mb4\n73686F70\napp@%";
    Settings::new(MARIADB.read_path(told), "app@%").reported(&[], Some(told), &MARIADB)
}

#[test]
fn what_the_server_told_at_the_start_is_the_mode() {
    assert_ne!(mariadb().mode(), Mode::default());
}

fn set(name: &str, value: SettingValue) -> SessionChange {
    SessionChange::Set { name: name.into(), value, local: false }
}

#[test]
fn a_value_that_only_the_server_knows_is_asked_for() {
    let mut s = mariadb();
    assert!(!s.has_question() && s.is_readable());
    apply_to(&mut s, &set("sql_mode", SettingValue::Opaque));
    assert!(s.has_question() && !s.is_readable());
    // What is known of a part does not make the rest known.
    apply_to(&mut s, &set("names", SettingValue::Literal(vec!["utf8mb4".into()])));
    assert!(s.has_question() && !s.is_readable());
    s.learn_mode(MARIADB.read_mode("NO_BACKSLASH_ESCAPES\nutf8mb4\nutf8mb4\nutf8mb4\n\napp@%"));
    assert!(!s.has_question() && s.is_readable());
    assert_eq!(s.mode(), Mode(2));
    s.learn_mode(MARIADB.read_mode("ORACLE\nutf8mb4\nutf8mb4\nutf8mb4\n\napp@%"));
    assert!(!s.has_question() && !s.is_readable());
    s.doubt();
    assert!(s.has_question());
    s.learn_mode(None);
    assert!(s.has_question() && !s.is_readable());
}

#[test]
fn after_a_reset_the_server_is_asked_what_it_left() {
    let mut s = mariadb();
    apply_to(&mut s, &path("hr", false));
    apply_to(&mut s, &SessionChange::Discard(Discarded::All));
    assert!(s.path().is_none() && s.has_question());
    let mut s = settings();
    apply(&mut s, &SessionChange::Discard(Discarded::All));
    assert!(!s.has_question());
}

#[test]
fn a_rollback_takes_back_no_setting_of_mysql() {
    let mut s = mariadb();
    apply_to(&mut s, &SessionChange::Begin);
    apply_to(&mut s, &path("hr", false));
    let hr = at(&s);
    apply_to(&mut s, &SessionChange::Rollback { chain: false });
    s.ready(Transaction::Idle);
    assert_eq!(at(&s), hr);
    s.fail();
    s.ready(Transaction::Idle);
    assert_eq!(at(&s), hr);
}

#[test]
fn a_temporary_table_of_another_schema_hides_nothing() {
    let mut s = mariadb();
    apply_to(&mut s, &SessionChange::CreateTemp(Name::qualified("hr", "orders")));
    let key = |schema: &str| {
        let path = SearchPath::new([schema], "");
        temporary_key(&Name::bare("orders"), Some(&path)).is_some_and(|key| s.temporary().contains(&key))
    };
    assert!(!key("shop") && key("hr"));
}

/// The path of a statement that was prepared in this schema.
fn prepared_in(schema: &str) -> PathOf {
    let mut s = mariadb();
    apply_to(&mut s, &path(schema, false));
    PathOf::prepared_under(&s, &MARIADB)
}

#[test]
fn a_path_reported_within_a_prepared_statement_is_not_taken_for_the_sessions() {
    let mut s = mariadb();
    apply_to(&mut s, &path("hr", false));
    let hr = at(&s);
    s.report_in(&prepared_in("shop"), "schema", "hr", &MARIADB);
    assert_eq!(at(&s), hr);
    s.report_in(&prepared_in("shop"), "schema", "shop", &MARIADB);
    assert!(s.path().is_none() && s.is_doubted());
    // Where it is the session's own, or none of a path, it is what it says.
    let mut s = mariadb();
    s.report_in(&prepared_in("shop"), "schema", "hr", &MARIADB);
    assert_eq!(at(&s), hr);
    s.report_in(&prepared_in("shop"), "sql_mode", "", &MARIADB);
    assert_eq!((at(&s), s.mode()), (hr, Mode::default()));
}

#[test]
fn what_a_prepared_statement_makes_stands_where_it_was_prepared() {
    let mut s = mariadb();
    let products = Name::bare("products");
    let stands = |s: &Settings, schema: &str| {
        let path = SearchPath::new([schema], "");
        temporary_key(&Name::bare("products"), Some(&path)).is_some_and(|key| s.temporary().contains(&key))
    };
    apply_to(&mut s, &path("hr", false));
    s.apply_in(&prepared_in("shop"), &SessionChange::CreateTemp(products.clone()), false, &MARIADB);
    assert!(stands(&s, "shop") && !stands(&s, "hr"));
    apply_to(&mut s, &SessionChange::CreateTemp(products.clone()));
    s.apply_in(&prepared_in("shop"), &SessionChange::DropRelation(products.clone()), false, &MARIADB);
    assert!(!stands(&s, "shop") && stands(&s, "hr"));
    let rename = SessionChange::RenameRelation { from: Name::bare("other"), to: Name::bare("products") };
    s.apply_in(&prepared_in("shop"), &SessionChange::CreateTemp(Name::bare("other")), false, &MARIADB);
    s.apply_in(&prepared_in("shop"), &rename, false, &MARIADB);
    assert!(stands(&s, "shop"));
    s.apply_in(&prepared_in("shop"), &path("shop", false), false, &MARIADB);
    assert!(s.path().is_none() && s.is_doubted(), "what it leaves of the path is asked for");
}

#[test]
fn where_the_path_of_the_preparation_is_not_known_temporary_tables_may_be_any() {
    let drop = SessionChange::DropRelation(Name::bare("products"));
    for path in [PathOf::Preparation(None), PathOf::Session] {
        let mut s = mariadb();
        apply_to(&mut s, &SessionChange::CreateTemp(Name::bare("products")));
        assert_eq!(s.temporary().len(), 1);
        if path == PathOf::Session {
            s.forget_path();
        }
        s.apply_in(&path, &drop, false, &MARIADB);
        assert!(s.temporary().is_empty(), "{path:?}");
    }
}

fn apply_to(settings: &mut Settings, change: &SessionChange) {
    settings.apply(change, false, &MARIADB);
}

#[test]
fn a_temporary_relation_goes_when_it_is_dropped_and_comes_back_on_rollback() {
    let mut s = settings();
    apply(&mut s, &SessionChange::CreateTemp(portcullis_sql::Name::bare("t")));
    apply(&mut s, &SessionChange::Commit { chain: false });
    apply(&mut s, &SessionChange::DropRelation(portcullis_sql::Name::bare("t")));
    assert!(s.temporary().is_empty());
    apply(&mut s, &SessionChange::Rollback { chain: false });
    assert!(s.temporary().contains("t"));
    apply(&mut s, &SessionChange::LoseTemporaries);
    assert!(s.temporary().is_empty() && s.lost().contains("t"));
}

#[test]
fn a_temporary_relation_that_drops_at_commit_is_gone_then() {
    let mut s = settings();
    apply(&mut s, &SessionChange::CreateTemp(portcullis_sql::Name::bare("t")));
    apply(&mut s, &SessionChange::DropAtCommit(portcullis_sql::Name::bare("t")));
    assert!(s.temporary().contains("t"));
    apply(&mut s, &SessionChange::Commit { chain: false });
    assert!(s.temporary().is_empty());
}

#[test]
fn a_path_learnt_in_a_transaction_ends_with_it() {
    let mut s = settings();
    let first = at(&s);
    apply(&mut s, &SessionChange::Begin);
    s.ready(Transaction::Open);
    apply(&mut s, &path("here", true));
    s.learn_path(Some(SearchPath::new(["here"], "app")));
    assert_ne!(at(&s), first);
    apply(&mut s, &SessionChange::Commit { chain: false });
    s.ready(Transaction::Idle);
    assert_eq!(at(&s), first);
}

#[test]
fn a_path_reported_in_a_transaction_is_not_taken_to_last() {
    let mut s = settings();
    apply(&mut s, &SessionChange::Begin);
    s.ready(Transaction::Open);
    apply(&mut s, &path("here", true));
    s.report("search_path", "here", &Postgres);
    apply(&mut s, &SessionChange::Commit { chain: false });
    assert_eq!(at(&s), at(&settings()));
    apply(&mut s, &SessionChange::Begin);
    s.ready(Transaction::Open);
    s.report("search_path", "elsewhere", &Postgres);
    apply(&mut s, &SessionChange::Commit { chain: false });
    assert!(s.path().is_none());
}

#[test]
fn an_unknown_savepoint_makes_the_path_unknown() {
    let mut s = settings();
    apply(&mut s, &SessionChange::RollbackTo("nope".into()));
    assert!(s.path().is_none());
}

#[test]
fn a_temporary_relation_goes_where_its_new_name_says() {
    let dialect = MySql { flavour: Flavour::MySql, version: 90_700, lower_case_tables: false };
    let in_schema = |schema: &str, name: &str| Name { schema: Some(schema.into()), ..Name::bare(name) };
    let made = |at: &str| {
        let mut s = settings();
        s.apply(&path("shop", false), false, &dialect);
        s.apply(&SessionChange::CreateTemp(Name::bare("made")), false, &dialect);
        s.apply(&path(at, false), false, &dialect);
        s
    };
    for (at, from, to, key) in [
        ("shop", Name::bare("made"), in_schema("scratch", "customers"), "scratch\0customers"),
        ("scratch", in_schema("shop", "made"), Name::bare("customers"), "scratch\0customers"),
        ("shop", Name::bare("made"), Name::bare("customers"), "shop\0customers"),
    ] {
        let mut s = made(at);
        s.apply(&SessionChange::RenameRelation { from, to }, false, &dialect);
        assert_eq!(s.temporary().iter().map(|key| &**key).collect::<Vec<_>>(), [key]);
    }
}

#[test]
fn a_temporary_relation_of_which_it_is_not_known_which_goes_is_believed_in_no_longer() {
    let dialect = MySql { flavour: Flavour::MariaDb, version: 101_116, lower_case_tables: false };
    let made = Name::bare("made");
    let renamed = SessionChange::RenameRelation { from: made.clone(), to: Name::bare("customers") };
    for change in [SessionChange::DropRelation(made.clone()), renamed] {
        let mut s = settings();
        s.apply(&path("shop", false), false, &dialect);
        s.apply(&SessionChange::CreateTemp(made.clone()), false, &dialect);
        s.forget_path();
        s.apply(&change, false, &dialect);
        assert!(s.temporary().is_empty() && s.lost().contains("shop\0made"), "{change:?}");
    }
}
