//! LIMITATIONS.md is a promise about what does not work: each line names the test that shows it.
//!
//! The form of an entry is `- text. (test: path/of/file.rs::name)`; it may run over several lines.

use crate::tree::Tree;

const FILE: &str = "LIMITATIONS.md";

pub fn untested(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.text(FILE) else {
        return vec![format!("{FILE} is missing")];
    };
    let entries = entries(text);
    if entries.is_empty() {
        return vec![format!("{FILE} has no entry of the form `- text. (test: path::name)`")];
    }
    entries.iter().filter_map(|entry| Some(format!("{FILE}: {}: {entry}", complaint(tree, entry)?))).collect()
}

fn entries(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(first) = line.strip_prefix("- ") {
            entries.push(first.to_owned());
            inside = true;
        } else if line.starts_with("  ") && inside {
            entries.last_mut().expect("inside an entry").push_str(&format!(" {}", line.trim()));
        } else {
            inside = false;
        }
    }
    entries
}

fn complaint(tree: &Tree, entry: &str) -> Option<&'static str> {
    let Some((_, rest)) = entry.rsplit_once("(test: ") else { return Some("names no test") };
    let Some((path, name)) = rest.trim_end_matches('.').strip_suffix(')').and_then(|test| test.split_once("::")) else {
        return Some("does not end with `(test: path::name)`");
    };
    let Some(text) = tree.text(path) else { return Some("names a file that does not exist") };
    let function = format!("fn {name}(");
    if text.contains(&function) { None } else { Some("names a test that does not exist") }
}

#[test]
fn each_way_of_naming_no_test_is_caught() {
    let list = "# Limits\n\nWords.\n\n- Fine. (test: a.rs::works)\n- Over two\n  lines. (test: a.rs::works)\n- None.\n\
        - Gone. (test: b.rs::works)\n- Renamed. (test: a.rs::worked)\n- Cut (test: a.rs\n";
    let tree = Tree::of(&[(FILE, list), ("a.rs", "#[test]\nfn works() {}\n")]);
    let complaints = untested(&tree);
    assert_eq!(complaints.len(), 4, "{complaints:#?}");
    assert_eq!(untested(&Tree::of(&[])), ["LIMITATIONS.md is missing"]);
}
