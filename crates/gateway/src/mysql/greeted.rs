//! What a client is greeted with: the server speaks first, before the client has named where it wants to go.
//!
//! A listener therefore serves upstreams of one flavour, and greets with what all of them have: the lowest version, the
//! capabilities in common. What they say is learnt when their catalogs are read.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_mysql::dial::Ready;
use portcullis_mysql::{Capabilities, ServerVersion};

use crate::accept::{Door, Turned};
use crate::catalog::Server;
use crate::config::Protocol;
use crate::open;
use crate::process::Process;

/// What a server says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Greeted {
    /// The version's text.
    pub(crate) version: Bytes,
    pub(crate) server: ServerVersion,
    pub(crate) capabilities: Capabilities,
    pub(crate) collation: u8,
}

impl Greeted {
    /// What a server said when the gateway signed in.
    pub(super) fn of(ready: &Ready) -> Self {
        Self {
            version: ready.version.clone(),
            server: ready.server,
            capabilities: ready.capabilities,
            collation: ready.collation,
        }
    }

    /// What both have.
    fn common(&self, other: &Self) -> Self {
        let lowest = if other.server.number() < self.server.number() { other } else { self };
        Self { capabilities: self.capabilities & other.capabilities, ..lowest.clone() }
    }
}

/// What clients of a listener are greeted with. Upstreams that cannot be reached do not count.
pub(super) async fn for_clients(process: &Process, door: &Door) -> Result<Greeted, Turned> {
    let upstreams = process.upstreams.load_full();
    let mut names: Vec<&String> = upstreams.keys().collect();
    names.sort();
    let listed = |name: &String| door.upstreams.as_ref().is_none_or(|listed| listed.contains(name));
    let mut found: Option<Greeted> = None;
    let mut failed = None;
    for upstream in names.into_iter().filter(|name| listed(name)).filter_map(|name| upstreams.get(name)) {
        if upstream.settings().protocol != Protocol::MySql {
            continue;
        }
        match open::warm(upstream).await.map(|known| known.server.clone()) {
            Ok(Server::MySql(greeted)) => {
                found = Some(match found {
                    Some(before) if before.server.flavour == greeted.server.flavour => before.common(&greeted),
                    Some(before) => before,
                    None => Arc::unwrap_or_clone(greeted),
                });
            }
            Ok(Server::Postgres) => {}
            Err(turned) => failed = Some(turned),
        }
    }
    found.ok_or_else(|| failed.unwrap_or_else(|| open::nothing_behind("no database is served here")))
}
