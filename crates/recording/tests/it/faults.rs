//! The disk fails; statements are refused, outcomes survive, and it heals.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_recording::body::Body;
use portcullis_recording::files::{Options, Recording};
use portcullis_recording::verify::Standing;
use portcullis_recording::{Archive, Batch, Intention, Outcome, RecordingKeys, Sink};

use crate::helpers::*;

struct Failing<'r> {
    recording: &'r Recording,
    full: AtomicBool,
}

impl Sink for Failing<'_> {
    fn write(&self, batch: &Batch<'_>) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) && batch.intends {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.recording.write(batch)
    }
}

#[test]
fn a_full_disk_refuses_statements_keeps_outcomes_and_heals() {
    let dir = tempfile::tempdir().unwrap();
    let recording = open(dir.path(), Options::default(), T0);
    let sink = Failing { recording: &recording, full: AtomicBool::new(false) };
    let mut recorder = session(1, &RecordingKeys::plain(), T0);
    let intention = |statement| Intention { statement, original: b"SELECT 1", ..Intention::default() };
    recorder.intend(&intention(1), [0; 32], T0);
    assert_eq!(recorder.commit(&sink).unwrap().len(), 1);
    sink.full.store(true, Ordering::Relaxed);
    recorder.outcome(1, &Outcome { rows: 3, ..Outcome::default() }, T0 + 1);
    recorder.intend(&intention(2), [0; 32], T0 + 2);
    assert!(recorder.commit(&sink).is_err());
    assert_eq!(recorder.pending_bytes(), 0, "the outcome was written without the intention");
    sink.full.store(false, Ordering::Relaxed);
    recorder.intend(&intention(3), [0; 32], T0 + 3);
    assert_eq!(recorder.commit(&sink).unwrap()[0].sequence(), 3);
    recording.close(T0 + SECOND).unwrap();
    assert_eq!(check(dir.path()).standing(), Standing::Intact);
    let bodies: Vec<_> = Archive::open(dir.path(), vec![]).unwrap().session(1).map(|e| e.unwrap().body).collect();
    assert!(bodies.iter().any(|b| matches!(b, Body::Outcome(o) if o.statement == 1 && o.rows == 3)));
    assert!(!bodies.iter().any(|b| matches!(b, Body::Statement(s) if s.statement == 2)));
}

/// A real full disk: a small tmpfs, where this machine lets us mount one.
#[test]
fn a_real_full_disk_leaves_no_partial_entry() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"])
        .arg(dir.path())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        // Without the right to mount there is no small disk; the test above covers the recorder's half.
        return;
    }
    let outcome = std::panic::catch_unwind(|| fill_up(dir.path()));
    let unmounted = std::process::Command::new("umount").arg(dir.path()).status();
    assert!(unmounted.unwrap().success());
    outcome.unwrap();
}

fn fill_up(dir: &std::path::Path) {
    std::fs::write(dir.join("ballast"), vec![1u8; 500_000]).unwrap();
    let recording = Recording::open(dir, key(), Options::default(), vec![], T0).unwrap();
    let mut recorder = session(1, &RecordingKeys::plain(), T0);
    let text = vec![b'x'; 50_000];
    let mut written = 0;
    for statement in 1..100u64 {
        let intention = Intention { statement, original: &text, ..Intention::default() };
        recorder.intend(&intention, [0; 32], T0);
        match recorder.commit(&recording) {
            Ok(receipts) => {
                assert_eq!(receipts.len(), 1);
                written = statement;
            }
            Err(_) => break,
        }
        recorder.outcome(statement, &Outcome { rows: statement, ..Outcome::default() }, T0 + 1);
    }
    assert!(written > 10, "the reserve alone is smaller than the disk");
    assert!(written < 99, "the disk got full");
    assert_eq!(recorder.pending_bytes(), 0, "the reserve took the outcome");
    assert!(check_alone(dir).passes());
    std::fs::remove_file(dir.join("ballast")).unwrap();
    run(&mut recorder, &recording, 200, T0 + 2);
    recorder.end("terminate", T0 + 3);
    assert!(recorder.commit(&recording).unwrap().is_empty());
    recording.close(T0 + SECOND).unwrap();
    assert_eq!(check_alone(dir).standing(), Standing::Intact, "{:?}", check_alone(dir).findings);
    let bodies: Vec<_> = Archive::open(dir, vec![]).unwrap().session(1).map(|e| e.unwrap().body).collect();
    assert!(bodies.iter().any(|b| matches!(b, Body::Outcome(o) if o.statement == written)));
    assert!(bodies.iter().any(|b| matches!(b, Body::Note(n) if n.code == "unrecorded")));
}
