//! Opens a session for a Postgres client: what its startup packet asks for, its cancel key, its greeting.
//!
//! The gateway's own options are never forwarded. The process id that the client sees stays the upstream's; the secret of
//! its cancel key is ours and random, long where the protocol allows it.

use std::sync::Arc;

use bytes::BytesMut;
use portcullis_postgres::backend::{BackendKeyData, NegotiateProtocolVersion, ParameterStatus, ReadyForQuery};
use portcullis_postgres::session::Session as Codec;
use portcullis_postgres::sign_in::SignIn;
use portcullis_sql::catalog::SearchPath;
use portcullis_wire::Fault;

use super::dial::{self, Dialled};
use super::prove;
use super::request::Request;
use crate::accept::{Door, Peer, Turned};
use crate::dial::Target;
use crate::open::{self, Asked, Cancel, Opened, Room, UpstreamSide};
use crate::process::Process;
use crate::upstream::Known;

/// The newest minor version of protocol 3 that we speak.
const MINOR: u16 = 2;

/// Opens a session for the client behind `peer`.
pub(super) async fn open(
    process: &Arc<Process>,
    door: &Door,
    peer: &mut Peer,
    request: &Request,
) -> Result<Opened<Codec>, Turned> {
    let room = Room::take(process)?;
    negotiate(peer, request).await?;
    let (proven, mut sign_in) = prove::identity(process, door, peer, request).await?;
    let version = format!("3.{}", request.minor);
    let admitted = open::admit(process, door, peer, room, &asked(request, &version), proven).await?;
    let dialled = dial::dial(&admitted.target, request.minor.min(MINOR), request.parameters()).await;
    let dialled = dialled.map_err(open::not_reached)?;
    let secret = random_secret(request.minor);
    let greeting = greeting(&mut sign_in, &dialled, &secret)?.freeze();
    let codec = Codec::new(admitted.known.world.limits.bytes, open::random_u64());
    let side = UpstreamSide {
        path: path(&admitted.known, request),
        reported: reported(&dialled),
        told: None,
        process: dialled.ready.process,
        // Its clients cancel by key, and cannot kill.
        numbers: Vec::new(),
        cancel: cancel(&admitted.target, &dialled),
        secret,
        stream: dialled.stream,
        rest: dialled.rest,
    };
    Ok(Opened { admitted, side, codec, greeting, resume: None })
}

fn asked<'r>(request: &'r Request, version: &'r str) -> Asked<'r> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Asked {
        user: &request.user,
        database: &request.database,
        application: &request.application,
        protocol_version: version,
        settings: request.all_settings().map(|setting| (text(&setting.name), text(&setting.value))).collect(),
        facts: Vec::new(),
    }
}

/// Tells a client that asks for more than we speak what we do.
async fn negotiate(peer: &mut Peer, request: &Request) -> Result<(), Turned> {
    if request.minor <= MINOR && request.extensions.is_empty() {
        return Ok(());
    }
    let mut out = BytesMut::new();
    let unknown: Vec<&[u8]> = request.extensions.iter().map(Vec::as_slice).collect();
    NegotiateProtocolVersion::put(&mut out, request.minor.min(MINOR), &unknown);
    peer.send(out.freeze()).await
}

/// The search path that the session begins with.
fn path(known: &Known, request: &Request) -> Option<SearchPath> {
    let own = request.all_settings().filter(|setting| setting.name == b"search_path").last();
    match own {
        Some(setting) => {
            let value = std::str::from_utf8(&setting.value).ok()?;
            known.world.dialect.read_reported_path(value, &known.user)
        }
        // A role given at startup changes what `$user` stands for; then the server is asked.
        None if request.all_settings().any(|setting| setting.name == b"role") => None,
        None => known.path.clone(),
    }
}

/// The settings that the upstream reported at its sign-in.
fn reported(dialled: &Dialled) -> Vec<(Box<str>, Box<str>)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into();
    dialled.ready.parameters.iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// What the client hears once it is in: the upstream's own words, but for the cancel key, which is ours.
fn greeting(sign_in: &mut SignIn, dialled: &Dialled, secret: &[u8]) -> Result<BytesMut, Turned> {
    let mut out = BytesMut::new();
    sign_in.accept(&mut out).map_err(Fault::from)?;
    for (name, value) in &dialled.ready.parameters {
        ParameterStatus { name, value }.encode(&mut out);
    }
    for notice in &dialled.ready.notices {
        out.extend_from_slice(notice);
    }
    BackendKeyData { process: dialled.ready.process, secret }.encode(&mut out);
    ReadyForQuery { status: dialled.ready.status }.encode(&mut out);
    Ok(out)
}

/// A cancel goes where the session was dialled to, with the upstream's own key.
fn cancel(target: &Target, dialled: &Dialled) -> Cancel {
    let (target, packet) = (target.clone(), dialled.ready.cancel());
    Arc::new(move || {
        let (target, packet) = (target.clone(), packet.clone());
        Box::pin(async move {
            if let Some(packet) = packet
                && let Err(error) = dial::cancel(&target, packet).await
            {
                tracing::warn!(%error, "a cancel could not be delivered");
            }
        })
    })
}

/// A cancel key of our own: four bytes in protocol 3.0, long in 3.2.
fn random_secret(minor: u16) -> Vec<u8> {
    let mut secret = vec![0; if minor >= 2 { 32 } else { 4 }];
    open::fill(&mut secret);
    secret
}
