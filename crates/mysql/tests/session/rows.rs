//! Where values and free text stand, in rows of every form and length.

use bytes::{Buf, BytesMut};
use portcullis_mysql::response::{ErrPacket, Status};
use portcullis_mysql::session::Session;
use portcullis_mysql::{ColumnType, Value, packet};
use portcullis_wire::Protocol;
use portcullis_wire::event::CellKind;
use portcullis_wire::protocol::Front;

use crate::script::*;

fn asked() -> Session {
    let mut session = Session::new(modern(), 4 << 20);
    forward(&mut session, &query(modern(), "SELECT"), Some(1));
    session
}

/// Every value of the rows in an answer, with its column.
fn values(session: &mut Session, bytes: &[u8]) -> Vec<(usize, String)> {
    let (mut buffer, mut seen) = (BytesMut::from(bytes), Vec::new());
    while let Ok(Front::Whole(reply)) = session.answer(&buffer) {
        if matches!(reply.answer, portcullis_wire::event::Answer::Rows(_)) {
            let mut see = |column: usize, place: std::ops::Range<usize>| {
                seen.push((column, buffer[place].escape_ascii().to_string()))
            };
            session.cells(&buffer[..reply.length], &mut |_| true, &mut see).unwrap();
        }
        buffer.advance(reply.length);
        if buffer.is_empty() {
            break;
        }
    }
    seen
}

#[test]
fn values_of_text_and_binary_rows_are_found() {
    let text = Server::answering(modern())
        .count(2)
        .column("a", ColumnType::VarString)
        .column("b", ColumnType::LongLong)
        .row(&[Some("x"), None])
        .row(&[Some(""), Some("12")])
        .end(Status::AUTOCOMMIT);
    let seen = values(&mut asked(), &text.out);
    assert_eq!(seen, [(0, "x".into()), (0, "".into()), (1, "12".into())]);
    let mut session = Session::new(modern(), 4 << 20);
    forward(&mut session, &frame(&portcullis_mysql::command::Command::StmtPrepare(b"x")), Some(1));
    let server = Server::answering(modern()).prepared(1, 0, &[ColumnType::VarString]);
    meanings(&mut session, &server.out, usize::MAX).unwrap();
    let run = portcullis_mysql::command::StmtExecute { statement: 1, flags: 0, iterations: 1, raw: b"" };
    forward(&mut session, &frame(&portcullis_mysql::command::Command::StmtExecute(run)), Some(2));
    let binary = Server::answering(modern())
        .count(2)
        .column("a", ColumnType::LongLong)
        .column("b", ColumnType::Blob)
        .binary_row(&[(ColumnType::LongLong, Value::Int(1)), (ColumnType::Blob, Value::Bytes(b"yz"))])
        .end(Status::AUTOCOMMIT);
    let seen = values(&mut session, &binary.out);
    assert_eq!(seen, [(0, "\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00".into()), (1, "yz".into())]);
    let kinds: Vec<_> = session.columns().unwrap().iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [CellKind::LittleEndian, CellKind::Text]);
}

#[test]
fn a_row_that_lies_shows_only_what_is_inside() {
    let mut session = asked();
    let described =
        Server::answering(modern()).count(2).column("a", ColumnType::VarString).column("b", ColumnType::VarString);
    meanings(&mut session, &described.out, 1).unwrap();
    let (mut row, mut seen) = (BytesMut::new(), Vec::new());
    packet::put(&mut row, 0, b"\x01x\x09y");
    let whole = session.cells(&row, &mut |_| true, &mut |column, place| seen.push((column, row[place].to_vec())));
    assert_eq!((whole.is_ok(), seen), (false, vec![(0, b"x".to_vec())]));
}

/// Every piece of a value of column 0 joined, headers inside it left out.
fn streamed(session: &mut Session, bytes: &[u8], at_once: usize) -> (Vec<u8>, String) {
    let (mut buffer, mut value, mut ends) = (BytesMut::new(), Vec::new(), String::new());
    for part in bytes.chunks(at_once) {
        buffer.extend_from_slice(part);
        while !buffer.is_empty() {
            match session.answer(&buffer).unwrap() {
                Front::Short(_) => break,
                Front::Whole(reply) => buffer.advance(reply.length),
                Front::Piece(piece) => {
                    let leaving = buffer.split_to(piece.length);
                    if piece.column == Some(0) {
                        let gap = piece.gap.clone().unwrap_or(leaving.len()..leaving.len());
                        value.extend_from_slice(&leaving[..gap.start]);
                        value.extend_from_slice(&leaving[gap.end..]);
                        if piece.last {
                            ends.push('.');
                        }
                    }
                    if session.consume(&leaving).unwrap() {
                        ends.push('|');
                    }
                }
            }
        }
    }
    assert!(buffer.is_empty(), "{} bytes are left", buffer.len());
    (value, ends)
}

#[test]
fn a_value_over_packets_is_one_value() {
    // A text row: the length of the value takes 4 or 9 bytes, so that payloads end at, before and behind a border.
    for length in [70_000, packet::MAX - 5, packet::MAX - 4, packet::MAX - 3, packet::MAX + 1, 2 * packet::MAX - 9] {
        let value: String = (0..length).map(|at| char::from(b'a' + (at % 23) as u8)).collect();
        let server = Server::answering(modern())
            .count(2)
            .column("a", ColumnType::LongBlob)
            .column("b", ColumnType::LongLong)
            .row(&[Some(&value), Some("7")])
            .end(Status::AUTOCOMMIT);
        for at_once in [usize::MAX, 1 << 20, 65_537] {
            let mut session = asked();
            let (seen, ends) = streamed(&mut session, &server.out, at_once);
            assert!(seen == value.as_bytes() && ends == ".|", "{length} bytes: {} seen, {ends}", seen.len());
            assert!(session.is_drained());
        }
    }
}

#[test]
fn a_long_row_whose_values_do_not_add_up_is_a_fault() {
    let server = Server::answering(modern()).count(1).column("a", ColumnType::LongBlob);
    let mut rest = BytesMut::new();
    let mut body = vec![0xfd, 0x70, 0x11, 0x01];
    body.resize(70_004, b'x');
    packet::put(&mut rest, server.sequence, &body);
    let mut session = asked();
    meanings(&mut session, &server.out, usize::MAX).unwrap();
    // It claims 70,000 bytes more than the 0x11170 that it says.
    let outcome = meanings(&mut session, &rest, 1000);
    assert!(outcome.is_ok(), "{outcome:?}");
    body.push(b'y');
    let mut rest = BytesMut::new();
    packet::put(&mut rest, server.sequence, &body);
    let mut session = asked();
    meanings(&mut session, &server.out, usize::MAX).unwrap();
    assert!(meanings(&mut session, &rest, 1000).is_err());
}

#[test]
fn the_text_of_an_error_is_free_text() {
    let session = Session::new(modern(), 4 << 20);
    let mut out = BytesMut::new();
    packet::write(&mut out, 1, |out| ErrPacket::new(1062, *b"23000", "Duplicate entry 'x'").encode(out));
    let mut seen = Vec::new();
    session.remarks(&out, &mut |place| seen.push(out[place].to_vec()));
    assert_eq!(seen, [b"Duplicate entry 'x'".to_vec()]);
}

#[test]
fn what_a_server_did_not_describe_ends_the_session() {
    let mut session = asked();
    let described = Server::answering(modern()).count(1).column("a", ColumnType::VarString);
    meanings(&mut session, &described.out, 1).unwrap();
    for (row, is_one) in [(&b"\x01x"[..], true), (b"\x01xy", false), (b"\x02x", false), (b"\x01x\x01y", false)] {
        let mut packet = BytesMut::new();
        packet::put(&mut packet, 0, row);
        assert_eq!(session.cells(&packet, &mut |_| true, &mut |_, _| {}).is_ok(), is_one, "{row:?}");
        assert!(session.cells(&packet, &mut |_| false, &mut |_, _| {}).is_ok(), "it is not looked at");
    }
}
