//! A connection to a MySQL or MariaDB upstream: the server's greeting, TLS as configured, the sign-in with the gateway's
//! own credential. And KILL QUERY, which is how a running statement is cancelled.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use portcullis_mysql::dial::{ClearPassword, Dial, Login, Progress, Ready};
use portcullis_mysql::{Capabilities, Channel, Secret};
use portcullis_net::Stream;

use super::client::Conversation;
use crate::dial::{NotReached, Target};
use crate::open::Cancel;

/// What the upstream's session is to be like.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// What may be agreed.
    pub(super) capabilities: Capabilities,
    /// What must be.
    pub(super) required: Capabilities,
    pub(super) collation: u8,
    /// The longest packet that the client takes, in bytes.
    pub(super) max_packet: u32,
    /// Attributes of the client's program.
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A connection that is signed in.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) stream: Stream,
    /// What the upstream sent behind its sign-in.
    pub(super) rest: BytesMut,
    /// What it said of itself.
    pub(super) ready: Ready,
}

/// Connects and signs in.
pub(super) async fn dial(target: &Target, wanted: &Wanted) -> Result<Dialled, NotReached> {
    target.in_time(sign_in(target, wanted)).await
}

async fn sign_in(target: &Target, wanted: &Wanted) -> Result<Dialled, NotReached> {
    let mut stream = target.connect().await?;
    let mut dial = Dial::new(login(target, wanted, channel(target, &stream)));
    let (mut buffer, mut out) = (BytesMut::new(), BytesMut::new());
    loop {
        let progress = dial.handle(&mut buffer, &mut out)?;
        if !out.is_empty() {
            stream.send(out.split().freeze()).await?;
        }
        match (progress, &target.tls) {
            (Progress::Ready(ready), _) => return Ok(Dialled { stream, rest: buffer, ready: *ready }),
            (Progress::StartTls, Some(tls)) => {
                stream = target.encrypt(stream, tls).await?;
                dial.secured(&mut out)?;
                stream.send(out.split().freeze()).await?;
            }
            (Progress::StartTls, None) => return Err(NotReached::ClearBytes),
            (Progress::Pending, _) => {}
        }
        if stream.fill(&mut buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

fn login(target: &Target, wanted: &Wanted, channel: Channel) -> Login {
    Login {
        user: target.user.clone().into_bytes(),
        password: Secret::new(target.password.as_ref().map_or(&[], |password| password.expose().as_bytes())),
        database: Some(target.database.clone().into_bytes()).filter(|database| !database.is_empty()),
        collation: wanted.collation,
        max_packet: wanted.max_packet,
        attributes: wanted.attributes.clone(),
        capabilities: wanted.capabilities,
        required: wanted.required,
        channel,
        clear_password: ClearPassword::OverTls,
    }
}

fn channel(target: &Target, stream: &Stream) -> Channel {
    match (&target.tls, stream.socket().peer_addr()) {
        (Some(_), _) => Channel::Tls,
        (None, Ok(peer)) if peer.ip().is_loopback() => Channel::Loopback,
        _ => Channel::Clear,
    }
}

/// Ends, over a connection of its own, what the session of this number is running.
pub(super) fn cancel(target: &Target, connection: u32, wanted: Wanted) -> Cancel {
    let target = target.clone();
    Arc::new(move || {
        let (target, wanted) = (target.clone(), wanted.clone());
        Box::pin(async move {
            let killed = target.in_time(async {
                let mut conversation = Conversation::begin(sign_in(&target, &wanted).await?);
                conversation.query(&format!("KILL QUERY {connection}")).await.map_err(io::Error::other)?;
                conversation.leave().await;
                Ok(())
            });
            if let Err(error) = killed.await {
                tracing::warn!(%error, "a cancel could not be delivered");
            }
        })
    })
}
