//! Which relation a name is of: under WITH, behind parentheses, in what is compared. Nothing is overlooked.

use crate::common::{MARIADB, MYSQL};
use crate::evasions::{is_refused, one, reads, reads_on};
use portcullis_sql::dialect::Mode;
use portcullis_sql::mysql::MySql;
use portcullis_sql::{Action, Columns, Effect};

#[test]
fn a_with_query_hides_only_what_is_in_its_scope() {
    for (text, hidden) in [
        ("WITH secrets AS (SELECT 1) SELECT * FROM secrets", true),
        ("WITH secrets AS (SELECT 1) SELECT * FROM db.secrets", false),
        ("WITH secrets AS (SELECT * FROM secrets) SELECT 1", false),
        ("WITH RECURSIVE secrets AS (SELECT 1 UNION SELECT * FROM secrets) SELECT 1", true),
        ("WITH a AS (SELECT * FROM secrets), secrets AS (SELECT 1) SELECT * FROM a", false),
        ("WITH RECURSIVE a AS (SELECT * FROM secrets), secrets AS (SELECT 1) SELECT * FROM a", false),
        ("SELECT * FROM (WITH secrets AS (SELECT 1) SELECT * FROM secrets) x", true),
        ("SELECT * FROM (WITH secrets AS (SELECT 1) SELECT 1) x, secrets", false),
        ("(WITH secrets AS (SELECT 1) SELECT * FROM secrets) UNION SELECT * FROM secrets", false),
        ("WITH secrets AS (SELECT 1) DELETE FROM secrets", false),
        ("WITH `Secrets` AS (SELECT 1) SELECT * FROM secrets", false),
        ("WITH secrets AS (SELECT 1) SELECT 1; SELECT * FROM secrets", false),
    ] {
        assert_eq!(reads(text, "secrets").is_empty(), hidden, "{text}");
    }
    assert!(reads_on(&MARIADB, Mode(0), "WITH `Secrets` AS (SELECT 1) SELECT * FROM secrets", "secrets").is_empty());
    assert_eq!(reads_on(&MARIADB, Mode(0), "WITH ſecrets AS (SELECT 1) SELECT * FROM secrets", "secrets").len(), 1);
    let folding = MySql { lower_case_tables: true, ..MYSQL };
    assert!(reads_on(&folding, Mode(0), "WITH `Secrets` AS (SELECT 1) SELECT * FROM secrets", "secrets").is_empty());
    assert_eq!(reads_on(&folding, Mode(0), "SELECT * FROM SECRETS", "secrets").len(), 1);
    assert_eq!(reads_on(&MYSQL, Mode(0), "SELECT * FROM SECRETS", "secrets").len(), 0);
}

/// What is read of `table` if there is one, and `None` where nothing says so.
fn doubted(server: &MySql, text: &str, table: &str) -> Option<Columns> {
    match <[Effect; 1]>::try_from(reads_on(server, Mode(0), text, table)) {
        Ok([effect]) if effect.if_exists && effect.action == Action::Select => Some(effect.columns),
        _ => None,
    }
}

#[test]
fn a_with_query_is_doubted_where_servers_overlook_it() {
    for text in [
        "WITH secrets AS (SELECT 1) (WITH x AS (SELECT 2) SELECT a FROM secrets LIMIT 1)",
        "WITH secrets AS (SELECT 1) (WITH x AS (SELECT 2) SELECT 1) UNION SELECT a FROM secrets",
        "WITH secrets AS (SELECT 1) SELECT a FROM secrets UNION (WITH x AS (SELECT 2) SELECT 1)",
        "WITH secrets AS (SELECT 1 x) SELECT * FROM (WITH x AS (SELECT a FROM secrets LIMIT 1) SELECT * FROM x) d",
        "WITH secrets AS (SELECT 1 x) SELECT (WITH x AS (SELECT s.a FROM secrets s) SELECT * FROM x)",
        "WITH secrets AS (SELECT 1), y AS (WITH x AS (SELECT 2) SELECT a FROM secrets) SELECT * FROM y",
        "WITH RECURSIVE secrets AS (WITH x AS (SELECT 2) SELECT a FROM secrets) SELECT 1",
        "INSERT INTO t WITH secrets AS (SELECT 1 x) VALUES ROW(1, (SELECT a FROM secrets LIMIT 1))",
        "REPLACE INTO t WITH secrets AS (SELECT 1 x) VALUES ROW(1, (SELECT a FROM secrets LIMIT 1))",
        "CREATE TABLE t AS WITH secrets AS (SELECT 1 x) VALUES ROW(1, (SELECT a FROM secrets LIMIT 1))",
        "EXPLAIN WITH secrets AS (SELECT 1) (WITH x AS (SELECT 2) SELECT a FROM secrets)",
    ] {
        for server in [&MYSQL, &MARIADB] {
            assert_eq!(doubted(server, text, "secrets"), Some(Columns::Named(["a".into()].into())), "{text}");
        }
    }
    // A query of WITH means what it would mean where it is named.
    let text = "WITH secrets AS (SELECT a, b FROM x) SELECT * FROM (WITH x AS (SELECT * FROM secrets) SELECT * FROM secrets) d";
    assert_eq!(doubted(&MYSQL, text, "secrets"), Some(Columns::All));
    assert!(reads(text, "x").iter().all(|effect| !effect.if_exists));
    // What locks or changes it is no less in doubt.
    let text = "WITH secrets AS (SELECT 1) (WITH x AS (SELECT 2) SELECT a FROM secrets FOR UPDATE)";
    let actions: Vec<(Action, bool)> =
        reads(text, "secrets").iter().map(|effect| (effect.action, effect.if_exists)).collect();
    assert_eq!(actions, [(Action::Select, true), (Action::Lock, true)]);
    let text = "WITH secrets AS (WITH x AS (SELECT 2) SELECT 1) UPDATE t, secrets SET t.a = 1, secrets.a = 2";
    let actions: Vec<(Action, bool)> =
        reads(text, "secrets").iter().map(|effect| (effect.action, effect.if_exists)).collect();
    assert_eq!(actions, [(Action::Update, true)]);
}

#[test]
fn a_with_query_beside_its_table_leaves_no_doubt() {
    let text = "WITH secrets AS (SELECT a FROM secrets) SELECT * FROM (WITH x AS (SELECT 1) SELECT b FROM secrets) d";
    let [effect] = reads(text, "secrets").try_into().unwrap();
    assert!(!effect.if_exists);
    assert_eq!(effect.columns, Columns::Named(["a".into(), "b".into()].into()));
    for text in [
        "WITH a AS (SELECT 1), secrets AS (SELECT * FROM a) SELECT s.x FROM secrets s WHERE x IN (SELECT x FROM secrets)",
        "INSERT INTO t WITH secrets AS (SELECT 1) SELECT * FROM secrets",
        "INSERT INTO t VALUES ((WITH secrets AS (SELECT 1) SELECT * FROM secrets))",
    ] {
        assert!(reads(text, "secrets").is_empty(), "{text}");
    }
}

#[test]
fn an_order_behind_a_query_in_parentheses_names_its_columns() {
    for text in [
        "(SELECT id FROM people) ORDER BY @s := ssn",
        "((SELECT id FROM people)) ORDER BY @s := ssn LIMIT 1",
        "(SELECT id FROM people) ORDER BY @s := people.ssn",
        "(SELECT id FROM people p) ORDER BY @s := p.ssn",
        "(SELECT id FROM people LIMIT 1) ORDER BY (SELECT @s := ssn) LIMIT 2",
        "WITH c AS (SELECT 1) (SELECT id FROM people) ORDER BY @s := ssn",
        "SELECT * FROM ((SELECT id FROM people p) ORDER BY p.ssn LIMIT 1) d",
        "SELECT ((SELECT id FROM people p) ORDER BY p.ssn LIMIT 1) FROM t p",
        "INSERT INTO t (SELECT id FROM people) ORDER BY @s := ssn",
        "(SELECT id FROM people) ORDER BY (SELECT d.x FROM (WITH c AS (SELECT ssn x) SELECT x FROM c) d)",
    ] {
        for server in [&MYSQL, &MARIADB] {
            let [effect] = reads_on(server, Mode(0), text, "people").try_into().unwrap();
            // A qualifier that nothing answers may mean any relation, so that all of it is named.
            let named = matches!(&effect.columns, Columns::Named(names) if names.contains("ssn"));
            assert!(named || effect.columns == Columns::All, "{text}: {effect}");
        }
    }
    let [effect] = reads("(SELECT id FROM people) ORDER BY ssn", "people").try_into().unwrap();
    assert_eq!(effect.columns, Columns::Named(["id".into(), "ssn".into()].into()));
    // The columns of a set operation are its own.
    let [effect] = reads("(SELECT id AS ssn FROM people) UNION (SELECT 1) ORDER BY ssn", "people").try_into().unwrap();
    assert_eq!(effect.columns, Columns::Named(["id".into()].into()));
}

#[test]
fn columns_are_found_without_case() {
    let plain = ["SELECT SSN FROM t", "SELECT `Ssn` FROM t", "SELECT T.sSn FROM t", "SELECT X.SSN FROM t AS x"];
    for text in plain.into_iter().chain(["SELECT ſsn FROM t", "SELECT `SſN` FROM t"]) {
        let [effect] = reads(text, "t").try_into().unwrap();
        assert_eq!(effect.columns, Columns::Named(["ssn".into()].into()), "{text}");
    }
    let [effect] = reads("SELECT ıd, İd, \u{212a}im, ßn FROM t", "t").try_into().unwrap();
    assert_eq!(effect.columns, Columns::Named(["id".into(), "kim".into(), "ßn".into()].into()));
    let [effect] = reads("SELECT nosuch.a FROM t", "t").try_into().unwrap();
    assert_eq!(effect.columns, Columns::All);
}

#[test]
fn names_that_servers_take_for_others_are_refused() {
    for text in [
        "SET ſql_mode = 'ANSI_QUOTES'",
        "SET SESSION śql_mode = ''",
        "SET @@session.`ſql_mode` = ''",
        "SET a.ſql_mode = ''",
        "PREPARE ſ FROM 'SELECT 1'",
        "EXECUTE ſ",
        "DEALLOCATE PREPARE ſ",
    ] {
        assert!(is_refused(&MYSQL, text) && is_refused(&MARIADB, text), "{text}");
    }
    assert_eq!(one(&MYSQL, "SELECT ſubstr('x', 1)").functions.len(), 1);
    assert_eq!(one(&MARIADB, "SELECT ſleep(1)").functions.len(), 1);
}

#[test]
fn selectivity_is_not_feigned() {
    let equals = |text: &str| reads(text, "t").into_iter().flat_map(|effect| effect.where_equals).count();
    for text in [
        "SELECT 1 FROM t WHERE id = 1 OR 1",
        "SELECT 1 FROM t WHERE id = 1 || 1",
        "SELECT 1 FROM t WHERE id = id",
        "SELECT 1 FROM t WHERE id = 1 = 1",
        "SELECT 1 FROM t WHERE NOT id = 1",
        "SELECT 1 FROM t WHERE id = 1 XOR 1",
        "SELECT 1 FROM t WHERE -id = 1",
        "SELECT 1 FROM t WHERE id COLLATE x = 'a'",
        "SELECT 1 FROM t WHERE id = 'a' COLLATE x",
        "SELECT 1 FROM t WHERE id = 1 IS NULL",
        "SELECT 1 FROM t WHERE id = @a := id",
        "SELECT 1 FROM t WHERE id = rand()",
        "SELECT 1 FROM t WHERE id = lower(name)",
        "SELECT 1 FROM t WHERE id NOT IN (1, 2)",
        "SELECT 1 FROM t WHERE id IN (1, name)",
        "SELECT 1 FROM t WHERE id = NOT 1",
        "SELECT 1 FROM t WHERE (id, 1) = (1, 1)",
        "SELECT 1 FROM t WHERE CASE WHEN id = 1 THEN 1 ELSE 1 END",
        "SELECT 1 FROM t WHERE IF(id = 1, 1, 1)",
        "SELECT 1 FROM t WHERE @a := id = 1",
        "SELECT 1 FROM t WHERE id = @a AND (@a := @a + 1)",
        "SELECT @a := @a + 1 FROM t WHERE id = @a",
        "SELECT 1 FROM t WHERE id = @a AND f(1)",
        "SELECT 1 FROM a.t, b.u WHERE b.t.id = 1",
        "SELECT 1 FROM t WHERE id <=> NULL",
        "SELECT 1 FROM t WHERE (NULL) <=> id",
        "SELECT 1 FROM t WHERE id <=> @nosuch",
        "SELECT 1 FROM t WHERE id <=> ?",
        "SELECT 1 FROM t WHERE id <=> nullif(1, 1)",
    ] {
        assert_eq!(equals(text), 0, "{text}");
    }
    for text in ["SELECT 1 FROM t WHERE id <=> 1", "SELECT 1 FROM t WHERE 'a' <=> id"] {
        assert_eq!(equals(text), 1, "{text}");
    }
    let other = "DELETE a.t FROM a.t, b.t WHERE b.t.id = 1";
    let deleted: Vec<Effect> = reads(other, "t").into_iter().filter(|effect| effect.action == Action::Delete).collect();
    assert!(deleted.iter().all(|effect| effect.where_equals.is_empty()), "{deleted:?}");
    for text in ["DELETE FROM t WHERE id = @a AND 1 = 1", "DELETE FROM t WHERE (1 = id) AND name LIKE '%'"] {
        assert!(equals(text) > 0, "{text}");
    }
}

#[test]
fn what_may_be_a_number_is_told_from_text() {
    let numbers = |text: &str| reads(text, "t").into_iter().flat_map(|effect| effect.where_numbers).count();
    for constant in [
        "0",
        "-'0'",
        "'a' + 0",
        "FALSE",
        "NULL",
        "@a",
        "@@a",
        "DATE '0000-00-00'",
        "{d '0000-00-00'}",
        "length('')",
        "coalesce(0)",
        "(0)",
        "CURRENT_DATE",
    ] {
        for text in
            [format!("SELECT 1 FROM t WHERE id = {constant}"), format!("SELECT 1 FROM t WHERE id IN ('a', {constant})")]
        {
            assert_eq!(numbers(&text), 1, "{text}");
        }
    }
    for constant in ["'a'", "N'a'", "_utf8mb4'a'", "0x30", "x'30'", "?", "('a')", "unhex('30')", "uuid_to_bin(?)"] {
        let text = format!("SELECT 1 FROM t WHERE id = {constant} OR 1");
        assert_eq!(numbers(&text), 0, "{text}");
        let text = format!("SELECT 1 FROM t WHERE id IN ('a', {constant}) AND name = {constant}");
        assert_eq!(numbers(&text), 0, "{text}");
        assert_eq!(reads(&text, "t")[0].where_equals.len(), 2, "{text}");
    }
    let [effect] = reads("SELECT 1 FROM t WHERE id = 'a' AND id = 0", "t").try_into().unwrap();
    assert_eq!((effect.where_equals.len(), effect.where_numbers.len()), (1, 1));
}
