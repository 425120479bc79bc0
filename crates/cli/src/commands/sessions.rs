//! `portcullis sessions`: what was recorded, from a data folder, or what is live, from a gateway.

use hyper::Method;
use portcullis_recording::{Filter, SessionSummary, body::Verdict};
use serde::{Deserialize, Serialize};

use super::data::ArchiveFlags;
use crate::{
    client::{block_on, gateway::Gateway, profile::GatewayFlags, tokens::TokenFlags},
    failure::Failure,
    output, time,
};

/// Lists sessions.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis sessions --user ana --since 2h --verdict refuse\n  portcullis sessions --live"
)]
pub(crate) struct Args {
    /// Ask the gateway for live sessions instead of reading the recording
    #[arg(long)]
    live: bool,
    /// Only those of this subject or user name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only those on this upstream
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// Only those that were live at or after this time
    #[arg(long, value_name = "TIME", value_parser = time::read, conflicts_with = "live")]
    since: Option<u64>,
    /// Only those that began before this time
    #[arg(long, value_name = "TIME", value_parser = time::read, conflicts_with = "live")]
    until: Option<u64>,
    /// Only those with a statement of this verdict
    #[arg(long, value_enum, conflicts_with = "live")]
    verdict: Option<Judged>,
    #[command(flatten)]
    archive: ArchiveFlags,
    #[command(flatten)]
    gateway: GatewayFlags,
    #[command(flatten)]
    token: TokenFlags,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// What was decided.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Judged {
    Allow,
    Refuse,
    Hold,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.live { live(args) } else { recorded(args) }
}

/// A recorded session, for programs.
#[derive(Serialize)]
struct Recorded<'s> {
    session: String,
    first: String,
    last: String,
    provider: Option<&'s str>,
    subject: Option<&'s str>,
    actor: Option<&'s str>,
    user: Option<&'s str>,
    upstream: Option<&'s str>,
    source: Option<&'s str>,
    allowed: u64,
    refused: u64,
    held: u64,
    ended: bool,
    end: Option<&'s str>,
    sealed: bool,
}

fn recorded(args: &Args) -> Result<(), Failure> {
    let filter = Filter {
        user: args.user.clone(),
        upstream: args.upstream.clone(),
        since: args.since,
        until: args.until,
        verdict: args.verdict.map(|verdict| match verdict {
            Judged::Allow => Verdict::Allow,
            Judged::Refuse => Verdict::Refuse,
            Judged::Hold => Verdict::Hold,
        }),
    };
    let found = args.archive.open()?.sessions(&filter).map_err(Failure::refused)?;
    if found.is_empty() {
        return Err(Failure::refused("no such session is recorded"));
    }
    let rows = found.iter().map(Recorded::of);
    if args.json {
        rows.for_each(|row| output::json(&row));
        return Ok(());
    }
    output::line(format_args!(
        "{:32}  {:20}  {:20}  {:12}  allowed refused held  end",
        "SESSION", "BEGAN", "WHO", "UPSTREAM"
    ));
    for row in rows {
        let Recorded { session, first, allowed, refused, held, .. } = &row;
        let (who, upstream) = (row.subject.unwrap_or("-"), row.upstream.unwrap_or("-"));
        let (who, upstream, end) = (plain(who), plain(upstream), plain(row.ending()));
        output::line(format_args!(
            "{session}  {first}  {who:20}  {upstream:12}  {allowed:7} {refused:7} {held:4}  {end}"
        ));
    }
    Ok(())
}

impl<'s> Recorded<'s> {
    fn of(summary: &'s SessionSummary) -> Self {
        let start = summary.start.as_ref();
        Self {
            session: format!("{:032x}", summary.session),
            first: time::show(summary.first),
            last: time::show(summary.last),
            provider: start.map(|start| start.provider.as_str()),
            subject: start.map(|start| start.subject.as_str()),
            actor: start.and_then(|start| start.actor.as_deref()),
            user: start.map(|start| start.user.as_str()),
            upstream: start.map(|start| start.upstream.as_str()),
            source: start.map(|start| start.client_address.as_str()),
            allowed: summary.allowed,
            refused: summary.refused,
            held: summary.held,
            ended: summary.ended,
            end: summary.end.as_deref(),
            sealed: summary.sealed,
        }
    }

    fn ending(&self) -> &str {
        match (self.end, self.ended) {
            (Some(reason), _) => reason,
            (None, true) => "(sealed)",
            (None, false) => "(none: live, or the gateway died)",
        }
    }
}

/// A live session, as the gateway tells it.
#[derive(Deserialize, Serialize)]
struct Live {
    id: String,
    provider: String,
    subject: String,
    agent: Option<String>,
    upstream: String,
    source: String,
    user: String,
    started: u64,
    statements: u64,
}

#[derive(Deserialize)]
struct Answer {
    sessions: Vec<Live>,
}

fn live(args: &Args) -> Result<(), Failure> {
    let answer: Answer = block_on(async {
        let gateway = Gateway::of(&args.gateway, &args.token).await?;
        gateway.ask(Method::GET, "/v1/sessions", None::<&()>).await
    })?;
    let wanted = |wanted: &Option<String>, names: &[&str]| wanted.as_deref().is_none_or(|name| names.contains(&name));
    let shown =
        |live: &&Live| wanted(&args.user, &[&live.subject, &live.user]) && wanted(&args.upstream, &[&live.upstream]);
    let found: Vec<&Live> = answer.sessions.iter().filter(shown).collect();
    if args.json {
        found.iter().for_each(output::json);
        return Ok(());
    }
    output::line(format_args!(
        "{:32}  {:20}  {:20}  {:12}  {:21}  statements",
        "SESSION", "BEGAN", "WHO", "UPSTREAM", "FROM"
    ));
    for live in found {
        let [id, who, upstream, source] =
            [&live.id, &live.subject, &live.upstream, &live.source].map(|text| plain(text));
        let began = time::show(live.started.saturating_mul(1_000_000));
        output::line(format_args!("{id}  {began}  {who:20}  {upstream:12}  {source:21}  {}", live.statements));
    }
    Ok(())
}

/// EVASION: a user name is the client's own text; control characters in it could rewrite what the auditor sees.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
