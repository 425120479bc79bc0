//! The auditor's commands on a recording that this test makes.

use std::{fs, path::Path};

use ed25519_dalek::SigningKey;
use portcullis_recording::{
    Intention, Outcome, Recorder, RecorderOptions, RecordingKeys, Refusal, SessionStart,
    files::{FileWitness, Options, Recording, Witness},
};

use crate::support::{golden, told};

const SECOND: u64 = 1_000_000;
/// RowDescription, DataRow and CommandComplete of `SELECT 1`.
const SELECTED: &[u8] = b"T\0\0\0\x21\0\x01?column?\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0\
                          D\0\0\0\x0b\0\x01\0\0\0\x011C\0\0\0\x0dSELECT 1\0";
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
        recorder.result(1, SELECTED, at + 2);
        recorder.outcome(1, &Outcome { rows: 1, command_tag: "SELECT 1", ..Outcome::default() }, at + 2);
        if id == 2 {
            let drop = Intention { statement: 2, original: b"DROP TABLE t", via: "query", ..Intention::default() };
            recorder.refused(&drop, &Refusal { rule: "no-drop", hint: "ask", reason: "no" }, at + SECOND);
        }
        recorder.end("terminate", at + SECOND + 1);
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
fn a_session_is_replayed_by_its_id_by_its_beginning_and_as_the_latest() {
    let home = tempfile::tempdir().unwrap();
    recorded(home.path());
    let whole = format!("{:032x}", 2);
    let latest = shown(home.path(), &["replay", "latest"]);
    assert!(!latest.contains('\u{1b}'), "{latest}");
    assert_eq!(latest, shown(home.path(), &["replay", &whole, "--instant"]));
    assert_eq!(latest, shown(home.path(), &["replay", &whole.to_uppercase(), "--speed", "100000"]));
    golden("replay", &latest);
    golden("replay_wrong_names", &(shown(home.path(), &["replay", "000"]) + &shown(home.path(), &["replay", "f"])));
}

#[test]
fn playing_takes_its_time() {
    let home = tempfile::tempdir().unwrap();
    recorded(home.path());
    let began = std::time::Instant::now();
    shown(home.path(), &["replay", "latest", "--speed", "1"]);
    assert!(began.elapsed() >= std::time::Duration::from_millis(1_000), "{:?}", began.elapsed());
}

#[test]
fn entries_are_exported_one_a_line() {
    let home = tempfile::tempdir().unwrap();
    recorded(home.path());
    let all = shown(home.path(), &["export", "--format", "jsonl"]);
    golden("export", &shown(home.path(), &["export", &format!("{:032x}", 1)]));
    let objects = all.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let kinds: Vec<String> = objects.map(|object| object["kind"].as_str().unwrap().to_owned()).collect();
    let one = ["session_start", "statement", "result", "outcome"];
    let expected = [&one[..], &["session_end"], &one, &["statement", "session_end"]].concat();
    assert_eq!(kinds, expected);
}

#[test]
fn a_folder_that_is_not_there_is_not_intact() {
    let home = tempfile::tempdir().unwrap();
    golden("verify_absent", &shown(home.path(), &["verify"]));
    fs::create_dir(home.path().join("data")).unwrap();
    assert_eq!(shown(home.path(), &["verify"]), "exit code 1\n--- notes\nerror: data: holds no recording\n");
}
