//! `portcullis login` and `portcullis token`: sign a person in at the identity provider, and show what that gave.

use std::time::SystemTime;

use portcullis_control::device::{Cache, Login, Pending};
use serde::Serialize;

use crate::{
    client::{
        block_on,
        profile::{IdentityFlags, Profile, TrustFlags},
        tokens,
    },
    failure::Failure,
    output,
};

/// Signs in.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis login --issuer https://idp.example.com --client-id portcullis-cli")]
pub(crate) struct Args {
    #[command(flatten)]
    identity: IdentityFlags,
    #[command(flatten)]
    trust: TrustFlags,
    /// Forget the login instead
    #[arg(long)]
    forget: bool,
}

/// Shows the token of the last login.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  PGPASSWORD=$(portcullis token) psql postgres://ana@gw.example.com:6432/shop")]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    identity: IdentityFlags,
    #[command(flatten)]
    trust: TrustFlags,
    /// Print the token and its end as JSON
    #[arg(long)]
    json: bool,
}

/// A token for programs.
#[derive(Serialize)]
struct Shown<'t> {
    token: &'t str,
    /// In seconds since 1970.
    expires: u64,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let provider = Profile::read(&args.trust)?.identity(&args.identity)?;
    let cache = Cache::of(&provider).map_err(Failure::refused)?;
    if args.forget {
        return cache.clear().map_err(Failure::refused);
    }
    block_on(async {
        let login = Login::discover(&provider).await.map_err(Failure::refused)?;
        let mut pending = login.start(SystemTime::now()).await.map_err(Failure::refused)?;
        invite(&pending);
        let tokens = login.wait(&mut pending).await.map_err(Failure::refused)?;
        cache.save(&tokens).map_err(Failure::refused)?;
        output::note("logged in");
        Ok(())
    })
}

fn invite(pending: &Pending) {
    let page = pending.verification_uri_complete.as_ref().unwrap_or(&pending.verification_uri);
    output::note(format_args!("To log in, open\n\n    {page}\n\nand confirm the code {}", pending.user_code));
}

pub(crate) fn token(args: &TokenArgs) -> Result<(), Failure> {
    let provider = Profile::read(&args.trust)?.identity(&args.identity)?;
    let tokens = block_on(tokens::current(&provider))?;
    if !args.json {
        output::line(tokens.bearer.expose());
        return Ok(());
    }
    let expires = tokens.expires.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    output::json(&Shown { token: tokens.bearer.expose(), expires });
    Ok(())
}
