//! What an auditor does with the folder of a gateway that ran: verify it, and replay a session of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use portcullis_testkit::{Version, tools};

use crate::place::{Place, files, text, usual};
use crate::wire::{extended, parse, sync};

/// A folder with a few sessions over two runs of the gateway, both ended in order.
fn recorded() -> (Place, PathBuf) {
    let mut place = Place::with(Version::V18, &usual());
    for round in 0..2 {
        for who in ["all", "support"] {
            let mut wire = place.session(&[who]);
            wire.query(&format!("SELECT 'round {round} of {who}'"));
            wire.say(&[extended("SELECT name FROM customers WHERE id = $1::int", &["7"])]);
            wire.query("SELECT salary FROM hr.employees WHERE id = 1");
            wire.say(&[parse("broken", "SELEC"), sync()]);
        }
        place.gateway.process().signal("TERM");
        assert_eq!(place.gateway.process().wait(Duration::from_secs(20)), Some(0), "{}", place.gateway.log());
        if round == 0 {
            place.gateway.restart();
        }
    }
    let data = place.gateway.data_dir();
    (place, data)
}

fn verify(data: &Path) -> (bool, String) {
    let output = Command::new(tools::portcullis()).arg("verify").arg("--data-dir").arg(data).output().expect("starts");
    (output.status.success(), text(&output))
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp starts");
    assert!(done.success());
}

fn segments(data: &Path) -> Vec<PathBuf> {
    files(data.join("recordings/segments"))
}

#[test]
fn a_recording_verifies_and_every_change_to_it_is_named() {
    let (_place, data) = recorded();
    let (passes, said) = verify(&data);
    assert!(passes && said.contains("intact"), "{said}");
    assert!(segments(&data).len() >= 2, "{:?}", segments(&data));
    let scratch = tempfile::tempdir().expect("a folder");
    type Change = fn(&Path);
    let changes: Vec<(&str, &str, Change)> = vec![
        ("a byte of the first segment", "segment 1", |data| flip(&segments(data)[0])),
        ("a byte of the last segment", "segment 2", |data| flip(&segments(data)[1])),
        ("the last segment cut", "segment 2", |data| cut(&segments(data)[1])),
        ("the first segment removed", "segment 1", |data| std::fs::remove_file(&segments(data)[0]).expect("removed")),
        ("the last segment removed", "segment 2", |data| std::fs::remove_file(&segments(data)[1]).expect("removed")),
        ("a byte of a checkpoint", "checkpoint", |data| flip(&data.join("recordings/checkpoints.log"))),
    ];
    for (n, (what, named, change)) in changes.into_iter().enumerate() {
        let copied = scratch.path().join(n.to_string());
        copy(&data, &copied);
        change(&copied);
        let (passes, said) = verify(&copied);
        assert!(!passes, "{what} passes: {said}");
        assert!(said.contains("NOT what was written"), "{what}: {said}");
        let found: String = said.lines().filter(|line| line.starts_with("WRONG")).collect();
        assert!(found.contains(named), "{what} is not named: {said}");
    }
    // A cut checkpoint looks as a crash would leave it, and is said to be that; it is not passed over in silence.
    let copied = scratch.path().join("checkpoints");
    copy(&data, &copied);
    cut(&copied.join("recordings/checkpoints.log"));
    let (_, said) = verify(&copied);
    assert!(said.contains("checkpoint log ends inside a record") && !said.contains("intact:"), "{said}");
    let (passes, said) = verify(&data);
    assert!(passes, "the original was not touched: {said}");
}

/// Changes one bit in the middle.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).expect("written");
}

/// Takes the last third away.
fn cut(path: &Path) {
    let bytes = std::fs::read(path).expect("a file");
    std::fs::write(path, &bytes[..bytes.len() * 2 / 3]).expect("written");
}

#[test]
fn a_session_is_replayed_with_its_verdicts() {
    let (place, _) = recorded();
    let (done, shown) = place.portcullis(&["replay", "latest", "--instant"]);
    assert!(done, "{shown}");
    for expected in ["round 1 of support", "Customer 7", "no-hr", "salary"] {
        assert!(shown.contains(expected), "`{expected}` is not in\n{shown}");
    }
    let (done, listed) = place.portcullis(&["sessions", "--json"]);
    assert!(done && listed.lines().count() >= 4, "{listed}");
    let (done, refused) = place.portcullis(&["sessions", "--verdict", "refuse", "--json"]);
    assert!(done && refused.lines().count() >= 2, "{refused}");
}
