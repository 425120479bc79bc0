//! `portcullis verify`: whether a recording is what was written. Works offline on a data folder, and needs no key.

use std::{
    io::{ErrorKind, IsTerminal, Write},
    path::PathBuf,
};

use portcullis_recording::verify::{self, Options, Progress, Report, Severity, Standing};

use super::data::DataFlags;
use crate::{failure::Failure, output};

/// Verifies a recording.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis verify --data-dir portcullis-data --witness /mnt/worm/checkpoints\n\n\
                        Exit code 1 where anything is not what was written.")]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataFlags,
    /// Compare with the checkpoints that a witness kept in this file; may be repeated
    #[arg(long, value_name = "FILE")]
    witness: Vec<PathBuf>,
    /// A public key that may have signed, in hexadecimal; may be repeated
    /// [default: the first key that is seen]
    #[arg(long = "key", value_name = "HEX", value_parser = public_key)]
    keys: Vec<[u8; 32]>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let folder = args.data.existing()?;
    let options = Options { trusted: args.keys.clone(), witnesses: args.witness.clone() };
    let shown = std::io::stderr().is_terminal();
    let report = verify::verify(folder, &options, &mut |progress| {
        if shown {
            draw(progress);
        }
    });
    if shown {
        erase();
    }
    let absent = || Failure::refused(format_args!("{}: holds no recording", folder.display()));
    let report = report.map_err(|error| match error.kind() {
        ErrorKind::NotFound => absent(),
        _ => Failure::refused(format_args!("{}: {error}", folder.display())),
    })?;
    if args.json {
        output::json(&report)
    } else {
        tell(&report)
    }
    if report.passes() { Ok(()) } else { Err(Failure::silent()) }
}

fn tell(report: &Report) {
    for finding in &report.findings {
        let weight = match finding.kind.severity() {
            Severity::Note => "note",
            Severity::Torn => "torn",
            Severity::Tampering => "WRONG",
        };
        output::line(format_args!("{weight:5} {finding}"));
    }
    if report.more > 0 {
        output::line(format_args!("      and {} findings more", report.more));
    }
    let Report { segments, entries, sessions, checkpoints, .. } = report;
    output::line(format_args!(
        "{entries} entries of {sessions} sessions in {segments} segments, {checkpoints} signed checkpoints"
    ));
    output::line(match report.standing() {
        Standing::Intact => "intact: all that was written is there, unchanged",
        Standing::Unclosed => "unchanged so far; the end is not closed: the gateway is running, or was killed",
        Standing::Torn => "unchanged; the last write was cut off when the gateway died, and its statement never ran",
        Standing::Tampered => "NOT what was written",
    });
    output::line("what this does not prove:");
    report.does_not_prove().iter().for_each(|open| output::line(format_args!("  - {open}")));
}

/// Progress on one line of the terminal.
fn draw(progress: Progress) {
    let Progress { segments, of, entries } = progress;
    // Nobody reads progress that cannot be written.
    let _ = write!(std::io::stderr(), "\r{segments} of {of} segments, {entries} entries");
}

fn erase() {
    let _ = write!(std::io::stderr(), "\r\x1b[K");
}

fn public_key(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "a public key has 64 hexadecimal digits".to_owned();
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().enumerate() {
        let digits = &text[place * 2..place * 2 + 2];
        *byte = digits
            .bytes()
            .all(|b| b.is_ascii_hexdigit())
            .then(|| u8::from_str_radix(digits, 16).ok())
            .flatten()
            .ok_or_else(wrong)?;
    }
    Ok(key)
}
