//! The house rules that a machine can check: how files open, which crate may know which, what must not be left behind.
//!
//! A rule is a function from the tree to a list of complaints; each is tested on a tree that breaks it, so that none is
//! a test that cannot fail. Formatting and lints are rustfmt's and clippy's.

mod limitations;
mod manifests;
mod sources;
mod tree;

use tree::Tree;

fn assert_clean(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_rust_file_opens_with_what_it_is() {
    assert_clean(&sources::without_opening(&Tree::load()));
}

#[test]
fn no_rust_file_is_longer_than_one_thought() {
    assert_clean(&sources::too_long(&Tree::load()));
}

#[test]
fn nothing_is_ignored_allowed_or_left_unfinished() {
    assert_clean(&sources::left_behind(&Tree::load()));
}

#[test]
fn the_core_names_no_protocol() {
    assert_clean(&sources::protocols(&Tree::load()));
}

#[test]
fn no_file_names_a_registry_or_a_machine() {
    assert_clean(&sources::places(&Tree::load()));
}

#[test]
fn nothing_depends_on_the_storey_above() {
    assert_clean(&manifests::upward(&Tree::load()));
}

#[test]
fn the_wire_and_the_core_have_no_runtime() {
    assert_clean(&manifests::runtimes(&Tree::load()));
}

#[test]
fn the_wire_and_the_core_forbid_what_can_panic() {
    assert_clean(&manifests::lints(&Tree::load()));
}

#[test]
fn every_limitation_names_a_test() {
    assert_clean(&limitations::untested(&Tree::load()));
}
