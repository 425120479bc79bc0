//! MySQL's dialect: no text makes the analysis panic or end outside its text, in any mode of any server, and equal keys
//! mean the same (DESIGN, section 4, "The decision cache"): other values in the same places give the same analysis.
#![no_main]

use std::thread;

use libfuzzer_sys::fuzz_target;
use portcullis_sql::dialect::{Dialect, Mode};
use portcullis_sql::mysql::{Flavour, MySql};
use portcullis_sql::{Limits, STACK, Statement};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (mode, seed, text) = input;
    let (flavour, version) = match mode & 0x40 {
        0 => (Flavour::MariaDb, 101_119),
        _ => (Flavour::MySql, 90_700),
    };
    let dialect = MySql { flavour, version, lower_case_tables: mode & 0x80 != 0 };
    thread::scope(|scope| {
        let deep = thread::Builder::new().stack_size(STACK);
        let run = move || laws(text, &dialect, Mode(u32::from(mode & 0x3f)), seed);
        deep.spawn_scoped(scope, run).expect("a thread starts").join().expect("a law holds");
    });
});

fn laws(text: &[u8], dialect: &MySql, mode: Mode, seed: u8) {
    let limits = Limits { bytes: 64 << 10, ..Limits::default() };
    let Ok(statements) = dialect.analyse(text, mode, &limits) else { return };
    for statement in &statements {
        assert!(text.get(statement.span.clone()).is_some(), "a statement lies outside its text");
        for secret in &statement.secrets {
            assert!(text.get(secret.clone()).is_some(), "a secret lies outside its text");
        }
    }
    let other = other_digits(text, seed);
    if key(text, dialect, mode) == key(&other, dialect, mode) {
        let meant = dialect.analyse(&other, mode, &limits).expect("equal keys are both understood");
        assert_eq!(meaning(statements), meaning(meant), "equal keys mean something else");
    }
}

fn key(text: &[u8], dialect: &MySql, mode: Mode) -> Vec<u8> {
    let mut key = Vec::new();
    dialect.key(text, mode, &mut key);
    key
}

/// What decides, without where it stands.
fn meaning(statements: Vec<Statement>) -> Vec<Statement> {
    statements.into_iter().map(|statement| Statement { span: 0..0, secrets: Vec::new(), ..statement }).collect()
}

/// The text with other digits, and other letters between quotes: most such changes are of a value.
fn other_digits(text: &[u8], seed: u8) -> Vec<u8> {
    let mut quoted = false;
    text.iter()
        .map(|&byte| match byte {
            b'0'..=b'9' => b'0' + (byte - b'0' + seed % 10) % 10,
            b'\'' => {
                quoted = !quoted;
                byte
            }
            b'a'..=b'z' if quoted => b'a' + (byte - b'a' + seed % 26) % 26,
            _ => byte,
        })
        .collect()
}
