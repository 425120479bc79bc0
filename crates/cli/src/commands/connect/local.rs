//! The local side of a connection until the client has said what it wants.
//!
//! Encryption is declined (the connection does not leave this machine), then a startup message or a cancel is read. Both
//! are read with the gateway's own codec and its bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use portcullis_postgres::startup::{self, FirstPacket, Startup};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::failure::Failure;

/// What the client wants.
pub(crate) enum Wish {
    /// A session, with the startup message that asks for it.
    Session(Bytes),
    /// Another session's statement cancelled.
    Cancel(Bytes),
}

/// A client that says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Reads until the client has said what it wants; nothing if it leaves instead.
pub(crate) async fn wish(socket: &mut TcpStream) -> Result<Option<Wish>, Failure> {
    match timeout(PATIENCE, read(socket)).await {
        Ok(wish) => wish,
        Err(_) => Err(Failure::refused("the client did not say what it wants")),
    }
}

async fn read(socket: &mut TcpStream) -> Result<Option<Wish>, Failure> {
    let mut buffer = BytesMut::new();
    loop {
        let Some(packet) = packet(socket, &mut buffer).await? else { return Ok(None) };
        match FirstPacket::decode(&packet).map_err(|fault| Failure::refused(format_args!("the client: {fault}")))? {
            FirstPacket::SslRequest | FirstPacket::GssEncRequest => {
                socket.write_all(b"N").await.map_err(lost)?;
            }
            FirstPacket::Startup(_) => return Ok(Some(Wish::Session(packet))),
            FirstPacket::Cancel(_) => return Ok(Some(Wish::Cancel(packet))),
        }
    }
}

async fn packet(socket: &mut TcpStream, buffer: &mut BytesMut) -> Result<Option<Bytes>, Failure> {
    loop {
        let cut = startup::split(buffer).map_err(|fault| Failure::refused(format_args!("the client: {fault}")))?;
        if cut.is_some() {
            return Ok(cut);
        }
        if socket.read_buf(buffer).await.map_err(lost)? == 0 {
            return Ok(None);
        }
    }
}

/// The startup message for the gateway: the same user and settings, the upstream as the database, and none of what asks
/// for another way to sign in.
pub(crate) fn rewritten(packet: &[u8], upstream: &str) -> Result<BytesMut, Failure> {
    let Ok(FirstPacket::Startup(wanted)) = FirstPacket::decode(packet) else {
        return Err(Failure::refused("the client: not a startup message"));
    };
    let ours: [&[u8]; 3] = [b"user", b"database", b"portcullis.sign_in"];
    let kept = wanted.parameters().filter(|(name, _)| !ours.contains(name));
    let user = wanted.user().unwrap_or(b"portcullis");
    let parameters = [(&b"user"[..], user), (&b"database"[..], upstream.as_bytes())].into_iter().chain(kept);
    let mut out = BytesMut::new();
    Startup::put(&mut out, wanted.protocol_minor, parameters);
    Ok(out)
}

fn lost(error: std::io::Error) -> Failure {
    Failure::refused(format_args!("the client is gone: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_becomes_the_upstream_and_the_rest_stays() {
        let mut packet = BytesMut::new();
        let pairs = [("user", "ana"), ("database", "x"), ("application_name", "psql"), ("portcullis.sign_in", "oauth")];
        Startup::put(&mut packet, 2, pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let out = rewritten(&packet, "shop").unwrap();
        let Ok(FirstPacket::Startup(sent)) = FirstPacket::decode(&out) else { panic!("not a startup message") };
        assert_eq!((sent.protocol_minor, sent.user(), sent.database()), (2, Some(&b"ana"[..]), Some(&b"shop"[..])));
        assert_eq!(sent.parameters().skip(2).collect::<Vec<_>>(), [(&b"application_name"[..], &b"psql"[..])]);
    }

    #[test]
    fn a_client_without_a_name_gets_one() {
        let mut packet = BytesMut::new();
        Startup::put(&mut packet, 0, [(&b"user"[..], &b""[..])]);
        let out = rewritten(&packet, "shop").unwrap();
        let Ok(FirstPacket::Startup(sent)) = FirstPacket::decode(&out) else { panic!("not a startup message") };
        assert_eq!(sent.user(), Some(&b"portcullis"[..]));
    }
}
