//! What the upstream still owes: one entry for each request that was forwarded, oldest first.
//!
//! The server answers requests strictly in order, and after an error in the extended protocol it skips to the next
//! Sync. Keeping the same queue tells which statement an answer belongs to, and which requests will never be answered.
//! Spec: Postgres "Message Flow", "Extended Query" and "Pipelining".

use std::collections::VecDeque;

use bytes::Bytes;
use portcullis_wire::event::{Formats, Named, Ticket};

/// One request whose answer is outstanding.
#[derive(Debug)]
pub(super) enum Expect {
    /// A simple Query: results of any number of statements, then ReadyForQuery.
    Query(Option<Ticket>),
    /// FunctionCall: its result, then ReadyForQuery.
    Call(Option<Ticket>),
    /// ParseComplete, for the statement of this name.
    Parse { ticket: Option<Ticket>, name: Box<[u8]> },
    /// BindComplete.
    Bind { ticket: Option<Ticket>, portal: Box<[u8]>, statement: Box<[u8]>, results: Formats },
    /// RowDescription or NoData. `own`: the gateway asked, the client must not see it.
    Describe { ticket: Option<Ticket>, kind: Named, name: Box<[u8]>, own: bool },
    /// Rows, then CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute { ticket: Option<Ticket>, portal: Box<[u8]> },
    /// CloseComplete.
    Close { ticket: Option<Ticket>, kind: Named, name: Box<[u8]> },
    /// ReadyForQuery.
    Sync { own: bool },
    /// An Execute that must fail, whose error is replaced by this one.
    Refused(Bytes),
    /// A question of the gateway's own; nothing of it reaches the client.
    Ask(Option<Box<str>>),
}

impl Expect {
    /// The statement that this request concerns.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::Query(ticket)
            | Self::Call(ticket)
            | Self::Parse { ticket, .. }
            | Self::Bind { ticket, .. }
            | Self::Describe { ticket, .. }
            | Self::Execute { ticket, .. }
            | Self::Close { ticket, .. } => *ticket,
            Self::Sync { .. } | Self::Refused(_) | Self::Ask(_) => None,
        }
    }

    /// Whether an error in it is followed by ReadyForQuery rather than by skipping to Sync.
    pub(super) fn ends_by_itself(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Call(_) | Self::Sync { .. } | Self::Ask(_))
    }
}

/// Requests outstanding, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue(VecDeque<Expect>);

impl Queue {
    pub(super) fn push(&mut self, expect: Expect) {
        self.0.push_back(expect);
    }

    pub(super) fn front(&self) -> Option<&Expect> {
        self.0.front()
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut Expect> {
        self.0.front_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Expect> {
        let popped = self.0.pop_front();
        // A burst must not keep its memory while the session idles.
        if self.0.is_empty() && self.0.capacity() > 64 {
            self.0 = VecDeque::new();
        }
        popped
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all but the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// Whether a request that the server has not synchronised on is outstanding, with no Sync behind it.
    pub(super) fn lacks_sync(&self) -> bool {
        self.0.back().is_some_and(|last| !last.ends_by_itself())
    }

    /// Drops what the server skips after an error: everything before the next Sync. Returns the last ticket dropped
    /// and whether a Sync was found.
    pub(super) fn skip_to_sync(&mut self) -> (Option<Ticket>, bool) {
        let mut last = None;
        while let Some(front) = self.0.front() {
            if matches!(front, Expect::Sync { .. }) {
                return (last, true);
            }
            last = front.ticket().max(last);
            self.0.pop_front();
        }
        (last, false)
    }

    /// Drops the Syncs that a server reading COPY data ignores: those that were sent behind the COPY itself.
    /// Spec: "COPY Operations": Flush and Sync are ignored during COPY-in.
    pub(super) fn drop_syncs_behind_front(&mut self) {
        let mut index = 0usize;
        self.0.retain(|expect| {
            let keep = index == 0 || !matches!(expect, Expect::Sync { .. });
            index = index.saturating_add(1);
            keep
        });
    }
}
