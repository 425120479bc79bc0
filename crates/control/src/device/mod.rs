//! Signing a person in from the command line: the device flow, and the cache of what it gave.
//!
//! The person confirms a short code in any browser, on this machine or another, so no local web server and no client
//! secret are needed. Spec: RFC 8628; refresh by RFC 6749 section 6. Tokens are not verified here: the gateway does
//! that, and whoever can write the cache can sign in as the person anyway.

mod cache;

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    FetchError, Misconfigured, ProviderConfig, Secret, Url,
    http::Http,
    identity::{client, discover},
};
pub use cache::{Cache, CacheError};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
// `offline_access` asks for a refresh token, so that a working day needs one confirmation.
const SCOPE: &str = "openid profile offline_access";
// RFC 8628 3.5: five seconds unless the provider says otherwise, and five more each time it says `slow_down`.
const INTERVAL: Duration = Duration::from_secs(5);
// LIMIT: what a provider may make a person wait between two polls, or for a code to end.
const MAX_WAIT: u64 = 3600;

/// Why a login did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The provider's configuration cannot be used.
    #[error(transparent)]
    Misconfigured(#[from] Misconfigured),
    /// `client_id` is not configured.
    #[error("identity `{0}`: `client_id` is not configured, so nobody can log in to it from here")]
    NoClient(String),
    /// The provider did not answer as it should.
    #[error("the identity provider: {0}")]
    Fetch(#[from] FetchError),
    /// It has no device flow.
    #[error("the identity provider does not offer device login")]
    NoDeviceFlow,
    /// The person said no.
    #[error("the login was refused")]
    Denied,
    /// The code, or the refresh token, has ended.
    #[error("the login has expired; start again")]
    Expired,
    /// The provider refused for a reason of its own.
    #[error("the identity provider refused the login: {0}")]
    Refused(ErrorCode),
}

/// An OAuth error code: the provider's text, kept only if it is shaped like a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCode(String);

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ErrorCode {
    fn new(text: &str) -> Self {
        let ok = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        Self(if ok { text.to_owned() } else { "an error it does not name properly".to_owned() })
    }
}

/// A provider that a person can log in to.
#[derive(Debug)]
pub struct Login {
    http: Http,
    client_id: String,
    audience: String,
    device_authorization: Option<Url>,
    token: Url,
}

/// A login that waits for the person. Its `Debug` hides the device code.
#[derive(Debug)]
pub struct Pending {
    /// What the person types.
    pub user_code: String,
    /// Where they type it.
    pub verification_uri: String,
    /// The same with the code filled in, for a link.
    pub verification_uri_complete: Option<String>,
    /// When the code ends.
    pub expires: SystemTime,
    interval: Duration,
    device_code: Secret,
}

/// What one question to the provider gave.
#[derive(Debug)]
pub enum Poll {
    /// Nobody has confirmed yet; ask again after [`Pending::interval`].
    NotYet,
    /// Done.
    Done(Tokens),
}

/// What a login gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// What the gateway is shown.
    pub bearer: Secret,
    /// What a new bearer is got with.
    pub refresh: Option<Secret>,
    /// When the bearer ends.
    pub expires: SystemTime,
}

impl Login {
    /// Asks the provider for its endpoints.
    pub async fn discover(config: &ProviderConfig) -> Result<Self, LoginError> {
        let name = || config.name.clone();
        let client_id = config.client_id.clone().ok_or_else(|| LoginError::NoClient(name()))?;
        let issuer = Url::parse(&config.issuer).ok_or_else(|| Misconfigured::Issuer(name()))?;
        let http = client(config, &issuer)?;
        let found = discover(&http, &config.issuer).await?;
        Ok(Self {
            http,
            client_id,
            audience: config.audience.clone(),
            device_authorization: found.device_authorization,
            token: found.token.ok_or(LoginError::NoDeviceFlow)?,
        })
    }

    /// Begins a login.
    pub async fn start(&self, now: SystemTime) -> Result<Pending, LoginError> {
        let url = self.device_authorization.as_ref().ok_or(LoginError::NoDeviceFlow)?;
        // RFC 8707's `resource` is not sent: providers that do not know it refuse the request.
        let fields = [("client_id", self.client_id.as_str()), ("scope", SCOPE), ("audience", &self.audience)];
        let (status, body) = self.http.post_form(url, &fields).await?;
        if status != StatusCode::OK {
            return Err(refusal(&body));
        }
        let found: Started = read(&body)?;
        Ok(Pending {
            user_code: printable(found.user_code)?,
            verification_uri: web(found.verification_uri)?,
            verification_uri_complete: found.verification_uri_complete.map(web).transpose()?,
            expires: now + Duration::from_secs(found.expires_in.min(MAX_WAIT)),
            interval: found.interval.map_or(INTERVAL, |s| Duration::from_secs(s.min(MAX_WAIT))),
            device_code: Secret::new(found.device_code),
        })
    }

    /// Asks once whether the person has confirmed.
    pub async fn poll(&self, pending: &mut Pending, now: SystemTime) -> Result<Poll, LoginError> {
        if now >= pending.expires {
            return Err(LoginError::Expired);
        }
        let fields = [("grant_type", GRANT), ("device_code", pending.device_code.expose())];
        match self.ask_token(&fields, now).await {
            Ok(tokens) => Ok(Poll::Done(tokens)),
            Err(LoginError::Refused(code)) => match code.0.as_str() {
                "authorization_pending" => Ok(Poll::NotYet),
                "slow_down" => {
                    pending.interval += INTERVAL;
                    Ok(Poll::NotYet)
                }
                _ => Err(LoginError::Refused(code)),
            },
            Err(other) => Err(other),
        }
    }

    /// Asks until the person has confirmed, refused, or let the code end.
    pub async fn wait(&self, pending: &mut Pending) -> Result<Tokens, LoginError> {
        loop {
            match self.poll(pending, SystemTime::now()).await {
                Ok(Poll::Done(tokens)) => return Ok(tokens),
                // MUST (RFC 8628 3.5): a time-out is waited out, not taken for an answer.
                Ok(Poll::NotYet) | Err(LoginError::Fetch(FetchError::Timeout | FetchError::Connect)) => {}
                Err(e) => return Err(e),
            }
            tokio::time::sleep(pending.interval).await;
        }
    }

    /// New tokens for a refresh token.
    pub async fn refresh(&self, refresh: &Secret, now: SystemTime) -> Result<Tokens, LoginError> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
        let mut tokens = self.ask_token(&fields, now).await?;
        // RFC 6749 section 6: the provider may keep the old refresh token in force by not sending another.
        tokens.refresh = tokens.refresh.or_else(|| Some(refresh.clone()));
        Ok(tokens)
    }

    async fn ask_token(&self, fields: &[(&str, &str)], now: SystemTime) -> Result<Tokens, LoginError> {
        let mut all = vec![("client_id", self.client_id.as_str())];
        all.extend_from_slice(fields);
        let (status, body) = self.http.post_form(&self.token, &all).await?;
        if status != StatusCode::OK {
            return Err(refusal(&body));
        }
        let found: Granted = read(&body)?;
        let lifetime = Duration::from_secs(found.expires_in.unwrap_or(300).min(366 * 24 * 3600));
        let bearer = self.bearer(found.access_token, found.id_token);
        let expires = claim(bearer.expose(), "exp").and_then(|v| v.as_u64()).filter(|s| *s < 1 << 40);
        let expires = expires.map_or(now + lifetime, |s| SystemTime::UNIX_EPOCH + Duration::from_secs(s));
        Ok(Tokens { bearer, refresh: found.refresh_token.map(Secret::new), expires })
    }

    /// The token meant for the gateway: the access token unless only the id token names its audience.
    fn bearer(&self, access: String, id: Option<String>) -> Secret {
        let is_ours = |token: &str| match claim(token, "aud") {
            Some(Value::String(one)) => one == self.audience,
            Some(Value::Array(many)) => many.iter().any(|a| a.as_str() == Some(&self.audience)),
            _ => false,
        };
        let access = Secret::new(access);
        let id = id.map(Secret::new).filter(|id| is_ours(id.expose()));
        id.filter(|_| !is_ours(access.expose())).unwrap_or(access)
    }
}

impl Pending {
    /// How long to wait before asking again.
    pub fn interval(&self) -> Duration {
        self.interval
    }
}

#[derive(Deserialize)]
struct Started {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    id_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct Failed {
    error: String,
}

fn read<'b, T: Deserialize<'b>>(body: &'b Bytes) -> Result<T, LoginError> {
    serde_json::from_slice(body).map_err(|_| FetchError::Unusable("answer to a login").into())
}

fn refusal(body: &Bytes) -> LoginError {
    match read::<Failed>(body).map(|f| f.error) {
        Ok(code) if code == "access_denied" => LoginError::Denied,
        Ok(code) if code == "expired_token" || code == "invalid_grant" => LoginError::Expired,
        Ok(code) => LoginError::Refused(ErrorCode::new(&code)),
        Err(unusable) => unusable,
    }
}

/// EVASION: a provider's text goes to a terminal; control characters could rewrite what the person sees.
fn printable(text: String) -> Result<String, LoginError> {
    let ok = text.len() <= 512 && !text.chars().any(char::is_control);
    if ok { Ok(text) } else { Err(FetchError::Unusable("user code").into()) }
}

/// A page that a person is sent to.
fn web(text: String) -> Result<String, LoginError> {
    let text = printable(text)?;
    if Url::parse(&text).is_some() { Ok(text) } else { Err(FetchError::Insecure.into()) }
}

/// One claim of a token, unproved.
fn claim(token: &str, name: &str) -> Option<Value> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Value>(&payload).ok()?.get(name).cloned()
}
