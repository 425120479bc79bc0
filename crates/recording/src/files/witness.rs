//! Witnesses: places outside the folder that also get each checkpoint, so that its owner cannot take checkpoints back.
//!
//! A witness may miss records (it was away); each record stands alone. Sending over a network is the edge's: it takes the
//! records from [`super::Tick`] and the body from [`crate::checkpoint::webhook_body`].

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

/// Takes copies of checkpoints.
pub trait Witness: Send {
    /// Keeps a record (with its length before it).
    fn keep(&mut self, record: &[u8]) -> io::Result<()>;
}

/// A file on another disk, host or medium. Same form as the checkpoint log.
#[derive(Debug, Clone)]
pub struct FileWitness(PathBuf);

impl FileWitness {
    /// A witness that appends to this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl Witness for FileWitness {
    fn keep(&mut self, record: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.0)?;
        let before = file.metadata()?.len();
        file.write_all(record).inspect_err(|_| {
            // A part of a record would hide all after it.
            let _kept = file.set_len(before);
        })
    }
}
