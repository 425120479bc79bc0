//! The way to the gateway's listener: TLS, except to a listener on this machine that has none.

use std::{pin::Pin, time::Duration};

use bytes::BytesMut;
use portcullis_postgres::startup::FirstPacket;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{client::trust::Trust, failure::Failure};

/// Both directions of a connection, in clear or under TLS.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// A connection to the gateway.
pub(crate) type Wire = Pin<Box<dyn Duplex>>;

/// The gateway's listener.
pub(crate) struct Target {
    host: String,
    port: u16,
    trust: Trust,
    /// An authority was named, so whoever speaks in clear is not the gateway.
    must_be_tls: bool,
}

const MYSQL: &str = "it speaks MySQL: give its address by --protocol mysql --mysql HOST:PORT";

/// Connecting, TLS and the answer to a request take a moment or fail.
const PATIENCE: Duration = Duration::from_secs(10);

impl Target {
    /// Reads `host:port`.
    pub(crate) fn new(address: &str, trust: Trust, must_be_tls: bool) -> Result<Self, Failure> {
        let split = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = split
            .filter(|(host, _)| !host.is_empty())
            .ok_or_else(|| Failure::usage(format_args!("`{address}` is not of the form host:port")))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port, trust, must_be_tls })
    }

    /// Connects.
    pub(crate) async fn dial(&self) -> Result<Wire, Failure> {
        match timeout(PATIENCE, self.reach()).await {
            Ok(reached) => reached,
            Err(_) => Err(self.unreachable(&"no answer in time")),
        }
    }

    /// Connects, and leaves it to the caller to begin TLS.
    pub(crate) async fn socket(&self) -> Result<TcpStream, Failure> {
        match timeout(PATIENCE, self.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(self.unreachable(&"no answer in time")),
        }
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        let connected = TcpStream::connect((self.host.as_str(), self.port)).await;
        let socket = connected.map_err(|error| self.unreachable(&error))?;
        socket.set_nodelay(true).map_err(|error| self.unreachable(&error))?;
        Ok(socket)
    }

    async fn reach(&self) -> Result<Wire, Failure> {
        let mut socket = self.connect().await?;
        let mut request = BytesMut::new();
        FirstPacket::SslRequest.encode(&mut request);
        let mut answer = [0];
        socket.write_all(&request).await.map_err(|error| self.unreachable(&error))?;
        // One byte and no more: what came in clear behind it would be read as if it were protected (CVE-2021-23222).
        socket.read_exact(&mut answer).await.map_err(|error| self.unreachable(&error))?;
        match answer {
            [b'S'] => self.encrypt(socket).await,
            [b'N'] => self.in_clear(socket),
            _ if greets_as_mysql(&mut socket).await => Err(self.unreachable(&MYSQL)),
            _ => Err(self.unreachable(&"it does not speak the Postgres protocol")),
        }
    }

    /// The peer agreed to TLS.
    pub(crate) async fn encrypt(&self, socket: TcpStream) -> Result<Wire, Failure> {
        Ok(Box::pin(self.trust.wrap(&self.host, socket).await?))
    }

    /// The peer has no TLS.
    pub(crate) fn in_clear(&self, socket: TcpStream) -> Result<Wire, Failure> {
        match self.clear_is_safe(&socket) {
            true => Ok(Box::pin(socket)),
            false => Err(self.unreachable(&"it does not speak TLS, and a token is not sent in clear")),
        }
    }

    /// A token goes in clear only to this machine, and only where nothing says that the gateway has a certificate.
    fn clear_is_safe(&self, socket: &TcpStream) -> bool {
        !self.must_be_tls && socket.peer_addr().is_ok_and(|peer| peer.ip().is_loopback())
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::refused(format_args!("the gateway at `{}:{}`: {error}", self.host, self.port))
    }
}

/// Whether what follows the first byte is a MySQL server's greeting: that server speaks first, whatever we said.
async fn greets_as_mysql(socket: &mut TcpStream) -> bool {
    let mut rest = [0; 4];
    socket.read_exact(&mut rest).await.is_ok() && matches!(rest, [_, _, 0, 10])
}
