//! One MySQL connection: sign in at the gateway for the client, then move bytes both ways.
//!
//! ```text
//! gateway: greeting ──▶ client: the same, without TLS ──▶ client: sign-in, its proof of no matter
//!     ──▶ gateway: (TLS,) the same sign-in with the token ──▶ client: OK or ERR ──▶ bytes both ways
//! ```
//! Both sides agree to the very same, TLS aside, so that what follows can be passed on unread. Spec: "Connection Phase".

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use portcullis_mysql::{
    Capabilities, Credential, Plugin,
    handshake::{AuthMoreData, FirstReply, Greeting, HandshakeResponse, Reply},
    packet::{self, BEFORE_SIGN_IN},
    response::ErrPacket,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Bridge, dial::Wire};
use crate::failure::Failure;

/// Who says nothing is not waited for, on either side. How long the gateway takes to sign in is its own affair.
const PATIENCE: Duration = Duration::from_secs(15);

/// Without these the sign-in can name no upstream and carry no token. They shape nothing that comes later.
const OURS: [Capabilities; 2] = [Capabilities::CONNECT_WITH_DB, Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA];

/// Serves one client to its end.
pub(crate) async fn run(bridge: &Bridge, client: TcpStream) -> Result<(), Failure> {
    let mut local = Local { client, sequence: 0 };
    let mut gateway = match sign_in(bridge, &mut local).await {
        Ok(Some(gateway)) => gateway,
        Ok(None) => return Ok(()),
        Err(failure) => {
            // The tool's own window is where the person looks.
            let text = failure.to_string();
            let _ = local.put(|out| ErrPacket::new(LOST, *b"08S01", &text).encode(out)).await;
            return Err(failure);
        }
    };
    // An end on either side is the end of the session, and not news.
    let _ = tokio::io::copy_bidirectional_with_sizes(&mut local.client, &mut gateway, 64 << 10, 64 << 10).await;
    Ok(())
}

/// `CR_SERVER_LOST`.
const LOST: u16 = 2013;

/// The client, and the number of the next packet between us.
struct Local {
    client: TcpStream,
    sequence: u8,
}

impl Local {
    async fn put(&mut self, payload: impl FnOnce(&mut BytesMut)) -> Result<(), Failure> {
        let mut out = BytesMut::new();
        self.sequence = packet::write(&mut out, self.sequence, payload);
        self.client.write_all(&out).await.map_err(lost)
    }

    async fn take(&mut self) -> Result<Bytes, Failure> {
        let (mut buffer, mut sequence) = (BytesMut::new(), self.sequence);
        let taken = payload(&mut self.client, &mut buffer, &mut sequence);
        let taken = in_time(taken, "the client did not say what it wants").await;
        self.sequence = sequence;
        taken
    }
}

/// Signs in; without a connection where the gateway said no, which the client then knows.
async fn sign_in(bridge: &Bridge, local: &mut Local) -> Result<Option<Wire>, Failure> {
    let token = bridge.tokens.token().await?;
    let mut socket = bridge.target.socket().await?;
    let (mut buffer, mut sequence) = (BytesMut::new(), 0);
    let greeted = payload(&mut socket, &mut buffer, &mut sequence);
    let body = in_time(greeted, "the gateway does not greet").await?;
    if body.first() == Some(&0xff) {
        local.put(|out| out.extend_from_slice(&body)).await?;
        return Ok(None);
    }
    let greeting = Greeting::decode(&body).map_err(wrong)?;
    let shown = Greeting { capabilities: greeting.capabilities.without(Capabilities::SSL), ..greeting };
    local.put(|out| shown.encode(out)).await?;
    let asked = local.take().await?;
    let FirstReply::HandshakeResponse(wanted) = FirstReply::decode(&asked).map_err(wrong)? else {
        return Err(Failure::refused("the client wants TLS, which was not offered"));
    };
    let proof = [token.expose().as_bytes(), &[0]].concat();
    let mut response = rewritten(&wanted, &bridge.upstream, &proof);
    let mut gateway = match greeting.capabilities.has(Capabilities::SSL) {
        // EVASION: an answer in clear behind the greeting, to be read as if TLS had protected it
        // (`what_a_gateway_says_in_clear_before_tls_is_refused`).
        true if !buffer.is_empty() => return Err(Failure::refused("the gateway went on in clear before TLS")),
        true => {
            let encrypted = encrypted(bridge, socket, &mut response, &mut sequence);
            in_time(encrypted, "the gateway does not answer to TLS").await?
        }
        false => bridge.target.in_clear(socket)?,
    };
    let mut out = BytesMut::new();
    sequence = packet::write(&mut out, sequence, |out| response.encode(out));
    gateway.write_all(&out).await.map_err(lost)?;
    let answer = payload(&mut gateway, &mut buffer, &mut sequence).await?;
    match Reply::decode(&answer, wanted.head.capabilities).map_err(wrong)? {
        Reply::Ok(_) if scrambled(&wanted) => {
            local.put(|out| AuthMoreData(Credential(&[FAST_AUTH_SUCCESS])).encode(out)).await?;
        }
        Reply::Ok(_) | Reply::Err(_) => {}
        _ => return Err(Failure::refused("the gateway asks for another kind of sign-in than a token")),
    }
    local.put(|out| out.extend_from_slice(&answer)).await?;
    Ok((answer.first() == Some(&0)).then_some(gateway))
}

/// Asks for TLS and begins it.
async fn encrypted(
    bridge: &Bridge,
    mut socket: TcpStream,
    response: &mut HandshakeResponse<'_>,
    sequence: &mut u8,
) -> Result<Wire, Failure> {
    response.head.capabilities = response.head.capabilities | Capabilities::SSL;
    let mut out = BytesMut::new();
    *sequence = packet::write(&mut out, *sequence, |out| response.head.encode(out));
    socket.write_all(&out).await.map_err(lost)?;
    bridge.target.encrypt(socket).await
}

/// The sign-in for the gateway: the same user and capabilities, the upstream as the database, the token as the proof.
fn rewritten<'r>(wanted: &HandshakeResponse<'r>, upstream: &'r str, proof: &'r [u8]) -> HandshakeResponse<'r> {
    let mut response = *wanted;
    response.head.capabilities = OURS.into_iter().fold(wanted.head.capabilities, |all, each| all | each);
    response.user = if wanted.user.is_empty() { b"portcullis" } else { wanted.user };
    response.database = Some(upstream.as_bytes());
    response.plugin = Plugin::ClearPassword.name().as_bytes();
    response.proof = Credential(proof);
    response
}

/// `caching_sha2_password`: the scramble was right.
const FAST_AUTH_SUCCESS: u8 = 3;

/// Whether the client gave a password all the same, and waits to hear that its scramble was right.
fn scrambled(wanted: &HandshakeResponse<'_>) -> bool {
    wanted.plugin == Plugin::CachingSha2Password.name().as_bytes() && wanted.proof.0.len() == 32
}

/// What comes in time.
async fn in_time<T>(waited: impl Future<Output = Result<T, Failure>>, late: &str) -> Result<T, Failure> {
    timeout(PATIENCE, waited).await.unwrap_or_else(|_| Err(Failure::refused(late)))
}

/// The next payload.
async fn payload(
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    sequence: &mut u8,
) -> Result<Bytes, Failure> {
    loop {
        if let Some(frame) = packet::split(buffer, *sequence, BEFORE_SIGN_IN).map_err(wrong)? {
            *sequence = frame.next_sequence();
            return Ok(Bytes::copy_from_slice(frame.body()));
        }
        if from.read_buf(buffer).await.map_err(lost)? == 0 {
            return Err(Failure::refused("the connection was closed before sign-in"));
        }
    }
}

fn wrong(fault: impl std::fmt::Display) -> Failure {
    Failure::refused(format_args!("not a MySQL sign-in: {fault}"))
}

fn lost(error: std::io::Error) -> Failure {
    Failure::refused(format_args!("the connection is lost: {error}"))
}
