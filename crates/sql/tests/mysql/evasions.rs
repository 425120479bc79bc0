//! Ways to hide what a statement does, each with the answer. Nothing leaves this file.

use crate::common::{ANSI_QUOTES, MARIADB, MYSQL, NO_BACKSLASH_ESCAPES, on_deep_stack, read, statements};
use portcullis_sql::dialect::{Dialect, Mode, SettingClass};
use portcullis_sql::mysql::{Flavour, MySql};
use portcullis_sql::{
    Action, Barrier, Columns, Effect, Name, NotAnalysed, SessionChange, SettingValue, Statement, Target,
};

pub(crate) fn one(server: &MySql, text: &str) -> Statement {
    read(server, Mode(0), text).unwrap_or_else(|error| panic!("{text}: {error:?}")).remove(0)
}

pub(crate) fn reads_on(server: &MySql, mode: Mode, text: &str, table: &str) -> Vec<Effect> {
    let touches = |effect: &Effect| matches!(&effect.target, Target::Relation(name) if *name.name == *table);
    let statements = read(server, mode, text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    statements.into_iter().flat_map(|statement| statement.effects).filter(touches).collect()
}

pub(crate) fn reads(text: &str, table: &str) -> Vec<Effect> {
    reads_on(&MYSQL, Mode(0), text, table)
}

pub(crate) fn is_refused(server: &MySql, text: &str) -> bool {
    matches!(read(server, Mode(0), text), Err(NotAnalysed::Syntax { .. } | NotAnalysed::NotText))
}

#[test]
fn a_table_is_found_wherever_it_hides() {
    on_deep_stack(|| {
        for text in [
            "SELECT * FROM secrets",
            "SELECT * FROM `secrets`",
            "SELECT * FROM .secrets",
            "SELECT * FROM db . secrets",
            "SELECT * FROM db.`secrets`",
            "SELECT*FROM`secrets`",
            "SELECT(1)FROM(secrets)",
            "SELECT 1e1FROM secrets",
            "SELECT 1.FROM secrets",
            "SELECT @a:=(1)FROM secrets",
            "SELECT/**/1/**/FROM/**/secrets",
            "SELECT 1 FROM--\tx\nsecrets",
            "SELECT 1 FROM#x\nsecrets",
            "SELECT 1 FROM # x\r # y\n secrets",
            "SELECT 5--1 FROM secrets",
            "SELECT * FROM {oj t LEFT JOIN secrets ON 1}",
            "SELECT * FROM {x secrets}",
            "SELECT {x (SELECT 1 FROM secrets)}",
            "SELECT * FROM t JOIN secrets",
            "SELECT * FROM t NATURAL LEFT OUTER JOIN secrets",
            "SELECT * FROM t STRAIGHT_JOIN secrets",
            "SELECT * FROM ((t, (u, secrets)))",
            "SELECT * FROM (SELECT * FROM (SELECT * FROM secrets) a) b",
            "SELECT * FROM t, LATERAL (SELECT * FROM secrets) x",
            "SELECT * FROM JSON_TABLE((SELECT a FROM secrets), '$' COLUMNS (a INT PATH '$')) x",
            "SELECT (SELECT a FROM secrets)",
            "SELECT ((SELECT a FROM secrets))",
            "SELECT (((SELECT a FROM secrets) + 1))",
            "SELECT ((SELECT 1) UNION (SELECT a FROM secrets))",
            "SELECT 1 UNION SELECT a FROM secrets",
            "(((SELECT 1))) UNION ALL (((SELECT a FROM secrets)))",
            "TABLE secrets",
            "VALUES ROW((SELECT a FROM secrets))",
            "WITH x AS (SELECT * FROM secrets) SELECT 1",
            "WITH RECURSIVE x AS (SELECT 1 UNION SELECT a FROM secrets) SELECT 1",
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM secrets)",
            "SELECT 1 WHERE 1 IN (SELECT a FROM secrets)",
            "SELECT 1 WHERE 1 IN (1, (SELECT a FROM secrets))",
            "SELECT 1 WHERE (1, 2) IN (SELECT a, b FROM secrets)",
            "SELECT 1 WHERE 1 = ANY (SELECT a FROM secrets)",
            "SELECT 1 WHERE 1 > ALL (TABLE secrets)",
            "SELECT 1 BETWEEN 0 AND (SELECT a FROM secrets)",
            "SELECT 1 LIKE (SELECT a FROM secrets) ESCAPE (SELECT b FROM t)",
            "SELECT 1 MEMBER OF ((SELECT a FROM secrets))",
            "SELECT CASE (SELECT a FROM secrets) WHEN 1 THEN 2 END",
            "SELECT 1 + INTERVAL (SELECT a FROM secrets) DAY",
            "SELECT INTERVAL(1, (SELECT a FROM secrets))",
            "SELECT CAST((SELECT a FROM secrets) AS CHAR)",
            "SELECT CONVERT((SELECT a FROM secrets) USING utf8mb4)",
            "SELECT EXTRACT(DAY FROM (SELECT a FROM secrets))",
            "SELECT TRIM(BOTH (SELECT a FROM secrets) FROM 'x')",
            "SELECT TRIM((SELECT a FROM secrets) FROM 'x')",
            "SELECT SUBSTRING('x' FROM (SELECT a FROM secrets) FOR 1)",
            "SELECT POSITION('x' IN (SELECT a FROM secrets))",
            "SELECT GROUP_CONCAT(1 ORDER BY (SELECT a FROM secrets) SEPARATOR 'x')",
            "SELECT MATCH (a) AGAINST ((SELECT a FROM secrets)) FROM t",
            "SELECT sum(1) OVER (ORDER BY (SELECT a FROM secrets))",
            "SELECT sum(1) OVER w FROM t WINDOW w AS (PARTITION BY (SELECT a FROM secrets))",
            "SELECT JSON_VALUE('{}', '$' DEFAULT (SELECT a FROM secrets) ON EMPTY)",
            "SELECT @a := (SELECT a FROM secrets)",
            "SELECT 1 ORDER BY (SELECT a FROM secrets)",
            "SELECT 1 GROUP BY (SELECT a FROM secrets) WITH ROLLUP",
            "SELECT 1 HAVING EXISTS (SELECT * FROM secrets)",
            "SELECT * FROM t JOIN u ON EXISTS (SELECT * FROM secrets)",
            "INSERT INTO t VALUES ((SELECT a FROM secrets))",
            "INSERT INTO t SET a = (SELECT a FROM secrets)",
            "INSERT INTO t SELECT * FROM secrets",
            "INSERT INTO t TABLE secrets",
            "INSERT INTO t (a) (SELECT a FROM secrets)",
            "INSERT INTO t WITH x AS (SELECT a FROM secrets) SELECT 1",
            "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = (SELECT a FROM secrets)",
            "REPLACE INTO t SELECT * FROM secrets",
            "UPDATE t SET a = (SELECT a FROM secrets)",
            "UPDATE t, secrets SET t.a = secrets.a",
            "UPDATE t JOIN (SELECT * FROM secrets) x SET t.a = x.a",
            "DELETE FROM t WHERE a IN (SELECT a FROM secrets)",
            "DELETE t FROM t JOIN secrets",
            "DELETE FROM t USING t, secrets",
            "DELETE FROM t ORDER BY (SELECT a FROM secrets) LIMIT 1",
            "EXPLAIN ANALYZE SELECT * FROM secrets",
            "DESC SELECT * FROM secrets",
            "CALL p((SELECT a FROM secrets))",
            "DO (SELECT a FROM secrets)",
            "SET @a = (SELECT a FROM secrets)",
            "SET SESSION sql_select_limit = (SELECT a FROM secrets)",
            "SHOW TABLES WHERE (SELECT a FROM secrets)",
            "KILL (SELECT a FROM secrets)",
            "HANDLER secrets OPEN",
            "LOCK TABLES t READ, secrets READ",
            "TRUNCATE secrets",
            "CREATE VIEW v AS SELECT * FROM secrets",
            "CREATE TABLE t SELECT * FROM secrets",
            "CREATE TABLE t (a INT) IGNORE AS (SELECT * FROM secrets)",
            "CREATE TABLE t LIKE secrets",
            "CREATE TABLE t (LIKE secrets)",
            "CREATE TABLE t TABLE secrets",
            "CREATE TABLE t AS VALUES ROW((SELECT a FROM secrets))",
            "CREATE TABLE t (a INT) UNION = (secrets)",
            "CREATE TABLE t (a INT) UNION := (secrets)",
            "CREATE TABLE t (a INT) UNION (.secrets)",
            "CREATE TABLE t (a INT) UNION := (u, . secrets)",
            "CREATE TABLE t (a INT) (SELECT 1) UNION (SELECT a FROM secrets)",
            "CREATE TABLE t TABLE .secrets",
            "ALTER TABLE t UNION (.secrets)",
            "CREATE TABLE t (a INT REFERENCES secrets (a))",
            "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE secrets",
            "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE .secrets",
            "ALTER TABLE t RENAME secrets",
            "RENAME TABLE t TO secrets",
            "DROP TABLE t, secrets",
            "ANALYZE TABLE secrets",
            "GRANT SELECT (a), INSERT ON TABLE secrets TO bob",
            "LOAD DATA LOCAL INFILE 'x' INTO TABLE secrets",
            "LOAD DATA LOCAL INFILE 'x' INTO TABLE t SET a = (SELECT a FROM secrets)",
            "SELECT 1; SELECT * FROM secrets",
            "SELECT ';'; SELECT * FROM secrets",
            "SELECT 1 /*!50000 FROM secrets */",
            "SELECT 1 /*! FROM*/ /*!00000secrets*/",
            "SELECT /*!99999 1 */ * FROM secrets",
            "SELECT /*!99999 /* */ 1, */ * FROM secrets",
            "SELECT 1 /*+ x */ FROM secrets",
            "SELECT 'a\\'' FROM secrets",
            "SELECT 'a\\\\' FROM secrets",
            "SELECT 'a''' FROM secrets",
            "SELECT \"a\\\"\" FROM secrets",
            "SELECT N'a' 'b' FROM secrets",
            "SELECT _utf8mb4 x'27' FROM secrets",
        ] {
            assert!(!reads(text, "secrets").is_empty(), "{text}");
        }
    });
}

#[test]
fn mariadb_hides_tables_too() {
    on_deep_stack(|| {
        for text in [
            "SELECT 1 /*M! FROM secrets */",
            "SELECT 1 /*M!100000 FROM secrets */",
            "SELECT 1 /*!100000 FROM secrets */",
            "SELECT NEXT VALUE FOR secrets",
            "SELECT nextval(secrets)",
            "CREATE TABLE t (a INT DEFAULT NEXT VALUE FOR secrets)",
            "CREATE TABLE t (a INT DEFAULT (PREVIOUS VALUE FOR .secrets), b INT)",
            "CREATE TABLE t (a INT DEFAULT nextval(hr.secrets))",
            "CREATE TABLE t (a INT DEFAULT lastval (.secrets), b INT)",
            "CREATE TABLE t (a INT DEFAULT CASE WHEN 1 THEN setval(secrets, 1) END)",
            "ALTER TABLE t ADD a INT DEFAULT NEXT VALUE FOR secrets, ALTER b SET DEFAULT 1",
            "ALTER TABLE t ALTER COLUMN a SET DEFAULT (1 + NEXT VALUE FOR secrets)",
            "ALTER TABLE t CONVERT TABLE .secrets TO PARTITION p",
            "CREATE TABLE t AS VALUES ((SELECT a FROM secrets))",
            "SELECT * FROM secrets FOR SYSTEM_TIME ALL",
            "VALUES ((SELECT a FROM secrets))",
            "SELECT * FROM (VALUES ((SELECT a FROM secrets))) x",
            "EXECUTE IMMEDIATE 'SELECT * FROM secrets'",
            "EXECUTE IMMEDIATE 'SELECT * ' 'FROM secrets'",
            "SET STATEMENT max_statement_time = 1 FOR SELECT * FROM secrets",
            "ANALYZE FORMAT=JSON SELECT * FROM secrets",
            "INSERT INTO t VALUES (1) RETURNING (SELECT a FROM secrets)",
            "DELETE FROM t RETURNING (SELECT a FROM secrets)",
            "REPLACE INTO t VALUES (1) RETURNING (SELECT a FROM secrets)",
        ] {
            assert!(!reads_on(&MARIADB, Mode(0), text, "secrets").is_empty(), "{text}");
        }
    });
}

#[test]
fn comments_hide_from_the_server_what_they_hide_from_us() {
    for text in [
        "SELECT 1 -- FROM secrets",
        "SELECT 1 # FROM secrets",
        "SELECT 1 /* FROM secrets */",
        "SELECT 1 /* /* */ -- FROM secrets",
        "SELECT 1 /*!99999 FROM secrets */",
        "SELECT 1 /*!99999 /* */ FROM secrets */",
        "SELECT 1 /*M! FROM secrets */",
        "SELECT 1 --",
        "SELECT ' FROM secrets'",
        "SELECT ' \\' FROM secrets'",
        "SELECT @' FROM secrets'",
        "SELECT ` FROM secrets` FROM t",
    ] {
        assert!(reads(text, "secrets").is_empty(), "{text}");
    }
    for text in ["SELECT 1 /*!50701 FROM secrets */", "SELECT 1 /*!99998 FROM secrets */", "SELECT 1 /*M!110000 x */"] {
        assert!(reads_on(&MARIADB, Mode(0), text, "secrets").is_empty(), "{text}");
    }
}

/// The same text, by servers of different kinds and versions.
#[test]
fn executable_comments_are_the_servers_own() {
    let server = |flavour, version| MySql { flavour, version, lower_case_tables: false };
    let runs = |flavour, version, comment: &str| {
        let text = format!("SELECT 1 {comment} FROM secrets */");
        read(&server(flavour, version), Mode(0), &text).map(|found| !found[0].effects.is_empty()).ok()
    };
    for (flavour, version, comment, expected) in [
        (Flavour::MySql, 90_700, "/*!", Some(true)),
        (Flavour::MySql, 90_700, "/*!123", None),
        (Flavour::MySql, 90_700, "/*!90700", Some(true)),
        (Flavour::MySql, 90_700, "/*!90701", Some(false)),
        (Flavour::MySql, 90_700, "/*!090700", Some(true)),
        (Flavour::MySql, 90_700, "/*!100000", Some(false)),
        (Flavour::MySql, 90_700, "/*!1000000", None),
        (Flavour::MySql, 80_033, "/*!080000", None),
        (Flavour::MySql, 80_033, "/*!80100", Some(false)),
        (Flavour::MySql, 90_700, "/*M!", Some(false)),
        (Flavour::MariaDb, 101_116, "/*!", Some(true)),
        (Flavour::MariaDb, 101_116, "/*!50699", Some(true)),
        (Flavour::MariaDb, 101_116, "/*!50700", Some(false)),
        (Flavour::MariaDb, 100_600, "/*!50700", None),
        (Flavour::MariaDb, 101_116, "/*!50701", Some(false)),
        (Flavour::MariaDb, 101_116, "/*!99997", None),
        (Flavour::MariaDb, 101_116, "/*!99999", Some(false)),
        (Flavour::MariaDb, 101_116, "/*!100000", Some(true)),
        (Flavour::MariaDb, 101_116, "/*!101116", Some(true)),
        (Flavour::MariaDb, 101_116, "/*!101117", Some(false)),
        (Flavour::MariaDb, 101_116, "/*M!50701", Some(true)),
        (Flavour::MariaDb, 101_116, "/*M!101117", Some(false)),
        (Flavour::MariaDb, 101_116, "/*m!", Some(false)),
    ] {
        assert_eq!(runs(flavour, version, comment), expected, "{flavour:?} {version} {comment}");
    }
}

#[test]
fn what_servers_disagree_on_is_refused() {
    for text in [
        "SELECT 1 /*! + /*! 1 */ + 1 */",
        "SELECT 1 /*!50000 ; SELECT 2 */",
        "SELECT 1 /*!50000",
        "SELECT 1 /*!99999 /* */",
        "SELECT 1 /*",
        "SELECT 1 /*+ ' */ FROM t",
        "SELECT 1 */",
        "SELECT 1 `",
        "SELECT ``",
        "SELECT $$ 1 $$",
        "SELECT @",
        "SELECT @@",
        "SELECT 1 =! 1",
        "SELECT 'a",
        "SELECT \"a",
        "SELECT 'a\\'",
        "SELECT \\N",
        "SELECT [1]",
        "SELECT \u{1}1",
    ] {
        assert!(is_refused(&MYSQL, text), "{text}");
    }
    assert!(is_refused(&MARIADB, "SELECT a->'$.b' FROM t"));
}

#[test]
fn a_broken_exponent_is_odd() {
    for text in ["SELECT a 1.e FROM t", "SELECT 1.e(a) FROM t", "SELECT a FROM s 1.e.t", "SELECT .1e+"] {
        assert!(is_refused(&MYSQL, text), "{text}");
    }
    assert!(!is_refused(&MYSQL, "SELECT 1e, 1e5, 1.e5, .5e-3 FROM t"));
}

#[test]
fn an_open_comment_is_odd() {
    for text in ["SELECT 1 /* x", "SELECT 1 /*! x", "SELECT 1 /*!99999 x", "SELECT 1 /*"] {
        assert!(is_refused(&MYSQL, text) && is_refused(&MARIADB, text), "{text}");
    }
}

#[test]
fn letters_that_another_character_set_reads_otherwise_are_odd() {
    let single_byte = Mode(32);
    assert_eq!(reads_on(&MYSQL, Mode(0), "SELECT à FROM t", "t").len(), 1);
    assert!(read(&MYSQL, single_byte, "SELECT à FROM t").is_err());
    assert!(read(&MYSQL, single_byte, "SELECT 'à', `à` FROM t").is_ok());
    assert!(is_refused(&MYSQL, "SELECT \u{1f600} FROM t"));
    assert!(MYSQL.analyse(b"SELECT '\xbf'", Mode(0), &portcullis_sql::Limits::default()).is_err());
    assert!(is_refused(&MYSQL, "SELECT 1\0; DROP TABLE t"));
}

#[test]
fn quotes_mean_what_the_session_says() {
    let count = |mode: Mode, text: &str| read(&MYSQL, mode, text).unwrap().len();
    let text = "SELECT 'a\\'; DELETE FROM t; -- '";
    assert_eq!(count(Mode(0), text), 1);
    assert_eq!(count(NO_BACKSLASH_ESCAPES, text), 2);
    let text = "SELECT a FROM t WHERE b = \"c\"";
    assert_eq!(reads_on(&MYSQL, Mode(0), text, "t")[0].where_equals, ["b".into()]);
    assert_eq!(reads_on(&MYSQL, ANSI_QUOTES, text, "t")[0].where_equals, []);
    let text = "SELECT \"a\\\" FROM secrets; -- \"";
    assert_eq!(count(Mode(0), text), 1);
    assert_eq!(count(ANSI_QUOTES, text), 1);
    assert_eq!(reads_on(&MYSQL, ANSI_QUOTES, text, "secrets").len(), 1);
}

#[test]
fn a_space_calls_another_function() {
    let calls = |mode: Mode, text: &str| read(&MYSQL, mode, text).unwrap()[0].functions.len();
    let ignore_space = Mode(8);
    for text in ["SELECT count (a) FROM t", "SELECT now/**/()", "SELECT `sum`(a) FROM t", "SELECT s.lower('x')"] {
        assert_eq!(calls(Mode(0), text), 1, "{text}");
        assert!(one(&MYSQL, text).barrier.contains(Barrier::UNKNOWN), "{text}");
    }
    assert_eq!(calls(ignore_space, "SELECT count (a), now/**/() FROM t"), 0);
    assert_eq!(calls(ignore_space, "SELECT `count`(a) FROM t"), 1);
    assert_eq!(calls(Mode(0), "SELECT st_collect(a) FROM t"), 0);
    assert_eq!(calls(Mode(0), "SELECT st_collect (a) FROM t"), 1);
    for (server, listed) in [(MYSQL, 0), (MARIADB, 1)] {
        assert_eq!(one(&server, "SELECT rank () FROM t").functions.len(), listed);
    }
    assert_eq!(calls(Mode(0), "SELECT lower ('x'), count(a) FROM t"), 0);
}

#[test]
fn a_function_that_the_server_lacks_is_somebody_elses() {
    assert_eq!(one(&MARIADB, "SELECT uuid_to_bin(a) FROM t").functions.len(), 1);
    assert_eq!(one(&MYSQL, "SELECT uuid_to_bin(a) FROM t").functions.len(), 0);
    assert_eq!(one(&MYSQL, "SELECT json_detailed(a) FROM t").functions.len(), 1);
}

#[test]
fn what_cannot_be_known_is_unknown() {
    for text in [
        "PREPARE p FROM @sql",
        "PREPARE p FROM CONCAT('SELECT ', '1')",
        "PREPARE p FROM 'SELECT 1' + 1",
        "EXECUTE p",
        "EXECUTE p USING @a",
        "HANDLER t READ NEXT",
        "CREATE PROCEDURE p() SELECT 1; SELECT 1",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW INSERT INTO u VALUES (1)",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "ALTER EVENT e DO DELETE FROM t",
        "BEGIN NOT ATOMIC SELECT 1; END",
        "BEGIN SELECT 1; END",
        "IF 1 THEN SELECT 1; END IF",
        "x: LOOP SELECT 1; END LOOP",
        "DECLARE x INT",
        "BINLOG 'x'",
        "DELIMITER //",
        "FROBNICATE",
        "UPDATE (SELECT 1 AS a) x SET x.a = 1",
    ] {
        let statement = one(&MYSQL, text);
        assert!(statement.is_opaque() && statement.barrier.contains(Barrier::UNKNOWN), "{text}");
    }
    for text in
        ["EXECUTE IMMEDIATE @a", "EXECUTE IMMEDIATE concat('a', 'b')", "SET STATEMENT sql_mode = '' FOR SELECT 1"]
    {
        assert!(one(&MARIADB, text).is_opaque(), "{text}");
    }
}

#[test]
fn an_option_is_found_however_it_is_written() {
    let manages = |text: &str| one(&MARIADB, text).effects.iter().any(|effect| effect.action == Action::Admin);
    for text in [
        "CREATE TABLE t (a INT) DATA DIRECTORY := '/tmp'",
        "CREATE TABLE t (a INT) INDEX DIRECTORY '/tmp'",
        "CREATE TABLE t (a INT) ENGINE := FEDERATED",
        "CREATE TABLE t (a INT) CONNECTION := 'mysql://u@h/d/t'",
        "CREATE TABLE t (a INT) ROW_FORMAT = DEFAULT ENGINE := FEDERATED",
        "CREATE TABLE t (a INT) ROW_FORMAT DEFAULT ENGINE FEDERATED",
        "CREATE TABLE t (a INT DEFAULT 5) ENGINE = FEDERATED",
        "CREATE TABLE t (a INT) PARTITION BY LIST (a) (PARTITION p DEFAULT DATA DIRECTORY := '/tmp')",
        "ALTER TABLE t ENGINE := FEDERATED",
        "ALTER TABLE t IMPORT TABLESPACE",
        "ALTER TABLE t IMPORT PARTITION p0 TABLESPACE",
        "ALTER TABLE t IMPORT PARTITION ALL TABLESPACE",
    ] {
        assert!(manages(text), "{text}");
    }
    for text in ["CREATE TABLE t (a INT) ENGINE := InnoDB COMMENT := 'x'", "ALTER TABLE t ROW_FORMAT := DEFAULT"] {
        assert!(!manages(text), "{text}");
    }
    // What a default or a row of the query computes is called.
    for text in [
        "CREATE TABLE t (a INT DEFAULT (steal()))",
        "CREATE TABLE t (a INT DEFAULT steal(1))",
        "CREATE TABLE t (a INT DEFAULT hr.steal())",
        "ALTER TABLE t ALTER a SET DEFAULT (1 + steal())",
        "CREATE TABLE t AS VALUES (steal())",
        "CREATE TABLE t VALUES (1), (steal())",
        "CREATE TABLE t (VALUES (steal()))",
    ] {
        let called = one(&MARIADB, text).functions;
        assert!(called.iter().any(|name| &*name.name == "steal"), "{text}: {called:?}");
    }
}

#[test]
fn only_the_sessions_own_grants_are_shown_to_all() {
    let manages =
        |server: &MySql, text: &str| one(server, text).effects.iter().any(|effect| effect.action == Action::Admin);
    for text in ["SHOW GRANTS", "SHOW GRANTS FOR CURRENT_USER", "SHOW GRANTS FOR CURRENT_USER ( )"] {
        assert!(!manages(&MYSQL, text) && !manages(&MARIADB, text), "{text}");
    }
    for text in ["SHOW GRANTS FOR bob", "SHOW GRANTS FOR 'CURRENT_USER'@'%'", "SHOW GRANTS FOR CURRENT_USER USING r"] {
        assert!(manages(&MYSQL, text) && manages(&MARIADB, text), "{text}");
    }
    for role in ["SHOW GRANTS FOR CURRENT_ROLE", "SHOW GRANTS FOR `CURRENT_ROLE`"] {
        assert!(manages(&MYSQL, role), "{role}");
    }
    assert!(!manages(&MARIADB, "SHOW GRANTS FOR CURRENT_ROLE"));
}

#[test]
fn a_word_of_the_other_server_is_a_column() {
    let text = "SELECT id FROM t WHERE id = current_role";
    let columns = |server: &MySql| reads_on(server, Mode(0), text, "t").remove(0);
    assert_eq!(columns(&MYSQL).columns, Columns::Named(["current_role".into(), "id".into()].into()));
    assert!(columns(&MYSQL).where_equals.is_empty() && columns(&MARIADB).where_equals.len() == 1);
}

#[test]
fn what_heads_a_list_of_assignments_hides_none() {
    let text =
        "SET ROLE NONE, sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\'; SELECT email FROM customers LIMIT 1; -- '";
    let first = one(&MARIADB, text);
    let changes: Vec<&str> = first.session.iter().filter_map(set_name).collect();
    assert_eq!(changes, ["role", "sql_mode"]);
    assert!(first.barrier.contains(Barrier::SETTINGS));
    let has = |text: &str, action: Action, target: Target| {
        let found = one(&MARIADB, text).effects.iter().any(|effect| effect.action == action && effect.target == target);
        assert!(found, "{text}");
    };
    let setting = |name: &str| Target::Setting(name.into());
    for head in [
        "ROLE NONE",
        "ROLE 'x'",
        "DEFAULT ROLE NONE",
        "DEFAULT ROLE x FOR 'bob'@'%'",
        "DEFAULT ROLE x FOR CURRENT_USER()",
        "PASSWORD = ''",
        "PASSWORD := ''",
        "PASSWORD FOR bob = PASSWORD('x')",
        "PASSWORD FOR CURRENT_USER() = OLD_PASSWORD('x')",
        "@a = 1",
    ] {
        has(&format!("SET {head}, GLOBAL long_query_time = 12"), Action::Admin, setting("long_query_time"));
        has(&format!("SET {head}, PASSWORD = 'hunter2'"), Action::Grant, Target::Session);
        has(&format!("SET {head}, PASSWORD FOR 'bob'@'%' := PASSWORD('hunter2')"), Action::Grant, Target::Session);
        has(&format!("SET {head}, ROLE x"), Action::Set, Target::Session);
        let text = format!("SET {head}, sql_mode = 'ANSI_QUOTES'");
        has(&text, Action::Set, setting("sql_mode"));
        let statement = one(&MARIADB, &text);
        assert!(statement.barrier.contains(Barrier::SETTINGS), "{text}");
        assert_eq!(statement.session.iter().filter_map(set_name).next_back(), Some("sql_mode"), "{text}");
        let text = format!("SET {head}, @b = (SELECT a FROM secrets)");
        assert!(!reads_on(&MARIADB, Mode(0), &text, "secrets").is_empty(), "{text}");
    }
    // MySQL knows no such lists: there a comma parts roles.
    for text in ["SET ROLE NONE, sql_mode = ''", "SET @a = 1, ROLE x", "SET DEFAULT ROLE x TO bob, @@sql_mode = ''"] {
        assert!(is_refused(&MYSQL, text), "{text}");
    }
    for text in ["SET ROLE a, 'b'@'%'", "SET ROLE ALL EXCEPT a, b", "SET DEFAULT ROLE a, b TO bob, 'ann'@'localhost'"] {
        assert!(!is_refused(&MYSQL, text), "{text}");
    }
}

fn set_name(change: &SessionChange) -> Option<&str> {
    match change {
        SessionChange::Set { name, .. } => Some(name),
        _ => None,
    }
}

#[test]
fn prepared_text_is_read() {
    let statement = one(&MYSQL, "PREPARE p FROM 'DELETE FROM t WHERE id = ?'");
    let Some(SessionChange::PrepareSql { name, statement: inner }) = statement.session.first() else { panic!() };
    assert_eq!((&**name, inner.effects.len(), inner.parameters), ("p", 2, 1));
    let execute = one(&MYSQL, "EXECUTE P").expanded(inner);
    assert!(execute.effects.iter().any(|effect| effect.action == Action::Delete) && !execute.is_opaque());
    assert!(is_refused(&MYSQL, "PREPARE p FROM 'SELECT 1; SELECT 2'"));
    assert!(is_refused(&MYSQL, "PREPARE p FROM 'SELECT \\0'"));
    assert!(is_refused(&MYSQL, "PREPARE p FROM ''"));
}

#[test]
fn a_backslash_before_a_wildcard_stays() {
    for (inner, table) in [
        (r"SELECT * FROM `a\_b`", r"a\_b"),
        (r"SELECT * FROM `a\%b`", r"a\%b"),
        (r"SELECT * FROM `a\\_b`", r"a\_b"),
        (r"SELECT * FROM `a\-b`", "a-b"),
    ] {
        let text = format!("EXECUTE IMMEDIATE '{inner}'");
        assert_eq!(reads_on(&MARIADB, Mode(0), &text, table).len(), 1, "{text}");
        let prepare = one(&MYSQL, &format!("PREPARE p FROM \"{inner}\""));
        let Some(SessionChange::PrepareSql { statement, .. }) = prepare.session.first() else { panic!("{inner}") };
        assert_eq!(statement.effects[0].target, Target::Relation(Name::bare(table)), "{inner}");
    }
    // A pattern of a prepared statement means what it says, and a bare name with a backslash is none.
    assert_eq!(reads_on(&MARIADB, Mode(0), r"EXECUTE IMMEDIATE 'SELECT 1 FROM t WHERE a LIKE \'x\_\''", "t").len(), 1);
    assert!(is_refused(&MARIADB, r"EXECUTE IMMEDIATE 'SELECT * FROM a\_b'"));
}

#[test]
fn what_reading_text_depends_on_is_tracked() {
    let class = |text: &str| {
        let statement = one(&MYSQL, text);
        let change = statement.session.into_iter().next_back();
        let Some(SessionChange::Set { name, value, .. }) = change else { panic!("{text}") };
        MYSQL.setting(&name, &value, Mode(0))
    };
    assert_eq!(class("SET sql_mode = 'ANSI_QUOTES'"), SettingClass::Mode(Mode(1)));
    assert_eq!(class("SET @@SESSION.SQL_MODE = 'NO_BACKSLASH_ESCAPES'"), SettingClass::Mode(Mode(2)));
    assert_eq!(class("SET LOCAL sql_mode := ansi"), SettingClass::Mode(Mode(13)));
    assert_eq!(class("SET a = 1, sql_mode = ''"), SettingClass::Mode(Mode(0)));
    for text in [
        "SET sql_mode = 4",
        "SET sql_mode = ORACLE",
        "SET sql_mode = 'ANSI' 'x'",
        "SET sql_mode = current_user",
        "SET sql_mode = NULL",
        "SET NAMES gbk",
        "SET CHARSET sjis",
        "SET CHARACTER SET 'big5'",
        "SET character_set_client = cp932",
    ] {
        assert_eq!(class(text), SettingClass::Unreadable, "{text}");
    }
    // What only the server can say.
    for text in [
        "SET sql_mode = @a",
        "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')",
        "SET @@SESSION.sql_mode = CONCAT(CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), ',NO_AUTO_VALUE_ON_ZERO')",
        "SET sql_mode = (SELECT REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', ''))",
        "SET sql_mode = DEFAULT",
        "SET sql_mode = _latin1'ANSI'",
        "SET sql_mode = x'414E5349'",
        "SET GLOBAL a = 1, sql_mode = ''",
        "SET NAMES DEFAULT",
        "SET CHARACTER SET utf8mb4",
        "SET character_set_results = @a",
        "SET collation_connection = DEFAULT",
    ] {
        assert_eq!(class(text), SettingClass::Asked, "{text}");
    }
    let hinted = one(&MYSQL, "SELECT /*+ Set_Var(sql_mode = '') */ 1");
    assert!(hinted.effects.iter().any(|effect| effect.action == Action::Set));
    assert!(!MYSQL.settings_follow_transactions());
    assert_eq!(MYSQL.setting("@a", &SettingValue::Opaque, Mode(0)), SettingClass::Harmless);
}

#[test]
fn passwords_are_marked() {
    for text in [
        "SET PASSWORD = 'hunter2'",
        "SET PASSWORD FOR bob = 'hunter2'",
        "SET PASSWORD FOR 'bob'@'%' = PASSWORD('hunter2')",
        "CREATE USER bob IDENTIFIED BY 'hunter2'",
        "CREATE USER bob IDENTIFIED WITH mysql_native_password BY 'hunter2'",
        "CREATE USER bob IDENTIFIED BY PASSWORD 'hunter2'",
        "ALTER USER bob IDENTIFIED BY 'x' REPLACE 'hunter2'",
        "GRANT USAGE ON *.* TO bob IDENTIFIED BY 'hunter2'",
        "CHANGE MASTER TO MASTER_USER = 'r', MASTER_PASSWORD = 'hunter2'",
        "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD='hunter2'",
        "START REPLICA USER = 'r' PASSWORD = 'hunter2'",
        "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (PASSWORD 'hunter2')",
        "CLONE INSTANCE FROM u@h:3306 IDENTIFIED BY 'hunter2'",
        "SELECT AES_DECRYPT(a, 'hunter2') FROM t",
        "INSERT INTO users (name) SELECT a FROM t WHERE password = 'hunter2'",
    ] {
        let statement = one(&MYSQL, text);
        assert!(statement.secrets.iter().any(|range| &text[range.clone()] == "'hunter2'"), "{text}");
    }
    for text in [
        "SET @a = 1, PASSWORD = 'hunter2'",
        "SET ROLE NONE, PASSWORD FOR 'bob'@'%' = PASSWORD('hunter2')",
        "SET PASSWORD FOR bob@localhost := OLD_PASSWORD('hunter2'), @b = 2",
    ] {
        let statement = one(&MARIADB, text);
        assert!(statement.secrets.iter().any(|range| &text[range.clone()] == "'hunter2'"), "{text}");
    }
    let text = "PREPARE p FROM 'ALTER USER bob IDENTIFIED BY \"hunter2\"'";
    assert_eq!(one(&MYSQL, text).secrets.len(), 1);
}

#[test]
fn a_refusal_says_where() {
    let Err(NotAnalysed::Syntax { position, .. }) = statements("SELECT a FROM t WHEER b") else { panic!() };
    assert_eq!(position, Some(22));
    let Err(NotAnalysed::Syntax { position, .. }) = statements("SELECT a FROM") else { panic!() };
    assert_eq!(position, Some(13));
}
