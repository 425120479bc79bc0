//! `portcullis url`: a ready URL with a short-lived credential, for drivers that cannot carry a token.

use hyper::Method;
use serde::{Deserialize, Serialize};

use crate::{
    client::{block_on, gateway::Gateway, profile::GatewayFlags, tokens::TokenFlags},
    failure::Failure,
    output,
};

/// Prints a URL.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  psql \"$(portcullis url shop)\"\n  mysqlsh \"$(portcullis url shop --minutes 60)\"\n\nA URL begins with what its upstream speaks: postgresql:// or mysql://."
)]
pub(crate) struct Args {
    /// The upstream, as the gateway names it
    upstream: String,
    /// How long the credential is good for, in minutes; the gateway may allow less
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: Option<u32>,
    #[command(flatten)]
    gateway: GatewayFlags,
    #[command(flatten)]
    token: TokenFlags,
    /// Print user, password, end and URL as JSON
    #[arg(long)]
    json: bool,
}

/// What the gateway is asked for.
#[derive(Serialize)]
struct Wanted<'a> {
    upstream: &'a str,
    /// In seconds; none leaves it to the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime: Option<u64>,
}

/// What the gateway hands out.
#[derive(Deserialize, Serialize)]
struct Credential {
    user: String,
    password: String,
    expires: u64,
    url: String,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let lifetime = args.minutes.map(|minutes| u64::from(minutes) * 60);
    let wanted = Wanted { upstream: &args.upstream, lifetime };
    let credential: Credential = block_on(async {
        let gateway = Gateway::of(&args.gateway, &args.token).await?;
        gateway.ask(Method::POST, "/v1/credentials", Some(&wanted)).await
    })?;
    if args.json {
        output::json(&credential);
    } else {
        output::line(credential.url);
    }
    Ok(())
}
