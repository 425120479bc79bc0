//! The upstream's half: answers are matched to their statements, searched, counted and recorded.

use std::sync::Arc;

use portcullis_recording as recording;
use portcullis_recording::OutcomeState;
use portcullis_sql::dialect::Dialect;
use portcullis_sql::session::SessionChange;
use portcullis_sql::statement::{Barrier, CopyDirection, Statement};
use portcullis_wire::event::{Answer, Column, Ticket, Transaction};
use portcullis_wire::protocol::{Piece, Reply};
use portcullis_wire::{Fault, Protocol, Unexpected};

use super::Inspector;
use super::flights::{Flight, Leg};
use crate::judge::Judged;
use crate::names::{Bound, Prepared};
use crate::path_of::PathOf;

impl Inspector {
    /// An answer of the upstream, in `bytes`, before it goes on. What detectors find in it is overwritten.
    ///
    /// # Errors
    /// It asks the client for data that no statement of the client's was to send, or what may hold a secret could not be
    /// taken apart. The session must be closed.
    pub fn handle_reply<P: Protocol>(
        &mut self,
        codec: &P,
        reply: &Reply,
        bytes: &mut [u8],
        now: u64,
    ) -> Result<(), Fault> {
        match &reply.answer {
            Answer::Rows(count) => self.rows(codec, reply.ticket, *count, bytes, now)?,
            Answer::Data => self.data(codec, reply.ticket, bytes, now)?,
            Answer::Columns(_) | Answer::Describing => {
                // EVASION: where a column's name is its expression's text, a value may stand there.
                if self.masking.is_on() {
                    self.remark(codec, reply.ticket, bytes);
                }
                self.keep(reply.ticket, bytes, now);
            }
            Answer::Described(message) => self.described(codec, reply.ticket, message, now),
            Answer::Remark => self.remark(codec, reply.ticket, bytes),
            Answer::Failed { sqlstate, skipped, .. } => {
                self.remark(codec, reply.ticket, bytes);
                self.keep(reply.ticket, bytes, now);
                self.failed(reply.ticket, sqlstate, *skipped, now);
            }
            // EVASION: what ends one of several results may say things of its own (test
            // `what_a_server_says_between_results_is_searched`).
            Answer::Complete { rows, tag } => {
                self.remark(codec, reply.ticket, bytes);
                self.complete(reply.ticket, *rows, tag, now);
            }
            Answer::Result => {
                self.remark(codec, reply.ticket, bytes);
                self.result(reply.ticket, now);
            }
            Answer::Suspended => {
                self.remark(codec, reply.ticket, bytes);
                self.suspended(reply.ticket, now);
            }
            Answer::Prepared(_) | Answer::Bound | Answer::Closed => {
                if let Some(ticket) = reply.ticket {
                    self.names.confirm(ticket);
                    self.flights.land(ticket);
                }
                if let Answer::Prepared(Some(name)) = &reply.answer {
                    self.names.named(name);
                }
            }
            Answer::Ready(transaction) => {
                self.remark(codec, reply.ticket, bytes);
                self.ready(reply.ticket, *transaction, now);
            }
            Answer::Setting { name, value } => {
                if self.masking.is_on() {
                    self.remark(codec, reply.ticket, bytes);
                }
                let dialect = self.world.dialect.clone();
                let flight = reply.ticket.and_then(|ticket| self.flights.at(ticket));
                let path = flight.map_or(PathOf::Session, |flight| flight.path().clone());
                self.settings.report_in(&path, name, value, &*dialect);
                self.follow();
            }
            Answer::Told(told) => {
                self.handle_told(told.as_deref());
                self.follow();
            }
            Answer::WantsData => self.wants_data(reply.ticket)?,
            Answer::Other => {}
        }
        Ok(())
    }

    /// EVASION: a server that asks for the client's files in answer to any statement
    /// (test `a_file_is_asked_for_only_by_the_statement_that_loads_it`).
    fn wants_data(&mut self, ticket: Option<Ticket>) -> Result<(), Unexpected> {
        let flight = ticket.and_then(|ticket| self.flights.at(ticket));
        let index = flight.as_ref().map_or(0, |flight| flight.statement);
        let judged = flight.and_then(|flight| flight.judged.clone());
        let copies = |judged: &Judged| match judged.statements.get(index) {
            Some(statement) => statement.copy == Some(CopyDirection::In) || statement.is_opaque() || calls(statement),
            // Nothing is known of it, and policy let it pass all the same.
            None => judged.statements.is_empty(),
        };
        if judged.is_some_and(|judged| copies(&judged)) { Ok(()) } else { Err(Unexpected("a request for data")) }
    }

    /// A piece of a long value. Returns how many of its bytes are final and may leave.
    pub fn handle_piece(
        &mut self,
        piece: &Piece,
        bytes: &mut [u8],
        columns: Option<&[Column]>,
        copy: bool,
        now: u64,
    ) -> usize {
        let (done, hits) = match (piece.column, &piece.gap) {
            (Some(column), None) => self.masking.piece(bytes, column, columns, copy, piece.last),
            (Some(column), Some(gap)) => self.across(gap, bytes, column, columns, piece.last),
            (None, _) => (bytes.len(), 0),
        };
        let sent = bytes.get(..done).unwrap_or_default();
        self.count(piece.ticket, 0, sent.len() as u64, hits, now);
        self.keep(piece.ticket, sent, now);
        done
    }

    /// A piece of a value that the protocol cut: what lies in the gap is put before the piece while it is searched.
    fn across(
        &mut self,
        gap: &std::ops::Range<usize>,
        bytes: &mut [u8],
        column: usize,
        columns: Option<&[Column]>,
        last: bool,
    ) -> (usize, u64) {
        let Some(front) = bytes.get_mut(..gap.end) else { return (0, 0) };
        front.rotate_right(gap.len());
        let value = bytes.get_mut(gap.len()..).unwrap_or_default();
        let (done, hits) = self.masking.piece(value, column, columns, false, last);
        if let Some(front) = bytes.get_mut(..gap.end) {
            front.rotate_left(gap.len());
        }
        (if done > gap.start { done.saturating_add(gap.len()) } else { done }, hits)
    }

    /// A long row ended.
    pub fn handle_long_row(&mut self, ticket: Option<Ticket>, now: u64) {
        self.count(ticket, 1, 0, 0, now);
    }

    fn rows<P: Protocol>(
        &mut self,
        codec: &P,
        ticket: Option<Ticket>,
        count: u64,
        bytes: &mut [u8],
        now: u64,
    ) -> Result<(), Fault> {
        let hits = self.masking.rows(codec, bytes, codec.columns().as_deref())?;
        self.count(ticket, count, bytes.len() as u64, hits, now);
        self.keep(ticket, bytes, now);
        Ok(())
    }

    fn data<P: Protocol>(
        &mut self,
        codec: &P,
        ticket: Option<Ticket>,
        bytes: &mut [u8],
        now: u64,
    ) -> Result<(), Fault> {
        let hits = self.masking.data(codec, bytes)?;
        self.count(ticket, 0, bytes.len() as u64, hits, now);
        self.keep(ticket, bytes, now);
        Ok(())
    }

    fn remark<P: Protocol>(&mut self, codec: &P, ticket: Option<Ticket>, bytes: &mut [u8]) {
        let hits = self.masking.remark(codec, bytes);
        self.totals.masked = self.totals.masked.saturating_add(hits);
        if let Some(flight) = ticket.and_then(|ticket| self.flights.at(ticket)) {
            flight.hits = flight.hits.saturating_add(hits);
        }
    }

    /// Records what describes rows and does not come with them. The client had it masked, and counted, when it came.
    fn described<P: Protocol>(&mut self, codec: &P, ticket: Option<Ticket>, message: &[u8], now: u64) {
        if !self.masking.is_on() {
            return self.keep(ticket, message, now);
        }
        let mut masked = message.to_vec();
        self.masking.remark(codec, &mut masked);
        self.keep(ticket, &masked, now);
    }

    fn count(&mut self, ticket: Option<Ticket>, rows: u64, bytes: u64, hits: u64, now: u64) {
        self.totals.rows = self.totals.rows.saturating_add(rows);
        self.totals.bytes = self.totals.bytes.saturating_add(bytes);
        self.totals.masked = self.totals.masked.saturating_add(hits);
        self.facts.budget.add(rows, bytes, now);
        if let Some(flight) = ticket.and_then(|ticket| self.flights.at(ticket)) {
            flight.rows = flight.rows.saturating_add(rows);
            flight.bytes = flight.bytes.saturating_add(bytes);
            flight.hits = flight.hits.saturating_add(hits);
        }
    }

    /// Records result bytes as the client sees them.
    fn keep(&mut self, ticket: Option<Ticket>, bytes: &[u8], now: u64) {
        if let Some(flight) = ticket.and_then(|ticket| self.flights.at(ticket)) {
            let entry = flight.entry();
            self.recorder.result(entry, bytes, now);
        }
    }

    /// A result ended. A procedure gives any number of them before it ends itself.
    fn result(&mut self, ticket: Option<Ticket>, now: u64) {
        let flight = ticket.and_then(|ticket| self.flights.at(ticket));
        let several = flight.is_some_and(|flight| {
            let statement = flight.judged.as_ref().and_then(|judged| judged.statements.get(flight.statement));
            statement.is_some_and(|statement| statement.is_opaque() || calls(statement))
        });
        if several {
            self.masking.begin();
        } else {
            self.complete(ticket, None, "", now);
        }
    }

    /// A statement ended well.
    fn complete(&mut self, ticket: Option<Ticket>, rows: Option<u64>, tag: &str, now: u64) {
        let Some(flight) = ticket.and_then(|ticket| self.flights.at(ticket)) else { return };
        let (entry, statement, judged) = (flight.entry(), flight.statement, flight.judged.clone());
        let outcome = recording::Outcome {
            state: OutcomeState::Completed,
            rows: rows.unwrap_or(0).max(flight.rows),
            bytes: flight.bytes,
            duration: now.saturating_sub(flight.began),
            masked: flight.hits,
            command_tag: tag,
            ..recording::Outcome::default()
        };
        self.recorder.outcome(entry, &outcome, now);
        flight.statement = statement.saturating_add(1);
        (flight.rows, flight.bytes, flight.hits) = (0, 0, 0);
        let leg = flight.leg;
        if let (Leg::Execute, Some(ticket)) = (leg, ticket) {
            self.flights.land(ticket);
        }
        self.masking.begin();
        if let Some(judged) = judged {
            self.take_effect(&judged, statement, entry, tag == "ROLLBACK");
        }
    }

    /// Follows what a statement that ended well made of the session.
    fn take_effect(&mut self, judged: &crate::judge::Judged, index: usize, entry: u64, undone: bool) {
        let Some(statement) = judged.statements.get(index) else {
            if judged.statements.is_empty() && !judged.barrier.is_none() {
                self.settings.forget_path();
                self.stale_catalog = Some(self.world.catalog.epoch());
                self.follow();
            }
            return;
        };
        if statement.barrier.is_none() && statement.session.is_empty() {
            return;
        }
        let dialect = self.world.dialect.clone();
        for change in &statement.session {
            self.settings.apply_in(judged.path_of(index), change, undone, &*dialect);
            self.follow_names(change, statement, entry);
        }
        if statement.barrier.contains(Barrier::UNKNOWN) {
            // EVASION: a temporary relation dropped by a function uncovers the one behind it
            // (test `a_function_may_have_dropped_a_temporary_table`).
            self.settings.apply(&SessionChange::LoseTemporaries, false, &*dialect);
            self.settings.forget_path();
            self.forget_prepared(&*dialect);
        }
        if self.changed_definitions && statement.session.iter().any(|c| matches!(c, SessionChange::Commit { .. })) {
            self.stale_catalog = Some(self.world.catalog.epoch());
        }
        if changes_definitions(statement) {
            self.settings.note_uncommitted();
            self.changed_definitions = true;
        }
        self.follow();
    }

    /// Names that SQL itself makes and drops.
    fn follow_names(&mut self, change: &SessionChange, whole: &Statement, entry: u64) {
        match change {
            SessionChange::PrepareSql { name, statement } => match self.made(Arc::new((**statement).clone()), whole) {
                Some(prepared) => self.names.prepared(name, prepared),
                None => self.names.deallocate(Some(name)),
            },
            SessionChange::DeallocateSql { name } => self.names.deallocate(name.as_deref()),
            SessionChange::DeclareCursor { name, hold } => match self.made(Arc::new(whole.clone()), whole) {
                Some(prepared) => {
                    self.names.declared(name, Arc::new(Bound { prepared, sequence: entry, held: *hold }));
                }
                None => self.names.close_cursor(Some(name)),
            },
            SessionChange::Discard(portcullis_sql::session::Discarded::All) => {
                self.names.deallocate(None);
                self.names.close_cursor(None);
            }
            SessionChange::CloseCursor { name } => self.names.close_cursor(name.as_deref()),
            _ => {}
        }
    }

    /// What a statement of a text made a name for.
    ///
    /// LIMIT: what there is no room for is not known, so nothing of it is allowed. Of the text around it nothing is kept.
    fn made(&self, body: Arc<Statement>, whole: &Statement) -> Option<Arc<Prepared>> {
        let text = self.names.keep(bytes::Bytes::from_static(b"-- prepared by SQL"), whole.span.len())?;
        let path = PathOf::prepared_under(&self.settings, &*self.world.dialect);
        let (mode, body) = (self.settings.mode(), Some(body));
        Some(Arc::new(Prepared { text, types: Vec::new(), mode, path, judged: None, body }))
    }

    fn suspended(&mut self, ticket: Option<Ticket>, now: u64) {
        let Some(flight) = ticket.and_then(|ticket| self.flights.land(ticket)) else { return };
        let outcome = recording::Outcome {
            state: OutcomeState::Completed,
            rows: flight.rows,
            bytes: flight.bytes,
            duration: now.saturating_sub(flight.began),
            masked: flight.hits,
            note: "suspended at the client's row limit",
            ..recording::Outcome::default()
        };
        self.recorder.outcome(flight.sequence, &outcome, now);
        // EVASION: what ran before the limit has had its effect, and a client need not ask for the rest
        // (test `a_portal_that_stops_at_its_limit_has_changed_the_path`).
        if let Some(judged) = &flight.judged {
            self.take_effect(judged, flight.statement, flight.sequence, false);
        }
    }

    /// A request failed, and with it the later ones that the upstream skips.
    fn failed(&mut self, ticket: Option<Ticket>, sqlstate: &[u8; 5], skipped: Option<Ticket>, now: u64) {
        self.settings.fail();
        self.masking.begin();
        let Some(ticket) = ticket else {
            self.skip_to(skipped, now);
            return;
        };
        self.doubt_failed(ticket);
        if let Some(flight) = self.flights.at(ticket) {
            let failed = recording::Outcome {
                state: OutcomeState::Failed,
                rows: flight.rows,
                bytes: flight.bytes,
                duration: now.saturating_sub(flight.began),
                masked: flight.hits,
                sqlstate: std::str::from_utf8(sqlstate).ok(),
                ..recording::Outcome::default()
            };
            let (entry, run) = (flight.entry(), flight.leg == Leg::Run);
            self.recorder.outcome(entry, &failed, now);
            if run {
                self.names.fail_run(ticket);
                self.abandon_rest(ticket, now);
            } else {
                self.names.take_back(ticket, skipped.unwrap_or(ticket));
                self.flights.land(ticket);
            }
            self.follow();
        }
        self.skip_to(skipped, now);
    }

    /// What a failed statement changed stays where only a rollback takes it back and nothing was rolled back.
    ///
    /// EVASION: a procedure that changes the default schema and then fails
    /// (test `a_procedures_changes_are_asked_for_behind_its_warnings`), a DROP that ends one temporary table and fails at
    /// the next (test `a_drop_that_fails_half_way_ends_temporary_tables`).
    fn doubt_failed(&mut self, ticket: Ticket) {
        if self.settings.is_transactional() {
            return;
        }
        let Some(flight) = self.flights.at(ticket).filter(|flight| flight.leg != Leg::Prepare) else { return };
        let judged = flight.judged.clone();
        let statement = judged.as_ref().and_then(|judged| judged.statements.get(flight.statement));
        let whole = judged.as_ref().map_or(Barrier::UNKNOWN, |judged| judged.barrier);
        let barrier = statement.map_or(whole, |statement| statement.barrier);
        if whole.contains(Barrier::SETTINGS) || whole.contains(Barrier::UNKNOWN) {
            self.settings.doubt();
        }
        if barrier.contains(Barrier::UNKNOWN) || barrier.contains(Barrier::TEMPORARY) {
            let dialect = self.world.dialect.clone();
            self.settings.apply(&SessionChange::LoseTemporaries, false, &*dialect);
            if barrier.contains(Barrier::UNKNOWN) {
                self.forget_prepared(&*dialect);
            }
        }
        self.changed_definitions |= statement.is_none_or(changes_definitions);
    }

    /// EVASION: a procedure that prepares a name of the session's anew
    /// (test `a_name_that_a_procedure_prepared_anew_is_not_the_old_one`).
    fn forget_prepared(&mut self, dialect: &dyn Dialect) {
        if dialect.routines_prepare_names() {
            self.names.forget_sql();
        }
    }

    /// The statements behind a failed one in the same text do not run.
    fn abandon_rest(&mut self, ticket: Ticket, now: u64) {
        let Some(flight) = self.flights.land(ticket) else { return };
        let statements = flight.judged.as_ref().map_or(0, |judged| judged.statements.len());
        for later in flight.statement.saturating_add(1)..statements {
            let entry = flight.sequence.saturating_add(later as u64);
            self.record_state(entry, OutcomeState::Aborted, "an earlier statement of the same text failed", now);
        }
    }

    fn skip_to(&mut self, skipped: Option<Ticket>, now: u64) {
        let Some(last) = skipped else { return };
        for flight in self.flights.skip(last) {
            self.names.take_back(flight.ticket, flight.ticket);
            if matches!(flight.leg, Leg::Bind | Leg::Prepare | Leg::Run | Leg::Call) {
                self.record_state(flight.entry(), OutcomeState::Aborted, "skipped after an error", now);
            }
        }
    }

    fn record_state(&mut self, entry: u64, state: OutcomeState, note: &'static str, now: u64) {
        self.recorder.outcome(entry, &recording::Outcome { state, note, ..recording::Outcome::default() }, now);
    }

    /// A group of requests ended.
    ///
    /// EVASION: only the request that it ends is done; another may be in flight behind it
    /// (test `a_failed_query_does_not_hide_the_one_pipelined_behind_it`).
    fn ready(&mut self, ticket: Option<Ticket>, transaction: Transaction, now: u64) {
        if let Some(ticket) = ticket {
            // A function call that did not fail has no other end.
            if self.flights.at(ticket).is_some_and(|flight| flight.leg == Leg::Call) {
                self.complete(Some(ticket), None, "", now);
            }
            self.flights.land(ticket);
            // Nothing else confirms what ran at once. Else a cursor's every execution would be kept to be taken back.
            self.names.confirm(ticket);
        }
        self.settings.ready(transaction);
        if transaction == Transaction::Idle {
            self.names.transaction_ended();
        }
        if transaction == Transaction::Idle && self.changed_definitions {
            self.changed_definitions = false;
            self.stale_catalog = Some(self.world.catalog.epoch());
        }
        self.masking.begin();
        self.follow();
    }

    /// The session is over: what is still in flight was perhaps run.
    pub fn handle_end(&mut self, reason: &str, now: u64) {
        let open: Vec<Flight> = self.flights.drain().collect();
        for flight in open {
            if matches!(flight.leg, Leg::Run | Leg::Bind | Leg::Call | Leg::Execute) {
                self.record_state(flight.entry(), OutcomeState::Unknown, "the session ended", now);
            }
        }
        self.recorder.end(reason, now);
    }

    /// Takes up changed settings.
    fn follow(&mut self) {
        // A signature is made anew only when something changed.
        if !Arc::ptr_eq(self.settings.signature(), &self.scope_settings) {
            self.rescope();
        }
    }
}

/// Whether it may have changed definitions.
///
/// A function called from a query may set the path; that it makes definitions is left to the catalog's own watch.
fn changes_definitions(statement: &Statement) -> bool {
    let anything = statement.barrier.contains(Barrier::UNKNOWN) && (statement.is_opaque() || calls(statement));
    statement.barrier.contains(Barrier::CATALOG) || anything
}

/// Whether it is a CALL, whose procedure may do anything, transactions included.
fn calls(statement: &Statement) -> bool {
    statement.effects.iter().any(|effect| effect.action == portcullis_sql::Action::Call)
}

#[cfg(test)]
mod tests;
