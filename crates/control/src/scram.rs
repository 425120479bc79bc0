//! SCRAM-SHA-256 verifiers: what lets the gateway check a password without keeping it.
//!
//! The text form is Postgres' own, `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. Spec: RFC 5802 section
//! 3, RFC 7677. The message exchange is the sign-in's business; only the two computations on keys are here.

use std::{fmt, num::NonZeroU32, str::FromStr};

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2, rand};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

// The least that RFC 7677 allows and what every driver expects. More would buy nothing: the secrets that pass through
// here have 192 random bits, which no number of iterations protects better, and each client pays for them.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
const SALT: usize = 16;
const KEY: usize = 32;
const PREFIX: &str = "SCRAM-SHA-256";

/// A verifier for one secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    /// How often PBKDF2 was iterated.
    pub iterations: NonZeroU32,
    /// Its salt.
    pub salt: Vec<u8>,
    stored_key: [u8; KEY],
    server_key: [u8; KEY],
}

impl ScramVerifier {
    /// A verifier for `secret` with a new random salt. The secret must be ASCII (SASLprep leaves it as it is).
    pub fn derive(secret: &str) -> Self {
        let mut salt = [0; SALT];
        fill(&mut salt);
        Self::salted(secret, &salt, ITERATIONS)
    }

    fn salted(secret: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted = Zeroizing::new([0; KEY]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, secret.as_bytes(), &mut *salted);
        let client_key = Zeroizing::new(mac(&*salted, b"Client Key"));
        let server_key = mac(&*salted, b"Server Key");
        Self { iterations, salt: salt.to_vec(), stored_key: sha256(&*client_key), server_key }
    }

    /// A verifier that nothing satisfies, always the same for one `user` under one `seed`, so that a sign-in as someone
    /// who does not exist looks exactly like a wrong password (as Postgres does with its mock authentication).
    pub(crate) fn decoy(seed: &[u8], user: &str) -> Self {
        let salt = mac(seed, user.as_bytes());
        let (mut stored_key, mut server_key) = ([0; KEY], [0; KEY]);
        fill(&mut stored_key);
        fill(&mut server_key);
        Self { iterations: ITERATIONS, salt: salt[..SALT].to_vec(), stored_key, server_key }
    }

    /// Checks a ClientProof over `auth_message`; the ServerSignature to answer with if it is right.
    pub fn check(&self, auth_message: &[u8], proof: &[u8]) -> Option<[u8; KEY]> {
        let proof: &[u8; KEY] = proof.try_into().ok()?;
        let mut client_key = Zeroizing::new(mac(&self.stored_key, auth_message));
        for (key, proof) in client_key.iter_mut().zip(proof) {
            *key ^= proof;
        }
        constant_time::verify_slices_are_equal(&sha256(&*client_key), &self.stored_key).ok()?;
        Some(mac(&self.server_key, auth_message))
    }
}

impl fmt::Display for ScramVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encode = |bytes: &[u8]| STANDARD.encode(bytes);
        let (salt, stored, server) = (encode(&self.salt), encode(&self.stored_key), encode(&self.server_key));
        write!(f, "{PREFIX}${}:{salt}${stored}:{server}", self.iterations)
    }
}

/// A verifier is not a password, but it is enough to pose as the server: logs do not get it.
impl fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScramVerifier(..)")
    }
}

/// Text that is not a SCRAM-SHA-256 verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SCRAM-SHA-256 verifier")]
pub struct NotAVerifier;

impl FromStr for ScramVerifier {
    type Err = NotAVerifier;

    fn from_str(text: &str) -> Result<Self, NotAVerifier> {
        read(text).ok_or(NotAVerifier)
    }
}

fn read(text: &str) -> Option<ScramVerifier> {
    let rest = text.strip_prefix(PREFIX)?.strip_prefix('$')?;
    let (first, second) = rest.split_once('$')?;
    let (iterations, salt) = first.split_once(':')?;
    let (stored, server) = second.split_once(':')?;
    Some(ScramVerifier {
        iterations: iterations.parse().ok()?,
        salt: STANDARD.decode(salt).ok()?,
        stored_key: STANDARD.decode(stored).ok()?.try_into().ok()?,
        server_key: STANDARD.decode(server).ok()?.try_into().ok()?,
    })
}

fn mac(key: &[u8], data: &[u8]) -> [u8; KEY] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    let mut out = [0; KEY];
    out.copy_from_slice(tag.as_ref());
    out
}

fn sha256(data: &[u8]) -> [u8; KEY] {
    let mut out = [0; KEY];
    out.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    out
}

/// Random bytes from the system's generator. Without one there is no safe way on, so it ends the task.
pub(crate) fn fill(bytes: &mut [u8]) {
    assert!(rand::fill(bytes).is_ok(), "the system's random generator failed");
}

#[cfg(test)]
mod tests {
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

    use super::*;

    #[test]
    fn the_text_form_is_the_one_postgres_writes() {
        // What PostgreSQL 15 put into pg_authid for `CREATE ROLE r PASSWORD 'pencil'`.
        let stored = "SCRAM-SHA-256$4096:9ZvJbryWr2PFnL6YQg7meg==$kNyOoUE+hDPb+RItec7r+u/BH6WHXLBAP6uVEcmpRo4=:\
                      5A94WlKliKqmQLOoeJ9L4Acdd44BkMm1konVoB1MIRc=";
        let read: ScramVerifier = stored.parse().unwrap();
        assert_eq!(read.to_string(), stored);
        assert_eq!(read, ScramVerifier::salted("pencil", &read.salt, ITERATIONS));
    }

    #[test]
    fn rfc_7677_example_is_reproduced() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = ScramVerifier::salted("pencil", &salt, ITERATIONS);
        let auth = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let signature = verifier.check(auth.as_bytes(), &proof).unwrap();
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn an_independent_client_is_accepted_only_with_the_right_secret() {
        let verifier = ScramVerifier::derive("right");
        assert!(log_in(&verifier, "right"));
        assert!(!log_in(&verifier, "wrong"));
        assert!(!log_in(&ScramVerifier::decoy(b"seed", "pc_x"), "right"));
    }

    fn log_in(verifier: &ScramVerifier, password: &str) -> bool {
        let mut client = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        let first = String::from_utf8(client.message().to_vec()).unwrap();
        let bare = first.strip_prefix("n,,").unwrap().to_owned();
        let nonce = bare.split_once("r=").unwrap().1;
        let server_first = format!("r={nonce}xyz,s={},i={}", STANDARD.encode(&verifier.salt), verifier.iterations);
        client.update(server_first.as_bytes()).unwrap();
        let last = String::from_utf8(client.message().to_vec()).unwrap();
        let (without_proof, proof) = last.rsplit_once(",p=").unwrap();
        let auth = format!("{bare},{server_first},{without_proof}");
        match verifier.check(auth.as_bytes(), &STANDARD.decode(proof).unwrap()) {
            Some(signature) => client.finish(format!("v={}", STANDARD.encode(signature)).as_bytes()).is_ok(),
            None => false,
        }
    }

    #[test]
    fn a_decoy_looks_the_same_each_time_but_differs_between_users() {
        let decoy = |user| ScramVerifier::decoy(b"seed", user).salt;
        assert_eq!(decoy("pc_a"), decoy("pc_a"));
        assert_ne!(decoy("pc_a"), decoy("pc_b"));
        assert_eq!(decoy("pc_a").len(), ScramVerifier::derive("x").salt.len());
    }

    #[test]
    fn proofs_of_another_length_and_bad_text_are_refused() {
        let verifier = ScramVerifier::derive("x");
        assert!(verifier.check(b"m", &[]).is_none());
        assert!(verifier.check(b"m", &[0; 33]).is_none());
        for bad in ["", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:AA==$AA==:AA==", "SCRAM-SHA-1$4096:AA==$AA==:AA=="] {
            assert!(bad.parse::<ScramVerifier>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", ScramVerifier::derive("x")), "ScramVerifier(..)");
    }
}
