//! What recording costs: one statement (intend, commit, outcome) without and with the file, plain and sealed; and reading.

use std::hint::black_box;
use std::io;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::SigningKey;
use portcullis_recording::age::Identity;
use portcullis_recording::files::{Options, Recording};
use portcullis_recording::verify::{self, verify};
use portcullis_recording::{
    Archive, Batch, Intention, Object, Outcome, Recorder, RecorderOptions, RecordingKeys, SessionStart, Sink,
};

const TEXT: &[u8] =
    b"SELECT id, name, email, created_at FROM public.customers WHERE region = 'EMEA' AND id = 4711 LIMIT 10 -";

struct Nowhere;

impl Sink for Nowhere {
    fn write(&self, batch: &Batch<'_>) -> io::Result<()> {
        black_box(batch);
        Ok(())
    }
}

fn recorder(keys: &RecordingKeys) -> Recorder {
    Recorder::start(1, &SessionStart::default(), keys, RecorderOptions::default(), 0).unwrap()
}

fn keys() -> [(&'static str, RecordingKeys); 2] {
    let auditor = Identity::generate().unwrap();
    [("plain", RecordingKeys::plain()), ("sealed", RecordingKeys::encrypted_to(auditor.recipient()))]
}

fn run(recorder: &mut Recorder, sink: &dyn Sink, statement: u64) {
    let objects = [Object { effect: "select", name: "public.customers" }];
    let intention = Intention {
        statement,
        via: "query",
        original: TEXT,
        objects: &objects,
        rule: "support-reads",
        ..Intention::default()
    };
    recorder.intend(&intention, [7; 32], statement);
    black_box(recorder.commit(sink).unwrap());
    recorder.outcome(
        statement,
        &Outcome { rows: 1, bytes: 90, command_tag: "SELECT 1", ..Outcome::default() },
        statement,
    );
}

fn statement(c: &mut Criterion) {
    let mut group = c.benchmark_group("recording/statement");
    group.throughput(Throughput::Elements(1));
    for (name, keys) in keys() {
        let mut recorder = recorder(&keys);
        let mut number = 0;
        group.bench_function(format!("{name}/no write"), |b| {
            b.iter(|| {
                number += 1;
                run(&mut recorder, &Nowhere, number);
            });
        });
    }
    for (name, keys) in keys() {
        let dir = tempfile::tempdir().unwrap();
        let recording =
            Recording::open(dir.path(), SigningKey::from_bytes(&[1; 32]), Options::default(), vec![], 0).unwrap();
        let mut recorder = recorder(&keys);
        let mut number = 0;
        group.bench_function(format!("{name}/file"), |b| {
            b.iter(|| {
                number += 1;
                run(&mut recorder, &recording, number);
            });
        });
    }
    group.finish();
}

fn results(c: &mut Criterion) {
    let mut group = c.benchmark_group("recording/result");
    let frames = vec![b'x'; 32 << 10];
    group.throughput(Throughput::Bytes(frames.len() as u64));
    for (name, keys) in keys() {
        let mut recorder = recorder(&keys);
        let mut number = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                number += 1;
                recorder.result(number, &frames, number);
                black_box(recorder.commit(&Nowhere).unwrap());
            });
        });
    }
    group.finish();
}

fn reading(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: u64::MAX, ..Options::default() };
    let recording = Recording::open(dir.path(), SigningKey::from_bytes(&[1; 32]), options, vec![], 0).unwrap();
    let mut recorder = recorder(&RecordingKeys::plain());
    for number in 1..20_000 {
        run(&mut recorder, &recording, number);
    }
    recording.close(1).unwrap();
    let length = std::fs::metadata(dir.path().join("recordings/segments/0000000001.pcr")).unwrap().len();
    let mut group = c.benchmark_group("recording/read");
    group.sample_size(10).throughput(Throughput::Bytes(length));
    group.bench_function("verify", |b| {
        b.iter(|| black_box(verify(dir.path(), &verify::Options::default(), &mut |_| ()).unwrap()));
    });
    group.bench_function("archive", |b| {
        b.iter(|| Archive::open(dir.path(), vec![]).unwrap().entries().map(Result::unwrap).count());
    });
    group.finish();
}

criterion_group!(benches, statement, results, reading);
criterion_main!(benches);
