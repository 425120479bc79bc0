//! A recorded MySQL session in the form of every other: the timeline and the export, as golden files.

use bytes::BytesMut;
use ed25519_dalek::SigningKey;
use portcullis_mysql::packet;
use portcullis_mysql::response::{ColumnCount, ErrPacket, Metadata, put_binary, put_text};
use portcullis_mysql::types::{ColumnType, ValueType};
use portcullis_mysql::{Capabilities, Value};
use portcullis_recording::files::{Options, Recording};
use portcullis_recording::{
    Archive, Entry, Intention, Outcome, OutcomeState, Parameter, Recorder, RecorderOptions, RecordingKeys, Refusal,
    SessionStart,
};
use portcullis_replay::{Decoders, Style, Timeline, export_line};

const T0: u64 = 1_800_000_000_000_000;

fn start() -> SessionStart {
    SessionStart {
        provider: "corp".into(),
        subject: "ana".into(),
        groups: vec!["support".into()],
        user: "ana".into(),
        upstream: "shop".into(),
        database: "shop".into(),
        client_address: "127.0.0.1:5555".into(),
        protocol: "mysql".into(),
        protocol_version: "10".into(),
        application_name: "mysql".into(),
        policy: [1; 32],
        facts: vec![("capabilities".into(), format!("{:x}", Capabilities::DEPRECATE_EOF.bits()))],
        ..SessionStart::default()
    }
}

const COLUMNS: [(&str, ColumnType); 4] = [
    ("id", ColumnType::Long),
    ("email", ColumnType::VarString),
    ("joined", ColumnType::DateTime),
    ("photo", ColumnType::Blob),
];

/// Column count and definitions, then these rows.
fn result(rows: &[BytesMut]) -> BytesMut {
    let (mut out, mut body) = (BytesMut::new(), BytesMut::new());
    ColumnCount { columns: COLUMNS.len() as u16, metadata: Metadata::Always }.encode(&mut body);
    let mut next = packet::put(&mut out, 1, &body);
    for (name, kind) in COLUMNS {
        let numbers = [12, 45, 0, 0, 0, 0, 0, kind.byte(), 0, 0, 0, 0, 0];
        let definition = [b"\x03def\0\0\0", &[name.len() as u8][..], name.as_bytes(), &[0], &numbers].concat();
        next = packet::put(&mut out, next, &definition);
    }
    for row in rows {
        next = packet::put(&mut out, next, row);
    }
    out
}

fn text_rows() -> BytesMut {
    let rows: [&[Option<&[u8]>]; 3] = [
        &[Some(b"1"), Some(b"a**@example.com"), Some(b"2026-01-31 07:30:00"), Some(b"\xff\xd8")],
        &[Some(b"2"), None, None, None],
        &[Some(b"3"), Some("x\u{1b}[2Jgone\u{202e}".as_bytes()), Some(b"0000-00-00 00:00:00"), Some(b"text")],
    ];
    result(&rows.map(|row| {
        let mut body = BytesMut::new();
        put_text(&mut body, row);
        body
    }))
}

fn binary_rows() -> BytesMut {
    let of = |kind| ValueType::signed(kind);
    let date = Value::of(of(ColumnType::DateTime), &[0xea, 0x07, 1, 31, 7, 30, 0]).unwrap();
    let rows = [
        [Value::Int(1), Value::Bytes(b"a**@example.com"), date, Value::Bytes(b"\xff\xd8")],
        [Value::Int(2), Value::Null, Value::Null, Value::Null],
    ];
    result(&rows.map(|row| {
        let mut body = BytesMut::new();
        let values: Vec<_> = COLUMNS.iter().zip(row).map(|((_, kind), value)| (of(*kind), value)).collect();
        put_binary(&mut body, &values);
        body
    }))
}

fn entries() -> Vec<Entry> {
    let dir = tempfile::tempdir().unwrap();
    let recording =
        Recording::open(dir.path(), SigningKey::from_bytes(&[1; 32]), Options::default(), vec![], T0).unwrap();
    let mut recorder =
        Recorder::start(0xabd, &start(), &RecordingKeys::plain(), RecorderOptions::default(), T0).unwrap();
    let mut run = |intention: &Intention<'_>, frames: &[u8], outcome: &Outcome<'_>, at: u64| {
        recorder.intend(intention, [9; 32], T0 + at);
        assert_eq!(recorder.commit(&recording).unwrap().len(), 1);
        recorder.result(intention.statement, frames, T0 + at + 5_000);
        let outcome = Outcome { bytes: frames.len() as u64, duration: 12_300, ..*outcome };
        recorder.outcome(intention.statement, &outcome, T0 + at + 12_300);
    };
    let query = Intention {
        statement: 1,
        via: "query",
        original: b"SELECT * FROM `customers`",
        rule: "support-reads",
        ..Intention::default()
    };
    run(&query, &text_rows(), &Outcome { rows: 3, masked: 1, ..Outcome::default() }, 1_500_000);
    let parameters = [
        Parameter {
            type_id: 8,
            format: 1,
            value: Some(&[0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            elide: false,
        },
        Parameter { type_id: 256 + 1, format: 1, value: Some(&[0xff]), elide: false },
        Parameter { type_id: 5, format: 1, value: Some(&10.25f64.to_le_bytes()), elide: false },
        Parameter { type_id: 10, format: 1, value: Some(&[0xea, 0x07, 1, 31]), elide: false },
        Parameter { type_id: 253, format: 1, value: Some(b"it's \x1b[2J"), elide: false },
        Parameter { type_id: 252, format: 1, value: Some(b"\xff\xd8"), elide: false },
        Parameter { type_id: 253, format: 1, value: None, elide: false },
        Parameter { type_id: 253, format: 1, value: Some(b"hunter2"), elide: true },
    ];
    let execute = Intention {
        statement: 2,
        via: "execute",
        original: b"SELECT * FROM customers WHERE id > ? AND f(?, ?, ?, ?, ?, ?, ?)",
        parameters: &parameters,
        rule: "support-reads",
        ..Intention::default()
    };
    run(&execute, &binary_rows(), &Outcome { rows: 2, masked: 1, ..Outcome::default() }, 2_500_000);
    let mut error = BytesMut::new();
    packet::write(&mut error, 1, |out| ErrPacket::new(1146, *b"42S02", "Table 'shop.nil' doesn't exist").encode(out));
    let missing = Intention { statement: 3, via: "query", original: b"SELECT * FROM nil", ..Intention::default() };
    let failed = Outcome { state: OutcomeState::Failed, sqlstate: Some("42S02"), ..Outcome::default() };
    run(&missing, &error, &failed, 3_500_000);
    let drop_table =
        Intention { statement: 4, via: "query", original: b"DROP TABLE customers", ..Intention::default() };
    let refusal = Refusal { rule: "no-ddl", hint: "ask a dba", reason: "rule no-ddl forbids this" };
    recorder.refused(&drop_table, &refusal, T0 + 65_000_000);
    recorder.end("client", T0 + 73_000_000);
    assert!(recorder.commit(&recording).unwrap().is_empty());
    recording.close(T0 + 74_000_000).unwrap();
    Archive::open(dir.path(), vec![]).unwrap().session(0xabd).map(Result::unwrap).collect()
}

#[test]
fn the_timeline_reads_like_that_of_any_other_protocol() {
    let mut timeline = Timeline::new(Style::default(), Decoders::default());
    let text: String = entries().iter().map(|entry| timeline.entry(entry)).collect();
    insta::assert_snapshot!(text + &timeline.finish());
}

#[test]
fn the_export_reads_like_that_of_any_other_protocol() {
    let lines: Vec<String> = entries().iter().map(export_line).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
