//! A client's connection from its first byte to the relay: what all protocols share.
//!
//! Each protocol has its own way to ask for encryption, to prove an identity and to be turned away; its front is in its own
//! module. Whatever the protocol, everything up to the relay runs under one deadline and in small buffers, and what a client
//! is told before it proved an identity is the same whatever was wrong.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use portcullis_net::Stream;
use portcullis_wire::Fault;
use portcullis_wire::event::Refusal;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;

use crate::config::Protocol;
use crate::metrics::Opening;
use crate::open::Running;
use crate::process::Process;
use crate::{mysql, postgres};

/// One listener, ready for connections.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) protocol: Protocol,
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
    pub(crate) fn stream(&mut self) -> Result<&mut Stream, Turned> {
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

    /// Whether a secret may cross this connection.
    pub(crate) fn is_private(&self) -> bool {
        self.is_tls() || self.source.ip().is_loopback()
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_tls)
    }

    /// Does the handshake of TLS. What the client sends in clear behind its request for it must not be in the buffer.
    pub(crate) async fn encrypt(&mut self, door: &Door) -> Result<(), Turned> {
        let Some(tls) = &door.tls else {
            return Err(Fault::from(portcullis_wire::Unsupported("TLS on this listener")).into());
        };
        let Some(Stream::Plain(socket)) = self.stream.take() else {
            return Err(Fault::from(portcullis_wire::Unexpected("TLS inside TLS")).into());
        };
        let accepted = TlsAcceptor::from(tls.clone()).accept(socket).await?;
        self.stream = Some(Stream::Accepted(Box::new(accepted)));
        Ok(())
    }

    /// The last words, in the protocol's own form.
    pub(crate) async fn farewell(&mut self, words: BytesMut) {
        if self.send(words.freeze()).await.is_ok()
            && let Some(stream) = &mut self.stream
        {
            stream.shut().await;
        }
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
            process.metrics.opening(door.protocol, "", Opening::Broken);
            tracing::debug!(%source, "a client took too long to sign in");
        }
    }
    drop(opening);
}

/// Opens a session, or tells the client why not.
async fn open(process: &Arc<Process>, door: &Door, socket: TcpStream, source: SocketAddr) -> Option<Running> {
    if let Err(error) = portcullis_net::stream::prepare(&socket) {
        tracing::debug!(%source, %error, "a socket could not be prepared");
        return None;
    }
    let peer = Peer { stream: Some(Stream::Plain(socket)), buffer: BytesMut::new(), source };
    match door.protocol {
        Protocol::Postgres => postgres::front::open(process, door, peer).await,
        Protocol::MySql => mysql::front::open(process, door, peer).await,
    }
}

/// Notes that a connection was turned away. What the client is to be told, if anything.
pub(crate) fn turned_away(
    process: &Process,
    protocol: Protocol,
    source: SocketAddr,
    turned: Turned,
) -> Option<Refusal> {
    // A cancel request is no connection that wants in.
    if matches!(turned, Turned::Done) {
        return None;
    }
    tracing::info!(%source, reason = %turned, "a connection was not let in");
    let (opening, refusal) = match turned {
        Turned::Done | Turned::Io(_) => (Opening::Broken, None),
        Turned::Away(opening, refusal) => (opening, Some(refusal)),
        Turned::Fault(fault) => {
            let message = format!("the firewall does not understand a message: {fault}");
            let refusal = Refusal { sqlstate: *b"08P01", message, detail: None, hint: None, position: None };
            (Opening::Broken, Some(refusal))
        }
    };
    process.metrics.opening(protocol, "", opening);
    refusal
}
