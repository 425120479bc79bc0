//! Detection against plain copying: rows without hits, with hits, the gate alone, a large dictionary, JSON, streams.

use std::hint::black_box;
use std::ops::Range;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use portcullis_mask::{Detectors, Escapes, Pattern, Rows, Stream, ValueKind};

/// Rows of 129 bytes in PostgreSQL's framing.
struct Table {
    buffer: Vec<u8>,
    cells: Vec<(Range<usize>, ValueKind)>,
}

/// A small generator, so that a run can be repeated anywhere.
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

const NAMES: [&str; 8] = ["Alice", "Robert", "Chloe", "Dmitri", "Eve", "Francisco", "Grace", "Hannah"];
const WORDS: [&str; 12] =
    ["order", "shipped", "late", "blue", "the", "with", "return", "of", "parcel", "- and", "a", "customer"];
const SECRETS: [&str; 6] = [
    "4111 1111 1111 1111",
    "bob@example.com",
    "123-45-6789",
    "DE89370400440532013000",
    "+1 415-555-2671",
    "AKIAIOSFODNN7EXAMPLE",
];

fn rows(bytes: usize, secret_percent: u64) -> Table {
    let mut seed = Seed(0x9E37_79B9_7F4A_7C15);
    let mut table = Table { buffer: Vec::new(), cells: Vec::new() };
    while table.buffer.len() < bytes {
        let words: Vec<&str> = (0..6).map(|_| WORDS[seed.below(12) as usize]).collect();
        let uuid = format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            seed.next() as u32,
            seed.below(65536),
            seed.below(4096),
            seed.below(4096),
            seed.below(1 << 48)
        );
        let mut cells = [
            (seed.below(10_000_000).to_string(), false),
            (NAMES[seed.below(8) as usize].to_owned(), true),
            (words.join(" "), true),
            (
                format!(
                    "2024-03-{:02} 12:34:{:02}.{:06}+00",
                    seed.below(28) + 1,
                    seed.below(60),
                    seed.below(1_000_000)
                ),
                true,
            ),
            (uuid, true),
            (NAMES[seed.below(8) as usize].to_lowercase(), true),
        ];
        for (cell, text) in &mut cells {
            if *text && seed.below(100) < secret_percent {
                *cell = SECRETS[seed.below(6) as usize].to_owned();
            }
        }
        table.buffer.extend([b'D', 0, 0, 0, 150, 0, 6]);
        for (cell, text) in cells {
            table.buffer.extend((cell.len() as u32).to_be_bytes());
            if text {
                table.cells.push((table.buffer.len()..table.buffer.len() + cell.len(), ValueKind::Text));
            }
            table.buffer.extend(cell.as_bytes());
        }
    }
    table
}

/// Rows of one value of digits in groups, as sysbench's: nothing but starts of numbers that are none.
fn groups(bytes: usize) -> Table {
    let mut seed = Seed(0x9E37_79B9_7F4A_7C15);
    let mut table = Table { buffer: Vec::new(), cells: Vec::new() };
    while table.buffer.len() < bytes {
        let groups: Vec<String> = (0..10).map(|_| format!("{:011}", seed.below(100_000_000_000))).collect();
        let cell = groups.join("-");
        table.buffer.extend([b'D', 0, 0, 0, 10, 0, 1]);
        table.buffer.extend((cell.len() as u32).to_be_bytes());
        table.cells.push((table.buffer.len()..table.buffer.len() + cell.len(), ValueKind::Text));
        table.buffer.extend(cell.as_bytes());
    }
    table
}

fn all() -> Detectors {
    let built_in = Pattern::ALL.into_iter().filter(|p| *p != Pattern::UsSsnBare);
    built_in.fold(Detectors::builder(), |b, p| b.pattern(p, "secret")).build().expect("built-in detectors")
}

fn dictionary() -> Detectors {
    let mut seed = Seed(7);
    let terms: Vec<String> =
        (0..100_000).map(|_| format!("{} {:x}", NAMES[seed.below(8) as usize], seed.below(1 << 40))).collect();
    let built_in = Pattern::ALL.into_iter().filter(|p| *p != Pattern::UsSsnBare);
    let builder = built_in.fold(Detectors::builder(), |b, p| b.pattern(p, "secret"));
    builder.dictionary("customers", terms, "secret").build().expect("dictionary")
}

fn json(bytes: usize) -> Vec<u8> {
    let mut seed = Seed(11);
    let mut out = b"[".to_vec();
    while out.len() < bytes {
        let word = WORDS[seed.below(12) as usize];
        out.extend(
            format!(
                "{{\"id\":{},\"name\":\"{}\",\"note\":\"line one\\nline {word}\",\"at\":\"2024-03-01T12:34:56Z\"}},",
                seed.below(1 << 30),
                NAMES[seed.below(8) as usize]
            )
            .bytes(),
        );
    }
    out.extend(b"null]");
    out
}

fn scan(c: &mut Criterion, name: &str, detectors: &Detectors, table: &Table) {
    let mut group = c.benchmark_group("mask/detect");
    group.throughput(Throughput::Bytes(table.buffer.len() as u64));
    let mut state = Rows::new();
    group.bench_function(name, |b| {
        b.iter_batched_ref(
            || table.buffer.clone(),
            |buffer| state.scan(detectors, buffer, table.cells.iter().cloned()),
            BatchSize::LargeInput,
        )
    });
    group.finish();
}

fn bench(c: &mut Criterion) {
    let (clean, tenth) = (rows(256 << 10, 0), rows(256 << 10, 10));
    let detectors = all();
    let mut check = Rows::new();
    check.scan(&detectors, &mut clean.buffer.clone(), clean.cells.iter().cloned());
    assert!(check.hits().is_empty(), "rows without secrets have no hits");
    scan(c, "rows, no hits", &detectors, &clean);
    scan(c, "rows, 10 % secrets", &detectors, &tenth);
    scan(c, "rows of digits in groups", &detectors, &groups(256 << 10));
    scan(c, "rows, no hits, dictionary of 100,000", &dictionary(), &clean);

    let mut group = c.benchmark_group("mask/detect");
    group.throughput(Throughput::Bytes(clean.buffer.len() as u64));
    // In reads of 4 KiB: now and then the digits of a uuid look like a card to the gate, which then stops.
    group.bench_function("gate alone, no hits", |b| {
        b.iter(|| clean.buffer.chunks(4096).filter(|read| detectors.prefilter(black_box(read), Escapes::None)).count())
    });
    let mut copy = vec![0u8; clean.buffer.len()];
    group.bench_function("plain copy", |b| b.iter(|| copy.copy_from_slice(black_box(&clean.buffer))));
    let json = json(256 << 10);
    group.throughput(Throughput::Bytes(json.len() as u64));
    let mut value = json.clone();
    group.bench_function("json value with escapes", |b| {
        b.iter(|| detectors.mask_value(black_box(&mut value), ValueKind::Json))
    });
    group.throughput(Throughput::Bytes(clean.buffer.len() as u64));
    let mut text = clean.buffer.clone();
    group.bench_function("stream in pieces of 16 KiB", |b| b.iter(|| stream(&detectors, &mut text)));
    group.finish();
}

/// As a connection does it, but in one buffer: what is held back is where the next piece starts.
fn stream(detectors: &Detectors, text: &mut [u8]) {
    let mut stream = Stream::new(ValueKind::Text);
    let (mut done, mut at) = (0, 0);
    while at < text.len() {
        at = (at + (16 << 10)).min(text.len());
        let end = at == text.len();
        done += stream.feed(detectors, &mut text[done..at], end);
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
