//! Why bytes are refused: wrong bytes, right bytes at the wrong moment, or a feature this firewall does not speak.
//!
//! `Display` is for our own logs. It never holds a value from the wire, so it may be logged as it is.

/// Bytes that cannot be a message of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A field ran past the end of its frame.
    #[error("field `{0}` runs past the end of its frame")]
    Truncated(&'static str),
    /// Bytes remain after the last field.
    #[error("{0} trailing bytes after the last field")]
    Trailing(usize),
    /// A length, count or code outside what the specification allows.
    #[error("field `{0}` holds a value that the protocol does not allow")]
    Invalid(&'static str),
    /// Text that is not valid in the encoding the field must have.
    #[error("field `{0}` is not valid text")]
    NotText(&'static str),
}

/// A well-formed message at a moment when the protocol does not allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message `{0}` is not allowed at this moment")]
pub struct Unexpected(pub &'static str);

/// A well-formed request for something this firewall does not speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not supported")]
pub struct Unsupported(pub &'static str);

/// Any reason to stop understanding a peer. After a fault the session is closed: framing can no longer be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are wrong.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The bytes are right, the moment is wrong.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
    /// We do not speak it.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// A frame longer than the limit of this state.
    #[error("frame of {length} bytes is over the limit of {limit}")]
    OverLimit {
        /// What the peer claims, in bytes.
        length: u64,
        /// What this state allows, in bytes.
        limit: u64,
    },
}
