//! Recordings: whatever is done to the files, reading and verifying them does not panic, and a verification that passes
//! read the very entries that were written.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;
use portcullis_recording::files::{Options, Recording};
use portcullis_recording::verify::{self, verify};
use portcullis_recording::{
    Archive, Entry, Filter, Intention, Outcome, Recorder, RecorderOptions, RecordingKeys, SessionStart,
};
use tempfile::TempDir;

/// A sound recording, and the folder that its damaged copies are written to.
struct Sound {
    folder: TempDir,
    segment: Vec<u8>,
    checkpoints: Vec<u8>,
    entries: Vec<Entry>,
    key: [u8; 32],
}

static SOUND: LazyLock<Sound> = LazyLock::new(record);

fuzz_target!(|damage: (bool, Option<u16>, Vec<(u16, u8)>, &[u8])| {
    let (checkpoints, cut, edits, tail) = damage;
    let sound = &*SOUND;
    let mut segment = sound.segment.clone();
    let mut log = sound.checkpoints.clone();
    spoil(if checkpoints { &mut log } else { &mut segment }, cut, &edits, tail);
    fs::write(segment_file(sound.folder.path()), &segment).expect("the segment written");
    fs::write(sound.folder.path().join("recordings/checkpoints.log"), &log).expect("the checkpoints written");
    let options = verify::Options { trusted: vec![sound.key], witnesses: vec![] };
    let report = verify(sound.folder.path(), &options, &mut |_| ()).expect("the folder can be read");
    let (entries, sessions) = read(sound.folder.path());
    if !checkpoints && segment != sound.segment {
        assert!(!report.passes(), "a changed segment passes");
    }
    if report.passes() {
        assert!(sound.entries.starts_with(&entries), "a recording that passes says something else");
    }
    assert!(sessions <= entries.len(), "more sessions than entries");
});

/// What can be read of it: the entries up to the first that cannot, and how many sessions they are of.
fn read(data: &Path) -> (Vec<Entry>, usize) {
    let archive = Archive::open(data, vec![]).expect("the folder can be read");
    let entries: Vec<Entry> = archive.entries().map_while(Result::ok).collect();
    let sessions = archive.sessions(&Filter::default()).map_or(0, |sessions| sessions.len());
    (entries, sessions)
}

fn spoil(bytes: &mut Vec<u8>, cut: Option<u16>, edits: &[(u16, u8)], tail: &[u8]) {
    if let Some(cut) = cut {
        bytes.truncate(usize::from(cut) % (bytes.len() + 1));
    }
    for (place, change) in edits {
        let length = bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(usize::from(*place) % length) {
            *byte ^= change;
        }
    }
    bytes.extend_from_slice(tail);
}

fn segment_file(data: &Path) -> PathBuf {
    data.join("recordings/segments/0000000001.pcr")
}

fn record() -> Sound {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = SigningKey::from_bytes(&[1; 32]);
    let trusted = key.verifying_key().to_bytes();
    let recording = Recording::open(folder.path(), key, Options::default(), vec![], 0).expect("opened");
    for session in 1..3 {
        let keys = RecordingKeys::plain();
        let mut recorder = Recorder::start(session, &SessionStart::default(), &keys, RecorderOptions::default(), 1)
            .expect("a session begins");
        for statement in 1..4 {
            let intention = Intention { statement, via: "query", original: b"SELECT 1", ..Intention::default() };
            recorder.intend(&intention, [7; 32], statement);
            recorder.commit(&recording).expect("written");
            recorder.outcome(statement, &Outcome { rows: 1, ..Outcome::default() }, statement);
        }
        recorder.end("the client left", 9);
        recorder.commit(&recording).expect("written");
    }
    recording.close(10).expect("closed");
    drop(recording);
    let read_file = |path: &Path| fs::read(path).expect("written a moment ago");
    let segment = read_file(&segment_file(folder.path()));
    let checkpoints = read_file(&folder.path().join("recordings/checkpoints.log"));
    let (entries, sessions) = read(folder.path());
    assert!(entries.len() > 10 && sessions == 2, "the sound recording is not sound");
    Sound { folder, segment, checkpoints, entries, key: trusted }
}
