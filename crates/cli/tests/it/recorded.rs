//! The auditor's commands on a recording that this test makes.

use std::{fs, path::Path};

use ed25519_dalek::SigningKey;
use portcullis_recording::{
    Intention, Outcome, Recorder, RecorderOptions, RecordingKeys, Refusal, SessionStart,
    files::{FileWitness, Options, Recording, Witness},
};

use crate::support::{golden, told};

const SECOND: u64 = 1_000_000;
const BEGAN: u64 = 1_795_420_800 * SECOND;

/// Two sessions, the second with a refused statement and a name that would clear the auditor's screen.
fn recorded(home: &Path) {
    let witness: Box<dyn Witness> = Box::new(FileWitness::new(home.join("witness.log")));
    let key = SigningKey::from_bytes(&[42; 32]);
    let recording = Recording::open(&home.join("data"), key, Options::default(), vec![witness], BEGAN).unwrap();
    for (id, subject) in [(1, "ana"), (2, "ben\u{1b}[2J")] {
        let start = SessionStart {
            provider: "corp".into(),
            subject: subject.into(),
            user: subject.into(),
            upstream: "shop".into(),
            protocol: "postgres".into(),
            ..SessionStart::default()
        };
        let at = BEGAN + u64::try_from(id).unwrap() * 60 * SECOND;
        let keys = RecordingKeys::default();
        let mut recorder = Recorder::start(id, &start, &keys, RecorderOptions::default(), at).unwrap();
        let select = Intention { statement: 1, original: b"SELECT 1", via: "query", ..Intention::default() };
        recorder.intend(&select, [0; 32], at + 1);
        drop(recorder.commit(&recording).unwrap());
        recorder.outcome(1, &Outcome { rows: 1, command_tag: "SELECT 1", ..Outcome::default() }, at + 2);
        if id == 2 {
            let drop = Intention { statement: 2, original: b"DROP TABLE t", via: "query", ..Intention::default() };
            recorder.refused(&drop, &Refusal { rule: "no-drop", hint: "ask", reason: "no" }, at + 3);
        }
        recorder.end("terminate", at + 4);
        drop(recorder.commit(&recording).unwrap());
    }
    recording.close(BEGAN + 600 * SECOND).unwrap();
}

fn shown(home: &Path, args: &[&str]) -> String {
    told(home, &[args, &["--data-dir", "data"]].concat())
}

#[test]
fn sessions_are_listed_and_filtered() {
    let home = tempfile::tempdir().unwrap();
    recorded(home.path());
    let list = shown(home.path(), &["sessions"]);
    assert!(!list.contains('\u{1b}'), "{list}");
    golden("sessions", &(list + &shown(home.path(), &["sessions", "--verdict", "refuse", "--json"])));
    let one = shown(home.path(), &["sessions", "--user", "ana", "--since", "2026-11-23", "--until", "2026-11-24"]);
    assert!(one.contains(&format!("{:032x}", 1)) && !one.contains(&format!("{:032x}", 2)), "{one}");
    let none = shown(home.path(), &["sessions", "--user", "eve"]);
    assert_eq!(none, "exit code 1\n--- notes\nerror: no such session is recorded\n");
}

#[test]
fn a_recording_is_verified_and_a_changed_byte_is_named() {
    let home = tempfile::tempdir().unwrap();
    recorded(home.path());
    golden("verify_intact", &shown(home.path(), &["verify", "--witness", "witness.log"]));
    let segments = home.path().join("data/recordings/segments");
    let file = fs::read_dir(segments).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(8).position(|window| window == b"SELECT 1").unwrap();
    bytes[at] ^= 1;
    fs::write(&file, bytes).unwrap();
    let told = shown(home.path(), &["verify"]);
    assert!(told.starts_with("exit code 1") && told.contains("NOT what was written"), "{told}");
    assert!(told.contains(&format!("session {:032x}", 1)), "{told}");
}

#[test]
fn a_folder_that_is_not_there_is_not_intact() {
    let home = tempfile::tempdir().unwrap();
    golden("verify_absent", &shown(home.path(), &["verify"]));
    fs::create_dir(home.path().join("data")).unwrap();
    assert_eq!(shown(home.path(), &["verify"]), "exit code 1\n--- notes\nerror: data: holds no recording\n");
}
