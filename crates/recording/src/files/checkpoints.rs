//! The checkpoint log: appending signed records, and finding where to go on after a restart.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};

use ed25519_dalek::SigningKey;

use super::layout::Folder;
use super::witness::Witness;
use crate::checkpoint::{Checkpoint, CheckpointKind, Sealed, record_digest, split_record};
use crate::entry::Digest;

/// The log, and what it said so far.
pub(super) struct Log {
    file: File,
    length: u64,
    key: SigningKey,
    next: u64,
    previous: Digest,
    /// A record that could not be written yet. Nothing follows it until it is.
    pending: Option<Vec<u8>>,
    pub(super) sealed: BTreeMap<u64, Sealed>,
    pub(super) expired: BTreeMap<u64, Digest>,
    pub(super) witnesses: Vec<Box<dyn Witness>>,
}

/// What a checkpoint says, without what the log itself knows.
pub(super) struct Draft {
    pub(super) kind: CheckpointKind,
    pub(super) time: u64,
    pub(super) position: (u64, u64),
    pub(super) live: u64,
    pub(super) heads: Vec<crate::checkpoint::Head>,
    pub(super) sealed: Vec<Sealed>,
    pub(super) expired: Vec<(u64, Digest)>,
}

impl Log {
    /// Reads what is there. A torn record at the end is set aside in a file of its own, not thrown away.
    pub(super) fn open(folder: &Folder, key: SigningKey) -> io::Result<Self> {
        let path = folder.checkpoints();
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let mut log = Self {
            file,
            length: 0,
            key,
            next: 1,
            previous: [0; 32],
            pending: None,
            sealed: BTreeMap::new(),
            expired: BTreeMap::new(),
            witnesses: Vec::new(),
        };
        let rest = log.replay(&bytes);
        if !rest.is_empty() {
            fs::write(folder.torn_checkpoints(log.next), rest)?;
            log.file.set_len(log.length)?;
        }
        Ok(log)
    }

    fn replay<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut rest = bytes;
        while let Some((record, after)) = split_record(rest) {
            let Ok(checkpoint) = Checkpoint::open(record) else { break };
            self.length = self.length.saturating_add(record.len() as u64).saturating_add(4);
            self.learn(&checkpoint, record_digest(record));
            rest = after;
        }
        rest
    }

    fn learn(&mut self, checkpoint: &Checkpoint, digest: Digest) {
        self.next = checkpoint.number.saturating_add(1);
        self.previous = digest;
        self.sealed.extend(checkpoint.sealed.iter().map(|sealed| (sealed.number, *sealed)));
        self.expired.extend(checkpoint.expired.iter().copied());
    }

    /// Signs and appends. On error the record waits in `pending`.
    pub(super) fn append(&mut self, draft: Draft) -> io::Result<Vec<u8>> {
        let checkpoint = Checkpoint {
            kind: draft.kind,
            number: self.next,
            time: draft.time,
            gateway: self.key.verifying_key().to_bytes(),
            previous: self.previous,
            position: draft.position,
            live: draft.live,
            heads: draft.heads,
            sealed: draft.sealed,
            expired: draft.expired,
        };
        let record = checkpoint.sign(&self.key);
        let bare = record.get(4..).unwrap_or_default();
        self.learn(&checkpoint, record_digest(bare));
        self.pending = Some(record);
        self.flush().map(Option::unwrap_or_default)
    }

    /// Writes the record that waits, if one does.
    pub(super) fn flush(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(record) = self.pending.take() else { return Ok(None) };
        if let Err(error) = self.file.write_all(&record) {
            self.pending = Some(record);
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length = self.length.saturating_add(record.len() as u64);
        Ok(Some(record))
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Gives the record to the witnesses; how many did not take it.
    pub(super) fn tell(&mut self, record: &[u8]) -> usize {
        self.witnesses.iter_mut().filter_map(|witness| witness.keep(record).err()).count()
    }

    pub(super) fn gateway(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The last sealed segment.
    pub(super) fn last_sealed(&self) -> (u64, Digest) {
        self.sealed.last_key_value().map_or((0, [0; 32]), |(number, sealed)| (*number, sealed.digest))
    }
}
