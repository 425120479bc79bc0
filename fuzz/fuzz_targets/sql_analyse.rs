//! SQL: no text makes the analysis panic, its statements lie in the text, and equal shapes mean the same (DESIGN, section
//! 4, "The decision cache"): other values in the same places give the same analysis.
#![no_main]

use std::thread;

use libfuzzer_sys::fuzz_target;
use portcullis_sql::postgres::lex::{Kind, Lexer};
use portcullis_sql::postgres::shape::Shaper;
use portcullis_sql::postgres::{SqlMode, analyse};
use portcullis_sql::{Limits, STACK, Statement};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (mode, seed, text) = input;
    let mode = SqlMode { standard_conforming_strings: mode & 1 == 0, backslash_quote: mode & 2 == 0 };
    thread::scope(|scope| {
        let deep = thread::Builder::new().stack_size(STACK);
        deep.spawn_scoped(scope, || laws(text, mode, seed)).expect("a thread starts").join().expect("a law holds");
    });
});

fn laws(text: &[u8], mode: SqlMode, seed: u8) {
    let limits = Limits { bytes: 64 << 10, ..Limits::default() };
    let Ok(analysis) = analyse(text, &mode, &limits) else { return };
    for statement in &analysis.statements {
        assert!(text.get(statement.span.clone()).is_some(), "a statement lies outside its text");
        for secret in &statement.secrets {
            assert!(text.get(secret.clone()).is_some(), "a secret lies outside its text");
        }
    }
    let other = other_values(text, mode, usize::from(seed));
    if key(text, mode) == key(&other, mode) {
        let meant = analyse(&other, &mode, &limits).expect("equal shapes are both understood");
        assert_eq!(meaning(analysis.statements), meaning(meant.statements), "equal shapes mean something else");
    }
}

fn key(text: &[u8], mode: SqlMode) -> (Vec<u8>, u16) {
    let mut shaper = Shaper::new();
    let shape = shaper.shape(text, &mode);
    (shape.bytes().to_vec(), shape.holes())
}

/// What decides, without where it stands.
fn meaning(statements: Vec<Statement>) -> Vec<Statement> {
    statements.into_iter().map(|statement| Statement { span: 0..0, secrets: Vec::new(), ..statement }).collect()
}

/// The text with its plain literals replaced by others.
fn other_values(text: &[u8], mode: SqlMode, seed: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut copied = 0;
    for (index, token) in Lexer::new(text, &mode).enumerate() {
        let values: &[&str] = match token.kind {
            Kind::Integer => &["0", "7", "2147483647", "2147483648", "99999999999"],
            Kind::Number => &["0.25", "1e3"],
            Kind::Text => &["''", "'search_path'", "'b''c'", "'$.a'"],
            _ => continue,
        };
        out.extend_from_slice(&text[copied..token.start]);
        out.extend_from_slice(values[(seed + index) % values.len()].as_bytes());
        copied = token.end;
    }
    out.extend_from_slice(&text[copied..]);
    out
}
