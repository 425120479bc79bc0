//! What the upstream still owes: one entry for each request that was forwarded, oldest first.
//!
//! The server answers requests strictly in order, and after an error in the extended protocol it skips to the next
//! Sync. Keeping the same queue tells which statement an answer belongs to, and which requests will never be answered.
//! Spec: Postgres "Message Flow", "Extended Query" and "Pipelining".

use std::collections::VecDeque;

use bytes::Bytes;
use portcullis_wire::event::{Formats, Named, Ticket};
use portcullis_wire::is_same;

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

    fn is_parse(&self) -> bool {
        matches!(self, Self::Parse { .. })
    }

    /// What its name holds, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Parse { name, .. } | Self::Describe { name, .. } | Self::Close { name, .. } => name.len(),
            Self::Bind { portal, statement, .. } => portal.len().saturating_add(statement.len()),
            Self::Execute { portal, .. } => portal.len(),
            Self::Refused(error) => error.len(),
            Self::Query(_) | Self::Call(_) | Self::Sync { .. } | Self::Ask(_) => 0,
        }
    }

    /// Whether an error in it is followed by ReadyForQuery rather than by skipping to Sync.
    pub(super) fn ends_by_itself(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Call(_) | Self::Sync { .. } | Self::Ask(_))
    }
}

/// Requests outstanding, oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    requests: VecDeque<Expect>,
    /// How many of them are Parse.
    parsing: usize,
    /// What their names and errors hold, in bytes.
    bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, expect: Expect) {
        self.parsing = self.parsing.saturating_add(usize::from(expect.is_parse()));
        self.bytes = self.bytes.saturating_add(expect.bytes());
        self.requests.push_back(expect);
    }

    pub(super) fn front(&self) -> Option<&Expect> {
        self.requests.front()
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut Expect> {
        self.requests.front_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Expect> {
        let popped = self.requests.pop_front();
        if let Some(gone) = &popped {
            self.parsing = self.parsing.saturating_sub(usize::from(gone.is_parse()));
            self.bytes = self.bytes.saturating_sub(gone.bytes());
        }
        // A burst must not keep its memory while the session idles.
        if self.requests.is_empty() && self.requests.capacity() > 64 {
            self.requests = VecDeque::new();
        }
        popped
    }

    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// How many bytes names and errors in it hold.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all but the first `count`.
    pub(super) fn truncate(&mut self, count: usize) {
        while self.requests.len() > count
            && let Some(gone) = self.requests.pop_back()
        {
            self.parsing = self.parsing.saturating_sub(usize::from(gone.is_parse()));
            self.bytes = self.bytes.saturating_sub(gone.bytes());
        }
    }

    /// Whether a request that the server has not synchronised on is outstanding, with no Sync behind it.
    pub(super) fn lacks_sync(&self) -> bool {
        self.requests.back().is_some_and(|last| !last.ends_by_itself())
    }

    /// Drops what the server skips after an error: everything before the next Sync. Returns the last ticket dropped
    /// and whether a Sync was found.
    pub(super) fn skip_to_sync(&mut self) -> (Option<Ticket>, bool) {
        let mut last = None;
        while let Some(front) = self.requests.front() {
            if matches!(front, Expect::Sync { .. }) {
                return (last, true);
            }
            last = front.ticket().max(last);
            self.pop();
        }
        (last, false)
    }

    /// Drops the Syncs that a server reading COPY data ignores: those that were sent right behind the COPY itself
    /// (anything else ends the COPY). Returns how many.
    /// Spec: "COPY Operations": Flush and Sync are ignored during COPY-in.
    pub(super) fn drop_syncs_behind_front(&mut self) -> usize {
        let syncs = self.requests.iter().skip(1).take_while(|expect| matches!(expect, Expect::Sync { .. })).count();
        if syncs > 0 {
            self.requests.drain(1..=syncs);
        }
        syncs
    }

    /// Whether a portal of this name is being made.
    pub(super) fn is_binding(&self, name: &[u8]) -> bool {
        self.requests.iter().any(|expect| matches!(expect, Expect::Bind { portal, .. } if is_same(portal, name)))
    }

    /// Whether a statement of this name is being prepared.
    pub(super) fn is_parsing(&self, statement: &[u8]) -> bool {
        self.parsing > 0
            && self.requests.iter().any(|e| matches!(e, Expect::Parse { name, .. } if is_same(name, statement)))
    }
}
