//! The authoring loop on a folder of policies.

use std::{fs, path::Path};

use crate::support::{golden, told};

const GOOD: &str = r#"permit (principal in Group::"support", action in [Action::"connect", Action::"read", Action::"write"], resource in Upstream::"shop");

@id("no-blind-writes") @hint("name the rows by their key")
forbid (principal, action in [Action::"update", Action::"delete"], resource) unless { context.where_is_selective };
"#;

const CASES: &str = r#"
[[case]]
name = "support may not delete blindly"
principal = { user = "ana", groups = ["support"] }
upstream = "shop"
action = "delete"
resource = { schema = "public", table = "orders" }
expect = "deny"
rule = "no-blind-writes"

[[case]]
name = "support may delete by key"
principal = { user = "ana", groups = ["support"] }
upstream = "shop"
action = "delete"
resource = { schema = "public", table = "orders" }
context = { where_is_selective = true }
expect = "deny"
"#;

fn folder() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("policies")).unwrap();
    write(home.path(), "policies/shop.cedar", GOOD);
    home
}

fn write(home: &Path, name: &str, text: &str) {
    fs::write(home.join(name), text).unwrap();
}

#[test]
fn sound_policies_pass() {
    let home = folder();
    golden("check_sound", &told(home.path(), &["policy", "check", "policies"]));
}

#[test]
fn every_mistake_is_placed() {
    let home = folder();
    let wrong = "permit (principal, action == Action::\"selct\", resource);\nforbid (principal, action, resource) when { context.nope };\n";
    write(home.path(), "policies/wrong.cedar", wrong);
    let shown = ["policy", "check", "policies"];
    let both = told(home.path(), &shown) + &told(home.path(), &[&shown[..], &["--json"]].concat());
    golden("check_mistakes", &both);
}

#[test]
fn a_folder_without_policies_does_not_pass() {
    let home = folder();
    fs::remove_file(home.path().join("policies/shop.cedar")).unwrap();
    golden("check_empty", &told(home.path(), &["policy", "check", "policies"]));
}

#[test]
fn a_decision_is_explained() {
    let home = folder();
    let who = ["policy", "explain", "policies", "--user", "ana", "--group", "support", "--upstream", "shop"];
    let ask = |what: &[&str]| told(home.path(), &[&who[..], what].concat());
    let shown = [
        ask(&["--action", "delete", "--table", "public.orders"]),
        ask(&["--action", "delete", "--table", "public.orders", "--where-is-selective"]),
        ask(&["--action", "ddl", "--table", "public.orders"]),
        ask(&["--action", "drop"]),
        ask(&["--action", "select", "--table", "orders"]),
    ];
    golden("explain", &shown.concat());
}

#[test]
fn names_are_of_the_configured_identity() {
    let home = folder();
    write(home.path(), "portcullis.toml", "[[identity]]\nname = \"corp\"\n");
    let args = ["policy", "explain", "policies", "--user", "ana", "--group", "support", "--upstream", "shop"];
    let shown = told(home.path(), &[&args[..], &["--action", "select", "--table", "public.orders"]].concat());
    assert!(shown.contains("corp|ana"), "{shown}");
    assert!(shown.starts_with("exit code 0"), "{shown}");
}

#[test]
fn cases_are_judged() {
    let home = folder();
    write(home.path(), "policies/test.toml", CASES);
    golden("test_cases", &told(home.path(), &["policy", "test", "policies/test.toml"]));
    write(home.path(), "policies/test.toml", &CASES.replace("principal", "principle"));
    golden("test_unreadable", &told(home.path(), &["policy", "test", "policies/test.toml"]));
}
