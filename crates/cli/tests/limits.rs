//! Commands of the design that this version does not have: each is wrong use, never half done. See LIMITATIONS.md.

use std::process::Command;

fn is_absent(command: &str) {
    let told = Command::new(env!("CARGO_BIN_EXE_portcullis")).arg(command).output().unwrap();
    assert_eq!(told.status.code(), Some(2), "{command}");
    let words = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(words.contains(&format!("unrecognized subcommand '{command}'")), "{words}");
}

#[test]
fn nothing_is_requested_approved_or_granted() {
    ["request", "approve", "deny", "grants", "revoke"].into_iter().for_each(is_absent);
}

#[test]
fn sessions_are_not_followed_or_locked() {
    ["tail", "lock"].into_iter().for_each(is_absent);
}

#[test]
fn another_policy_is_not_tried_on_a_recording() {
    is_absent("what-if");
}

#[test]
fn there_is_no_agent_beside_the_database() {
    is_absent("agent");
}

#[test]
fn the_overhead_is_not_measured_by_a_command() {
    is_absent("bench");
}
