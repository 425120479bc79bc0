//! Segments: the file's header, and reading entries one after another without trusting any length in them.
//!
//! ```text
//! magic 8 | version u16 | zero u16 | number u64 | created u64 | gateway key 32 | previous number u64 |
//! previous digest 32 | BLAKE3 of all before 32 | entries…
//! ```
//! All sessions of a process share a segment; a session goes on in later ones. Absent: seeking and indexes. A reader
//! streams from the front, which is what verification must do anyway.

use std::io::{self, Read};

use crate::codec::{Malformed, Put, Take};
use crate::entry::{CHAIN, Digest, HEADER, Header};

/// First bytes of a segment. Not text, and broken by any line-ending translation.
pub const MAGIC: [u8; 8] = [0x89, b'P', b'C', b'R', 0x0d, 0x0a, 0x1a, 0x0a];
/// Version of the format.
pub const VERSION: u16 = 1;
/// Length of the segment's header.
pub const SEGMENT_HEADER: usize = 132;

/// A segment's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The segment's number, from 1.
    pub number: u64,
    /// When it was begun.
    pub created: u64,
    /// Ed25519 public key of the gateway.
    pub gateway: [u8; 32],
    /// The segment sealed before this one, and its digest; number 0 when there was none.
    pub previous: (u64, Digest),
}

impl SegmentHeader {
    /// The header's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEADER);
        out.fixed(&MAGIC);
        out.fixed(&VERSION.to_le_bytes());
        out.fixed(&[0, 0]);
        out.fixed(&self.number.to_le_bytes());
        out.fixed(&self.created.to_le_bytes());
        out.fixed(&self.gateway);
        out.fixed(&self.previous.0.to_le_bytes());
        out.fixed(&self.previous.1);
        let digest = blake3::hash(&out);
        out.fixed(digest.as_bytes());
        out
    }

    /// Reads a header and checks its digest.
    pub fn decode(bytes: &[u8; SEGMENT_HEADER]) -> Result<Self, Malformed> {
        let mut take = Take::new(bytes);
        if take.array::<8>("magic")? != MAGIC {
            return Err(Malformed::Invalid("magic"));
        }
        if take.array::<2>("version")? != VERSION.to_le_bytes() || take.array::<2>("zero")? != [0, 0] {
            return Err(Malformed::Invalid("version"));
        }
        let header = Self {
            number: u64::from_le_bytes(take.array("number")?),
            created: u64::from_le_bytes(take.array("created")?),
            gateway: take.array("gateway")?,
            previous: (u64::from_le_bytes(take.array("previous number")?), take.array("previous digest")?),
        };
        if header.encode() != bytes {
            return Err(Malformed::Invalid("header digest"));
        }
        Ok(header)
    }
}

/// Why a segment cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file ends inside the header or an entry.
    #[error("the file ends inside the entry at {0}")]
    Torn(u64),
    /// The bytes at this offset are no header and no entry.
    #[error("no entry at {0}: {1}")]
    Malformed(u64, Malformed),
    /// Reading failed.
    #[error("reading failed at {0}")]
    Io(u64, #[source] io::Error),
}

/// One entry as it lies in the file.
#[derive(Debug, Clone, Copy)]
pub struct RawEntry<'b> {
    /// Where it begins.
    pub offset: u64,
    /// Its header.
    pub header: Header,
    /// The header's bytes.
    pub head: &'b [u8; HEADER],
    /// Its payload, perhaps sealed.
    pub payload: &'b [u8],
    /// The chain value it claims.
    pub chain: Digest,
}

/// Reads a segment from its front.
pub struct SegmentReader<R> {
    source: R,
    offset: u64,
    head: [u8; HEADER],
    payload: Vec<u8>,
}

impl<R: Read> SegmentReader<R> {
    /// Reads the segment's header.
    pub fn new(mut source: R) -> Result<(SegmentHeader, Self), ReadError> {
        let mut bytes = [0u8; SEGMENT_HEADER];
        match fill(&mut source, &mut bytes) {
            Ok(SEGMENT_HEADER) => {}
            Ok(_) => return Err(ReadError::Torn(0)),
            Err(error) => return Err(ReadError::Io(0, error)),
        }
        let header = SegmentHeader::decode(&bytes).map_err(|error| ReadError::Malformed(0, error))?;
        Ok((header, Self { source, offset: SEGMENT_HEADER as u64, head: [0; HEADER], payload: Vec::new() }))
    }

    /// Where the next entry begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next entry, or `None` at a clean end. After an error reading cannot go on.
    pub fn next_entry(&mut self) -> Result<Option<RawEntry<'_>>, ReadError> {
        let offset = self.offset;
        let io = |error| ReadError::Io(offset, error);
        match fill(&mut self.source, &mut self.head).map_err(io)? {
            HEADER => {}
            0 => return Ok(None),
            _ => return Err(ReadError::Torn(offset)),
        }
        let header = Header::decode(&self.head).map_err(|error| ReadError::Malformed(offset, error))?;
        // The buffer grows as bytes arrive, never to what a length claims.
        self.payload.clear();
        let read = self.source.by_ref().take(u64::from(header.length)).read_to_end(&mut self.payload).map_err(io)?;
        let mut chain = [0u8; CHAIN];
        let linked = fill(&mut self.source, &mut chain).map_err(io)?;
        if read < header.length as usize || linked < CHAIN {
            return Err(ReadError::Torn(offset));
        }
        self.offset = offset.saturating_add(header.entry_length());
        Ok(Some(RawEntry { offset, header, head: &self.head, payload: &self.payload, chain }))
    }

    /// The source, for reading what is left.
    pub fn into_source(self) -> R {
        self.source
    }
}

/// Reads until the buffer is full or the source ends; says how much.
pub(crate) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0usize;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let header = SegmentHeader { number: 1, created: 2, gateway: [3; 32], previous: (0, [0; 32]) };
            let mut file = header.encode();
            file.extend_from_slice(&bytes);
            let (read, mut reader) = SegmentReader::new(&file[..]).unwrap();
            prop_assert_eq!(read, header);
            while let Ok(Some(_)) = reader.next_entry() {}
        }
    }

    #[test]
    fn every_byte_of_the_header_counts() {
        let file = SegmentHeader { number: 1, created: 2, gateway: [3; 32], previous: (0, [0; 32]) }.encode();
        assert_eq!(file.len(), SEGMENT_HEADER);
        for place in 0..file.len() {
            let mut bad = file.clone();
            bad[place] ^= 0x10;
            assert!(SegmentReader::new(&bad[..]).is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        let mut file = SegmentHeader { number: 1, created: 2, gateway: [3; 32], previous: (0, [0; 32]) }.encode();
        file.extend_from_slice(&(crate::limits::MAX_PAYLOAD as u32).to_le_bytes());
        file.extend_from_slice(&[3; 1]);
        file.extend_from_slice(&[0; HEADER - 5]);
        let (_, mut reader) = SegmentReader::new(&file[..]).unwrap();
        assert!(matches!(reader.next_entry(), Err(ReadError::Torn(_))));
        assert!(reader.payload.capacity() < 1 << 16);
    }
}
