//! Who someone is, as an OpenID provider vouches for it.
//!
//! ```text
//! token ── split ──▶ Unverified ── its issuer ──▶ Provider ── key by `kid` ──▶ signature ──▶ claims ──▶ Identity
//! ```
//! The issuer is read before anything is proved, only to choose the provider; from there on that provider's keys,
//! audience and issuer are the only ones consulted. Spec: OpenID Connect Core 3.1.3.7, RFC 7519, RFC 8725, RFC 8693
//! (`act`). Encrypted tokens, symmetric keys and sender-constrained tokens (`cnf`) are deliberately not accepted.

mod claims;
mod discovery;
mod json;
mod jwks;
mod keys;
mod token;

use std::{collections::HashSet, path::PathBuf, sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{FetchError, Misconfigured, Refused, Url, http::Http};
use claims::Rules;
pub(crate) use discovery::discover;
pub(crate) use json::strict;
pub use keys::Timing;
use keys::{Keys, Source};
use token::Unverified;

/// Someone whose token was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The configured name of the provider that vouches for them.
    pub provider: String,
    /// `sub`: their id at that provider. Never an e-mail address, which can be given to another person.
    pub subject: String,
    /// The groups claim, without repetitions.
    pub groups: Vec<String>,
    /// Who acts for them, when it is not they themselves.
    pub agent: Option<Agent>,
    /// When the token ends.
    #[serde(with = "crate::store::unix")]
    pub expires: SystemTime,
    /// `jti`, if the provider gives one.
    pub token_id: Option<String>,
}

/// The one who presents a token on behalf of its subject (RFC 8693, section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// `act.sub`: the agent's id at the same provider.
    pub subject: String,
    /// Who had it before, latest first; for the record only.
    pub before: Vec<String>,
}

/// One `[[identity]]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// What principals are prefixed with.
    pub name: String,
    /// The exact `iss` of its tokens; discovery starts here.
    pub issuer: String,
    /// What `aud` must contain.
    pub audience: String,
    /// The claim that lists groups; a literal name, not a path.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    /// Roots to trust instead of the machine's, for a provider with a private CA.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The public client that `portcullis login` signs in as.
    #[serde(default)]
    pub client_id: Option<String>,
}

fn default_groups_claim() -> String {
    "groups".into()
}

/// One OpenID provider and the keys it publishes.
#[derive(Debug)]
pub struct Provider {
    config: ProviderConfig,
    keys: Keys<Published>,
}

impl Provider {
    /// Checks the configuration. Nothing is fetched until it is needed, or [`Providers::warm`] asks.
    pub fn new(config: ProviderConfig) -> Result<Self, Misconfigured> {
        Self::with_timing(config, Timing::default())
    }

    /// The same, with other refresh times than the usual ones.
    pub fn with_timing(config: ProviderConfig, timing: Timing) -> Result<Self, Misconfigured> {
        let name = || config.name.clone();
        if !is_name(&config.name) {
            return Err(Misconfigured::Name(name()));
        }
        if config.audience.is_empty() {
            return Err(Misconfigured::Audience(name()));
        }
        let issuer = Url::parse(&config.issuer).ok_or_else(|| Misconfigured::Issuer(name()))?;
        let http = client(&config, &issuer)?;
        let source = Published { name: name(), http, issuer: config.issuer.clone() };
        Ok(Self { keys: Keys::new(source, timing), config })
    }

    /// As configured.
    pub fn config(&self) -> &ProviderConfig {
        &self.config
    }

    /// Whether a token could be verified now without fetching anything.
    pub fn has_keys(&self) -> bool {
        self.keys.is_usable()
    }

    /// The identity that `token` proves at `now`, if this provider vouches for it.
    pub async fn verify(&self, token: &str, now: SystemTime) -> Result<Identity, Refused> {
        self.judge(Unverified::split(token)?, now).await
    }

    async fn judge(&self, token: Unverified<'_>, now: SystemTime) -> Result<Identity, Refused> {
        let key = self.keys.find(token.key_id(), token.algorithm()).await?;
        let claims = token.proved_by(&key)?;
        let rules = Rules {
            provider: &self.config.name,
            issuer: &self.config.issuer,
            audience: &self.config.audience,
            groups_claim: &self.config.groups_claim,
        };
        rules.identity(&claims, now)
    }
}

pub(crate) fn client(config: &ProviderConfig, issuer: &Url) -> Result<Http, Misconfigured> {
    let made = match &config.ca {
        Some(path) => Http::new(Some(path)),
        None if !issuer.is_secure() => Http::loopback_only(),
        None => Http::new(None),
    };
    made.ok_or_else(|| match config.ca {
        Some(_) => Misconfigured::Ca(config.name.clone()),
        None => Misconfigured::NoRoots(config.name.clone()),
    })
}

// INVARIANT: no `|` in a name, so `corp|<sub>` cannot be made to mean another provider's subject.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// A provider's keys where it publishes them.
#[derive(Debug)]
struct Published {
    name: String,
    http: Http,
    issuer: String,
}

impl Source for Published {
    async fn fetch(&self) -> Result<jwks::KeySet, FetchError> {
        let found = discover(&self.http, &self.issuer).await?;
        let body = self.http.get(&found.jwks).await?;
        jwks::KeySet::parse(&body)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// All configured providers.
#[derive(Debug, Clone)]
pub struct Providers(Arc<[Provider]>);

impl Providers {
    /// Checks every configuration, and that no two share a name or an issuer.
    pub fn new(configs: Vec<ProviderConfig>) -> Result<Self, Misconfigured> {
        let mut seen = HashSet::new();
        for config in &configs {
            if !seen.insert(("name", config.name.clone())) || !seen.insert(("issuer", config.issuer.clone())) {
                return Err(Misconfigured::Twice(config.name.clone()));
            }
        }
        Ok(Self(configs.into_iter().map(Provider::new).collect::<Result<_, _>>()?))
    }

    /// The identity that `token` proves at `now`, judged only by the provider whose issuer it names.
    pub async fn verify(&self, token: &str, now: SystemTime) -> Result<Identity, Refused> {
        let token = Unverified::split(token)?;
        let issuer = token.claimed_issuer().ok_or(Refused::Claim("iss"))?;
        let provider = self.0.iter().find(|p| p.config.issuer == issuer).ok_or(Refused::UnknownIssuer)?;
        provider.judge(token, now).await
    }

    /// Fetches every provider's keys, so that the first sign-in need not wait. Failures are logged and tried again later.
    pub async fn warm(&self) {
        for provider in self.0.iter() {
            provider.keys.warm().await;
        }
    }

    /// Each provider.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}
