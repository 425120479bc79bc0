//! A server's answers as bytes, and what the session makes of them as one line.

use bytes::{Buf, BytesMut};
use portcullis_mysql::command::{Command, Parameter};
use portcullis_mysql::packet;
use portcullis_mysql::response::{
    ColumnCount, ColumnDefinition, EofPacket, ErrPacket, Metadata, OkHeader, OkPacket, PrepareOk, Status, put_binary,
    put_text,
};
use portcullis_mysql::session::Session;
use portcullis_mysql::types::ValueType;
use portcullis_mysql::{Capabilities, ColumnType, Value};
use portcullis_wire::event::{Answer, Gate, Request, Ticket};
use portcullis_wire::protocol::{Delivery, Front};
use portcullis_wire::{Fault, Frame, Protocol};

/// What current clients agree to.
pub fn modern() -> Capabilities {
    Capabilities::DEPRECATE_EOF
        | Capabilities::SESSION_TRACK
        | Capabilities::PROTOCOL_41
        | Capabilities::TRANSACTIONS
        | Capabilities::LOCAL_FILES
        | Capabilities::STMT_BULK_OPERATIONS
}

/// What clients of old agree to.
pub fn old() -> Capabilities {
    Capabilities::PROTOCOL_41 | Capabilities::TRANSACTIONS
}

/// Bytes of a server.
pub struct Server {
    pub agreed: Capabilities,
    pub out: BytesMut,
    pub sequence: u8,
}

impl Server {
    /// The answer to a command that was one packet.
    pub fn answering(agreed: Capabilities) -> Self {
        Self { agreed, out: BytesMut::new(), sequence: 1 }
    }

    pub fn packet(mut self, body: impl FnOnce(&mut BytesMut)) -> Self {
        self.sequence = packet::write(&mut self.out, self.sequence, body);
        self
    }

    pub fn ok(self, affected: u64, status: Status) -> Self {
        let agreed = self.agreed;
        self.packet(|out| OkPacket { affected_rows: affected, ..OkPacket::new(agreed, status) }.encode(out))
    }

    pub fn err(self, code: u16, message: &str) -> Self {
        self.packet(|out| ErrPacket::new(code, *b"42S02", message).encode(out))
    }

    pub fn count(self, columns: u16) -> Self {
        self.packet(|out| ColumnCount { columns, metadata: Metadata::Always }.encode(out))
    }

    pub fn column(self, name: &str, kind: ColumnType) -> Self {
        self.packet(|out| definition(name, kind).encode(out))
    }

    /// The EOF behind definitions, where there are any.
    pub fn definitions_end(self, status: Status) -> Self {
        if self.agreed.has(Capabilities::DEPRECATE_EOF) {
            return self;
        }
        self.packet(|out| EofPacket { warnings: 0, status }.encode(out))
    }

    pub fn row(self, values: &[Option<&str>]) -> Self {
        let values: Vec<_> = values.iter().map(|value| value.map(str::as_bytes)).collect();
        self.packet(|out| put_text(out, &values))
    }

    pub fn binary_row(self, values: &[(ColumnType, Value<'_>)]) -> Self {
        let values: Vec<_> = values.iter().map(|(kind, value)| (ValueType::signed(*kind), *value)).collect();
        self.packet(|out| put_binary(out, &values))
    }

    /// What ends rows.
    pub fn end(self, status: Status) -> Self {
        let agreed = self.agreed;
        if agreed.has(Capabilities::DEPRECATE_EOF) {
            return self.packet(|out| {
                OkPacket { header: OkHeader::Eof, ..OkPacket::new(agreed, status) }.encode(out);
            });
        }
        self.packet(|out| EofPacket { warnings: 0, status }.encode(out))
    }

    /// A whole result of text.
    pub fn result(self, rows: &[&str], status: Status) -> Self {
        let mut server = self.count(1).column("x", ColumnType::VarString).definitions_end(Status::AUTOCOMMIT);
        for row in rows {
            server = server.row(&[Some(row)]);
        }
        server.end(status)
    }

    pub fn prepared(self, id: u32, placeholders: u16, columns: &[ColumnType]) -> Self {
        let count = u16::try_from(columns.len()).unwrap();
        let optional = self.agreed.has(Capabilities::OPTIONAL_RESULTSET_METADATA);
        let metadata = if optional { Metadata::Follows } else { Metadata::Always };
        let ok = PrepareOk { statement: id, columns: count, placeholders, warnings: 0, metadata };
        let mut server = self.packet(|out| ok.encode(out));
        for _ in 0..placeholders {
            server = server.column("?", ColumnType::VarString);
        }
        if placeholders > 0 {
            server = server.definitions_end(Status::AUTOCOMMIT);
        }
        for kind in columns {
            server = server.column("c", *kind);
        }
        if count > 0 { server.definitions_end(Status::AUTOCOMMIT) } else { server }
    }
}

pub fn definition(name: &str, kind: ColumnType) -> ColumnDefinition<'_> {
    ColumnDefinition {
        catalog: b"def",
        schema: b"shop",
        table: b"t",
        org_table: b"t",
        name: name.as_bytes(),
        org_name: name.as_bytes(),
        extended: None,
        collation: 45,
        length: 100,
        kind,
        flags: 0,
        decimals: 0,
        default: None,
    }
}

/// One command as a frame.
pub fn frame(command: &Command<'_>) -> Frame {
    let mut out = BytesMut::new();
    packet::write(&mut out, 0, |out| command.encode(out));
    Frame::new(out.freeze())
}

/// A COM_QUERY.
pub fn query(agreed: Capabilities, text: &str) -> Frame {
    let mut out = BytesMut::new();
    let none: &[Parameter<'_>] = &[];
    packet::write(&mut out, 0, |out| portcullis_mysql::command::Query::put(out, agreed, none, text.as_bytes()));
    Frame::new(out.freeze())
}

/// Forwards a command, which must be its turn, as this statement.
pub fn forward(session: &mut Session, frame: &Frame, ticket: Option<u64>) {
    let request = session.read(frame).unwrap();
    assert_eq!(session.gate(&request, frame), Gate::Open, "{request:?}");
    session.forward(&request, frame, ticket.map(Ticket), &mut BytesMut::new());
}

/// What a command asks for, in one line.
pub fn asks(session: &Session, frame: &Frame) -> String {
    match session.read(frame) {
        Ok(Request::RunPrepared { statement, parameters, portal }) => {
            let values: Vec<_> = parameters
                .iter()
                .map(|each| each.value.as_ref().map_or("NULL".into(), |value| value.escape_ascii().to_string()))
                .collect();
            format!("run {}({}){}", statement.escape_ascii(), values.join(","), if portal { " portal" } else { "" })
        }
        Ok(request) => format!("{request:?}"),
        Err(fault) => format!("{fault}"),
    }
}

/// What the session makes of a server's bytes, given in pieces of so many: each meaning in a word.
pub fn meanings(session: &mut Session, bytes: &[u8], pieces: usize) -> Result<String, Fault> {
    let (mut buffer, mut words, mut rows) = (BytesMut::new(), Vec::new(), 0u64);
    let flush = |words: &mut Vec<String>, rows: &mut u64| {
        if *rows > 0 {
            words.push(format!("rows{}", std::mem::take(rows)));
        }
    };
    for piece in bytes.chunks(pieces.max(1)) {
        buffer.extend_from_slice(piece);
        while !buffer.is_empty() {
            match session.answer(&buffer)? {
                Front::Short(_) => break,
                Front::Whole(reply) => {
                    let swallowed = if reply.delivery == Delivery::Swallow { "!" } else { "" };
                    match reply.answer {
                        Answer::Rows(count) => rows += count,
                        other => {
                            flush(&mut words, &mut rows);
                            words.push(format!("{}{swallowed}", word(&other)));
                        }
                    }
                    buffer.advance(reply.length);
                }
                Front::Piece(piece) => {
                    let leaving = buffer.split_to(piece.length);
                    if session.consume(&leaving)? {
                        words.push("long".into());
                    }
                }
            }
        }
    }
    flush(&mut words, &mut rows);
    if !buffer.is_empty() {
        words.push(format!("({} bytes)", buffer.len()));
    }
    Ok(words.join(" "))
}

fn word(answer: &Answer) -> String {
    match answer {
        Answer::Prepared(name) => format!("prepared{}", name.as_deref().unwrap_or_default().escape_ascii()),
        Answer::Columns(columns) => format!("columns{}", columns.as_ref().map_or(0, |columns| columns.len())),
        Answer::Complete { rows: Some(rows), .. } => format!("complete{rows}"),
        Answer::Complete { rows: None, .. } => "complete".into(),
        Answer::Failed { sqlstate, fatal, .. } => {
            format!("failed:{}{}", sqlstate.escape_ascii(), if *fatal { "!" } else { "" })
        }
        Answer::Setting { name, value } => format!("{name}={value}"),
        Answer::Ready(transaction) => format!("ready:{transaction:?}"),
        Answer::Told(told) => format!("told:{}", told.as_deref().unwrap_or("-")),
        Answer::Suspended => "suspended".into(),
        Answer::WantsData => "wants".into(),
        Answer::Remark => "remark".into(),
        Answer::Other => ".".into(),
        Answer::Describing => "~".into(),
        Answer::Described(message) => format!("described{}", message.len()),
        Answer::Result => "result".into(),
        other => format!("{other:?}"),
    }
}
