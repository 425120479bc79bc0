//! What cutting and reading costs: a client's small queries, and rows on their way back.
//!
//! `postgres/split_read` cuts and decodes a read's worth of small client messages; `rows` walks one MiB of 129-byte rows
//! of six columns, by header alone and by every cell; `copy` is a plain copy of the same bytes, the floor to compare with.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use portcullis_postgres::backend::DataRow;
use portcullis_postgres::frame::{HEADER, Walk};
use portcullis_postgres::frontend::{Bind, Execute, Message, Parse, Query, Sync};
use portcullis_postgres::{FrameLimits, frame};

const MIB: usize = 1 << 20;

fn queries() -> (BytesMut, u64) {
    let mut out = BytesMut::new();
    for id in 0..64 {
        let text = format!("SELECT id, name, city FROM public.customers WHERE id = {id} ORDER BY name");
        Query { query: text.as_bytes() }.encode(&mut out);
    }
    (out, 64)
}

fn extended() -> (BytesMut, u64) {
    let mut out = BytesMut::new();
    let query = b"SELECT id, name, city FROM public.customers WHERE id = $1";
    for _ in 0..16 {
        Parse { statement: b"s", query, types: Default::default() }.encode(&mut out);
        Bind::put_text(&mut out, b"", b"s", &[Some(b"4711")]);
        Execute { portal: b"", max_rows: 0 }.encode(&mut out);
        Sync.encode(&mut out);
    }
    (out, 64)
}

fn rows() -> (BytesMut, u64) {
    let mut out = BytesMut::new();
    let cell = [b'x'; 16];
    let mut count = 0;
    while out.len() < MIB {
        // 5 of header, 2 of count, 6 × 4 of lengths, 98 of values: 129 bytes.
        let wide = [b'y'; 18];
        DataRow::put(&mut out, &[Some(&cell), Some(&cell), Some(&cell), Some(&cell), Some(&cell), Some(&wide)]);
        count += 1;
    }
    (out, count)
}

fn split_all(bytes: &BytesMut) -> usize {
    let (mut buf, limits, mut read) = (bytes.clone(), FrameLimits::default(), 0);
    while let Some(frame) = frame::split_frontend(&mut buf, &limits).expect("well formed") {
        black_box(Message::decode(frame.tag, frame.body()).expect("well formed"));
        read += 1;
    }
    read
}

fn walk_headers(bytes: &[u8]) -> usize {
    let (mut walk, mut read) = (Walk::new(bytes), 0);
    while let Some((header, _)) = walk.next_frame().expect("well formed") {
        black_box(header);
        read += 1;
    }
    read
}

fn walk_cells(bytes: &[u8]) -> usize {
    let (mut walk, mut read) = (Walk::new(bytes), 0);
    while let Some((_, frame)) = walk.next_frame().expect("well formed") {
        for cell in DataRow::walk(&frame[HEADER..]).expect("well formed") {
            read += cell.expect("well formed").map_or(0, |cell| cell.len());
        }
    }
    read
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, bytes: &[u8], count: u64, run: impl Fn() -> usize) {
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function(format!("{name}/bytes"), |b| b.iter(&run));
    group.throughput(Throughput::Elements(count));
    group.bench_function(format!("{name}/messages"), |b| b.iter(&run));
}

fn split_read(c: &mut Criterion) {
    let mut group = c.benchmark_group("postgres/split_read");
    let (bytes, count) = queries();
    measure(&mut group, "query", &bytes, count, || split_all(&bytes));
    let (bytes, count) = extended();
    measure(&mut group, "extended", &bytes, count, || split_all(&bytes));
    let (bytes, count) = rows();
    measure(&mut group, "row_headers", &bytes, count, || walk_headers(&bytes));
    measure(&mut group, "row_cells", &bytes, count, || walk_cells(&bytes));
    measure(&mut group, "copy", &bytes, count, || black_box(bytes.to_vec()).len());
    group.finish();
}

criterion_group!(benches, split_read);
criterion_main!(benches);
