//! The entry's fixed header and the chain: what every entry has, whatever it says.
//!
//! ```text
//! length u32 | kind u8 | flags u8 | zero u16 | attempt u32 | session 16 | sequence u64 | time u64 | payload | chain 32
//! ```
//! Numbers are little-endian; the session is the sixteen bytes of its number, most significant first. The chain of a
//! session is `BLAKE3(previous chain ‖ header ‖ payload)`, beginning with 32 zero bytes. Kinds that a reader does not know
//! are skipped and still chained. Meaning of the payloads: [`crate::body`].

use crate::codec::{Malformed, Take};
use crate::limits::MAX_PAYLOAD;

/// Length of the fixed header.
pub const HEADER: usize = 44;
/// Length of the chain value after the payload.
pub const CHAIN: usize = 32;
/// The payload is sealed: ciphertext and a 16-byte tag.
pub const SEALED: u8 = 1;
/// A wrapped payload key stands before the payload: u16 length, then an age file.
pub const KEYED: u8 = 2;
/// A chain value; also any other BLAKE3 digest.
pub type Digest = [u8; 32];
/// The chain before a session's first entry.
pub const CHAIN_START: Digest = [0; 32];

/// What an entry is about. Codes are part of the format; 0 is never used, so that zeroed bytes are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A session begins: who, from where, to what.
    SessionStart,
    /// A session ends: why.
    SessionEnd,
    /// A statement and its verdict. With the verdict `allow` it is the intention: its bytes may be forwarded from now on.
    Statement,
    /// What came of a statement that was allowed.
    Outcome,
    /// Bytes of a result as the client saw them.
    Result,
    /// Something that happened to the gateway or the session: reload, drain, failing open.
    Note,
    /// A content-addressed text: a policy, a catalog.
    Blob,
    /// A kind from a later version.
    Unknown(u8),
}

impl Kind {
    /// The code in the header.
    pub fn code(self) -> u8 {
        match self {
            Self::SessionStart => 1,
            Self::SessionEnd => 2,
            Self::Statement => 3,
            Self::Outcome => 4,
            Self::Result => 5,
            Self::Note => 6,
            Self::Blob => 7,
            Self::Unknown(code) => code,
        }
    }

    /// The kind of a code.
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::SessionStart,
            2 => Self::SessionEnd,
            3 => Self::Statement,
            4 => Self::Outcome,
            5 => Self::Result,
            6 => Self::Note,
            7 => Self::Blob,
            other => Self::Unknown(other),
        }
    }
}

/// The fixed header of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of payload that follow.
    pub length: u32,
    /// What the entry is about.
    pub kind: Kind,
    /// [`SEALED`], [`KEYED`].
    pub flags: u8,
    /// How many writes of this session failed before: makes the nonce of a sealed payload unique.
    pub attempt: u32,
    /// The session.
    pub session: u128,
    /// Place in the session's chain, from 0.
    pub sequence: u64,
    /// Microseconds since the Unix epoch.
    pub time: u64,
}

impl Header {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER] {
        let mut out = [0u8; HEADER];
        let mut rest = out.as_mut_slice();
        place(&mut rest, self.length.to_le_bytes());
        place(&mut rest, [self.kind.code(), self.flags, 0, 0]);
        place(&mut rest, self.attempt.to_le_bytes());
        place(&mut rest, self.session.to_be_bytes());
        place(&mut rest, self.sequence.to_le_bytes());
        place(&mut rest, self.time.to_le_bytes());
        out
    }

    /// Reads a header. A length beyond [`MAX_PAYLOAD`], an unknown flag or kind 0 is refused.
    pub fn decode(bytes: &[u8; HEADER]) -> Result<Self, Malformed> {
        let mut take = Take::new(bytes);
        let length = u32::from_le_bytes(take.array("length")?);
        if length as usize > MAX_PAYLOAD {
            return Err(Malformed::Invalid("length"));
        }
        let [kind, flags, zero, zero2] = take.array("kind")?;
        if kind == 0 || flags & !(SEALED | KEYED) != 0 || zero != 0 || zero2 != 0 {
            return Err(Malformed::Invalid("kind"));
        }
        Ok(Self {
            length,
            kind: Kind::from_code(kind),
            flags,
            attempt: u32::from_le_bytes(take.array("attempt")?),
            session: u128::from_be_bytes(take.array("session")?),
            sequence: u64::from_le_bytes(take.array("sequence")?),
            time: u64::from_le_bytes(take.array("time")?),
        })
    }

    /// Bytes of the whole entry.
    pub fn entry_length(&self) -> u64 {
        u64::from(self.length).saturating_add(HEADER as u64).saturating_add(CHAIN as u64)
    }
}

/// Writes at the front of what is left.
pub(crate) fn place<const N: usize>(rest: &mut &mut [u8], bytes: [u8; N]) {
    if let Some((room, after)) = std::mem::take(rest).split_first_chunk_mut::<N>() {
        *room = bytes;
        *rest = after;
    }
}

/// The next value of a session's chain.
pub fn chain(previous: &Digest, header_and_payload: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(previous);
    for part in header_and_payload {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_header_is_its_bytes(bytes: [u8; HEADER]) {
            if let Ok(header) = Header::decode(&bytes) {
                prop_assert_eq!(header.encode(), bytes);
            }
        }
    }

    #[test]
    fn zeroed_bytes_are_no_entry() {
        assert!(Header::decode(&[0; HEADER]).is_err());
    }
}
