//! What verification found, in words for people and in kinds for programs.

use std::fmt;

use serde::Serialize;

/// LIMIT: after so many findings the rest is counted only; a ruined file would give one for each entry.
const MAX_FINDINGS: usize = 100;

/// What is wrong, or worth saying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A write cut off when the process died. Its statements were never forwarded.
    TornTail,
    /// Bytes are not those that were written.
    Changed,
    /// Entries at the end are gone.
    Cut,
    /// A segment is gone.
    RemovedSegment,
    /// A session is gone.
    RemovedSession,
    /// Checkpoints are gone.
    RemovedCheckpoints,
    /// A checkpoint is not signed by the key it names.
    BadSignature,
    /// A key signed that is not trusted.
    UnknownKey,
    /// A witness holds another checkpoint under the same number.
    WitnessDiffers,
    /// No witness: whoever owns folder and key could have written it all anew.
    NotAnchored,
    /// No trusted key was given; the first one seen was taken.
    KeyNotPinned,
    /// Entries after the last checkpoint, or no closing checkpoint: still running, or killed.
    Unclosed,
    /// Sessions without an end: the process died.
    Unended,
    /// Segments deleted by retention, with a signed tombstone.
    Expired,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth saying.
    Note,
    /// The process died; nothing that ran is missing.
    Torn,
    /// Not what was written.
    Tampering,
}

impl FindingKind {
    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::NotAnchored | Self::KeyNotPinned | Self::Unclosed | Self::Unended | Self::Expired => Severity::Note,
            Self::TornTail => Severity::Torn,
            Self::Changed
            | Self::Cut
            | Self::RemovedSegment
            | Self::RemovedSession
            | Self::RemovedCheckpoints
            | Self::BadSignature
            | Self::UnknownKey
            | Self::WitnessDiffers => Severity::Tampering,
        }
    }
}

/// Where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Place {
    /// The segment.
    pub segment: Option<u64>,
    /// The offset in its uncompressed bytes.
    pub offset: Option<u64>,
    /// The session, as the entry or the checkpoint names it.
    #[serde(serialize_with = "session_text")]
    pub session: Option<u128>,
    /// The entry's sequence in its session.
    pub sequence: Option<u64>,
    /// The checkpoint's number.
    pub checkpoint: Option<u64>,
}

impl Place {
    /// In a segment.
    pub fn segment(segment: u64) -> Self {
        Self { segment: Some(segment), ..Self::default() }
    }

    /// At an offset of a segment.
    pub fn at(segment: u64, offset: u64) -> Self {
        Self { segment: Some(segment), offset: Some(offset), ..Self::default() }
    }

    /// At a checkpoint.
    pub fn checkpoint(number: u64) -> Self {
        Self { checkpoint: Some(number), ..Self::default() }
    }

    /// With the entry's session and sequence.
    #[must_use]
    pub fn entry(mut self, session: u128, sequence: u64) -> Self {
        self.session = Some(session);
        self.sequence = Some(sequence);
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        let mut put = |f: &mut fmt::Formatter<'_>, name: &str, value: Option<String>| -> fmt::Result {
            let Some(value) = value else { return Ok(()) };
            write!(f, "{between}{name} {value}")?;
            between = ", ";
            Ok(())
        };
        put(f, "segment", self.segment.map(|n| n.to_string()))?;
        put(f, "offset", self.offset.map(|n| n.to_string()))?;
        put(f, "session", self.session.map(|n| format!("{n:032x}")))?;
        put(f, "entry", self.sequence.map(|n| n.to_string()))?;
        put(f, "checkpoint", self.checkpoint.map(|n| n.to_string()))
    }
}

fn session_text<S: serde::Serializer>(session: &Option<u128>, out: S) -> Result<S::Ok, S::Error> {
    session.map(|number| format!("{number:032x}")).serialize(out)
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// Where.
    pub place: Place,
    /// In words.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.to_string();
        let between = if place.is_empty() { "" } else { ": " };
        write!(f, "{place}{between}{}", self.detail)
    }
}

/// The verdict over a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Closed in order, all of it signed, all of it there.
    Intact,
    /// Nothing is wrong; the end is not closed: still running, or killed.
    Unclosed,
    /// The process died in the middle of a write; nothing else is wrong.
    Torn,
    /// Something is not what was written.
    Tampered,
}

/// All that verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The findings, first one first.
    pub findings: Vec<Finding>,
    /// Findings beyond those listed.
    pub more: u64,
    /// Segments read.
    pub segments: u64,
    /// Entries read.
    pub entries: u64,
    /// Sessions whose start was read.
    pub sessions: u64,
    /// Checkpoints whose signature is right.
    pub checkpoints: u64,
    /// Entries after the last checkpoint: chained, not signed.
    pub unsigned: u64,
    /// The last checkpoint that a witness also holds.
    pub anchored: Option<u64>,
    worst: Option<Severity>,
}

impl Report {
    /// The verdict.
    pub fn standing(&self) -> Standing {
        match self.worst {
            Some(Severity::Tampering) => Standing::Tampered,
            Some(Severity::Torn) => Standing::Torn,
            _ if self.findings.iter().any(|finding| finding.kind == FindingKind::Unclosed) => Standing::Unclosed,
            _ => Standing::Intact,
        }
    }

    /// Whether nothing points to tampering.
    pub fn passes(&self) -> bool {
        self.standing() != Standing::Tampered
    }

    /// The first finding that points to tampering.
    pub fn first_bad(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind.severity() == Severity::Tampering)
    }

    /// What even a clean report does not prove.
    pub fn does_not_prove(&self) -> Vec<&'static str> {
        let mut open = vec![
            "that the gateway wrote the truth: it proves that what was written is still there, unchanged",
            "that no statement reached the upstream by another way than this gateway",
        ];
        if self.anchored.is_none() {
            open.push("not anchored: proves integrity, not honesty; whoever holds folder and key could write it anew");
        }
        if self.unsigned > 0 {
            open.push(
                "entries after the last checkpoint are chained but not signed; some at the very end may be missing",
            );
        }
        open
    }

    pub(super) fn find(&mut self, kind: FindingKind, place: Place, detail: impl Into<String>) {
        self.worst = self.worst.max(Some(kind.severity()));
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { kind, place, detail: detail.into() });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}
