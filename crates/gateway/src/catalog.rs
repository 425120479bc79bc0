//! What exists in an upstream, read over a connection of the gateway's own, by whatever protocol it speaks.

use std::sync::Arc;
use std::time::Duration;

use portcullis_sql::catalog::{Catalog, SearchPath};
use portcullis_sql::dialect::Dialect;
use portcullis_wire::Fault;

use crate::config::Protocol;
use crate::dial::{NotReached, Target};
use crate::{mysql, postgres};

/// How often the fingerprint is compared.
pub(crate) const POLL: Duration = Duration::from_secs(5);

/// Why a catalog could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error(transparent)]
    NotReached(#[from] NotReached),
    #[error("the connection for the catalog failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("the database's answer is not understood: {0}")]
    Fault(#[from] Fault),
    #[error("the database refused to show its catalog (SQLSTATE {0})")]
    Refused(String),
    #[error("the database's catalog is not understood")]
    Unexpected,
}

/// What one reading found.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) catalog: Catalog,
    pub(crate) path: Option<SearchPath>,
    pub(crate) user: String,
    pub(crate) fingerprint: String,
    pub(crate) server: Server,
}

/// What the server is, as far as a client must be told before it says where it wants to go.
#[derive(Debug, Clone)]
pub(crate) enum Server {
    Postgres,
    MySql(Arc<mysql::Greeted>),
}

/// The gateway's own connection to an upstream.
#[derive(Debug)]
pub(crate) enum Reader {
    Postgres(postgres::catalog::Reader),
    MySql(mysql::catalog::Reader),
}

impl Reader {
    /// Connects.
    pub(crate) async fn connect(protocol: Protocol, target: &Target) -> Result<Self, Unread> {
        Ok(match protocol {
            Protocol::Postgres => Self::Postgres(postgres::catalog::Reader::connect(target).await?),
            Protocol::MySql => Self::MySql(mysql::catalog::Reader::connect(target).await?),
        })
    }

    /// The fingerprint of what exists now.
    pub(crate) async fn fingerprint(&mut self) -> Result<String, Unread> {
        match self {
            Self::Postgres(reader) => reader.fingerprint().await,
            Self::MySql(reader) => reader.fingerprint().await,
        }
    }

    /// Everything that names can mean.
    pub(crate) async fn read(&mut self, epoch: u64) -> Result<Reading, Unread> {
        match self {
            Self::Postgres(reader) => reader.read(epoch).await,
            Self::MySql(reader) => reader.read(epoch).await,
        }
    }
}
