//! What a client said of itself at its sign-in, and what was agreed. Copied, because it outlives the packet it came in.

use super::DEFAULT_PLUGIN;
use crate::command::ChangeUser;
use crate::handshake::HandshakeResponse;
use crate::{Capabilities, Pairs, Plugin};

/// A client that wants to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// What was agreed: what the client wants, of what it was offered.
    pub capabilities: Capabilities,
    /// The longest packet that it takes, in bytes.
    pub max_packet: u32,
    /// The collation that stands for its character set.
    pub collation: u16,
    /// Who it says it is. Proven only for a minted credential.
    pub user: Vec<u8>,
    /// The database that it wants, where it names one.
    pub database: Option<Vec<u8>>,
    attributes: Vec<u8>,
    knows_default_plugin: bool,
}

impl Client {
    pub(super) fn new(response: &HandshakeResponse<'_>, offered: Capabilities) -> Self {
        Self {
            capabilities: response.head.capabilities & offered,
            max_packet: response.head.max_packet,
            collation: u16::from(response.head.collation),
            user: response.user.to_vec(),
            database: response.database.and_then(named),
            attributes: raw(response.attributes),
            knows_default_plugin: Plugin::of(response.plugin) == Some(DEFAULT_PLUGIN),
        }
    }

    /// The client that this one turns into.
    pub(super) fn changed(&self, change: &ChangeUser<'_>) -> Self {
        Self {
            capabilities: self.capabilities,
            max_packet: self.max_packet,
            collation: change.tail.map_or(self.collation, |tail| tail.collation),
            user: change.user.to_vec(),
            database: named(change.database),
            attributes: raw(change.tail.and_then(|tail| tail.attributes)),
            knows_default_plugin: self.knows_default_plugin,
        }
    }

    /// The attributes of the client's program, as it sent them: free text, unproven.
    pub fn attributes(&self) -> Pairs<'_> {
        // INVARIANT: these bytes were `Pairs` in the packet.
        Pairs::decode(&self.attributes, "attribute").unwrap_or_default()
    }

    /// Whether it ever named the plugin itself. Some name another when they change the user.
    pub(super) fn knows_default_plugin(&self) -> bool {
        self.knows_default_plugin
    }

    pub(super) fn is_libmysql(&self) -> bool {
        self.attributes().iter().any(|pair| pair == (&b"_client_name"[..], &b"libmysql"[..]))
    }
}

fn named(database: &[u8]) -> Option<Vec<u8>> {
    (!database.is_empty()).then(|| database.to_vec())
}

fn raw(attributes: Option<Pairs<'_>>) -> Vec<u8> {
    attributes.map_or_else(Vec::new, |pairs| pairs.raw().to_vec())
}
