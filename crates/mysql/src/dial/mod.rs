//! The way in to a server: we are the client, and sign in before any byte of the real client is forwarded.
//!
//! The server speaks first and names a plugin; whatever it asks for, a password leaves this machine only over TLS, over a
//! Unix socket, or under a public key on a connection that does not leave the machine. `mysql_clear_password` besides
//! needs leave. MySQL's proofs show the server nothing of who it is, so only TLS that is verified does; that is the
//! caller's. Capabilities are what the client agreed to, of what the server offers and what is understood here.
//!
//! ```text
//!  Greeting ── TLS wanted: SSLRequest ─► Tls ── secured ─► (HandshakeResponse) Verdict ── OK ──► Ready
//!      └──────── (HandshakeResponse) ─────────────────────────► Verdict ─┐
//!                                     AuthSwitchRequest, AuthMoreData ◄──┘
//!  ERR, or anything else ──► Closed
//! ```
//! Spec: "Connection Phase", "Authentication Methods"; MariaDB "Connecting". Absent: passwords as before 4.1, second
//! factors, compression, certificates of ours (TLS's), public keys known before.

mod plugins;
mod rsa;

use std::fmt;
use std::mem;

use bytes::{Bytes, BytesMut};
use portcullis_wire::{Fault, Malformed, Unexpected};

use crate::capabilities::{HONOURED, REQUIRED};
use crate::handshake::{AuthMoreData, AuthSwitchRequest, Greeting, HandshakeResponse, NONCE, Reply, SslRequest};
use crate::packet::{self, BEFORE_SIGN_IN};
use crate::response::{ErrPacket, OkPacket, OkTail, Status};
use crate::{Capabilities, Channel, Credential, Flavour, Pairs, Plugin, Secret, ServerVersion};

use plugins::{Awaits, Step};

// LIMIT: MariaDB asks for one plugin after the other where an account has several.
const SWITCHES: u8 = 4;

/// Whom to sign in as, and how.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user.
    pub user: Vec<u8>,
    /// The password; empty for none.
    pub password: Secret,
    /// The database, where one is wanted.
    pub database: Option<Vec<u8>>,
    /// The collation that stands for the character set.
    pub collation: u8,
    /// The longest packet that is taken, in bytes.
    pub max_packet: u32,
    /// Attributes of the client's program, in order.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// What may be agreed: mostly what the client agreed to.
    pub capabilities: Capabilities,
    /// What must be agreed: [`crate::capabilities::SHAPING`] of the above, where bytes are passed on as they are.
    pub required: Capabilities,
    /// Who can read along once the sign-in is sent. [`Channel::Tls`] is asked for after the greeting.
    pub channel: Channel,
    /// Whether the server may ask for the password by `mysql_clear_password`.
    pub clear_password: ClearPassword,
}

/// Whether a server may ask for the password by `mysql_clear_password`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClearPassword {
    /// It may not.
    Never,
    /// It may, over TLS.
    OverTls,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Send what was written, and read on.
    Pending,
    /// Send what was written, begin TLS, then [`Dial::secured`].
    StartTls,
    /// There is a session.
    Ready(Box<Ready>),
}

/// A session that the upstream has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// The text of the server's version.
    pub version: Bytes,
    /// What it says.
    pub server: ServerVersion,
    /// The connection's id, for KILL.
    pub connection: u32,
    /// What was agreed.
    pub capabilities: Capabilities,
    /// The collation that stands for the server's character set.
    pub collation: u8,
    ok: Bytes,
}

impl Ready {
    /// The server's OK: its status, and the session's state where that was agreed. Its text is left out: MariaDB vouches in
    /// it for its certificate, which is not the one that the client sees.
    pub fn ok(&self) -> OkPacket<'_> {
        // INVARIANT: these bytes were an OK, by the same capabilities.
        let unread = OkPacket::new(self.capabilities, Status::AUTOCOMMIT);
        let ok = OkPacket::decode(&self.ok, self.capabilities).unwrap_or(unread);
        let tail = match ok.tail {
            OkTail::Untracked(_) => OkTail::Untracked(&[]),
            OkTail::Nothing | OkTail::Info(_) => OkTail::Nothing,
            OkTail::State(_, state) => OkTail::State(&[], state),
        };
        OkPacket { tail, ..ok }
    }
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
    /// The server does not offer what must be agreed.
    #[error("the server lacks the capability `{0}`")]
    Lacks(&'static str),
    /// The server wants what only an attacker would need.
    #[error("{0}")]
    Downgrade(&'static str),
    /// The server wants a proof that is not known here, or in a way that its plugin does not have.
    #[error("the server's plugin `{0}` cannot be answered")]
    Plugin(&'static str),
    /// The server's public key is none, or too short for the password.
    #[error("the server's public key cannot be used")]
    PublicKey,
}

impl From<Malformed> for DialError {
    fn from(error: Malformed) -> Self {
        Self::Fault(error.into())
    }
}

/// An ERR that outlives its packet. `Debug` shows its code and SQLSTATE only.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError(Bytes);

impl ServerError {
    /// The fields.
    pub fn packet(&self) -> Option<ErrPacket<'_>> {
        ErrPacket::decode(&self.0).ok()
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.packet().fmt(f)
    }
}

/// One sign-in to the upstream.
pub struct Dial {
    expect: Expect,
    login: Login,
    sequence: u8,
    switches: u8,
}

enum Expect {
    Greeting,
    Tls(Welcome),
    Verdict(Welcome, Awaits),
    Closed,
}

/// What the greeting said.
struct Welcome {
    version: Bytes,
    server: ServerVersion,
    connection: u32,
    nonce: [u8; NONCE],
    plugin: Option<Plugin>,
    agreed: Capabilities,
    collation: u8,
}

impl Dial {
    /// Waits for the server's greeting.
    pub fn new(login: Login) -> Self {
        Self { expect: Expect::Greeting, login, sequence: 0, switches: 0 }
    }

    /// Reads what the server sent, writes the answers, and gives the session once it has begun. What the server sent
    /// after that stays in `buf`.
    ///
    /// # Errors
    /// Whatever ends the sign-in. The machine is then closed.
    pub fn handle(&mut self, buf: &mut BytesMut, out: &mut BytesMut) -> Result<Progress, DialError> {
        loop {
            // Whatever returns early leaves the machine closed.
            let expect = mem::replace(&mut self.expect, Expect::Closed);
            let Some(frame) = packet::split(buf, self.sequence, BEFORE_SIGN_IN)? else {
                self.expect = expect;
                return Ok(Progress::Pending);
            };
            self.sequence = frame.next_sequence();
            let progress = match expect {
                Expect::Greeting => self.greeting(frame.body(), buf, out)?,
                Expect::Verdict(welcome, awaits) => self.verdict(welcome, awaits, frame.body(), out)?,
                Expect::Tls(_) | Expect::Closed => {
                    return Err(Fault::from(Unexpected("a packet during sign-in")).into());
                }
            };
            if progress != Progress::Pending {
                return Ok(progress);
            }
        }
    }

    fn greeting(&mut self, body: &[u8], rest: &BytesMut, out: &mut BytesMut) -> Result<Progress, DialError> {
        if body.first() == Some(&0xff) {
            return Err(refused(body));
        }
        let welcome = Welcome::read(&Greeting::decode(body)?, &self.login)?;
        if self.login.channel != Channel::Tls {
            return self.respond(welcome, out);
        }
        // EVASION: an answer in clear, to be read as if it had come by TLS (`what_a_server_says_before_tls_is_refused`).
        if !rest.is_empty() {
            return Err(DialError::Downgrade("the server went on in clear before TLS"));
        }
        let request = self.head(welcome.agreed);
        self.send(out, |out| request.encode(out));
        self.expect = Expect::Tls(welcome);
        Ok(Progress::StartTls)
    }

    /// Says that TLS began, as [`Progress::StartTls`] asked, and writes the sign-in.
    ///
    /// # Errors
    /// When it was not asked for, or there is no proof to give.
    pub fn secured(&mut self, out: &mut BytesMut) -> Result<(), DialError> {
        match mem::replace(&mut self.expect, Expect::Closed) {
            Expect::Tls(welcome) => self.respond(welcome, out).map(|_| ()),
            _ => Err(Fault::from(Unexpected("TLS")).into()),
        }
    }

    fn head(&self, capabilities: Capabilities) -> SslRequest {
        SslRequest { capabilities, max_packet: self.login.max_packet, collation: self.login.collation }
    }

    fn respond(&mut self, welcome: Welcome, out: &mut BytesMut) -> Result<Progress, DialError> {
        let (plugin, step) = self.first_proof(&welcome)?;
        let attributes = self.attributes();
        let response = HandshakeResponse {
            head: self.head(welcome.agreed),
            user: &self.login.user,
            proof: Credential(step.answer.as_ref().map_or(&[], |answer| answer.as_slice())),
            database: self.login.database.as_deref(),
            plugin: plugin.name().as_bytes(),
            attributes: Some(Pairs::decode(&attributes, "attribute")?),
        };
        self.sequence = packet::write(out, self.sequence, |out| response.encode(out));
        self.expect = Expect::Verdict(welcome, step.awaits);
        Ok(Progress::Pending)
    }

    /// A proof by the plugin of the greeting where it shows nothing of the password; else none, which makes the server
    /// ask for the one it wants.
    fn first_proof(&self, welcome: &Welcome) -> Result<(Plugin, Step), DialError> {
        match (welcome.plugin, welcome.server.flavour) {
            (Some(plugin @ (Plugin::CachingSha2Password | Plugin::NativePassword)), _) => {
                Ok((plugin, plugins::begin(plugin, &welcome.nonce, &self.login)?))
            }
            (_, Flavour::MySql) => Ok((Plugin::CachingSha2Password, Step::nothing())),
            (_, Flavour::MariaDb) => Ok((Plugin::NativePassword, Step::nothing())),
        }
    }

    fn attributes(&self) -> BytesMut {
        let mut pairs = BytesMut::new();
        let each = self.login.attributes.iter();
        Pairs::put(&mut pairs, each.map(|(name, value)| (name.as_slice(), value.as_slice())));
        pairs
    }

    fn verdict(
        &mut self,
        welcome: Welcome,
        awaits: Awaits,
        body: &[u8],
        out: &mut BytesMut,
    ) -> Result<Progress, DialError> {
        let step = match Reply::decode(body, welcome.agreed)? {
            Reply::Ok(_) => return Ok(Progress::Ready(Box::new(welcome.ready(body)))),
            Reply::Err(_) => return Err(refused(body)),
            Reply::Switch(request) => self.switch(request)?,
            Reply::More(AuthMoreData(Credential(data))) | Reply::Raw(Credential(data)) => {
                plugins::go_on(awaits, data, &self.login)?
            }
        };
        if let Some(answer) = &step.answer {
            self.send(out, |out| out.extend_from_slice(answer));
        }
        self.expect = Expect::Verdict(welcome, step.awaits);
        Ok(Progress::Pending)
    }

    fn switch(&mut self, request: AuthSwitchRequest<'_>) -> Result<Step, DialError> {
        self.switches = self.switches.saturating_add(1);
        if self.switches > SWITCHES {
            return Err(Fault::from(Unexpected("AuthSwitchRequest")).into());
        }
        let plugin = Plugin::of(request.plugin).ok_or(DialError::Plugin("unknown"))?;
        plugins::begin(plugin, request.data, &self.login)
    }

    fn send(&mut self, out: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
        self.sequence = packet::write(out, self.sequence, body);
    }
}

impl Welcome {
    fn read(greeting: &Greeting<'_>, login: &Login) -> Result<Self, DialError> {
        let agreed = agreed(greeting, login);
        if let Some(name) = (login.required | login.asks()).missing_in(agreed) {
            return Err(DialError::Lacks(name));
        }
        Ok(Self {
            version: Bytes::copy_from_slice(greeting.version),
            server: ServerVersion::of(greeting),
            connection: greeting.connection,
            nonce: greeting.nonce,
            plugin: Plugin::of(greeting.plugin),
            agreed,
            collation: greeting.collation,
        })
    }

    fn ready(self, ok: &[u8]) -> Ready {
        Ready {
            version: self.version,
            server: self.server,
            connection: self.connection,
            capabilities: self.agreed,
            collation: self.collation,
            ok: Bytes::copy_from_slice(ok),
        }
    }
}

/// What is agreed: what the server offers, of what may be agreed and of what every sign-in here has.
fn agreed(greeting: &Greeting<'_>, login: &Login) -> Capabilities {
    let own = Capabilities::SSL | Capabilities::CONNECT_WITH_DB | Capabilities::MYSQL;
    let always = REQUIRED
        | Capabilities::MYSQL
        | Capabilities::LONG_FLAG
        | Capabilities::TRANSACTIONS
        | Capabilities::CONNECT_ATTRS
        | Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA;
    greeting.capabilities & ((login.capabilities & HONOURED).without(own) | always | login.asks())
}

impl Login {
    /// What only this sign-in knows whether it needs.
    fn asks(&self) -> Capabilities {
        let tls = if self.channel == Channel::Tls { Capabilities::SSL } else { Capabilities::default() };
        let database = self.database.as_ref().map(|_| Capabilities::CONNECT_WITH_DB);
        tls | database.unwrap_or_default()
    }
}

fn refused(body: &[u8]) -> DialError {
    match ErrPacket::decode(body) {
        Ok(_) => DialError::Refused(ServerError(Bytes::copy_from_slice(body))),
        Err(error) => error.into(),
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.expect {
            Expect::Greeting => "Dial(greeting)",
            Expect::Tls(_) => "Dial(tls)",
            Expect::Verdict(..) => "Dial(verdict)",
            Expect::Closed => "Dial(closed)",
        })
    }
}

#[cfg(test)]
mod tests;
