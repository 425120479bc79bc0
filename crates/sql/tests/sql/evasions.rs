//! Ways to hide what a statement does, each with the answer. Nothing leaves this file.

use crate::common::{on_deep_stack, statements};
use portcullis_sql::{Action, Barrier, Columns, Effect, SessionChange, Statement, Target};

fn one(text: &str) -> Statement {
    statements(text).unwrap().remove(0)
}

fn reads(text: &str, table: &str) -> Vec<Effect> {
    let touches = |effect: &Effect| matches!(&effect.target, Target::Relation(name) if *name.name == *table);
    statements(text).unwrap().into_iter().flat_map(|statement| statement.effects).filter(touches).collect()
}

#[test]
fn a_table_is_found_wherever_it_hides() {
    on_deep_stack(|| {
        for text in [
            "DECLARE c CURSOR FOR SELECT * FROM secrets",
            "CREATE RULE r AS ON INSERT TO t DO INSTEAD SELECT * FROM secrets",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT * FROM secrets; END",
            "CREATE FUNCTION f() RETURNS int RETURN (SELECT a FROM secrets LIMIT 1)",
            "CREATE VIEW v AS SELECT * FROM secrets",
            "CREATE TABLE x AS TABLE secrets",
            "CREATE TABLE x (LIKE secrets INCLUDING ALL)",
            "CREATE POLICY p ON t USING (EXISTS (SELECT * FROM secrets))",
            "CREATE TABLE x (a int, CHECK (a IN (SELECT a FROM secrets)))",
            "COPY (SELECT * FROM secrets) TO STDOUT",
            "COPY secrets TO STDOUT",
            "EXPLAIN ANALYZE SELECT * FROM secrets",
            "PREPARE p AS SELECT * FROM secrets",
            "EXECUTE p ((SELECT a FROM secrets))",
            "CALL p((SELECT a FROM secrets))",
            "INSERT INTO t VALUES ((SELECT a FROM secrets))",
            "INSERT INTO t SELECT * FROM secrets",
            "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = (SELECT a FROM secrets)",
            "INSERT INTO t VALUES (1) ON CONFLICT (a) WHERE EXISTS (SELECT * FROM secrets) DO NOTHING",
            "INSERT INTO t VALUES (1) RETURNING (SELECT a FROM secrets)",
            "UPDATE t SET (a, b) = (SELECT a, b FROM secrets)",
            "UPDATE t SET a[(SELECT a FROM secrets)] = 1",
            "DELETE FROM t USING secrets",
            "MERGE INTO t USING secrets s ON t.a = s.a WHEN MATCHED THEN DO NOTHING",
            "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED AND EXISTS (SELECT * FROM secrets) THEN DELETE",
            "WITH x AS (SELECT * FROM secrets) SELECT 1",
            "WITH x AS (INSERT INTO t SELECT * FROM secrets) SELECT 1",
            "SELECT 1 ORDER BY (SELECT a FROM secrets)",
            "SELECT 1 LIMIT (SELECT a FROM secrets)",
            "SELECT 1 OFFSET (SELECT a FROM secrets)",
            "SELECT DISTINCT ON ((SELECT a FROM secrets)) 1",
            "SELECT 1 GROUP BY ROLLUP ((SELECT a FROM secrets))",
            "SELECT 1 HAVING EXISTS (SELECT * FROM secrets)",
            "SELECT sum(1) OVER (ORDER BY (SELECT a FROM secrets))",
            "SELECT sum(1) OVER w FROM t WINDOW w AS (PARTITION BY (SELECT a FROM secrets))",
            "SELECT sum(1) OVER (ROWS (SELECT a FROM secrets) PRECEDING)",
            "SELECT sum(1) FILTER (WHERE EXISTS (SELECT * FROM secrets))",
            "SELECT array_agg(1 ORDER BY (SELECT a FROM secrets))",
            "SELECT f(x => (SELECT a FROM secrets))",
            "SELECT * FROM t TABLESAMPLE system ((SELECT a FROM secrets)) REPEATABLE (1)",
            "SELECT * FROM t TABLESAMPLE system (1) REPEATABLE ((SELECT a FROM secrets))",
            "SELECT * FROM ROWS FROM (f((SELECT a FROM secrets))) AS x(a int)",
            "SELECT * FROM t JOIN u ON EXISTS (SELECT * FROM secrets)",
            "SELECT * FROM t, LATERAL (TABLE secrets) s",
            "SELECT CASE (SELECT a FROM secrets) WHEN 1 THEN 2 END",
            "SELECT ARRAY(SELECT a FROM secrets), ARRAY[(SELECT 1)]",
            "SELECT (ROW((SELECT a FROM secrets))).f1",
            "SELECT (ARRAY[1])[(SELECT a FROM secrets)]",
            "SELECT ((SELECT s FROM secrets s)).a",
            "SELECT 1 = ANY (SELECT a FROM secrets)",
            "SELECT (1, 2) < ALL (SELECT a, b FROM secrets)",
            "SELECT 1 BETWEEN 0 AND (SELECT a FROM secrets)",
            "SELECT (SELECT a FROM secrets) IS NULL, (SELECT true FROM t) IS TRUE",
            "SELECT (SELECT a FROM secrets) COLLATE \"C\"",
            "SELECT COALESCE(1, (SELECT a FROM secrets))",
            "SELECT GREATEST(1, (SELECT a FROM secrets))",
            "SELECT XMLELEMENT(NAME x, XMLATTRIBUTES((SELECT a FROM secrets) AS y))",
            "SELECT XMLSERIALIZE(CONTENT (SELECT a FROM secrets) AS text)",
            "SELECT JSON_OBJECT('a' : (SELECT a FROM secrets))",
            "SELECT JSON_ARRAY(SELECT a FROM secrets)",
            "SELECT JSON_VALUE('{}', '$' PASSING (SELECT a FROM secrets) AS x)",
            "SELECT JSON_VALUE('{}', '$' DEFAULT (SELECT a FROM secrets) ON EMPTY)",
            "SELECT * FROM JSON_TABLE('{}', '$' COLUMNS (NESTED PATH '$' COLUMNS (a int DEFAULT (SELECT a FROM secrets) ON ERROR)))",
            "SELECT * FROM XMLTABLE('/' PASSING (SELECT a FROM secrets) COLUMNS a int)",
            "SELECT * FROM XMLTABLE('/' PASSING '' COLUMNS a int DEFAULT (SELECT a FROM secrets))",
            "VALUES ((SELECT a FROM secrets))",
            "SELECT 1 UNION SELECT a FROM secrets",
            "(((SELECT 1) UNION (SELECT 2)) EXCEPT (TABLE secrets))",
            "SELECT * FROM U&\"s\\0065crets\"",
            "SELECT * FROM \"secrets\"",
            "SELECT * FROM SECRETS",
            "SELECT * FROM shop.public.secrets",
            "LOCK secrets",
            "ANALYZE secrets",
            "SELECT 1; TABLE secrets",
            "/* SELECT */ TABLE/**/secrets",
            "GRANT SELECT ON secrets TO public",
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES secrets",
            "CREATE TABLE x (a int) INHERITS (secrets)",
            "CREATE PUBLICATION p FOR TABLE secrets",
            "CREATE STATISTICS s ON a, b FROM secrets",
            "DROP TABLE secrets",
            "COMMENT ON COLUMN secrets.a IS 'x'",
        ] {
            assert!(!reads(text, "secrets").is_empty(), "{text}");
        }
    });
}

#[test]
fn what_cannot_be_known_is_unknown() {
    for text in [
        "DO 'x'",
        "EXECUTE p",
        "CREATE TABLE x AS EXECUTE p",
        "COPY t FROM '/x'",
        "COPY t TO PROGRAM 'x'",
        "LOAD 'x'",
        "EXPLAIN EXECUTE p",
    ] {
        let statement = one(text);
        assert!(statement.is_opaque() && statement.barrier.contains(Barrier::UNKNOWN), "{text}");
    }
}

#[test]
fn a_call_can_be_a_column() {
    let [effect] = reads("SELECT ssn(c) FROM customers c", "customers").try_into().unwrap();
    assert_eq!(effect.columns, Columns::All);
    let statement = one("SELECT c.query_to_xml FROM customers c");
    assert_eq!(*statement.attributes, ["query_to_xml".into()]);
}

#[test]
fn a_with_query_hides_only_what_is_in_its_scope() {
    for (text, hidden) in [
        ("WITH secrets AS (SELECT 1) SELECT * FROM secrets", true),
        ("WITH secrets AS (SELECT 1) SELECT * FROM public.secrets", false),
        ("WITH secrets AS (SELECT * FROM secrets) SELECT 1", false),
        ("WITH RECURSIVE secrets AS (SELECT 1 UNION SELECT * FROM secrets) SELECT 1", true),
        ("WITH a AS (SELECT * FROM secrets), secrets AS (SELECT 1) SELECT * FROM a", false),
        ("SELECT * FROM (WITH secrets AS (SELECT 1) SELECT * FROM secrets) x", true),
        ("SELECT * FROM (WITH secrets AS (SELECT 1) SELECT 1) x, secrets", false),
        ("(WITH secrets AS (SELECT 1) SELECT * FROM secrets) UNION SELECT * FROM secrets", false),
        ("WITH secrets AS (SELECT 1) DELETE FROM secrets", false),
        ("WITH secrets AS (SELECT 1) INSERT INTO secrets VALUES (1)", false),
        ("WITH secrets AS (SELECT 1) SELECT 1; SELECT * FROM secrets", false),
        ("WITH \"Secrets\" AS (SELECT 1) SELECT * FROM secrets", false),
    ] {
        assert_eq!(reads(text, "secrets").is_empty(), hidden, "{text}");
    }
}

#[test]
fn temporary_relations_go_by_every_way() {
    for text in ["DROP SCHEMA s", "DROP TABLE t CASCADE", "DROP OWNED BY bob", "DROP TYPE t CASCADE"] {
        assert!(one(text).session.contains(&SessionChange::LoseTemporaries), "{text}");
    }
    for text in ["DROP TABLE customers", "DROP VIEW IF EXISTS customers", "DROP SEQUENCE pg_temp.customers"] {
        let dropped =
            |change: &SessionChange| matches!(change, SessionChange::DropRelation(name) if &*name.name == "customers");
        assert!(one(text).session.iter().any(dropped), "{text}");
    }
    let renamed =
        |change: &SessionChange| matches!(change, SessionChange::RenameRelation { to, .. } if &*to.name == "customers");
    assert!(one("ALTER TABLE x RENAME TO customers").session.iter().any(renamed));
    let falls = |change: &SessionChange| matches!(change, SessionChange::DropAtCommit(_));
    assert!(one("CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1").session.iter().any(falls));
    assert!(one("CREATE TEMP TABLE x (a int) ON COMMIT DROP").session.iter().any(falls));
    assert!(one("DO ''").barrier.contains(Barrier::UNKNOWN) && one("SELECT f()").barrier.contains(Barrier::UNKNOWN));
}

#[test]
fn an_execute_is_what_its_name_stands_for() {
    let prepared = one("PREPARE p AS DELETE FROM t WHERE id = $1");
    let Some(SessionChange::PrepareSql { statement, .. }) = prepared.session.first() else { panic!() };
    let execute = one("EXECUTE p(1)").expanded(statement);
    let actions: Vec<Action> = execute.effects.iter().map(|effect| effect.action).collect();
    assert_eq!(actions, [Action::Delete, Action::Select]);
    assert!(!execute.barrier.contains(Barrier::UNKNOWN));
    let opaque = one("EXECUTE p(1)").expanded(&one("DO ''"));
    assert!(opaque.is_opaque() && opaque.barrier.contains(Barrier::UNKNOWN));
}

#[test]
fn a_setting_that_may_not_be_set_is_not_taken_for_set() {
    let opaque =
        |text: &str| one(text).session.iter().all(|change| !matches!(change, SessionChange::SetSearchPath { .. }));
    assert!(opaque("SELECT set_config('search_path', 'x', false) WHERE false"));
    assert!(opaque("SELECT CASE WHEN false THEN set_config('search_path', 'x', false) END"));
    assert!(opaque("EXPLAIN SELECT set_config('search_path', 'x', false)"));
    assert!(opaque("SELECT set_config('search_path', $1, false)"));
    assert!(!opaque("SELECT set_config('search_path', 'x', false)"));
}
