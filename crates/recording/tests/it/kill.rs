//! kill -9 of a writing process: everything that had a receipt is there, and the rest is a torn tail at worst.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use portcullis_recording::body::Body;
use portcullis_recording::files::{Options, Recording};
use portcullis_recording::verify::Standing;
use portcullis_recording::{Archive, RecordingKeys};

use crate::helpers::*;

const CHILD: &str = "PORTCULLIS_RECORDING_CHILD";

/// Not a test of its own: the process that `everything_with_a_receipt…` kills. Without the variable it has nothing to do.
#[test]
fn child_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let recording =
        Recording::open(dir.as_ref(), key(), Options { segment_bytes: 100_000, ..Options::default() }, vec![], T0)
            .unwrap();
    let mut sessions: Vec<_> = (1..5).map(|id| session(id, &RecordingKeys::plain(), T0)).collect();
    for statement in 1.. {
        for recorder in &mut sessions {
            run(recorder, &recording, statement, T0 + statement);
            // What the upstream would have run: the receipt exists.
            writeln!(std::io::stdout(), "ran {} {statement}", recorder.session()).unwrap();
        }
        if statement % 50 == 0 {
            recording.tick(T0 + statement).unwrap();
        }
    }
}

#[test]
fn everything_with_a_receipt_is_recorded_after_kill_nine() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ran: Vec<String> =
        lines.by_ref().map(Result::unwrap).filter(|l| l.starts_with("ran ")).take(2000).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    ran.extend(lines.map(Result::unwrap).filter(|l| l.starts_with("ran ") && l.split(' ').count() == 3));
    let report = check_alone(dir.path());
    assert!(matches!(report.standing(), Standing::Unclosed | Standing::Torn), "{:?}", report.findings);
    let found: std::collections::HashSet<String> = Archive::open(dir.path(), vec![])
        .unwrap()
        .entries()
        .filter_map(|entry| {
            let entry = entry.unwrap();
            let Body::Statement(statement) = entry.body else { return None };
            Some(format!("ran {} {}", entry.header.session, statement.statement))
        })
        .collect();
    // The last line may have been cut off by the kill in the middle of a number.
    ran.pop();
    for line in &ran {
        assert!(found.contains(line), "`{line}` ran and is not recorded");
    }
    restart(dir.path());
}

fn restart(dir: &std::path::Path) {
    let recording = open(dir, Options::default(), T0 + 100 * SECOND);
    let mut recorder = session(9, &RecordingKeys::plain(), T0 + 100 * SECOND);
    run(&mut recorder, &recording, 1, T0 + 100 * SECOND);
    drop(recorder.commit(&recording).unwrap());
    recording.close(T0 + 101 * SECOND).unwrap();
    let report = check_alone(dir);
    assert!(report.passes(), "{:?}", report.findings);
    assert!(report.findings.iter().any(|f| f.detail.contains("have no end")));
}

#[test]
fn a_torn_tail_of_a_killed_process_is_torn_and_stays_so_after_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let recording = open(dir.path(), Options::default(), T0);
        let mut recorder = session(1, &RecordingKeys::plain(), T0);
        run(&mut recorder, &recording, 1, T0 + 1);
        recording.tick(T0 + SECOND).unwrap();
        run(&mut recorder, &recording, 2, T0 + 2);
    }
    let path = dir.path().join("recordings/segments/0000000001.pcr");
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 10).unwrap();
    let report = check(dir.path());
    assert_eq!(report.standing(), Standing::Torn, "{:?}", report.findings);
    restart(dir.path());
    assert_eq!(check(dir.path()).standing(), Standing::Torn);
}
