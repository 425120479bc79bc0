//! A client's sign-in, seen from the server's side, which here is ours.
//!
//! A user name that begins with `pc_` is a minted credential, proven by a scramble against stored double hashes. Anybody
//! else brings a token in place of a password: by the OpenID Connect plugin, as a password in clear, or by the full
//! exchange of `caching_sha2_password`, and only where nobody can read along. The caller checks it before it says
//! [`SignIn::accept`]. A client that cannot prove itself by the plugin it names is switched, once, to one that will do.
//! Which packets are exchanged depends on what the client sends and never on whether the name exists, and a refusal
//! looks the same whatever was wrong.
//!
//! ```text
//!  greet ─► FirstReply ── SSLRequest ─► Tls ── secured ─► Response
//!               └─────────────┬───────────────────────────┘
//!  change_user ───────────────┤
//!                             ├─► Scramble ─► Verifiers ─ verify ─┐
//!                             ├─► CachedToken ─► Password ────────┼─► Judgement ─ accept ─► (OK)  Closed
//!                             ├─► Password ───────────────────────┤           └── refuse ─► (ERR) Closed
//!                             └─► IdentityToken ──────────────────┘
//!  any error ──► Closed
//! ```
//! Spec: "Connection Phase", "Caching SHA-2 Authentication", "Native Authentication". Absent: the exchange of a password
//! under a public key (too short for tokens), second factors, certificates of clients.

mod client;
mod verifiers;

use std::mem;

use bytes::{Bytes, BytesMut};
use portcullis_wire::{Fault, Malformed, Unexpected};

use crate::capabilities::{HONOURED, REQUIRED};
use crate::command::ChangeUser;
use crate::handshake::{
    AuthMoreData, AuthSwitchRequest, FirstReply, Greeting, HandshakeResponse, IdentityToken, NONCE,
};
use crate::packet::{self, BEFORE_SIGN_IN};
use crate::response::{ErrPacket, OkPacket, Status};
use crate::{Capabilities, Channel, Credential, Flavour, Plugin, Secret};

pub use client::Client;
use verifiers::Scramble;
pub use verifiers::Verifiers;

/// The user names of minted credentials begin so.
pub const MINTED_PREFIX: &[u8] = b"pc_";

/// What the greeting names, and what its nonce is for.
const DEFAULT_PLUGIN: Plugin = Plugin::CachingSha2Password;

/// Offered to everybody: clients lay out their answer by some of these, whether or not they were offered.
const ALWAYS: [Capabilities; 6] = [
    REQUIRED,
    Capabilities::LONG_FLAG,
    Capabilities::TRANSACTIONS,
    Capabilities::CONNECT_WITH_DB,
    Capabilities::CONNECT_ATTRS,
    Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA,
];

/// Plugin data of `caching_sha2_password`: the scramble is right.
const FAST_AUTH_SUCCESS: u8 = 3;

/// Plugin data of `caching_sha2_password`: send the password itself.
const FULL_AUTHENTICATION: u8 = 4;

/// The server that a client is to see.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// The version's text.
    pub version: &'a [u8],
    /// Whose server it is.
    pub flavour: Flavour,
    /// The connection's id.
    pub connection: u32,
    /// What may be agreed: what the upstreams have, TLS where we have a certificate.
    pub capabilities: Capabilities,
    /// The collation that stands for the server's character set.
    pub collation: u8,
    /// Fresh random bytes.
    pub random: [u8; NONCE],
    /// Who can read along.
    pub channel: Channel,
}

impl Server<'_> {
    /// What may be agreed, of what is understood here and fits the flavour.
    fn offered(&self) -> Capabilities {
        let asked = ALWAYS.into_iter().fold(self.capabilities & HONOURED, |all, each| all | each);
        match self.flavour {
            Flavour::MySql => Capabilities::from_parts((asked | Capabilities::MYSQL).lower(), 0),
            Flavour::MariaDb => asked.without(Capabilities::MYSQL),
        }
    }
}

/// What a sign-in on an open connection begins with.
#[derive(Debug, Clone, Copy)]
pub struct Again<'a> {
    /// The client, as it was so far.
    pub client: &'a Client,
    /// Who can read along.
    pub channel: Channel,
    /// The sequence id that the answer to COM_CHANGE_USER must have.
    pub sequence: u8,
    /// Fresh random bytes.
    pub random: [u8; NONCE],
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Send what was written, and read on.
    Pending,
    /// Begin TLS, then [`SignIn::secured`].
    StartTls {
        /// The first bytes of the client's TLS, which are to be read before those of the socket.
        early: Bytes,
    },
    /// A scramble for a minted credential came: find the verifiers of [`Client::user`], then [`SignIn::verify`].
    Verify,
    /// The minted credential was proven. Then [`SignIn::accept`] or [`SignIn::refuse`].
    Proven,
    /// Here is a token. Check it, then [`SignIn::accept`] or [`SignIn::refuse`].
    Token(Secret),
    /// Send what was written, and close.
    Refused,
}

/// One client's sign-in.
pub struct SignIn {
    expect: Expect,
    channel: Channel,
    offered: Capabilities,
    nonce: [u8; NONCE],
    sequence: u8,
    client: Option<Client>,
}

enum Expect {
    FirstReply,
    Tls,
    Response,
    Scramble(Plugin),
    CachedToken,
    Password,
    IdentityToken,
    Verifiers(Scramble),
    Judgement(Ending),
    Closed,
}

/// What goes before the OK.
enum Ending {
    Plain,
    FastAuth,
}

/// What a proof that came without being asked for was made with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nonce {
    /// The greeting's, which is ours.
    Greeted,
    /// One of an earlier sign-in.
    Stale,
}

impl SignIn {
    /// Writes the greeting.
    pub fn greet(server: &Server<'_>, out: &mut BytesMut) -> Self {
        let mut machine = Self {
            expect: Expect::FirstReply,
            channel: server.channel,
            offered: server.offered(),
            nonce: nonce(server.random),
            sequence: 0,
            client: None,
        };
        let greeting = Greeting {
            version: server.version,
            connection: server.connection,
            nonce: machine.nonce,
            capabilities: machine.offered,
            collation: server.collation,
            status: Status::AUTOCOMMIT,
            plugin: DEFAULT_PLUGIN.name().as_bytes(),
        };
        machine.send(out, |out| greeting.encode(out));
        machine
    }

    /// Begins anew for a client that is signed in, and sent COM_CHANGE_USER.
    ///
    /// # Errors
    /// A token that is not of the form that its plugin has.
    pub fn change_user(
        again: &Again<'_>,
        change: &ChangeUser<'_>,
        out: &mut BytesMut,
    ) -> Result<(Self, Outcome), Fault> {
        let mut machine = Self {
            expect: Expect::Closed,
            channel: again.channel,
            offered: again.client.capabilities,
            nonce: nonce(again.random),
            sequence: again.sequence,
            client: Some(again.client.changed(change)),
        };
        let plugin = change.tail.and_then(|tail| Plugin::of(tail.plugin));
        let outcome = machine.begin(plugin, Nonce::Stale, change.proof.0, out)?;
        Ok((machine, outcome))
    }

    /// What the client said of itself: absent until its sign-in was read.
    pub fn client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    /// Reads the client's next packets, and writes the answers to them.
    ///
    /// # Errors
    /// Anything but a well-formed answer to what was asked. The machine is then closed.
    pub fn handle(&mut self, buf: &mut BytesMut, out: &mut BytesMut) -> Result<Outcome, Fault> {
        loop {
            // Whatever returns early leaves the machine closed.
            let expect = mem::replace(&mut self.expect, Expect::Closed);
            let Some(frame) = packet::split(buf, self.sequence, BEFORE_SIGN_IN)? else {
                self.expect = expect;
                return Ok(Outcome::Pending);
            };
            self.sequence = frame.next_sequence();
            match self.read(expect, frame.body(), buf, out)? {
                Outcome::Pending => {}
                outcome => return Ok(outcome),
            }
        }
    }

    fn read(&mut self, expect: Expect, body: &[u8], rest: &mut BytesMut, out: &mut BytesMut) -> Result<Outcome, Fault> {
        match expect {
            Expect::FirstReply => match FirstReply::decode(body)? {
                FirstReply::SslRequest(_) => self.ssl_request(rest),
                FirstReply::HandshakeResponse(response) => self.response(&response, out),
            },
            Expect::Response => self.response(&HandshakeResponse::decode(body)?, out),
            Expect::Scramble(plugin) => Ok(self.scramble(plugin, body, out)),
            Expect::CachedToken => Ok(self.cached_token(body, out)),
            Expect::Password => Ok(self.password(body, out)),
            Expect::IdentityToken => self.identity_token(body, out),
            Expect::Tls | Expect::Verifiers(_) | Expect::Judgement(_) | Expect::Closed => {
                Err(Unexpected("a packet during sign-in").into())
            }
        }
    }

    // EVASION: a sign-in in clear behind the SSLRequest, to be read as if it had come by TLS. What is behind it goes to
    // TLS and nowhere else (`what_follows_an_ssl_request_is_tls_or_refused`).
    fn ssl_request(&mut self, rest: &mut BytesMut) -> Result<Outcome, Fault> {
        /// The first byte of a TLS handshake record.
        const HANDSHAKE: u8 = 22;
        if !self.offered.has(Capabilities::SSL) {
            return Err(Unexpected("SSLRequest").into());
        }
        if rest.first().is_some_and(|&byte| byte != HANDSHAKE) {
            return Err(Malformed::Invalid("bytes after SSLRequest").into());
        }
        self.expect = Expect::Tls;
        Ok(Outcome::StartTls { early: rest.split().freeze() })
    }

    /// Says that TLS began, as [`Outcome::StartTls`] asked.
    ///
    /// # Errors
    /// When it was not asked for.
    pub fn secured(&mut self) -> Result<(), Unexpected> {
        match mem::replace(&mut self.expect, Expect::Closed) {
            Expect::Tls => {
                self.channel = Channel::Tls;
                self.expect = Expect::Response;
                Ok(())
            }
            _ => Err(Unexpected("TLS")),
        }
    }

    fn response(&mut self, response: &HandshakeResponse<'_>, out: &mut BytesMut) -> Result<Outcome, Fault> {
        self.client = Some(Client::new(response, self.offered));
        self.begin(Plugin::of(response.plugin), Nonce::Greeted, response.proof.0, out)
    }

    fn is_minted(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.user.starts_with(MINTED_PREFIX))
    }

    fn knows_default_plugin(&self) -> bool {
        self.client.as_ref().is_some_and(Client::knows_default_plugin)
    }

    /// Takes the proof that came with the name, or asks for another.
    fn begin(
        &mut self,
        plugin: Option<Plugin>,
        nonce: Nonce,
        proof: &[u8],
        out: &mut BytesMut,
    ) -> Result<Outcome, Fault> {
        if self.is_minted() {
            Ok(self.begin_minted(plugin, nonce, proof, out))
        } else if self.channel.is_private() {
            self.begin_token(plugin, nonce, proof, out)
        } else {
            Ok(self.fail(&ErrPacket::new(3159, *b"HY000", "A token is accepted over TLS only"), out))
        }
    }

    fn begin_minted(&mut self, plugin: Option<Plugin>, nonce: Nonce, proof: &[u8], out: &mut BytesMut) -> Outcome {
        match (plugin, nonce) {
            (Some(DEFAULT_PLUGIN), Nonce::Greeted) => self.scramble(DEFAULT_PLUGIN, proof, out),
            // Not with the proof that it sent: the greeting's nonce was for another plugin, and clients know that.
            (Some(Plugin::NativePassword), _) => self.switch(Plugin::NativePassword, out),
            _ => self.switch(DEFAULT_PLUGIN, out),
        }
    }

    fn begin_token(
        &mut self,
        plugin: Option<Plugin>,
        nonce: Nonce,
        proof: &[u8],
        out: &mut BytesMut,
    ) -> Result<Outcome, Fault> {
        let carries_passwords = self.channel.carries_passwords();
        Ok(match (plugin, nonce) {
            (Some(Plugin::OpenIdConnect), _) if proof.is_empty() => self.switch(Plugin::OpenIdConnect, out),
            (Some(Plugin::OpenIdConnect), _) => return self.identity_token(proof, out),
            (Some(Plugin::ClearPassword), _) if !proof.is_empty() => self.password(proof, out),
            (Some(DEFAULT_PLUGIN), Nonce::Greeted) if is_no_password(proof) => self.without_password(out),
            (Some(DEFAULT_PLUGIN), Nonce::Greeted) if carries_passwords => self.cached_token(proof, out),
            // Clients give a password in clear by this plugin that they would not give by the clear one.
            (_, Nonce::Stale) if carries_passwords && self.knows_default_plugin() => self.switch(DEFAULT_PLUGIN, out),
            _ => self.switch(Plugin::ClearPassword, out),
        })
    }

    /// MySQL's own client without a password may have an identity token, and sends it when it is asked. Others would only
    /// say that they do not know what is asked for.
    fn without_password(&mut self, out: &mut BytesMut) -> Outcome {
        let may_have_token = self.client.as_ref().is_some_and(Client::is_libmysql);
        if may_have_token && self.channel.carries_passwords() {
            self.switch(Plugin::OpenIdConnect, out)
        } else {
            self.refuse(out)
        }
    }

    fn switch(&mut self, plugin: Plugin, out: &mut BytesMut) -> Outcome {
        let data = [&self.nonce[..], &[0]].concat();
        self.expect = match plugin {
            Plugin::OpenIdConnect => Expect::IdentityToken,
            Plugin::CachingSha2Password if !self.is_minted() => Expect::CachedToken,
            Plugin::CachingSha2Password | Plugin::NativePassword => Expect::Scramble(plugin),
            _ => Expect::Password,
        };
        let request = AuthSwitchRequest { plugin: plugin.name().as_bytes(), data: &data };
        self.send(out, |out| request.encode(out));
        Outcome::Pending
    }

    fn scramble(&mut self, plugin: Plugin, proof: &[u8], out: &mut BytesMut) -> Outcome {
        let scramble = match plugin {
            Plugin::NativePassword => proof.try_into().ok().map(Scramble::Sha1),
            _ => proof.try_into().ok().map(Scramble::Sha256),
        };
        let Some(scramble) = scramble else { return self.refuse(out) };
        self.expect = Expect::Verifiers(scramble);
        Outcome::Verify
    }

    /// The scramble says nothing of a token: only that there is one.
    fn cached_token(&mut self, proof: &[u8], out: &mut BytesMut) -> Outcome {
        if is_no_password(proof) {
            return self.refuse(out);
        }
        self.more(FULL_AUTHENTICATION, out);
        self.expect = Expect::Password;
        Outcome::Pending
    }

    fn password(&mut self, body: &[u8], out: &mut BytesMut) -> Outcome {
        match body.strip_suffix(&[0]).unwrap_or(body) {
            [] => self.refuse(out),
            token => self.token(token),
        }
    }

    fn identity_token(&mut self, body: &[u8], out: &mut BytesMut) -> Result<Outcome, Fault> {
        // MySQL's own client without a token answers so.
        if body.is_empty() {
            return Ok(self.refuse(out));
        }
        let IdentityToken(Credential(token)) = IdentityToken::decode(body)?;
        Ok(if token.is_empty() { self.refuse(out) } else { self.token(token) })
    }

    fn token(&mut self, token: &[u8]) -> Outcome {
        self.expect = Expect::Judgement(Ending::Plain);
        Outcome::Token(Secret::new(token))
    }

    /// Checks the scramble, as [`Outcome::Verify`] asked. `None` is for a name that does not exist: the same is done, and
    /// it is refused.
    ///
    /// # Errors
    /// When no scramble came.
    pub fn verify(&mut self, verifiers: Option<&Verifiers>, out: &mut BytesMut) -> Result<Outcome, Unexpected> {
        let Expect::Verifiers(scramble) = mem::replace(&mut self.expect, Expect::Closed) else {
            return Err(Unexpected("verifiers"));
        };
        let nobody = Verifiers::from_parts([0; 32], [0; 20]);
        let fits = verifiers.unwrap_or(&nobody).fit(&scramble, &self.nonce);
        if !fits || verifiers.is_none() {
            return Ok(self.refuse(out));
        }
        self.expect = Expect::Judgement(match scramble {
            Scramble::Sha256(_) => Ending::FastAuth,
            Scramble::Sha1(_) => Ending::Plain,
        });
        Ok(Outcome::Proven)
    }

    /// Lets the client in, with the OK of the upstream or one of our own. Sequence ids begin anew after it.
    ///
    /// # Errors
    /// When there was no [`Outcome::Token`] or [`Outcome::Proven`] before.
    pub fn accept(&mut self, ok: &OkPacket<'_>, out: &mut BytesMut) -> Result<(), Unexpected> {
        match mem::replace(&mut self.expect, Expect::Closed) {
            Expect::Judgement(Ending::FastAuth) => self.more(FAST_AUTH_SUCCESS, out),
            Expect::Judgement(Ending::Plain) => {}
            _ => return Err(Unexpected("OK")),
        }
        self.send(out, |out| ok.encode(out));
        Ok(())
    }

    /// Turns the client away. The text is one for every reason: a client learns neither which names exist nor what was
    /// wrong with a token.
    pub fn refuse(&mut self, out: &mut BytesMut) -> Outcome {
        self.fail(&ErrPacket::new(1045, *b"28000", "Access denied: authentication failed"), out)
    }

    /// Turns the client away for a reason that has nothing to do with who it is, or after an error of
    /// [`SignIn::handle`].
    pub fn fail(&mut self, error: &ErrPacket<'_>, out: &mut BytesMut) -> Outcome {
        self.expect = Expect::Closed;
        self.send(out, |out| error.encode(out));
        Outcome::Refused
    }

    fn more(&mut self, byte: u8, out: &mut BytesMut) {
        self.send(out, |out| AuthMoreData(Credential(&[byte])).encode(out));
    }

    fn send(&mut self, out: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
        self.sequence = packet::write(out, self.sequence, body);
    }
}

/// A client without a password sends nothing, or the NUL that ends it.
fn is_no_password(proof: &[u8]) -> bool {
    matches!(proof, [] | [0])
}

/// Seven bits of each byte, and none that ends a string or parts a stored hash: as servers do, because clients of old
/// handle nonces as text.
fn nonce(random: [u8; NONCE]) -> [u8; NONCE] {
    random.map(|byte| match byte & 0x7f {
        0 => 1,
        b'$' => b'%',
        letter => letter,
    })
}

#[cfg(test)]
mod tests;
