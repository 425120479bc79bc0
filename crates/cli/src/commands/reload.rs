//! `portcullis reload`: has the gateway of a data folder read its configuration again.
//!
//! The configuration is checked here first, so that a mistake is shown where it was typed and not in the gateway's log.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use super::serve::PID_FILE;
use crate::{failure::Failure, output};

/// Reloads a gateway's configuration and policies.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis reload --config portcullis.toml")]
pub(crate) struct Args {
    /// The configuration that the gateway was started with
    #[arg(long, value_name = "FILE", default_value = "portcullis.toml")]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = portcullis_gateway::check(&args.config).map_err(|error| Failure::refused(error.to_string()))?;
    let path = config.data_dir.join(PID_FILE);
    let text = fs::read_to_string(&path).map_err(|error| {
        Failure::refused(format!("{}: {error}; is a gateway serving this data_dir?", path.display()))
    })?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| Failure::refused(format!("{}: not a process id", path.display())))?;
    kill_process(pid, Signal::HUP)
        .map_err(|error| Failure::refused(format!("process {} cannot be signalled: {error}", pid.as_raw_nonzero())))?;
    output::note(format_args!("reload asked of process {}", pid.as_raw_nonzero()));
    Ok(())
}
