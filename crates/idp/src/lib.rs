//! A small OpenID provider for the demo and for tests.
//!
//! It is a real provider as far as a relying party can see: discovery, a key set, the device flow, refresh tokens,
//! signed tokens with groups, key rotation. It is no provider for anyone's production: it has no passwords, keeps
//! everything in memory, and serves on loopback only. It can also misbehave on request ([`Fault`]), because that is
//! what a gateway must survive. Spec: OpenID Connect Discovery 1.0, RFC 7517, RFC 7519, RFC 8628, RFC 6749.

mod flow;
mod keys;
mod page;
mod server;

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

pub use keys::Alg;
use keys::SigningKey;

/// What to serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// `aud` of the tokens.
    pub audience: String,
    /// Who can sign in.
    pub users: Vec<User>,
    /// Confirms each device login at once as this user; otherwise a page asks.
    pub auto_approve: Option<String>,
    /// What tokens are signed with.
    pub alg: Alg,
    /// How long tokens last.
    pub lifetime: Duration,
    /// Serves https with this, and an `https` issuer on this host name.
    pub tls: Option<(String, Arc<rustls::ServerConfig>)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            audience: "portcullis".into(),
            users: Vec::new(),
            auto_approve: None,
            alg: Alg::Rs256,
            lifetime: Duration::from_secs(3600),
            tls: None,
        }
    }
}

/// Someone who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `sub`.
    pub sub: String,
    /// `groups`.
    pub groups: Vec<String>,
}

impl User {
    /// A user in some groups.
    pub fn new(sub: &str, groups: &[&str]) -> Self {
        Self { sub: sub.into(), groups: groups.iter().map(|g| (*g).into()).collect() }
    }
}

/// How to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not at all.
    None,
    /// Answer everything with 503.
    Down,
    /// Send the headers, then never the body.
    Stall,
    /// Publish keys that signed nothing, under the right ids.
    WrongKeys,
    /// Answer with some MiB of valid JSON.
    Huge,
    /// Send clients elsewhere.
    Redirect,
    /// Claim to be another issuer in the discovery document.
    WrongIssuer,
    /// Point to keys on plain http on a foreign host.
    InsecureKeys,
}

/// A running provider; it stops when dropped.
#[derive(Debug)]
pub struct Idp {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// The provider could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It has no passwords, so it may only listen where only this machine can ask.
    #[error("the demo identity provider listens on loopback only")]
    NotLoopback,
    /// No address.
    #[error("the listener has no address: {0}")]
    Io(#[from] io::Error),
}

#[derive(Debug)]
pub(crate) struct Shared {
    issuer: String,
    authority: String,
    config: Config,
    state: Mutex<State>,
    key_requests: AtomicUsize,
}

#[derive(Debug)]
struct State {
    keys: Vec<SigningKey>,
    made: usize,
    fault: Fault,
    logins: HashMap<String, flow::DeviceLogin>,
    refreshes: HashMap<String, String>,
}

impl Idp {
    /// Serves on `listener`, which must be on loopback, until dropped. Needs a tokio runtime.
    pub fn start(listener: TcpListener, config: Config) -> Result<Self, StartError> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback);
        }
        let (scheme, authority) = match &config.tls {
            Some((host, _)) => ("https", format!("{host}:{}", address.port())),
            None => ("http", address.to_string()),
        };
        let state = State {
            keys: vec![SigningKey::generate(config.alg, "key-1".into())],
            made: 1,
            fault: Fault::None,
            logins: HashMap::new(),
            refreshes: HashMap::new(),
        };
        let issuer = format!("{scheme}://{authority}");
        let (state, key_requests) = (Mutex::new(state), AtomicUsize::new(0));
        let shared = Arc::new(Shared { issuer, authority, config, state, key_requests });
        let serving = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self { shared, serving })
    }

    /// The issuer, which is also the address it serves at.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// A token for anyone at all; `extra` claims replace the usual ones of the same name, and `null` removes one.
    pub fn mint(&self, sub: &str, groups: &[&str], extra: Value) -> String {
        self.shared.mint(sub, json!(groups), extra)
    }

    /// A token for a configured user.
    pub fn token_for(&self, sub: &str) -> Option<String> {
        self.shared.token_for(sub)
    }

    /// Signs any header and claims with the current key; `kid` and `alg` are as given, right or wrong.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.shared.lock().current().sign(header, claims)
    }

    /// The header that belongs to the current key.
    pub fn header(&self) -> Value {
        self.shared.lock().current().header()
    }

    /// The usual claims for a user, to change and [`Idp::sign`].
    pub fn claims(&self, sub: &str, groups: &[&str]) -> Value {
        self.shared.claims(sub, json!(groups), SystemTime::now())
    }

    /// The public key of the current key in DER, for those who try it as an HMAC secret.
    pub fn public_key(&self) -> Vec<u8> {
        self.shared.lock().current().public_der()
    }

    /// Signs with a new key from now on and stops publishing the old ones.
    pub fn rotate(&self, alg: Alg) {
        let mut state = self.shared.lock();
        state.made += 1;
        let key = SigningKey::generate(alg, format!("key-{}", state.made));
        state.keys = vec![key];
    }

    /// Publishes one more key and signs with it, keeping the old ones.
    pub fn add_key(&self, alg: Alg) {
        let mut state = self.shared.lock();
        state.made += 1;
        let key = SigningKey::generate(alg, format!("key-{}", state.made));
        state.keys.insert(0, key);
    }

    /// Misbehaves from now on.
    pub fn fail(&self, fault: Fault) {
        self.shared.lock().fault = fault;
    }

    /// How often the key set was asked for.
    pub fn key_requests(&self) -> usize {
        self.shared.key_requests.load(Ordering::SeqCst)
    }

    /// Confirms a device login as `sub`, as the page does; `false` if there is no such code or user.
    pub fn approve(&self, user_code: &str, sub: &str) -> bool {
        self.shared.decide(user_code, Some(sub))
    }

    /// Refuses a device login.
    pub fn deny(&self, user_code: &str) -> bool {
        self.shared.decide(user_code, None)
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    /// INVARIANT: there is always a key, and the first signs.
    fn current(&self) -> &SigningKey {
        &self.keys[0]
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token_for(&self, sub: &str) -> Option<String> {
        let user = self.config.users.iter().find(|u| u.sub == sub)?;
        Some(self.mint(sub, json!(user.groups), Value::Null))
    }

    fn mint(&self, sub: &str, groups: Value, extra: Value) -> String {
        let mut claims = self.claims(sub, groups, SystemTime::now());
        if let (Value::Object(claims), Value::Object(extra)) = (&mut claims, extra) {
            replace(claims, extra);
        }
        let state = self.lock();
        state.current().sign(&state.current().header(), &claims)
    }

    fn claims(&self, sub: &str, groups: Value, now: SystemTime) -> Value {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        json!({
            "iss": self.issuer, "aud": self.config.audience, "sub": sub, "groups": groups,
            "iat": now, "nbf": now, "exp": now + self.config.lifetime.as_secs(), "jti": keys::random_text(),
        })
    }
}

fn replace(claims: &mut Map<String, Value>, extra: Map<String, Value>) {
    for (name, value) in extra {
        match value {
            Value::Null => drop(claims.remove(&name)),
            value => drop(claims.insert(name, value)),
        }
    }
}
