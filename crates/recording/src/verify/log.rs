//! The checkpoint log as a whole: numbers, signatures, links, what it says of segments; and the witnesses beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::Options;
use super::report::{FindingKind, Place, Report};
use crate::checkpoint::{Checkpoint, CheckpointKind, Sealed, record_digest};
use crate::entry::Digest;
use crate::files::Folder;
use crate::limits::MAX_CHECKPOINT;
use crate::segment::fill;

/// What a log says, without the heads.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) sealed: BTreeMap<u64, Sealed>,
    pub(super) expired: BTreeMap<u64, Digest>,
    pub(super) last_kind: Option<CheckpointKind>,
    pub(super) keys: Vec<[u8; 32]>,
    digests: BTreeMap<u64, Digest>,
}

impl Ledger {
    pub(super) fn read(folder: &Folder, options: &Options, report: &mut Report) -> io::Result<Self> {
        let mut ledger = Self { keys: options.trusted.clone(), ..Self::default() };
        if options.trusted.is_empty() {
            report.find(
                FindingKind::KeyNotPinned,
                Place::default(),
                "no trusted key given: the first key seen is taken",
            );
        }
        let mut previous: Option<(u64, Digest)> = None;
        let mut reader = LogReader::open(&folder.checkpoints())?;
        while let Some(record) = reader.next_record()? {
            let digest = record_digest(&record);
            let expected = previous.map_or(1, |(number, _)| number.saturating_add(1));
            match Checkpoint::open(&record) {
                Ok(checkpoint) => {
                    ledger.link(&checkpoint, previous, report);
                    previous = Some((checkpoint.number, digest));
                    ledger.learn(&checkpoint, digest, report);
                }
                Err(error) => {
                    let detail = format!("the checkpoint is not as it was signed: {error}");
                    report.find(FindingKind::BadSignature, Place::checkpoint(expected), detail);
                    previous = Some((expected, digest));
                    ledger.last_kind = None;
                }
            }
        }
        if reader.is_torn() {
            let next = previous.map_or(1, |(number, _)| number.saturating_add(1));
            report.find(FindingKind::TornTail, Place::checkpoint(next), "the checkpoint log ends inside a record");
        }
        Ok(ledger)
    }

    fn link(&self, checkpoint: &Checkpoint, previous: Option<(u64, Digest)>, report: &mut Report) {
        let (last, digest) = previous.unwrap_or((0, [0; 32]));
        let place = Place::checkpoint(checkpoint.number);
        if checkpoint.number != last.saturating_add(1) {
            let detail = format!("checkpoint {} follows checkpoint {last}: those between are gone", checkpoint.number);
            report.find(FindingKind::RemovedCheckpoints, place, detail);
        } else if checkpoint.previous != digest {
            report.find(FindingKind::Changed, place, "the checkpoint does not continue the one before it");
        }
    }

    fn learn(&mut self, checkpoint: &Checkpoint, digest: Digest, report: &mut Report) {
        if self.keys.is_empty() {
            self.keys.push(checkpoint.gateway);
        }
        if !self.keys.contains(&checkpoint.gateway) {
            let place = Place::checkpoint(checkpoint.number);
            report.find(FindingKind::UnknownKey, place, "signed by a key that is not trusted");
        }
        report.checkpoints = report.checkpoints.saturating_add(1);
        self.last_kind = Some(checkpoint.kind);
        self.digests.insert(checkpoint.number, digest);
        self.sealed.extend(checkpoint.sealed.iter().map(|sealed| (sealed.number, *sealed)));
        self.expired.extend(checkpoint.expired.iter().copied());
    }

    /// The checkpoint in a record whose signature was found right before.
    pub(super) fn signed(&self, record: &[u8]) -> Option<Checkpoint> {
        let checkpoint = Checkpoint::read(record).ok()?;
        let known = self.digests.get(&checkpoint.number)?;
        (*known == record_digest(record)).then_some(checkpoint)
    }

    fn last(&self) -> u64 {
        self.digests.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Every record that a witness holds must be in the log, byte for byte.
    pub(super) fn compare_witnesses(&self, witnesses: &[PathBuf], report: &mut Report) {
        if witnesses.is_empty() {
            let detail = "not anchored: proves integrity, not honesty";
            report.find(FindingKind::NotAnchored, Place::default(), detail);
        }
        for path in witnesses {
            match self.compare(path, report) {
                Ok(anchored) => report.anchored = report.anchored.max(anchored),
                Err(error) => {
                    let detail = format!("the witness `{}` cannot be read: {error}", path.display());
                    report.find(FindingKind::NotAnchored, Place::default(), detail);
                }
            }
        }
    }

    fn compare(&self, path: &Path, report: &mut Report) -> io::Result<Option<u64>> {
        let mut reader = LogReader::of(File::open(path)?);
        let (mut anchored, mut beyond) = (None, None);
        while let Some(record) = reader.next_record()? {
            let Ok(checkpoint) = Checkpoint::open(&record) else {
                report.find(
                    FindingKind::BadSignature,
                    Place::default(),
                    "a witness holds a record with a bad signature",
                );
                continue;
            };
            let place = Place::checkpoint(checkpoint.number);
            match self.digests.get(&checkpoint.number) {
                Some(digest) if *digest == record_digest(&record) => anchored = Some(checkpoint.number),
                Some(_) => report.find(
                    FindingKind::WitnessDiffers,
                    place,
                    "a witness holds another checkpoint under this number",
                ),
                None => beyond = Some(checkpoint.number),
            }
        }
        if let Some(number) = beyond {
            let detail = format!("a witness holds checkpoint {number}, the folder ends at {}", self.last());
            report.find(FindingKind::RemovedCheckpoints, Place::checkpoint(number), detail);
        }
        if reader.is_torn() {
            report.find(FindingKind::TornTail, Place::default(), "a witness file ends inside a record");
        }
        Ok(anchored)
    }
}

/// Reads records one after another, bounded.
pub(super) struct LogReader {
    source: Option<BufReader<File>>,
    torn: bool,
}

impl LogReader {
    /// A missing log is an empty one; that segments have no checkpoints is then found where they are read.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match File::open(path) {
            Ok(file) => Ok(Self::of(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { source: None, torn: false }),
            Err(error) => Err(error),
        }
    }

    fn of(file: File) -> Self {
        Self { source: Some(BufReader::new(file)), torn: false }
    }

    pub(super) fn is_torn(&self) -> bool {
        self.torn
    }

    /// The next record without its length; `None` at the end or where no whole record follows.
    pub(super) fn next_record(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(source) = &mut self.source else { return Ok(None) };
        let mut length = [0u8; 4];
        let count = fill(source, &mut length)?;
        let claimed = u32::from_le_bytes(length) as usize;
        if count == 0 {
            return Ok(None);
        }
        let mut record = Vec::new();
        if count == 4 && claimed <= MAX_CHECKPOINT {
            source.take(claimed as u64).read_to_end(&mut record)?;
            if record.len() == claimed {
                return Ok(Some(record));
            }
        }
        self.torn = true;
        self.source = None;
        Ok(None)
    }
}
