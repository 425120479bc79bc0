//! A MySQL client's way in: the greeting, TLS, the sign-in, and how it is turned away.
//!
//! ```text
//!  greeting ─▶ SSLRequest ─▶ TLS ─▶ sign-in ─▶ identity ─▶ place ─▶ connect ─▶ dial ─▶ record ─▶ relay
//!       └────────────────────────────▲
//! ```
//!
//! Clients begin TLS right behind their request for it, so that request is read to its last byte and no further: nothing
//! that came in clear is ever read after it. Spec: "Connection Phase".

use std::sync::Arc;

use bytes::BytesMut;
use portcullis_control::Identity;
use portcullis_mysql::command::Command;
use portcullis_mysql::handshake::NONCE;
use portcullis_mysql::packet::{self, BEFORE_SIGN_IN, HEADER};
use portcullis_mysql::response::ErrPacket;
use portcullis_mysql::session::Session as Codec;
use portcullis_mysql::session::refusal_code;
use portcullis_mysql::sign_in::{Again, Client, Outcome, Server, SignIn, Verifiers};
use portcullis_mysql::{Capabilities, Channel};
use portcullis_net::Stream;
use portcullis_wire::event::Refusal;
use portcullis_wire::{Fault, Frame};
use tokio::io::AsyncReadExt;

use super::greeted::{self, Greeted};
use super::open;
use crate::accept::{Door, Peer, Turned, turned_away};
use crate::config::Protocol;
use crate::metrics::Opening;
use crate::open::{Opened, Proven, Resume, Room, Running, fill, run};
use crate::process::Process;
use crate::prove::{by_credential, by_token};

/// Opens a session, or tells the client why not.
pub(crate) async fn open(process: &Arc<Process>, door: &Door, mut peer: Peer) -> Option<Running> {
    let mut sign_in = None;
    let let_in = let_in(process, door, &mut peer, &mut sign_in).await;
    let turned = match let_in {
        Ok(opened) => return Some(run(process.clone(), opened, peer)),
        Err(turned) => turned,
    };
    turn_away(process, &mut peer, sign_in.as_mut(), turned).await;
    None
}

/// Goes on with a client that sends COM_CHANGE_USER: its session is over, and it signs in as at the start.
pub(super) fn resume(process: Arc<Process>, door: Door, client: Client, greeted: u32) -> Resume {
    Box::new(move |mut peer, frame| {
        Box::pin(async move {
            let mut sign_in = None;
            let attempt = change_user(&process, &door, &mut peer, &frame, (&client, greeted), &mut sign_in);
            let deadline = process.current.load().config.limits.login_deadline;
            let turned = match tokio::time::timeout(deadline, attempt).await {
                Ok(Ok(opened)) => return Some(run(process, opened, peer)),
                Ok(Err(turned)) => turned,
                Err(_) => Turned::Io(std::io::ErrorKind::TimedOut.into()),
            };
            turn_away(&process, &mut peer, sign_in.as_mut(), turned).await;
            None
        })
    })
}

async fn change_user(
    process: &Arc<Process>,
    door: &Door,
    peer: &mut Peer,
    frame: &Frame,
    (client, greeted): (&Client, u32),
    machine: &mut Option<SignIn>,
) -> Result<Opened<Codec>, Turned> {
    let room = Room::take(process)?;
    let body = frame.content().get(HEADER..).unwrap_or_default();
    let Command::ChangeUser(change) = Command::decode(body, client.capabilities)? else {
        return Err(Fault::from(portcullis_wire::Unexpected("a command")).into());
    };
    let mut random = [0; NONCE];
    fill(&mut random);
    let sequence = packet::answer_sequence(frame);
    let again = Again { client, channel: channel(peer), sequence, random };
    let mut out = BytesMut::new();
    let (sign_in, outcome) = SignIn::change_user(&again, &change, &mut out)?;
    let sign_in = machine.insert(sign_in);
    let (identity, credential) = prove(process, door, peer, sign_in, out, Some(outcome)).await?;
    open::open(process, door, peer, room, sign_in, Proven { identity, credential }, greeted).await
}

async fn turn_away(process: &Process, peer: &mut Peer, sign_in: Option<&mut SignIn>, turned: Turned) {
    if let Some(refusal) = turned_away(process, Protocol::MySql, peer.source, turned) {
        let mut out = BytesMut::new();
        put_refusal(sign_in, &refusal, &mut out);
        peer.farewell(out).await;
    }
}

/// An error in the place where the client waits for something: its greeting, or the end of its sign-in.
fn put_refusal(sign_in: Option<&mut SignIn>, refusal: &Refusal, out: &mut BytesMut) {
    let (code, state) = refusal_code(&refusal.sqlstate);
    let text = match &refusal.hint {
        Some(hint) => format!("{}. {hint}", refusal.message),
        None => refusal.message.clone(),
    };
    let error = ErrPacket::new(code, state, &text);
    match sign_in {
        Some(sign_in) => drop(sign_in.fail(&error, out)),
        None => drop(packet::write(out, 0, |out| error.encode(out))),
    }
}

async fn let_in(
    process: &Arc<Process>,
    door: &Door,
    peer: &mut Peer,
    machine: &mut Option<SignIn>,
) -> Result<Opened<Codec>, Turned> {
    let room = Room::take(process)?;
    let greeted = greeted::for_clients(process, door).await?;
    let mut out = BytesMut::new();
    let server = server(door, peer, &greeted);
    let number = server.connection;
    let sign_in = machine.insert(SignIn::greet(&server, &mut out));
    let (identity, credential) = prove(process, door, peer, sign_in, out, None).await?;
    open::open(process, door, peer, room, sign_in, Proven { identity, credential }, number).await
}

/// The server that the client sees.
fn server<'g>(door: &Door, peer: &Peer, greeted: &'g Greeted) -> Server<'g> {
    let tls = if door.tls.is_some() { Capabilities::SSL } else { Capabilities::default() };
    let (mut number, mut random) = ([0; 4], [0; NONCE]);
    fill(&mut number);
    fill(&mut random);
    Server {
        version: &greeted.version,
        flavour: greeted.server.flavour,
        // No server counts so far: a number of ours is never one of its own.
        connection: u32::from_le_bytes(number) | 1 << 31,
        capabilities: greeted.capabilities.without(Capabilities::SSL) | tls,
        collation: greeted.collation,
        random,
        channel: channel(peer),
    }
}

/// Who can read along with a client.
fn channel(peer: &Peer) -> Channel {
    match (peer.is_tls(), peer.source.ip().is_loopback()) {
        (true, _) => Channel::Tls,
        (false, true) => Channel::Loopback,
        (false, false) => Channel::Clear,
    }
}

/// Goes through the sign-in, from its first outcome where that came already.
/// The verified identity, and the credential's name if one was used.
async fn prove(
    process: &Process,
    door: &Door,
    peer: &mut Peer,
    sign_in: &mut SignIn,
    mut out: BytesMut,
    mut first: Option<Outcome>,
) -> Result<(Identity, Option<String>), Turned> {
    loop {
        let mut outcome = match first.take() {
            Some(outcome) => outcome,
            None => {
                peer.send(out.split().freeze()).await?;
                read_packet(peer).await?;
                sign_in.handle(&mut peer.buffer, &mut out)?
            }
        };
        if outcome == Outcome::Verify {
            let verifiers = user(sign_in).and_then(|user| verifiers(process, &user));
            outcome = sign_in.verify(verifiers.as_ref(), &mut out).map_err(Fault::from)?;
        }
        let found = match outcome {
            Outcome::StartTls { early } if early.is_empty() => {
                peer.encrypt(door).await?;
                sign_in.secured().map_err(Fault::from)?;
                continue;
            }
            Outcome::StartTls { .. } => {
                return Err(Fault::from(portcullis_wire::Unexpected("bytes in clear before TLS")).into());
            }
            Outcome::Pending | Outcome::Verify => continue,
            Outcome::Refused => return Err(refused(process, peer, out).await),
            Outcome::Token(token) => by_token(process, token.expose()).await.map(|identity| (identity, None)),
            Outcome::Proven => proven(process, sign_in),
        };
        return match found {
            Some(proven) => Ok(proven),
            None => {
                tracing::info!(source = %peer.source, user = user(sign_in), "a sign-in was refused");
                sign_in.refuse(&mut out);
                Err(refused(process, peer, out).await)
            }
        };
    }
}

fn user(sign_in: &SignIn) -> Option<String> {
    sign_in.client().map(|client| String::from_utf8_lossy(&client.user).into_owned())
}

/// The double hashes of a minted name.
fn verifiers(process: &Process, user: &str) -> Option<Verifiers> {
    let hashes = process.store.credential(user)?.hashes.clone()?;
    Some(Verifiers::from_parts(hashes.sha256, hashes.sha1))
}

/// Whom a credential signs in: to the upstream that it was minted for, whether or not the client named it.
fn proven(process: &Process, sign_in: &SignIn) -> Option<(Identity, Option<String>)> {
    let user = user(sign_in)?;
    let upstream = open::named(process, sign_in, Some(&user))?;
    let identity = by_credential(process, Some(&user), &upstream)?;
    Some((identity, Some(user)))
}

/// The client was told no in the form of its own exchange.
async fn refused(process: &Process, peer: &mut Peer, out: BytesMut) -> Turned {
    process.metrics.opening(Protocol::MySql, "", Opening::NotProven);
    peer.farewell(out).await;
    Turned::Done
}

/// Reads one packet to its last byte and no further. The buffer grows with what arrives, not with what was claimed.
async fn read_packet(peer: &mut Peer) -> Result<(), Turned> {
    let mut head = [0; HEADER];
    let stream = peer.stream()?;
    read_exact(stream, &mut head).await?;
    let length = packet::header(&head).map_or(0, |header| header.len);
    if length > BEFORE_SIGN_IN {
        let (length, limit) = (length as u64, BEFORE_SIGN_IN as u64);
        return Err(Fault::OverLimit { length, limit }.into());
    }
    peer.buffer.extend_from_slice(&head);
    let Peer { stream: Some(stream), buffer, .. } = peer else { return Err(Turned::Done) };
    let mut left = length as u64;
    while left > 0 {
        let read = match stream {
            Stream::Plain(socket) => socket.take(left).read_buf(buffer).await?,
            Stream::Accepted(tls) => tls.take(left).read_buf(buffer).await?,
            Stream::Dialled(tls) => tls.take(left).read_buf(buffer).await?,
        };
        if read == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        left = left.saturating_sub(read as u64);
    }
    Ok(())
}

async fn read_exact(stream: &mut Stream, into: &mut [u8]) -> Result<(), Turned> {
    match stream {
        Stream::Plain(socket) => socket.read_exact(into).await?,
        Stream::Accepted(tls) => tls.read_exact(into).await?,
        Stream::Dialled(tls) => tls.read_exact(into).await?,
    };
    Ok(())
}
