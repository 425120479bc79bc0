//! Where an upstream is and how it is reached: TCP, and TLS as configured. What is said there is the protocol's.
//!
//! The password is the configuration's; it is handed to the protocol's sign-in machine and appears nowhere else.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use portcullis_net::{Stream, stream};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

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
    Postgres(#[from] portcullis_postgres::dial::DialError),
    /// The sign-in failed.
    #[error(transparent)]
    MySql(#[from] portcullis_mysql::dial::DialError),
    /// It took too long.
    #[error("the database did not answer in time")]
    TimedOut,
}

impl Target {
    /// Connects, in clear.
    pub(crate) async fn connect(&self) -> Result<Stream, NotReached> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream::prepare(&socket)?;
        Ok(Stream::Plain(socket))
    }

    /// Begins TLS on a connection that is in clear.
    pub(crate) async fn encrypt(&self, plain: Stream, tls: &Arc<rustls::ClientConfig>) -> Result<Stream, NotReached> {
        let Stream::Plain(socket) = plain else { return Err(NotReached::ClearBytes) };
        let name = ServerName::try_from(self.host.clone()).map_err(|_| NotReached::BadName)?;
        let tls = TlsConnector::from(tls.clone()).connect(name, socket).await?;
        Ok(Stream::Dialled(Box::new(tls)))
    }

    /// Gives `attempt` as long as an attempt may take.
    pub(crate) async fn in_time<T>(
        &self,
        attempt: impl Future<Output = Result<T, NotReached>>,
    ) -> Result<T, NotReached> {
        tokio::time::timeout(self.timeout, attempt).await.map_err(|_| NotReached::TimedOut)?
    }
}
