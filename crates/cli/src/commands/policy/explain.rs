//! `portcullis policy explain`: how a decision comes about, rule by rule.

use portcullis_policy::Explanation;

use super::{
    ask::{Circumstances, What, Who},
    load::Source,
};
use crate::{failure::Failure, output};

/// Explains a decision.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten, next_help_heading = "Who")]
    who: Who,
    #[command(flatten, next_help_heading = "What")]
    what: What,
    #[command(flatten, next_help_heading = "Circumstances")]
    circumstances: Circumstances,
    /// Also print the text of each rule
    #[arg(long)]
    text: bool,
    /// Print the explanation as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = "Example:
  portcullis policy explain policies --user ana --group support --upstream shop \\
      --action delete --table public.orders

Exit code 0 where it is allowed, 1 where it is denied or held.";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (policies, identities) = args.source.load_or_fail()?;
    let explanation = args.explain(&policies, &identities).map_err(Failure::usage)?;
    if args.json {
        output::json(&explanation);
    } else {
        output::line(explanation.to_string().trim_end());
        if args.text {
            explanation.rules.iter().for_each(|rule| output::line(format_args!("\n{}", rule.text)));
        }
    }
    if explanation.decision.is_allow() { Ok(()) } else { Err(Failure::silent()) }
}

impl Args {
    fn explain(&self, policies: &portcullis_policy::Policies, identities: &[String]) -> Result<Explanation, String> {
        let slice = self.who.slice(policies, identities)?;
        self.circumstances.with(|context| self.what.ask(context, |request| slice.explain(request)))?
    }
}
