//! `portcullis policy check`: every mistake in a folder of policies, with file, line and column.

use portcullis_policy::{Policies, PolicyError};
use serde::Serialize;

use super::load::Source;
use crate::{failure::Failure, output};

/// Checks policies.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis policy check policies --identity corp")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let dir = args.source.dir.display();
    let (policies, errors) = match args.source.load()? {
        Ok(policies) => (Some(policies), Vec::new()),
        Err(errors) => (None, errors),
    };
    let warnings = policies.as_ref().map(|policies| policies.lint(None)).unwrap_or_default();
    if args.json {
        output::json(&Report {
            policies: policies.as_ref().map(Policies::len),
            digest: policies.as_ref().map(|policies| hex(&policies.digest())),
            errors: errors.iter().map(Complaint::from).collect(),
            warnings: warnings.iter().map(Complaint::from).collect(),
        });
        return if errors.is_empty() { Ok(()) } else { Err(Failure::silent()) };
    }
    warnings.iter().for_each(|warning| output::note(format_args!("warning: {warning}")));
    errors.iter().for_each(output::line);
    match policies {
        None => Err(Failure::refused(format_args!("{dir}: {} in the policies", mistakes(errors.len())))),
        Some(policies) => {
            output::line(format_args!("{dir}: {} policies, no mistakes", policies.len()));
            Ok(())
        }
    }
}

fn mistakes(count: usize) -> String {
    if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") }
}

/// The outcome for programs.
#[derive(Serialize)]
struct Report<'e> {
    policies: Option<usize>,
    digest: Option<String>,
    errors: Vec<Complaint<'e>>,
    warnings: Vec<Complaint<'e>>,
}

/// One mistake or warning; line and column are 0 where no line is at fault.
#[derive(Serialize)]
struct Complaint<'e> {
    file: &'e str,
    line: usize,
    column: usize,
    policy: Option<&'e str>,
    message: &'e str,
    help: Option<&'e str>,
}

impl<'e> From<&'e PolicyError> for Complaint<'e> {
    fn from(error: &'e PolicyError) -> Self {
        let PolicyError { file, line, column, policy_id, message, help } = error;
        Self { file, line: *line, column: *column, policy: policy_id.as_deref(), message, help: help.as_deref() }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
