//! A connection to a PostgreSQL upstream: TLS asked for as the protocol wants it, then the sign-in with the gateway's own
//! credential.
//!
//! Bytes that an upstream sends in clear behind its answer to the request for TLS end the attempt (CVE-2021-23222).

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use portcullis_net::Stream;
use portcullis_postgres::Secret;
use portcullis_postgres::dial::{Channel, Dial, Login, Ready};
use portcullis_postgres::startup::FirstPacket;

use super::binding::tls_server_end_point;
use crate::dial::{NotReached, Target};

/// A connection that is signed in.
#[derive(Debug)]
pub(crate) struct Dialled {
    /// The stream.
    pub(crate) stream: Stream,
    /// What the upstream sent behind its sign-in.
    pub(crate) rest: BytesMut,
    /// What it said of itself.
    pub(crate) ready: Ready,
}

/// Connects and signs in.
pub(crate) async fn dial(
    target: &Target,
    protocol_minor: u16,
    parameters: Vec<(Vec<u8>, Vec<u8>)>,
) -> Result<Dialled, NotReached> {
    target
        .in_time(async {
            let stream = connect(target).await?;
            sign_in(target, stream, protocol_minor, parameters).await
        })
        .await
}

/// Connects, with TLS as configured, and does not sign in.
async fn connect(target: &Target) -> Result<Stream, NotReached> {
    let plain = target.connect().await?;
    match &target.tls {
        None => Ok(plain),
        Some(tls) => encrypt(target, plain, tls).await,
    }
}

async fn encrypt(target: &Target, mut plain: Stream, tls: &Arc<rustls::ClientConfig>) -> Result<Stream, NotReached> {
    let mut request = BytesMut::new();
    FirstPacket::SslRequest.encode(&mut request);
    plain.send(request.freeze()).await?;
    let mut answer = BytesMut::new();
    plain.fill(&mut answer).await?;
    match answer.as_ref() {
        b"S" => target.encrypt(plain, tls).await,
        b"N" => Err(NotReached::NoTls),
        _ => Err(NotReached::ClearBytes),
    }
}

async fn sign_in(
    target: &Target,
    mut stream: Stream,
    protocol_minor: u16,
    parameters: Vec<(Vec<u8>, Vec<u8>)>,
) -> Result<Dialled, NotReached> {
    let login = Login {
        protocol_minor,
        user: target.user.clone().into_bytes(),
        database: target.database.clone().into_bytes(),
        password: target.password.as_ref().map(|password| Secret::new(password.expose().as_bytes())),
        parameters,
        channel: channel(&stream),
    };
    let mut out = BytesMut::new();
    let mut dial = Dial::start(login, &mut out);
    let mut buffer = BytesMut::new();
    loop {
        if !out.is_empty() {
            stream.send(out.split().freeze()).await?;
        }
        if let Some(ready) = dial.handle(&mut buffer, &mut out)? {
            return Ok(Dialled { stream, rest: buffer, ready });
        }
        if out.is_empty() && stream.fill(&mut buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// Sends a cancel, and waits until the upstream has closed the connection that asked: then it was delivered.
pub(crate) async fn cancel(target: &Target, packet: Bytes) -> Result<(), NotReached> {
    target
        .in_time(async {
            let mut stream = connect(target).await?;
            stream.send(packet).await?;
            let mut nothing = BytesMut::new();
            while stream.fill(&mut nothing).await? > 0 {
                nothing.clear();
            }
            Ok(())
        })
        .await
}

fn channel(stream: &Stream) -> Channel {
    match stream {
        Stream::Dialled(tls) => {
            let certificate = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            Channel::Tls { end_point: certificate.and_then(|certificate| tls_server_end_point(certificate)) }
        }
        other => match other.socket().peer_addr() {
            Ok(peer) if peer.ip().is_loopback() => Channel::Loopback,
            _ => Channel::Clear,
        },
    }
}
