//! The client's half: what a frame asks for, whether its turn has come, and what it makes the upstream owe.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use portcullis_wire::error::{Fault, Unexpected};
use portcullis_wire::event::{Format, Formats, Gate, Named, Parameter, Request, Ticket};
use portcullis_wire::is_same;

use super::{CopyIn, Expect, Session, Skip};
use crate::frame::{FrontendTag, HEADER};
use crate::frontend;

/// Decodes a whole frame. Every message is decoded to its last byte, so that what was judged is what the server reads.
pub(super) fn read(frame: &[u8]) -> Result<Request<'_>, Fault> {
    let body = frame.get(HEADER..).unwrap_or_default();
    Ok(match tag(frame)? {
        FrontendTag::Query => Request::Run { text: frontend::Query::decode(body)?.query },
        FrontendTag::Parse => {
            let parse = frontend::Parse::decode(body)?;
            Request::Prepare { name: parse.statement, text: parse.query, types: parse.types.iter().collect() }
        }
        FrontendTag::Bind => bind(frontend::Bind::decode(body)?),
        FrontendTag::Execute => Request::Execute { portal: Cow::Borrowed(frontend::Execute::decode(body)?.portal) },
        FrontendTag::Describe => {
            let describe = frontend::Describe::decode(body)?;
            Request::Describe { kind: named(describe.target), name: describe.name }
        }
        FrontendTag::Close => {
            let close = frontend::Close::decode(body)?;
            Request::Close { kind: named(close.target), name: close.name }
        }
        FrontendTag::FunctionCall => call(&frontend::FunctionCall::decode(body)?),
        FrontendTag::Flush => frontend::Flush::decode(body).map(|_| Request::Continue)?,
        FrontendTag::Sync => frontend::Sync::decode(body).map(|_| Request::Continue)?,
        FrontendTag::CopyData => frontend::CopyData::decode(body).map(|_| Request::Continue)?,
        FrontendTag::CopyDone => frontend::CopyDone::decode(body).map(|_| Request::Continue)?,
        FrontendTag::CopyFail => frontend::CopyFail::decode(body).map(|_| Request::Continue)?,
        FrontendTag::Terminate => frontend::Terminate::decode(body).map(|_| Request::Quit)?,
        FrontendTag::Password => return Err(Unexpected("PasswordMessage").into()),
    })
}

fn tag(frame: &[u8]) -> Result<FrontendTag, Fault> {
    Ok(FrontendTag::try_from(frame.first().copied().unwrap_or_default())?)
}

fn named(target: frontend::Target) -> Named {
    match target {
        frontend::Target::Statement => Named::Statement,
        frontend::Target::Portal => Named::Portal,
    }
}

fn format(code: i16) -> Format {
    if code == 0 { Format::Text } else { Format::Binary }
}

fn bind(bind: frontend::Bind<'_>) -> Request<'_> {
    let parameters = bind
        .parameters
        .iter()
        .enumerate()
        .map(|(index, value)| Parameter {
            format: format(bind.formats.of(index)),
            type_code: 0,
            value: value.map(Cow::Borrowed),
        })
        .collect();
    let results = match bind.result_formats.len() {
        0 | 1 => Formats::All(format(bind.result_formats.of(0))),
        _ => Formats::Each(bind.result_formats.iter().map(format).collect()),
    };
    Request::Bind { portal: bind.portal, statement: bind.statement, parameters, results }
}

fn call<'f>(call: &frontend::FunctionCall<'f>) -> Request<'f> {
    let arguments = call
        .arguments
        .iter()
        .enumerate()
        .map(|(index, value)| Parameter {
            format: format(call.formats.of(index)),
            type_code: 0,
            value: value.map(Cow::Borrowed),
        })
        .collect();
    Request::Call { function: call.function, arguments }
}

/// Whether a request counts, waits, or is ignored as the server would ignore it.
pub(super) fn gate(session: &Session, request: &Request<'_>, frame: &[u8]) -> Gate {
    let Ok(tag) = tag(frame) else { return Gate::Drop };
    match (tag, request) {
        (FrontendTag::Terminate, _) => Gate::Open,
        (FrontendTag::CopyData | FrontendTag::CopyDone | FrontendTag::CopyFail, _) => copy_gate(session),
        // A server that reads COPY data ignores these.
        (FrontendTag::Sync | FrontendTag::Flush, _) if session.copy_in == CopyIn::Reading => Gate::Drop,
        // Whether it is data's place or not is known when that Query is answered.
        _ if session.copy_in == CopyIn::Ended => Gate::Wait,
        (FrontendTag::Sync, _) => Gate::Open,
        _ if session.skip != Skip::Nothing => Gate::Drop,
        _ if session.copy_in == CopyIn::Reading => Gate::Interrupt,
        _ => Gate::Open,
    }
}

/// COPY data counts while the upstream asked for it; once nothing is outstanding it is left over from a COPY that
/// failed, and the server ignores such.
fn copy_gate(session: &Session) -> Gate {
    match (session.copy_in == CopyIn::Reading, session.queue.is_empty()) {
        (true, _) => Gate::Open,
        (false, true) => Gate::Drop,
        (false, false) if session.skip != Skip::Nothing => Gate::Drop,
        (false, false) => Gate::Wait,
    }
}

/// Notes what the upstream will owe for this frame.
pub(super) fn forward(
    session: &mut Session,
    request: &Request<'_>,
    frame: &[u8],
    ticket: Option<Ticket>,
    before: &mut BytesMut,
) {
    if let Some(expect) = expect(session, request, ticket, before) {
        session.group_open = !matches!(expect, Expect::Query(_) | Expect::Call(_));
        session.queue.push(expect);
        return;
    }
    match tag(frame) {
        Ok(FrontendTag::Sync) => {
            session.queue.push(Expect::Sync { own: false });
            session.group_open = false;
            session.skip = Skip::Nothing;
        }
        Ok(FrontendTag::CopyDone | FrontendTag::CopyFail) => session.end_copy_in(),
        _ => {}
    }
}

fn expect(
    session: &mut Session,
    request: &Request<'_>,
    ticket: Option<Ticket>,
    before: &mut BytesMut,
) -> Option<Expect> {
    Some(match request {
        Request::Run { .. } => {
            session.asked.clear();
            Expect::Query(ticket)
        }
        Request::Call { .. } => Expect::Call(ticket),
        Request::Prepare { name, .. } => Expect::Parse { ticket, name: (*name).into() },
        Request::Bind { portal, statement, results, .. } => {
            session.asked.retain(|asked| !is_same(asked, portal));
            if session.described.knows_statement(statement) && !session.queue.is_parsing(statement) {
                session.asked.push((*portal).into());
            }
            Expect::Bind { ticket, portal: (*portal).into(), statement: (*statement).into(), results: results.clone() }
        }
        Request::Describe { kind, name } => {
            if *kind == Named::Portal {
                session.asked.push((*name).into());
            }
            Expect::Describe { ticket, kind: *kind, name: (*name).into(), own: false }
        }
        Request::Execute { portal } => {
            describe_first(session, portal, before);
            Expect::Execute { ticket, portal: (**portal).into() }
        }
        Request::Close { kind, name } => Expect::Close { ticket, kind: *kind, name: (*name).into() },
        Request::Continue | Request::Quit => return None,
        // This protocol has no frame that asks for any of these.
        Request::RunPrepared { .. }
        | Request::Forget { .. }
        | Request::UseSchema { .. }
        | Request::ListColumns { .. }
        | Request::Reset
        | Request::SignIn
        | Request::Kill { .. }
        | Request::Unsupported { .. } => return None,
    })
}

/// Rows carry no types: where the client does not ask what a portal returns, the gateway does.
fn describe_first(session: &mut Session, portal: &[u8], before: &mut BytesMut) {
    // EVASION: what was described of an old portal must not describe the one that is being bound under its name
    // (test `a_portal_bound_anew_is_described_anew`).
    let known = session.asked.iter().any(|asked| is_same(asked, portal))
        || session.described.knows_portal(portal) && !session.queue.is_binding(portal);
    if known {
        return;
    }
    let length = portal.len().saturating_add(4 + 1 + 1);
    before.put_u8(FrontendTag::Describe.byte());
    before.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    before.put_u8(b'P');
    before.put_slice(portal);
    before.put_u8(0);
    session.asked.push(portal.into());
    session.queue.push(Expect::Describe { ticket: None, kind: Named::Portal, name: portal.into(), own: true });
}
