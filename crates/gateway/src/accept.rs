//! A client's connection from its first byte to the relay: encryption, sign-in, policy's `connect`, the upstream.
//!
//! ```text
//!  first byte ─▶ TLS? ─▶ first packet ─▶ Cancel: passed on, nothing answered
//!                  ▲          │ └─ SSLRequest, GSSENCRequest: answered, again
//!                  └──────────┘
//!                             ▼ Startup
//!            sign-in ─▶ identity ─▶ place ─▶ connect, startup settings ─▶ dial ─▶ record ─▶ relay
//! ```
//!
//! Until the sign-in ends nothing but a startup packet and an answer to our own question is read, in small buffers and
//! under one deadline. What a client is told before it proved an identity is the same whatever was wrong. Bytes in clear
//! behind a request for TLS end the connection (CVE-2021-23214). Spec: Postgres "Start-up".

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use portcullis_net::Stream;
use portcullis_postgres::backend::Severity;
use portcullis_postgres::frame::{FrameLimits, split_frontend};
use portcullis_postgres::session::put_refusal;
use portcullis_postgres::startup::{self, FirstPacket};
use portcullis_wire::Fault;
use portcullis_wire::event::Refusal;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;

use crate::metrics::Opening;
use crate::open::{self, Request};
use crate::process::Process;

/// One listener, ready for connections.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Our certificate, for sign-ins that are bound to it.
    pub(crate) certificate: Option<Bytes>,
    /// The upstreams that may be reached through it; `None`: all of its protocol.
    pub(crate) upstreams: Option<Arc<[String]>>,
}

/// A connection that is being opened.
#[derive(Debug)]
pub(crate) struct Peer {
    /// `None` only while a handshake runs, and after one that failed.
    pub(crate) stream: Option<Stream>,
    pub(crate) buffer: BytesMut,
    pub(crate) source: SocketAddr,
}

/// Why a connection does not become a session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Turned {
    #[error("the connection ended: {0}")]
    Io(#[from] std::io::Error),
    #[error("the protocol was broken: {0}")]
    Fault(#[from] Fault),
    #[error("nothing to do")]
    Done,
    /// It was told why.
    #[error("turned away: {}", .1.message)]
    Away(Opening, Refusal),
}

impl Peer {
    fn stream(&mut self) -> Result<&mut Stream, Turned> {
        self.stream.as_mut().ok_or(Turned::Done)
    }

    /// Reads at least one byte more.
    pub(crate) async fn more(&mut self) -> Result<(), Turned> {
        let stream = self.stream.as_mut().ok_or(Turned::Done)?;
        match stream.fill(&mut self.buffer).await? {
            0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            _ => Ok(()),
        }
    }

    pub(crate) async fn send(&mut self, bytes: Bytes) -> Result<(), Turned> {
        Ok(self.stream()?.send(bytes).await?)
    }

    /// The next frame of the sign-in.
    pub(crate) async fn frame(
        &mut self,
    ) -> Result<portcullis_postgres::Frame<portcullis_postgres::FrontendTag>, Turned> {
        let limits = FrameLimits::before_sign_in();
        loop {
            if let Some(frame) = split_frontend(&mut self.buffer, &limits)? {
                return Ok(frame);
            }
            self.more().await?;
        }
    }

    /// Whether a secret may cross this connection.
    pub(crate) fn is_private(&self) -> bool {
        self.is_tls() || self.source.ip().is_loopback()
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_tls)
    }
}

/// Serves one connection, whatever comes of it.
///
/// `opening` is its place among those that sign in; it is given back with the sign-in's end.
pub(crate) async fn serve(
    process: Arc<Process>,
    door: Door,
    socket: TcpStream,
    source: SocketAddr,
    opening: OwnedSemaphorePermit,
) {
    let deadline = process.current.load().config.limits.login_deadline;
    let opened = tokio::time::timeout(deadline, open(&process, &door, socket, source)).await;
    match opened {
        // On a task of its own, so that an idle session does not keep what its sign-in needed.
        Ok(Some(relay)) => drop(process.tasks.spawn(relay)),
        Ok(None) => {}
        Err(_) => {
            process.metrics.opening("", Opening::Broken);
            tracing::debug!(%source, "a client took too long to sign in");
        }
    }
    drop(opening);
}

/// Opens a session, or tells the client why not.
async fn open(process: &Arc<Process>, door: &Door, socket: TcpStream, source: SocketAddr) -> Option<open::Running> {
    if let Err(error) = portcullis_net::stream::prepare(&socket) {
        tracing::debug!(%source, %error, "a socket could not be prepared");
        return None;
    }
    let mut peer = Peer { stream: Some(Stream::Plain(socket)), buffer: BytesMut::new(), source };
    let turned = match first_packet(process, door, &mut peer).await {
        Ok(packet) => match Request::of(&packet) {
            Ok(request) => match open::open(process, door, &mut peer, &request).await {
                Ok(opened) => return Some(open::run(process.clone(), opened, peer)),
                Err(turned) => turned,
            },
            Err(fault) => Turned::Fault(fault),
        },
        Err(turned) => turned,
    };
    turn_away(process, &mut peer, turned).await;
    None
}

async fn turn_away(process: &Process, peer: &mut Peer, turned: Turned) {
    // A cancel request is no connection that wants in.
    if matches!(turned, Turned::Done) {
        return;
    }
    let source = peer.source;
    tracing::info!(%source, reason = %turned, "a connection was not let in");
    let (opening, refusal) = match turned {
        Turned::Done | Turned::Io(_) => {
            process.metrics.opening("", Opening::Broken);
            return;
        }
        Turned::Away(opening, refusal) => (opening, refusal),
        Turned::Fault(fault) => {
            let message = format!("the firewall does not understand a message: {fault}");
            (Opening::Broken, Refusal { sqlstate: *b"08P01", message, detail: None, hint: None, position: None })
        }
    };
    process.metrics.opening("", opening);
    let mut out = BytesMut::new();
    put_refusal(&refusal, Severity::Fatal, &mut out);
    if peer.send(out.freeze()).await.is_ok()
        && let Some(stream) = &mut peer.stream
    {
        stream.shut().await;
    }
}

/// Answers requests for encryption until a startup packet comes.
async fn first_packet(process: &Process, door: &Door, peer: &mut Peer) -> Result<Bytes, Turned> {
    // Direct TLS (PostgreSQL 17) begins with a handshake; its first byte is looked at without being taken.
    let mut first = [0];
    if peer.stream()?.socket().peek(&mut first).await? > 0 && startup::is_tls(first[0]) {
        encrypt(door, peer, true).await?;
    }
    let mut asked_gss = false;
    loop {
        let packet = loop {
            if let Some(packet) = startup::split(&mut peer.buffer)? {
                break packet;
            }
            peer.more().await?;
        };
        match FirstPacket::decode(&packet)? {
            FirstPacket::Startup(_) => return Ok(packet),
            FirstPacket::Cancel(cancel) => {
                if process.registry.cancel(cancel.process, cancel.secret) {
                    process.metrics.cancelled();
                }
                return Err(Turned::Done);
            }
            FirstPacket::GssEncRequest if !asked_gss => {
                asked_gss = true;
                no_clear_bytes(peer)?;
                peer.send(Bytes::from_static(b"N")).await?;
            }
            FirstPacket::SslRequest if !peer.is_tls() => {
                no_clear_bytes(peer)?;
                if door.tls.is_none() {
                    peer.send(Bytes::from_static(b"N")).await?;
                    continue;
                }
                peer.send(Bytes::from_static(b"S")).await?;
                encrypt(door, peer, false).await?;
            }
            FirstPacket::SslRequest | FirstPacket::GssEncRequest => {
                return Err(Fault::from(portcullis_wire::Unexpected("a second request for encryption")).into());
            }
        }
    }
}

/// EVASION: what stands in clear behind a request for encryption would be read as if it came encrypted
/// (test `bytes_in_clear_behind_a_request_for_tls_end_the_connection`).
fn no_clear_bytes(peer: &Peer) -> Result<(), Turned> {
    if peer.buffer.is_empty() {
        Ok(())
    } else {
        Err(Fault::from(portcullis_wire::Unexpected("bytes in clear before TLS")).into())
    }
}

/// Does the handshake. `direct`: the client did not ask first.
async fn encrypt(door: &Door, peer: &mut Peer, direct: bool) -> Result<(), Turned> {
    let Some(tls) = &door.tls else {
        return Err(Fault::from(portcullis_wire::Unsupported("TLS on this listener")).into());
    };
    let Some(Stream::Plain(socket)) = peer.stream.take() else {
        return Err(Fault::from(portcullis_wire::Unexpected("TLS inside TLS")).into());
    };
    let accepted = TlsAcceptor::from(tls.clone()).accept(socket).await?;
    // A client that skips the request must name the protocol, so that no other protocol's bytes are taken for ours.
    if direct && accepted.get_ref().1.alpn_protocol() != Some(portcullis_net::tls::POSTGRES_ALPN) {
        return Err(Fault::from(portcullis_wire::Unsupported("direct TLS without ALPN")).into());
    }
    peer.stream = Some(Stream::Accepted(Box::new(accepted)));
    Ok(())
}
