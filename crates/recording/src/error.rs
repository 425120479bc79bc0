//! What can go wrong while recording: the sink's fault, or a key's. Either way the session is refused, never unrecorded.

/// A batch that the sink did not take. Nothing of it was recorded; its statements must be refused.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The write failed: disk full, folder gone, no permission.
    #[error("the recording cannot be written")]
    Io(#[from] std::io::Error),
    /// This session's nonces are used up by failed writes. The session must end.
    #[error("the session can record no more")]
    Exhausted,
}

/// A session whose recording cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The operating system gave no random bytes for the session's key.
    #[error("no random bytes for the session key")]
    Entropy,
    /// The recipient's key is a point that gives no secret.
    #[error("the recipient's key is not usable")]
    Recipient,
}

/// Text that is not a key of the expected kind. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither an `age1…` recipient nor 32 bytes in hex or base64.
    #[error("not an age recipient, nor 32 bytes in hex or base64")]
    Recipient,
    /// Not an `AGE-SECRET-KEY-1…` identity.
    #[error("not an age identity")]
    Identity,
    /// A wrapped key that is not an age file for one X25519 recipient.
    #[error("the wrapped session key is not a usable age file")]
    Wrapped,
    /// None of the identities opens this session.
    #[error("no identity opens this session")]
    NoMatch,
}

/// A recording that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The folder or a file cannot be read.
    #[error("the recording cannot be read")]
    Io(#[from] std::io::Error),
    /// A segment is damaged; `verify` says more.
    #[error("segment {0} is damaged: {1}")]
    Segment(u64, #[source] crate::segment::ReadError),
    /// A payload does not follow the format.
    #[error("entry {sequence} in segment {segment} cannot be understood: {cause}")]
    Payload {
        /// The segment.
        segment: u64,
        /// The entry's sequence in its session.
        sequence: u64,
        /// What is wrong.
        cause: crate::codec::Malformed,
    },
    /// The session's key or an entry does not open.
    #[error("entry {sequence} in segment {segment} does not decrypt")]
    Undecipherable {
        /// The segment.
        segment: u64,
        /// The entry's sequence in its session.
        sequence: u64,
    },
}
