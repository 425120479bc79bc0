//! The data folder that the auditor's commands work on, the keys that open what is sealed in it, and how a session in it
//! is named.

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis_recording::{Archive, Filter, SessionSummary, age::Identity, body::Origin};

use crate::failure::Failure;

/// Which data folder.
#[derive(Debug, clap::Args)]
pub(crate) struct DataFlags {
    /// The gateway's data folder, or a copy of it
    #[arg(long, value_name = "DIR", env = "PORTCULLIS_DATA_DIR", default_value = "portcullis-data")]
    data_dir: PathBuf,
}

/// Which data folder, and the auditor's keys.
#[derive(Debug, clap::Args)]
pub(crate) struct ArchiveFlags {
    #[command(flatten)]
    data: DataFlags,
    /// The auditor's private keys (an age key file), where the recording is encrypted
    #[arg(long = "identity-file", visible_alias = "key", value_name = "FILE", env = "PORTCULLIS_AUDITOR_KEY")]
    identity: Option<PathBuf>,
}

/// A session, as the auditor names it.
#[derive(Debug, Clone)]
pub(crate) enum SessionName {
    /// The one that began last.
    Latest,
    /// The one whose id begins with these digits.
    Beginning(String),
}

impl SessionName {
    /// Reads `latest`, an id, or its beginning.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
        match text {
            "latest" => Ok(Self::Latest),
            _ if digits && (1..=32).contains(&text.len()) => Ok(Self::Beginning(text.to_ascii_lowercase())),
            _ => Err("a session is `latest`, or up to 32 hexadecimal digits of its id".to_owned()),
        }
    }

    /// The one session that is meant.
    pub(crate) fn find(&self, archive: &Archive) -> Result<SessionSummary, Failure> {
        let mut all = archive.sessions(&Filter::default()).map_err(Failure::refused)?;
        match self {
            // The gateway keeps a session of its own for what concerns it as a whole; nobody means that one.
            Self::Latest => all.retain(|one| one.start.as_ref().is_none_or(|start| start.origin == Origin::Client)),
            Self::Beginning(digits) => all.retain(|one| format!("{:032x}", one.session).starts_with(digits)),
        }
        if let (Self::Beginning(digits), [_, _, ..]) = (self, all.as_slice()) {
            let failure = format_args!("`{digits}` begins the ids of {} sessions", all.len());
            return Err(Failure::refused(failure).help("`portcullis sessions` lists them; write more digits"));
        }
        let none = || Failure::refused("no such session is recorded").help("`portcullis sessions` lists what there is");
        all.pop().ok_or_else(none)
    }
}

impl DataFlags {
    /// The folder; one that is not there is told apart from one without recordings.
    pub(crate) fn existing(&self) -> Result<&Path, Failure> {
        match fs::read_dir(&self.data_dir) {
            Ok(_) => Ok(&self.data_dir),
            Err(error) => Err(Failure::refused(format_args!("{}: {error}", self.data_dir.display()))
                .help("name the gateway's data folder with --data-dir")),
        }
    }
}

impl ArchiveFlags {
    /// The recordings of the folder.
    pub(crate) fn open(&self) -> Result<Archive, Failure> {
        let identities = match &self.identity {
            Some(file) => keys_in(file)?,
            None => Vec::new(),
        };
        let folder = self.data.existing()?;
        Archive::open(folder, identities)
            .map_err(|error| Failure::refused(format_args!("{}: {error}", folder.display())))
    }
}

fn keys_in(file: &Path) -> Result<Vec<Identity>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::refused(format_args!("{}: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
    Identity::parse_file(&text).map_err(|error| wrong(&error))
}
