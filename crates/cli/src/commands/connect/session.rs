//! One connection: sign in at the gateway for the client, then move bytes both ways.
//!
//! ```text
//! client: startup ──▶ gateway: startup ──▶ (other messages go to the client) ──▶ password wanted ──▶ token
//!                                                                          └──▶ anything else: bytes both ways
//! ```

use bytes::{Buf, BytesMut};
use portcullis_postgres::{
    backend::{Authentication, Notice},
    frame,
    frontend::PasswordMessage,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Bridge,
    dial::Wire,
    local::{self, Wish},
};
use crate::failure::Failure;

/// Before sign-in the gateway has no reason to say more than this.
const LONGEST_ANSWER: usize = 64 << 10;

/// Serves one client to its end.
pub(crate) async fn run(bridge: &Bridge, mut client: TcpStream) -> Result<(), Failure> {
    match local::wish(&mut client).await? {
        None => Ok(()),
        Some(Wish::Cancel(packet)) => cancel(bridge, &packet).await,
        Some(Wish::Session(packet)) => session(bridge, client, &packet).await,
    }
}

/// Hands a cancel on; like a server, it answers only by closing.
async fn cancel(bridge: &Bridge, packet: &[u8]) -> Result<(), Failure> {
    let mut gateway = bridge.target.dial().await?;
    gateway.write_all(packet).await.map_err(lost)?;
    let mut nothing = [0; 1];
    // The client may take the end of this connection as a sign that the cancel arrived, so the gateway's is waited for.
    let _ = gateway.read(&mut nothing).await;
    Ok(())
}

async fn session(bridge: &Bridge, mut client: TcpStream, packet: &[u8]) -> Result<(), Failure> {
    let (mut gateway, said) = match sign_in(bridge, &mut client, packet).await {
        Ok(signed_in) => signed_in,
        Err(failure) => {
            // The tool's own window is where the person looks.
            let _ = client.write_all(&refusal(&failure)).await;
            return Err(failure);
        }
    };
    client.write_all(&said).await.map_err(lost)?;
    // An end on either side is the end of the session, and not news.
    let _ = tokio::io::copy_bidirectional_with_sizes(&mut client, &mut gateway, 64 << 10, 64 << 10).await;
    Ok(())
}

/// Signs in; returns the connection and what the gateway has said that the client must still hear.
async fn sign_in(bridge: &Bridge, client: &mut TcpStream, packet: &[u8]) -> Result<(Wire, BytesMut), Failure> {
    let startup = local::rewritten(packet, &bridge.upstream)?;
    let token = bridge.tokens.token().await?;
    let mut gateway = bridge.target.dial().await?;
    gateway.write_all(&startup).await.map_err(lost)?;
    let mut said = BytesMut::new();
    loop {
        match next(&said)? {
            Next::Incomplete => {
                if gateway.read_buf(&mut said).await.map_err(lost)? == 0 {
                    return Err(Failure::refused("the gateway closed the connection before sign-in"));
                }
            }
            // What stands before the question (a protocol version to settle on) is for the client.
            Next::Other(length) => {
                client.write_all(&said[..length]).await.map_err(lost)?;
                said.advance(length);
            }
            Next::Password(length) => {
                said.advance(length);
                let mut answer = BytesMut::new();
                PasswordMessage { password: token.expose().as_bytes() }.encode(&mut answer);
                gateway.write_all(&answer).await.map_err(lost)?;
                return Ok((gateway, said));
            }
            // An error, or no question at all: the client reads it for itself.
            Next::Settled => return Ok((gateway, said)),
        }
    }
}

/// What the first message of an answer means to the sign-in.
enum Next {
    Incomplete,
    Password(usize),
    Other(usize),
    Settled,
}

fn next(said: &[u8]) -> Result<Next, Failure> {
    let wrong = |fault: &dyn std::fmt::Display| Failure::refused(format_args!("the gateway: {fault}"));
    let Some(header) = frame::header(said).map_err(|fault| wrong(&fault))? else { return Ok(Next::Incomplete) };
    if header.len > LONGEST_ANSWER {
        return Err(wrong(&"an answer too long for a sign-in"));
    }
    let Some(body) = said.get(5..header.len) else { return Ok(Next::Incomplete) };
    match header.tag {
        b'R' => match Authentication::decode(body).map_err(|fault| wrong(&fault))? {
            Authentication::CleartextPassword => Ok(Next::Password(header.len)),
            Authentication::Ok => Ok(Next::Settled),
            _ => Err(wrong(&"it asks for another kind of sign-in than a token")),
        },
        b'v' | b'N' => Ok(Next::Other(header.len)),
        _ => Ok(Next::Settled),
    }
}

/// An error that a client shows.
fn refusal(failure: &Failure) -> BytesMut {
    let text = failure.to_string().replace('\0', "");
    let mut out = BytesMut::new();
    Notice::fatal(CONNECTION_FAILURE, &text).encode(&mut out);
    out
}

/// `connection_failure`.
const CONNECTION_FAILURE: &str = "08006";

fn lost(error: std::io::Error) -> Failure {
    Failure::refused(format_args!("the connection to the gateway is lost: {error}"))
}
