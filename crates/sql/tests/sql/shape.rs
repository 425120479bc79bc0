//! Equal shapes have equal analyses: the law that the decision cache rests upon.

use crate::common::on_deep_stack;
use portcullis_sql::postgres::lex::{Kind, Lexer};
use portcullis_sql::postgres::shape::Shaper;
use portcullis_sql::postgres::{SqlMode, analyse};
use portcullis_sql::{Limits, Statement};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn key(text: &str) -> (Vec<u8>, u16) {
    let mut shaper = Shaper::new();
    let shape = shaper.shape(text.as_bytes(), &SqlMode::default());
    (shape.bytes().to_vec(), shape.holes())
}

fn same(a: &str, b: &str) -> bool {
    key(a) == key(b)
}

/// What decides, without where it stands.
fn meaning(text: &str) -> Result<Vec<Statement>, String> {
    let analysis =
        analyse(text.as_bytes(), &SqlMode::default(), &Limits::default()).map_err(|error| error.to_string())?;
    let bare = |statement: Statement| Statement { span: 0..0, secrets: Vec::new(), ..statement };
    Ok(analysis.statements.into_iter().map(bare).collect())
}

#[test]
fn values_are_holes() {
    for (a, b) in [
        ("SELECT a FROM t WHERE id = 5", "SELECT a FROM t WHERE id = 77"),
        ("SELECT a FROM t WHERE id = 'x'", "SELECT a FROM t WHERE id = 'it''s; DROP'"),
        ("INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')", "INSERT INTO t (a, b) VALUES (3, 'q'), (4, '')"),
        ("select lower('A'), 1.5 from t limit 5", "select lower('B'), 2.25 from t limit 6"),
        ("UPDATE t SET a = 'x' WHERE b LIKE 'y%'", "UPDATE t SET a = 'z' WHERE b LIKE '%'"),
        (
            "SELECT a FROM t WHERE region IN ('A', 'B') AND registered > 1",
            "SELECT a FROM t WHERE region IN ('C', 'D') AND registered > 2",
        ),
        (
            "WITH x AS (SELECT 1) SELECT * FROM x; DELETE FROM t WHERE id = 1",
            "WITH x AS (SELECT 2) SELECT * FROM x; DELETE FROM t WHERE id = 3",
        ),
        ("(SELECT 1) UNION (SELECT 2)", "(SELECT 3) UNION (SELECT 4)"),
    ] {
        assert!(same(a, b), "{a} / {b}");
        assert!(key(a).1 > 0, "{a}");
    }
}

#[test]
fn names_and_kinds_are_kept() {
    for (a, b) in [
        ("SELECT set_config('application_name', 'x', false)", "SELECT set_config('search_path', 'x', false)"),
        ("SELECT query_to_xml('a', true, true, '')", "SELECT query_to_xml('b', true, true, '')"),
        ("SELECT f(1)", "SELECT f(2)"),
        ("SELECT f(lower('a'))", "SELECT f(lower('b'))"),
        ("SELECT 'a'::regclass", "SELECT 'b'::regclass"),
        ("SELECT 'a' ::regclass", "SELECT 'b' ::regclass"),
        ("SELECT ('a')::regclass", "SELECT ('b')::regclass"),
        ("SELECT CAST('a' AS my.type)", "SELECT CAST('b' AS my.type)"),
        ("SELECT regclass 'a'", "SELECT regclass 'b'"),
        ("SELECT my.type 'a'", "SELECT my.type 'b'"),
        ("SELECT \"lower\"('a')", "SELECT \"lower\"('b')"),
        ("SET search_path = 'a'", "SET search_path = 'b'"),
        ("SELECT 1; SET x = 1", "SELECT 1; SET x = 2"),
        ("DO 'a'", "DO 'b'"),
        ("SELECT E'a'", "SELECT E'b'"),
        ("SELECT $$a$$", "SELECT $$b$$"),
        ("SELECT N'a'", "SELECT N'b'"),
        ("SELECT 'a'\n'b'", "SELECT 'a'\n'c'"),
        ("SELECT 1 /*a='x'*/", "SELECT 1 /*a='y'*/"),
        ("SELECT 1 -- x", "SELECT 1 -- y"),
        ("SELECT id, ssn FROM t", "SELECT ssn, id FROM t"),
        ("SELECT 1", "SELECT 1.5"),
        ("SELECT 1", "SELECT 'a'"),
        ("SELECT 2147483647", "SELECT 2147483648"),
        ("SELECT 0x1", "SELECT 0x2"),
        ("EXPLAIN SELECT 1", "EXPLAIN SELECT 2"),
        ("COPY t FROM 'a'", "COPY t FROM 'b'"),
        ("SELECT $1", "SELECT $2"),
    ] {
        assert!(!same(a, b), "{a} / {b}");
    }
}

#[test]
fn a_qualified_call_keeps_its_arguments() {
    assert!(!same("SELECT evil.lower('a')", "SELECT evil.lower('b')"));
}

#[test]
fn a_hole_cannot_be_written() {
    assert!(!same("SELECT \0i", "SELECT 1"));
    assert_eq!(key("SELECT \0i").1, 0);
}

#[test]
fn a_backslash_is_no_hole_where_it_escapes() {
    let off = SqlMode { standard_conforming_strings: false, ..SqlMode::default() };
    let mut shaper = Shaper::new();
    assert_eq!(shaper.shape(br"SELECT 'a\'b'", &off).holes(), 0);
    assert_eq!(shaper.shape(b"SELECT 'ab'", &off).holes(), 1);
}

const PARTS: &[&str] = &[
    "SELECT",
    "1",
    "2",
    "2147483648",
    "12345678901",
    "0.5",
    "'a'",
    "'b'",
    "FROM",
    "t",
    "WHERE",
    "a",
    "=",
    "AND",
    "OR",
    "(",
    ")",
    ",",
    "lower(",
    "f(",
    "set_config(",
    "'search_path'",
    "::",
    "regclass",
    "text",
    "LIMIT",
    "ORDER BY",
    "GROUP BY",
    "IN (",
    "VALUES (",
    "INSERT INTO",
    "UPDATE",
    "SET",
    "DELETE FROM",
    "WITH x AS (",
    ";",
    ".",
    "*",
    "-",
    "+",
    "||",
    "CASE WHEN",
    "THEN",
    "ELSE",
    "END",
    "LIKE",
    "INTERVAL",
    "date",
    "AS",
    "JOIN",
    "ON",
    "CAST(",
    "float(",
    "numeric(",
    "EXPLAIN",
    "BEGIN",
    "[",
    "]",
    "$1",
    "\"q\"",
    "NOT",
    "IS NULL",
    "UNION ALL",
    "RETURNING",
    "nextval(",
    "AT TIME ZONE",
    "SIMILAR TO",
    "ESCAPE",
    "BETWEEN",
    "FETCH FIRST",
    "ROWS ONLY",
    "OVER (",
    "e.lower(",
    "N",
    "E",
    "TABLESAMPLE system(",
    "bit",
    "char(",
    "interval(",
];

/// The text with its plain literals replaced by others.
fn other_values(text: &str, seed: usize) -> String {
    let mut out = String::new();
    let mut copied = 0;
    for (index, token) in Lexer::new(text.as_bytes(), &SqlMode::default()).enumerate() {
        let values: &[&str] = match token.kind {
            Kind::Integer => &["0", "7", "25", "99", "2147483647", "2147483648", "99999999999"],
            Kind::Number => &["0.25", "1e3", "7.5"],
            Kind::Text => &["''", "'search_path'", "'secrets'", "'b''c'", "'$.a'"],
            _ => continue,
        };
        out.push_str(&text[copied..token.start]);
        out.push_str(values[(seed + index * 7) % values.len()]);
        copied = token.end;
    }
    out + &text[copied..]
}

#[test]
fn equal_shapes_mean_the_same() {
    on_deep_stack(|| {
        let mut runner = TestRunner::new(ProptestConfig::with_cases(6_000));
        let parts = (prop::collection::vec(prop::sample::select(PARTS), 1..14), any::<u16>());
        runner
            .run(&parts, |(parts, seed)| {
                let a = parts.join(" ");
                let b = other_values(&a, usize::from(seed));
                if same(&a, &b) {
                    prop_assert_eq!(meaning(&a).map_err(|_| ()), meaning(&b).map_err(|_| ()), "{} / {}", a, b);
                }
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn equal_shapes_of_golden_statements_mean_the_same() {
    on_deep_stack(|| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut compared = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for a in text.lines().filter_map(|line| line.strip_prefix("> ")) {
                for seed in 0..6 {
                    let b = other_values(a, seed);
                    if a != b && same(a, &b) {
                        assert_eq!(meaning(a), meaning(&b), "{a} / {b}");
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 100, "{compared}");
    });
}
