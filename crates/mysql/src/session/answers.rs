//! The upstream's half: what each packet means, which command it answers, and what of it the client sees.

use std::collections::VecDeque;

use bytes::BytesMut;
use portcullis_wire::error::{Fault, Malformed, Unexpected};
use portcullis_wire::event::{Answer, Ticket, Transaction};
use portcullis_wire::limits;
use portcullis_wire::protocol::{Delivery, Front, Reply};

use super::columns::Columns;
use super::exchange::{Again, Exchange, RowForm, Stage, Whose};
use super::{Long, Session, requests, rows, statements};
use crate::Capabilities;
use crate::packet::{self, HEADER, Header, MAX};
use crate::response::{
    self, ColumnCount, ColumnDefinition, EofPacket, ErrPacket, Metadata, OkPacket, OkTail, PrepareOk, ProgressReport,
    StateChange, Status,
};

/// Longer rows are handed on in pieces, in bytes.
pub(super) const HOLD: usize = 64 << 10;

/// What stands at the front of `buffer`.
pub(super) fn answer(session: &mut Session, buffer: &[u8]) -> Result<Front, Fault> {
    if let Some(long) = &session.long {
        return long.front(buffer);
    }
    let Some(header) = packet::header(buffer) else { return Ok(Front::Short(HEADER)) };
    let Some(mut exchange) = session.exchange.take() else { return unasked(header, buffer) };
    if matches!(exchange.stage, Stage::Again(_)) {
        return Ok(again(session, exchange));
    }
    if header.sequence != exchange.sequence {
        return Err(Malformed::Invalid("sequence id").into());
    }
    let rows = exchange.stage == Stage::Rows;
    let first = buffer.get(HEADER).copied();
    if rows && first.is_some_and(|first| !ends_rows(first, header, session.agreed)) {
        return run(session, exchange, header, buffer);
    }
    // The first byte tells a row from its end.
    if rows && first.is_none() && header.len > 0 {
        session.exchange = Some(exchange);
        return Ok(Front::Short(1));
    }
    let length = header.len.saturating_add(HEADER);
    if header.len >= MAX || length > limits::CONTROL {
        return Err(Fault::OverLimit { length: length as u64, limit: limits::CONTROL as u64 });
    }
    let Some(message) = buffer.get(..length) else {
        session.exchange = Some(exchange);
        return Ok(Front::Short(length.saturating_sub(buffer.len())));
    };
    exchange.sequence = exchange.sequence.wrapping_add(1);
    one(session, exchange, message)
}

/// Whether a packet among rows is not one.
///
/// A row's first cell may begin with 0xFE too, where its length takes eight bytes: then the packet is as long as can be.
fn ends_rows(first: u8, header: Header, agreed: Capabilities) -> bool {
    let longest = if agreed.has(Capabilities::DEPRECATE_EOF) { MAX } else { 9 };
    first == 0xff || (first == 0xfe && header.len < longest)
}

/// A server says something of itself only before it closes: it was stopped, or the connection was killed.
fn unasked(header: Header, buffer: &[u8]) -> Result<Front, Fault> {
    let length = header.len.saturating_add(HEADER);
    if length > limits::CONTROL {
        return Err(Fault::OverLimit { length: length as u64, limit: limits::CONTROL as u64 });
    }
    let Some(message) = buffer.get(..length) else { return Ok(Front::Short(length.saturating_sub(buffer.len()))) };
    let error =
        ErrPacket::decode(message.get(HEADER..).unwrap_or_default()).map_err(|_| Unexpected("answer to nothing"))?;
    let answer = Answer::Failed { sqlstate: error.state.unwrap_or(*b"HY000"), fatal: true, skipped: None };
    Ok(Front::Whole(Reply { length, answer, ticket: None, delivery: Delivery::Deliver }))
}

/// The next meaning of the packet at the front.
fn once_more(again: &mut Again, ticket: Option<Ticket>, ours: bool) -> (Reply, Option<Option<Stage>>) {
    let answer = again.meanings.pop_front().unwrap_or(Answer::Other);
    let last = again.meanings.is_empty();
    let length = if last { again.length } else { 0 };
    let delivery = if ours { Delivery::Swallow } else { Delivery::Deliver };
    let next = last.then(|| again.next.take());
    (Reply { length, answer, ticket, delivery }, next)
}

/// Rows in one go, or the start of one that is too long to be held.
fn run(session: &mut Session, mut exchange: Exchange, header: Header, buffer: &[u8]) -> Result<Front, Fault> {
    let ours = exchange.is_ours();
    let most = if ours { limits::CONTROL } else { HOLD };
    let columns = session.columns.clone().ok_or(Unexpected("a row without columns"))?;
    if header.len > most || header.len == MAX {
        if ours {
            return Err(Fault::OverLimit { length: header.len as u64, limit: most as u64 });
        }
        let long = Long::new(exchange.sequence, columns, exchange.ticket());
        session.exchange = Some(exchange);
        return session.long.insert(long).front(buffer);
    }
    let run = rows::run(buffer, exchange.sequence, most, session.agreed)?;
    exchange.sequence = exchange.sequence.wrapping_add(run.packets);
    let (ticket, mut delivery, mut answer) = (exchange.ticket(), Delivery::Deliver, Answer::Rows(run.count));
    if let Whose::Ours(told) = &mut exchange.whose {
        let rows = buffer.get(..run.length).unwrap_or_default();
        if told.is_none() {
            *told = rows::first_value(rows, &columns);
        }
        (delivery, answer) = (Delivery::Swallow, Answer::Other);
    }
    session.exchange = Some(exchange);
    if run.length == 0 {
        return Ok(Front::Short(1));
    }
    Ok(Front::Whole(Reply { length: run.length, answer, ticket, delivery }))
}

/// One packet that is no row.
fn one(session: &mut Session, exchange: Exchange, message: &[u8]) -> Result<Front, Fault> {
    let body = message.get(HEADER..).unwrap_or_default();
    let length = message.len();
    match (body.first(), &exchange.stage) {
        // Nothing but a failure begins so, a line of statistics aside.
        (Some(0xff), stage) if *stage != Stage::Line => failed(session, exchange, length, body),
        (_, Stage::Answer) => first(session, exchange, length, body),
        (_, Stage::Definitions(left)) => {
            let left = *left;
            defined(session, exchange, length, body, left)
        }
        (_, Stage::DefinitionsEnd) => definitions_end(session, exchange, length, EofPacket::decode(body)?.status),
        (_, Stage::Rows) => {
            let end = End::decode(body, session.agreed)?;
            Ok(ended(session, exchange, length, &end, None))
        }
        (_, Stage::Prepared) => prepared(session, exchange, length, body),
        (_, Stage::Described { .. }) => described(session, exchange, length, body),
        (_, Stage::Listed) => listed(session, exchange, length, body),
        (_, Stage::Line) => Ok(done(session, exchange, length, VecDeque::from([Answer::Ready(session.transaction)]))),
        (_, Stage::End) => {
            let end = End::decode(body, session.agreed)?;
            Ok(ended(session, exchange, length, &end, Some(end.affected)))
        }
        (_, Stage::File | Stage::Again(_)) => Err(Unexpected("an answer before the client's file ended").into()),
    }
}

/// What ends rows, or is the whole of an answer.
struct End {
    affected: u64,
    status: Status,
    changes: Vec<Answer>,
}

impl End {
    fn decode(body: &[u8], agreed: Capabilities) -> Result<Self, Malformed> {
        if body.first() == Some(&0xfe) && !agreed.has(Capabilities::DEPRECATE_EOF) {
            return Ok(Self { affected: 0, status: EofPacket::decode(body)?.status, changes: Vec::new() });
        }
        Ok(Self::of(&OkPacket::decode(body, agreed)?))
    }

    fn of(ok: &OkPacket<'_>) -> Self {
        let changes = match ok.tail {
            OkTail::State(_, state) => state.changes().flat_map(settings).collect(),
            _ => Vec::new(),
        };
        Self { affected: ok.affected_rows, status: ok.status, changes }
    }
}

/// What a tracker says of settings that give text and names their meaning.
fn settings(change: StateChange<'_>) -> Vec<Answer> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned().into_boxed_str();
    match change {
        StateChange::Variables(pairs) => {
            pairs.iter().map(|(name, value)| Answer::Setting { name: text(name), value: text(value) }).collect()
        }
        StateChange::Schema(schema) => vec![Answer::Setting { name: "schema".into(), value: text(schema) }],
        _ => Vec::new(),
    }
}

/// The codes of failures that do not say what was read: wrong arguments, not for prepared statements, a malformed packet.
///
/// EVASION: at each of these a server keeps some or all types of the execution before, and values sent ahead; the next one
/// that names no types would run as something else than it was judged and recorded as
/// (`types_of_an_execution_that_was_not_read_hold_no_more`).
const UNREAD: [u16; 3] = [1210, 1295, 1835];

/// ERR ends an exchange, whatever it stood at.
fn failed(session: &mut Session, mut exchange: Exchange, length: usize, body: &[u8]) -> Result<Front, Fault> {
    // How far a statement is, which may come before any packet that answers it.
    if ProgressReport::is_one(body) && session.agreed.has(Capabilities::PROGRESS) {
        ProgressReport::decode(body)?;
        let delivery = if exchange.is_ours() { Delivery::Swallow } else { Delivery::Deliver };
        let ticket = exchange.ticket();
        session.exchange = Some(exchange);
        return Ok(Front::Whole(Reply { length, answer: Answer::Remark, ticket, delivery }));
    }
    let error = ErrPacket::decode(body)?;
    session.failed_to_run(&mut exchange, error.code);
    // EVASION: what comes behind an error in place of a file is no part of one (`what_follows_an_error_in_place_of_a_file_is_a_command`).
    session.file = None;
    let sqlstate = error.state.unwrap_or(*b"HY000");
    let ticket = exchange.ticket();
    Ok(Front::Whole(match exchange.whose {
        Whose::Ours(told) => Reply { length, answer: Answer::Told(told), ticket, delivery: Delivery::Swallow },
        Whose::Client(_) => {
            let answer = Answer::Failed { sqlstate, fatal: false, skipped: None };
            Reply { length, answer, ticket, delivery: Delivery::Deliver }
        }
    }))
}

/// The first packet of an answer to a statement.
fn first(session: &mut Session, mut exchange: Exchange, length: usize, body: &[u8]) -> Result<Front, Fault> {
    session.took_types(&mut exchange);
    match response::Answer::decode(body, session.agreed)? {
        response::Answer::Ok(ok) => Ok(ended(session, exchange, length, &End::of(&ok), Some(ok.affected_rows))),
        response::Answer::Columns(count) => {
            exchange.has_columns = true;
            match count.metadata {
                Metadata::Always | Metadata::Follows => exchange.stage = Stage::Definitions(count.columns),
                Metadata::Absent => return Ok(undescribed(session, exchange, length, count.columns)),
            }
            Ok(session.on(exchange, length, Answer::Describing))
        }
        response::Answer::LocalInfile(_) if !exchange.is_ours() => {
            session.file = Some(requests::File::new(exchange.sequence));
            exchange.stage = Stage::File;
            Ok(session.on(exchange, length, Answer::WantsData))
        }
        _ => Err(Unexpected("answer to a statement").into()),
    }
}

/// A result of columns that the client knows. The record shows them with the result all the same.
fn undescribed(session: &mut Session, mut exchange: Exchange, length: usize, count: u16) -> Front {
    session.columns = cached(session, &exchange, count);
    let next = after_definitions(session.agreed);
    let mut meanings = described_before(session, &exchange, count);
    if meanings.is_empty() {
        exchange.stage = next;
        return session.on(exchange, length, Answer::Describing);
    }
    meanings.push_back(Answer::Other);
    exchange.stage = Stage::Again(Box::new(Again { length, meanings, next: Some(next) }));
    again(session, exchange)
}

/// The count and the definitions as they would have come. All have the number of the count, as they had none of their own.
fn described_before(session: &Session, exchange: &Exchange, count: u16) -> VecDeque<Answer> {
    let known = exchange.statement.and_then(|id| session.statements.get(id));
    let Some(known) = known.filter(|known| known.definitions.len() == usize::from(count)) else {
        return VecDeque::new();
    };
    let number = exchange.sequence.wrapping_sub(1);
    let message = |body: &dyn Fn(&mut BytesMut)| {
        let mut out = BytesMut::new();
        packet::write(&mut out, number, body);
        Answer::Described(out.freeze())
    };
    let count = ColumnCount { columns: count, metadata: Metadata::Follows };
    let definitions = known.definitions.iter().map(|body| message(&|out| out.extend_from_slice(body)));
    std::iter::once(message(&|out| count.encode(out))).chain(definitions).collect()
}

/// The columns that were described when the statement was prepared, if they are that many.
///
/// EVASION: MySQL leaves the definitions out whatever became of the columns since, so that a text is read as numbers
/// (test `what_was_described_once_is_not_believed_of_mysql`).
fn cached(session: &mut Session, exchange: &Exchange, count: u16) -> Option<std::sync::Arc<Columns>> {
    let doubted = session.agreed.has(Capabilities::OPTIONAL_RESULTSET_METADATA);
    if doubted && exchange.form == RowForm::Text {
        return Some(Columns::untold(count));
    }
    let id = exchange.statement?;
    let known = session.statements.get(id)?.columns.clone();
    let known = known.filter(|columns| columns.types.len() == usize::from(count))?;
    if !doubted {
        return Some(known);
    }
    // Of the rows that are fetched later too.
    let columns = known.doubted();
    session.statements.describe(id, Some(columns.clone()), [].into());
    Some(columns)
}

fn after_definitions(agreed: Capabilities) -> Stage {
    if agreed.has(Capabilities::DEPRECATE_EOF) { Stage::Rows } else { Stage::DefinitionsEnd }
}

/// A definition of a result's column.
fn defined(
    session: &mut Session,
    mut exchange: Exchange,
    length: usize,
    body: &[u8],
    left: u16,
) -> Result<Front, Fault> {
    let definition = ColumnDefinition::decode(body, session.agreed)?;
    let form = exchange.form;
    exchange.defined.push(&definition, body.len(), form)?;
    if exchange.statement.is_some() && session.agreed.has(Capabilities::CACHE_METADATA) {
        exchange.defined.keep(body);
    }
    if left > 1 {
        exchange.stage = Stage::Definitions(left.saturating_sub(1));
        return Ok(session.on(exchange, length, Answer::Describing));
    }
    let columns = exchange.defined.take(form);
    if let Some(id) = exchange.statement {
        session.statements.describe(id, Some(columns.clone()), exchange.defined.take_bodies());
    }
    let shown = columns.shown.clone();
    session.columns = Some(columns);
    exchange.stage = after_definitions(session.agreed);
    Ok(session.on(exchange, length, Answer::Columns(Some(shown))))
}

/// The EOF behind definitions. With a cursor there are no rows: they are fetched.
fn definitions_end(
    session: &mut Session,
    mut exchange: Exchange,
    length: usize,
    status: Status,
) -> Result<Front, Fault> {
    if exchange.leaves_rows(status) {
        let end = End { affected: 0, status, changes: Vec::new() };
        return Ok(ended(session, exchange, length, &end, None));
    }
    exchange.stage = Stage::Rows;
    Ok(session.on(exchange, length, Answer::Other))
}

/// A statement ended, and with the last of them the exchange.
fn ended(session: &mut Session, mut exchange: Exchange, length: usize, end: &End, affected: Option<u64>) -> Front {
    let open = end.status.has(Status::IN_TRANSACTION);
    session.transaction = if open { Transaction::Open } else { Transaction::Idle };
    let autocommit = end.status.has(Status::AUTOCOMMIT);
    session.autocommit = if autocommit { Status::AUTOCOMMIT } else { Status::default() };
    if exchange.resets {
        session.statements.clear();
    }
    if let Some(id) = exchange.forgets.take() {
        session.statements.forget_long_data(id);
    }
    if let Whose::Ours(told) = &mut exchange.whose {
        let told = told.take();
        if end.status.has(Status::MORE_RESULTS) {
            exchange.stage = Stage::Answer;
            return session.on(exchange, length, Answer::Other);
        }
        return Front::Whole(Reply { length, answer: Answer::Told(told), ticket: None, delivery: Delivery::Swallow });
    }
    let mut meanings: VecDeque<Answer> = end.changes.iter().cloned().collect();
    let suspended = exchange.leaves_rows(end.status) && !end.status.has(Status::LAST_ROW_SENT);
    let rows = if std::mem::take(&mut exchange.has_columns) { None } else { affected };
    meanings.push_back(match (suspended, rows) {
        (true, _) => Answer::Suspended,
        (false, None) if end.status.has(Status::MORE_RESULTS) => Answer::Result,
        (false, rows) => Answer::Complete { rows, tag: "".into() },
    });
    if end.status.has(Status::MORE_RESULTS) {
        exchange.stage = Stage::Again(Box::new(Again { length, meanings, next: Some(Stage::Answer) }));
        return again(session, exchange);
    }
    meanings.push_back(Answer::Ready(session.transaction));
    done(session, exchange, length, meanings)
}

/// The exchange is over once its last packet has had all its meanings.
fn done(session: &mut Session, mut exchange: Exchange, length: usize, meanings: VecDeque<Answer>) -> Front {
    if exchange.ticket().is_none() {
        // No statement: only that the client may go on counts.
        let meanings = meanings.into_iter().filter(|meaning| !matches!(meaning, Answer::Complete { .. })).collect();
        exchange.stage = Stage::Again(Box::new(Again { length, meanings, next: None }));
    } else {
        exchange.stage = Stage::Again(Box::new(Again { length, meanings, next: None }));
    }
    again(session, exchange)
}

fn again(session: &mut Session, mut exchange: Exchange) -> Front {
    let (ticket, ours) = (exchange.ticket(), exchange.is_ours());
    let reply = match &mut exchange.stage {
        Stage::Again(again) => once_more(again, ticket, ours),
        _ => return session.on(exchange, 0, Answer::Other),
    };
    session.keep(exchange, reply)
}

/// The OK of COM_STMT_PREPARE.
fn prepared(session: &mut Session, mut exchange: Exchange, length: usize, body: &[u8]) -> Result<Front, Fault> {
    let ok = PrepareOk::decode(body, session.agreed)?;
    session.statements.insert(ok.statement, requests::prepared(ok.placeholders));
    exchange.preparing = Some(ok.statement);
    let described = ok.metadata != Metadata::Absent;
    let stage = match (ok.placeholders, ok.columns) {
        _ if !described => None,
        (0, 0) => None,
        (0, columns) => Some(Stage::Described { left: columns, then: None }),
        (placeholders, 0) => Some(Stage::Described { left: placeholders, then: None }),
        (placeholders, columns) => Some(Stage::Described { left: placeholders, then: Some(columns) }),
    };
    exchange.describes_columns = ok.placeholders == 0;
    exchange.form = RowForm::Binary;
    match stage {
        Some(stage) => {
            exchange.stage = stage;
            Ok(session.on(exchange, length, Answer::Other))
        }
        None => Ok(prepared_at_last(session, exchange, length)),
    }
}

fn prepared_at_last(session: &mut Session, exchange: Exchange, length: usize) -> Front {
    let name = exchange.preparing.map(|id| statements::name(id).into_boxed_slice());
    let meanings = VecDeque::from([Answer::Prepared(name), Answer::Ready(session.transaction)]);
    done(session, exchange, length, meanings)
}

/// A definition of a prepared statement, or the EOF behind a list of them.
fn described(session: &mut Session, mut exchange: Exchange, length: usize, body: &[u8]) -> Result<Front, Fault> {
    let Stage::Described { left, then } = exchange.stage else { return Err(Unexpected("definition").into()) };
    if left > 0 {
        let definition = ColumnDefinition::decode(body, session.agreed)?;
        if exchange.describes_columns {
            exchange.defined.push(&definition, body.len(), RowForm::Binary)?;
            if session.agreed.has(Capabilities::CACHE_METADATA) {
                exchange.defined.keep(body);
            }
        }
    } else {
        EofPacket::decode(body)?;
    }
    let left = left.saturating_sub(1);
    let eof = !session.agreed.has(Capabilities::DEPRECATE_EOF);
    // Behind the last definition comes an EOF, where EOFs come at all; it is what has `left` 0 when it arrives.
    let was_eof = matches!(exchange.stage, Stage::Described { left: 0, .. });
    match (left, then) {
        (0, _) if eof && !was_eof => exchange.stage = Stage::Described { left: 0, then },
        (0, Some(columns)) => {
            exchange.describes_columns = true;
            exchange.stage = Stage::Described { left: columns, then: None };
        }
        (0, None) => {
            let columns = exchange.defined.take(RowForm::Binary);
            if let Some(id) = exchange.preparing {
                let columns = (!columns.types.is_empty()).then_some(columns);
                session.statements.describe(id, columns, exchange.defined.take_bodies());
            }
            return Ok(prepared_at_last(session, exchange, length));
        }
        (left, then) => exchange.stage = Stage::Described { left, then },
    }
    Ok(session.on(exchange, length, if was_eof { Answer::Other } else { Answer::Remark }))
}

/// A column of COM_FIELD_LIST with its default, or the EOF behind the last.
fn listed(session: &mut Session, exchange: Exchange, length: usize, body: &[u8]) -> Result<Front, Fault> {
    if body.first() == Some(&0xfe) && body.len() < 9 {
        let end = End::decode(body, session.agreed)?;
        return Ok(ended(session, exchange, length, &end, None));
    }
    ColumnDefinition::decode_listed(body, session.agreed)?;
    Ok(session.on(exchange, length, Answer::Remark))
}

impl Session {
    /// The exchange goes on behind this packet.
    fn on(&mut self, exchange: Exchange, length: usize, answer: Answer) -> Front {
        let (ticket, ours) = (exchange.ticket(), exchange.is_ours());
        self.exchange = Some(exchange);
        let delivery = if ours { Delivery::Swallow } else { Delivery::Deliver };
        let answer = if ours { Answer::Other } else { answer };
        Front::Whole(Reply { length, answer, ticket, delivery })
    }

    /// The exchange stays as long as its packet has more meanings, or another answer follows.
    fn keep(&mut self, mut exchange: Exchange, (reply, next): (Reply, Option<Option<Stage>>)) -> Front {
        match next {
            None => self.exchange = Some(exchange),
            Some(Some(stage)) => {
                exchange.stage = stage;
                self.exchange = Some(exchange);
            }
            Some(None) => {}
        }
        Front::Whole(reply)
    }

    /// An execution failed, which the upstream may not have read.
    fn failed_to_run(&mut self, exchange: &mut Exchange, code: u16) {
        if !UNREAD.contains(&code) {
            return self.took_types(exchange);
        }
        let Some(id) = exchange.statement else { return };
        if let (Some(_), Some(known)) = (exchange.types.take(), self.statements.get_mut(id)) {
            known.types = Vec::new();
        }
        self.statements.doubt_long_data(id);
    }

    /// The upstream has read an execution: its types hold from now on, and values sent ahead are used up.
    fn took_types(&mut self, exchange: &mut Exchange) {
        let Some(id) = exchange.statement else { return };
        if let (Some(types), Some(known)) = (exchange.types.take(), self.statements.get_mut(id)) {
            known.types = types;
        }
        self.statements.forget_long_data(id);
    }
}
