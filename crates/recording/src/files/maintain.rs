//! Work that may take long: compressing sealed segments, and deleting those whose time is over.

use std::fs::{self, File};
use std::io::{self, Write};

use super::checkpoints::Draft;
use super::layout::{Folder, SegmentFile, trailer};
use super::recording::Recording;
use crate::checkpoint::CheckpointKind;
use crate::entry::Digest;

const LEVEL: i32 = 1;

impl Recording {
    /// Compresses sealed segments and applies the retention; says how many of each. Not on a session's thread.
    pub fn maintain(&self, now: u64) -> io::Result<(usize, usize)> {
        let expired = self.expire(now)?;
        let sealed: Vec<(u64, Digest)> = {
            let upkeep = self.upkeep();
            upkeep.log.sealed.values().map(|sealed| (sealed.number, sealed.digest)).collect()
        };
        let mut compressed = 0usize;
        for (number, digest) in sealed {
            compressed = compressed.saturating_add(usize::from(compress(&self.folder, number, &digest)?));
        }
        Ok((compressed, expired))
    }

    /// Oldest first, and never past one that must stay, so that what is left begins at a sealed boundary. The tombstone
    /// is signed before the files go: a crash between leaves files, not a gap without a reason.
    fn expire(&self, now: u64) -> io::Result<usize> {
        let Some(retention) = self.options.retention else { return Ok(0) };
        let before = now.saturating_sub(retention);
        let mut upkeep = self.upkeep();
        upkeep.log.flush()?;
        let old: Vec<(u64, Digest)> = {
            let known = upkeep.log.sealed.values().filter(|sealed| !upkeep.log.expired.contains_key(&sealed.number));
            known.take_while(|sealed| sealed.last < before).map(|sealed| (sealed.number, sealed.digest)).collect()
        };
        if !old.is_empty() {
            let (heads, live, position) = {
                let mut live = self.live();
                let (heads, count) = live.drain(false);
                (heads, count, (live.number, live.offset))
            };
            let (kind, sealed, expired) = (CheckpointKind::Retention, Vec::new(), old.clone());
            let record = upkeep.log.append(Draft { kind, time: now, position, live, heads, sealed, expired })?;
            upkeep.log.sync()?;
            upkeep.log.tell(&record);
        }
        for number in upkeep.log.expired.keys() {
            for path in [self.folder.plain(*number), self.folder.compressed(*number)] {
                remove(&path)?;
            }
        }
        Ok(old.len())
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the compressed form beside the plain one, then removes the plain one. Skips a file that is not what was sealed.
fn compress(folder: &Folder, number: u64, digest: &Digest) -> io::Result<bool> {
    let plain = SegmentFile { number, compressed: false, path: folder.plain(number) };
    if !plain.path.exists() {
        return Ok(false);
    }
    let mut source = plain.open()?;
    let temporary = folder.segments().join(format!("{number:010}.tmp"));
    let mut encoder = zstd::stream::write::Encoder::new(Hashed::new(File::create(&temporary)?), LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(&mut source, &mut encoder)?;
    let hashed = encoder.finish()?;
    let same = source.finish()?.0 == *digest;
    if !same {
        // Evidence: it is for `verify` to name, not for us to pack away.
        fs::remove_file(&temporary)?;
        return Ok(false);
    }
    let mut file = hashed.file;
    file.write_all(&trailer(hashed.hasher.finalize().as_bytes()))?;
    file.sync_all()?;
    fs::rename(&temporary, folder.compressed(number))?;
    fs::remove_file(&plain.path)?;
    Ok(true)
}

struct Hashed {
    file: File,
    hasher: blake3::Hasher,
}

impl Hashed {
    fn new(file: File) -> Self {
        Self { file, hasher: blake3::Hasher::new() }
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
