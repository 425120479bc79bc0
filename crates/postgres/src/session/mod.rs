//! The session between sign-in and the end: what each request expects, what each answer belongs to.
//!
//! ```text
//!              Query / FunctionCall                      ReadyForQuery
//!   settled ─────────────────────────▶ queue not empty ─────────────────▶ settled
//!      │                                      ▲   │
//!      │ Parse Bind Describe Execute Close    │   │ ErrorResponse in an extended request:
//!      ▼                                      │   ▼ the queue is dropped up to the next Sync
//!   group open ───────────── Sync ────────────┘  Skip::Upstream until the client's Sync
//!      │
//!      │ refused here: error to the client now, or an Execute that must fail to the upstream
//!      ▼
//!   Skip::Refused: the client's frames are dropped up to its Sync, as the server would
//! ```
//!
//! The server's rules are in "Message Flow" of its documentation. What is refused after something of the same group or
//! transaction was forwarded must make the upstream fail alike, else earlier statements would commit while the client
//! believes they rolled back; an Execute of a portal that cannot exist does that. It never judges and never waits.

mod answers;
mod columns;
mod expect;
mod long;
mod requests;
mod rows;

use std::ops::Range;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use portcullis_wire::error::{Fault, Malformed};
use portcullis_wire::event::{Column, Gate, Refusal, Request, Ticket, Transaction};
use portcullis_wire::frame::Frame;
use portcullis_wire::limits;
use portcullis_wire::protocol::{Front, Protocol};

use self::columns::Described;
use self::expect::{Expect, Queue};
use self::long::Long;
use crate::backend::{Notice, ReadyForQuery, Severity, TransactionStatus};
use crate::frame::{self, FrameLimits};
use crate::frontend::{self, Target};
use crate::list::TypeIds;

/// Longer upstream messages with bulk values are handed on in pieces, in bytes.
const HOLD: usize = 64 << 10;

/// Room for names that were asked for, kept while nothing is outstanding.
const ASKED: usize = 4;

/// Flush, as it goes to the upstream.
const FLUSH: &[u8] = b"H\0\0\0\x04";

/// Sync, as it goes to the upstream.
const SYNC: &[u8] = b"S\0\0\0\x04";

/// Whose error makes the client's frames meaningless up to its next Sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skip {
    /// Nobody's: frames count.
    Nothing,
    /// The upstream failed a request of this group and skips, and so do we.
    Upstream,
    /// We refused a request of this group.
    Refused,
}

/// The client's half of a COPY from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CopyIn {
    /// None is open.
    None,
    /// The upstream reads data.
    Reading,
    /// The client ended its data; the simple Query that asked for it may go on to ask for more.
    Ended,
}

/// A Postgres session after sign-in.
#[derive(Debug)]
pub struct Session {
    limits: FrameLimits,
    queue: Queue,
    described: Described,
    /// Portals and statements that a Describe was forwarded for; it may not have been answered yet.
    asked: Vec<Box<[u8]>>,
    transaction: Transaction,
    skip: Skip,
    /// Whether anything of the extended protocol was forwarded since the last Sync.
    group_open: bool,
    copy_in: CopyIn,
    /// Syncs that were sent behind a COPY, which it ignores if it lives to read them.
    unread_syncs: usize,
    /// Columns of the result that a simple Query is returning.
    query_columns: Option<Arc<[Column]>>,
    long: Option<Long>,
    /// A name of portals and statements that no client can have made.
    own: Box<str>,
}

impl Session {
    /// A session that stands right after its first ReadyForQuery.
    ///
    /// `statement_limit` bounds a statement's text in bytes; `nonce` is random and makes the name of the portal whose
    /// Execute must fail.
    pub fn new(statement_limit: usize, nonce: u64) -> Self {
        Self {
            limits: FrameLimits::new(statement_limit),
            queue: Queue::default(),
            described: Described::default(),
            asked: Vec::new(),
            transaction: Transaction::Idle,
            skip: Skip::Nothing,
            group_open: false,
            copy_in: CopyIn::None,
            unread_syncs: 0,
            query_columns: None,
            long: None,
            own: format!("portcullis {nonce:016x}").into(),
        }
    }

    /// An Execute of a portal that does not exist: the server's own error aborts what stands open.
    fn poison(&self, to_upstream: &mut BytesMut) {
        frontend::Execute { portal: self.own.as_bytes(), max_rows: 0 }.encode(to_upstream);
    }

    fn status(&self) -> TransactionStatus {
        match self.transaction {
            Transaction::Idle => TransactionStatus::Idle,
            Transaction::Open => TransactionStatus::InTransaction,
            Transaction::Failed => TransactionStatus::Failed,
        }
    }

    fn end_copy_in(&mut self) {
        let by_query = matches!(self.queue.front(), Some(Expect::Query(_)));
        self.copy_in = if by_query { CopyIn::Ended } else { CopyIn::None };
    }

    /// Whether a refusal must make the upstream fail too.
    fn something_stands_open(&self) -> bool {
        self.group_open || self.transaction == Transaction::Open
    }
}

/// A refusal in the protocol's own form.
pub fn put_refusal(refusal: &Refusal, severity: Severity, out: &mut BytesMut) {
    let notice = Notice {
        severity,
        code: std::str::from_utf8(&refusal.sqlstate).unwrap_or("XX000"),
        message: &refusal.message,
        detail: refusal.detail.as_deref(),
        hint: refusal.hint.as_deref(),
        position: refusal.position,
    };
    notice.encode(out);
}

/// What a rewind goes back to: requests forwarded since were never sent.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    queued: usize,
    skip: Skip,
    group_open: bool,
    copy_in: CopyIn,
}

impl Protocol for Session {
    const NAME: &'static str = "postgres";

    type Mark = Mark;

    fn mark(&self) -> Mark {
        let Self { skip, group_open, copy_in, .. } = *self;
        Mark { queued: self.queue.len(), skip, group_open, copy_in }
    }

    fn rewind(&mut self, mark: Mark) {
        self.queue.truncate(mark.queued);
        self.asked.clear();
        (self.skip, self.group_open, self.copy_in) = (mark.skip, mark.group_open, mark.copy_in);
    }

    fn split(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, Fault> {
        if !self.has_room() {
            return Ok(None);
        }
        Ok(frame::split_frontend(buffer, &self.limits)?.map(|frame| Frame::new(frame.bytes)))
    }

    fn has_room(&self) -> bool {
        self.queue.len() < limits::PIPELINE && self.queue.bytes() < limits::CONTROL
    }

    fn read<'f>(&self, frame: &'f Frame) -> Result<Request<'f>, Fault> {
        requests::read(frame.content())
    }

    fn gate(&self, request: &Request<'_>, frame: &Frame) -> Gate {
        requests::gate(self, request, frame.content())
    }

    /// A server that reads COPY data fails at any other message and loses it. CopyFail does the same and is ignored by
    /// one whose COPY has failed already, where the message itself would be run.
    /// Spec: "COPY Operations".
    fn interrupt(&mut self, to_upstream: &mut BytesMut) {
        frontend::CopyFail { reason: b"unexpected message type during COPY from stdin" }.encode(to_upstream);
        self.end_copy_in();
    }

    fn is_drained(&self) -> bool {
        self.queue.is_empty()
    }

    fn forward(&mut self, request: &Request<'_>, frame: &Frame, ticket: Option<Ticket>, before: &mut BytesMut) {
        requests::forward(self, request, frame.content(), ticket, before);
    }

    fn flush(&mut self, to_upstream: &mut BytesMut) {
        if self.queue.lacks_sync() {
            to_upstream.put_slice(FLUSH);
        }
    }

    fn refuse(
        &mut self,
        request: &Request<'_>,
        _frame: &Frame,
        refusal: &Refusal,
        to_upstream: &mut BytesMut,
        to_client: &mut BytesMut,
    ) {
        let mut error = BytesMut::new();
        put_refusal(refusal, Severity::Error, &mut error);
        let alone = matches!(request, Request::Run { .. } | Request::Call { .. });
        match (self.something_stands_open(), alone) {
            (true, alone) => {
                self.poison(to_upstream);
                self.queue.push(Expect::Refused(error.freeze()));
                if alone {
                    to_upstream.put_slice(SYNC);
                    self.queue.push(Expect::Sync { own: false });
                    self.group_open = false;
                } else {
                    self.group_open = true;
                    self.skip = Skip::Refused;
                }
            }
            (false, true) => {
                to_client.put_slice(&error);
                ReadyForQuery { status: self.status() }.encode(to_client);
            }
            (false, false) => {
                to_client.put_slice(&error);
                self.skip = Skip::Refused;
            }
        }
    }

    /// Never called: this protocol has a way of its own to cancel, outside any session.
    fn acknowledge(&mut self, _frame: &Frame, _to_client: &mut BytesMut) {}

    fn answer(&mut self, buffer: &[u8]) -> Result<Front, Fault> {
        answers::answer(self, buffer)
    }

    fn consume(&mut self, bytes: &[u8]) -> Result<bool, Fault> {
        let Some(long) = &mut self.long else { return Ok(true) };
        long.consume(bytes)?;
        let done = long.is_done();
        if done {
            self.long = None;
        }
        Ok(done)
    }

    fn columns(&self) -> Option<Arc<[Column]>> {
        match self.queue.front()? {
            Expect::Execute { portal, .. } => self.described.of_portal(portal),
            _ => self.query_columns.clone(),
        }
    }

    /// Under names of its own: a simple Query would drop the client's unnamed statement and portal.
    fn ask(&mut self, text: &str, to_upstream: &mut BytesMut) {
        let name = self.own.as_bytes();
        let close = |target, out: &mut BytesMut| frontend::Close { target, name }.encode(out);
        // One that was cancelled may have left its statement.
        close(Target::Statement, to_upstream);
        frontend::Parse { statement: name, query: text.as_bytes(), types: TypeIds::default() }.encode(to_upstream);
        frontend::Bind::put_text(to_upstream, name, name, &[]);
        frontend::Execute { portal: name, max_rows: 0 }.encode(to_upstream);
        close(Target::Portal, to_upstream);
        close(Target::Statement, to_upstream);
        to_upstream.put_slice(SYNC);
        self.queue.push(Expect::Ask(None));
    }

    fn may_ask(&self) -> bool {
        self.queue.is_empty() && !self.group_open && self.transaction != Transaction::Failed
    }

    fn cells(
        &self,
        rows: &[u8],
        worth: &mut dyn FnMut(Range<usize>) -> bool,
        visit: &mut dyn FnMut(usize, Range<usize>),
    ) -> Result<(), Malformed> {
        rows::cells(rows, worth, visit)
    }

    fn remarks(&self, message: &[u8], visit: &mut dyn FnMut(Range<usize>)) {
        rows::remarks(message, visit);
    }

    fn transaction(&self) -> Transaction {
        self.transaction
    }

    fn farewell(&self, refusal: &Refusal, out: &mut BytesMut) {
        put_refusal(refusal, Severity::Fatal, out);
    }
}
