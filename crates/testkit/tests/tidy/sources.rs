//! Rules about the text of files.

use crate::tree::Tree;

const LONGEST: usize = 700;

/// This folder holds the words it looks for.
fn is_tidy_itself(path: &str) -> bool {
    path.starts_with("crates/testkit/tests/tidy/")
}

pub fn without_opening(tree: &Tree) -> Vec<String> {
    let silent = tree.rust().filter(|(_, text)| !text.starts_with("//!"));
    silent.map(|(path, _)| format!("{path}: does not open with `//!`")).collect()
}

pub fn too_long(tree: &Tree) -> Vec<String> {
    let long = tree.rust().filter(|(_, text)| text.lines().count() > LONGEST && !is_generated(text));
    long.map(|(path, text)| format!("{path}: {} lines, more than {LONGEST}", text.lines().count())).collect()
}

/// Tables made by a script say so where they open, with the script's name.
fn is_generated(text: &str) -> bool {
    text.lines().take(4).any(|line| line.starts_with("//! Made by `") && line.contains("not by hand"))
}

/// A test skipped without a reason, a lint that is off without a reason, work that was not done.
pub fn left_behind(tree: &Tree) -> Vec<String> {
    let words = ["#[ignore]", "[allow(", ", allow(", "todo!(", "unimplemented!(", "dbg!(", "TODO", "FIXME"];
    lines_with(
        tree,
        |path| path.ends_with(".rs") || path.ends_with(".py") || path.ends_with(".sh"),
        |line| words.into_iter().find(|word| line.contains(word)).map(str::to_owned),
    )
}

/// What the core and the relay do for one protocol only. Their tests may name dialects, and comments may name sources.
pub fn protocols(tree: &Tree) -> Vec<String> {
    let rooms = ["inspect", "policy", "mask", "recording", "net"];
    let words = ["postgres", "mysql", "mariadb", "pg_"];
    let of_a_room = |path: &str| rooms.iter().any(|room| path.starts_with(&format!("crates/{room}/src/")));
    let mut found = Vec::new();
    for (path, text) in tree.rust().filter(|(path, _)| of_a_room(path) && !path.ends_with("tests.rs")) {
        let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").enumerate();
        for (n, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let line = line.to_lowercase();
            found.extend(words.iter().find(|word| line.contains(**word)).map(|w| format!("{path}:{}: `{w}`", n + 1)));
        }
    }
    found
}

/// Addresses of package registries, and folders that exist on one machine only.
pub fn places(tree: &Tree) -> Vec<String> {
    let folders = ["/work/", "/farm/", "/root/", "/home/"];
    lines_with(
        tree,
        |path| !path.ends_with("Cargo.lock"),
        |line| {
            let folder = folders.into_iter().find(|folder| line.contains(folder)).map(str::to_owned);
            folder.or_else(|| registry(line))
        },
    )
}

fn registry(line: &str) -> Option<String> {
    let hosts = ["debian", "ubuntu", "crates", "pypi", "pythonhosted", "npmjs", "golang", "maven"];
    let urls = line.split("http").skip(1).filter(|rest| rest.starts_with("://") || rest.starts_with("s://"));
    let hosted = urls.map(|rest| rest.split([' ', '"', ')', '>']).next().unwrap_or_default());
    hosted.filter(|url| hosts.iter().any(|host| url.contains(host))).map(|url| format!("http{url}")).next()
}

fn lines_with(tree: &Tree, wanted: fn(&str) -> bool, found: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let files = tree.files().filter(|(path, _)| wanted(path) && !is_tidy_itself(path));
    let lines = files.flat_map(|(path, text)| text.lines().enumerate().map(move |(n, line)| (path, n + 1, line)));
    lines.filter_map(|(path, n, line)| Some(format!("{path}:{n}: `{}`", found(line)?))).collect()
}

#[test]
fn each_rule_catches_what_it_is_for() {
    let long = "//!\n".repeat(LONGEST + 1);
    let table = format!("//! x\n//! Made by `x.sh`, not by hand.\n{long}");
    let tree = Tree::of(&[
        ("crates/a/src/table.rs", &table),
        ("crates/a/src/silent.rs", "use std::fmt;\n"),
        ("crates/a/src/long.rs", &long),
        ("crates/net/src/x.rs", "//! For MySQL.\nif name == \"MySQL\" {}\n#[cfg(test)]\nuse x::Postgres;\n"),
        (
            "crates/a/src/skipped.rs",
            "//! x\n#[ignore]\n#[allow(dead_code)]\n#![cfg_attr(test, allow(x))]\nfn allow() {}\n// TODO\n",
        ),
        (
            "docs.md",
            "see https://pypi.example/simple and /work/x\nhttps://example.com/debian is not spared\nthe crates.io registry\n",
        ),
    ]);
    assert_eq!(without_opening(&tree), ["crates/a/src/silent.rs: does not open with `//!`"]);
    assert_eq!(too_long(&tree).len(), 1);
    assert_eq!(left_behind(&tree).len(), 4);
    assert_eq!(places(&tree).len(), 2);
    assert_eq!(protocols(&tree), ["crates/net/src/x.rs:2: `mysql`"]);
}
