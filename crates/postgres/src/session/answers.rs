//! The upstream's half: what each message means, which request it answers, and what of it the client sees.

use portcullis_wire::error::{Fault, Malformed, Unexpected};
use portcullis_wire::event::{Answer, Column, Format, Named, Ticket, Transaction};
use portcullis_wire::limits;
use portcullis_wire::protocol::{Delivery, Front, Reply};

use super::columns::kind;
use super::{ASKED, CopyIn, Expect, HOLD, Long, Session, Skip, rows};
use crate::backend;
use crate::frame::{self, BackendTag, HEADER};

/// What stands at the front of `buffer`.
pub(super) fn answer(session: &mut Session, buffer: &[u8]) -> Result<Front, Fault> {
    if let Some(long) = &session.long {
        return long.front(buffer);
    }
    let Some(header) = frame::header(buffer)? else { return Ok(Front::Short(HEADER)) };
    let (tag, length) = (BackendTag::try_from(header.tag)?, header.len);
    let bulk = matches!(tag, BackendTag::DataRow | BackendTag::CopyData | BackendTag::FunctionCallResponse);
    // The answer to a question of ours is held whole: no piece of it may reach the client.
    let asked = matches!(session.queue.front(), Some(Expect::Ask(_)));
    if bulk && length > HOLD && !asked {
        return begin_long(session, tag, length, buffer);
    }
    if length > limits::CONTROL {
        return Err(Fault::OverLimit { length: length as u64, limit: limits::CONTROL as u64 });
    }
    let Some(message) = buffer.get(..length) else { return Ok(Front::Short(length.saturating_sub(buffer.len()))) };
    match tag {
        BackendTag::DataRow | BackendTag::CopyData => run(session, tag, buffer),
        _ => one(session, tag, message),
    }
}

fn begin_long(session: &mut Session, tag: BackendTag, length: usize, buffer: &[u8]) -> Result<Front, Fault> {
    let ticket = streaming(session)?;
    let long = match tag {
        BackendTag::DataRow => Long::row(length, ticket),
        BackendTag::CopyData => Long::payload(length, ticket),
        _ => Long::value(length, ticket),
    };
    session.long.insert(long).front(buffer)
}

/// Consecutive rows (or pieces of COPY data) in one go: the path that everything else must not slow.
fn run(session: &mut Session, tag: BackendTag, buffer: &[u8]) -> Result<Front, Fault> {
    let ticket = streaming(session)?;
    let asked = matches!(session.queue.front(), Some(Expect::Ask(_)));
    let (length, count) = rows::run(buffer, tag.byte(), if asked { limits::CONTROL } else { HOLD });
    let answer = if tag == BackendTag::DataRow { Answer::Rows(count) } else { Answer::Data };
    if let Some(Expect::Ask(told)) = session.queue.front_mut() {
        if told.is_none() {
            *told = first_value(buffer.get(..length).unwrap_or_default());
        }
        return Ok(Front::Whole(Reply { length, answer: Answer::Other, ticket: None, delivery: Delivery::Swallow }));
    }
    Ok(Front::Whole(Reply { length, answer, ticket, delivery: Delivery::Deliver }))
}

fn first_value(rows: &[u8]) -> Option<Box<str>> {
    let mut first = None;
    rows::cells(rows, &mut |_| true, &mut |_, place| first = first.take().or(rows.get(place))).ok()?;
    first.and_then(|value| std::str::from_utf8(value).ok()).map(Box::from)
}

/// The statement whose rows may come now.
fn streaming(session: &Session) -> Result<Option<Ticket>, Fault> {
    match session.queue.front() {
        Some(Expect::Query(ticket) | Expect::Execute { ticket, .. } | Expect::Call(ticket)) => Ok(*ticket),
        Some(Expect::Ask(_)) => Ok(None),
        _ => Err(Unexpected("DataRow").into()),
    }
}

/// One message that is neither a row nor COPY data.
fn one(session: &mut Session, tag: BackendTag, message: &[u8]) -> Result<Front, Fault> {
    let body = message.get(HEADER..).unwrap_or_default();
    let reply = match tag {
        BackendTag::NoticeResponse | BackendTag::NotificationResponse => Meaning::of(Answer::Remark),
        BackendTag::ParameterStatus => Meaning::of(setting(body)?),
        BackendTag::ErrorResponse => session.failed(body)?,
        BackendTag::ReadyForQuery => session.ready(body)?,
        _ => session.progress(tag, body)?,
    };
    let ticket = reply.ticket;
    Ok(Front::Whole(Reply { length: message.len(), answer: reply.answer, ticket, delivery: reply.delivery }))
}

struct Meaning {
    answer: Answer,
    ticket: Option<Ticket>,
    delivery: Delivery,
}

impl Meaning {
    fn of(answer: Answer) -> Self {
        Self { answer, ticket: None, delivery: Delivery::Deliver }
    }

    fn to(answer: Answer, ticket: Option<Ticket>) -> Self {
        Self { answer, ticket, delivery: Delivery::Deliver }
    }

    fn swallowed(answer: Answer) -> Self {
        Self { answer, ticket: None, delivery: Delivery::Swallow }
    }
}

fn setting(body: &[u8]) -> Result<Answer, Fault> {
    let status = backend::ParameterStatus::decode(body)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned().into_boxed_str();
    Ok(Answer::Setting { name: text(status.name), value: text(status.value) })
}

impl Session {
    /// An error answers the oldest request; in the extended protocol the server then skips to the next Sync.
    fn failed(&mut self, body: &[u8]) -> Result<Meaning, Fault> {
        let report = backend::Report::decode(body)?;
        let sqlstate = report.code().and_then(|code| code.try_into().ok()).unwrap_or(*b"XX000");
        let severity = report.field(backend::field::SEVERITY_PLAIN).or(report.field(backend::field::SEVERITY));
        let fatal = matches!(severity, Some(b"FATAL" | b"PANIC"));
        if self.copy_in != CopyIn::Reading {
            self.unread_syncs = 0;
        }
        self.copy_in = CopyIn::None;
        let Some(front) = self.queue.front() else {
            return Ok(Meaning::of(Answer::Failed { sqlstate, fatal, skipped: None }));
        };
        let ticket = front.ticket();
        let mut delivery = Delivery::Deliver;
        let mut skipped = None;
        match front {
            Expect::Ask(_) => delivery = Delivery::Swallow,
            front if front.ends_by_itself() => {}
            front => {
                if let (Expect::Refused(ours), false) = (front, fatal) {
                    delivery = Delivery::Replace(ours.clone());
                }
                let (last, sync_found) = self.queue.skip_to_sync();
                skipped = last;
                if !sync_found && self.skip == Skip::Nothing {
                    self.skip = Skip::Upstream;
                }
            }
        }
        // EVASION: what a refused group set is undone with it (test `a_refusal_undoes_what_its_group_set`).
        let answer = match delivery {
            Delivery::Swallow => Answer::Other,
            _ => Answer::Failed { sqlstate, fatal, skipped },
        };
        Ok(Meaning { answer, ticket, delivery })
    }

    /// ReadyForQuery ends a group.
    fn ready(&mut self, body: &[u8]) -> Result<Meaning, Fault> {
        self.transaction = match backend::ReadyForQuery::decode(body)?.status {
            backend::TransactionStatus::Idle => Transaction::Idle,
            backend::TransactionStatus::InTransaction => Transaction::Open,
            backend::TransactionStatus::Failed => Transaction::Failed,
        };
        self.copy_in = CopyIn::None;
        self.query_columns = None;
        if self.transaction == Transaction::Idle {
            self.described.transaction_ended();
            self.asked.clear();
        }
        if self.unread_syncs > 0 && !matches!(self.queue.front(), Some(Expect::Sync { .. })) {
            // A COPY that failed before it read anything left this Sync to the main loop.
            self.unread_syncs = self.unread_syncs.saturating_sub(1);
            self.skip = Skip::Nothing;
            return Ok(Meaning::of(Answer::Ready(self.transaction)));
        }
        match self.pop() {
            Some(Expect::Query(ticket) | Expect::Call(ticket)) => {
                Ok(Meaning::to(Answer::Ready(self.transaction), ticket))
            }
            Some(Expect::Sync { own: false }) => Ok(Meaning::of(Answer::Ready(self.transaction))),
            Some(Expect::Sync { own: true }) => Ok(Meaning::swallowed(Answer::Ready(self.transaction))),
            Some(Expect::Ask(told)) => Ok(Meaning::swallowed(Answer::Told(told))),
            _ => Err(Unexpected("ReadyForQuery").into()),
        }
    }

    /// A message that answers, or goes on answering, the oldest request.
    fn progress(&mut self, tag: BackendTag, body: &[u8]) -> Result<Meaning, Fault> {
        if let Some(Expect::Ask(_)) = self.queue.front() {
            return Ok(Meaning::swallowed(Answer::Other));
        }
        // Answers come in order: whatever was left of a failed COPY would have been answered before.
        self.unread_syncs = 0;
        let ticket = self.queue.front().and_then(Expect::ticket);
        match (tag, self.queue.front()) {
            (BackendTag::RowDescription, Some(Expect::Query(_))) => {
                let columns = columns(body)?;
                self.query_columns = Some(columns.clone());
                Ok(Meaning::to(Answer::Columns(Some(columns)), ticket))
            }
            (BackendTag::CommandComplete, Some(Expect::Query(_))) => Ok(Meaning::to(self.complete(body)?, ticket)),
            (BackendTag::EmptyQueryResponse, Some(Expect::Query(_))) => Ok(Meaning::to(empty(), ticket)),
            (BackendTag::FunctionCallResponse, Some(Expect::Call(_))) => Ok(Meaning::to(Answer::Data, ticket)),
            (BackendTag::ParameterDescription, Some(Expect::Describe { own, .. })) => {
                Ok(if *own { Meaning::swallowed(Answer::Other) } else { Meaning::to(Answer::Other, ticket) })
            }
            (
                BackendTag::CopyInResponse | BackendTag::CopyOutResponse | BackendTag::CopyDone,
                Some(Expect::Query(_) | Expect::Execute { .. }),
            ) => Ok(Meaning::to(self.copy(tag), ticket)),
            (BackendTag::CopyBothResponse, _) => Err(Unexpected("CopyBothResponse").into()),
            _ => self.answered(tag, body),
        }
    }

    fn copy(&mut self, tag: BackendTag) -> Answer {
        self.query_columns = None;
        if tag != BackendTag::CopyInResponse {
            return Answer::Other;
        }
        self.copy_in = CopyIn::Reading;
        self.unread_syncs = self.queue.drop_syncs_behind_front();
        Answer::WantsData
    }

    /// A statement ended. What names stand for may be another then: SQL shares its names with the protocol.
    ///
    /// EVASION: a statement or cursor made anew by SQL under the name of one whose columns hold no text
    /// (test `columns_of_a_name_are_forgotten_when_sql_may_have_made_it_anew`).
    fn complete(&mut self, body: &[u8]) -> Result<Answer, Fault> {
        let complete = backend::CommandComplete::decode(body)?;
        let tag = std::str::from_utf8(complete.command).map_err(|_| Malformed::NotText("command tag"))?;
        if ["PREPARE", "DEALLOCATE", "DISCARD", "DECLARE", "CLOSE", "DO", "CALL"].iter().any(|w| tag.starts_with(w)) {
            self.described.forget_all();
        }
        Ok(Answer::Complete { rows: complete.rows(), tag: tag.into() })
    }

    /// Takes the oldest request off the queue.
    fn pop(&mut self) -> Option<Expect> {
        let popped = self.queue.pop();
        if self.queue.is_empty() {
            // Nothing that was asked is open any more: what there is to know is in `described`.
            self.asked.clear();
            self.asked.shrink_to(ASKED);
        }
        popped
    }

    /// A message that ends the oldest request.
    fn answered(&mut self, tag: BackendTag, body: &[u8]) -> Result<Meaning, Fault> {
        let Some(front) = self.pop() else { return Err(Unexpected("answer to nothing").into()) };
        let ticket = front.ticket();
        let answer = match (tag, front) {
            (BackendTag::ParseComplete, Expect::Parse { name, .. }) => {
                self.described.prepared(&name);
                Answer::Prepared(None)
            }
            (BackendTag::BindComplete, Expect::Bind { portal, statement, results, .. }) => {
                self.described.bound(&portal, &statement, results);
                Answer::Bound
            }
            (BackendTag::CloseComplete, Expect::Close { kind, name, .. }) => {
                match kind {
                    Named::Statement => self.described.close_statement(&name),
                    Named::Portal => self.described.close_portal(&name),
                }
                Answer::Closed
            }
            (BackendTag::RowDescription | BackendTag::NoData, Expect::Describe { kind, name, own, .. }) => {
                let found = if tag == BackendTag::NoData { None } else { Some(columns(body)?) };
                match kind {
                    Named::Statement => self.described.statement(&name, found.clone()),
                    Named::Portal => self.described.portal(&name, found.clone()),
                }
                if own {
                    return Ok(Meaning::swallowed(Answer::Other));
                }
                Answer::Columns(found)
            }
            (BackendTag::CommandComplete, Expect::Execute { .. }) => self.complete(body)?,
            (BackendTag::EmptyQueryResponse, Expect::Execute { .. }) => empty(),
            (BackendTag::PortalSuspended, Expect::Execute { .. }) => Answer::Suspended,
            _ => return Err(Unexpected(tag.name()).into()),
        };
        Ok(Meaning::to(answer, ticket))
    }
}

fn empty() -> Answer {
    Answer::Complete { rows: Some(0), tag: "".into() }
}

fn columns(body: &[u8]) -> Result<std::sync::Arc<[Column]>, Fault> {
    let description = backend::RowDescription::decode(body)?;
    Ok(description
        .fields()
        .map(|field| Column {
            name: field.name.into(),
            table: field.table_oid,
            attribute: u16::try_from(field.attribute).unwrap_or(0),
            type_code: field.type_oid,
            kind: kind(field.type_oid, if field.format == 0 { Format::Text } else { Format::Binary }),
        })
        .collect())
}
