//! What statements do, one by one: `corpus.txt` holds statements and, below each, its analysis on one line.
//!
//! `[…]` says the server and the mode from there on; a line that begins with `> ` is a statement, the next one its analysis. Run with
//! `GOLDEN=write` to write what is found now, then read the difference.

use crate::common::{ANSI_QUOTES, MARIADB, MYSQL, NO_BACKSLASH_ESCAPES, describe, on_deep_stack, read};
use portcullis_sql::dialect::Mode;

#[test]
fn the_statements_of_the_corpus_do_what_they_did() {
    on_deep_stack(|| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mysql/corpus.txt");
        let text = std::fs::read_to_string(&path).unwrap();
        let (now, count) = run(&text);
        assert!(count >= 300, "{count} statements");
        if std::env::var_os("GOLDEN").is_some() {
            return std::fs::write(&path, &now).unwrap();
        }
        for (now, before) in now.lines().zip(text.lines()) {
            assert_eq!(now, before);
        }
        assert_eq!(now.lines().count(), text.lines().count());
    });
}

/// The file as it would be written now.
fn run(file: &str) -> (String, usize) {
    let (mut server, mut mode) = (MYSQL, Mode(0));
    let (mut out, mut count) = (String::new(), 0);
    for line in file.lines() {
        if let Some(section) = line.strip_prefix('[') {
            server = if section.starts_with("mariadb") { MARIADB } else { MYSQL };
            mode = Mode(0);
            if section.contains("ansi") {
                mode = ANSI_QUOTES;
            } else if section.contains("no backslash") {
                mode = NO_BACKSLASH_ESCAPES;
            }
        }
        if line.starts_with("  ") {
            continue;
        }
        out.push_str(line);
        out.push('\n');
        if let Some(statement) = line.strip_prefix("> ") {
            out.push_str(&format!("  {}\n", describe(statement, &read(&server, mode, statement))));
            count += 1;
        }
    }
    (out, count)
}
