//! What the inspector says of a request.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_policy::Permit;
use portcullis_sql::dialect::Mode;
use portcullis_wire::Frame;
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
    /// Say to `handle_whose` whether the session of this number is the principal's own; then ask again.
    Whose(u64),
    /// A session of the principal's own ends, or what it runs, once this is recorded. The gateway does it itself.
    End {
        /// Its number, as the client knows it.
        session: u64,
        /// The session itself lives on.
        statement_only: bool,
    },
    /// Something has to be found out first; then ask again.
    Find(Job),
}

/// A frame and the BLAKE3 digest of its bytes. Neither can be changed, so a digest that is looked at later is of these bytes.
#[derive(Debug, Clone)]
pub struct Sealed {
    frame: Frame,
    digest: [u8; 32],
}

impl Sealed {
    /// Hashes the bytes of `frame`, as they will leave.
    pub fn new(frame: Frame) -> Self {
        let digest = *blake3::hash(frame.bytes()).as_bytes();
        Self { frame, digest }
    }

    /// Their digest.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The frame.
    pub fn into_frame(self) -> Frame {
        self.frame
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
