//! What holds when nobody interferes.

use portcullis_recording::age::Identity;
use portcullis_recording::body::{Body, Verdict};
use portcullis_recording::files::Options;
use portcullis_recording::verify::{FindingKind, Standing};
use portcullis_recording::{Archive, Filter, RecordingKeys};

use crate::helpers::*;

#[test]
fn a_closed_recording_is_intact_and_anchored() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path(), &RecordingKeys::plain());
    let report = check(dir.path());
    assert_eq!(report.standing(), Standing::Intact, "{:#?}", report.findings);
    assert!(report.segments >= 2);
    assert_eq!(report.sessions, 3);
    assert_eq!(report.unsigned, 0);
    assert_eq!(report.anchored, Some(report.checkpoints));
    let alone = check_alone(dir.path());
    assert!(alone.findings.iter().any(|f| f.detail == "not anchored: proves integrity, not honesty"));
    assert_eq!(alone.standing(), Standing::Intact);
}

#[test]
fn a_running_recording_is_unclosed_and_not_tampered() {
    let dir = tempfile::tempdir().unwrap();
    let recording = open(dir.path(), Options::default(), T0);
    let mut recorder = session(1, &RecordingKeys::plain(), T0);
    run(&mut recorder, &recording, 1, T0 + 1);
    assert_eq!(check(dir.path()).standing(), Standing::Unclosed);
    assert_eq!(check(dir.path()).unsigned, 2);
    recording.tick(T0 + SECOND).unwrap();
    assert_eq!(check(dir.path()).unsigned, 0);
}

#[test]
fn compressed_segments_are_verified_and_read_like_plain_ones() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path(), &RecordingKeys::plain());
    let before: Vec<_> = Archive::open(dir.path(), vec![]).unwrap().entries().map(Result::unwrap).collect();
    let recording = open(dir.path(), Options::default(), T0 + 20 * SECOND);
    let (compressed, _) = recording.maintain(T0 + 21 * SECOND).unwrap();
    assert!(compressed >= 2);
    recording.close(T0 + 22 * SECOND).unwrap();
    assert!(files(dir.path()).iter().any(|f| f.to_str().unwrap().ends_with("0000000001.pcr.zst")));
    assert_eq!(check(dir.path()).standing(), Standing::Intact, "{:#?}", check(dir.path()).findings);
    let after: Vec<_> = Archive::open(dir.path(), vec![]).unwrap().entries().map(Result::unwrap).collect();
    assert_eq!(before, after);
}

#[test]
fn expired_segments_are_a_tombstone_not_tampering() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path(), &RecordingKeys::plain());
    let options = Options { retention: Some(5 * SECOND), ..Options::default() };
    let recording = open(dir.path(), options, T0 + 8 * SECOND);
    let (_, expired) = recording.maintain(T0 + 8 * SECOND).unwrap();
    assert!(expired >= 1, "the first segment is over");
    recording.close(T0 + 22 * SECOND).unwrap();
    let report = check(dir.path());
    assert_eq!(report.standing(), Standing::Intact, "{:#?}", report.findings);
    assert!(report.findings.iter().any(|f| f.kind == FindingKind::Expired));
}

#[test]
fn sessions_are_found_by_user_upstream_time_and_verdict() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path(), &RecordingKeys::plain());
    let archive = Archive::open(dir.path(), vec![]).unwrap();
    let count = |filter: Filter| archive.sessions(&filter).unwrap().len();
    assert_eq!(count(Filter::default()), 3);
    assert_eq!(count(Filter { user: Some("user2".into()), ..Filter::default() }), 1);
    assert_eq!(count(Filter { upstream: Some("other".into()), ..Filter::default() }), 0);
    assert_eq!(count(Filter { verdict: Some(Verdict::Refuse), ..Filter::default() }), 3);
    assert_eq!(count(Filter { verdict: Some(Verdict::Hold), ..Filter::default() }), 0);
    assert_eq!(count(Filter { since: Some(T0 + 60 * SECOND), ..Filter::default() }), 0);
    let first = &archive.sessions(&Filter::default()).unwrap()[0];
    assert_eq!((first.allowed, first.refused, first.ended), (2, 1, true));
}

#[test]
fn only_the_auditor_reads_an_encrypted_recording_and_anyone_verifies_it() {
    let dir = tempfile::tempdir().unwrap();
    let auditor = Identity::generate().unwrap();
    sample(dir.path(), &RecordingKeys::encrypted_to(auditor.recipient()));
    assert_eq!(check(dir.path()).standing(), Standing::Intact);
    for file in files(dir.path()) {
        let bytes = std::fs::read(file).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"SELECT" || w == b"user1\0"));
    }
    let stranger = Archive::open(dir.path(), vec![Identity::generate().unwrap()]).unwrap();
    assert!(stranger.session(2).map(Result::unwrap).all(|entry| entry.body == Body::Sealed));
    let archive = Archive::open(dir.path(), vec![auditor]).unwrap();
    let texts: Vec<_> = archive
        .session(2)
        .filter_map(|entry| match entry.unwrap().body {
            Body::Statement(statement) => Some(String::from_utf8(statement.original.bytes).unwrap()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["SELECT 2", "SELECT 3", "DROP TABLE t"]);
}

#[test]
fn a_folder_has_one_writer() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path(), Options::default(), T0);
    assert!(portcullis_recording::files::Recording::open(dir.path(), key(), Options::default(), vec![], T0).is_err());
}

#[test]
fn after_close_nothing_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let recording = open(dir.path(), Options::default(), T0);
    let mut recorder = session(1, &RecordingKeys::plain(), T0);
    recording.close(T0 + 1).unwrap();
    assert!(recorder.commit(&recording).is_err());
    assert_eq!(check(dir.path()).standing(), Standing::Intact);
}
