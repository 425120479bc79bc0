//! A client's sign-in, seen from the server's side, which here is ours.
//!
//! A minted credential is proven by SCRAM against a stored verifier; anything else is a token, as a password in clear or
//! as OAUTHBEARER, that the caller has checked by the identity provider before it says [`SignIn::accept`]. The machine
//! reads `p` messages only: a query sent before the end of sign-in closes it. A refusal looks the same whatever was wrong,
//! and a minted name that does not exist goes through the same exchange as one that does.
//!
//! ```text
//!  start ──► Password ────────────────► Judgement ─ accept ─► (AuthenticationOk) Closed
//!        ├─► ScramFirst ──► ScramFinal ────┘   └── refuse ──► (ErrorResponse) Closed
//!        └─► OAuthFirst ──────────────────┘         └ OAUTHBEARER ─► OAuthEnd ─► (ErrorResponse) Closed
//!  any error ──► Closed
//! ```
//! Spec: "Start-up", "SASL Authentication"; RFC 5802, 7677, 7628. Absent: md5, GSSAPI, certificates.

mod oauth;
mod scram;

use std::mem;

use bytes::BytesMut;
use pgwire::api::auth::sasl::scram::ScramServerAuthWaitingForClientFinal;
use portcullis_wire::{Fault, Malformed, Unexpected};

use crate::backend::{Authentication, Notice};
use crate::frame::{Frame, FrontendTag};
use crate::frontend::{PasswordMessage, SaslInitialResponse, SaslResponse};
use crate::secret::Secret;
use crate::startup::Startup;

pub use oauth::Discovery;
pub use scram::{EndPoint, MINTED_ITERATIONS, Verifier, scram_verifier};

/// The user names of minted credentials begin so.
pub const MINTED_PREFIX: &[u8] = b"pc_";

/// The startup parameter that asks for a way to sign in. It is never forwarded.
pub const SIGN_IN_OPTION: &[u8] = b"portcullis.sign_in";

/// What a startup message says about how its sender will sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'f> {
    /// By a minted credential of this name.
    Minted(&'f [u8]),
    /// By OAUTHBEARER.
    OAuthBearer,
    /// By a token in place of a password.
    Token,
}

impl<'f> Wanted<'f> {
    /// Reads it off a startup message and off the value that its `options` give [`SIGN_IN_OPTION`].
    ///
    /// # Errors
    /// A way to sign in that there is not, or one asked for by a name that must use SCRAM.
    pub fn of(startup: &Startup<'f>, from_options: Option<&[u8]>) -> Result<Self, Malformed> {
        let asked = startup.parameter(SIGN_IN_OPTION).or(from_options);
        let minted = startup.user().filter(|user| user.starts_with(MINTED_PREFIX));
        match (minted, asked) {
            (Some(name), None) => Ok(Self::Minted(name)),
            (None, None) => Ok(Self::Token),
            (None, Some(b"oauth")) => Ok(Self::OAuthBearer),
            _ => Err(Malformed::Invalid("portcullis.sign_in")),
        }
    }
}

/// How the client is to prove itself.
#[derive(Debug)]
pub enum Method {
    /// A token as a password, in clear: for TLS, and loopback, only. The caller sees to that.
    Cleartext,
    /// A secret that only its verifier is known of.
    Scram {
        /// The verifier, or a mock one for a name that does not exist.
        verifier: Verifier,
        /// Our end of the TLS connection, where there is one.
        end_point: Option<EndPoint>,
    },
    /// A token, by SASL OAUTHBEARER: for TLS, and loopback, only.
    OAuthBearer(Discovery),
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Send what was written, and read on.
    Pending,
    /// Here is a token. Check it, then [`SignIn::accept`] or [`SignIn::refuse`].
    Token(Secret),
    /// The secret behind the verifier was proven. Then [`SignIn::accept`] or [`SignIn::refuse`].
    Proven,
    /// Send what was written, and close.
    Refused,
}

/// One client's sign-in.
#[derive(Debug)]
pub struct SignIn {
    expect: Expect,
}

#[derive(Debug)]
enum Expect {
    Password,
    ScramFirst { verifier: Verifier, end_point: Option<EndPoint> },
    ScramFinal { exchange: Box<ScramServerAuthWaitingForClientFinal>, mock: bool },
    OAuthFirst(Discovery),
    OAuthEnd,
    Judgement(Option<Discovery>),
    Closed,
}

impl SignIn {
    /// Writes the first request for proof.
    pub fn start(method: Method, out: &mut BytesMut) -> Self {
        let expect = match method {
            Method::Cleartext => {
                Authentication::CleartextPassword.encode(out);
                Expect::Password
            }
            Method::Scram { verifier, end_point } => {
                Authentication::put_sasl(out, scram::mechanisms(end_point.is_some()));
                Expect::ScramFirst { verifier, end_point }
            }
            Method::OAuthBearer(discovery) => {
                Authentication::put_sasl(out, &[oauth::MECHANISM]);
                Expect::OAuthFirst(discovery)
            }
        };
        Self { expect }
    }

    /// Reads the client's next message, and writes the answer to it.
    ///
    /// # Errors
    /// Anything but a well-formed answer to what was asked. The machine is then closed.
    pub fn handle(&mut self, frame: &Frame<FrontendTag>, out: &mut BytesMut) -> Result<Outcome, Fault> {
        let expect = mem::replace(&mut self.expect, Expect::Closed);
        // EVASION: a query pipelined before the end of sign-in (`nothing_but_a_credential_is_read_before_sign_in`).
        if frame.tag != FrontendTag::Password {
            return Err(Unexpected(frame.tag.name()).into());
        }
        match expect {
            Expect::Password => self.password(frame.body()),
            Expect::ScramFirst { verifier, end_point } => self.scram_first(frame.body(), verifier, end_point, out),
            Expect::ScramFinal { exchange, mock } => self.scram_final(frame.body(), &exchange, mock, out),
            Expect::OAuthFirst(discovery) => self.oauth_first(frame.body(), discovery, out),
            Expect::OAuthEnd => oauth_end(frame.body(), out),
            Expect::Judgement(_) | Expect::Closed => Err(Unexpected(frame.tag.name()).into()),
        }
    }

    /// Lets the client in: writes AuthenticationOk. Key and parameters are the caller's to write.
    ///
    /// # Errors
    /// When there was no [`Outcome::Token`] or [`Outcome::Proven`] before.
    pub fn accept(&mut self, out: &mut BytesMut) -> Result<(), Unexpected> {
        match mem::replace(&mut self.expect, Expect::Closed) {
            Expect::Judgement(_) => {
                Authentication::Ok.encode(out);
                Ok(())
            }
            _ => Err(Unexpected("AuthenticationOk")),
        }
    }

    /// Turns the client away. After OAUTHBEARER it answers once more before it hears so: read on while `Pending`.
    pub fn refuse(&mut self, out: &mut BytesMut) -> Outcome {
        match mem::replace(&mut self.expect, Expect::Closed) {
            Expect::Judgement(Some(discovery)) => self.oauth_refuse(&discovery, out),
            _ => refused(out),
        }
    }

    fn password(&mut self, body: &[u8]) -> Result<Outcome, Fault> {
        let message = PasswordMessage::decode(body)?;
        self.expect = Expect::Judgement(None);
        Ok(Outcome::Token(Secret::new(message.password)))
    }

    fn scram_first(
        &mut self,
        body: &[u8],
        verifier: Verifier,
        end_point: Option<EndPoint>,
        out: &mut BytesMut,
    ) -> Result<Outcome, Fault> {
        let first = scram::client_first(SaslInitialResponse::decode(body)?, end_point.is_some())?;
        let mock = verifier.is_mock();
        let Ok((answer, exchange)) =
            scram::server(end_point).on_client_first_message_with_secret(first, verifier.into())
        else {
            return Ok(refused(out));
        };
        Authentication::SaslContinue { data: answer.as_bytes() }.encode(out);
        self.expect = Expect::ScramFinal { exchange: Box::new(exchange), mock };
        Ok(Outcome::Pending)
    }

    fn scram_final(
        &mut self,
        body: &[u8],
        exchange: &ScramServerAuthWaitingForClientFinal,
        mock: bool,
        out: &mut BytesMut,
    ) -> Result<Outcome, Fault> {
        let answer = exchange.on_client_final_message(SaslResponse::decode(body)?.data);
        let Some(answer) = answer.ok().filter(|_| !mock) else {
            return Ok(refused(out));
        };
        Authentication::SaslFinal { data: answer.as_bytes() }.encode(out);
        self.expect = Expect::Judgement(None);
        Ok(Outcome::Proven)
    }

    fn oauth_first(&mut self, body: &[u8], discovery: Discovery, out: &mut BytesMut) -> Result<Outcome, Fault> {
        let message = SaslInitialResponse::decode(body)?;
        match oauth::token(message)? {
            Some(token) => {
                self.expect = Expect::Judgement(Some(discovery));
                Ok(Outcome::Token(token))
            }
            None => Ok(self.oauth_refuse(&discovery, out)),
        }
    }

    fn oauth_refuse(&mut self, discovery: &Discovery, out: &mut BytesMut) -> Outcome {
        Authentication::SaslContinue { data: discovery.status().as_bytes() }.encode(out);
        self.expect = Expect::OAuthEnd;
        Outcome::Pending
    }
}

fn oauth_end(body: &[u8], out: &mut BytesMut) -> Result<Outcome, Fault> {
    // RFC 7628, 3.2.3: after an error "the client MUST send … a single byte of %x01".
    match SaslResponse::decode(body)?.data {
        [1] => Ok(refused(out)),
        _ => Err(Malformed::Invalid("OAUTHBEARER response").into()),
    }
}

fn refused(out: &mut BytesMut) -> Outcome {
    // One text for every reason: a client learns neither which names exist nor what was wrong with a token.
    Notice::fatal("28P01", "authentication failed").encode(out);
    Outcome::Refused
}

#[cfg(test)]
mod tests;
