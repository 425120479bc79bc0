//! The only place that writes to the terminal: results to standard output, notes to standard error.
//!
//! A reader that has gone away (`portcullis sessions | head`) ends the program quietly, as other tools do.

use std::{
    fmt::Display,
    io::{self, Write},
};

use serde::Serialize;

/// Writes one line of result.
pub(crate) fn line(text: impl Display) {
    finish(writeln!(io::stdout().lock(), "{text}"));
}

/// Writes one line, for those who have something to clear up when nobody reads any more.
pub(crate) fn attempt(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Writes one value as JSON on a line of its own.
pub(crate) fn json(value: &impl Serialize) {
    let mut out = io::stdout().lock();
    let written = serde_json::to_writer(&mut out, value).map_err(io::Error::from);
    finish(written.and_then(|()| writeln!(out)));
}

/// Writes a note for the person at the terminal.
pub(crate) fn note(text: impl Display) {
    // Nobody is left to be told that nobody reads the notes.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn finish(written: io::Result<()>) {
    if let Err(error) = written {
        if error.kind() != io::ErrorKind::BrokenPipe {
            note(format_args!("error: cannot write the output: {error}"));
        }
        std::process::exit(if error.kind() == io::ErrorKind::BrokenPipe { 0 } else { 1 });
    }
}
