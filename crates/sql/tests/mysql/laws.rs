//! Laws: the lexer is total, nothing panics, and equal shapes have equal analyses.

use crate::common::{ANSI_QUOTES, MARIADB, MYSQL, NO_BACKSLASH_ESCAPES, describe, on_deep_stack, read};
use portcullis_sql::dialect::{Dialect, Mode};
use portcullis_sql::mysql::lex::{Kind, Lexer};
use portcullis_sql::mysql::{MySql, secrets_by_token};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const FRAGMENTS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "INSERT INTO",
    "VALUES",
    "UPDATE",
    "SET",
    "DELETE",
    "JOIN",
    "ON",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "ORDER BY",
    "GROUP BY",
    "LIMIT",
    "UNION",
    "WITH",
    "AS",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "EXISTS",
    "INTERVAL",
    "DAY",
    "PREPARE",
    "EXECUTE",
    "CREATE TABLE",
    "ALTER TABLE",
    "DROP",
    "GRANT",
    "TO",
    "SHOW",
    "TABLES",
    "LOAD DATA",
    "INFILE",
    "CALL",
    "a",
    "t",
    "`q``q`",
    "\"d\"",
    "'s'",
    "'it''s'",
    "'b\\'s'",
    "N'n'",
    "x'1F'",
    "b'01'",
    "0x1F",
    "0b1",
    "1",
    "1.5",
    "1e5",
    "1e",
    "1a",
    ".5",
    "1.e",
    "@a",
    "@'b'",
    "@@",
    "@@global.c",
    "?",
    "+",
    "-",
    "--",
    "-- c\n",
    "# c\n",
    "/* c */",
    "/*! 1 */",
    "/*!50000 1 */",
    "/*!99999 1 */",
    "/*M! 1 */",
    "/*+ h */",
    "/*",
    "*/",
    "/*!",
    "<=>",
    "<",
    ">=",
    "!=",
    ":=",
    "||",
    "&&",
    "->",
    "->>",
    "!",
    "~",
    "(",
    ")",
    "{",
    "}",
    ",",
    ".",
    ";",
    ":",
    "\\N",
    "\\",
    "'",
    "\"",
    "`",
    "$",
    "count(",
    "f(",
    "lower(",
    "é",
    "\u{1f600}",
    "\n",
    "\t",
    "\u{b}",
    "\u{1}",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec((prop::sample::select(FRAGMENTS), prop::sample::select(&["", " ", " "][..])), 0..16)
        .prop_map(|parts| parts.into_iter().map(|(word, space)| format!("{word}{space}")).collect())
}

fn servers() -> impl Strategy<Value = (MySql, Mode)> {
    let modes = [Mode(0), ANSI_QUOTES, NO_BACKSLASH_ESCAPES, Mode(13), Mode(32)];
    (prop::sample::select(vec![MYSQL, MARIADB]), prop::sample::select(modes.to_vec()))
}

/// Tokens are in order and do not overlap, and only white space stands between them.
fn is_total(text: &[u8], server: &MySql, mode: Mode) -> Result<(), TestCaseError> {
    let mut at = 0;
    for token in Lexer::new(text, &server.syntax(mode)) {
        prop_assert!(token.start >= at && token.end >= token.start && token.end <= text.len());
        prop_assert!(token.end > token.start || token.kind == Kind::Odd);
        prop_assert!(text[at..token.start].iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0x0b));
        at = token.end;
    }
    prop_assert!(text[at..].iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0x0b));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_lexer_is_total_on_bytes(text in prop::collection::vec(any::<u8>(), 0..60), (server, mode) in servers()) {
        is_total(&text, &server, mode)?;
        secrets_by_token(&text, &server.syntax(mode));
    }

    #[test]
    fn the_lexer_is_total_on_soup(text in soup(), (server, mode) in servers()) {
        is_total(text.as_bytes(), &server, mode)?;
    }

    #[test]
    fn a_literal_that_replaces_a_literal_of_its_kind_keeps_its_border(inside in "[^'\\\\]{0,8}", mode in 0u32..4) {
        let text = format!("SELECT '{inside}', a");
        let tokens: Vec<_> = Lexer::new(text.as_bytes(), &MYSQL.syntax(Mode(mode))).collect();
        prop_assert_eq!(tokens.len(), 4);
        prop_assert_eq!(tokens[1].end, "SELECT ''".len() + inside.len());
    }
}

fn run<S: Strategy + Send + 'static>(
    cases: u32,
    strategy: S,
    law: impl Fn(S::Value) -> Result<(), TestCaseError> + Send + 'static,
) {
    on_deep_stack(move || {
        let mut runner =
            TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) });
        runner.run(&strategy, law).unwrap();
    });
}

#[test]
fn analysis_never_panics() {
    run(6_000, (soup(), servers()), |(text, (server, mode))| {
        if let Ok(statements) = read(&server, mode, &text) {
            for statement in statements {
                prop_assert!(statement.span.start <= statement.span.end && statement.span.end <= text.len());
                prop_assert!(text.get(statement.span.clone()).is_some());
                for secret in &statement.secrets {
                    prop_assert!(text.get(secret.clone()).is_some());
                }
            }
        }
        Ok(())
    });
}

/// Statements with places for literals, and what may stand there.
const TEMPLATES: &[&str] = &[
    "SELECT a FROM t WHERE b = §",
    "SELECT a, § FROM t WHERE b IN (§, §) AND c LIKE § LIMIT 5",
    "SELECT f(§), lower(§), count(a) FROM t",
    "SELECT a § FROM t",
    "SELECT § § FROM t",
    "SELECT GET_LOCK(§, §)",
    "SELECT a FROM t LIMIT §, §",
    "INSERT INTO t (a, b) VALUES (§, §), (§, §)",
    "INSERT INTO t SET a = §, b = § ON DUPLICATE KEY UPDATE a = §",
    "UPDATE t SET a = § WHERE id = § AND b > §",
    "DELETE FROM t WHERE id = § OR id = -§",
    "REPLACE INTO t VALUES (§)",
    "SELECT a FROM t WHERE d > NOW() - INTERVAL § DAY",
    "SELECT a->§ FROM t",
    "SELECT a FROM t ORDER BY § DESC",
    "SELECT CASE WHEN a = § THEN § ELSE § END FROM t",
    "WITH x AS (SELECT § AS a) SELECT a FROM x WHERE a = §",
    "SELECT _utf8mb4§",
    "SELECT a FROM t WHERE password = §",
    "SET @a = §",
    "SET sql_mode = §",
    "PREPARE p FROM §",
    "SELECT §a FROM t",
    "SELECT t.§ FROM t",
    "SELECT @a := §",
];

const LITERALS: &[&str] = &[
    "1",
    "23",
    "4.5",
    "6e7",
    ".8",
    "'x'",
    "'it''s'",
    "'a\\'b'",
    "\"y\"",
    "''",
    "'SELECT 1'",
    "'ANSI_QUOTES'",
    "0x1F",
    "x'00'",
    "?",
    "NULL",
    "'http://u:p@h'",
    "'$.a'",
    "-- c\n1",
    "/* c */ 1",
    "/*!50000 1*/",
    "N'n'",
    "'\\\\'",
];

#[test]
fn equal_shapes_have_equal_analyses() {
    let filled = || prop::collection::vec(prop::sample::select(LITERALS), 8);
    let strategy = (prop::sample::select(TEMPLATES), filled(), filled(), servers());
    run(12_000, strategy, |(template, one, other, (server, mode))| {
        let fill = |literals: &[&str]| {
            let mut literals = literals.iter();
            template.split('§').collect::<Vec<_>>().join("§").chars().fold(String::new(), |mut out, c| {
                match c {
                    '§' => out.push_str(literals.next().unwrap()),
                    c => out.push(c),
                }
                out
            })
        };
        let (one, other) = (fill(&one), fill(&other));
        let (mut first, mut second) = (Vec::new(), Vec::new());
        server.key(one.as_bytes(), mode, &mut first);
        server.key(other.as_bytes(), mode, &mut second);
        if first == second {
            let (left, right) = (read(&server, mode, &one), read(&server, mode, &other));
            prop_assert_eq!(left.is_ok(), right.is_ok(), "{} / {}", one, other);
            if left.is_ok() {
                prop_assert_eq!(describe(&one, &left), describe(&other, &right), "{} / {}", one, other);
            }
        }
        Ok(())
    });
}
