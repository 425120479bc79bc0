//! What cutting and reading costs: a client's small commands, and rows on their way back.
//!
//! `mysql/split_read` cuts and decodes a read's worth of small commands; `rows` walks one MiB of 129-byte rows of six
//! columns, as text and in binary form, by header alone and by every cell; `copy` is a plain copy of the same bytes, the
//! floor to compare with.

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use portcullis_mysql::command::{Command, Naming, Parameter, Parameters, Prepared, Query, StmtExecute};
use portcullis_mysql::packet::{self, CommandLimits, HEADER, Walk};
use portcullis_mysql::response::{RowPacket, binary_cells, put_binary, put_text, text_cells};
use portcullis_mysql::types::ValueType;
use portcullis_mysql::{Capabilities, ColumnType, Value};

const MIB: usize = 1 << 20;
const AGREED: Capabilities = portcullis_mysql::capabilities::HONOURED;
const COLUMNS: [ColumnType; 6] = [ColumnType::VarString; 6];
const TEXT: ValueType = ValueType { kind: ColumnType::VarString, unsigned: false };
const BIG: ValueType = ValueType { kind: ColumnType::LongLong, unsigned: false };

fn queries() -> (BytesMut, u64) {
    let mut out = BytesMut::new();
    for id in 0..64 {
        let text = format!("SELECT id, name, city FROM shop.customers WHERE id = {id} ORDER BY name");
        packet::write(&mut out, 0, |out| Query::put(out, AGREED, &[], text.as_bytes()));
    }
    (out, 64)
}

fn executions() -> (BytesMut, u64) {
    let mut raw = BytesMut::new();
    let parameters = [
        Parameter { name: b"", of: BIG, value: Value::Int(4711) },
        Parameter { name: b"", of: TEXT, value: Value::Bytes(b"Heidelberg") },
    ];
    Parameters::put(&mut raw, Naming::Named, &parameters);
    let mut out = BytesMut::new();
    for statement in 0..64 {
        let execute = StmtExecute { statement, flags: 8, iterations: 1, raw: &raw };
        packet::write(&mut out, 0, |out| execute.encode(out));
    }
    (out, 64)
}

/// Rows of 129 bytes, header included, until a MiB is full; sequence ids follow one another.
fn rows(put: impl Fn(&mut BytesMut)) -> (BytesMut, u64) {
    let (mut out, mut count, mut sequence) = (BytesMut::new(), 0, 0);
    while out.len() < MIB {
        sequence = packet::write(&mut out, sequence, &put);
        count += 1;
    }
    (out, count)
}

fn text_rows() -> (BytesMut, u64) {
    // 4 of header, 6 of lengths, 119 of values.
    let (cell, wide) = ([b'x'; 20], [b'y'; 19]);
    rows(|out| put_text(out, &[Some(&cell), Some(&cell), Some(&cell), Some(&cell), Some(&cell), Some(&wide)]))
}

fn binary_rows() -> (BytesMut, u64) {
    // 4 of header, 2 before the values, 6 of lengths, 117 of values.
    let (cell, wide) = ([b'x'; 20], [b'y'; 17]);
    let value = |bytes| (TEXT, Value::Bytes(bytes));
    rows(|out| {
        put_binary(out, &[value(&cell), value(&cell), value(&cell), value(&cell), value(&cell), value(&wide)]);
    })
}

fn split_all(bytes: &BytesMut) -> usize {
    let (mut buf, limits, mut read) = (bytes.clone(), CommandLimits::default(), 0);
    while let Some(frame) = packet::split_command(&mut buf, &limits).expect("well formed") {
        let command = Command::decode(frame.body(), AGREED).expect("well formed");
        if let Command::StmtExecute(execute) = &command {
            let prepared = Prepared { placeholders: 2, ..Prepared::default() };
            let parameters = execute.parameters(AGREED, prepared).expect("well formed");
            read += parameters.iter().map(black_box).count();
        }
        black_box(command);
        read += 1;
    }
    read
}

/// Calls `each` with the payload of every row.
fn walk(bytes: &[u8], mut each: impl FnMut(&[u8])) -> usize {
    let (mut walk, mut read) = (Walk::new(bytes, 0), 0);
    while let Some((header, packet)) = walk.next_packet().expect("well formed") {
        let body = &packet[HEADER..];
        assert_eq!(RowPacket::of(body[0], header.len, AGREED), RowPacket::Row);
        each(body);
        read += 1;
    }
    read
}

fn walk_text(bytes: &[u8]) -> usize {
    let mut read = 0;
    walk(bytes, |row| {
        for cell in text_cells(row, 6) {
            read += cell.expect("well formed").map_or(0, |cell| cell.len());
        }
    });
    read
}

fn walk_binary(bytes: &[u8]) -> usize {
    let mut read = 0;
    walk(bytes, |row| {
        for cell in binary_cells(row, &COLUMNS).expect("well formed") {
            read += cell.expect("well formed").map_or(0, |cell| cell.len());
        }
    });
    read
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, bytes: &[u8], count: u64, run: impl Fn() -> usize) {
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function(format!("{name}/bytes"), |b| b.iter(&run));
    group.throughput(Throughput::Elements(count));
    group.bench_function(format!("{name}/messages"), |b| b.iter(&run));
}

fn split_read(c: &mut Criterion) {
    let mut group = c.benchmark_group("mysql/split_read");
    let (bytes, count) = queries();
    measure(&mut group, "query", &bytes, count, || split_all(&bytes));
    let (bytes, count) = executions();
    measure(&mut group, "execute", &bytes, count, || split_all(&bytes));
    let (bytes, count) = text_rows();
    measure(&mut group, "row_headers", &bytes, count, || walk(&bytes, |_| {}));
    measure(&mut group, "text_cells", &bytes, count, || walk_text(&bytes));
    measure(&mut group, "copy", &bytes, count, || black_box(bytes.to_vec()).len());
    let (bytes, count) = binary_rows();
    measure(&mut group, "binary_cells", &bytes, count, || walk_binary(&bytes));
    group.finish();
}

criterion_group!(benches, split_read);
criterion_main!(benches);
