//! Session credentials that the gateway mints for itself: `pc_<id>` and a random secret.
//!
//! Tools that cannot carry a token get one of these instead (DESIGN.md 3.4). The user name is unlike any person's, so
//! that the verifier is found before anything is proved; the secret leaves this process once, in the answer that mints
//! it, and only verifiers are kept, for each way in which a protocol proves a password.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{DoubleHashes, Identity, ScramVerifier, Secret, scram::fill};

/// What a minted user name begins with.
pub(crate) const PREFIX: &str = "pc_";
// LIMIT: whoever asks for more gets this: a credential outlives its token's revocation at the provider.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
// 80 random bits: not a secret, but nobody should guess which names exist.
const ID: usize = 10;
// 192 random bits, a multiple of three so that the text has no padding.
const SECRET: usize = 24;

/// A new credential, in the one moment its secret exists in clear.
#[derive(Debug)]
pub struct Minted {
    /// The user name to sign in with.
    pub user: String,
    /// The password, in URL-safe characters.
    pub secret: Secret,
    /// When it ends.
    pub expires: SystemTime,
}

/// A credential as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its user name.
    pub user: String,
    /// Whom it signs in.
    pub identity: Identity,
    /// The only upstream it is good for.
    pub upstream: String,
    /// When it was minted.
    pub created: SystemTime,
    /// When it ends.
    pub expires: SystemTime,
    /// What proves the secret over SCRAM-SHA-256.
    pub scram: ScramVerifier,
    /// What proves the secret by MySQL's scrambles; absent from what an older program minted.
    pub hashes: Option<DoubleHashes>,
    /// Whether it was withdrawn.
    pub revoked: bool,
}

/// Whether a session may go on under a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Good,
    /// Its time is over: the session ends between transactions.
    Expired,
    /// It was withdrawn, or is not known (any more): the session ends at once.
    Withdrawn,
}

impl Credential {
    /// A new credential for `identity`, and the secret that goes with it.
    pub(crate) fn mint(identity: Identity, upstream: String, lifetime: Duration, now: SystemTime) -> (Self, Minted) {
        let (mut id, mut secret) = ([0; ID], [0; SECRET]);
        fill(&mut id);
        fill(&mut secret);
        let user = id.iter().fold(PREFIX.to_owned(), |user, byte| format!("{user}{byte:02x}"));
        let secret = Secret::new(URL_SAFE_NO_PAD.encode(secret));
        let mut expires = now + lifetime.min(MAX_LIFETIME);
        // What a person delegated for an hour stays delegated for an hour.
        if identity.agent.is_some() {
            expires = expires.min(identity.expires);
        }
        let scram = ScramVerifier::derive(secret.expose());
        let hashes = Some(DoubleHashes::of(secret.expose().as_bytes()));
        let minted = Minted { user: user.clone(), secret, expires };
        (Self { user, identity, upstream, created: now, expires, scram, hashes, revoked: false }, minted)
    }

    /// How it stands at `now`.
    pub fn standing(&self, now: SystemTime) -> Standing {
        match self {
            _ if self.revoked => Standing::Withdrawn,
            _ if now >= self.expires => Standing::Expired,
            _ => Standing::Good,
        }
    }
}
