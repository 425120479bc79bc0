//! `portcullis policy test`: a file of questions with the answers that their author expects.

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis_policy::{CaseReport, Suite};

use super::load::{self, Identities};
use crate::{failure::Failure, output};

/// Runs the cases of a file.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// TOML or JSON file of cases
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Folder of *.cedar files
    /// [default: the folder of FILE]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    #[command(flatten)]
    identities: Identities,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = r#"Example:
  portcullis policy test policies/test.toml

  # policies/test.toml
  [[case]]
  name = "support may not delete blindly"
  principal = { user = "ana", groups = ["support"] }
  upstream = "shop"
  action = "delete"
  resource = { schema = "public", table = "orders" }
  expect = "deny"                   # allow | deny | hold
  rule = "no-blind-writes"          # optional: the rule that decides"#;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let file = args.file.display();
    let text = fs::read_to_string(&args.file).map_err(|error| Failure::refused(format_args!("{file}: {error}")))?;
    let suite = Suite::parse(&file.to_string(), &text).map_err(Failure::refused)?.spoken("postgres");
    let folder = args.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (policies, _) = load::load_or_fail(args.policies.as_deref().unwrap_or(folder), &args.identities)?;
    let report = suite.run(&policies);
    let failed = report.cases.iter().filter(|case| !case.passed).count();
    if args.json {
        output::json(&report);
    } else {
        report.cases.iter().for_each(tell);
        output::line(format_args!("{} passed, {failed} failed", report.cases.len() - failed));
    }
    if report.cases.is_empty() {
        return Err(Failure::refused(format_args!("{file}: holds no [[case]]")));
    }
    if failed == 0 { Ok(()) } else { Err(Failure::silent()) }
}

fn tell(case: &CaseReport) {
    match &case.problem {
        None => output::line(format_args!("ok      {}", case.name)),
        Some(problem) => output::line(format_args!("FAILED  {}: {problem}", case.name)),
    }
}
