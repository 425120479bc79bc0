//! SCRAM-SHA-256 for minted credentials: the verifier, its mock, the binding to TLS.
//!
//! The exchange itself is pgwire's, which needs only a verifier and never a password. Around it stands what a firewall
//! must add: the mechanism a client names must agree with the header it signs, and a name that does not exist gets a
//! verifier that no secret fits, derived from its name so that asking twice gives the same salt. Spec: RFC 5802, 7677;
//! "SASL Authentication".

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pgwire::api::auth::sasl::scram::{ScramSecret, ScramServerAuth, gen_salted_password};
use portcullis_wire::{Malformed, Unsupported};
use zeroize::Zeroizing;

use crate::frontend::SaslInitialResponse;

const PLAIN: &str = "SCRAM-SHA-256";
const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// How often the hash is repeated for a minted credential.
///
/// Repetition slows down guessing; a secret of 128 random bits cannot be guessed, so one would do. RFC 7677 asks for 4,096
/// and the JDBC driver refuses less. The client pays for it, not the gateway: a verifier is checked with one HMAC.
pub const MINTED_ITERATIONS: u32 = 4096;

/// How long the salt of a minted credential is, in bytes, so that mock salts look the same.
const SALT: usize = 16;

/// What a secret can be checked with: enough to verify, not enough to sign in elsewhere. `Debug` shows no keys.
#[derive(Clone)]
pub struct Verifier {
    salt: Vec<u8>,
    iterations: u32,
    stored_key: Zeroizing<Vec<u8>>,
    server_key: Zeroizing<Vec<u8>>,
    mock: bool,
}

impl Verifier {
    /// Reads `SCRAM-SHA-256$iterations:salt$stored key:server key`, as PostgreSQL stores it.
    ///
    /// # Errors
    /// Text that is not of that form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::parts(text).ok_or(Malformed::Invalid("SCRAM verifier"))
    }

    fn parts(text: &str) -> Option<Self> {
        let (parameters, keys) = text.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (iterations, salt) = parameters.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let key = |text: &str| STANDARD.decode(text).ok().filter(|key| key.len() == 32).map(Zeroizing::new);
        Some(Self {
            salt: STANDARD.decode(salt).ok()?,
            iterations: iterations.parse().ok().filter(|&count| count > 0)?,
            stored_key: key(stored)?,
            server_key: key(server)?,
            mock: false,
        })
    }

    /// A verifier that nothing satisfies, for a name that does not exist. The same name and key give the same salt.
    pub fn mock(key: &[u8; 32], user: &[u8]) -> Self {
        let derive = |label: &[u8]| {
            let mut hasher = blake3::Hasher::new_keyed(key);
            hasher.update(label).update(user);
            Zeroizing::new(hasher.finalize().as_bytes().to_vec())
        };
        let salt = derive(b"salt:").iter().take(SALT).copied().collect();
        let (stored_key, server_key) = (derive(b"stored:"), derive(b"server:"));
        Self { salt, iterations: MINTED_ITERATIONS, stored_key, server_key, mock: true }
    }

    pub(super) fn is_mock(&self) -> bool {
        self.mock
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl From<Verifier> for ScramSecret {
    fn from(verifier: Verifier) -> Self {
        Self::Verifier {
            salt: verifier.salt,
            iterations: usize::try_from(verifier.iterations).unwrap_or(usize::MAX),
            stored_key: verifier.stored_key.to_vec(),
            server_key: verifier.server_key.to_vec(),
        }
    }
}

/// Makes the verifier of a secret, in the form that [`Verifier::parse`] and PostgreSQL's `pg_authid` read.
///
/// `salt` should be 16 random bytes, as mock verifiers have; `iterations` is [`MINTED_ITERATIONS`] unless there is a reason.
pub fn scram_verifier(password: &str, salt: &[u8], iterations: std::num::NonZeroU32) -> String {
    let count = usize::try_from(iterations.get()).unwrap_or(usize::MAX);
    let salted = Zeroizing::new(gen_salted_password(password, salt, count));
    let secret = ScramSecret::verifier_from_salted_password(salt.to_vec(), salted.to_vec(), count);
    let ScramSecret::Verifier { stored_key, server_key, .. } = secret else { return String::new() };
    let [salt, stored, server] = [salt, &stored_key, &server_key].map(|bytes| STANDARD.encode(bytes));
    format!("{PLAIN}${iterations}:{salt}${stored}:{server}")
}

/// Our end of a TLS connection: the certificate that the client saw, which SCRAM-SHA-256-PLUS makes it sign.
#[derive(Debug, Clone)]
pub struct EndPoint(ScramServerAuth);

impl EndPoint {
    /// Takes the certificate in DER, as the TLS server sends it. Made once, when the certificate is loaded.
    ///
    /// # Errors
    /// A certificate whose signature names no hash that `tls-server-end-point` defines (Ed25519, for one): then offer no
    /// binding.
    pub fn of_certificate(der: &[u8]) -> Result<Self, Unsupported> {
        let mut auth = ScramServerAuth::new();
        auth.configure_certificate(pem(der).as_bytes())
            .map_err(|_| Unsupported("channel binding with this certificate"))?;
        Ok(Self(auth))
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index.is_multiple_of(64) {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

/// What is offered, the best first.
pub(super) fn mechanisms(bound: bool) -> &'static [&'static str] {
    if bound { &[PLUS, PLAIN] } else { &[PLAIN] }
}

/// The exchange, with or without a binding.
pub(super) fn server(end_point: Option<EndPoint>) -> ScramServerAuth {
    end_point.map_or_else(ScramServerAuth::new, |EndPoint(auth)| auth)
}

/// The client's first message, if the mechanism was offered and agrees with its header.
pub(super) fn client_first(message: SaslInitialResponse<'_>, bound: bool) -> Result<&[u8], Malformed> {
    let plus = message.mechanism == PLUS.as_bytes();
    if !mechanisms(bound).iter().any(|name| name.as_bytes() == message.mechanism) {
        return Err(Malformed::Invalid("SASL mechanism"));
    }
    let data = message.data.ok_or(Malformed::Invalid("SASL initial response"))?;
    // EVASION: SCRAM-SHA-256-PLUS named, but a header without a binding signed (`a_plus_without_a_binding_is_refused`).
    if data.starts_with(b"p=") != plus {
        return Err(Malformed::Invalid("SCRAM header"));
    }
    Ok(data)
}
