//! The walk: segments and checkpoints side by side, each checkpoint held against the chains at its exact position.

use std::io;

use super::log::{Ledger, LogReader};
use super::report::{FindingKind, Place, Report};
use super::sessions::Sessions;
use crate::checkpoint::{Checkpoint, CheckpointKind};
use crate::files::{Folder, SegmentFile, SegmentSource};
use crate::segment::{ReadError, SegmentHeader, SegmentReader};

/// Entries may wait this long for a checkpoint, in microseconds; an honest gateway signs each second.
const UNSIGNED_SPAN: u64 = 30_000_000;

pub(super) struct Walk<'l> {
    pub(super) report: Report,
    ledger: &'l Ledger,
    log: LogReader,
    next: Option<Checkpoint>,
    sessions: Sessions,
    expected: u64,
    /// A segment with entries that no checkpoint sealed; only the last may be so.
    unsealed: Option<u64>,
    first_unsigned: Option<u64>,
    last_time: u64,
}

impl<'l> Walk<'l> {
    pub(super) fn new(folder: &Folder, ledger: &'l Ledger, report: Report) -> io::Result<Self> {
        let log = LogReader::open(&folder.checkpoints())?;
        let sessions = Sessions::default();
        let mut walk = Self {
            report,
            ledger,
            log,
            next: None,
            sessions,
            expected: 1,
            unsealed: None,
            first_unsigned: None,
            last_time: 0,
        };
        walk.advance();
        Ok(walk)
    }

    /// Reads one segment; those that should stand before it are accounted for first.
    pub(super) fn segment(&mut self, file: &SegmentFile) {
        self.missing_before(file.number);
        self.expected = file.number.saturating_add(1);
        if self.ledger.expired.contains_key(&file.number) {
            // Deleted in the log, still there: a crash between the two. Its entries are not needed.
            return self.skip(file.number);
        }
        self.report.segments = self.report.segments.saturating_add(1);
        let place = Place::segment(file.number);
        if !file.check_trailer().unwrap_or(false) {
            self.report.find(FindingKind::Changed, place, "the compressed file is not as it was written");
        }
        match file.open().map_err(|error| ReadError::Io(0, error)).and_then(SegmentReader::new) {
            Ok((header, reader)) => {
                self.check_header(file.number, &header);
                self.read(file.number, reader);
            }
            Err(error) => self.unreadable(file.number, &error),
        }
    }

    fn missing_before(&mut self, number: u64) {
        // A hostile file name must not make us count to 2^64: gaps are named as one range.
        let from = self.expected;
        let expired = self.ledger.expired.range(from..number).count() as u64;
        let gone = number.saturating_sub(from).saturating_sub(expired);
        if number <= from {
            return;
        }
        if expired > 0 {
            let detail = format!("{expired} segments before this one were deleted by retention");
            self.report.find(FindingKind::Expired, Place::segment(number), detail);
        }
        if gone > 0 {
            let first = (from..number).find(|n| !self.ledger.expired.contains_key(n)).unwrap_or(from);
            self.report.find(FindingKind::RemovedSegment, Place::segment(first), "the segment is gone");
            self.sessions.lose();
        }
        self.skip(number.saturating_sub(1));
    }

    /// Takes the checkpoints' word up to the end of a segment that is not read.
    fn skip(&mut self, number: u64) {
        while self.next.as_ref().is_some_and(|checkpoint| checkpoint.position.0 <= number) {
            if let Some(checkpoint) = self.advance() {
                self.sessions.adopt(&checkpoint);
            }
        }
    }

    fn check_header(&mut self, number: u64, header: &SegmentHeader) {
        let place = Place::at(number, 0);
        if header.number != number {
            self.report.find(FindingKind::Changed, place, format!("the file holds segment {}", header.number));
        }
        if !self.ledger.keys.is_empty() && !self.ledger.keys.contains(&header.gateway) {
            self.report.find(FindingKind::UnknownKey, place, "written by a gateway whose key is not trusted");
        }
        let before = number.saturating_sub(1);
        let digest = self.ledger.sealed.get(&before).map(|sealed| sealed.digest);
        let wrong = match digest {
            Some(digest) => header.previous != (before, digest),
            None => false,
        };
        if wrong {
            let detail = "its header does not name the segment sealed before it";
            self.report.find(FindingKind::Changed, place, detail);
        }
    }

    fn read(&mut self, number: u64, mut reader: SegmentReader<SegmentSource>) {
        let before = self.report.findings.len();
        let mut entries = 0u64;
        let end = loop {
            self.checkpoints_at(number, reader.offset());
            match reader.next_entry() {
                Ok(Some(entry)) => {
                    self.sessions.entry(number, &entry, &mut self.report);
                    self.last_time = entry.header.time;
                    if self.next.is_none() {
                        self.first_unsigned.get_or_insert(entry.header.time);
                    }
                    entries = entries.saturating_add(1);
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        self.report.entries = self.report.entries.saturating_add(entries);
        let offset = reader.offset();
        if let Some(error) = &end {
            self.broken(number, error);
        }
        self.cut(number, offset);
        self.check_seal(number, reader.into_source(), offset, before);
        if entries > 0 || end.is_some() {
            self.name_unsealed();
            self.unsealed = (!self.ledger.sealed.contains_key(&number)).then_some(number);
        }
    }

    fn name_unsealed(&mut self) {
        if let Some(number) = self.unsealed.take() {
            let detail = "others follow this segment, yet no checkpoint sealed it";
            self.report.find(FindingKind::RemovedCheckpoints, Place::segment(number), detail);
        }
    }

    /// Holds every checkpoint up to this position against the chains.
    fn checkpoints_at(&mut self, segment: u64, offset: u64) {
        while self.next.as_ref().is_some_and(|checkpoint| checkpoint.position <= (segment, offset)) {
            let Some(checkpoint) = self.advance() else { return };
            if checkpoint.position.0 == segment && checkpoint.position.1 != offset && !self.sessions.is_lost() {
                let detail = format!("checkpoint {} stands inside an entry", checkpoint.number);
                self.report.find(FindingKind::Changed, Place::at(segment, checkpoint.position.1), detail);
            }
            self.sessions.check(&checkpoint, &mut self.report);
        }
    }

    /// The segment is at its end; a checkpoint that stands further on saw more.
    fn cut(&mut self, segment: u64, offset: u64) {
        let mut named = false;
        while self.next.as_ref().is_some_and(|checkpoint| checkpoint.position.0 == segment) {
            let Some(checkpoint) = self.advance() else { return };
            if !named && checkpoint.kind != CheckpointKind::Open {
                let detail = format!(
                    "nothing can be read beyond here; checkpoint {} saw {}",
                    checkpoint.number, checkpoint.position.1
                );
                self.report.find(FindingKind::Cut, Place::at(segment, offset), detail);
                named = true;
            }
            self.sessions.check(&checkpoint, &mut self.report);
        }
    }

    fn broken(&mut self, number: u64, error: &ReadError) {
        let sealed = self.ledger.sealed.get(&number);
        let honest = |offset: u64| match sealed {
            Some(sealed) => sealed.torn > 0 && sealed.length.saturating_sub(sealed.torn) == offset,
            None => true,
        };
        match error {
            ReadError::Torn(offset) if honest(*offset) => {
                let detail = "the last write was cut off when the process died; it was never forwarded";
                self.report.find(FindingKind::TornTail, Place::at(number, *offset), detail);
            }
            ReadError::Malformed(offset, _) if sealed.is_some() && honest(*offset) => {
                let detail = "the bytes after the last whole entry are no entry; they were there when it was sealed";
                self.report.find(FindingKind::TornTail, Place::at(number, *offset), detail);
            }
            ReadError::Torn(offset) | ReadError::Malformed(offset, _) | ReadError::Io(offset, _) => {
                self.report.find(FindingKind::Changed, Place::at(number, *offset), error.to_string());
                self.sessions.lose();
            }
        }
    }

    fn unreadable(&mut self, number: u64, error: &ReadError) {
        let started = self.ledger.sealed.contains_key(&number)
            || self.next.as_ref().is_some_and(|checkpoint| checkpoint.position.0 >= number);
        // A process that died while it began a segment leaves a part of a header and no checkpoint.
        let kind = match error {
            ReadError::Torn(_) if !started => FindingKind::TornTail,
            _ => FindingKind::Changed,
        };
        self.report.find(kind, Place::at(number, 0), format!("the segment cannot be read: {error}"));
        if kind == FindingKind::Changed {
            self.sessions.lose();
            self.skip(number);
        }
    }

    fn check_seal(&mut self, number: u64, source: SegmentSource, offset: u64, findings_before: usize) {
        let Some(sealed) = self.ledger.sealed.get(&number) else { return };
        let place = Place::at(number, offset);
        match source.finish() {
            Ok((digest, length)) if digest == sealed.digest && length == sealed.length => {}
            Ok((_, length)) if length < sealed.length => {
                let detail = format!("the segment has {length} bytes, {} were sealed", sealed.length);
                self.report.find(FindingKind::Cut, place, detail);
            }
            // Where an entry was named already, the digest has nothing to add.
            Ok(_) if self.report.findings.len() > findings_before => {}
            Ok(_) => {
                self.report.find(FindingKind::Changed, Place::segment(number), "the segment is not as it was sealed")
            }
            Err(error) => {
                self.report.find(FindingKind::Changed, place, format!("the segment cannot be read on: {error}"));
            }
        }
    }

    fn advance(&mut self) -> Option<Checkpoint> {
        let next = self.read_checkpoint();
        std::mem::replace(&mut self.next, next)
    }

    fn read_checkpoint(&mut self) -> Option<Checkpoint> {
        loop {
            // Errors were named when the log was read as a whole, and so were signatures checked.
            let record = self.log.next_record().ok().flatten()?;
            if let Some(checkpoint) = self.ledger.signed(&record) {
                return Some(checkpoint);
            }
        }
    }

    /// Accounts for what should have followed, and gives the report.
    pub(super) fn finish(mut self) -> Report {
        let checkpoint = self.next.as_ref().map(|checkpoint| checkpoint.position);
        if let Some((segment, offset)) = checkpoint
            && segment >= self.expected
            && !self.ledger.expired.contains_key(&segment)
        {
            self.report.find(FindingKind::RemovedSegment, Place::at(segment, offset), "the segment is gone");
        }
        let last = self.ledger.sealed.keys().next_back().copied().unwrap_or(0);
        if last >= self.expected && !self.ledger.expired.contains_key(&last) && checkpoint.is_none() {
            self.report.find(FindingKind::RemovedSegment, Place::segment(last), "the sealed segment is gone");
        }
        self.check_end();
        self.report
    }

    fn check_end(&mut self) {
        self.report.unsigned = self.sessions.unsigned();
        let span = self.last_time.saturating_sub(self.first_unsigned.unwrap_or(self.last_time));
        if self.report.entries > 0 && self.report.checkpoints == 0 {
            let detail = "there are entries and not one checkpoint";
            self.report.find(FindingKind::RemovedCheckpoints, Place::default(), detail);
        } else if self.report.unsigned > 0 && span > UNSIGNED_SPAN && self.unsealed.is_some() {
            let detail = format!("entries go on for {} s after the last checkpoint", span / 1_000_000);
            self.report.find(FindingKind::RemovedCheckpoints, Place::default(), detail);
        }
        if self.ledger.last_kind != Some(CheckpointKind::Close) && self.report.segments > 0 {
            let detail = format!(
                "not closed: still running, or killed; {} entries at the end are chained but not signed",
                self.report.unsigned
            );
            self.report.find(FindingKind::Unclosed, Place::default(), detail);
        }
    }
}
