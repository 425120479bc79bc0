//! The archive: finds sessions in a folder and streams one session's entries, decrypted where an identity fits.
//!
//! There is no index to trust or to keep in step: a search reads the segments front to back. It is a reader's tool, and
//! checks no chains; that is [`crate::verify`]'s work. A torn tail ends a segment quietly here. Sessions whose start was
//! deleted by retention are listed from where they go on.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::age::Identity;
use crate::body::{Body, SessionStart, Verdict};
use crate::entry::{Header, KEYED, Kind, SEALED};
use crate::error::ArchiveError;
use crate::files::{Folder, SegmentFile, SegmentSource};
use crate::limits::MAX_WRAPPED_KEY;
use crate::seal::{PayloadKey, TAG};
use crate::segment::{RawEntry, ReadError, SegmentReader};

/// A folder of recordings, opened for reading.
pub struct Archive {
    files: Vec<SegmentFile>,
    identities: Vec<Identity>,
}

/// One entry, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The segment it is in.
    pub segment: u64,
    /// Where in it.
    pub offset: u64,
    /// Its header.
    pub header: Header,
    /// What it says.
    pub body: Body,
}

/// Which sessions to list. Every field that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The subject, or the free-text user name.
    pub user: Option<String>,
    /// The upstream's name.
    pub upstream: Option<String>,
    /// Sessions that were live at or after this time, in microseconds.
    pub since: Option<u64>,
    /// Sessions that began before this time.
    pub until: Option<u64>,
    /// Sessions with at least one statement of this verdict.
    pub verdict: Option<Verdict>,
}

/// A session in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionSummary {
    /// The session.
    pub session: u128,
    /// Time of its first entry here.
    pub first: u64,
    /// Time of its last entry here.
    pub last: u64,
    /// How it began; absent where it is sealed or deleted.
    pub start: Option<SessionStart>,
    /// Why it ended; absent while it lives, when its process died, or where it is sealed.
    pub end: Option<String>,
    /// Its last entry is its end.
    pub ended: bool,
    /// Entries.
    pub entries: u64,
    /// Statements allowed, refused, held; 0 where the session is sealed.
    pub allowed: u64,
    /// Statements refused.
    pub refused: u64,
    /// Statements held.
    pub held: u64,
    /// No identity at hand opens it.
    pub sealed: bool,
}

impl Archive {
    /// Opens a data folder.
    pub fn open(data_dir: &Path, identities: Vec<Identity>) -> Result<Self, ArchiveError> {
        Ok(Self { files: Folder::of(data_dir).list()?, identities })
    }

    /// The sessions that match, oldest first.
    pub fn sessions(&self, filter: &Filter) -> Result<Vec<SessionSummary>, ArchiveError> {
        let mut found: BTreeMap<u128, SessionSummary> = BTreeMap::new();
        let mut entries = self.stream(None);
        while let Some(entry) = entries.next().transpose()? {
            let session = entry.header.session;
            found.entry(session).or_insert_with(|| SessionSummary::begun(&entry)).add(entry);
        }
        let mut list: Vec<_> = found.into_values().filter(|summary| filter.matches(summary)).collect();
        list.sort_by_key(|summary| (summary.first, summary.session));
        Ok(list)
    }

    /// The entries of one session, in order.
    pub fn session(&self, session: u128) -> Entries<'_> {
        self.stream(Some(session))
    }

    /// All entries of all sessions, as they lie in the files.
    pub fn entries(&self) -> Entries<'_> {
        self.stream(None)
    }

    fn stream(&self, only: Option<u128>) -> Entries<'_> {
        Entries {
            files: self.files.iter(),
            current: None,
            only,
            keys: Keys { identities: &self.identities, opened: HashMap::new() },
            over: false,
        }
    }
}

impl SessionSummary {
    fn begun(entry: &Entry) -> Self {
        Self { session: entry.header.session, first: entry.header.time, ..Self::default() }
    }

    fn add(&mut self, entry: Entry) {
        self.last = self.last.max(entry.header.time);
        self.entries = self.entries.saturating_add(1);
        self.ended = entry.header.kind == Kind::SessionEnd;
        match entry.body {
            Body::SessionStart(start) => self.start = Some(*start),
            Body::SessionEnd(end) => self.end = Some(end.reason),
            Body::Statement(statement) => {
                let count = match statement.verdict {
                    Verdict::Allow => &mut self.allowed,
                    Verdict::Refuse => &mut self.refused,
                    Verdict::Hold => &mut self.held,
                };
                *count = count.saturating_add(1);
            }
            Body::Sealed => self.sealed = true,
            Body::Outcome(_) | Body::Result(_) | Body::Note(_) | Body::Blob(_) | Body::Unknown(_) => {}
        }
    }
}

impl Filter {
    fn matches(&self, summary: &SessionSummary) -> bool {
        let start = summary.start.as_ref();
        let user = |wanted: &String| start.is_some_and(|s| s.subject == *wanted || s.user == *wanted);
        let verdict = |verdict: Verdict| match verdict {
            Verdict::Allow => summary.allowed > 0,
            Verdict::Refuse => summary.refused > 0,
            Verdict::Hold => summary.held > 0,
        };
        self.user.as_ref().is_none_or(user)
            && self.upstream.as_ref().is_none_or(|wanted| start.is_some_and(|s| s.upstream == *wanted))
            && self.since.is_none_or(|since| summary.last >= since)
            && self.until.is_none_or(|until| summary.first < until)
            && self.verdict.is_none_or(verdict)
    }
}

/// Streams entries from the files.
pub struct Entries<'a> {
    files: std::slice::Iter<'a, SegmentFile>,
    current: Option<(u64, SegmentReader<SegmentSource>)>,
    only: Option<u128>,
    keys: Keys<'a>,
    over: bool,
}

impl Entries<'_> {
    fn step(&mut self) -> Result<Option<Entry>, ArchiveError> {
        loop {
            let Some((segment, reader)) = &mut self.current else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            match reader.next_entry() {
                Ok(Some(raw)) if self.only.is_none_or(|only| only == raw.header.session) => {
                    return self.keys.open(*segment, &raw).map(Some);
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(ReadError::Torn(_)) => self.current = None,
                Err(error) => return Err(ArchiveError::Segment(*segment, error)),
            }
        }
    }

    fn open_next(&mut self) -> Result<bool, ArchiveError> {
        let Some(file) = self.files.next() else { return Ok(false) };
        match SegmentReader::new(file.open()?) {
            Ok((_, reader)) => self.current = Some((file.number, reader)),
            Err(ReadError::Torn(_)) => {}
            Err(error) => return Err(ArchiveError::Segment(file.number, error)),
        }
        Ok(true)
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let step = self.step().transpose();
        self.over = !matches!(step, Some(Ok(_)));
        step
    }
}

/// Keys of the sessions met so far.
struct Keys<'a> {
    identities: &'a [Identity],
    opened: HashMap<u128, PayloadKey>,
}

impl Keys<'_> {
    fn open(&mut self, segment: u64, raw: &RawEntry<'_>) -> Result<Entry, ArchiveError> {
        let header = raw.header;
        let body = self.body(segment, raw)?;
        if header.kind == Kind::SessionEnd {
            self.opened.remove(&header.session);
        }
        Ok(Entry { segment, offset: raw.offset, header, body })
    }

    fn body(&mut self, segment: u64, raw: &RawEntry<'_>) -> Result<Body, ArchiveError> {
        let header = &raw.header;
        let sequence = header.sequence;
        let bad = ArchiveError::Undecipherable { segment, sequence };
        let mut payload = raw.payload;
        if header.flags & KEYED != 0 {
            let (wrapped, rest) = split_wrapped(payload).ok_or(bad)?;
            payload = rest;
            if let Some(key) = self.identities.iter().find_map(|identity| identity.unwrap_key(wrapped).ok()) {
                self.opened.insert(header.session, PayloadKey::new(&key));
            }
        }
        let understood = |payload: &[u8]| {
            Body::decode(header.kind, payload).map_err(|cause| ArchiveError::Payload { segment, sequence, cause })
        };
        if header.flags & SEALED == 0 {
            return understood(payload);
        }
        let Some(key) = self.opened.get(&header.session) else { return Ok(Body::Sealed) };
        let opened = open_sealed(key, header, payload);
        understood(&opened.ok_or(ArchiveError::Undecipherable { segment, sequence })?)
    }
}

fn open_sealed(key: &PayloadKey, header: &Header, payload: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = payload.split_last_chunk::<TAG>()?;
    let mut text = text.to_vec();
    key.open(header, &mut text, tag)?;
    Some(text)
}

fn split_wrapped(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = payload.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_le_bytes(*length));
    if length > MAX_WRAPPED_KEY {
        return None;
    }
    rest.split_at_checked(length)
}
