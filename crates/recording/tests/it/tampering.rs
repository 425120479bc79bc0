//! Whatever is changed, cut or removed is named.

use std::fs;
use std::path::Path;

use portcullis_recording::RecordingKeys;
use portcullis_recording::files::Options;
use portcullis_recording::verify::{FindingKind, Standing};
use proptest::prelude::*;

use crate::helpers::*;

/// Coprime to every field's length, so that no field is skipped. Signatures are slow to check in a debug build.
const STRIDE: usize = 37;

fn with_copy(test: impl Fn(&Path)) {
    let original = tempfile::tempdir().unwrap();
    sample(original.path(), &RecordingKeys::plain());
    let copied = tempfile::tempdir().unwrap();
    copy(original.path(), copied.path());
    test(copied.path());
}

#[test]
fn a_flip_of_any_byte_in_any_file_is_never_intact() {
    let original = tempfile::tempdir().unwrap();
    sample(original.path(), &RecordingKeys::plain());
    for file in files(original.path()) {
        let good = fs::read(&file).unwrap();
        for place in (0..good.len()).step_by(STRIDE) {
            let mut bad = good.clone();
            bad[place] ^= 1 << (place % 8);
            fs::write(&file, &bad).unwrap();
            let report = check_alone(original.path());
            assert_ne!(report.standing(), Standing::Intact, "{} byte {place}", file.display());
            if file.extension().is_some_and(|e| e == "pcr") {
                let finding = report.first_bad().expect("named");
                assert!(finding.place.offset.is_some_and(|offset| offset <= place as u64), "{finding:?} for {place}");
            }
        }
        fs::write(&file, &good).unwrap();
    }
}

#[test]
fn a_flip_in_a_compressed_segment_is_never_intact() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path(), &RecordingKeys::plain());
    let recording = open(dir.path(), Options::default(), T0 + 20 * SECOND);
    recording.maintain(T0 + 21 * SECOND).unwrap();
    recording.close(T0 + 22 * SECOND).unwrap();
    let file = dir.path().join("recordings/segments/0000000001.pcr.zst");
    let good = fs::read(&file).unwrap();
    for place in (0..good.len()).step_by(STRIDE) {
        let mut bad = good.clone();
        bad[place] ^= 1 << (place % 8);
        fs::write(&file, &bad).unwrap();
        assert_eq!(check_alone(dir.path()).standing(), Standing::Tampered, "byte {place}");
    }
}

#[test]
fn any_cut_of_any_file_is_named() {
    let original = tempfile::tempdir().unwrap();
    sample(original.path(), &RecordingKeys::plain());
    for file in files(original.path()) {
        let good = fs::read(&file).unwrap();
        for length in (0..good.len()).step_by(STRIDE) {
            fs::write(&file, &good[..length]).unwrap();
            let report = check_alone(original.path());
            assert_ne!(report.standing(), Standing::Intact, "{} cut at {length}", file.display());
            if file.extension().is_some_and(|e| e == "pcr") {
                assert_eq!(report.standing(), Standing::Tampered, "{} cut at {length}", file.display());
            }
            // The witness remembers what the folder forgot.
            if file.ends_with("checkpoints.log") {
                assert_eq!(check(original.path()).standing(), Standing::Tampered, "log cut at {length}");
            }
        }
        fs::write(&file, &good).unwrap();
    }
}

#[test]
fn a_removed_segment_is_named() {
    for number in 1..=2u64 {
        with_copy(|dir| {
            fs::remove_file(dir.join(format!("recordings/segments/{number:010}.pcr"))).unwrap();
            let report = check(dir);
            let bad = report.first_bad().unwrap();
            assert_eq!((bad.kind, bad.place.segment), (FindingKind::RemovedSegment, Some(number)), "{bad:?}");
        });
    }
}

#[test]
fn a_removed_checkpoint_log_is_named() {
    with_copy(|dir| {
        fs::remove_file(dir.join("recordings/checkpoints.log")).unwrap();
        let report = check_alone(dir);
        assert!(report.findings.iter().any(|f| f.kind == FindingKind::RemovedCheckpoints), "{:?}", report.findings);
        assert_eq!(report.standing(), Standing::Tampered);
    });
}

#[test]
fn everything_removed_but_the_log_is_named() {
    with_copy(|dir| {
        for file in files(dir).into_iter().filter(|f| f.extension().is_some_and(|e| e == "pcr")) {
            fs::remove_file(file).unwrap();
        }
        assert_eq!(check_alone(dir).standing(), Standing::Tampered);
    });
}

#[test]
fn an_entry_taken_out_by_someone_who_mends_the_framing_is_named() {
    use portcullis_recording::segment::SegmentReader;
    with_copy(|dir| {
        let path = dir.join("recordings/segments/0000000001.pcr");
        let bytes = fs::read(&path).unwrap();
        let (_, mut reader) = SegmentReader::new(&bytes[..]).unwrap();
        reader.next_entry().unwrap().unwrap();
        let start = reader.offset() as usize;
        reader.next_entry().unwrap().unwrap();
        let end = reader.offset() as usize;
        fs::write(&path, [&bytes[..start], &bytes[end..]].concat()).unwrap();
        assert_eq!(check_alone(dir).standing(), Standing::Tampered);
    });
}

#[test]
fn a_whole_session_put_in_or_taken_out_is_named() {
    use portcullis_recording::segment::SegmentReader;
    // Someone without the signing key takes every entry of session 1 out of an unsealed, live recording.
    let dir = tempfile::tempdir().unwrap();
    let recording = open(dir.path(), Options::default(), T0);
    for id in 1..3 {
        let mut recorder = session(id, &RecordingKeys::plain(), T0);
        run(&mut recorder, &recording, 1, T0 + 1);
        recorder.end("terminate", T0 + 5);
        drop(recorder.commit(&recording).unwrap());
    }
    let path = dir.path().join("recordings/segments/0000000001.pcr");
    recording.tick(T0 + SECOND).unwrap();
    let bytes = fs::read(&path).unwrap();
    let (_, mut reader) = SegmentReader::new(&bytes[..]).unwrap();
    let (mut kept, mut from) = (bytes[..reader.offset() as usize].to_vec(), reader.offset() as usize);
    while let Some(session) = reader.next_entry().unwrap().map(|entry| entry.header.session) {
        let to = reader.offset() as usize;
        if session != 1 {
            kept.extend_from_slice(&bytes[from..to]);
        }
        from = to;
    }
    fs::write(&path, &kept).unwrap();
    let report = check_alone(dir.path());
    assert!(
        report.findings.iter().any(|f| f.kind == FindingKind::RemovedSession && f.place.session == Some(1)),
        "{report:?}"
    );
}

#[test]
fn a_forged_log_by_another_key_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let other = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let recording =
        portcullis_recording::files::Recording::open(dir.path(), other, Options::default(), vec![], T0).unwrap();
    recording.close(T0 + 1).unwrap();
    let report = check_alone(dir.path());
    assert_eq!(report.first_bad().unwrap().kind, FindingKind::UnknownKey);
}

#[test]
fn a_recording_written_anew_differs_from_its_witness() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    sample(first.path(), &RecordingKeys::plain());
    let recording = open(second.path(), Options::default(), T0 + 7);
    recording.close(T0 + 8).unwrap();
    fs::copy(witness_path(first.path()), witness_path(second.path())).unwrap();
    let report = check(second.path());
    assert_eq!(report.first_bad().unwrap().kind, FindingKind::WitnessDiffers);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn hostile_files_are_never_intact_and_never_a_panic(
        which in 0usize..3, cut in 0usize..4000, junk in proptest::collection::vec(any::<u8>(), 1..300)
    ) {
        let dir = tempfile::tempdir().unwrap();
        sample(dir.path(), &RecordingKeys::plain());
        let files = files(dir.path());
        let file = &files[which % files.len()];
        let mut bytes = fs::read(file).unwrap();
        let place = cut % bytes.len();
        let before = bytes.clone();
        bytes.splice(place..(place + junk.len()).min(before.len()), junk);
        prop_assume!(bytes != before);
        fs::write(file, &bytes).unwrap();
        prop_assert_ne!(check(dir.path()).standing(), Standing::Intact);
    }
}
