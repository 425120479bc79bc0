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

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use portcullis_wire::error::Fault;
use portcullis_wire::event::{Column, Gate, Refusal, Request, Ticket, Transaction};
use portcullis_wire::limits;
use portcullis_wire::protocol::{Front, Protocol};

use self::columns::Described;
use self::expect::{Expect, Queue};
use self::long::Long;
use crate::backend::{Notice, ReadyForQuery, Severity, TransactionStatus};
use crate::frame::{self, FrameLimits, FrontendTag};

/// Longer upstream messages with bulk values are handed on in pieces, in bytes.
const HOLD: usize = 64 << 10;

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
    copying_in: bool,
    /// Syncs that were sent behind a COPY, which it ignores if it lives to read them.
    unread_syncs: usize,
    /// Columns of the result that a simple Query is returning.
    query_columns: Option<Arc<[Column]>>,
    long: Option<Long>,
    /// A portal name that no client can have made.
    poison: Box<str>,
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
            copying_in: false,
            unread_syncs: 0,
            query_columns: None,
            long: None,
            poison: format!("refused by portcullis {nonce:016x}").into(),
        }
    }

    /// An Execute of a portal that does not exist: the server's own error aborts what stands open.
    fn poison(&self, to_upstream: &mut BytesMut) {
        let length = self.poison.len().saturating_add(4 + 1 + 4);
        to_upstream.put_u8(FrontendTag::Execute.byte());
        to_upstream.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        to_upstream.put_slice(self.poison.as_bytes());
        to_upstream.put_u8(0);
        to_upstream.put_u32(0);
    }

    fn status(&self) -> TransactionStatus {
        match self.transaction {
            Transaction::Idle => TransactionStatus::Idle,
            Transaction::Open => TransactionStatus::InTransaction,
            Transaction::Failed => TransactionStatus::Failed,
        }
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
    copying_in: bool,
}

impl Protocol for Session {
    const NAME: &'static str = "postgres";

    type Mark = Mark;

    fn mark(&self) -> Mark {
        let Self { skip, group_open, copying_in, .. } = *self;
        Mark { queued: self.queue.len(), skip, group_open, copying_in }
    }

    fn rewind(&mut self, mark: Mark) {
        self.queue.truncate(mark.queued);
        self.asked.clear();
        (self.skip, self.group_open, self.copying_in) = (mark.skip, mark.group_open, mark.copying_in);
    }

    fn split(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, Fault> {
        if !self.has_room() {
            return Ok(None);
        }
        Ok(frame::split_frontend(buffer, &self.limits)?.map(|frame| frame.bytes))
    }

    fn has_room(&self) -> bool {
        self.queue.len() < limits::PIPELINE && self.queue.bytes() < limits::CONTROL
    }

    fn read<'f>(&self, frame: &'f [u8]) -> Result<Request<'f>, Fault> {
        requests::read(frame)
    }

    fn gate(&self, request: &Request<'_>, frame: &[u8]) -> Gate {
        requests::gate(self, request, frame)
    }

    fn is_drained(&self) -> bool {
        self.queue.is_empty()
    }

    fn forward(&mut self, request: &Request<'_>, frame: &[u8], ticket: Option<Ticket>, before: &mut BytesMut) {
        requests::forward(self, request, frame, ticket, before);
    }

    fn flush(&mut self, to_upstream: &mut BytesMut) {
        if self.queue.lacks_sync() {
            to_upstream.put_slice(FLUSH);
        }
    }

    fn refuse(
        &mut self,
        request: &Request<'_>,
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

    fn ask(&mut self, text: &str, to_upstream: &mut BytesMut) {
        let length = text.len().saturating_add(4 + 1);
        to_upstream.put_u8(FrontendTag::Query.byte());
        to_upstream.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        to_upstream.put_slice(text.as_bytes());
        to_upstream.put_u8(0);
        self.queue.push(Expect::Ask(None));
    }

    fn may_ask(&self) -> bool {
        self.queue.is_empty() && !self.group_open && self.transaction != Transaction::Failed
    }

    fn cells(rows: &[u8], visit: &mut dyn FnMut(usize, std::ops::Range<usize>)) {
        rows::cells(rows, visit);
    }

    fn remarks(message: &[u8], visit: &mut dyn FnMut(std::ops::Range<usize>)) {
        rows::remarks(message, visit);
    }

    fn transaction(&self) -> Transaction {
        self.transaction
    }

    fn farewell(refusal: &Refusal, out: &mut BytesMut) {
        put_refusal(refusal, Severity::Fatal, out);
    }
}
