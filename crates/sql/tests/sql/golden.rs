//! What statements do, one by one: `tests/golden/*.txt` hold statements and, below each, its analysis as text.
//!
//! A file is a list of cases parted by blank lines: lines that begin with `> ` are the statement, the others the expected analysis. Run with
//! `GOLDEN=write` to write what is found now, then read the difference.

use crate::common::{describe, on_deep_stack, statements};

#[test]
fn the_golden_statements_do_what_they_did() {
    on_deep_stack(|| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut cases = 0;
        let mut wrong = Vec::new();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let (now, count) = run(&text);
            cases += count;
            if now.trim_end() != text.trim_end() {
                wrong.push(path.clone());
                if std::env::var_os("GOLDEN").is_some() {
                    std::fs::write(&path, format!("{}\n", now.trim_end())).unwrap();
                } else {
                    assert_eq!(now.trim_end(), text.trim_end(), "{}", path.display());
                }
            }
        }
        assert!(cases >= 250, "{cases} cases");
        assert!(wrong.is_empty(), "written: {wrong:?}");
    });
}

/// The file as it would be written now.
fn run(file: &str) -> (String, usize) {
    let mut out = String::new();
    let mut count = 0;
    for case in file.split("\n\n") {
        let statement: Vec<&str> = case.lines().filter_map(|line| line.strip_prefix("> ")).collect();
        let comments = case.lines().filter(|line| line.starts_with("# "));
        comments.for_each(|line| out.push_str(&format!("{line}\n")));
        if !statement.is_empty() {
            let text = statement.join("\n");
            statement.iter().for_each(|line| out.push_str(&format!("> {line}\n")));
            out.push_str(&describe(&text));
            count += 1;
        }
        out.push('\n');
    }
    (out, count)
}

/// The parser's own summary finds fewer relations than there are, never one that is not there.
#[test]
fn every_table_of_the_parsers_summary_is_an_effect() {
    on_deep_stack(|| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut compared = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for statement in text.lines().filter_map(|line| line.strip_prefix("> ")) {
                let Ok(summary) = pg_query::summary(statement, 0, -1) else { continue };
                let ours: Vec<String> = statements(statement)
                    .unwrap()
                    .iter()
                    .flat_map(|statement| &statement.effects)
                    .map(|effect| effect.target.to_string())
                    .collect();
                for table in summary.tables().iter().map(|table| table.replace('"', "")) {
                    compared += 1;
                    assert!(
                        ours.iter().any(|target| *target == table || target.ends_with(&format!(".{table}"))),
                        "{statement}: {table} in {ours:?}"
                    );
                }
            }
        }
        assert!(compared > 200, "{compared}");
    });
}
