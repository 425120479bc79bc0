//! `portcullis export`: recorded entries for other programs, one JSON object a line. Works offline on a data folder.
//!
//! It streams: a recording of any size needs the memory of one entry. What a field means is in `docs/recording-format.md`.

use portcullis_recording::Entries;
use portcullis_replay::export_line;

use super::data::{ArchiveFlags, SessionName};
use crate::{failure::Failure, output};

/// Exports entries.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis export --format jsonl > recording.jsonl\n  portcullis export latest | jq 'select(.kind == \"statement\").statement.verdict'"
)]
pub(crate) struct Args {
    /// Only this session: its id or the beginning of it, or `latest`
    #[arg(value_name = "SESSION", value_parser = SessionName::read)]
    session: Option<SessionName>,
    /// What to write
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    #[command(flatten)]
    archive: ArchiveFlags,
}

/// What can be written.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// One JSON object a line
    Jsonl,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let archive = args.archive.open()?;
    let Format::Jsonl = args.format;
    match &args.session {
        Some(name) => write(archive.session(name.find(&archive)?.session)),
        None => write(archive.entries()),
    }
}

fn write(entries: Entries<'_>) -> Result<(), Failure> {
    for entry in entries {
        output::line(export_line(&entry.map_err(Failure::refused)?));
    }
    Ok(())
}
