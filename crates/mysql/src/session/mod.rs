//! The session between sign-in and the end: what each command expects, what each packet of the upstream belongs to.
//!
//! ```text
//!            command                 OK, ERR, last EOF
//!   idle ───────────────▶ exchange ─────────────────────▶ idle
//!                          │    ▲
//!                          │    └── MORE_RESULTS: the next answer begins
//!                          ▼
//!     Answer ─▶ Definitions ─▶ DefinitionsEnd ─▶ Rows      (a result set, or an error at any point)
//!     Answer ─▶ File ─▶ End                                (LOCAL INFILE: the client sends, then the upstream answers)
//!     Prepared ─▶ Parameters ─▶ Columns                    (COM_STMT_PREPARE)
//!     Listed                                               (COM_FIELD_LIST)
//!     End                                                  (everything that is answered by one packet)
//! ```
//!
//! The protocol has no pipeline of its own: a command waits until the one before it is answered, so that what it means is
//! known when it is judged. Commands that nobody answers (COM_STMT_CLOSE, COM_STMT_SEND_LONG_DATA) pass in between. Spec:
//! "Command Phase". It never judges and never waits.

mod answers;
mod columns;
mod exchange;
mod long;
mod refusal;
mod requests;
mod rows;
mod statements;

use std::ops::Range;
use std::sync::Arc;

use bytes::BytesMut;
use portcullis_wire::error::{Fault, Malformed};
use portcullis_wire::event::{Column, Gate, Refusal, Request, Ticket, Transaction};
use portcullis_wire::frame::Frame;
use portcullis_wire::protocol::{Front, Protocol};

use self::columns::Columns;
use self::exchange::Exchange;
use self::long::Long;
use self::requests::File;
use self::statements::Statements;
use crate::{Capabilities, Flavour};

pub use self::refusal::refusal_code;
use crate::command::Query;
use crate::packet::{self, CommandLimits};
use crate::response::{OkPacket, Status};

/// A MySQL or MariaDB session after sign-in.
#[derive(Debug)]
pub struct Session {
    agreed: Capabilities,
    limits: CommandLimits,
    statements: Statements,
    exchange: Option<Exchange>,
    /// The sequence id of an answer to what was read last, until it is forwarded or refused; else 0.
    owed: u8,
    /// The columns of the rows that are coming, or that came last.
    columns: Option<Arc<Columns>>,
    transaction: Transaction,
    /// Whether every statement is a transaction of its own, as the server said last.
    autocommit: Status,
    long: Option<Long>,
    /// Where the client's file stands, while it comes.
    file: Option<File>,
}

impl Session {
    /// A session that stands right after the OK of its sign-in.
    ///
    /// `agreed` is what both peers agreed to; `statement_limit` bounds a statement's text in bytes.
    pub fn new(agreed: Capabilities, statement_limit: usize) -> Self {
        Self {
            agreed,
            limits: CommandLimits::new(statement_limit),
            statements: Statements::default(),
            exchange: None,
            owed: 0,
            columns: None,
            transaction: Transaction::Idle,
            autocommit: Status::AUTOCOMMIT,
            long: None,
            file: None,
        }
    }

    /// The same, with a server of this kind. Until it is said, no statement is the last.
    #[must_use]
    pub fn for_server(mut self, flavour: Flavour) -> Self {
        self.statements = Statements::of(flavour);
        self
    }

    /// The sequence id of an error that the gateway sends of itself.
    fn sequence(&self) -> u8 {
        self.exchange.as_ref().map_or(self.owed, |exchange| exchange.sequence)
    }

    /// Cuts a command off. Whatever cannot be one is owed an answer as well: clients drop an error that is out of order.
    fn cut_command(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, Fault> {
        let cut = packet::cut_command(buffer, &self.limits);
        self.owed = match &cut {
            Ok(Some(frame)) => packet::answer_sequence(frame),
            Ok(None) => 0,
            Err(_) => 1,
        };
        cut
    }
}

/// What a rewind goes back to: nothing forwarded since has left.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    idle: bool,
    file: Option<File>,
}

impl Protocol for Session {
    const NAME: &'static str = "mysql";

    type Mark = Mark;

    fn mark(&self) -> Mark {
        Mark { idle: self.exchange.is_none(), file: self.file }
    }

    fn rewind(&mut self, mark: Mark) {
        if mark.idle {
            self.exchange = None;
        }
        self.file = mark.file;
    }

    fn split(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, Fault> {
        match (self.file, &self.exchange) {
            (Some(file), _) => requests::split_file(buffer, file),
            (None, None) => self.cut_command(buffer),
            (None, Some(_)) => Ok(None),
        }
    }

    fn has_room(&self) -> bool {
        self.exchange.is_none() || self.file.is_some()
    }

    fn read<'f>(&self, frame: &'f Frame) -> Result<Request<'f>, Fault> {
        requests::read(self, frame)
    }

    fn gate(&self, request: &Request<'_>, frame: &Frame) -> Gate {
        match (self.file, &self.exchange) {
            (Some(_), _) => Gate::Open,
            (None, Some(_)) => Gate::Wait,
            (None, None) if requests::is_for_nothing(self, request, frame) => Gate::Drop,
            (None, None) => Gate::Open,
        }
    }

    /// Never called: what a client sends while it sends a file is the file.
    fn interrupt(&mut self, _to_upstream: &mut BytesMut) {}

    fn is_drained(&self) -> bool {
        self.exchange.is_none()
    }

    fn forward(&mut self, _request: &Request<'_>, frame: &Frame, ticket: Option<Ticket>, _before: &mut BytesMut) {
        self.owed = 0;
        requests::forward(self, frame, ticket);
    }

    /// Nothing is needed: every command is answered by itself.
    fn flush(&mut self, _to_upstream: &mut BytesMut) {}

    fn refuse(
        &mut self,
        request: &Request<'_>,
        frame: &Frame,
        refusal: &Refusal,
        _to_upstream: &mut BytesMut,
        to_client: &mut BytesMut,
    ) {
        self.owed = 0;
        if matches!(request, Request::Prepare { .. }) {
            self.statements.begin();
        }
        refusal::put(refusal, packet::answer_sequence(frame), to_client);
    }

    fn acknowledge(&mut self, frame: &Frame, to_client: &mut BytesMut) {
        let status = match self.transaction {
            Transaction::Idle => self.autocommit,
            Transaction::Open | Transaction::Failed => self.autocommit.with(Status::IN_TRANSACTION),
        };
        let ok = OkPacket::new(self.agreed, status);
        packet::write(to_client, packet::answer_sequence(frame), |out| ok.encode(out));
    }

    fn answer(&mut self, buffer: &[u8]) -> Result<Front, Fault> {
        answers::answer(self, buffer)
    }

    fn consume(&mut self, bytes: &[u8]) -> Result<bool, Fault> {
        let Some(long) = &mut self.long else { return Ok(true) };
        long.consume(bytes)?;
        if !long.is_done() {
            return Ok(false);
        }
        if let Some(exchange) = &mut self.exchange {
            exchange.sequence = long.sequence();
        }
        self.long = None;
        Ok(true)
    }

    fn columns(&self) -> Option<Arc<[Column]>> {
        self.columns.as_ref().map(|columns| columns.shown.clone())
    }

    fn ask(&mut self, text: &str, to_upstream: &mut BytesMut) {
        let agreed = self.agreed;
        packet::write(to_upstream, 0, |out| Query::put(out, agreed, &[], text.as_bytes()));
        self.exchange = Some(Exchange::asked());
    }

    fn may_ask(&self) -> bool {
        self.exchange.is_none()
    }

    fn cells(
        &self,
        rows: &[u8],
        worth: &mut dyn FnMut(Range<usize>) -> bool,
        visit: &mut dyn FnMut(usize, Range<usize>),
    ) -> Result<(), Malformed> {
        self.columns.as_ref().map_or(Ok(()), |columns| rows::cells(rows, columns, worth, visit))
    }

    fn remarks(&self, message: &[u8], visit: &mut dyn FnMut(Range<usize>)) {
        rows::remarks(message, self.agreed, visit);
    }

    fn undecoded(&self, message: &[u8], visit: &mut dyn FnMut(Range<usize>)) {
        rows::undecoded(message, self.agreed, visit);
    }

    fn transaction(&self) -> Transaction {
        self.transaction
    }

    fn farewell(&self, refusal: &Refusal, out: &mut BytesMut) {
        refusal::put(refusal, self.sequence(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn farewell(session: &Session) -> u8 {
        let refusal = Refusal { sqlstate: *b"08P01", message: String::new(), detail: None, hint: None, position: None };
        let mut out = BytesMut::new();
        session.farewell(&refusal, &mut out);
        packet::header(&out).expect("a packet").sequence
    }

    #[test]
    fn the_error_for_a_broken_command_is_its_answer() {
        for broken in [&b"\x01\0\0\0\xf0"[..], b"\x02\0\0\0\x0ex", b"\x01\0\0\x07\x0e", b"\xff\xff\xff\0\x03"] {
            let mut session = Session::new(Capabilities::default(), 100);
            assert_eq!(farewell(&session), 0);
            let frame = session.split(&mut BytesMut::from(broken));
            assert!(frame.is_err() || frame.is_ok_and(|frame| frame.is_some()), "{broken:?}");
            assert_eq!(farewell(&session), 1, "{broken:?}");
        }
    }

    #[test]
    fn an_error_at_rest_answers_nothing() {
        let mut session = Session::new(Capabilities::default(), 100);
        let mut buffer = BytesMut::from(&b"\x05\0\0\0\x19\x01\0\0\0"[..]);
        let frame = session.split(&mut buffer).expect("a command").expect("whole");
        session.forward(&Request::Continue, &frame, None, &mut BytesMut::new());
        assert_eq!(farewell(&session), 0);
    }
}
