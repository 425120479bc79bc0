//! The lexer agrees with the server's, token for token, on whatever the server's accepts.

use portcullis_sql::postgres::SqlMode;
use portcullis_sql::postgres::lex::{Kind, Lexer};
use proptest::prelude::*;

const FRAGMENTS: &[&str] = &[
    "SELECT",
    "a",
    "Tab",
    "é",
    "_x$1",
    "\"q\"\"q\"",
    "\"\"",
    "'s'",
    "'it''s'",
    "'back\\'",
    "E'e\\'e'",
    "e''",
    "U&'d\\0061'",
    "U&\"d\"",
    "u&",
    "B'01'",
    "x'1F'",
    "N'n'",
    "n",
    "$$d$$",
    "$t$ $$ $t$",
    "$t$",
    "$1",
    "$1a",
    "$",
    "1",
    "12",
    "0x1F",
    "0b01",
    "0o7",
    "1_000",
    "1.",
    ".5",
    "1.5e-3",
    "1e",
    "1..2",
    "0x",
    "1a",
    "+",
    "-",
    "*",
    "/",
    "<>",
    "!=",
    "<=",
    "=>",
    ":=",
    "::",
    ":",
    "..",
    ".",
    "@-",
    "+-",
    "--c\n",
    "--",
    "/*c*/",
    "/*a/*b*/c*/",
    "/*",
    "*/",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    " ",
    "\n",
    "\t",
    "\r",
    "\u{b}",
    "\u{c}",
    "||",
    "?",
    "#",
    "~",
    "`",
    "^",
    "&",
    "%",
    "\\",
    "{",
    "'",
    "\"",
    "''",
    "1__0",
    "_",
    "E",
    "U",
    "&",
    "x",
    "b",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(FRAGMENTS), 0..14).prop_map(|parts| parts.concat())
}

fn spaced() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(FRAGMENTS), 0..14).prop_map(|parts| parts.join(" "))
}

fn ours(text: &str) -> Vec<(usize, usize)> {
    Lexer::new(text.as_bytes(), &SqlMode::default()).map(|token| (token.start, token.end)).collect()
}

fn is_odd(text: &str) -> bool {
    Lexer::new(text.as_bytes(), &SqlMode::default()).any(|token| token.kind == Kind::Odd)
}

fn agree(text: &str) -> Result<(), TestCaseError> {
    if let Ok(theirs) = pg_query::scan(text) {
        let theirs: Vec<_> = theirs.tokens.iter().map(|token| (token.start as usize, token.end as usize)).collect();
        prop_assert_eq!(ours(text), theirs, "{:?}", text);
        prop_assert!(!is_odd(text), "odd: {:?}", text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn tokens_are_the_servers_in_soup(text in soup()) {
        agree(&text)?;
    }

    #[test]
    fn tokens_are_the_servers_with_spaces(text in spaced()) {
        agree(&text)?;
    }

    #[test]
    fn any_bytes_are_tokens_in_order(bytes in prop::collection::vec(any::<u8>(), 0..200), standard in any::<bool>()) {
        let mode = SqlMode { standard_conforming_strings: standard, ..SqlMode::default() };
        let mut end = 0;
        for token in Lexer::new(&bytes, &mode) {
            prop_assert!(token.start >= end && token.end > token.start && token.end <= bytes.len());
            end = token.end;
        }
    }
}

#[test]
fn the_golden_statements_have_the_servers_tokens() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for statement in text.lines().filter_map(|line| line.strip_prefix("> ")) {
            agree(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }
}

#[test]
fn a_backslash_escapes_where_the_session_says_so() {
    let off = SqlMode { standard_conforming_strings: false, ..SqlMode::default() };
    let text = br"'a\'; DROP TABLE t; --'";
    assert_eq!(Lexer::new(text, &off).count(), 1);
    assert_eq!(Lexer::new(text, &SqlMode::default()).count(), 7);
    assert_eq!(Lexer::new(br"'a\'b'", &off).map(|token| token.kind).collect::<Vec<_>>(), [Kind::OtherText]);
    assert_eq!(Lexer::new(b"U&'a'", &off).map(|token| token.kind).collect::<Vec<_>>(), [Kind::Odd]);
}
