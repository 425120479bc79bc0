//! Checkpoints: what the gateway signs, once a second while anything changed, about all sessions at one position.
//!
//! A session's chain shows a changed or missing entry in its middle; it cannot show that its end, or the whole session,
//! is gone. A checkpoint says where every chain that moved stands, and where the segment ends, at one exact position, so
//! that a reader who arrives at that position must find just that. Each checkpoint names the digest of the one before.
//! Copies at a witness outside the folder make removed checkpoints show too.
//!
//! ```text
//! record: length u32 | body | signature 64          signature: Ed25519 over the body
//! body:   "PCCP" | version u8 | kind u8 | zero u16 | number u64 | time u64 | gateway key 32 | previous record 32 |
//!         segment u64 | offset u64 | live u64 |
//!         heads:   u32 × { session 16 | sequence u64 | chain 32 | ended u8 }
//!         sealed:  u32 × { number u64 | length u64 | torn u64 | first u64 | last u64 | digest 32 }
//!         expired: u32 × { number u64 | digest 32 }
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::json;

use crate::codec::{Malformed, Put, Take};
use crate::entry::Digest;
use crate::limits::MAX_CHECKPOINT;

const MAGIC: [u8; 4] = *b"PCCP";
const VERSION: u8 = 1;
const SIGNATURE: usize = 64;

/// Why a checkpoint was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointKind {
    /// A process began; sessions of an earlier one are over.
    Open,
    /// A second passed and something changed.
    Periodic,
    /// A segment was sealed; the heads are those of all live sessions at its end.
    Seal,
    /// Segments were deleted because their time was over.
    Retention,
    /// The process ended in order; its last segment is sealed.
    Close,
}

impl CheckpointKind {
    const ALL: [Self; 5] = [Self::Open, Self::Periodic, Self::Seal, Self::Retention, Self::Close];

    fn code(self) -> u8 {
        match self {
            Self::Open => 1,
            Self::Periodic => 2,
            Self::Seal => 3,
            Self::Retention => 4,
            Self::Close => 5,
        }
    }

    /// Whether the heads are of all live sessions, not only of those that moved.
    pub fn is_full(self) -> bool {
        matches!(self, Self::Open | Self::Seal | Self::Close)
    }
}

/// Where a session's chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The session.
    pub session: u128,
    /// Sequence of its last entry.
    pub sequence: u64,
    /// Its chain after that.
    pub chain: Digest,
    /// That entry was its end.
    pub ended: bool,
}

/// A segment that will not change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Its number.
    pub number: u64,
    /// Bytes of the file before compression.
    pub length: u64,
    /// Bytes at its end that are no whole entry: a write cut off when the process died.
    pub torn: u64,
    /// Time of its header.
    pub first: u64,
    /// Time of its last entry.
    pub last: u64,
    /// BLAKE3 of the whole file before compression.
    pub digest: Digest,
}

/// One checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Why it was written.
    pub kind: CheckpointKind,
    /// Its number, from 1, without gaps.
    pub number: u64,
    /// When.
    pub time: u64,
    /// Public key of the gateway that signs.
    pub gateway: [u8; 32],
    /// Digest of the record before; zeros for the first.
    pub previous: Digest,
    /// The position: everything before it is covered.
    pub position: (u64, u64),
    /// Sessions that have begun and not ended at this position.
    pub live: u64,
    /// Chains that moved since the last checkpoint, or all live ones.
    pub heads: Vec<Head>,
    /// Segments sealed with it.
    pub sealed: Vec<Sealed>,
    /// Segments deleted by retention, with their digests.
    pub expired: Vec<(u64, Digest)>,
}

impl Checkpoint {
    /// The signed record as it stands in the log, its length before it.
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let mut body = self.body();
        let signature = key.sign(&body);
        body.fixed(&signature.to_bytes());
        let mut record = Vec::with_capacity(body.len().saturating_add(4));
        record.fixed(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        record.fixed(&body);
        record
    }

    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.fixed(&MAGIC);
        out.fixed(&[VERSION, self.kind.code(), 0, 0]);
        for number in [self.number, self.time] {
            out.fixed(&number.to_le_bytes());
        }
        out.fixed(&self.gateway);
        out.fixed(&self.previous);
        for number in [self.position.0, self.position.1, self.live] {
            out.fixed(&number.to_le_bytes());
        }
        put_count(&mut out, self.heads.len());
        for head in &self.heads {
            out.fixed(&head.session.to_be_bytes());
            out.fixed(&head.sequence.to_le_bytes());
            out.fixed(&head.chain);
            out.byte(u8::from(head.ended));
        }
        put_count(&mut out, self.sealed.len());
        for sealed in &self.sealed {
            for number in [sealed.number, sealed.length, sealed.torn, sealed.first, sealed.last] {
                out.fixed(&number.to_le_bytes());
            }
            out.fixed(&sealed.digest);
        }
        put_count(&mut out, self.expired.len());
        for (number, digest) in &self.expired {
            out.fixed(&number.to_le_bytes());
            out.fixed(digest);
        }
        out
    }

    /// Reads body and signature (without the length before them). The signature is checked against the key it names.
    pub fn open(record: &[u8]) -> Result<Self, BadCheckpoint> {
        let (body, signature) = record.split_last_chunk::<SIGNATURE>().ok_or(Malformed::Truncated("signature"))?;
        let checkpoint = Self::decode(body)?;
        let key = VerifyingKey::from_bytes(&checkpoint.gateway).map_err(|_| BadCheckpoint::Signature)?;
        key.verify_strict(body, &Signature::from_bytes(signature)).map_err(|_| BadCheckpoint::Signature)?;
        Ok(checkpoint)
    }

    /// Reads a record without checking its signature, which the caller knows to be right.
    pub(crate) fn read(record: &[u8]) -> Result<Self, Malformed> {
        let (body, _) = record.split_last_chunk::<SIGNATURE>().ok_or(Malformed::Truncated("signature"))?;
        Self::decode(body)
    }

    fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut take = Take::new(body);
        if take.array::<4>("magic")? != MAGIC {
            return Err(Malformed::Invalid("magic"));
        }
        let [version, kind, zero, zero2] = take.array("version")?;
        if version != VERSION || zero != 0 || zero2 != 0 {
            return Err(Malformed::Invalid("version"));
        }
        let kinds = CheckpointKind::ALL.into_iter();
        let kind = kinds.clone().find(|known| known.code() == kind).ok_or(Malformed::Invalid("kind"))?;
        let checkpoint = Self {
            kind,
            number: take_u64(&mut take, "number")?,
            time: take_u64(&mut take, "time")?,
            gateway: take.array("gateway")?,
            previous: take.array("previous")?,
            position: (take_u64(&mut take, "segment")?, take_u64(&mut take, "offset")?),
            live: take_u64(&mut take, "live")?,
            heads: take_many(&mut take, take_head)?,
            sealed: take_many(&mut take, take_sealed)?,
            expired: take_many(&mut take, |take| Ok((take_u64(take, "expired")?, take.array("digest")?)))?,
        };
        take.finish()?;
        Ok(checkpoint)
    }
}

/// A record that is no checkpoint, or not signed by the key it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCheckpoint {
    /// The bytes are wrong.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The signature is not over these bytes by that key.
    #[error("the signature does not match")]
    Signature,
}

/// Digest by which the next checkpoint and a witness name a record (without the length before it).
pub fn record_digest(record: &[u8]) -> Digest {
    *blake3::hash(record).as_bytes()
}

/// Splits the next record off a log: its bytes without the length, and the rest. `None` when the rest is no whole record.
pub fn split_record(log: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = log.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_CHECKPOINT {
        return None;
    }
    rest.split_at_checked(length)
}

/// What is posted to a webhook witness: the numbers to look at, and the whole record in base64.
pub fn webhook_body(record: &[u8]) -> Option<String> {
    let (bare, _) = split_record(record)?;
    let checkpoint = Checkpoint::open(bare).ok()?;
    let body = json!({
        "type": "portcullis.checkpoint",
        "gateway": hex(&checkpoint.gateway),
        "number": checkpoint.number,
        "time": checkpoint.time,
        "digest": hex(&record_digest(bare)),
        "record": STANDARD.encode(record),
    });
    Some(body.to_string())
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.fixed(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn take_u64(take: &mut Take<'_>, field: &'static str) -> Result<u64, Malformed> {
    take.array(field).map(u64::from_le_bytes)
}

fn take_many<T>(
    take: &mut Take<'_>,
    mut read: impl FnMut(&mut Take<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = u32::from_le_bytes(take.array("count")?);
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(read(take)?);
    }
    Ok(items)
}

fn take_head(take: &mut Take<'_>) -> Result<Head, Malformed> {
    Ok(Head {
        session: u128::from_be_bytes(take.array("session")?),
        sequence: take_u64(take, "sequence")?,
        chain: take.array("chain")?,
        ended: take.flag("ended")?,
    })
}

fn take_sealed(take: &mut Take<'_>) -> Result<Sealed, Malformed> {
    Ok(Sealed {
        number: take_u64(take, "sealed")?,
        length: take_u64(take, "length")?,
        torn: take_u64(take, "torn")?,
        first: take_u64(take, "first")?,
        last: take_u64(take, "last")?,
        digest: take.array("digest")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        Checkpoint {
            kind: CheckpointKind::Seal,
            number: 3,
            time: 4,
            gateway: SigningKey::from_bytes(&[5; 32]).verifying_key().to_bytes(),
            previous: [6; 32],
            position: (7, 8),
            live: 1,
            heads: vec![Head { session: 9, sequence: 10, chain: [11; 32], ended: false }],
            sealed: vec![Sealed { number: 7, length: 8, torn: 0, first: 1, last: 2, digest: [12; 32] }],
            expired: vec![(1, [13; 32])],
        }
    }

    #[test]
    fn a_checkpoint_comes_back_and_every_byte_is_signed() {
        let record = sample().sign(&SigningKey::from_bytes(&[5; 32]));
        let (bare, rest) = split_record(&record).unwrap();
        assert!(rest.is_empty());
        assert_eq!(Checkpoint::open(bare), Ok(sample()));
        for place in 0..bare.len() {
            let mut bad = bare.to_vec();
            bad[place] ^= 1;
            assert!(Checkpoint::open(&bad).is_err(), "byte {place}");
        }
    }

    #[test]
    fn the_webhook_carries_the_record() {
        let record = sample().sign(&SigningKey::from_bytes(&[5; 32]));
        let body: serde_json::Value = serde_json::from_str(&webhook_body(&record).unwrap()).unwrap();
        assert_eq!(STANDARD.decode(body["record"].as_str().unwrap()).unwrap(), record);
        assert_eq!(body["number"], 3);
    }
}
