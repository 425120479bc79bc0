//! Where the server could take a command for something else than the session does: the session takes it for what the
//! server does, or does not let it pass.

use bytes::BytesMut;
use portcullis_mysql::command::Command;
use portcullis_mysql::packet;
use portcullis_mysql::response::{LocalInfile, Status};
use portcullis_mysql::session::Session;
use portcullis_wire::event::{Gate, Request};
use portcullis_wire::{Frame, Protocol};

use crate::script::*;

const IDLE: Status = Status::AUTOCOMMIT;

/// A session whose client sends a file, the first packet of which has the number 2.
fn sending() -> Session {
    let mut session = Session::new(modern(), 4 << 20);
    forward(&mut session, &query(modern(), "LOAD DATA LOCAL INFILE 'x' INTO TABLE t"), Some(1));
    let server = Server::answering(modern()).packet(|out| LocalInfile { file: b"x" }.encode(out));
    assert_eq!(meanings(&mut session, &server.out, 1).unwrap(), "wants");
    session
}

/// One packet, with a number of any kind.
fn packet(sequence: u8, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    packet::put(&mut out, sequence, body);
    out
}

#[test]
fn an_empty_packet_behind_a_full_one_does_not_end_a_file() {
    let mut session = sending();
    let full = vec![b'x'; packet::MAX];
    let mut bytes = BytesMut::new();
    // Of either, `put` adds the empty packet that its payload needs.
    for sequence in [2, 4] {
        bytes.extend_from_slice(&packet(sequence, &full));
    }
    bytes.extend_from_slice(&packet(6, b"tail"));
    bytes.extend_from_slice(&packet(7, b""));
    let mut parts = Vec::new();
    while let Some(part) = session.split(&mut bytes).unwrap() {
        let request = session.read(&part).unwrap();
        assert_eq!((&request, session.gate(&request, &part)), (&Request::Continue, Gate::Open));
        session.forward(&request, &part, None, &mut BytesMut::new());
        parts.push(part.content().len() - packet::HEADER);
    }
    assert_eq!(parts, [packet::MAX, 0, packet::MAX, 0, 4, 0]);
    let server = Server { sequence: 8, ..Server::answering(modern()) };
    assert_eq!(meanings(&mut session, &server.ok(1, IDLE).out, 1).unwrap(), "complete1 ready:Idle");
}

#[test]
fn a_file_that_left_in_part_goes_on_where_it_was() {
    let mut session = sending();
    let full = packet(2, &vec![b'x'; packet::MAX]);
    let frames = [&full[..full.len() - packet::HEADER], &full[full.len() - packet::HEADER..]];
    let frames = frames.map(|bytes| Frame::new(BytesMut::from(bytes).freeze()));
    forward(&mut session, &frames[0], None);
    let mark = session.mark();
    forward(&mut session, &frames[1], None);
    session.rewind(mark);
    forward(&mut session, &frames[1], None);
    assert!(session.split(&mut packet(4, b"more")).unwrap().is_some(), "the file goes on");
}

#[test]
fn what_follows_an_error_in_place_of_a_file_is_a_command() {
    let mut session = sending();
    let server = Server { sequence: 2, ..Server::answering(modern()) };
    assert_eq!(meanings(&mut session, &server.err(1142, "no").out, 1).unwrap(), "failed:42S02");
    assert!(session.split(&mut packet(2, b"\x03SELECT 1")).is_err(), "no command has this number");
    let command = frame(&Command::InitDb(b"hr"));
    let whole = session.split(&mut BytesMut::from(&command.content()[..])).unwrap().unwrap();
    assert_eq!(session.read(&whole).unwrap(), Request::UseSchema { schema: b"hr" });
}
