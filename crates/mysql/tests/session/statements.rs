//! Commands and their answers: text, prepared, cursors, files, and what is not carried.

use bytes::BytesMut;
use portcullis_mysql::command::{Command, StmtExecute, StmtSendLongData};
use portcullis_mysql::response::{
    ColumnCount, LocalInfile, Metadata, OkPacket, OkTail, PrepareOk, SessionState, Status,
};
use portcullis_mysql::session::Session;
use portcullis_mysql::{Capabilities, ColumnType, Flavour, Pairs, Value, lenenc, packet};
use portcullis_wire::Protocol;
use portcullis_wire::event::{CellKind, Gate, Refusal, Request, Transaction};

use crate::script::*;

const IDLE: Status = Status::AUTOCOMMIT;

fn session(agreed: Capabilities) -> Session {
    Session::new(agreed, 4 << 20).for_server(Flavour::MariaDb)
}

/// What becomes of the answer to `SELECT`, whole and in the smallest pieces.
fn selected(agreed: Capabilities, answer: Server) -> String {
    let mut seen = Vec::new();
    for pieces in [1, 3, usize::MAX] {
        let mut session = session(agreed);
        forward(&mut session, &query(agreed, "SELECT x FROM t"), Some(1));
        seen.push(meanings(&mut session, &answer.out, pieces).unwrap());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "cutting matters: {seen:?}");
    seen.remove(0)
}

#[test]
fn a_result_is_columns_rows_and_an_end() {
    let modern_answer = Server::answering(modern()).result(&["a", "b"], IDLE);
    assert_eq!(selected(modern(), modern_answer), "~ columns1 rows2 complete ready:Idle");
    let old_answer = Server::answering(old()).result(&["a", "b"], IDLE);
    assert_eq!(selected(old(), old_answer), "~ columns1 . rows2 complete ready:Idle");
}

#[test]
fn an_ok_says_rows_and_transaction() {
    let answer = Server::answering(modern()).ok(3, Status::IN_TRANSACTION);
    assert_eq!(selected(modern(), answer), "complete3 ready:Open");
}

#[test]
fn every_statement_of_a_text_ends_by_itself() {
    let more = Status::MORE_RESULTS;
    for (agreed, seen) in [
        (modern(), "~ columns1 rows1 result complete1 ~ columns1 complete ready:Idle"),
        (old(), "~ columns1 . rows1 result complete1 ~ columns1 . complete ready:Idle"),
    ] {
        let answer = Server::answering(agreed).result(&["a"], more).ok(1, more).result(&[], IDLE);
        assert_eq!(selected(agreed, answer), seen);
    }
}

#[test]
fn an_error_ends_the_exchange_wherever_it_comes() {
    let at_once = Server::answering(modern()).err(1146, "no such table");
    assert_eq!(selected(modern(), at_once), "failed:42S02");
    let among_rows = Server::answering(modern()).count(1).column("x", ColumnType::VarString).row(&[Some("a")]);
    assert_eq!(selected(modern(), among_rows.err(3024, "slow")), "~ columns1 rows1 failed:42S02");
    let second = Server::answering(modern()).ok(1, Status::MORE_RESULTS).err(1064, "?");
    assert_eq!(selected(modern(), second), "complete1 failed:42S02");
}

#[test]
fn what_a_tracker_says_is_heard() {
    let mut pairs = BytesMut::new();
    Pairs::put(&mut pairs, [(&b"sql_mode"[..], &b"ANSI"[..])]);
    let mut state = BytesMut::new();
    for (kind, data) in [(0u8, &pairs[..]), (1, b"\x04shop")] {
        state.extend_from_slice(&[kind]);
        lenenc::put_bytes(&mut state, data);
    }
    let tail = OkTail::State(b"", SessionState::decode(&state).unwrap());
    let ok = OkPacket { tail, ..OkPacket::new(modern(), IDLE) };
    let ok = OkPacket { status: Status::from_bits(IDLE.bits() | Status::SESSION_STATE_CHANGED.bits()), ..ok };
    let answer = Server::answering(modern()).packet(|out| ok.encode(out));
    assert_eq!(selected(modern(), answer), "sql_mode=ANSI schema=shop complete0 ready:Idle");
}

#[test]
fn a_command_waits_for_the_answer_before_it() {
    let mut session = session(modern());
    let ping = frame(&Command::Ping);
    forward(&mut session, &ping, None);
    assert!(!session.is_drained() && !session.has_room());
    let request = session.read(&ping).unwrap();
    assert_eq!(session.gate(&request, &ping), Gate::Wait);
    let answer = Server::answering(modern()).ok(0, IDLE);
    assert_eq!(meanings(&mut session, &answer.out, 2).unwrap(), "ready:Idle");
    assert!(session.is_drained() && session.has_room());
}

#[test]
fn a_statement_is_prepared_run_and_forgotten() {
    for agreed in [modern(), old()] {
        let mut session = session(agreed);
        forward(&mut session, &frame(&Command::StmtPrepare(b"SELECT ?")), Some(1));
        let answer = Server::answering(agreed).prepared(7, 1, &[ColumnType::VarString, ColumnType::LongLong]);
        let seen = meanings(&mut session, &answer.out, 5).unwrap();
        assert!(seen.ends_with("prepared\\x007 ready:Idle"), "{seen}");
        assert!(session.is_drained());
        // Types come with the first execution, and hold for the second.
        let first = execute(7, b"\0\x01\x0f\0\x03foo");
        assert_eq!(asks(&session, &first), "run \\x007(foo)");
        forward(&mut session, &first, Some(2));
        let kinds = [(ColumnType::VarString, Value::Bytes(b"x")), (ColumnType::LongLong, Value::Int(-1))];
        let answer = Server::answering(agreed)
            .count(2)
            .column("c", ColumnType::VarString)
            .column("c", ColumnType::LongLong)
            .definitions_end(IDLE)
            .binary_row(&kinds)
            .binary_row(&[(ColumnType::VarString, Value::Null), (ColumnType::LongLong, Value::Int(2))])
            .end(IDLE);
        let seen = meanings(&mut session, &answer.out, 4).unwrap();
        assert!(seen.ends_with("rows2 complete ready:Idle"), "{seen}");
        assert_eq!(asks(&session, &execute(7, b"\0\0\x03bar")), "run \\x007(bar)");
        assert_eq!(asks(&session, &execute(7, b"\x01\0")), "run \\x007(NULL)");
        forward(&mut session, &frame(&Command::StmtClose(7)), None);
        assert!(session.is_drained());
        // Nothing is known of it any more, so nothing of it is read.
        assert_eq!(asks(&session, &execute(7, b"\0\0\x03bar")), "run \\x007()");
    }
}

fn execute(id: u32, raw: &[u8]) -> portcullis_wire::Frame {
    frame(&Command::StmtExecute(StmtExecute { statement: id, flags: 0, iterations: 1, raw }))
}

fn prepared(agreed: Capabilities, id: u32, placeholders: u16) -> Session {
    let mut session = session(agreed);
    forward(&mut session, &frame(&Command::StmtPrepare(b"x")), Some(1));
    let answer = Server::answering(agreed).prepared(id, placeholders, &[ColumnType::VarString]);
    meanings(&mut session, &answer.out, usize::MAX).unwrap();
    session
}

#[test]
fn types_of_an_execution_that_never_left_do_not_hold() {
    let mut session = prepared(modern(), 7, 1);
    let first = execute(7, b"\0\x01\x0f\0\x03foo");
    let mark = session.mark();
    forward(&mut session, &first, Some(2));
    session.rewind(mark);
    assert!(session.is_drained());
    assert_eq!(asks(&session, &execute(7, b"\0\0\x03bar")), MISFIT);
}

/// The session lives on: servers say so too, and no more.
#[test]
fn values_that_do_not_fit_are_refused() {
    let session = prepared(modern(), 7, 1);
    for raw in
        [&b""[..], b"\0", b"\0\x01\x0f\0", b"\0\x01\x0f\0\x03fo", b"\0\x01\x0f\0\x03foox", b"\0\x01\x63\0\x03foo"]
    {
        assert_eq!(asks(&session, &execute(7, raw)), MISFIT);
    }
}

const MISFIT: &str = "Unsupported { what: \"a set of values that does not fit its statement\" }";

#[test]
fn values_sent_ahead_are_read_with_the_execution() {
    let mut session = prepared(modern(), 7, 1);
    for part in [&b"long "[..], b"value"] {
        let data = StmtSendLongData { statement: 7, parameter: 0, data: part };
        forward(&mut session, &frame(&Command::StmtSendLongData(data)), None);
    }
    assert!(session.is_drained());
    let run = execute(7, b"\0\x01\xfc\0");
    assert_eq!(asks(&session, &run), "run \\x007(long value)");
    forward(&mut session, &run, Some(2));
    meanings(&mut session, &Server::answering(modern()).ok(1, IDLE).out, usize::MAX).unwrap();
    assert_eq!(asks(&session, &execute(7, b"\0\0\x01x")), "run \\x007(x)");
}

#[test]
fn the_last_prepared_has_its_number() {
    let session = prepared(modern(), 9, 0);
    assert_eq!(asks(&session, &execute(u32::MAX, b"")), "run \\x009()");
}

#[test]
fn a_number_is_no_name_of_sql() {
    let session = prepared(modern(), 9, 0);
    let request = session.read(&execute(9, b"")).map(|request| match request {
        Request::RunPrepared { statement, .. } => statement.into_owned(),
        other => panic!("{other:?}"),
    });
    assert_eq!(request.unwrap().first(), Some(&0));
}

#[test]
fn rows_of_a_cursor_come_when_they_are_fetched() {
    for agreed in [modern(), old()] {
        let mut session = prepared(agreed, 7, 0);
        let run = frame(&Command::StmtExecute(StmtExecute { statement: 7, flags: 1, iterations: 1, raw: b"" }));
        assert_eq!(asks(&session, &run), "run \\x007() portal");
        forward(&mut session, &run, Some(2));
        let answer = Server::answering(agreed).count(1).column("c", ColumnType::VarString);
        let answer = match agreed.has(Capabilities::DEPRECATE_EOF) {
            true => answer.end(Status::CURSOR_EXISTS),
            false => answer.definitions_end(Status::CURSOR_EXISTS),
        };
        let seen = meanings(&mut session, &answer.out, 3).unwrap();
        assert_eq!(seen, "~ columns1 suspended ready:Idle");
        let fetch = frame(&Command::StmtFetch { statement: 7, rows: 1 });
        for (status, word) in [(Status::CURSOR_EXISTS, "suspended"), (Status::LAST_ROW_SENT, "complete")] {
            forward(&mut session, &fetch, Some(3));
            let row = [(ColumnType::VarString, Value::Bytes(b"x"))];
            let answer = Server::answering(agreed).binary_row(&row).end(status);
            let seen = meanings(&mut session, &answer.out, 3).unwrap();
            assert_eq!(seen, format!("rows1 {word} ready:Idle"));
        }
    }
}

/// MariaDB says so of each result of a procedure that had a cursor for itself; the rows come all the same.
#[test]
fn a_cursor_that_nobody_asked_for_leaves_no_rows() {
    for (agreed, seen) in [
        (modern(), "~ columns1 rows1 result complete0 ready:Idle"),
        (old(), "~ columns1 . rows1 result complete0 ready:Idle"),
    ] {
        let both = Status::CURSOR_EXISTS.with(Status::MORE_RESULTS);
        let answer = Server::answering(agreed).count(1).column("x", ColumnType::VarString).definitions_end(both);
        let answer = answer.row(&[Some("1")]).end(both).ok(0, IDLE);
        assert_eq!(selected(agreed, answer), seen);
    }
}

#[test]
fn rows_of_a_procedure_with_a_cursor_of_its_own_are_rows() {
    for (agreed, seen) in [
        (modern(), "~ columns1 rows1 result complete0 ready:Idle"),
        (old(), "~ columns1 . rows1 result complete0 ready:Idle"),
    ] {
        let mut session = prepared(agreed, 7, 0);
        let run = StmtExecute { statement: 7, flags: 1, iterations: 1, raw: b"" };
        forward(&mut session, &frame(&Command::StmtExecute(run)), Some(2));
        let both = Status::CURSOR_EXISTS.with(Status::MORE_RESULTS);
        let answer = Server::answering(agreed).count(1).column("c", ColumnType::VarString).definitions_end(both);
        let answer = answer.binary_row(&[(ColumnType::VarString, Value::Bytes(b"x"))]).end(both).ok(0, IDLE);
        assert_eq!(meanings(&mut session, &answer.out, 3).unwrap(), seen);
    }
}

#[test]
fn what_was_described_once_is_not_believed_of_mysql() {
    let agreed = modern() | Capabilities::OPTIONAL_RESULTSET_METADATA;
    let kinds = |session: &Session| session.columns().unwrap().iter().map(|column| column.kind).collect::<Vec<_>>();
    let untold = |server: Server| {
        let count = ColumnCount { columns: 1, metadata: Metadata::Absent };
        server.packet(|out| count.encode(out)).definitions_end(IDLE)
    };
    let mut session = prepared(agreed, 7, 0);
    forward(&mut session, &execute(7, b""), Some(2));
    let row = [(ColumnType::VarString, Value::Bytes(b"x"))];
    let answer = untold(Server::answering(agreed)).binary_row(&row);
    assert_eq!(meanings(&mut session, &answer.out, 1).unwrap(), "~ rows1");
    assert_eq!(kinds(&session), [CellKind::Undecoded]);
    meanings(&mut session, &Server { sequence: answer.sequence, ..Server::answering(agreed) }.end(IDLE).out, 3)
        .unwrap();
    forward(&mut session, &frame(&Command::StmtFetch { statement: 7, rows: 1 }), Some(3));
    assert_eq!(kinds(&session), [CellKind::Undecoded], "of a cursor's rows too");
    meanings(&mut session, &Server::answering(agreed).binary_row(&row).end(IDLE).out, 3).unwrap();
    // Text needs no description to be read.
    forward(&mut session, &query(agreed, "SELECT 1"), Some(4));
    let answer = untold(Server::answering(agreed)).row(&[Some("x")]).end(IDLE);
    assert_eq!(meanings(&mut session, &answer.out, 3).unwrap(), "~ rows1 complete ready:Idle");
    assert_eq!(kinds(&session), [CellKind::Text]);
}

#[test]
fn a_file_goes_through_to_its_empty_packet() {
    let mut session = session(modern());
    forward(&mut session, &query(modern(), "LOAD DATA LOCAL INFILE 'x' INTO TABLE t"), Some(1));
    let mut server = Server::answering(modern()).packet(|out| LocalInfile { file: b"x" }.encode(out));
    assert_eq!(meanings(&mut session, &server.out, 1).unwrap(), "wants");
    let mut file = BytesMut::new();
    let next = packet::put(&mut file, 2, b"1,2\n");
    packet::put(&mut file, next, b"");
    for _ in 0..2 {
        let part = session.split(&mut file).unwrap().unwrap();
        let request = session.read(&part).unwrap();
        assert_eq!((&request, session.gate(&request, &part)), (&Request::Continue, Gate::Open));
        session.forward(&request, &part, None, &mut BytesMut::new());
    }
    assert!(session.split(&mut BytesMut::from(&b"\x01\0\0\0\x0e"[..])).unwrap().is_none());
    server.out.clear();
    server.sequence = 4;
    assert_eq!(meanings(&mut session, &server.ok(1, IDLE).out, 1).unwrap(), "complete1 ready:Idle");
}

#[test]
fn a_file_that_was_not_agreed_to_is_a_fault() {
    let mut session = session(old());
    forward(&mut session, &query(old(), "SELECT 1"), Some(1));
    let server = Server::answering(old()).packet(|out| LocalInfile { file: b"/etc/passwd" }.encode(out));
    assert!(meanings(&mut session, &server.out, usize::MAX).is_err());
}

#[test]
fn a_question_of_ours_never_reaches_the_client() {
    let mut session = session(modern());
    assert!(session.may_ask());
    let mut out = BytesMut::new();
    session.ask("SELECT DATABASE()", &mut out);
    assert!(!session.is_drained() && !session.may_ask());
    let answer = Server::answering(modern()).result(&["shop", "other"], IDLE);
    assert_eq!(meanings(&mut session, &answer.out, 3).unwrap(), ".! .! .! .! told:shop!");
    assert!(session.is_drained());
    session.ask("SELECT DATABASE()", &mut out);
    let answer = Server::answering(modern()).err(1064, "?");
    assert_eq!(meanings(&mut session, &answer.out, 3).unwrap(), "told:-!");
}

#[test]
fn what_is_not_carried_is_refused_and_the_session_lives_on() {
    let mut session = session(modern());
    let bodies = [&b"\x12\0\0\0\0"[..], b"\x07\x01"];
    for body in bodies {
        let mut out = BytesMut::new();
        packet::put(&mut out, 0, body);
        let frame = portcullis_wire::Frame::new(out.freeze());
        let request = session.read(&frame).unwrap();
        assert!(matches!(request, Request::Unsupported { .. }), "{request:?}");
        let refusal = Refusal {
            sqlstate: *b"42501",
            message: "no".into(),
            detail: None,
            hint: Some("ask".into()),
            position: None,
        };
        let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
        session.refuse(&request, &frame, &refusal, &mut up, &mut down);
        assert!(up.is_empty());
        assert_eq!(&down[3..], b"\x01\xff\x76\x04#42000no. ask");
        assert!(session.is_drained());
    }
}

#[test]
fn a_server_that_stops_says_so_unasked() {
    let mut session = session(modern());
    let mut server = Server::answering(modern());
    server.sequence = 0;
    let server = server.err(1053, "Server shutdown in progress");
    assert_eq!(meanings(&mut session, &server.out, 3).unwrap(), "failed:42S02!");
    assert!(meanings(&mut session, &Server::answering(modern()).ok(0, IDLE).out, 3).is_err());
}

#[test]
fn a_sequence_id_out_of_order_is_a_fault() {
    let mut session = session(modern());
    forward(&mut session, &query(modern(), "SELECT 1"), Some(1));
    let mut server = Server::answering(modern());
    server.sequence = 2;
    assert!(meanings(&mut session, &server.ok(0, IDLE).out, usize::MAX).is_err());
}

#[test]
fn transactions_are_followed() {
    let mut session = session(modern());
    forward(&mut session, &query(modern(), "BEGIN"), Some(1));
    meanings(&mut session, &Server::answering(modern()).ok(0, Status::IN_TRANSACTION).out, 1).unwrap();
    assert_eq!(session.transaction(), Transaction::Open);
}

#[test]
fn columns_of_a_table_are_listed() {
    let mut session = session(old());
    let list = frame(&Command::FieldList(portcullis_mysql::command::FieldList { table: b"t", wildcard: b"" }));
    assert_eq!(asks(&session, &list), "ListColumns { relation: [116] }");
    forward(&mut session, &list, Some(1));
    let column = portcullis_mysql::response::ColumnDefinition {
        default: Some(portcullis_mysql::response::ColumnDefault::Text(b"4111 1111 1111 1111")),
        ..definition("x", ColumnType::VarString)
    };
    let server = Server::answering(old()).packet(|out| column.encode(out)).end(IDLE);
    assert_eq!(meanings(&mut session, &server.out, 2).unwrap(), "remark complete ready:Idle");
}

#[test]
fn a_reset_forgets_statements() {
    let mut session = prepared(modern(), 7, 0);
    forward(&mut session, &frame(&Command::ResetConnection), Some(2));
    meanings(&mut session, &Server::answering(modern()).ok(0, IDLE).out, 1).unwrap();
    assert_eq!(asks(&session, &execute(u32::MAX, b"")), "run \\x004294967295()");
}

#[test]
fn progress_is_told_before_any_answer() {
    let agreed = modern() | Capabilities::PROGRESS;
    let report =
        |server: Server| server.packet(|out| out.extend_from_slice(b"\xff\xff\xff\x01\x01\x01\0\0\0\x05Stage"));
    let mut session = session(agreed);
    forward(&mut session, &query(agreed, "LOAD DATA LOCAL INFILE 'x' INTO TABLE t"), Some(1));
    let server = report(Server::answering(agreed)).packet(|out| LocalInfile { file: b"x" }.encode(out));
    assert_eq!(meanings(&mut session, &server.out, 1).unwrap(), "remark wants");
    let mut end = BytesMut::new();
    packet::put(&mut end, 3, b"");
    let part = session.split(&mut end).unwrap().unwrap();
    forward(&mut session, &part, None);
    let server = report(Server { sequence: 4, ..Server::answering(agreed) }).ok(1, IDLE);
    assert_eq!(meanings(&mut session, &server.out, 1).unwrap(), "remark complete1 ready:Idle");
}

#[test]
fn what_the_client_knows_of_a_result_is_told_for_the_record() {
    for agreed in [modern(), old()].map(|agreed| agreed | Capabilities::CACHE_METADATA) {
        for placeholders in [0, 2] {
            let mut session = prepared(agreed, 7, placeholders);
            let mut definition = BytesMut::new();
            packet::write(&mut definition, 0, |out| crate::script::definition("c", ColumnType::VarString).encode(out));
            let row = [(ColumnType::VarString, Value::Bytes(b"x"))];
            let known = |server: Server| {
                let count = ColumnCount { columns: 1, metadata: Metadata::Absent };
                server.packet(|out| count.encode(out)).definitions_end(IDLE).binary_row(&row).end(IDLE)
            };
            for _ in 0..2 {
                forward(&mut session, &execute(7, b"\0\x01\x0f\0\x0f\0\x01a\x01b"), Some(2));
                let seen = meanings(&mut session, &known(Server::answering(agreed)).out, 3).unwrap();
                let told = format!("described6 described{} . ", definition.len());
                assert!(seen.starts_with(&told) && seen.ends_with("rows1 complete ready:Idle"), "{seen}");
            }
            // A statement that was dropped is not known any more.
            forward(&mut session, &frame(&Command::StmtClose(7)), None);
            forward(&mut session, &execute(7, b""), Some(3));
            assert!(meanings(&mut session, &known(Server::answering(agreed)).out, 3).is_err());
        }
    }
}

#[test]
fn definitions_beyond_a_mebibyte_are_not_kept() {
    let agreed = modern() | Capabilities::CACHE_METADATA;
    let mut session = session(agreed);
    let long = "x".repeat(40_000);
    let mut is_told = |id: u32| {
        forward(&mut session, &frame(&Command::StmtPrepare(b"x")), Some(1));
        let ok = PrepareOk { statement: id, columns: 1, placeholders: 0, warnings: 0, metadata: Metadata::Always };
        let answer = Server::answering(agreed).packet(|out| ok.encode(out)).column(&long, ColumnType::VarString);
        meanings(&mut session, &answer.out, usize::MAX).unwrap();
        forward(&mut session, &execute(id, b""), Some(2));
        let count = ColumnCount { columns: 1, metadata: Metadata::Absent };
        let answer = Server::answering(agreed).packet(|out| count.encode(out)).end(IDLE);
        let told = meanings(&mut session, &answer.out, usize::MAX).unwrap().starts_with("described");
        // What is dropped makes room.
        if id > 14 {
            forward(&mut session, &frame(&Command::StmtClose(id - 14)), None);
        }
        told
    };
    let told: Vec<bool> = (1..18).map(&mut is_told).collect();
    let expected: Vec<bool> = (1..18).map(|id| !(14..16).contains(&id)).collect();
    assert_eq!(told, expected, "of 80 kB each");
}

#[test]
fn only_the_start_of_values_sent_ahead_is_kept() {
    let mut session = prepared(modern(), 7, 1);
    let part = vec![b'x'; 700_000];
    for _ in 0..3 {
        let data = StmtSendLongData { statement: 7, parameter: 0, data: &part };
        forward(&mut session, &frame(&Command::StmtSendLongData(data)), None);
    }
    let run = execute(7, b"\0\x01\xfc\0");
    let Ok(Request::RunPrepared { parameters, .. }) = session.read(&run) else { panic!("an execution") };
    assert_eq!(parameters[0].value.as_ref().map(|value| value.len()), Some(1 << 20));
}
