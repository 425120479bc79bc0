//! A connection to an upstream: TCP, TLS as configured, then the protocol's own sign-in with the gateway's credential.
//!
//! Bytes that an upstream sends in clear behind its answer to the request for TLS end the attempt (CVE-2021-23222). The
//! password is the configuration's; it is handed to the sign-in machine and appears nowhere else.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use portcullis_net::{Stream, stream};
use portcullis_postgres::Secret;
use portcullis_postgres::dial::{Channel, Dial, DialError, Login, Ready};
use portcullis_postgres::startup::FirstPacket;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::binding::tls_server_end_point;
use crate::config;

/// Where an upstream is and how it is reached.
#[derive(Clone)]
pub struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) password: Option<config::Secret>,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    pub(crate) timeout: Duration,
}

/// The password stays out of it.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, database, .. } = self;
        f.debug_struct("Target")
            .field("host", host)
            .field("port", port)
            .field("user", user)
            .field("database", database)
            .finish_non_exhaustive()
    }
}

/// Why an upstream was not reached. `Display` names no secret.
#[derive(Debug, thiserror::Error)]
pub enum NotReached {
    /// The network said no.
    #[error("the database cannot be reached: {0}")]
    Io(#[from] io::Error),
    /// It does not offer TLS, and TLS is required.
    #[error("the database does not offer TLS")]
    NoTls,
    /// It sent something in clear where TLS had to begin.
    #[error("the database sent bytes in clear before TLS")]
    ClearBytes,
    /// The configured host is not a name that a certificate can be checked against.
    #[error("the database's address is no valid name for TLS")]
    BadName,
    /// The sign-in failed.
    #[error(transparent)]
    SignIn(#[from] DialError),
    /// It took too long.
    #[error("the database did not answer in time")]
    TimedOut,
}

/// A connection that is signed in.
#[derive(Debug)]
pub struct Dialled {
    /// The stream.
    pub stream: Stream,
    /// What the upstream sent behind its sign-in.
    pub rest: BytesMut,
    /// What it said of itself.
    pub ready: Ready,
}

impl Target {
    /// Connects and signs in.
    ///
    /// # Errors
    /// See [`NotReached`].
    pub async fn dial(&self, protocol_minor: u16, parameters: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Dialled, NotReached> {
        let attempt = async {
            let stream = self.connect().await?;
            self.sign_in(stream, protocol_minor, parameters).await
        };
        tokio::time::timeout(self.timeout, attempt).await.map_err(|_| NotReached::TimedOut)?
    }

    /// Connects, with TLS as configured, and does not sign in.
    async fn connect(&self) -> Result<Stream, NotReached> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream::prepare(&socket)?;
        match &self.tls {
            None => Ok(Stream::Plain(socket)),
            Some(tls) => self.encrypt(socket, tls).await,
        }
    }

    async fn encrypt(&self, socket: TcpStream, tls: &Arc<rustls::ClientConfig>) -> Result<Stream, NotReached> {
        let mut plain = Stream::Plain(socket);
        let mut request = BytesMut::new();
        FirstPacket::SslRequest.encode(&mut request);
        plain.send(request.freeze()).await?;
        let mut answer = BytesMut::new();
        plain.fill(&mut answer).await?;
        match answer.as_ref() {
            b"S" => {}
            b"N" => return Err(NotReached::NoTls),
            _ => return Err(NotReached::ClearBytes),
        }
        let Stream::Plain(socket) = plain else { return Err(NotReached::ClearBytes) };
        let name = ServerName::try_from(self.host.clone()).map_err(|_| NotReached::BadName)?;
        let tls = TlsConnector::from(tls.clone()).connect(name, socket).await?;
        Ok(Stream::Dialled(Box::new(tls)))
    }

    async fn sign_in(
        &self,
        mut stream: Stream,
        protocol_minor: u16,
        parameters: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Dialled, NotReached> {
        let login = Login {
            protocol_minor,
            user: self.user.clone().into_bytes(),
            database: self.database.clone().into_bytes(),
            password: self.password.as_ref().map(|password| Secret::new(password.expose().as_bytes())),
            parameters,
            channel: channel(&stream),
        };
        let mut out = BytesMut::new();
        let mut dial = Dial::start(login, &mut out);
        let mut buffer = BytesMut::new();
        loop {
            if !out.is_empty() {
                stream.send(out.split().freeze()).await?;
            }
            if let Some(ready) = dial.handle(&mut buffer, &mut out)? {
                return Ok(Dialled { stream, rest: buffer, ready });
            }
            if out.is_empty() && stream.fill(&mut buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// Sends a cancel, and waits until the upstream has closed the connection that asked: then it was delivered.
    ///
    /// # Errors
    /// See [`NotReached`].
    pub async fn cancel(&self, packet: Bytes) -> Result<(), NotReached> {
        let attempt = async {
            let mut stream = self.connect().await?;
            stream.send(packet).await?;
            let mut nothing = BytesMut::new();
            while stream.fill(&mut nothing).await? > 0 {
                nothing.clear();
            }
            Ok(())
        };
        tokio::time::timeout(self.timeout, attempt).await.map_err(|_| NotReached::TimedOut)?
    }
}

fn channel(stream: &Stream) -> Channel {
    match stream {
        Stream::Dialled(tls) => {
            let certificate = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            Channel::Tls { end_point: certificate.and_then(|certificate| tls_server_end_point(certificate)) }
        }
        other => match other.socket().peer_addr() {
            Ok(peer) if peer.ip().is_loopback() => Channel::Loopback,
            _ => Channel::Clear,
        },
    }
}
