//! Our own sign-in to the upstream, seen from the client's side.
//!
//! The machine writes the startup message, answers what the server asks, and collects what a session begins with, until
//! the first ReadyForQuery. What it will not do is what a false server would like: send a password in clear without TLS,
//! or believe a server that asked for SCRAM and then skips its own proof.
//!
//! ```text
//!  start ──► Request ─ cleartext, md5 ─► Verdict ─ Ok ─► Greeting ─ ReadyForQuery ─► done
//!               │  └── Ok (trust) ──────────────────────►┘
//!               └ SASL ─► Challenge ─ Continue ─► Proof ─ Final, verified ─► Verdict
//!  ErrorResponse, or anything else ──► Closed
//! ```
//! Spec: "Start-up", "SASL Authentication"; RFC 5802, 5929. Absent: GSSAPI, SSPI, OAUTHBEARER, client certificates (TLS's).

use std::fmt;
use std::mem;

use bytes::{Bytes, BytesMut};
use portcullis_wire::{Fault, Malformed, Unexpected, Unsupported, limits};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256};
use zeroize::Zeroizing;

use crate::backend::{
    Authentication, Message, Names, NegotiateProtocolVersion, ParameterStatus, Report, TransactionStatus,
};
use crate::frame::{self, BackendTag, Frame};
use crate::frontend::{PasswordMessage, SaslInitialResponse, SaslResponse};
use crate::secret::Secret;
use crate::startup::{Cancel, FirstPacket, Startup};

// LIMIT: servers report some 15 parameters and rarely a notice; more is not a greeting.
const GREETING: usize = 256;

/// Whether others can read along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// They can.
    Clear,
    /// They cannot: it does not leave the machine.
    Loopback,
    /// They cannot: TLS.
    Tls {
        /// The hash of the server's certificate (RFC 5929, `tls-server-end-point`), where it has one.
        end_point: Option<Vec<u8>>,
    },
}

/// Whom to sign in as, and how.
#[derive(Debug, Clone)]
pub struct Login {
    /// The minor version of protocol 3 to ask for: the one that the client asked us for.
    pub protocol_minor: u16,
    /// The user.
    pub user: Vec<u8>,
    /// The database.
    pub database: Vec<u8>,
    /// The password, where there is one.
    pub password: Option<Secret>,
    /// Further startup parameters, in order.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether others can read along.
    pub channel: Channel,
}

/// A session that the upstream has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The minor version that is spoken.
    pub protocol_minor: u16,
    /// The `_pq_.` options that the server does not know.
    pub unknown_options: Vec<Bytes>,
    /// Name and value of each parameter reported, in order.
    pub parameters: Vec<(Bytes, Bytes)>,
    /// The notices sent so far, as whole frames.
    pub notices: Vec<Bytes>,
    /// The server's process id, if it gave one.
    pub process: u32,
    /// What cancels this session; empty if the server gave none.
    pub secret: Secret,
    /// Where its transaction stands: idle, unless the server is strange.
    pub status: TransactionStatus,
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The server's bytes, or their moment, are wrong.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The server said no.
    #[error("the server refused the session: {0:?}")]
    Refused(ServerError),
    /// The server wants a password, and there is none.
    #[error("the server asks for a password and none is configured")]
    NoPassword,
    /// The server wants what only an attacker would need.
    #[error("{0}")]
    Downgrade(&'static str),
    /// The server could not prove that it knows the password, or does not speak SCRAM as it should.
    #[error("the server failed the SCRAM exchange")]
    Scram,
}

impl From<Malformed> for DialError {
    fn from(error: Malformed) -> Self {
        Self::Fault(error.into())
    }
}

/// An ErrorResponse that outlives its frame. `Debug` shows its SQLSTATE only.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError(Bytes);

impl ServerError {
    /// The fields.
    pub fn report(&self) -> Option<Report<'_>> {
        Report::decode(&self.0).ok()
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report().fmt(f)
    }
}

/// One sign-in to the upstream.
pub struct Dial {
    expect: Expect,
    login: Login,
    negotiated: bool,
    ready: Ready,
}

enum Expect {
    Request,
    Challenge(ScramSha256),
    Proof(ScramSha256),
    Verdict,
    Greeting,
    Closed,
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dial({})", self.expect.name())
    }
}

impl Expect {
    fn name(&self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Challenge(_) => "challenge",
            Self::Proof(_) => "proof",
            Self::Verdict => "verdict",
            Self::Greeting => "greeting",
            Self::Closed => "closed",
        }
    }
}

impl Dial {
    /// Writes the startup message.
    pub fn start(login: Login, out: &mut BytesMut) -> Self {
        let fixed = [(&b"user"[..], &login.user[..]), (&b"database"[..], &login.database[..])];
        let further = login.parameters.iter().map(|(name, value)| (&name[..], &value[..]));
        Startup::put(out, login.protocol_minor, fixed.into_iter().chain(further));
        Self { expect: Expect::Request, ready: Ready::new(login.protocol_minor), login, negotiated: false }
    }

    /// Reads what the server sent, writes the answers, and gives the session once it has begun. What the server sent
    /// after that stays in `buf`. While there is no session the answers are to be sent, and more is to be read.
    ///
    /// # Errors
    /// Whatever ends the sign-in. The machine is then closed.
    pub fn handle(&mut self, buf: &mut BytesMut, out: &mut BytesMut) -> Result<Option<Ready>, DialError> {
        loop {
            // Whatever returns early leaves the machine closed.
            let expect = mem::replace(&mut self.expect, Expect::Closed);
            let Some(frame) = frame::split_backend(buf, limits::CONTROL)? else {
                self.expect = expect;
                return Ok(None);
            };
            match self.read(expect, &frame, out)? {
                Expect::Closed => return Ok(Some(mem::replace(&mut self.ready, Ready::new(0)))),
                next => self.expect = next,
            }
        }
    }

    /// Takes one message and gives what to expect next, which is `Closed` once the session has begun.
    fn read(&mut self, expect: Expect, frame: &Frame<BackendTag>, out: &mut BytesMut) -> Result<Expect, DialError> {
        match (expect, Message::decode(frame.tag, frame.body())?) {
            (_, Message::ErrorResponse(_)) => {
                Err(DialError::Refused(ServerError(Bytes::copy_from_slice(frame.body()))))
            }
            (Expect::Closed, _) => Err(unexpected(frame)),
            (expect, Message::NoticeResponse(_)) => {
                keep(&mut self.ready.notices, Bytes::copy_from_slice(&frame.bytes))?;
                Ok(expect)
            }
            (Expect::Request, Message::NegotiateProtocolVersion(offer)) => self.negotiate(offer),
            (expect, Message::Authentication(request)) => self.authenticate(expect, request, out),
            (Expect::Greeting, message) => self.greet(message, frame),
            _ => Err(unexpected(frame)),
        }
    }

    fn negotiate(&mut self, offer: NegotiateProtocolVersion<'_>) -> Result<Expect, DialError> {
        let higher = offer.minor() > self.login.protocol_minor;
        if mem::replace(&mut self.negotiated, true) || higher {
            return Err(Malformed::Invalid("protocol version").into());
        }
        self.ready.protocol_minor = offer.minor();
        for option in offer.options() {
            keep(&mut self.ready.unknown_options, Bytes::copy_from_slice(option))?;
        }
        Ok(Expect::Request)
    }

    fn authenticate(
        &self,
        expect: Expect,
        request: Authentication<'_>,
        out: &mut BytesMut,
    ) -> Result<Expect, DialError> {
        match (expect, request) {
            (Expect::Request | Expect::Verdict, Authentication::Ok) => Ok(Expect::Greeting),
            (Expect::Request, Authentication::CleartextPassword) => self.cleartext(out),
            (Expect::Request, Authentication::Md5Password { salt }) => self.md5(salt, out),
            (Expect::Request, Authentication::Sasl { mechanisms }) => self.choose(mechanisms, out),
            (Expect::Challenge(scram), Authentication::SaslContinue { data }) => answer(scram, data, out),
            (Expect::Proof(scram), Authentication::SaslFinal { data }) => verify(scram, data),
            // EVASION: a false server that cannot prove itself skips the proof (`a_server_that_skips_its_proof…`).
            (Expect::Challenge(_) | Expect::Proof(_), _) => {
                Err(DialError::Downgrade("the server did not prove that it knows the password"))
            }
            _ => Err(DialError::Fault(Unexpected("Authentication").into())),
        }
    }

    fn password(&self) -> Result<&[u8], DialError> {
        self.login.password.as_ref().map(Secret::expose).ok_or(DialError::NoPassword)
    }

    fn cleartext(&self, out: &mut BytesMut) -> Result<Expect, DialError> {
        if self.login.channel == Channel::Clear {
            return Err(DialError::Downgrade("the server asks for the password in clear, without TLS"));
        }
        PasswordMessage { password: self.password()? }.encode(out);
        Ok(Expect::Verdict)
    }

    fn md5(&self, salt: [u8; 4], out: &mut BytesMut) -> Result<Expect, DialError> {
        let digest = Zeroizing::new(md5_hash(&self.login.user, self.password()?, salt));
        PasswordMessage { password: digest.as_bytes() }.encode(out);
        Ok(Expect::Verdict)
    }

    fn choose(&self, mechanisms: Names<'_>, out: &mut BytesMut) -> Result<Expect, DialError> {
        let offered = |name: &str| mechanisms.iter().any(|each| each == name.as_bytes());
        let end_point = match &self.login.channel {
            Channel::Tls { end_point } => end_point.clone(),
            Channel::Clear | Channel::Loopback => None,
        };
        let (mechanism, binding) = match end_point {
            Some(hash) if offered(SCRAM_SHA_256_PLUS) => {
                (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(hash))
            }
            // Says under the proof's signature that we could have bound, so that who stripped the offer is found out.
            Some(_) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
            None => (SCRAM_SHA_256, ChannelBinding::unsupported()),
        };
        if !offered(mechanism) {
            return Err(DialError::Fault(Unsupported("the server's SASL mechanisms").into()));
        }
        let scram = ScramSha256::new(self.password()?, binding);
        SaslInitialResponse { mechanism: mechanism.as_bytes(), data: Some(scram.message()) }.encode(out);
        Ok(Expect::Challenge(scram))
    }

    fn greet(&mut self, message: Message<'_>, frame: &Frame<BackendTag>) -> Result<Expect, DialError> {
        match message {
            Message::ParameterStatus(ParameterStatus { name, value }) => {
                let pair = (Bytes::copy_from_slice(name), Bytes::copy_from_slice(value));
                keep(&mut self.ready.parameters, pair)?;
            }
            Message::BackendKeyData(key) => {
                self.ready.process = key.process;
                self.ready.secret = Secret::new(key.secret);
            }
            Message::ReadyForQuery(ready) => {
                self.ready.status = ready.status;
                return Ok(Expect::Closed);
            }
            _ => return Err(unexpected(frame)),
        }
        Ok(Expect::Greeting)
    }
}

impl Ready {
    fn new(protocol_minor: u16) -> Self {
        Self {
            protocol_minor,
            unknown_options: Vec::new(),
            parameters: Vec::new(),
            notices: Vec::new(),
            process: 0,
            secret: Secret::new(b""),
            status: TransactionStatus::Idle,
        }
    }

    /// The packet that cancels this session's statement, for a connection of its own; `None` where the server gave no key.
    pub fn cancel(&self) -> Option<Bytes> {
        let secret = self.secret.expose();
        let mut out = BytesMut::new();
        FirstPacket::Cancel(Cancel { process: self.process, secret }).encode(&mut out);
        (!secret.is_empty()).then(|| out.freeze())
    }
}

fn answer(mut scram: ScramSha256, challenge: &[u8], out: &mut BytesMut) -> Result<Expect, DialError> {
    scram.update(challenge).map_err(|_| DialError::Scram)?;
    SaslResponse { data: scram.message() }.encode(out);
    Ok(Expect::Proof(scram))
}

fn verify(mut scram: ScramSha256, proof: &[u8]) -> Result<Expect, DialError> {
    scram.finish(proof).map_err(|_| DialError::Scram)?;
    Ok(Expect::Verdict)
}

fn keep<T>(list: &mut Vec<T>, item: T) -> Result<(), DialError> {
    if list.len() >= GREETING {
        return Err(Malformed::Invalid("length of the greeting").into());
    }
    list.push(item);
    Ok(())
}

fn unexpected(frame: &Frame<BackendTag>) -> DialError {
    DialError::Fault(Unexpected(frame.tag.name()).into())
}

#[cfg(test)]
mod tests;
