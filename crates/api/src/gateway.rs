//! What the admin listener needs of the gateway.

use std::{future::Future, pin::Pin, time::SystemTime};

use portcullis_control::Identity;

/// The answer to a question that takes time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The running gateway, as far as its operators can see and touch it.
pub trait Gateway: Send + Sync + 'static {
    /// All live sessions.
    fn sessions(&self) -> Vec<SessionInfo>;

    /// Ends a live session at once; `false` if there is none of this id.
    fn kill(&self, id: u128) -> bool;

    /// All metrics in the OpenMetrics text format. Names of people and statements must not be in it.
    fn metrics(&self) -> String;

    /// Whether new sessions can be served; the reason if not, fit for anyone's eyes.
    fn ready(&self) -> Result<(), String>;

    /// A configured upstream.
    fn upstream(&self, name: &str) -> Option<UpstreamInfo>;

    /// Whether policy lets this identity connect to this upstream, so that no credential is minted that cannot be used.
    fn may_connect<'a>(&'a self, identity: &'a Identity, upstream: &'a str) -> Answer<'a, bool>;
}

/// A live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its id, as in the recording.
    pub id: u128,
    /// The provider that vouches for `subject`.
    pub provider: String,
    /// Whose it is.
    pub subject: String,
    /// Who acts for them.
    pub agent: Option<String>,
    /// The upstream's name.
    pub upstream: String,
    /// The client's address.
    pub source: String,
    /// The user name the client gave.
    pub user: String,
    /// Since when.
    pub started: SystemTime,
    /// Statements judged so far.
    pub statements: u64,
}

/// How clients reach an upstream through the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamInfo {
    /// `postgres`, and with it the scheme of the URL.
    pub protocol: String,
    /// Host and port that clients dial: the listener's, or what is published in front of it.
    pub address: String,
    /// Whether the listener has TLS.
    pub tls: bool,
    /// The database name that clients give, which is the upstream's name.
    pub database: String,
}
