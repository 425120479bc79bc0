//! Text that is built to hurt: deep, long, broken. All of it is answered, quickly, and none of it ends the process.

use std::time::{Duration, Instant};

use crate::common::{on_deep_stack, statements};
use portcullis_sql::postgres::{SqlMode, analyse};
use portcullis_sql::{Limits, NotAnalysed};

fn shapes(n: usize) -> Vec<(&'static str, String)> {
    vec![
        ("parens", format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n))),
        ("open parens", "(".repeat(n)),
        ("subselects", format!("{}1{}", "SELECT (".repeat(n), ")".repeat(n))),
        ("from", format!("{}t{}", "SELECT * FROM (".repeat(n), ") x".repeat(n))),
        ("unions", vec!["SELECT 1"; n].join(" UNION ALL ")),
        ("excepts", vec!["SELECT 1"; n].join(" EXCEPT ")),
        ("joins", format!("SELECT * FROM t {}", "JOIN t ".repeat(n))),
        ("joins on", format!("SELECT * FROM t {}", "JOIN t ON true ".repeat(n))),
        ("natural", format!("SELECT * FROM t {}", "NATURAL JOIN t ".repeat(n))),
        ("plus", format!("SELECT 1{}", "+1".repeat(n))),
        ("minus", format!("SELECT {}1", "- ".repeat(n))),
        ("concat", format!("SELECT a{}", " || a".repeat(n))),
        ("not", format!("SELECT {}true", "NOT ".repeat(n))),
        ("is", format!("SELECT a{}", " IS NULL".repeat(n))),
        ("casts", format!("SELECT a{}", "::text".repeat(n))),
        ("collate", format!("SELECT a{}", " COLLATE c".repeat(n))),
        ("zone", format!("SELECT a{}", " AT TIME ZONE 'UTC'".repeat(n))),
        ("case", format!("SELECT {}1{}", "CASE WHEN ".repeat(n), " THEN 1 END".repeat(n))),
        ("brackets", format!("SELECT a{}", "[1]".repeat(n))),
        ("arrays", format!("SELECT ARRAY{}{}", "[".repeat(n), "]".repeat(n))),
        ("and", format!("SELECT a{}", " AND a".repeat(n))),
        ("and or", format!("SELECT a{}", " AND b OR a".repeat(n))),
        ("or brackets", format!("SELECT {}a{}", "(a OR ".repeat(n), ")".repeat(n))),
        ("with", format!("{}SELECT 1", "WITH a AS (".repeat(n))),
        ("in", format!("SELECT a IN ({}1)", "1,".repeat(n))),
        ("dots", format!("SELECT a{}", ".a".repeat(n))),
        ("indirection", format!("SELECT (a){}", ".a".repeat(n))),
        ("functions", format!("SELECT {}1{}", "f(".repeat(n), ")".repeat(n))),
        ("statements", "SELECT 1;".repeat(n)),
        ("semicolons", ";".repeat(n)),
        ("comments", format!("{}SELECT 1", "/*".repeat(n))),
        ("empty comments", format!("{}SELECT 1", "/**/".repeat(n))),
        ("run of plus", format!("SELECT 1 {} 1", "+".repeat(n))),
        ("run of minus plus", format!("SELECT 1 {} 1", "-+".repeat(n))),
        ("run of @", format!("SELECT 1 {} 1", "@".repeat(n))),
        ("quotes", "'".repeat(n)),
        ("dollars", "$a".repeat(n)),
        ("values", format!("INSERT INTO t VALUES {}(1)", "(1),".repeat(n))),
        ("unary in list", format!("INSERT INTO t VALUES ({}-1)", "-1,".repeat(n))),
        ("between", format!("SELECT a{}", " BETWEEN 1 AND 2".repeat(n))),
        ("operator()", format!("SELECT a{}", " OPERATOR(pg_catalog.+) 1".repeat(n))),
        ("like", format!("SELECT a{}", " LIKE a".repeat(n))),
        ("overlaps", format!("SELECT a{}", " OVERLAPS a".repeat(n))),
        ("prefix", format!("SELECT {}1", "@ ".repeat(n))),
        ("distinct from", format!("SELECT a{}", " IS DISTINCT FROM a".repeat(n))),
        ("setof", format!("CREATE TABLE t (a int{})", " DEFAULT 1".repeat(n))),
        ("schema", format!("CREATE SCHEMA s {}", "CREATE TABLE t (a int) ".repeat(n))),
        ("cross", format!("SELECT * FROM t{}", " CROSS JOIN t".repeat(n))),
        ("tables", format!("SELECT a FROM t{}", ", t".repeat(n))),
        ("ctes", format!("WITH {}z AS (SELECT 1) SELECT 1", "a AS (SELECT 1), ".repeat(n))),
    ]
}

#[test]
fn hostile_shapes_are_refused_quickly() {
    on_deep_stack(|| {
        for n in [100, 900, 5_000, 20_000] {
            for (name, text) in shapes(n) {
                let start = Instant::now();
                let outcome = statements(&text);
                let took = start.elapsed();
                assert!(took < Duration::from_secs(60), "{name} x {n}: {took:?}, analysed: {}", outcome.is_ok());
            }
        }
    });
}

#[test]
fn depth_is_refused_before_the_parser() {
    for n in [101, 100_000] {
        let text = format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n));
        assert_eq!(statements(&text), Err(NotAnalysed::TooDeep));
    }
    let joins = format!("SELECT * FROM t {}", "JOIN t ".repeat(5_000));
    assert_eq!(statements(&joins), Err(NotAnalysed::TooComplex("joins")));
    let plus = format!("SELECT 1{}", "+1".repeat(5_000));
    assert_eq!(statements(&plus), Err(NotAnalysed::TooComplex("operators")));
}

#[test]
fn a_statement_has_a_limited_number_of_effects() {
    on_deep_stack(|| {
        let each = |n: usize, one: fn(usize) -> String| (0..n).map(one).collect::<Vec<_>>().join(", ");
        for text in [
            format!("SELECT {}", each(20_000, |i| format!("(SELECT a FROM t{i})"))),
            format!("SELECT {}", each(20_000, |i| format!("f{i}()"))),
            format!("DROP TABLE {}", each(60_000, |i| format!("t{i}"))),
        ] {
            let start = Instant::now();
            assert_eq!(statements(&text).map(drop), Err(NotAnalysed::TooComplex("effects")), "{text:.60}");
            assert!(start.elapsed() < Duration::from_secs(60), "{text:.60}: {:?}", start.elapsed());
        }
        for text in [
            format!("DROP TABLE {}", each(9_000, |i| format!("t{i}"))),
            format!("INSERT INTO t VALUES {}", each(20_000, |i| format!("({i}, (SELECT max(a) FROM u))"))),
        ] {
            assert!(statements(&text).is_ok(), "{text:.60}: {:?}", statements(&text).err());
        }
    });
}

#[test]
fn honest_generated_statements_pass() {
    on_deep_stack(|| {
        let rows = vec!["(-1, 'x', 1 + 2)"; 5_000].join(", ");
        let conditions = vec!["(a = 1 AND b = -2)"; 2_000].join(" OR ");
        for text in [
            format!("INSERT INTO t VALUES {rows}"),
            format!("SELECT a FROM t WHERE {conditions}"),
            format!("SELECT {}'z'", "a || ".repeat(200)),
            vec!["SELECT a FROM t"; 300].join(" UNION ALL "),
            format!("SELECT * FROM t {}", "JOIN u ON t.a = u.a ".repeat(100)),
            format!("SELECT {}1{}", "(".repeat(60), ")".repeat(60)),
        ] {
            assert!(statements(&text).is_ok(), "{:.60}: {:?}", text, statements(&text).err());
        }
    });
}

#[test]
fn what_is_not_text_is_refused() {
    let mode = SqlMode::default();
    let limits = Limits::default();
    assert_eq!(analyse(b"SELECT '\xff'", &mode, &limits), Err(NotAnalysed::NotText));
    assert_eq!(analyse(b"SELECT 1\0; DROP TABLE t", &mode, &limits), Err(NotAnalysed::NotText));
    assert_eq!(analyse(b"SELECT 1", &mode, &Limits { bytes: 7, ..limits }), Err(NotAnalysed::TooLong(8)));
    assert_eq!(analyse(b"", &mode, &limits).unwrap().statements.len(), 0);
    assert_eq!(analyse(b" ; -- x\n;", &mode, &limits).unwrap().statements.len(), 0);
}

#[test]
fn the_sessions_string_rules_are_used() {
    let off = SqlMode { standard_conforming_strings: false, ..SqlMode::default() };
    let text = br"SELECT 'a\'; DELETE FROM t; --'";
    assert_eq!(analyse(text, &off, &Limits::default()).unwrap().statements.len(), 1);
    assert_eq!(analyse(text, &SqlMode::default(), &Limits::default()).unwrap().statements.len(), 2);
}

#[test]
fn a_syntax_error_says_where_when_it_is_certain() {
    let Err(NotAnalysed::Syntax { message, position }) = statements("SELECT a FROM t WHEER b") else { panic!() };
    assert_eq!((&*message, position), ("syntax error at or near \"b\"", Some(22)));
    let Err(NotAnalysed::Syntax { position, .. }) = statements("SELECT a FROM") else { panic!() };
    assert_eq!(position, Some(13));
    let Err(NotAnalysed::Syntax { position, .. }) = statements("SELECT 1 1 1") else { panic!() };
    assert_eq!(position, None);
}
