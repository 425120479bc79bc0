//! What can go wrong when someone signs in, and what they are told.
//!
//! Every variant is a denial. [`Refused::Unavailable`] is kept apart from the rest because the fault is ours or the
//! provider's, so the client may try again, and operations must hear of it. No variant holds a token or a claim's value.

use std::sync::Arc;

/// Why a token was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Longer than any token we read.
    #[error("the token is too long")]
    TooLong,
    /// Not a compact JWS with a JSON header and JSON claims.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// No configured provider has this issuer.
    #[error("the token's issuer is not configured")]
    UnknownIssuer,
    /// The provider publishes no key of this id, even after asking again.
    #[error("the token is signed by a key its provider does not publish")]
    UnknownKey,
    /// The header names another algorithm than the key is for.
    #[error("the token's algorithm is not the one its key is for")]
    Algorithm,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// The token is for someone else.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or of the wrong shape.
    #[error("the token's claim `{0}` is missing or unusable")]
    Claim(&'static str),
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The provider's keys cannot be had, so nothing can be verified.
    #[error("the identity provider cannot be reached")]
    Unavailable,
}

impl Refused {
    /// Whether trying the same token again later can succeed.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable)
    }

    /// The text a client is shown. Which check failed is told only where the holder of an honest token can act on it.
    pub fn client_text(&self) -> &'static str {
        match self {
            Self::Unavailable => "sign-in is not possible now: the identity provider cannot be reached",
            Self::Expired => "sign-in failed: the token has expired",
            Self::NotYetValid => "sign-in failed: the token is not valid yet",
            Self::Audience => "sign-in failed: the token is for another audience",
            Self::UnknownIssuer => "sign-in failed: the token's issuer is not configured here",
            _ => "sign-in failed: the token was not accepted",
        }
    }

    /// What the client can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unavailable => "try again shortly",
            Self::NotYetValid => "check the clocks of this machine and of the identity provider",
            _ => "sign in again with `portcullis login`",
        }
    }
}

/// A configuration that cannot be used; found at load, never while serving.
#[derive(Debug, thiserror::Error)]
pub enum Misconfigured {
    /// An issuer that is not https, nor http on loopback.
    #[error("identity `{0}`: the issuer must be an https URL (http only on loopback)")]
    Issuer(String),
    /// A name that is empty or would break principal ids.
    #[error("identity `{0}`: a name is 1 to 64 characters of a-z, A-Z, 0-9, `-`, `_`, `.`")]
    Name(String),
    /// An audience that is empty would accept nothing.
    #[error("identity `{0}`: `audience` is empty")]
    Audience(String),
    /// Two identities with one name or one issuer.
    #[error("identity `{0}`: its name or issuer is used twice")]
    Twice(String),
    /// The `ca` file cannot be read or holds no certificate.
    #[error("identity `{0}`: the `ca` file cannot be read or holds no usable certificate")]
    Ca(String),
    /// The machine has no root certificates.
    #[error("identity `{0}`: no root certificates found on this machine; set `ca`")]
    NoRoots(String),
}

/// Why something could not be fetched from a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No connection.
    #[error("cannot connect")]
    Connect,
    /// The certificate or handshake was refused.
    #[error("TLS failed")]
    Tls,
    /// Too slow.
    #[error("timed out")]
    Timeout,
    /// A status other than 200. Redirects count: they are never followed.
    #[error("answered with status {0}")]
    Status(u16),
    /// The answer is longer than we read.
    #[error("answer too large")]
    TooLarge,
    /// Not HTTP, or cut off.
    #[error("HTTP failed")]
    Http,
    /// Not the document we asked for.
    #[error("the answer is not a usable {0}")]
    Unusable(&'static str),
    /// A URL that is not https, nor http on loopback.
    #[error("a URL in the answer is not https")]
    Insecure,
}

/// Why the state store did not do as asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process has this data folder open.
    #[error("the data folder is in use by another gateway")]
    InUse,
    /// Written by a later version of this program.
    #[error("the state file has version {0}, which is newer than this program knows")]
    Newer(u32),
    /// The writer has stopped.
    #[error("the state store has stopped")]
    Stopped,
    /// This identity holds as many credentials as one may.
    #[error("too many live credentials")]
    TooMany,
    /// The file could not be created, opened or locked.
    #[error("the state file cannot be opened: {0}")]
    Io(Arc<std::io::Error>),
    /// SQLite said no.
    #[error("the state store failed: {0}")]
    Sqlite(Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(e))
    }
}

impl From<std::io::Error> for StoreError {
    fn from(e: std::io::Error) -> Self {
        Self::Io(Arc::new(e))
    }
}
