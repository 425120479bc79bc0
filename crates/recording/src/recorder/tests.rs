//! The recorder over a sink that keeps batches in memory and can be full: receipts, chains, and bounds while it fails.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::age::Identity;
use crate::body::{Body, OutcomeState};
use crate::entry::{CHAIN, HEADER, Header, KEYED, SEALED, chain};
use crate::seal::{PayloadKey, TAG};

/// A sink in memory that can be full.
#[derive(Default)]
struct Memory {
    bytes: Mutex<Vec<u8>>,
    full: AtomicBool,
    writes: Mutex<Vec<(u64, Digest, bool)>>,
}

impl Sink for Memory {
    fn write(&self, batch: &Batch<'_>) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.lock().unwrap().extend_from_slice(batch.bytes);
        self.writes.lock().unwrap().push((batch.sequence, batch.chain, batch.ends));
        Ok(())
    }
}

impl Memory {
    fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// Every entry, its chain checked, opened with the identity where there is one.
    fn entries(&self, identity: Option<&Identity>) -> Vec<(Header, Body)> {
        let bytes = self.bytes.lock().unwrap();
        let (mut rest, mut expected, mut found) = (&bytes[..], CHAIN_START, Vec::new());
        let mut key = None;
        while let Some((head, after)) = rest.split_first_chunk::<HEADER>() {
            let header = Header::decode(head).unwrap();
            let (payload, after) = after.split_at(header.length as usize);
            let (link, after) = after.split_first_chunk::<CHAIN>().unwrap();
            expected = chain(&expected, &[head, payload]);
            assert_eq!(*link, expected);
            assert_eq!(header.sequence, found.len() as u64);
            let mut payload = payload.to_vec();
            if header.flags & KEYED != 0 {
                let length = usize::from(u16::from_le_bytes([payload[0], payload[1]]));
                let wrapped: Vec<u8> = payload.drain(..length + 2).skip(2).collect();
                key = Some(PayloadKey::new(&identity.unwrap().unwrap_key(&wrapped).unwrap()));
            }
            if header.flags & SEALED != 0 {
                let tag: [u8; TAG] = payload.split_off(payload.len() - TAG).try_into().unwrap();
                key.as_ref().unwrap().open(&header, &mut payload, &tag).unwrap();
            }
            found.push((header, Body::decode(header.kind, &payload).unwrap()));
            rest = after;
        }
        assert!(rest.is_empty());
        found
    }
}

fn recorder(keys: &RecordingKeys, results: Results) -> Recorder {
    let start = SessionStart { subject: "ana".into(), ..SessionStart::default() };
    let options = RecorderOptions { results, ..RecorderOptions::default() };
    Recorder::start(7, &start, keys, options, 1000).unwrap()
}

fn select(statement: u64) -> Intention<'static> {
    Intention { statement, original: b"select 1", via: "query", ..Intention::default() }
}

#[test]
fn a_commit_gives_one_receipt_for_each_intention() {
    let (sink, mut recorder) = (Memory::default(), recorder(&RecordingKeys::plain(), Results::Full));
    recorder.intend(&select(1), [1; 32], 1001);
    recorder.refused(&select(2), &Refusal { rule: "no", ..Refusal::default() }, 1002);
    recorder.intend(&select(3), [3; 32], 1003);
    let receipts = recorder.commit(&sink).unwrap();
    let named: Vec<_> = receipts.iter().map(|r| (r.session(), r.sequence(), *r.digest())).collect();
    assert_eq!(named, [(7, 1, [1; 32]), (7, 3, [3; 32])]);
    assert!(recorder.commit(&sink).unwrap().is_empty(), "nothing queued, nothing written");
    assert_eq!(sink.writes.lock().unwrap().len(), 1, "one write per batch");
    assert_eq!(sink.entries(None).len(), 4);
}

#[test]
fn a_sealed_session_opens_with_its_identity_and_is_not_in_clear() {
    let identity = Identity::generate().unwrap();
    let sink = Memory::default();
    let mut recorder = recorder(&RecordingKeys::encrypted_to(identity.recipient()), Results::Full);
    recorder.intend(&select(1), [1; 32], 1001);
    drop(recorder.commit(&sink).unwrap());
    recorder.result(1, b"first frame", 1002);
    recorder.result(1, b", second frame", 1002);
    recorder.outcome(1, &Outcome { rows: 2, ..Outcome::default() }, 1003);
    recorder.end("terminate", 1004);
    drop(recorder.commit(&sink).unwrap());
    let bytes = sink.bytes.lock().unwrap().clone();
    assert!(!bytes.windows(8).any(|w| w == b"select 1" || w == b"terminat"));
    let entries = sink.entries(Some(&identity));
    let kinds: Vec<_> = entries.iter().map(|(h, _)| h.kind).collect();
    let expected = [Kind::SessionStart, Kind::Statement, Kind::Result, Kind::Outcome, Kind::SessionEnd];
    assert_eq!(kinds, expected);
    let Body::Result(chunk) = &entries[2].1 else { panic!() };
    assert_eq!(chunk.frames, b"first frame, second frame");
    assert!(sink.writes.lock().unwrap().last().unwrap().2);
}

#[test]
fn a_failed_write_gives_no_receipt_and_the_chain_goes_on() {
    for keys in [RecordingKeys::plain(), RecordingKeys::encrypted_to(Identity::parse(TEST_KEY).unwrap().recipient())] {
        let (sink, mut recorder) = (Memory::default(), recorder(&keys, Results::Full));
        recorder.intend(&select(1), [1; 32], 1001);
        drop(recorder.commit(&sink).unwrap());
        sink.set_full(true);
        recorder.outcome(1, &Outcome { rows: 5, ..Outcome::default() }, 1002);
        for statement in 2..5 {
            recorder.intend(&select(statement), [2; 32], 1003);
            assert!(recorder.commit(&sink).is_err());
        }
        sink.set_full(false);
        recorder.intend(&select(5), [5; 32], 1004);
        assert_eq!(recorder.commit(&sink).unwrap()[0].sequence(), 5);
        let entries = sink.entries(Some(&Identity::parse(TEST_KEY).unwrap()));
        let statements: Vec<_> = entries
            .iter()
            .filter_map(|(_, body)| match body {
                Body::Statement(s) => Some(s.statement),
                _ => None,
            })
            .collect();
        assert_eq!(statements, [1, 5], "what was never recorded was never forwarded");
        assert!(entries.iter().any(|(_, b)| matches!(b, Body::Outcome(o) if o.statement == 1 && o.rows == 5)));
        let Some(Body::Note(note)) = entries.iter().map(|(_, b)| b).find(|b| matches!(b, Body::Note(_))) else {
            panic!("the loss is told")
        };
        assert_eq!(note.code, "unrecorded");
        assert_eq!(note.facts[0], ("statements_refused".to_owned(), "3".to_owned()));
    }
}

const TEST_KEY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

#[test]
fn no_nonce_is_used_twice_after_a_failed_write() {
    let keys = RecordingKeys::encrypted_to(Identity::parse(TEST_KEY).unwrap().recipient());
    let mut recorder = recorder(&keys, Results::Full);
    struct Spy(Mutex<Vec<(u32, u64)>>);
    impl Sink for Spy {
        fn write(&self, batch: &Batch<'_>) -> io::Result<()> {
            let mut rest = batch.bytes;
            while let Some((head, after)) = rest.split_first_chunk::<HEADER>() {
                let header = Header::decode(head).unwrap();
                self.0.lock().unwrap().push((header.attempt, header.sequence));
                rest = &after[header.length as usize + CHAIN..];
            }
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let spy = Spy(Mutex::default());
    for statement in 0..20 {
        recorder.intend(&select(statement), [0; 32], 1);
        recorder.outcome(statement, &Outcome::default(), 2);
        assert!(recorder.commit(&spy).is_err());
    }
    let mut nonces = spy.0.into_inner().unwrap();
    let count = nonces.len();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), count);
}

#[test]
fn the_queue_stays_bounded_while_the_sink_fails() {
    let (sink, mut recorder) = (Memory::default(), recorder(&RecordingKeys::plain(), Results::Full));
    drop(recorder.commit(&sink).unwrap());
    sink.set_full(true);
    let frames = vec![1u8; 100_000];
    for statement in 0..200 {
        recorder.result(statement, &frames, 5);
        recorder.refused(&select(statement), &Refusal::default(), 5);
        assert!(recorder.commit(&sink).is_err());
        assert!(recorder.pending_bytes() < 2 * MAX_PENDING);
    }
    recorder.outcome(1, &Outcome { state: OutcomeState::Aborted, ..Outcome::default() }, 6);
    sink.set_full(false);
    drop(recorder.commit(&sink).unwrap());
    let entries = sink.entries(None);
    assert!(entries.iter().any(|(_, b)| matches!(b, Body::Outcome(_))));
    assert!(entries.iter().any(|(_, b)| matches!(b, Body::Note(n) if n.facts[2].1 != "0")));
}

#[test]
fn the_head_of_each_result_is_kept_and_the_outcome_says_how_much() {
    let (sink, mut recorder) = (Memory::default(), recorder(&RecordingKeys::plain(), Results::Head(10)));
    for statement in 1..3 {
        for _ in 0..5 {
            recorder.result(statement, b"12345678", 1);
        }
        recorder.outcome(statement, &Outcome { bytes: 40, ..Outcome::default() }, 2);
    }
    drop(recorder.commit(&sink).unwrap());
    for (_, body) in sink.entries(None) {
        match body {
            Body::Result(chunk) => assert_eq!(chunk.frames, b"1234567812"),
            Body::Outcome(outcome) => assert_eq!((outcome.bytes, outcome.recorded), (40, 10)),
            _ => {}
        }
    }
}

#[test]
fn a_long_result_is_many_entries_of_bounded_size() {
    let (sink, mut recorder) = (Memory::default(), recorder(&RecordingKeys::plain(), Results::Full));
    let frames: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    recorder.result(1, &frames, 1);
    drop(recorder.commit(&sink).unwrap());
    let mut joined = Vec::new();
    for (header, body) in sink.entries(None) {
        assert!(header.length as usize <= MAX_CHUNK + 16);
        if let Body::Result(chunk) = body {
            joined.extend(chunk.frames);
        }
    }
    assert_eq!(joined, frames);
}
