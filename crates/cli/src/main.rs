//! `portcullis`: the one binary. Each command is a file under `commands`; this one only starts it and sets the exit code.
//!
//! Exit codes: 0 done, 1 refused or not found, 2 wrong use. Results go to standard output, everything else to standard
//! error, so that a pipe carries only results.

mod args;
mod client;
mod commands;
mod demo;
mod failure;
mod output;
mod protocol;
mod time;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::run(args::Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
