//! The live segment: one append, one head, one position, under one lock.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::checkpoint::Head;
use crate::recorder::Batch;

/// What sessions write to.
pub(super) struct Live {
    pub(super) file: File,
    pub(super) number: u64,
    /// Bytes that count. INVARIANT: the file is this long, or `torn` is set.
    pub(super) offset: u64,
    pub(super) last: u64,
    pub(super) heads: HashMap<u128, Moved>,
    pub(super) unsynced: bool,
    torn: bool,
}

/// A session's head, and whether it moved since the last checkpoint.
pub(super) struct Moved {
    pub(super) head: Head,
    pub(super) moved: bool,
}

impl Live {
    pub(super) fn new(file: File, number: u64, offset: u64, now: u64) -> Self {
        Self { file, number, offset, last: now, heads: HashMap::new(), unsynced: true, torn: false }
    }

    /// Appends the whole batch or nothing.
    pub(super) fn append(&mut self, batch: &Batch<'_>, reserve: &Path) -> io::Result<()> {
        self.heal()?;
        let mut result = self.file.write_all(batch.bytes);
        let told = !batch.intends && matches!(&result, Err(error) if is_full(error));
        if told && fs::remove_file(reserve).is_ok() {
            self.cut()?;
            result = self.file.write_all(batch.bytes);
        }
        if let Err(error) = result {
            self.cut()?;
            return Err(error);
        }
        self.offset = self.offset.saturating_add(batch.bytes.len() as u64);
        self.last = self.last.max(batch.time);
        self.unsynced = true;
        self.note(batch);
        Ok(())
    }

    /// Takes back the last batch: it was written, but the disk did not confirm it.
    pub(super) fn take_back(&mut self, batch: &Batch<'_>, before: Option<Head>) -> io::Result<()> {
        self.offset = self.offset.saturating_sub(batch.bytes.len() as u64);
        match before {
            Some(head) => self.heads.insert(batch.session, Moved { head, moved: true }),
            None => self.heads.remove(&batch.session),
        };
        self.cut()
    }

    fn note(&mut self, batch: &Batch<'_>) {
        let head = Head { session: batch.session, sequence: batch.sequence, chain: batch.chain, ended: batch.ends };
        self.heads.insert(batch.session, Moved { head, moved: true });
    }

    /// EVASION: part of a batch left behind would be read as a torn entry and hide what follows it.
    fn cut(&mut self) -> io::Result<()> {
        self.torn = true;
        self.file.set_len(self.offset)?;
        self.torn = false;
        Ok(())
    }

    fn heal(&mut self) -> io::Result<()> {
        if self.torn { self.cut() } else { Ok(()) }
    }

    /// The heads that moved, or all; ended sessions are forgotten. And how many sessions live on.
    pub(super) fn drain(&mut self, all: bool) -> (Vec<Head>, u64) {
        let mut heads: Vec<Head> =
            self.heads.values().filter(|moved| all || moved.moved).map(|moved| moved.head).collect();
        heads.sort_unstable_by_key(|head| head.session);
        self.heads.retain(|_, moved| {
            moved.moved = false;
            !moved.head.ended
        });
        (heads, self.heads.len() as u64)
    }

    pub(super) fn has_moved(&self) -> bool {
        self.heads.values().any(|moved| moved.moved)
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
