//! The token that we show to the gateway: given, or from the last login and renewed while that is possible.

use std::{
    io::Read,
    time::{Duration, SystemTime},
};

use portcullis_control::{
    ProviderConfig, Secret,
    device::{Cache, Login, Tokens},
};

use super::profile::{IdentityFlags, Profile};
use crate::failure::Failure;

/// Flags that say which token to use.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TokenFlags {
    /// Use this token instead of the last login; `-` reads it from standard input
    #[arg(long, value_name = "TOKEN", env = "PORTCULLIS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    identity: IdentityFlags,
}

/// A token that ends this soon is renewed first: signing in takes a moment, and clocks differ.
const MARGIN: Duration = Duration::from_secs(30);

/// Where tokens come from for the rest of this run.
pub(crate) enum Source {
    /// One that was given.
    Given(Secret),
    /// The login of this provider.
    Login(Box<ProviderConfig>),
}

impl TokenFlags {
    /// Decides where tokens come from; reads standard input if that is asked for.
    pub(crate) fn source(&self, profile: &Profile) -> Result<Source, Failure> {
        match self.token.as_deref() {
            None => Ok(Source::Login(Box::new(profile.identity(&self.identity)?))),
            Some("-") => Ok(Source::Given(given(read_input()?)?)),
            Some(token) => Ok(Source::Given(given(token.to_owned())?)),
        }
    }
}

impl Source {
    /// A token that is good for a moment at least.
    pub(crate) async fn token(&self) -> Result<Secret, Failure> {
        match self {
            Self::Given(token) => Ok(token.clone()),
            Self::Login(provider) => Ok(current(provider).await?.bearer),
        }
    }
}

/// The tokens of the last login, renewed and remembered where they end soon.
pub(crate) async fn current(provider: &ProviderConfig) -> Result<Tokens, Failure> {
    let cache = Cache::of(provider).map_err(Failure::refused)?;
    let tokens = cache.load().map_err(Failure::refused)?.ok_or_else(|| log_in("nobody is logged in"))?;
    let now = SystemTime::now();
    if tokens.expires > now + MARGIN {
        return Ok(tokens);
    }
    let refresh = tokens.refresh.as_ref().ok_or_else(|| log_in("the login has ended"))?;
    let login = Login::discover(provider).await.map_err(Failure::refused)?;
    let tokens = login.refresh(refresh, now).await.map_err(|error| log_in(&format!("the login has ended: {error}")))?;
    cache.save(&tokens).map_err(Failure::refused)?;
    Ok(tokens)
}

fn log_in(what: &str) -> Failure {
    Failure::refused(what).help("run `portcullis login`")
}

fn read_input() -> Result<String, Failure> {
    let mut text = String::new();
    // LIMIT: as long as a credential may be; a file given by mistake is not read whole.
    let read = std::io::stdin().take(64 << 10).read_to_string(&mut text);
    read.map_err(|error| Failure::refused(format_args!("cannot read the token: {error}")))?;
    Ok(text)
}

fn given(text: String) -> Result<Secret, Failure> {
    let token = text.trim();
    if token.is_empty() || token.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Failure::usage("the token is empty or holds blanks"));
    }
    Ok(Secret::new(token.to_owned()))
}
