//! Who is it: the messages of a Postgres sign-in, joined with what proves an identity.

use bytes::BytesMut;
use portcullis_postgres::frame::{FrameLimits, split_frontend};
use portcullis_postgres::sign_in::{Discovery, EndPoint, Method, Outcome, SignIn, Verifier};

use portcullis_wire::{Fault, Malformed, Unsupported};

use crate::accept::{Door, Peer, Turned};
use crate::config::Protocol;
use crate::metrics::Opening;
use crate::open::{self, Proven};
use crate::process::Process;
use crate::prove::{by_credential, by_token};

use super::request::Request;

/// The verified identity, and the machine that lets the client in.
pub(crate) async fn identity(
    process: &Process,
    door: &Door,
    peer: &mut Peer,
    request: &Request,
) -> Result<(Proven, SignIn), Turned> {
    let (method, credential) = method(process, door, peer, request)?;
    let mut out = BytesMut::new();
    let mut sign_in = SignIn::start(method, &mut out);
    loop {
        peer.send(out.split().freeze()).await?;
        let frame = frame(peer).await?;
        let outcome = sign_in.handle(&frame, &mut out)?;
        drop(frame);
        let found = match outcome {
            Outcome::Pending => continue,
            Outcome::Refused => {
                process.metrics.opening(Protocol::Postgres, "", Opening::NotProven);
                return refused(peer, &mut sign_in, out, false).await;
            }
            Outcome::Token(token) => by_token(process, token.expose()).await,
            Outcome::Proven => by_credential(process, credential.as_deref(), &request.database),
        };
        // What an exchange still has to say (SCRAM's server signature) goes before AuthenticationOk.
        peer.send(out.split().freeze()).await?;
        return match found {
            Some(identity) => Ok((Proven { identity, credential }, sign_in)),
            None => {
                tracing::info!(source = %peer.source, user = request.user, "a sign-in was refused");
                process.metrics.opening(Protocol::Postgres, "", Opening::NotProven);
                refused(peer, &mut sign_in, out, true).await
            }
        };
    }
}

/// How the client is asked to prove itself.
fn method(process: &Process, door: &Door, peer: &Peer, request: &Request) -> Result<(Method, Option<String>), Turned> {
    let minted = request.user.as_bytes().starts_with(portcullis_postgres::sign_in::MINTED_PREFIX);
    match (minted, request.sign_in.as_deref()) {
        (true, None) => {
            let end_point = door.certificate.as_deref().filter(|_| peer.is_tls());
            let end_point = end_point.and_then(|certificate| EndPoint::of_certificate(certificate).ok());
            let verifier = verifier(process, &request.user)?;
            Ok((Method::Scram { verifier, end_point }, Some(request.user.clone())))
        }
        (true, Some(_)) => Err(Fault::from(Malformed::Invalid("portcullis.sign_in")).into()),
        // A token in clear on a network is a token given away.
        (false, _) if !peer.is_private() => {
            Err(open::away(Opening::NotProven, b"28000", "TLS is required to sign in with a token", None))
        }
        (false, None) => Ok((Method::Cleartext, None)),
        (false, Some(b"oauth")) => Ok((Method::OAuthBearer(discovery(process)?), None)),
        (false, Some(_)) => Err(Fault::from(Malformed::Invalid("portcullis.sign_in")).into()),
    }
}

/// The verifier of a minted name; of one that does not exist, one that nothing satisfies.
fn verifier(process: &Process, user: &str) -> Result<Verifier, Turned> {
    let text = match process.store.credential(user) {
        Some(credential) => credential.scram.to_string(),
        None => process.store.decoy(user).to_string(),
    };
    Ok(Verifier::parse(&text).map_err(Fault::from)?)
}

fn discovery(process: &Process) -> Result<Discovery, Turned> {
    let current = process.current.load();
    let provider = current.config.identities.first().ok_or(Fault::from(Unsupported("OAUTHBEARER")))?;
    let issuer = provider.issuer.as_str().trim_end_matches('/');
    Ok(Discovery {
        openid_configuration: format!("{issuer}/.well-known/openid-configuration"),
        scope: "openid".to_owned(),
    })
}

/// Turns the client away in the form of its own exchange.
async fn refused<T>(peer: &mut Peer, sign_in: &mut SignIn, mut out: BytesMut, ours: bool) -> Result<T, Turned> {
    let mut outcome = if ours { sign_in.refuse(&mut out) } else { Outcome::Refused };
    loop {
        peer.send(out.split().freeze()).await?;
        if outcome != Outcome::Pending {
            return Err(Turned::Done);
        }
        let frame = frame(peer).await?;
        outcome = sign_in.handle(&frame, &mut out)?;
    }
}

/// The next frame of the sign-in.
async fn frame(peer: &mut Peer) -> Result<portcullis_postgres::Frame<portcullis_postgres::FrontendTag>, Turned> {
    let limits = FrameLimits::before_sign_in();
    loop {
        if let Some(frame) = split_frontend(&mut peer.buffer, &limits)? {
            return Ok(frame);
        }
        peer.more().await?;
    }
}
