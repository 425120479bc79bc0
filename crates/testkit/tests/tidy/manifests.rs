//! Rules about the crates' manifests: the storeys of the house, and what the lower two deny themselves.

use toml::{Table, Value};

use crate::tree::Tree;

const WIRE: [&str; 4] = ["wire", "postgres", "mysql", "http"];
const CORE: [&str; 7] = ["sql", "policy", "grant", "mask", "inspect", "recording", "replay"];
const EDGE: [&str; 7] = ["net", "api", "gateway", "agent", "control", "cli", "idp"];

/// Not part of the house: only tests may use it.
const TESTKIT: &str = "testkit";

/// What brings sockets, files, clocks or a runtime with it.
const RUNTIMES: [&str; 14] = [
    "tokio",
    "tokio-util",
    "tokio-rustls",
    "tokio-postgres",
    "rustls",
    "hyper",
    "hyper-util",
    "axum",
    "mio",
    "socket2",
    "rusqlite",
    "sqlx",
    "reqwest",
    "async-std",
];

/// What the first two storeys must deny in `lib.rs`.
const DENIED: [&str; 6] = [
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::indexing_slicing",
    "clippy::arithmetic_side_effects",
    "clippy::cast_possible_truncation",
];

fn storey(room: &str) -> Option<u8> {
    let storeys: [(u8, &[&str]); 3] = [(1, &WIRE), (2, &CORE), (3, &EDGE)];
    storeys.into_iter().find(|(_, rooms)| rooms.contains(&room)).map(|(number, _)| number)
}

struct Room<'t> {
    name: &'t str,
    manifest: Table,
}

impl Room<'_> {
    /// Names of what it is built with; tests may use more.
    fn dependencies(&self) -> Vec<&str> {
        let tables = ["dependencies", "build-dependencies"].into_iter().filter_map(|key| self.manifest.get(key));
        tables.filter_map(Value::as_table).flat_map(Table::keys).map(String::as_str).collect()
    }
}

fn rooms(tree: &Tree) -> impl Iterator<Item = Room<'_>> {
    tree.files().filter_map(|(path, text)| {
        let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        Some(Room { name, manifest: text.parse().unwrap_or_else(|e| panic!("{path}: {e}")) })
    })
}

pub fn upward(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for room in rooms(tree).filter(|room| room.name != TESTKIT) {
        let Some(own) = storey(room.name) else {
            complaints.push(format!("crates/{}: stands on no storey (DESIGN, section 2)", room.name));
            continue;
        };
        for used in room.dependencies().into_iter().filter_map(|name| name.strip_prefix("portcullis-")) {
            if storey(used).is_none_or(|theirs| theirs > own) {
                complaints.push(format!("crates/{}: must not depend on `{used}`", room.name));
            }
        }
    }
    complaints
}

pub fn runtimes(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for room in rooms(tree).filter(|room| is_low(room.name)) {
        let used = room.dependencies().into_iter().filter(|name| RUNTIMES.contains(name)).map(str::to_owned);
        complaints.extend(used.map(|name| format!("crates/{}: must not depend on `{name}`", room.name)));
    }
    complaints
}

fn is_low(room: &str) -> bool {
    storey(room).is_some_and(|storey| storey < 3)
}

pub fn lints(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for room in rooms(tree) {
        let inherits = room.manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
        if inherits != Some(true) {
            complaints.push(format!("crates/{}: does not take the workspace's lints", room.name));
        }
        if is_low(room.name) {
            let path = format!("crates/{}/src/lib.rs", room.name);
            let root = tree.text(&path).unwrap_or_default();
            complaints.extend(missing_lints(root).map(|lint| format!("{path}: does not deny `{lint}`")));
        }
    }
    complaints
}

fn missing_lints(root: &str) -> impl Iterator<Item = &'static str> {
    // Inner attributes end at the first item; what stands in a comment does not count.
    let attributes: String = root.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let unsafe_code = (!attributes.contains("#![forbid(unsafe_code)]")).then_some("unsafe_code");
    unsafe_code.into_iter().chain(DENIED.into_iter().filter(move |lint| !attributes.contains(lint)))
}

#[test]
fn each_rule_catches_what_it_is_for() {
    let tree = Tree::of(&[
        ("crates/wire/Cargo.toml", "[dependencies]\nportcullis-sql.workspace = true\ntokio.workspace = true\n"),
        ("crates/wire/src/lib.rs", "// #![forbid(unsafe_code)]\n#![deny(clippy::panic)]\n"),
        ("crates/net/Cargo.toml", "[lints]\nworkspace = true\n[dependencies]\nportcullis-testkit.workspace = true\n"),
        ("crates/cellar/Cargo.toml", "[lints]\nworkspace = true\n[dev-dependencies]\ntokio.workspace = true\n"),
    ]);
    assert_eq!(upward(&tree).len(), 3, "{:?}", upward(&tree));
    assert_eq!(runtimes(&tree), ["crates/wire: must not depend on `tokio`"]);
    assert_eq!(lints(&tree).len(), 1 + 6, "{:?}", lints(&tree));
}
