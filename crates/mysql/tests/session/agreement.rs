//! Where the server could take a command for something else than the session does: the session takes it for what the
//! server does, or does not let it pass.

use bytes::BytesMut;
use portcullis_mysql::command::{Command, LAST_PREPARED, StmtBulkExecute, StmtExecute, StmtSendLongData};
use portcullis_mysql::response::{LocalInfile, Status};
use portcullis_mysql::session::Session;
use portcullis_mysql::{ColumnType, Flavour, Value, packet};
use portcullis_wire::event::{Gate, Refusal, Request};
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
    let whole = session.split(&mut BytesMut::from(command.content())).unwrap().unwrap();
    assert_eq!(session.read(&whole).unwrap(), Request::UseSchema { schema: b"hr" });
}

/// A session with one prepared statement, number 7.
fn prepared(flavour: Flavour, placeholders: u16) -> Session {
    let mut session = Session::new(modern(), 4 << 20).for_server(flavour);
    prepare(&mut session, placeholders);
    session
}

fn prepare(session: &mut Session, placeholders: u16) {
    forward(session, &frame(&Command::StmtPrepare(b"x")), Some(1));
    let answer = Server::answering(modern()).prepared(7, placeholders, &[ColumnType::VarString]);
    meanings(session, &answer.out, usize::MAX).unwrap();
}

fn execute(id: u32, flags: u8, raw: &[u8]) -> Frame {
    frame(&Command::StmtExecute(StmtExecute { statement: id, flags, iterations: 1, raw }))
}

fn ahead(id: u32, parameter: u16) -> Frame {
    frame(&Command::StmtSendLongData(StmtSendLongData { statement: id, parameter, data: b"ahead" }))
}

fn answered(session: &mut Session, command: &Frame, answer: Server) -> String {
    forward(session, command, Some(1));
    meanings(session, &answer.out, usize::MAX).unwrap()
}

fn ok() -> Server {
    Server::answering(modern()).ok(0, IDLE)
}

const MISFIT: &str = "Unsupported { what: \"a set of values that does not fit its statement\" }";

/// An execution whose value came ahead, and one that brings it.
const WITHOUT: &[u8] = b"\0\x01\xfc\0";
const WITH: &[u8] = b"\0\x01\xfc\0\x04with";

#[test]
fn values_sent_ahead_for_the_last_statement_are_that_statements() {
    let mut session = prepared(Flavour::MariaDb, 1);
    forward(&mut session, &ahead(LAST_PREPARED, 0), None);
    assert_eq!(asks(&session, &execute(7, 0, WITHOUT)), "run \\x007(ahead)");
    assert_eq!(asks(&session, &execute(7, 0, WITH)), MISFIT);
    assert_eq!(answered(&mut session, &frame(&Command::StmtReset(LAST_PREPARED)), ok()), "complete0 ready:Idle");
    assert_eq!(asks(&session, &execute(7, 0, WITH)), "run \\x007(with)");
}

#[test]
fn values_sent_ahead_stay_until_the_server_has_dropped_them() {
    let mut session = prepared(Flavour::MySql, 1);
    forward(&mut session, &ahead(7, 0), None);
    let unknown = Server::answering(modern()).err(1243, "unknown");
    assert_eq!(answered(&mut session, &frame(&Command::StmtReset(7)), unknown), "failed:42S02");
    assert_eq!(asks(&session, &execute(7, 0, WITH)), MISFIT);
    assert_eq!(answered(&mut session, &frame(&Command::StmtReset(7)), ok()), "complete0 ready:Idle");
    assert_eq!(asks(&session, &execute(7, 0, WITH)), "run \\x007(with)");
}

#[test]
fn rows_of_the_last_statements_cursor_are_read() {
    let mut session = prepared(Flavour::MariaDb, 0);
    let answer = Server::answering(modern()).count(1).column("c", ColumnType::VarString).end(Status::CURSOR_EXISTS);
    answered(&mut session, &execute(7, 1, b""), answer);
    let fetch = frame(&Command::StmtFetch { statement: LAST_PREPARED, rows: 1 });
    let row = [(ColumnType::VarString, Value::Bytes(b"x"))];
    let answer = Server::answering(modern()).binary_row(&row).end(Status::LAST_ROW_SENT);
    assert_eq!(answered(&mut session, &fetch, answer), "rows1 complete ready:Idle");
}

/// What nobody answers is dropped, the rest is refused.
#[test]
fn where_there_is_no_last_statement_nothing_of_it_passes() {
    let fresh = Session::new(modern(), 4 << 20).for_server(Flavour::MariaDb);
    for session in [prepared(Flavour::MySql, 1), fresh] {
        assert_eq!(asks(&session, &execute(LAST_PREPARED, 0, WITH)), "run \\x004294967295()");
        let reset = asks(&session, &frame(&Command::StmtReset(LAST_PREPARED)));
        assert!(reset.starts_with("Unsupported"), "{reset}");
        for silent in [ahead(LAST_PREPARED, 0), frame(&Command::StmtClose(LAST_PREPARED))] {
            let request = session.read(&silent).unwrap();
            assert_eq!(session.gate(&request, &silent), Gate::Drop);
        }
    }
}

#[test]
fn behind_a_prepare_that_was_refused_or_failed_there_is_no_last_statement() {
    let next = frame(&Command::StmtPrepare(b"y"));
    let refusal = Refusal { sqlstate: *b"42501", message: "no".into(), detail: None, hint: None, position: None };
    for is_refused in [true, false] {
        let mut session = prepared(Flavour::MariaDb, 1);
        if is_refused {
            let request = session.read(&next).unwrap();
            session.refuse(&request, &next, &refusal, &mut BytesMut::new(), &mut BytesMut::new());
        } else {
            let failed = Server::answering(modern()).err(1064, "no");
            assert_eq!(answered(&mut session, &next, failed), "failed:42S02");
        }
        assert_eq!(asks(&session, &execute(LAST_PREPARED, 0, WITH)), "run \\x004294967295()");
        assert_eq!(asks(&session, &execute(7, 0, WITH)), "run \\x007(with)");
        let silent = ahead(LAST_PREPARED, 0);
        assert_eq!(session.gate(&session.read(&silent).unwrap(), &silent), Gate::Drop);
        prepare(&mut session, 1);
        assert_eq!(asks(&session, &execute(LAST_PREPARED, 0, WITH)), "run \\x007(with)");
    }
}

fn bulk(raw: &[u8]) -> Frame {
    frame(&Command::StmtBulkExecute(StmtBulkExecute { statement: 7, flags: 128, raw }))
}

#[test]
fn of_a_bulk_execution_the_first_values_are_told_apart() {
    let session = prepared(Flavour::MariaDb, 2);
    for (rows, told, rest) in [(32_768, 65_536, None), (40_000, 65_537, Some((40_000 - 32_768) * 4))] {
        let raw = [b"\xfd\0\xfd\0", &b"\0\x01a\x01".repeat(rows)[..]].concat();
        let whole = bulk(&raw);
        let Ok(Request::RunPrepared { parameters, .. }) = session.read(&whole) else { panic!("an execution") };
        assert_eq!(parameters.len(), told);
        assert_eq!(parameters[65_534].value.as_deref(), Some(&b"a"[..]));
        assert_eq!(parameters[65_535].value, None);
        // All that follows is one value, so that the record vouches for it.
        assert_eq!(parameters.get(65_536).and_then(|last| last.value.as_ref()).map(|value| value.len()), rest);
    }
    let cut = bulk(&[b"\xfd\0\xfd\0", &b"\0\x01a\x01".repeat(40_000)[..], b"\0\x01a"].concat());
    assert_eq!(asks(&session, &cut), MISFIT);
}

#[test]
fn a_bulk_execution_has_at_most_four_million_values() {
    let session = prepared(Flavour::MariaDb, 1);
    let raw = |count: usize| bulk(&[b"\xfd\0", &vec![1; count][..]].concat());
    assert!(asks(&session, &raw(4 << 20)).starts_with("run "));
    let refused = asks(&session, &raw((4 << 20) + 1));
    assert_eq!(refused, "Unsupported { what: \"more than 4,194,304 values in one bulk execution\" }");
}

/// An execution that names its type, with a value that is an integer of eight bytes and a text of seven.
fn named(kind: ColumnType) -> Vec<u8> {
    [&[0, 1, kind.byte(), 0], &b"\x07ABCDEFG"[..]].concat()
}

const UNNAMED: &[u8] = b"\0\0\x07ABCDEFG";

#[test]
fn types_that_the_server_may_not_have_taken_hold_no_more() {
    // Which it took and which not differs: MySQL says 1835 before it looks at any, MariaDB 1210 behind the first.
    for (code, holds) in [(1062, true), (1210, false), (1295, false), (1835, false)] {
        let failed = || Server::answering(modern()).err(code, "no");
        let mut session = prepared(Flavour::MariaDb, 1);
        answered(&mut session, &execute(7, 0, &named(ColumnType::LongLong)), ok());
        answered(&mut session, &execute(7, 0, UNNAMED), failed());
        // Nothing was said of types, so nothing changed.
        assert_eq!(asks(&session, &execute(7, 0, UNNAMED)), "run \\x007(\\x07ABCDEFG)", "{code}");
        answered(&mut session, &execute(7, 0, &named(ColumnType::VarString)), failed());
        let expected = if holds { "run \\x007(ABCDEFG)" } else { MISFIT };
        assert_eq!(asks(&session, &execute(7, 0, UNNAMED)), expected, "{code}");
        answered(&mut session, &execute(7, 0, &named(ColumnType::LongLong)), ok());
        answered(&mut session, &bulk(b"\xfd\0\0\x01a"), failed());
        assert_eq!(asks(&session, &execute(7, 0, UNNAMED)), expected, "{code}");
    }
}

#[test]
fn values_that_the_server_may_still_have_are_refused_until_a_reset() {
    let fetch = || frame(&Command::StmtFetch { statement: 7, rows: 1 });
    for (command, code, is_used) in [
        (execute(7, 0, WITHOUT), 1062, true),
        (execute(7, 0, WITHOUT), 1210, false),
        (execute(7, 0, WITHOUT), 1835, false),
        (fetch(), 1421, false),
    ] {
        let mut session = prepared(Flavour::MySql, 1);
        forward(&mut session, &ahead(7, 0), None);
        answered(&mut session, &command, Server::answering(modern()).err(code, "no"));
        let expected = if is_used { "run \\x007(with)" } else { MISFIT };
        assert_eq!(asks(&session, &execute(7, 0, WITH)), expected, "{code}");
        assert_eq!(asks(&session, &execute(7, 0, WITHOUT)), MISFIT, "{code}");
        forward(&mut session, &ahead(7, 0), None);
        if !is_used {
            assert_eq!(asks(&session, &execute(7, 0, WITHOUT)), MISFIT, "{code}");
        }
        answered(&mut session, &frame(&Command::StmtReset(7)), ok());
        assert_eq!(asks(&session, &execute(7, 0, WITH)), "run \\x007(with)", "{code}");
    }
}

/// Rows that end a cursor drop the values too, at some servers.
#[test]
fn a_fetch_behind_values_sent_ahead_leaves_them_in_doubt() {
    let mut session = prepared(Flavour::MariaDb, 1);
    let answer = Server::answering(modern()).count(1).column("c", ColumnType::VarString).end(Status::CURSOR_EXISTS);
    answered(&mut session, &execute(7, 1, WITH), answer);
    forward(&mut session, &ahead(7, 0), None);
    let fetch = frame(&Command::StmtFetch { statement: 7, rows: 1 });
    answered(&mut session, &fetch, Server::answering(modern()).end(Status::LAST_ROW_SENT));
    assert_eq!(asks(&session, &execute(7, 0, WITH)), MISFIT);
    assert_eq!(asks(&session, &execute(7, 0, WITHOUT)), MISFIT);
}

#[test]
fn a_bulk_execution_behind_values_sent_ahead_is_refused() {
    let mut session = prepared(Flavour::MariaDb, 1);
    forward(&mut session, &ahead(7, 0), None);
    assert_eq!(asks(&session, &bulk(b"\xfd\0\0\x01a")), MISFIT);
}
