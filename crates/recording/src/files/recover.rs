//! After a kill: segments that were never sealed are measured, their torn tail named, and sealed as they are.
//!
//! Nothing is cut off or repaired: what a dying process left is evidence. A torn tail is the part of one batch that the
//! kernel did not get; its statements were never forwarded, because their receipts never existed.

use std::io;

use super::layout::{Folder, SegmentFile};
use crate::checkpoint::Sealed;
use crate::segment::SegmentReader;

/// Seals every segment that the log does not know.
pub(super) fn orphans(folder: &Folder, known: impl Fn(u64) -> bool) -> io::Result<(Vec<Sealed>, u64)> {
    let files = folder.list()?;
    let last = files.last().map_or(0, |file| file.number);
    let unknown = files.into_iter().filter(|file| !file.compressed && !known(file.number));
    let sealed = unknown.map(|file| measure(&file)).collect::<io::Result<_>>()?;
    Ok((sealed, last))
}

/// Digest, length and torn tail of a segment as it lies there.
fn measure(file: &SegmentFile) -> io::Result<Sealed> {
    let (digest, length) = file.open()?.finish()?;
    let mut sealed = Sealed { number: file.number, length, torn: length, first: 0, last: 0, digest };
    let Ok((header, mut reader)) = SegmentReader::new(file.open()?) else { return Ok(sealed) };
    sealed.first = header.created;
    sealed.last = header.created;
    while let Ok(Some(entry)) = reader.next_entry() {
        sealed.last = sealed.last.max(entry.header.time);
    }
    sealed.torn = length.saturating_sub(reader.offset());
    Ok(sealed)
}
