//! `portcullis kill`: ends a live session at once.

use hyper::Method;

use crate::{
    client::{block_on, gateway::Gateway, profile::GatewayFlags, tokens::TokenFlags},
    failure::Failure,
    output,
};

/// Ends a session.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis kill 0197c2f04d1e7a52b0c6e9f1a3d58b70")]
pub(crate) struct Args {
    /// The session, by the id that `portcullis sessions` shows
    #[arg(value_name = "ID", value_parser = session_id)]
    id: String,
    #[command(flatten)]
    gateway: GatewayFlags,
    #[command(flatten)]
    token: TokenFlags,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    block_on(async {
        let gateway = Gateway::of(&args.gateway, &args.token).await?;
        gateway.ask::<serde_json::Value>(Method::DELETE, &format!("/v1/sessions/{}", args.id), None::<&()>).await
    })?;
    output::note(format_args!("ended {}", args.id));
    Ok(())
}

/// 32 hexadecimal digits; nothing else is put into a path.
pub(crate) fn session_id(text: &str) -> Result<String, String> {
    let sound = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    sound.then(|| text.to_ascii_lowercase()).ok_or_else(|| "a session's id has 32 hexadecimal digits".to_owned())
}
