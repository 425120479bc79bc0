//! Where things lie in the folder, and how a segment is opened whether it is compressed or not.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::entry::Digest;
use crate::segment::fill;

/// Trailer of a compressed segment: a skippable zstd frame that holds BLAKE3 of the compressed bytes before it. zstd
/// ignores some bits of its own header, so without it a changed bit there would pass.
const TRAILER: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 32, 0, 0, 0];
/// LIMIT: a level-1 stream needs a window of 512 KiB; more is a hostile file.
const WINDOW_LOG: u32 = 23;
const BUFFER: usize = 64 << 10;

/// The folder `recordings` in a data folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The recordings of a data folder.
    pub fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("recordings"))
    }

    /// Where segments are.
    pub fn segments(&self) -> PathBuf {
        self.0.join("segments")
    }

    /// The checkpoint log.
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints.log")
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.0.join("reserve.bin")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub(super) fn torn_checkpoints(&self, number: u64) -> PathBuf {
        self.0.join(format!("checkpoints.torn-{number}"))
    }

    pub(super) fn plain(&self, number: u64) -> PathBuf {
        self.segments().join(format!("{number:010}.pcr"))
    }

    pub(super) fn compressed(&self, number: u64) -> PathBuf {
        self.segments().join(format!("{number:010}.pcr.zst"))
    }

    /// The segments that are there, by number. Where both forms are, compression was cut off: the plain one counts.
    pub fn list(&self) -> io::Result<Vec<SegmentFile>> {
        let mut found: Vec<SegmentFile> = Vec::new();
        for item in fs::read_dir(self.segments())? {
            let path = item?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let (stem, compressed) = match (name.strip_suffix(".pcr"), name.strip_suffix(".pcr.zst")) {
                (Some(stem), _) => (stem, false),
                (_, Some(stem)) => (stem, true),
                _ => continue,
            };
            let Ok(number) = stem.parse::<u64>() else { continue };
            // Only the name that this program writes: `1.pcr` beside `0000000001.pcr` would be a second segment 1.
            if stem == format!("{number:010}") {
                found.push(SegmentFile { number, compressed, path });
            }
        }
        found.sort_by_key(|file| (file.number, file.compressed));
        found.dedup_by_key(|file| file.number);
        Ok(found)
    }
}

/// A segment's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    /// Its number, by its name.
    pub number: u64,
    /// Whether it is compressed.
    pub compressed: bool,
    /// Where it is.
    pub path: PathBuf,
}

impl SegmentFile {
    /// Opens it for reading its uncompressed bytes.
    pub fn open(&self) -> io::Result<SegmentSource> {
        let file = File::open(&self.path)?;
        let reader: Box<dyn Read> = if self.compressed {
            let length = file.metadata()?.len();
            let body = length.checked_sub(40).ok_or(io::ErrorKind::UnexpectedEof)?;
            let mut decoder = zstd::stream::read::Decoder::new(file.take(body))?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        } else {
            Box::new(BufReader::with_capacity(BUFFER, file))
        };
        Ok(SegmentSource { reader, hasher: blake3::Hasher::new(), length: 0 })
    }

    /// Whether a compressed file's bytes are those that were written; true for a plain file.
    pub fn check_trailer(&self) -> io::Result<bool> {
        if !self.compressed {
            return Ok(true);
        }
        let mut file = File::open(&self.path)?;
        let Some(body) = file.metadata()?.len().checked_sub(40) else { return Ok(false) };
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader((&mut file).take(body))?;
        let mut trailer = [0u8; 40];
        let count = fill(&mut file, &mut trailer)?;
        let expected: Vec<u8> = TRAILER.iter().chain(hasher.finalize().as_bytes()).copied().collect();
        Ok(count == 40 && trailer.as_slice() == expected.as_slice())
    }
}

/// The trailer for compressed bytes with this digest.
pub(super) fn trailer(digest: &Digest) -> Vec<u8> {
    TRAILER.iter().chain(digest).copied().collect()
}

/// A segment's uncompressed bytes, hashed as they are read.
pub struct SegmentSource {
    reader: Box<dyn Read>,
    hasher: blake3::Hasher,
    length: u64,
}

impl SegmentSource {
    /// Reads to the end; digest and length of everything.
    pub fn finish(mut self) -> io::Result<(Digest, u64)> {
        let mut buffer = vec![0u8; BUFFER];
        while self.read(&mut buffer)? > 0 {}
        Ok((*self.hasher.finalize().as_bytes(), self.length))
    }
}

impl Read for SegmentSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        self.length = self.length.saturating_add(count as u64);
        Ok(count)
    }
}
