//! The recording of one process: the sink of its sessions, its checkpoints, its rotation.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ed25519_dalek::SigningKey;

use super::checkpoints::{Draft, Log};
use super::layout::Folder;
use super::live::Live;
use super::recover;
use super::witness::Witness;
use crate::checkpoint::{CheckpointKind, Sealed};
use crate::recorder::{Batch, Sink};
use crate::segment::SegmentHeader;

/// Bytes set aside for the outcomes of statements that were already forwarded when the disk got full.
const RESERVE: usize = 1 << 20;

/// When written bytes must also be on the disk. They are always handed to the kernel before a receipt exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// When the kernel likes.
    None,
    /// With each checkpoint.
    Interval,
    /// Before each receipt.
    Every,
}

/// How a recording is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// When written bytes must be on the disk.
    pub fsync: Fsync,
    /// A segment that has grown to this is followed by a new one at the next tick.
    pub segment_bytes: u64,
    /// So is one this old, in microseconds.
    pub segment_age: u64,
    /// Sealed segments older than this, in microseconds, are deleted.
    pub retention: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { fsync: Fsync::Interval, segment_bytes: 64 << 20, segment_age: 3_600_000_000, retention: None }
    }
}

/// What a tick did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Records that were signed and written, for witnesses that the edge serves.
    pub records: Vec<Vec<u8>>,
    /// File witnesses that did not take a record.
    pub witnesses_failed: usize,
    /// A segment was sealed and a new one begun.
    pub rotated: bool,
}

/// The recording of one process. One folder has one at a time.
pub struct Recording {
    pub(super) folder: Folder,
    pub(super) options: Options,
    live: Mutex<Live>,
    pub(super) upkeep: Mutex<Upkeep>,
    _lock: File,
}

/// What only ticks touch.
pub(super) struct Upkeep {
    pub(super) log: Log,
    /// Hash of the live segment, as far as it was read back.
    hasher: blake3::Hasher,
    hashed: u64,
    begun: u64,
    closed: bool,
}

impl Recording {
    /// Opens the folder for writing: takes its lock, seals what a dead process left, begins a new segment.
    pub fn open(
        data_dir: &Path,
        key: SigningKey,
        options: Options,
        witnesses: Vec<Box<dyn Witness>>,
        now: u64,
    ) -> io::Result<Self> {
        let folder = Folder::of(data_dir);
        fs::create_dir_all(folder.segments())?;
        let lock = File::create(folder.lock())?;
        lock.try_lock()?;
        let mut log = Log::open(&folder, key)?;
        log.witnesses = witnesses;
        let (orphans, last) = recover::orphans(&folder, |number| log.sealed.contains_key(&number))?;
        let known = [&log.sealed.keys().next_back(), &log.expired.keys().next_back()];
        let last = known.into_iter().flatten().copied().copied().chain([last]).max().unwrap_or(0);
        let number = last.saturating_add(1);
        let previous = orphans.last().map_or(log.last_sealed(), |sealed| (sealed.number, sealed.digest));
        let begun = begin(&folder, SegmentHeader { number, created: now, gateway: log.gateway(), previous })?;
        let live = Live::new(begun.file, number, begun.length, now);
        let draft = Draft {
            kind: CheckpointKind::Open,
            time: now,
            position: (number, begun.length),
            live: 0,
            heads: Vec::new(),
            sealed: orphans,
            expired: Vec::new(),
        };
        let record = log.append(draft)?;
        log.tell(&record);
        let upkeep = Upkeep { log, hasher: blake3::Hasher::new(), hashed: 0, begun: now, closed: false };
        let recording = Self { folder, options, live: Mutex::new(live), upkeep: Mutex::new(upkeep), _lock: lock };
        recording.keep_reserve();
        Ok(recording)
    }

    /// Number of the segment that is being written. Blobs are worth writing again when it changes.
    pub fn segment(&self) -> u64 {
        self.live().number
    }

    /// Once a second: signs a checkpoint if anything changed, rotates, syncs, renews the reserve.
    pub fn tick(&self, now: u64) -> io::Result<Tick> {
        let mut upkeep = self.upkeep();
        let mut tick = Tick::default();
        tick.records.extend(upkeep.log.flush()?);
        self.sync(&upkeep)?;
        self.catch_up(&mut upkeep)?;
        if self.is_due(&upkeep, now) {
            let record = self.rotate(&mut upkeep, now)?;
            tick.records.push(record);
            tick.rotated = true;
        } else if let Some(draft) = self.periodic(now) {
            tick.records.push(upkeep.log.append(draft)?);
        }
        tick.witnesses_failed = tick.records.iter().map(|record| upkeep.log.tell(record)).sum();
        self.keep_reserve();
        Ok(tick)
    }

    /// Seals the live segment and signs the last checkpoint. Nothing can be written afterwards.
    pub fn close(&self, now: u64) -> io::Result<Tick> {
        let mut upkeep = self.upkeep();
        let mut tick = Tick::default();
        tick.records.extend(upkeep.log.flush()?);
        self.catch_up(&mut upkeep)?;
        let mut live = self.live();
        let sealed = seal(&mut upkeep, &mut live, &self.folder)?;
        let (heads, count) = live.drain(true);
        let position = (live.number, live.offset);
        upkeep.closed = true;
        let expired = Vec::new();
        let kind = CheckpointKind::Close;
        let draft = Draft { kind, time: now, position, live: count, heads, sealed: vec![sealed], expired };
        live.file.sync_data()?;
        // Whoever still writes gets an error: the file is open for reading only.
        live.file = File::open(self.folder.plain(live.number))?;
        tick.records.push(upkeep.log.append(draft)?);
        upkeep.log.sync()?;
        tick.witnesses_failed = tick.records.iter().map(|record| upkeep.log.tell(record)).sum();
        Ok(tick)
    }

    fn periodic(&self, now: u64) -> Option<Draft> {
        let mut live = self.live();
        if !live.has_moved() {
            return None;
        }
        let (heads, count) = live.drain(false);
        let position = (live.number, live.offset);
        let (sealed, expired) = (Vec::new(), Vec::new());
        Some(Draft { kind: CheckpointKind::Periodic, time: now, position, live: count, heads, sealed, expired })
    }

    fn is_due(&self, upkeep: &Upkeep, now: u64) -> bool {
        let live = self.live();
        let aged = now.saturating_sub(upkeep.begun) >= self.options.segment_age;
        let used = live.offset > crate::segment::SEGMENT_HEADER as u64;
        !upkeep.closed && (live.offset >= self.options.segment_bytes || (aged && used))
    }

    fn rotate(&self, upkeep: &mut Upkeep, now: u64) -> io::Result<Vec<u8>> {
        let mut live = self.live();
        let sealed = seal(upkeep, &mut live, &self.folder)?;
        let number = live.number.saturating_add(1);
        let previous = (sealed.number, sealed.digest);
        let header = SegmentHeader { number, created: now, gateway: upkeep.log.gateway(), previous };
        let begun = begin(&self.folder, header)?;
        let position = (live.number, live.offset);
        let (heads, count) = live.drain(true);
        let heads_kept = std::mem::take(&mut live.heads);
        *live = Live::new(begun.file, number, begun.length, now);
        live.heads = heads_kept;
        drop(live);
        upkeep.hasher = blake3::Hasher::new();
        upkeep.hashed = 0;
        upkeep.begun = now;
        let (kind, expired) = (CheckpointKind::Seal, Vec::new());
        upkeep.log.append(Draft { kind, time: now, position, live: count, heads, sealed: vec![sealed], expired })
    }

    /// Reads back what was written since the last tick, so that sealing has little left to hash under the lock.
    fn catch_up(&self, upkeep: &mut Upkeep) -> io::Result<()> {
        let (number, offset) = {
            let live = self.live();
            (live.number, live.offset)
        };
        hash_to(upkeep, &self.folder, number, offset)
    }

    fn sync(&self, upkeep: &Upkeep) -> io::Result<()> {
        if self.options.fsync != Fsync::Interval {
            return Ok(());
        }
        let file = {
            let mut live = self.live();
            if !std::mem::take(&mut live.unsynced) {
                return Ok(());
            }
            live.file.try_clone()?
        };
        let synced = file.sync_data().and_then(|()| upkeep.log.sync());
        if synced.is_err() {
            self.live().unsynced = true;
        }
        synced
    }

    /// Makes the reserve if it is not there. Failing is no error: it is made when space returns.
    fn keep_reserve(&self) {
        let path = self.folder.reserve();
        if path.exists() {
            return;
        }
        // Bytes that do not compress or deduplicate into nothing on a clever file system.
        let mut bytes = vec![0u8; RESERVE];
        blake3::Hasher::new_derive_key("portcullis reserve").finalize_xof().fill(&mut bytes);
        if fs::write(&path, &bytes).is_err() {
            let _none = fs::remove_file(&path);
        }
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn upkeep(&self) -> MutexGuard<'_, Upkeep> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Recording {
    fn write(&self, batch: &Batch<'_>) -> io::Result<()> {
        let mut live = self.live();
        let before = live.heads.get(&batch.session).map(|moved| moved.head);
        live.append(batch, &self.folder.reserve())?;
        if self.options.fsync == Fsync::Every
            && let Err(error) = live.file.sync_data()
        {
            live.take_back(batch, before)?;
            return Err(error);
        }
        Ok(())
    }
}

struct Begun {
    file: File,
    length: u64,
}

fn begin(folder: &Folder, header: SegmentHeader) -> io::Result<Begun> {
    let path = folder.plain(header.number);
    let mut file = OpenOptions::new().create_new(true).append(true).open(&path)?;
    let bytes = header.encode();
    if let Err(error) = file.write_all(&bytes) {
        fs::remove_file(&path)?;
        return Err(error);
    }
    Ok(Begun { file, length: bytes.len() as u64 })
}

fn seal(upkeep: &mut Upkeep, live: &mut Live, folder: &Folder) -> io::Result<Sealed> {
    hash_to(upkeep, folder, live.number, live.offset)?;
    let digest = *upkeep.hasher.finalize().as_bytes();
    Ok(Sealed { number: live.number, length: live.offset, torn: 0, first: upkeep.begun, last: live.last, digest })
}

fn hash_to(upkeep: &mut Upkeep, folder: &Folder, number: u64, offset: u64) -> io::Result<()> {
    let mut file = File::open(folder.plain(number))?;
    file.seek(SeekFrom::Start(upkeep.hashed))?;
    let missing = offset.saturating_sub(upkeep.hashed);
    let mut hasher = upkeep.hasher.clone();
    hasher.update_reader(file.take(missing))?;
    if hasher.count() != offset {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    upkeep.hasher = hasher;
    upkeep.hashed = offset;
    Ok(())
}
