//! The data folder that the auditor's commands work on, and the keys that open what is sealed in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis_recording::{Archive, age::Identity};

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
    #[arg(long = "identity-file", value_name = "FILE", env = "PORTCULLIS_AUDITOR_KEY")]
    identity: Option<PathBuf>,
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
