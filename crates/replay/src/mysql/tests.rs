//! Recorded packets as the codec writes them, whole, cut, fetched and hostile.

use bytes::BytesMut;
use portcullis_mysql::packet;
use portcullis_mysql::response::{put_binary, put_text};
use proptest::prelude::*;

use super::*;

/// What a client saw, EOF and OK left out as the recording leaves them out.
struct Seen {
    agreed: Capabilities,
    next: u8,
    out: BytesMut,
}

impl Seen {
    fn new(agreed: Capabilities) -> Self {
        Self { agreed, next: 1, out: BytesMut::new() }
    }

    fn put(mut self, payload: &[u8]) -> Self {
        self.next = packet::put(&mut self.out, self.next, payload);
        self
    }

    fn write(self, payload: impl FnOnce(&mut BytesMut)) -> Self {
        let mut body = BytesMut::new();
        payload(&mut body);
        self.put(&body)
    }

    /// An EOF or OK stood here.
    fn end(mut self) -> Self {
        self.next = self.next.wrapping_add(1);
        self
    }

    fn columns(self, columns: &[(&str, ColumnType)]) -> Self {
        let optional = Capabilities::OPTIONAL_RESULTSET_METADATA | Capabilities::CACHE_METADATA;
        let metadata = if self.agreed.has_any(optional) { Metadata::Follows } else { Metadata::Always };
        let count = ColumnCount { columns: columns.len() as u16, metadata };
        let mut seen = self.write(|out| count.encode(out));
        for (name, kind) in columns {
            let mut body = b"\x03def\0\0\0".to_vec();
            body.push(name.len() as u8);
            body.extend_from_slice(name.as_bytes());
            body.push(0);
            if seen.agreed.has(Capabilities::EXTENDED_METADATA) {
                body.extend_from_slice(b"\x06\x00\x04uuid");
            }
            body.extend_from_slice(&[12, 45, 0, 0, 0, 0, 0, kind.byte(), 0, 0, 0, 0, 0]);
            seen = seen.put(&body);
        }
        if seen.agreed.has(Capabilities::DEPRECATE_EOF) { seen } else { seen.end() }
    }

    fn row(self, values: &[Option<&[u8]>]) -> Self {
        self.write(|out| put_text(out, values))
    }

    fn decoder(&self) -> MySqlDecoder {
        let facts = vec![("capabilities".to_owned(), format!("{:x}", self.agreed.bits()))];
        MySqlDecoder::of(&SessionStart { facts, ..SessionStart::default() })
    }

    fn decoded(&self, via: &str) -> Vec<Decoded> {
        self.decoder().decode(&Recorded { statement: 1, via, frames: &self.out })
    }
}

fn modern() -> Capabilities {
    Capabilities::DEPRECATE_EOF | Capabilities::CACHE_METADATA | Capabilities::EXTENDED_METADATA
}

fn columns(names: &[&str]) -> Decoded {
    Decoded::Columns(names.iter().map(|name| (*name).to_owned()).collect())
}

fn row(values: &[Option<&str>]) -> Decoded {
    Decoded::Row(values.iter().map(|value| value.map(|value| value.as_bytes().to_vec())).collect())
}

const SHOP: [(&str, ColumnType); 2] = [("id", ColumnType::Long), ("name", ColumnType::VarString)];

#[test]
fn a_result_reads_alike_whatever_was_agreed() {
    for agreed in [Capabilities::default(), Capabilities::OPTIONAL_RESULTSET_METADATA, modern()] {
        let seen = Seen::new(agreed).columns(&SHOP).row(&[Some(b"7"), Some(b"ann")]).row(&[Some(b"8"), None]);
        let expected = [columns(&["id", "name"]), row(&[Some("7"), Some("ann")]), row(&[Some("8"), None])];
        assert_eq!(seen.decoded("query"), expected, "{agreed:?}");
    }
}

#[test]
fn text_rows_and_binary_rows_read_alike() {
    let values = [
        (ValueType::signed(ColumnType::Long), portcullis_mysql::Value::Int(-7)),
        (ValueType::signed(ColumnType::VarString), portcullis_mysql::Value::Null),
    ];
    let text = Seen::new(modern()).columns(&SHOP).row(&[Some(b"-7"), None]);
    let binary = Seen::new(modern()).columns(&SHOP).write(|out| put_binary(out, &values));
    assert_eq!(text.decoded("query"), binary.decoded("execute"));
    assert_eq!(text.decoded("query")[1], row(&[Some("-7"), None]));
}

#[test]
fn a_second_result_is_told_from_a_row_by_the_gap_before_it() {
    for agreed in [Capabilities::default(), modern()] {
        let first = Seen::new(agreed).columns(&SHOP).row(&[Some(b"7"), None]).end();
        let both = first.columns(&[("x", ColumnType::Tiny)]).end().columns(&SHOP).row(&[Some(b"1"), None]);
        let names = columns(&["id", "name"]);
        let expected = [names.clone(), row(&[Some("7"), None]), columns(&["x"]), names, row(&[Some("1"), None])];
        assert_eq!(both.decoded("query"), expected);
    }
}

#[test]
fn an_error_reads_as_clients_show_it() {
    let seen = Seen::new(modern()).columns(&SHOP).write(|out| {
        ErrPacket::new(3024, *b"HY000", "too \u{1b}slow").encode(out);
    });
    let (severity, code, message) = ("ERROR".into(), "3024 (HY000)".into(), "too \\u{1b}slow".into());
    assert_eq!(seen.decoded("query")[1], Decoded::Message { severity, code, message });
}

#[test]
fn rows_that_are_fetched_later_go_on_under_the_same_columns() {
    let opened = Seen::new(modern()).columns(&[("id", ColumnType::Long)]);
    let fetched = Seen::new(modern()).put(b"\0\0\x07\0\0\0").put(b"\0\0\x08\0\0\0");
    let mut decoder = opened.decoder();
    let open = decoder.decode(&Recorded { statement: 4, via: "execute", frames: &opened.out });
    assert_eq!(open, [columns(&["id"])]);
    for _ in 0..2 {
        let rows = decoder.decode(&Recorded { statement: 4, via: "execute", frames: &fetched.out });
        assert_eq!(rows, [columns(&["id"]), row(&[Some("7")]), row(&[Some("8")])]);
    }
}

#[test]
fn a_further_result_of_a_procedure_has_columns_of_its_own() {
    let first = Seen::new(modern()).columns(&[("id", ColumnType::Long)]).put(b"\0\0\x07\0\0\0").end();
    let mut second = Seen::new(modern());
    second.next = first.next;
    let second = second.columns(&[("n", ColumnType::Tiny)]).put(b"\0\0\x05");
    let mut decoder = first.decoder();
    let results = [&first, &second].map(|seen| {
        let recorded = Recorded { statement: 4, via: "execute", frames: &seen.out };
        decoder.decode(&recorded)
    });
    assert_eq!(results[0], [columns(&["id"]), row(&[Some("7")])]);
    assert_eq!(results[1], [columns(&["n"]), row(&[Some("5")])]);
}

/// As the gateway records it: count and definitions all have the number of the count that came.
#[test]
fn a_description_that_the_client_had_is_read_from_the_record() {
    for agreed in [modern(), modern().without(Capabilities::DEPRECATE_EOF)] {
        let mut seen = Seen::new(agreed).columns(&SHOP);
        let first = seen.out.get(3).copied().unwrap();
        let mut at = 0;
        while let Some(head) = header(&seen.out[at..]) {
            seen.out[at + 3] = first;
            at += HEADER + head.len;
        }
        seen.next = if agreed.has(Capabilities::DEPRECATE_EOF) { first + 1 } else { first + 2 };
        let row_of = |text: &'static [u8]| {
            [
                (ValueType::signed(ColumnType::Long), portcullis_mysql::Value::Int(7)),
                (ValueType::signed(ColumnType::VarString), portcullis_mysql::Value::Bytes(text)),
            ]
        };
        let seen = seen.write(|out| put_binary(out, &row_of(b"ann"))).write(|out| put_binary(out, &row_of(b"bob")));
        let expected = [columns(&["id", "name"]), row(&[Some("7"), Some("ann")]), row(&[Some("7"), Some("bob")])];
        assert_eq!(seen.decoded("execute"), expected, "{agreed:?}");
    }
}

#[test]
fn rows_without_a_description_are_shown_as_they_lie() {
    let seen = Seen::new(modern()).put(&[1, 0]);
    let binary = seen.put(b"\0\0\x07\0\0\0");
    assert_eq!(binary.decoded("execute"), [columns(&[]), row(&[Some(r"\x000007000000")])]);
    let text = Seen::new(modern()).put(&[2, 0]).row(&[Some(b"7"), None]);
    assert_eq!(text.decoded("query"), [columns(&[]), row(&[Some("7"), None])]);
}

#[test]
fn a_value_longer_than_a_packet_is_joined() {
    let long = vec![b'x'; MAX + 10];
    let seen = Seen::new(modern()).columns(&[("x", ColumnType::LongBlob)]).row(&[Some(&long)]).row(&[None]);
    let found = seen.decoded("query");
    assert_eq!(found[1], Decoded::Row(vec![Some(long)]));
    assert_eq!(found[2], row(&[None]));
}

#[test]
fn parameters_read_as_their_type_says() {
    let decoder = MySqlDecoder::default();
    let number = |text: &str| Some(Parameter::Number(text.to_owned()));
    assert_eq!(decoder.parameter(8, &(-1i64).to_le_bytes()), number("-1"));
    assert_eq!(decoder.parameter(8 + 256, &(-1i64).to_le_bytes()), number("18446744073709551615"));
    assert_eq!(decoder.parameter(5, &10.25f64.to_le_bytes()), number("10.25"));
    assert_eq!(decoder.parameter(253, b"it's"), Some(Parameter::Text(b"it's".to_vec())));
    assert_eq!(decoder.parameter(252, b"\xff\xfe"), number(r"\xfffe"));
    let date = Some(Parameter::Text(b"2026-01-31 00:00:00".to_vec()));
    assert_eq!(decoder.parameter(12, &[0xea, 7, 1, 31]), date);
    assert_eq!(decoder.parameter(6, b""), None);
    assert_eq!(decoder.parameter(8 + 512, b"\x01"), None);
    assert_eq!(decoder.parameter(1 << 16, b"\x01"), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(frames: Vec<u8>, bits: u64, binary: bool, kind: u32) {
        let mut decoder = MySqlDecoder { agreed: Capabilities::from_bits(bits), open: VecDeque::new() };
        let via = if binary { "execute" } else { "query" };
        for _ in 0..2 {
            let _ = decoder.decode(&Recorded { statement: 1, via, frames: &frames });
        }
        let _ = decoder.parameter(kind % 600, &frames);
    }

    #[test]
    fn any_packets_are_read_without_panic(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..12), bits: u64
    ) {
        let start = Seen::new(Capabilities::from_bits(bits)).columns(&SHOP);
        let seen = bodies.iter().fold(start, |seen, body| seen.put(body));
        for via in ["query", "execute"] {
            prop_assert!(!seen.decoded(via).is_empty());
        }
    }

    #[test]
    fn a_cut_result_gives_what_is_whole(cut in 0usize..200) {
        let seen = Seen::new(modern()).columns(&SHOP).row(&[Some(b"7"), Some(b"ann")]).row(&[Some(b"8"), None]);
        let whole = seen.decoded("query");
        let frames = seen.out.get(..cut).unwrap_or(&seen.out);
        let found = seen.decoder().decode(&Recorded { statement: 1, via: "query", frames });
        prop_assert_eq!(&whole[..found.len()], &found[..]);
        prop_assert!(cut < seen.out.len() || found.len() == 3);
    }
}
