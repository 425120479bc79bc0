//! `portcullis policy`: the authoring loop, with exit codes for CI. Needs neither a gateway nor a database.

mod ask;
mod check;
mod explain;
mod load;
mod test;

use clap::Subcommand;

use crate::failure::Failure;

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check every *.cedar file of a folder against the built-in schema
    Check(check::Args),
    /// Say which rules allow or deny something, and what each of them said
    Explain(Box<explain::Args>),
    /// Run a file of questions with the expected answers
    Test(test::Args),
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Test(args) => test::run(&args),
    }
}
