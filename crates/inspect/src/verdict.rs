//! What the inspector says of a request.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_policy::Permit;
use portcullis_sql::dialect::Mode;
use portcullis_wire::event::{Refusal, Ticket};

/// What becomes of a request.
#[derive(Debug)]
pub enum Verdict {
    /// A new statement: its bytes leave once its entry is recorded.
    Forward(Passage),
    /// Carries on with what was judged before.
    Continue(Option<Ticket>),
    /// It does not reach the upstream.
    Refuse(Refusal),
    /// What came before may change what it means: ask again when all of that is answered.
    Drain,
    /// Something has to be found out first; then ask again.
    Find(Job),
}

/// Bytes and their BLAKE3 digest. Neither can be changed, so a digest that is looked at later is of these bytes.
#[derive(Debug, Clone)]
pub struct Sealed {
    bytes: Bytes,
    digest: [u8; 32],
}

impl Sealed {
    /// Hashes `bytes`.
    pub fn new(bytes: Bytes) -> Self {
        let digest = *blake3::hash(&bytes).as_bytes();
        Self { bytes, digest }
    }

    /// Their digest.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The bytes.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// A statement on its way.
#[derive(Debug)]
pub struct Passage {
    /// The frame that may leave.
    pub frame: Sealed,
    /// Policy's leave for exactly these bytes.
    pub permit: Permit,
    /// What its answers will be matched by.
    pub ticket: Ticket,
}

/// Something that the inspector cannot find out by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// Analyse this text on a thread with a deep stack, and hand the result to `handle_analysis`.
    Analyse {
        /// The text.
        text: Bytes,
        /// How it is read.
        mode: Mode,
    },
    /// Read the catalog anew and hand in a world with it.
    RefreshCatalog {
        /// The epoch of the catalog that did not suffice.
        stale: u64,
    },
    /// Ask the upstream on this very session, and hand the answer to `handle_told`.
    Ask(Arc<str>),
}
