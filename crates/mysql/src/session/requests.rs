//! The client's half: what each command asks for, and which answer it makes us expect.

use std::borrow::Cow;

use bytes::BytesMut;
use portcullis_wire::error::{Fault, Malformed, Unsupported};
use portcullis_wire::event::{Format, Named, Parameter, Request, Ticket};
use portcullis_wire::frame::Frame;

use super::Session;
use super::exchange::{Exchange, RowForm, Stage};
use super::statements::{Statement, name};
use crate::command::{Command, Content, Prepared, StmtBulkExecute, StmtExecute, TOO_MANY};
use crate::packet::{self, HEADER, MAX};
use crate::types::{ColumnType, ValueType};

/// Values that cannot be those of their statement, as of a client that brings too few. Servers say so and live on.
const MISFIT: Request<'static> = Request::Unsupported { what: "a set of values that does not fit its statement" };

/// What asks for an answer by the number of a last statement that there is not. MariaDB could still have one.
const NO_LAST: Request<'static> = Request::Unsupported { what: "a command for the last statement where there is none" };

/// What a frame asks for.
pub(super) fn read<'f>(session: &Session, frame: &'f Frame) -> Result<Request<'f>, Fault> {
    if session.file.is_some() {
        return Ok(Request::Continue);
    }
    let command = match Command::decode(body(frame), session.agreed) {
        // What is not on the list of commands is refused, and the session lives on.
        Err(Fault::Unsupported(Unsupported(what))) => return Ok(Request::Unsupported { what }),
        command => command?,
    };
    Ok(match command {
        Command::Quit => Request::Quit,
        Command::Query(query) => Request::Run { text: query.text },
        Command::StmtPrepare(text) => Request::Prepare { name: b"", text, types: Vec::new() },
        Command::StmtExecute(execute) => executed(session, &execute),
        Command::StmtBulkExecute(execute) => bulk_executed(session, &execute),
        Command::StmtFetch { statement, .. } => Request::Execute { portal: named(session, statement) },
        Command::StmtClose(id) => Request::Forget { kind: Named::Statement, name: named(session, id) },
        Command::InitDb(schema) => Request::UseSchema { schema },
        Command::FieldList(list) => Request::ListColumns { relation: list.table },
        Command::ResetConnection => Request::Reset,
        Command::ChangeUser(_) => Request::SignIn,
        Command::StmtReset(id) if session.statements.number(id).is_none() => NO_LAST,
        Command::ProcessKill(id) => Request::Kill { session: u64::from(id), statement_only: false },
        Command::Statistics
        | Command::Ping
        | Command::SetOption(_)
        | Command::StmtReset(_)
        | Command::StmtSendLongData(_) => Request::Continue,
    })
}

fn body(frame: &Frame) -> &[u8] {
    frame.content().get(HEADER..).unwrap_or_default()
}

/// The name that the core knows a statement by. One that is not known has one that nothing has.
fn named(session: &Session, id: u32) -> Cow<'static, [u8]> {
    Cow::Owned(name(session.statements.number(id).unwrap_or(id)))
}

/// Whether a command that nobody answers is for a last statement that there is not. MariaDB could still have one.
pub(super) fn is_for_nothing(session: &Session, request: &Request<'_>, frame: &Frame) -> bool {
    // Nothing else is read twice.
    if !matches!(request, Request::Continue | Request::Forget { .. }) {
        return false;
    }
    match Command::decode(body(frame), session.agreed) {
        Ok(Command::StmtClose(id)) => session.statements.number(id).is_none(),
        Ok(Command::StmtSendLongData(data)) => session.statements.number(data.statement).is_none(),
        _ => false,
    }
}

fn executed<'f>(session: &Session, execute: &StmtExecute<'f>) -> Request<'f> {
    let statement = named(session, execute.statement);
    let Some(known) = session.statements.get_by(execute.statement) else {
        return Request::RunPrepared { statement, parameters: Vec::new(), portal: false };
    };
    if known.is_in_doubt {
        return MISFIT;
    }
    let long: Vec<u16> = known.long_data.iter().map(|(index, _)| *index).collect();
    let prepared = Prepared { placeholders: known.placeholders, types: &known.types, long_data: &long };
    let Ok(values) = execute.contents(session.agreed, prepared) else { return MISFIT };
    let parameters = values.into_iter().enumerate().map(|(index, (of, content))| match content {
        Content::Null => parameter(of, None),
        Content::Value(bytes) => parameter(of, Some(Cow::Borrowed(bytes))),
        Content::LongData => parameter(of, known.long_value(index).map(|value| Cow::Owned(value.to_vec()))),
    });
    Request::RunPrepared { statement, parameters: parameters.collect(), portal: execute.opens_cursor() }
}

fn bulk_executed<'f>(session: &Session, execute: &StmtBulkExecute<'f>) -> Request<'f> {
    let statement = named(session, execute.statement);
    let Some(known) = session.statements.get_by(execute.statement) else {
        return Request::RunPrepared { statement, parameters: Vec::new(), portal: false };
    };
    // A bulk execution with values sent ahead is none: MariaDB refuses it.
    let long: Vec<u16> = known.long_data.iter().map(|(index, _)| *index).collect();
    let prepared = Prepared { placeholders: known.placeholders, types: &known.types, long_data: &long };
    let contents = match execute.contents(prepared) {
        Ok(contents) => contents,
        Err(TOO_MANY) => return Request::Unsupported { what: "more than 4,194,304 values in one bulk execution" },
        Err(_) => return MISFIT,
    };
    let told = contents.told.into_iter().map(|(of, content)| match content {
        Content::Value(bytes) => parameter(of, Some(Cow::Borrowed(bytes))),
        Content::Null | Content::LongData => parameter(of, None),
    });
    // What is not told value by value is one of bytes, so that the record still vouches for all that ran.
    let of = ValueType::signed(ColumnType::LongBlob);
    let rest = Some(contents.rest).filter(|rest| !rest.is_empty()).map(|rest| parameter(of, Some(Cow::Borrowed(rest))));
    Request::RunPrepared { statement, parameters: told.chain(rest).collect(), portal: false }
}

fn parameter(of: ValueType, value: Option<Cow<'_, [u8]>>) -> Parameter<'_> {
    Parameter { format: Format::Binary, type_code: of.code(), value }
}

/// Notes that `frame` goes to the upstream.
pub(super) fn forward(session: &mut Session, frame: &Frame, ticket: Option<Ticket>) {
    if let Some(file) = session.file {
        return sent_file(session, file, frame);
    }
    // INVARIANT: `read` has decoded these very bytes.
    let Ok(command) = Command::decode(body(frame), session.agreed) else { return };
    let mut exchange = Exchange::new(Stage::End, ticket, packet::answer_sequence(frame));
    match command {
        Command::Quit => return,
        Command::StmtClose(id) => {
            if let Some(id) = session.statements.number(id) {
                session.statements.remove(id);
            }
            return;
        }
        Command::StmtSendLongData(data) => {
            if let Some(id) = session.statements.number(data.statement) {
                session.statements.add_long_data(id, data.parameter, data.data);
            }
            return;
        }
        Command::Query(_) => exchange.stage = Stage::Answer,
        Command::StmtPrepare(_) => {
            session.statements.begin();
            exchange.stage = Stage::Prepared;
        }
        Command::FieldList(_) => exchange.stage = Stage::Listed,
        Command::Statistics => exchange.stage = Stage::Line,
        Command::StmtReset(id) => exchange.forgets = session.statements.number(id),
        Command::StmtFetch { statement, .. } => {
            exchange.stage = Stage::Rows;
            exchange.form = RowForm::Binary;
            exchange.cursor = true;
            if let Some(id) = session.statements.number(statement) {
                session.statements.doubt_long_data(id);
            }
            session.columns = session.statements.get_by(statement).and_then(|known| known.columns.clone());
        }
        Command::StmtExecute(execute) => {
            run(session, &mut exchange, execute.statement);
            exchange.cursor = execute.opens_cursor();
            exchange.types = types(session, &execute);
        }
        Command::StmtBulkExecute(execute) => {
            run(session, &mut exchange, execute.statement);
            exchange.types = bulk_types(session, &execute);
        }
        Command::ResetConnection
        | Command::InitDb(_)
        | Command::Ping
        | Command::SetOption(_)
        | Command::ChangeUser(_)
        | Command::ProcessKill(_) => {}
    }
    exchange.resets = matches!(command, Command::ResetConnection);
    session.exchange = Some(exchange);
}

fn run(session: &Session, exchange: &mut Exchange, id: u32) {
    exchange.stage = Stage::Answer;
    exchange.form = RowForm::Binary;
    exchange.statement = session.statements.number(id);
}

/// The types that come with an execution. They may be left out of the next one: then these hold.
fn types(session: &Session, execute: &StmtExecute<'_>) -> Option<Vec<ValueType>> {
    let known = session.statements.get_by(execute.statement)?;
    let long: Vec<u16> = known.long_data.iter().map(|(index, _)| *index).collect();
    let prepared = Prepared { placeholders: known.placeholders, types: &known.types, long_data: &long };
    let values = execute.parameters(session.agreed, prepared).ok().filter(|values| values.names_types())?;
    Some(values.iter().take(usize::from(known.placeholders)).map(|each| each.of).collect())
}

fn bulk_types(session: &Session, execute: &StmtBulkExecute<'_>) -> Option<Vec<ValueType>> {
    let known = session.statements.get_by(execute.statement)?;
    let types = execute.types(known.placeholders).ok()?;
    (!types.is_empty()).then_some(types)
}

/// Where the client's file stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    /// The sequence id of its next packet.
    sequence: u8,
    /// The packet before it was as long as can be, so that its payload goes on.
    goes_on: bool,
}

impl File {
    /// A file of which nothing has come.
    pub(super) fn new(sequence: u8) -> Self {
        Self { sequence, goes_on: false }
    }

    /// Behind a packet of so many bytes; `None` where that was the end.
    fn behind(self, length: usize) -> Option<Self> {
        // EVASION: an empty packet behind a full one ends a payload, and only an empty payload ends the file; who takes the
        // one for the other waits for answers to a file that goes on (`an_empty_packet_behind_a_full_one_does_not_end_a_file`).
        let ended = length == 0 && !self.goes_on;
        (!ended).then_some(Self { sequence: self.sequence.wrapping_add(1), goes_on: length >= MAX })
    }
}

/// Cuts the next packet of the client's file off.
pub(super) fn split_file(buffer: &mut BytesMut, file: File) -> Result<Option<Frame>, Fault> {
    let Some(header) = packet::header(buffer) else { return Ok(None) };
    if header.sequence != file.sequence {
        return Err(Malformed::Invalid("sequence id").into());
    }
    let length = header.len.saturating_add(HEADER);
    if buffer.len() < length {
        return Ok(None);
    }
    let frame = buffer.split_to(length).freeze();
    Ok(Some(Frame::new(frame)))
}

/// A part of the client's file leaves.
fn sent_file(session: &mut Session, file: File, frame: &Frame) {
    session.file = file.behind(body(frame).len());
    if let (None, Some(exchange)) = (session.file, &mut session.exchange) {
        exchange.stage = Stage::End;
        exchange.sequence = file.sequence.wrapping_add(1);
    }
}

/// What a statement that was just prepared needs.
pub(super) fn prepared(placeholders: u16) -> Statement {
    Statement { placeholders, ..Statement::default() }
}
