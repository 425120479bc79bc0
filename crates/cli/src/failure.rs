//! Why a command did not do what was asked, and the exit code for it.

use std::{fmt::Display, process::ExitCode};

use crate::output;

/// A command that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// It was refused, or what it is about does not exist.
    Refused,
    /// It cannot be asked for like this.
    Usage,
    /// Everything was already said on standard output.
    Silent,
}

impl Failure {
    /// The answer is no, or there is no such thing.
    pub(crate) fn refused(message: impl Display) -> Self {
        Self { message: message.to_string(), kind: Kind::Refused }
    }

    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { message: message.to_string(), kind: Kind::Usage }
    }

    /// The answer is no, and the output says so already.
    pub(crate) fn silent() -> Self {
        Self { message: String::new(), kind: Kind::Silent }
    }

    /// Adds what to do about it.
    pub(crate) fn help(mut self, help: impl Display) -> Self {
        self.message = format!("{}\n  help: {help}", self.message);
        self
    }

    /// Says it and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        if !matches!(self.kind, Kind::Silent) {
            output::note(format_args!("error: {}", self.message));
        }
        ExitCode::from(if matches!(self.kind, Kind::Usage) { 2 } else { 1 })
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
