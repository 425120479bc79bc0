//! Text that is built to hurt: deep, long, broken. All of it is answered, quickly, and none of it ends the process.

use std::time::{Duration, Instant};

use crate::common::{MARIADB, MYSQL, on_deep_stack, read, statements};
use portcullis_sql::dialect::{Dialect, Mode};
use portcullis_sql::{Action, Columns, Limits, NotAnalysed};

fn shapes(n: usize) -> Vec<(&'static str, String)> {
    vec![
        ("parens", format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n))),
        ("open parens", "(".repeat(n)),
        ("subselects", format!("{}1{}", "SELECT (".repeat(n), ")".repeat(n))),
        ("from", format!("{}t{}", "SELECT * FROM (".repeat(n), ") x".repeat(n))),
        ("table parens", format!("SELECT * FROM {}t{}", "(".repeat(n), ")".repeat(n))),
        ("oj", format!("SELECT * FROM {}t{}", "{oj ".repeat(n), "}".repeat(n))),
        ("odbc", format!("SELECT {}1{}", "{d ".repeat(n), "}".repeat(n))),
        ("unions", vec!["SELECT 1"; n].join(" UNION ALL ")),
        ("excepts", vec!["SELECT 1"; n].join(" EXCEPT ")),
        ("union parens", format!("{}SELECT 1{}", "(".repeat(n), ") UNION SELECT 1".repeat(n))),
        ("joins", format!("SELECT * FROM t {}", "JOIN t ".repeat(n))),
        ("joins on", format!("SELECT * FROM t {}", "JOIN t ON true ".repeat(n))),
        ("straight joins", format!("SELECT * FROM t {}", "STRAIGHT_JOIN t ".repeat(n))),
        ("left joins", format!("SELECT * FROM t {}", "LEFT JOIN t ".repeat(n))),
        ("natural", format!("SELECT * FROM t {}", "NATURAL JOIN t ".repeat(n))),
        ("tables", format!("SELECT a FROM t{}", ", t".repeat(n))),
        ("tables and names", format!("SELECT {}1 FROM t{}", "a, b, c.d, ".repeat(n), ", t".repeat(n))),
        ("names", format!("SELECT {} FROM t", (0..n).map(|i| format!("a{i}")).collect::<Vec<_>>().join(", "))),
        ("plus", format!("SELECT 1{}", "+1".repeat(n))),
        ("minus", format!("SELECT {}1", "- ".repeat(n))),
        ("bang", format!("SELECT {}1", "!".repeat(n))),
        ("tilde", format!("SELECT {}1", "~".repeat(n))),
        ("binary", format!("SELECT {}1", "BINARY ".repeat(n))),
        ("not", format!("SELECT {}true", "NOT ".repeat(n))),
        ("is", format!("SELECT a{}", " IS NULL".repeat(n))),
        ("collate", format!("SELECT a{}", " COLLATE c".repeat(n))),
        ("case", format!("SELECT {}1{}", "CASE WHEN ".repeat(n), " THEN 1 END".repeat(n))),
        ("open case", "SELECT CASE ".repeat(n)),
        ("and", format!("SELECT a{}", " AND a".repeat(n))),
        ("and or", format!("SELECT a{}", " AND b OR a".repeat(n))),
        ("equals", format!("SELECT a{}", " = a".repeat(n))),
        ("assign", format!("SELECT {}1", "@a := ".repeat(n))),
        ("interval", format!("SELECT {}1{}", "INTERVAL ".repeat(n), " DAY".repeat(n))),
        ("interval parens", format!("SELECT {}1{}", "INTERVAL (".repeat(n), ") DAY".repeat(n))),
        ("between", format!("SELECT a{}", " BETWEEN 1 AND 2".repeat(n))),
        ("between between", format!("SELECT a{}", " BETWEEN 1 AND a".repeat(n))),
        ("like", format!("SELECT a{}", " LIKE a".repeat(n))),
        ("arrows", format!("SELECT a{}", "->'$.a'".repeat(n))),
        ("with", format!("{}SELECT 1", "WITH a AS (".repeat(n))),
        ("ctes", format!("WITH {}z AS (SELECT 1) SELECT 1", "a AS (SELECT 1), ".repeat(n))),
        ("in", format!("SELECT a IN ({}1)", "1,".repeat(n))),
        ("functions", format!("SELECT {}1{}", "f(".repeat(n), ")".repeat(n))),
        ("exists", format!("SELECT {}1{}", "EXISTS (SELECT ".repeat(n), ")".repeat(n))),
        ("json table", format!("SELECT * FROM JSON_TABLE('', '' {}", "COLUMNS (NESTED '' ".repeat(n))),
        ("explain", format!("{}SELECT 1", "EXPLAIN ".repeat(n))),
        ("set statement", format!("{}SELECT 1", "SET STATEMENT a = 1 FOR ".repeat(n))),
        ("prepare", format!("{}SELECT 1", "PREPARE a FROM '".repeat(n))),
        ("statements", "SELECT 1;".repeat(n)),
        ("semicolons", ";".repeat(n)),
        ("comments", format!("{}SELECT 1", "/*".repeat(n))),
        ("empty comments", format!("{}SELECT 1", "/**/".repeat(n))),
        ("executable", format!("{}SELECT 1", "/*!".repeat(n))),
        ("skipped", format!("SELECT 1 /*!99999 {}", "/* */".repeat(n))),
        ("hints", format!("SELECT {}1", "/*+ a */".repeat(n))),
        ("run of less", format!("SELECT 1 {} 1", "<".repeat(n))),
        ("at signs", "@".repeat(n)),
        ("quotes", "'".repeat(n)),
        ("backquotes", "`".repeat(n)),
        ("backslashes", format!("SELECT '{}'", "\\".repeat(n))),
        ("dots", format!("SELECT a{}", ".a".repeat(n))),
        ("values", format!("INSERT INTO t VALUES {}(1)", "(1),".repeat(n))),
        ("index hints", format!("SELECT 1 FROM t {}", "USE INDEX (a) ".repeat(n))),
        ("locks", format!("SELECT 1 FROM t {}", "FOR UPDATE ".repeat(n))),
        ("create", format!("CREATE TABLE t {}", "(a INT ".repeat(n))),
        ("targets", format!("DELETE FROM t{} USING t", ", t".repeat(n))),
        ("duplicates", format!("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1{}", ", a = 1".repeat(n))),
    ]
}

#[test]
fn hostile_shapes_are_refused_quickly() {
    on_deep_stack(|| {
        let mut key = Vec::new();
        for n in [100, 900, 5_000, 20_000] {
            for (name, text) in shapes(n) {
                for server in [MYSQL, MARIADB] {
                    let start = Instant::now();
                    let outcome = read(&server, Mode(0), &text);
                    server.key(text.as_bytes(), Mode(0), &mut key);
                    let took = start.elapsed();
                    assert!(took < Duration::from_secs(20), "{name} x {n}: {took:?}, analysed: {}", outcome.is_ok());
                }
            }
        }
    });
}

#[test]
fn depth_is_refused_before_the_walk() {
    for n in [101, 100_000] {
        let text = format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n));
        assert_eq!(statements(&text), Err(NotAnalysed::TooDeep));
    }
    let joins = format!("SELECT * FROM t {}", "JOIN t ".repeat(5_000));
    assert_eq!(statements(&joins), Err(NotAnalysed::TooComplex("joins")));
    let tables = format!("SELECT * FROM t{}", ", t".repeat(5_000));
    assert_eq!(statements(&tables), Err(NotAnalysed::TooComplex("joins")));
    let plus = format!("SELECT 1{}", "+1".repeat(5_000));
    assert_eq!(statements(&plus), Err(NotAnalysed::TooComplex("operators")));
    let unions = vec!["SELECT 1"; 5_000].join(" UNION ");
    assert_eq!(statements(&unions), Err(NotAnalysed::TooComplex("set operations")));
    assert_eq!(statements(&"SELECT 1;".repeat(20_000)), Err(NotAnalysed::TooComplex("statements")));
}

#[test]
fn honest_generated_statements_pass() {
    on_deep_stack(|| {
        let rows = vec!["(-1, 'x', 1 + 2)"; 5_000].join(", ");
        let conditions = vec!["(a = 1 AND b = -2)"; 2_000].join(" OR ");
        for text in [
            format!("INSERT INTO t VALUES {rows}"),
            format!("SELECT a FROM t WHERE {conditions}"),
            vec!["SELECT a FROM t"; 300].join(" UNION ALL "),
            format!("SELECT * FROM t {}", "JOIN u ON t.a = u.a ".repeat(100)),
            format!("SELECT {}1{}", "(".repeat(60), ")".repeat(60)),
        ] {
            let outcome = statements(&text);
            assert!(outcome.as_ref().is_ok_and(|found| !found[0].is_opaque()), "{text:.60}: {:?}", outcome.err());
        }
    });
}

#[test]
fn what_is_not_text_is_refused() {
    let limits = Limits::default();
    let analyse = |text: &[u8], limits: &Limits| MYSQL.analyse(text, Mode(0), limits);
    assert_eq!(analyse(b"SELECT '\xff'", &limits), Err(NotAnalysed::NotText));
    assert_eq!(analyse(b"SELECT 1\0; DROP TABLE t", &limits), Err(NotAnalysed::NotText));
    assert_eq!(analyse(b"SELECT 1", &Limits { bytes: 7, ..limits }), Err(NotAnalysed::TooLong(8)));
    assert_eq!(analyse(b"", &limits).unwrap().len(), 0);
    assert_eq!(analyse(b" ; -- x\n;", &limits).unwrap().len(), 0);
}

#[test]
fn what_the_second_reader_tries_twice_costs_no_time() {
    on_deep_stack(|| {
        let around = |open: &str, inner: &str, close: &str, n: usize| {
            format!("SELECT 1 FROM t WHERE {}{inner}{}", open.repeat(n), close.repeat(n))
        };
        for n in [8, 16, 24, 36, 46] {
            for text in [
                around("position(", "id", ")", n),
                around("position(1 + ", &"id.".repeat(1_000), "id)", n),
                around("position(f(", "id", ") IN a)", n / 2),
                around("1 IN ((SELECT ", "1", ") + 1)", n / 2),
                format!("SELECT 1 FROM {}t{}", "((SELECT * FROM ".repeat(n / 2), ") x JOIN t)".repeat(n / 2)),
                format!("SELECT 1 FROM {}t{}", "((TABLE t) x JOIN ".repeat(n / 2), ")".repeat(n / 2)),
            ] {
                let start = Instant::now();
                let outcome = statements(&text);
                let took = start.elapsed();
                assert!(took < Duration::from_secs(20), "{text:.60} x {n}: {took:?}, analysed: {}", outcome.is_ok());
            }
        }
    });
}

/// Many different things of one form.
fn each(n: usize, one: impl Fn(usize) -> String) -> String {
    (0..n).map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn names_and_relations_do_not_multiply() {
    on_deep_stack(|| {
        let tables = each(900, |i| format!("t{i}"));
        let terms = |n: usize| (0..n).map(|i| format!("a{i} = 1")).collect::<Vec<_>>().join(" AND ");
        for text in [
            format!("UPDATE {tables} SET {}", each(30_000, |i| format!("a{i} = 1"))),
            format!("UPDATE {tables} SET a = 1 WHERE {}", terms(3_000)),
            format!("DELETE FROM t WHERE {}", terms(60_000)),
            format!("SELECT 1 FROM t a, t b WHERE {}", terms(60_000)),
            format!("DELETE {} FROM {tables}", each(60_000, |i| format!("t{}", i % 900))),
            format!("DELETE {} FROM {}", each(800, |_| "t".into()), each(900, |i| format!("d{i}.t"))),
        ] {
            let start = Instant::now();
            let outcome = statements(&text);
            let took = start.elapsed();
            assert!(took < Duration::from_secs(20), "{text:.60}: {took:?}, analysed: {}", outcome.is_ok());
        }
    });
}

#[test]
fn a_statement_has_a_limited_number_of_effects() {
    on_deep_stack(|| {
        let inner = each(9_000, |_| "(SELECT a FROM t)".into());
        for (text, many) in [
            (format!("{}SELECT {inner}{}", "SELECT (".repeat(40), ") FROM u FOR UPDATE".repeat(40)), "effects"),
            (format!("SET {}", each(60_000, |i| format!("@a{i} = 1"))), "effects"),
            (format!("SELECT {}", each(60_000, |i| format!("(SELECT a FROM t{i})"))), "effects"),
            (format!("SELECT {}", each(60_000, |i| format!("f{i}()"))), "effects"),
            (format!("DO {}", each(150_000, |_| "@a := 1".into())), "effects"),
            (format!("DELETE {} FROM t, u", each(600_000, |_| "t".into())), "targets"),
            (format!("WITH {} SELECT 1", each(40_000, |i| format!("a{i} AS (SELECT 1 FROM t)"))), "queries of WITH"),
        ] {
            let start = Instant::now();
            assert_eq!(statements(&text).map(drop), Err(NotAnalysed::TooComplex(many)), "{text:.60}");
            assert!(start.elapsed() < Duration::from_secs(20), "{text:.60}: {:?}", start.elapsed());
        }
        for text in [
            format!("SET {}", each(9_000, |i| format!("@a{i} = 1"))),
            format!("INSERT INTO t VALUES {}", each(20_000, |i| format!("({i}, (SELECT max(a) FROM u))"))),
            format!("WITH {} SELECT 1", each(900, |i| format!("a{i} AS (SELECT 1 FROM t)"))),
        ] {
            assert!(statements(&text).is_ok(), "{text:.60}");
        }
    });
}

#[test]
fn beyond_the_pairs_of_a_text_every_column_is_named_and_none_compared() {
    on_deep_stack(|| {
        let tables = each(900, |i| format!("t{i}"));
        let select = format!("SELECT {} FROM {tables} WHERE id = 1", each(800, |i| format!("a{i}")));
        let prepare = format!("PREPARE s FROM '{select}'");
        let all = |text: &str| {
            let found = statements(text).unwrap();
            found.iter().flat_map(|one| &one.effects).map(|effect| effect.columns == Columns::All).collect::<Vec<_>>()
        };
        assert_eq!(all(&select), [false; 900]);
        assert_eq!(all(&format!("{select}; {select}")), [[false; 900], [true; 900]].concat());
        // What is inside of a text draws on the same budget.
        assert_eq!(all(&format!("{prepare}; {select}")), [true; 900]);
        let update = format!("UPDATE {tables} SET {} WHERE id = 1 AND b = 2", each(1_200, |i| format!("a{i} = 1")));
        let found = statements(&update).unwrap();
        let effects = found[0].effects.iter().filter(|effect| effect.action == Action::Update);
        assert!(effects.clone().all(|effect| effect.columns == Columns::All && effect.has_where));
        assert_eq!(effects.count(), 900);
        let filter = (0..1_200).map(|i| format!("a{i} = 1")).collect::<Vec<_>>().join(" AND ");
        let found = statements(&format!("SELECT 1 FROM {tables} WHERE {filter}")).unwrap();
        assert!(found[0].effects.iter().all(|effect| effect.has_where && effect.where_equals.is_empty()));
    });
}
