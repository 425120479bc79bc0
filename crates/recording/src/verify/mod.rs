//! Verification: reads a recording front to back beside its checkpoints and names the first thing that is wrong.
//!
//! It needs no key: chains run over ciphertext. Everything in the folder is hostile: lengths are bounded, buffers grow as
//! bytes arrive, and a bad record never stops the naming of the next. [`Report::does_not_prove`] says what even a clean
//! report leaves open; a verifier that promises more than it checks is worse than none.

mod log;
mod report;
mod sessions;
mod walk;

pub use report::{Finding, FindingKind, Place, Report, Severity, Standing};

use std::io;
use std::path::{Path, PathBuf};

use crate::files::Folder;
use log::Ledger;
use walk::Walk;

/// What to verify against.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// Public keys of the gateways that may have signed. Empty: the first key seen is taken, and the report says so.
    pub trusted: Vec<[u8; 32]>,
    /// Files in which witnesses kept checkpoints.
    pub witnesses: Vec<PathBuf>,
}

/// How far verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Segments done.
    pub segments: u64,
    /// Segments in all.
    pub of: u64,
    /// Entries read so far.
    pub entries: u64,
}

/// Verifies the recordings of a data folder.
pub fn verify(data_dir: &Path, options: &Options, progress: &mut dyn FnMut(Progress)) -> io::Result<Report> {
    let folder = Folder::of(data_dir);
    let mut report = Report::default();
    let files = folder.list()?;
    let ledger = Ledger::read(&folder, options, &mut report)?;
    ledger.compare_witnesses(&options.witnesses, &mut report);
    let mut walk = Walk::new(&folder, &ledger, report)?;
    let of = files.len() as u64;
    for (done, file) in files.iter().enumerate() {
        walk.segment(file);
        progress(Progress { segments: (done as u64).saturating_add(1), of, entries: walk.report.entries });
    }
    Ok(walk.finish())
}
