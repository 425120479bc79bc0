//! A small recording, made the same way each time.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use portcullis_recording::files::{FileWitness, Options, Recording, Witness};
use portcullis_recording::verify::{self, Report};
use portcullis_recording::{
    Intention, Outcome, Recorder, RecorderOptions, RecordingKeys, Refusal, Results, SessionStart,
};

pub const SECOND: u64 = 1_000_000;
pub const T0: u64 = 1_800_000_000 * SECOND;

pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

pub fn open(dir: &Path, options: Options, now: u64) -> Recording {
    let witness: Box<dyn Witness> = Box::new(FileWitness::new(witness_path(dir)));
    Recording::open(dir, key(), options, vec![witness], now).unwrap()
}

/// The witness lies in the same temporary folder, outside `recordings`.
pub fn witness_path(dir: &Path) -> PathBuf {
    dir.join("witness.log")
}

pub fn start(subject: &str) -> SessionStart {
    SessionStart {
        provider: "corp".into(),
        subject: subject.into(),
        user: subject.into(),
        upstream: "shop".into(),
        database: "shop".into(),
        protocol: "postgres".into(),
        ..SessionStart::default()
    }
}

pub fn session(id: u128, keys: &RecordingKeys, now: u64) -> Recorder {
    let options = RecorderOptions { results: Results::Full, ..RecorderOptions::default() };
    Recorder::start(id, &start(&format!("user{id}")), keys, options, now).unwrap()
}

pub fn run(recorder: &mut Recorder, recording: &Recording, statement: u64, now: u64) {
    let text = format!("SELECT {statement}");
    let intention = Intention { statement, original: text.as_bytes(), via: "query", ..Intention::default() };
    recorder.intend(&intention, [0; 32], now);
    let receipts = recorder.commit(recording).unwrap();
    assert_eq!(receipts.len(), 1);
    recorder.result(statement, b"C\0\0\0\x0dSELECT 1\0", now + 1);
    recorder.outcome(statement, &Outcome { rows: 1, command_tag: "SELECT 1", ..Outcome::default() }, now + 2);
}

pub fn refuse(recorder: &mut Recorder, statement: u64, now: u64) {
    let intention = Intention { statement, original: b"DROP TABLE t", via: "query", ..Intention::default() };
    recorder.refused(&intention, &Refusal { rule: "no-drop", hint: "ask", reason: "no" }, now);
}

/// Two segments, three sessions, one of which goes on from the first segment into the second.
pub fn sample(dir: &Path, keys: &RecordingKeys) {
    let recording = open(dir, Options { segment_bytes: 2000, ..Options::default() }, T0);
    let mut sessions: Vec<_> = (1..4).map(|id| session(id, keys, T0)).collect();
    for second in 0..4u64 {
        let now = T0 + second * SECOND;
        for (place, recorder) in sessions.iter_mut().enumerate() {
            if place as u64 <= second && second < 2 + place as u64 {
                run(recorder, &recording, second + 1, now + 10);
                if second == 1 + place as u64 {
                    refuse(recorder, second + 2, now + 20);
                    recorder.end("terminate", now + 30);
                    drop(recorder.commit(&recording).unwrap());
                }
            }
        }
        recording.tick(now + SECOND).unwrap();
    }
    recording.close(T0 + 10 * SECOND).unwrap();
}

pub fn check(dir: &Path) -> Report {
    let options =
        verify::Options { trusted: vec![key().verifying_key().to_bytes()], witnesses: vec![witness_path(dir)] };
    verify::verify(dir, &options, &mut |_| ()).unwrap()
}

pub fn check_alone(dir: &Path) -> Report {
    let options = verify::Options { trusted: vec![key().verifying_key().to_bytes()], witnesses: vec![] };
    verify::verify(dir, &options, &mut |_| ()).unwrap()
}

pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        std::fs::read_dir(dir.join("recordings/segments")).unwrap().map(|item| item.unwrap().path()).collect();
    found.push(dir.join("recordings/checkpoints.log"));
    found.sort();
    found
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("recordings/segments")).unwrap();
    for file in files(from).into_iter().chain([witness_path(from)]) {
        std::fs::copy(&file, to.join(file.strip_prefix(from).unwrap())).unwrap();
    }
}
