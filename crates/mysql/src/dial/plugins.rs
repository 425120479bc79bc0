//! What we answer to an upstream's plugin, and what its answer to that may be.
//!
//! The scrambles and signatures are mysql_common's. Around them stands what a firewall must add: nonces have exactly
//! their length, a password leaves only where [`Channel`] says that nobody reads along, and the public key of a server,
//! which its parser would take on trust, is read by [`super::rsa`]. Spec: "Caching SHA-2 Authentication",
//! "SHA-256 Authentication", "Native Authentication"; MariaDB "Authentication Plugin - ed25519", "- PARSEC".

use mysql_common::auth::plugins::caching_sha2_password::scramble_sha256;
use mysql_common::auth::plugins::client_ed25519::ClientEd25519;
use mysql_common::auth::plugins::mysql_native_password::scramble_native;
use mysql_common::auth::plugins::parsec::Parsec;
use mysql_common::auth::plugins::{ChallengeResponsePlugin, Context};
use zeroize::Zeroizing;

use super::{ClearPassword, DialError, Login, rsa};
use crate::handshake::NONCE;
use crate::{Channel, Plugin};

/// The length of a nonce of MariaDB's own plugins, in bytes.
const LONG_NONCE: usize = 32;

/// Asks for a public key: `caching_sha2_password`'s byte, and `sha256_password`'s.
const REQUEST_KEY: (u8, u8) = (2, 1);

/// What to send, and what may come then beside OK, ERR and another plugin.
pub(super) struct Step {
    /// The packet; without one, there is only to wait.
    pub(super) answer: Option<Zeroizing<Vec<u8>>>,
    pub(super) awaits: Awaits,
}

/// What a plugin may say next.
pub(super) enum Awaits {
    /// Nothing more.
    Nothing,
    /// `caching_sha2_password`: whether the server remembers the password's hash.
    CacheState([u8; NONCE]),
    /// The server's public key.
    PublicKey([u8; NONCE]),
    /// `parsec`: the salt.
    Salt(Box<Parsec>),
}

impl Step {
    /// No proof at all: the server then asks for one.
    pub(super) fn nothing() -> Self {
        Self { answer: None, awaits: Awaits::Nothing }
    }

    fn last(answer: Vec<u8>) -> Self {
        Self { answer: Some(Zeroizing::new(answer)), awaits: Awaits::Nothing }
    }

    fn then(answer: Vec<u8>, awaits: Awaits) -> Self {
        Self { answer: Some(Zeroizing::new(answer)), awaits }
    }
}

/// Answers a plugin's first data, which the greeting or AuthSwitchRequest brought.
pub(super) fn begin(plugin: Plugin, data: &[u8], login: &Login) -> Result<Step, DialError> {
    let password = login.password.expose();
    match plugin {
        Plugin::CachingSha2Password => {
            let nonce = nonce::<NONCE>(plugin, data)?;
            // MySQL's own client sends the NUL that ends a password that is not there.
            let scramble = scramble_sha256(&nonce, password).map(|scramble| scramble.to_vec());
            Ok(scramble.map_or_else(|| Step::last(vec![0]), |scramble| Step::then(scramble, Awaits::CacheState(nonce))))
        }
        Plugin::NativePassword => {
            let scramble = scramble_native(&nonce::<NONCE>(plugin, data)?, password);
            Ok(Step::last(scramble.map_or_else(Vec::new, |scramble| scramble.to_vec())))
        }
        Plugin::Sha256Password => sha256_password(nonce::<NONCE>(plugin, data)?, login),
        Plugin::ClearPassword => clear_password(login),
        Plugin::Ed25519 => {
            let nonce = nonce::<LONG_NONCE>(plugin, data)?;
            run(plugin, &mut ClientEd25519::default(), password, &nonce).map(Step::last)
        }
        Plugin::Parsec => {
            let mut parsec = Box::new(Parsec::default());
            let empty = run(plugin, parsec.as_mut(), password, &nonce::<LONG_NONCE>(plugin, data)?)?;
            Ok(Step::then(empty, Awaits::Salt(parsec)))
        }
        Plugin::OpenIdConnect => Err(DialError::Plugin(plugin.name())),
    }
}

/// Answers a plugin's further data.
pub(super) fn go_on(awaits: Awaits, data: &[u8], login: &Login) -> Result<Step, DialError> {
    let password = login.password.expose();
    match (awaits, data) {
        (Awaits::CacheState(_), [3]) => Ok(Step::nothing()),
        (Awaits::CacheState(nonce), [4]) => full_authentication(nonce, login),
        (Awaits::PublicKey(nonce), key) => rsa::encrypt(password, &nonce, key).map(Step::last),
        (Awaits::Salt(mut parsec), salt) => run(Plugin::Parsec, parsec.as_mut(), password, salt).map(Step::last),
        (Awaits::CacheState(_) | Awaits::Nothing, _) => Err(DialError::Plugin("data that was not asked for")),
    }
}

// EVASION: a false server on the way asks for the password itself (`a_password_never_leaves_in_clear`).
fn full_authentication(nonce: [u8; NONCE], login: &Login) -> Result<Step, DialError> {
    match login.channel {
        Channel::Tls | Channel::Socket => Ok(Step::last(with_nul(login))),
        Channel::Loopback => Ok(Step::then(vec![REQUEST_KEY.0], Awaits::PublicKey(nonce))),
        Channel::Clear => Err(DialError::Downgrade("the server asks for the password itself, without TLS")),
    }
}

fn sha256_password(nonce: [u8; NONCE], login: &Login) -> Result<Step, DialError> {
    match login.channel {
        _ if login.password.expose().is_empty() => Ok(Step::last(vec![0])),
        Channel::Tls => Ok(Step::last(with_nul(login))),
        // On a Unix socket too the server wants the key used.
        Channel::Loopback | Channel::Socket => Ok(Step::then(vec![REQUEST_KEY.1], Awaits::PublicKey(nonce))),
        Channel::Clear => Err(DialError::Downgrade("the server asks for the password itself, without TLS")),
    }
}

fn clear_password(login: &Login) -> Result<Step, DialError> {
    match (login.channel, login.clear_password) {
        (Channel::Tls, ClearPassword::OverTls) => Ok(Step::last(with_nul(login))),
        (Channel::Tls, ClearPassword::Never) => {
            Err(DialError::Downgrade("the server asks for `mysql_clear_password`, which is not configured"))
        }
        _ => Err(DialError::Downgrade("the server asks for `mysql_clear_password`, without TLS")),
    }
}

fn with_nul(login: &Login) -> Vec<u8> {
    [login.password.expose(), &[0]].concat()
}

/// A nonce of exactly `N` bytes, of which a NUL may be the end. A longer nonce's own last byte may be one too.
fn nonce<const N: usize>(plugin: Plugin, data: &[u8]) -> Result<[u8; N], DialError> {
    let nonce = match data.split_at_checked(N) {
        Some((nonce, [] | [0])) => nonce.try_into().ok(),
        _ => None,
    };
    nonce.ok_or(DialError::Plugin(plugin.name()))
}

fn run(
    plugin: Plugin,
    machine: &mut impl ChallengeResponsePlugin,
    password: &[u8],
    challenge: &[u8],
) -> Result<Vec<u8>, DialError> {
    let response = machine.run(Password(password), challenge).map_err(|_| DialError::Plugin(plugin.name()))?;
    Ok(response.data().unwrap_or_default().to_vec())
}

/// All that the plugins run here ask for.
struct Password<'a>(&'a [u8]);

impl Context for Password<'_> {
    fn pass(&self) -> &[u8] {
        self.0
    }

    fn is_ipc_transport(&self) -> bool {
        false
    }

    fn is_tls_transport(&self) -> bool {
        false
    }

    fn scramble(&self) -> &[u8] {
        &[]
    }

    fn server_key_pem(&self) -> Option<&[u8]> {
        None
    }
}
