//! Requests that were forwarded and are not answered yet, oldest first.

use std::collections::VecDeque;
use std::sync::Arc;

use portcullis_sql::statement::CopyDirection;
use portcullis_wire::event::Ticket;

use crate::judge::Judged;
use crate::path_of::PathOf;

/// What kind of request is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    /// Text that runs at once.
    Run,
    /// A statement being prepared.
    Prepare,
    /// A portal being made.
    Bind,
    /// A portal running.
    Execute,
    /// A function call.
    Call,
    /// A name being dropped.
    Close,
}

/// One request in flight.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) ticket: Ticket,
    pub(super) leg: Leg,
    pub(super) judged: Option<Arc<Judged>>,
    /// The entry of its first statement; the entries of further ones follow it.
    pub(super) sequence: u64,
    /// Which statement of its text is running.
    pub(super) statement: usize,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) hits: u64,
    pub(super) began: u64,
}

impl Flight {
    pub(super) fn new(ticket: Ticket, leg: Leg, judged: Option<Arc<Judged>>, sequence: u64, began: u64) -> Self {
        Self { ticket, leg, judged, sequence, statement: 0, rows: 0, bytes: 0, hits: 0, began }
    }

    /// Whether what follows it has to wait for its outcome.
    pub(super) fn is_barrier(&self) -> bool {
        // What follows a COPY from the client is its data, or must wait until the server has said that it is not.
        let copies =
            |judged: &Judged| judged.statements.iter().any(|statement| statement.copy == Some(CopyDirection::In));
        matches!(self.leg, Leg::Run | Leg::Execute | Leg::Call)
            && self.judged.as_ref().is_none_or(|judged| !judged.barrier.is_none() || copies(judged))
    }

    /// What the statement that is running has its names looked up in.
    pub(super) fn path(&self) -> &PathOf {
        self.judged.as_ref().map_or(&PathOf::Session, |judged| judged.path_of(self.statement))
    }

    /// The entry of the statement that is running.
    pub(super) fn entry(&self) -> u64 {
        self.sequence.saturating_add(self.statement as u64)
    }
}

/// Requests in flight.
#[derive(Debug, Default)]
pub(super) struct Flights(VecDeque<Flight>);

impl Flights {
    pub(super) fn push(&mut self, flight: Flight) {
        self.0.push_back(flight);
    }

    /// The request of this ticket; older ones were passed over by the upstream and are gone.
    pub(super) fn at(&mut self, ticket: Ticket) -> Option<&mut Flight> {
        while self.0.front().is_some_and(|front| front.ticket < ticket) {
            self.0.pop_front();
        }
        self.0.front_mut().filter(|front| front.ticket == ticket)
    }

    /// Takes the request of this ticket out.
    pub(super) fn land(&mut self, ticket: Ticket) -> Option<Flight> {
        self.at(ticket)?;
        let landed = self.0.pop_front();
        if self.0.is_empty() && self.0.capacity() > 64 {
            self.0 = VecDeque::new();
        }
        landed
    }

    /// Takes out everything up to `last`.
    pub(super) fn skip(&mut self, last: Ticket) -> Vec<Flight> {
        let mut skipped = Vec::new();
        while self.0.front().is_some_and(|front| front.ticket <= last) {
            skipped.extend(self.0.pop_front());
        }
        skipped
    }

    /// Forgets everything from `first` on.
    pub(super) fn abandon(&mut self, first: Ticket) {
        self.0.retain(|flight| flight.ticket < first);
    }

    /// Takes out all.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Flight> + '_ {
        self.0.drain(..)
    }

    pub(super) fn has_barrier(&self) -> bool {
        self.0.iter().any(Flight::is_barrier)
    }
}
