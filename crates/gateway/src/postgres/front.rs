//! A Postgres client's way in: encryption, the startup packet, and how it is turned away.
//!
//! ```text
//!  first byte ─▶ TLS? ─▶ first packet ─▶ Cancel: passed on, nothing answered
//!                  ▲          │ └─ SSLRequest, GSSENCRequest: answered, again
//!                  └──────────┘
//!                             ▼ Startup
//!            sign-in ─▶ identity ─▶ place ─▶ connect, startup settings ─▶ dial ─▶ record ─▶ relay
//! ```
//!
//! Until the sign-in ends nothing but a startup packet and an answer to our own question is read. Bytes in clear behind a
//! request for TLS end the connection (CVE-2021-23214). Spec: Postgres "Start-up".

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use portcullis_net::Stream;
use portcullis_postgres::backend::Severity;
use portcullis_postgres::session::put_refusal;
use portcullis_postgres::startup::{self, FirstPacket};
use portcullis_wire::Fault;

use super::open;
use super::request::Request;
use crate::accept::{Door, Peer, Turned, turned_away};
use crate::config::Protocol;
use crate::open::{Running, run};
use crate::process::Process;

/// What direct TLS names the protocol. Spec: Postgres "SSL Session Encryption".
pub(crate) const ALPN: &[u8] = b"postgresql";

/// Opens a session, or tells the client why not.
pub(crate) async fn open(process: &Arc<Process>, door: &Door, mut peer: Peer) -> Option<Running> {
    let turned = match first_packet(process, door, &mut peer).await {
        Ok(packet) => match Request::of(&packet) {
            Ok(request) => match open::open(process, door, &mut peer, &request).await {
                Ok(opened) => return Some(run(process.clone(), opened, peer)),
                Err(turned) => turned,
            },
            Err(fault) => Turned::Fault(fault),
        },
        Err(turned) => turned,
    };
    if let Some(refusal) = turned_away(process, Protocol::Postgres, peer.source, turned) {
        let mut out = BytesMut::new();
        put_refusal(&refusal, Severity::Fatal, &mut out);
        peer.farewell(out).await;
    }
    None
}

/// Answers requests for encryption until a startup packet comes.
async fn first_packet(process: &Process, door: &Door, peer: &mut Peer) -> Result<Bytes, Turned> {
    // Direct TLS (PostgreSQL 17) begins with a handshake; its first byte is looked at without being taken.
    let mut first = [0];
    if peer.stream()?.socket().peek(&mut first).await? > 0 && startup::is_tls(first[0]) {
        encrypt(door, peer, true).await?;
    }
    let mut asked_gss = false;
    loop {
        let packet = loop {
            if let Some(packet) = startup::split(&mut peer.buffer)? {
                break packet;
            }
            peer.more().await?;
        };
        match FirstPacket::decode(&packet)? {
            FirstPacket::Startup(_) => return Ok(packet),
            FirstPacket::Cancel(cancel) => {
                if process.registry.cancel(cancel.process, cancel.secret) {
                    process.metrics.cancelled();
                }
                return Err(Turned::Done);
            }
            FirstPacket::GssEncRequest if !asked_gss => {
                asked_gss = true;
                no_clear_bytes(peer)?;
                peer.send(Bytes::from_static(b"N")).await?;
            }
            FirstPacket::SslRequest if !peer.is_tls() => {
                no_clear_bytes(peer)?;
                if door.tls.is_none() {
                    peer.send(Bytes::from_static(b"N")).await?;
                    continue;
                }
                peer.send(Bytes::from_static(b"S")).await?;
                encrypt(door, peer, false).await?;
            }
            FirstPacket::SslRequest | FirstPacket::GssEncRequest => {
                return Err(Fault::from(portcullis_wire::Unexpected("a second request for encryption")).into());
            }
        }
    }
}

/// EVASION: what stands in clear behind a request for encryption would be read as if it came encrypted
/// (test `bytes_in_clear_behind_a_request_for_tls_end_the_connection`).
fn no_clear_bytes(peer: &Peer) -> Result<(), Turned> {
    if peer.buffer.is_empty() {
        Ok(())
    } else {
        Err(Fault::from(portcullis_wire::Unexpected("bytes in clear before TLS")).into())
    }
}

/// Does the handshake. `direct`: the client did not ask first.
async fn encrypt(door: &Door, peer: &mut Peer, direct: bool) -> Result<(), Turned> {
    peer.encrypt(door).await?;
    // A client that skips the request must name the protocol, so that no other protocol's bytes are taken for ours.
    let named = match &peer.stream {
        Some(Stream::Accepted(accepted)) => accepted.get_ref().1.alpn_protocol(),
        _ => None,
    };
    if direct && named != Some(ALPN) {
        return Err(Fault::from(portcullis_wire::Unsupported("direct TLS without ALPN")).into());
    }
    Ok(())
}
